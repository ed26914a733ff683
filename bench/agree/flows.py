# SPDX-License-Identifier: GPL-2.0-or-later
"""Flows reckoned out of tshark's columns by the rules of doc/flow.md, in a few lines of another language: no table, no windows, no evictions.

A flow is what goes between two ends of a protocol at one vantage until it was silent for as long as its state allows, or until a SYN with a
number of its own stands where the connection had ended. Bytes: of IP datagrams, and of payload, where a TCP byte counts once however often it
was sent; bytes that nobody saw don't count here. A sequence number that is far off is taken as it stands.
"""
from agree.layers import ICMP, ICMPV6, SCTP, TCP, UDP, read

FIN, SYN, RST, ACK = 1, 2, 4, 16
DAY_S = 86400
PORTED = (ICMP, TCP, UDP, ICMPV6, SCTP)
# doc/flow.md, "States and timeouts", seconds
TCP_TIMEOUTS = {"none": 60, "syn": 60, "half": 60, "open": 3600, "closing": 3600, "closed": 10}
REPLIES = {ICMP: {0: 8, 14: 13, 16: 15, 9: 10, 18: 17}, ICMPV6: {129: 128, 134: 133, 136: 135, 140: 139, 145: 144, 131: 130}}


class Side:
    """One direction."""

    def __init__(self):
        self.packets = self.wire = self.plain = 0
        self.at = self.isn = self.next = self.acked = None
        self.spans = []
        self.fin = False

    def take(self, seq, length):
        """Payload at a sequence number, unwrapped near the last one."""
        if self.at is None:
            self.at = (1 << 40) + seq
        at = self.at + ((seq - self.at + (1 << 31)) % (1 << 32)) - (1 << 31)
        self.at = at
        if length == 1 and at + 1 == self.next and self.acked is not None and at < self.acked:
            return  # a keep-alive's byte
        if self.isn is not None and (at - self.isn) % (1 << 32) == 0:
            at, length = at + 1, length - 1  # the SYN's own number is no byte
        self.next = at + length if self.next is None else max(self.next, at + length)
        if length > 0:
            self.spans.append((at, at + length))

    def take_ack(self, ack):
        """The other end has got everything before it."""
        if self.at is None:
            self.at = self.next = (1 << 40) + ack
        ack = self.at + ((ack - self.at + (1 << 31)) % (1 << 32)) - (1 << 31)
        self.acked = ack if self.acked is None else max(self.acked, ack)

    def payload(self):
        """Bytes that were seen, each once."""
        total, reached = self.plain, None
        for begin, end in sorted(self.spans):
            begin = begin if reached is None else max(begin, reached)
            total += max(end - begin, 0)
            reached = end if reached is None else max(end, reached)
        return total


class Flow:
    """One flow; sides by the sender's end."""

    def __init__(self, key, now):
        self.key, self.first, self.last = key, now, now
        self.sides, self.unseen, self.state, self.opener = {}, {}, "none", None
        self.frames = []

    def side(self, end):
        if end not in self.sides:
            self.sides[end] = self.unseen.pop(end, None) or Side()
        return self.sides[end]

    def acknowledged(self, end):
        """The side that `end` acknowledges; it may have sent nothing that was seen."""
        other = next((e for e in self.key[2:] if e != end), end)
        return self.unseen.setdefault(other, Side()) if other not in self.sides else self.sides[other]

    def other(self, end):
        return next((side for at, side in self.sides.items() if at != end), None)

    def timeout(self):
        protocol, answered = self.key[1], len(self.sides) > 1
        if protocol == TCP:
            if self.state in ("none", "syn"):
                return 60
            return TCP_TIMEOUTS[self.state]
        if protocol == UDP:
            return 180 if answered else 30
        return 60 if protocol in (ICMP, ICMPV6) else 120


def _begins_anew(flow, side, layer, now):
    if layer.flags is None or layer.flags & (SYN | ACK | RST) != SYN or side.isn == layer.seq:
        return False
    if flow.state in ("closing", "closed"):
        return True
    return flow.state in ("half", "open") and now - flow.last > 60


def _advance(flow, end, side, layer):
    """The connection's state after a segment."""
    flags, length = layer.flags, layer.payload or 0
    if flags & RST:
        flow.state = "closed" if flow.state != "none" or flow.sides else flow.state
        return
    if flags & SYN:
        if side.isn is None or flow.state == "syn":
            side.isn = layer.seq
        if flow.state == "none":
            flow.state = "half" if flags & ACK else "syn"
            flow.opener = None if flags & ACK else end
        elif flow.state == "syn" and end != flow.opener:
            flow.state = "half"
    elif flow.state == "none" and (flags & ACK or length):
        flow.state = "open"
    elif flow.state in ("syn", "half") and flags & ACK and (end == flow.opener or length):
        flow.state = "open"
    if flags & FIN:
        side.fin = True
        if flow.state != "closed":
            other = flow.other(end)
            flow.state = "closed" if other and other.fin else "closing"
    side.take((layer.seq + (1 if flags & SYN else 0)) % (1 << 32), length)
    if flags & ACK:
        flow.acknowledged(end).take_ack(layer.ack)


def _key(vantage, layer):
    """Both ends alike; ICMP pairs a request with its reply, and tells the direction of what has none."""
    src, dst = (layer.src, layer.sport or 0), (layer.dst, layer.dport or 0)
    if layer.protocol in REPLIES and layer.sport is not None:
        pairs = REPLIES[layer.protocol]
        if layer.sport in pairs or layer.sport in pairs.values():
            asker, asked = (layer.dst, layer.src) if layer.sport in pairs else (layer.src, layer.dst)
            return (vantage, layer.protocol, asker, asked, pairs.get(layer.sport, layer.sport)), layer.src
        return (vantage, layer.protocol, layer.src, layer.dst, (layer.sport, layer.dport)), layer.src
    if layer.fragment:
        src, dst = (layer.src, 0), (layer.dst, 0)
    return (vantage, layer.protocol, *sorted((src, dst))), src


def _times(frames):
    """A time for each frame, never falling. One more than a day ahead that the next frame doesn't confirm is none (doc/analysis.md)."""
    told = [float(frame.first("frame.time_epoch", "0") or 0) for frame in frames]
    now = None
    for i, at in enumerate(told):
        if now is None or at > now + DAY_S:
            after = told[i + 1] if i + 1 < len(told) else None
            near = after is not None and after - at >= -DAY_S
            if now is None:
                good = near or after is None
            else:
                good = near and after - at <= DAY_S and after > now + DAY_S
            at = at if good else after if now is None else now
        now = at if now is None else max(now, at)
        yield now


def of_tshark(frames):
    """Key -> the key's flows in order of time; and the frames whose IP layers could not be made out."""
    found, odd = {}, []
    for frame, now in zip(frames, _times(frames)):
        vantage = int(frame.first("frame.interface_id", "0"))
        try:
            layers = read(frame)
        except (ValueError, TypeError):
            layers = None
        if layers is None or any(layer.src is None or layer.dst is None for layer in layers):
            odd.append(frame)
            continue
        for i, layer in enumerate(layers):
            _take(found, vantage, layer, now, i + 1 == len(layers), frame)
    return found, odd


def _take(found, vantage, layer, now, innermost, frame):
    key, end = _key(vantage, layer)
    flows = found.setdefault(key, [])
    flow = flows[-1] if flows else None
    tcp = layer.protocol == TCP and innermost and layer.sport is not None and layer.flags is not None
    if flow is None or now - flow.last > flow.timeout() or (tcp and _begins_anew(flow, flow.side(end), layer, now)):
        flow = Flow(key, now)
        flows.append(flow)
    side = flow.side(end)
    side.packets += 1
    side.wire += layer.wire or 0
    if tcp and layer.seq is not None:
        _advance(flow, end, side, layer)
    elif layer.protocol == UDP and innermost:
        side.plain += layer.payload or 0
    flow.last = now
    flow.frames.append(frame)


def _is_pieces(f):
    """Fragments of ICMP that completed nothing: such a record looks like one of echo replies, but for having no payload at all."""
    return f["initiator_port"] == f["responder_port"] == 0 and f["payload_out"] + f["payload_in"] == 0


def is_apart(key):
    """Whether the key is of packets without ports where there should be some: pieces of datagrams, headers that make no sense."""
    ends = key[2:]
    return key[1] in PORTED and all(isinstance(e, tuple) for e in ends) and all(e[1] == 0 for e in ends)


def of_ours(flows):
    """The same of our records: key -> records in order of time."""
    found = {}
    for f in sorted(flows.values(), key=lambda f: (f["first"], f["id"])):
        a, b = (f["initiator"], f["initiator_port"]), (f["responder"], f["responder_port"])
        if f["protocol"] in REPLIES and not _is_pieces(f):
            pairs, kind = REPLIES[f["protocol"]], f["initiator_port"]
            if kind in pairs or kind in pairs.values():
                key = (f["vantage"], f["protocol"], a[0], b[0], pairs.get(kind, kind))
            else:
                key = (f["vantage"], f["protocol"], a[0], b[0], (kind, f["responder_port"]))
        else:
            key = (f["vantage"], f["protocol"], *sorted((a, b)))
        found.setdefault(key, []).append(f)
    return found


def bytes_of_ours(f):
    """End -> (packets, datagram bytes, payload that was seen)."""
    a, b = (f["initiator"], f["initiator_port"]), (f["responder"], f["responder_port"])
    if f["protocol"] in REPLIES and not _is_pieces(f):
        a, b = a[0], b[0]
    out = (f["packets_out"], f["wire_out"], f["payload_out"] - f["missing_out"])
    back = (f["packets_in"], f["wire_in"], f["payload_in"] - f["missing_in"])
    return {a: out, b: back} if a != b else {a: tuple(map(sum, zip(out, back)))}


def bytes_of_tshark(flow):
    return {end: (side.packets, side.wire, side.payload()) for end, side in flow.sides.items()}
