# SPDX-License-Identifier: GPL-2.0-or-later
"""What passed on the wire of a network with bridges and a router, read without Bulkhead from a classic pcap of all bridges.

A routed packet is seen twice there, on its way to the router and on its way from it. It *arrived* where the frame's destination is the
MAC of the machine that holds the destination address, it was *sent* where the source is its sender's. So packets that a cut stopped
were sent and didn't arrive. Bounded by the capture: a connection is kept for each that is seen.
"""
import collections
import dataclasses
import socket
import struct

TCP, UDP, ICMP = 6, 17, 1
NAMES = {TCP: "tcp", UDP: "udp", ICMP: "icmp"}
SYN, RST, ACK = 2, 4, 16
IDLE_NS = 5 * 10**9  # the same UDP ports or ICMP identifier after so long are another connection

Packet = collections.namedtuple("Packet", "time source target proto sport dport flags seq sent arrived")


def frames(path):
    """(time in ns, frame) of a classic pcap; a torn last record ends it."""
    with open(path, "rb") as f:
        magic = f.read(24)[:4]
        order = "<" if magic in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
        fraction = 1 if magic in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d") else 1000
        record = struct.Struct(order + "IIII")
        while len(head := f.read(16)) == 16:
            seconds, part, captured, _ = record.unpack(head)
            frame = f.read(captured)
            if len(frame) == captured:
                yield seconds * 10**9 + part * fraction, frame


def packets(path, macs):
    """IPv4 packets between machines of `macs` (address -> MAC, both in their text forms)."""
    known = {socket.inet_aton(a): bytes.fromhex(m.replace(":", "")) for a, m in macs.items()}
    for time, f in frames(path):
        if f[12:14] != b"\x08\x00" or len(f) < 34:
            continue
        source, target, proto, at = f[26:30], f[30:34], f[23], 14 + (f[14] & 15) * 4
        if source not in known or target not in known or proto not in NAMES or struct.unpack_from("!H", f, 20)[0] & 0x1FFF:
            continue
        sport = dport = flags = seq = 0
        if proto == ICMP:
            if len(f) < at + 6 or f[at] not in (0, 8):
                continue  # errors belong to what they speak of
            flags, sport = f[at], struct.unpack_from("!H", f, at + 4)[0]
        elif len(f) >= at + 8:
            sport, dport = struct.unpack_from("!HH", f, at)
            if proto == TCP and len(f) >= at + 14:
                seq, flags = struct.unpack_from("!I", f, at + 4)[0], f[at + 13]
        yield Packet(time, socket.inet_ntoa(source), socket.inet_ntoa(target), proto, sport, dport, flags, seq,
                     f[6:12] == known[source], f[:6] == known[target])


@dataclasses.dataclass
class Connection:
    """From the first packet's sender to its receiver. Times in ns; `asked` and `answered` are what arrived."""
    source: str
    sport: int
    target: str
    dport: int
    proto: str
    first: int
    last: int = 0
    syn: int = 0
    sent: list = dataclasses.field(default_factory=list)      # by either side
    asked: list = dataclasses.field(default_factory=list)     # arrived at the target
    answered: list = dataclasses.field(default_factory=list)  # arrived at the source
    attack: str = ""

    def arrived(self, since, until):
        return sum(since < t <= until for t in self.asked) + sum(since < t <= until for t in self.answered)

    def tried(self, since, until):
        return sum(since < t <= until for t in self.sent)

    def kept(self):
        """Whether it came about: of TCP the target's answer came back, of others the question arrived."""
        return bool(self.answered if self.proto == "tcp" else self.asked)


def connections(path, macs):
    """All connections of a capture, in the order of their beginning."""
    last, found = {}, []
    for p in packets(path, macs):
        forward = (p.proto, p.source, p.sport, p.target, p.dport)
        back = (p.proto, p.target, p.sport if p.proto == ICMP else p.dport, p.source, 0 if p.proto == ICMP else p.sport)
        key = back if back in last and forward not in last else forward
        c = last.get(key)
        opens = p.proto == TCP and p.flags & (SYN | ACK) == SYN
        if c and (opens and p.seq != c.syn if p.proto == TCP else p.time - c.last > IDLE_NS):
            del last[key]
            key, c = forward, None
        if not c:
            c = Connection(p.source, p.sport, p.target, p.dport, NAMES[p.proto], p.time, syn=p.seq if opens else -1)
            last[key] = c
            found.append(c)
        c.last = max(c.last, p.time)
        if p.sent:
            c.sent.append(p.time)
        if p.arrived:
            (c.asked if p.source == c.source else c.answered).append(p.time)
    return found
