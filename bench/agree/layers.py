# SPDX-License-Identifier: GPL-2.0-or-later
"""The IP layers of a frame, outermost first, out of tshark's columns: what a flow is made of, and whom a message went between.

What an ICMP error quotes is no layer: nobody sent it here. `fragment` is a piece that completes nothing.
"""
import ipaddress

TCP, UDP, ICMP, ICMPV6, SCTP = 6, 17, 1, 58, 132
NUMBERS = {"tcp": TCP, "udp": UDP, "sctp": SCTP, "icmp": ICMP, "icmpv6": ICMPV6, "udplite": 136}
QUOTING = ("icmp", "icmpv6")
NEXT = {"ipv6.hopopts": "ipv6.hopopts.nxt", "ipv6.dstopts": "ipv6.dstopts.nxt", "ipv6.routing": "ipv6.routing.nxt",
        "ipv6.fraghdr": "ipv6.fraghdr.nxt", "ah": "ah.next_header"}
SAMPLING = ("sflow", "cflow")  # tells of packets that went elsewhere


class Layer:
    """One IP header and the transport header behind it; ports are None where there is none."""

    def __init__(self, src, dst, protocol, wire, head):
        self.src, self.dst, self.protocol, self.wire, self.head = src, dst, protocol, wire, head
        self.sport = self.dport = self.payload = None
        self.fragment = False
        self.seq = self.ack = self.flags = None
        self.stream = None

    def ends(self):
        """Protocol and both ends, the same whichever way the packet went."""
        return self.protocol, *sorted(((self.src, self.sport or 0), (self.dst, self.dport or 0)))


class _Columns:
    """Takes each column's values one by one."""

    def __init__(self, frame):
        self.frame, self.at = frame, {}

    def next(self, name):
        at = self.at.get(name, 0)
        self.at[name] = at + 1
        values = self.frame[name]
        return values[at] if at < len(values) else None

    def number(self, name):
        value = self.next(name)
        return None if value is None else int(value, 0)

    def truth(self, name):
        return self.next(name) in ("1", "True")


def _ipv4(columns):
    src, dst = columns.next("ip.src"), columns.next("ip.dst")
    length, head = columns.number("ip.len"), columns.number("ip.hdr_len")
    layer = Layer(src, dst, columns.number("ip.proto"), length, head)
    more, offset = columns.truth("ip.flags.mf"), columns.number("ip.frag_offset")
    layer.fragment = bool(more or offset)
    return layer


def _ipv6(columns):
    length = columns.number("ipv6.plen")
    src, dst = (str(ipaddress.ip_address(a)) if a else a for a in (columns.next("ipv6.src"), columns.next("ipv6.dst")))
    return Layer(src, dst, columns.number("ipv6.nxt"), 40 + (length or 0), 40)


def _transport(layer, name, columns):
    layer.protocol = NUMBERS[name]
    if name in QUOTING:
        layer.sport, layer.dport = columns.number(f"{name}.type"), columns.number(f"{name}.code")
        return
    if name == "udplite":
        return
    layer.sport, layer.dport = columns.number(f"{name}.srcport"), columns.number(f"{name}.dstport")
    if name == "tcp":
        layer.stream, layer.payload = columns.number("tcp.stream"), columns.number("tcp.len")
        layer.seq, layer.ack, layer.flags = (columns.number(f"tcp.{n}") for n in ("seq_raw", "ack_raw", "flags"))
    elif name == "udp":
        length = columns.number("udp.length")
        layer.stream, layer.payload = columns.number("udp.stream"), None if length is None else max(length - 8, 0)


def read(frame, until=None):
    """The layers before the first protocol named in `until`; None where that stands in what an ICMP error quotes, or nowhere."""
    columns, found, joined = _Columns(frame), [], {"ip": "ip.reassembled.length", "ipv6": "ipv6.reassembled.length"}
    version = None
    for name in frame.first("frame.protocols").split(":"):
        if until and name in until:
            return found
        if name in ("ip", "ipv6"):
            version = name
            found.append(_ipv4(columns) if name == "ip" else _ipv6(columns))
        elif name in NEXT and found:
            number = columns.number(NEXT[name])
            found[-1].protocol = found[-1].protocol if number is None else number
        if name == "ipv6.fraghdr" and found:
            offset, more = columns.number("ipv6.fraghdr.offset"), columns.truth("ipv6.fraghdr.more")
            found[-1].fragment, found[-1].head = bool(offset or more), found[-1].head + 8
        elif name in NUMBERS and found and found[-1].sport is None:
            if found[-1].fragment:
                length = columns.number(joined[version])
                if length is not None:
                    found[-1].fragment, found[-1].wire = False, found[-1].head + length
            _transport(found[-1], name, columns)
        if name in (*QUOTING, *SAMPLING) and found:
            return None if until else found
    return None if until else found
