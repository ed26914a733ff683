# SPDX-License-Identifier: GPL-2.0-or-later
"""Why tshark and Bulkhead differ: each rule looks at what both said and states one reason, or nothing. doc/agreement.md says which are ours.

Rules are tried in order; the first that holds is the reason.
"""
import ipaddress
import pathlib
import re

from agree.layers import TCP, UDP

HEADER = pathlib.Path(__file__).resolve().parent.parent.parent / "src" / "decode" / "packet.h"
EVENTS = re.findall(r'X\(\w+, "([a-z0-9_.]+)"\)', HEADER.read_text(encoding="utf-8"))
FLOW_CUT = 1 << 2
PROTOCOLS = {1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6", 132: "SCTP"}
UNREAD_LINKS = {"arcnet": "ARCnet", "user_dlt": "a link type for private use", "wpan": "IEEE 802.15.4", "fddi": "FDDI", "tr": "token ring",
                "ipoib": "IP over InfiniBand", "ipnet": "Solaris IPNET", "juniper": "Juniper's"}
UNREAD_TUNNELS = {"ayiya": "AYIYA", "gtpprime": "GTP'", "nhrp": "NHRP's quotation", "socks": "SOCKS", "6lowpan": "6LoWPAN"}
CLAIMS = {"ip.length_beyond_wire": "the IP header claims more than was on the wire: tshark shows the claim",
          "udp.length_mismatch": "the UDP length contradicts the IP length: tshark shows the claim, Bulkhead the smaller",
          "capture.wire_length_absurd": "the record claims an absurd wire length"}
BROKEN = ("tcp.pkt_too_small", "tcp.hlen_too_small", "udp.pkt_too_small", "udp.length_mismatch", "sctp.pkt_too_small", "ipv4.pkt_too_small",
          "ipv6.exthdr_malformed", "ipv6.pkt_too_small", "icmp.pkt_too_small", "tcp.invalid_optlen")
PIECES = ("ip.frag_overlap", "ip.frag_pkt_too_large", "ip.frag_limit", "ip.frag_timeout", "ip.frag_malformed", "ip.frag_tiny")
JUMBO = "IPv6 length 0: a jumbogram, or left to the network card, where tshark sees no payload"
ASSIGNED_OPCODES = (0, 1, 2, 4, 5, 6)  # IANA, DNS OpCodes


class Hints:
    """What a capture holds that explains differences, gathered once."""

    def __init__(self, frames):
        self.jumbo = has_jumbo(frames)
        self.fragments = any(any(int(o, 0) for o in f["ip.frag_offset"]) or f["ipv6.fraghdr.offset"] for f in frames)
        self.with_options = {a for f in frames if int(f.first("ip.hdr_len") or 0) > 20 for a in f["ip.src"]}
        self.mapped = {}  # such an address -> its IPv4 address, and the other way round
        for address in {a for f in frames for a in (*f["ipv6.src"], *f["ipv6.dst"])}:
            inner = ipaddress.ip_address(address).ipv4_mapped
            if inner:
                self.mapped.update({str(ipaddress.ip_address(address)): str(inner), str(inner): address})
        self.bad_times = any(len(f.first("frame.time_epoch").partition(".")[2]) > 9 for f in frames)


def has_jumbo(frames):
    return any(int(f.first("frame.len")) > 0xffff and "0" in f["ipv6.plen"] for f in frames)


def text(key):
    """A key in a line of the list of differences."""
    parts = [p if isinstance(p, str) else f"{p[0]}:{p[1]}" for p in key if not isinstance(p, int)]
    number = next((p for p in key[1:] if isinstance(p, int)), key[0]) if len(key) > 3 else key[0]
    return f"{PROTOCOLS.get(number, number)} {' '.join(map(str, parts))}"


def events(flow):
    return {name for i, name in enumerate(EVENTS) if flow["events"] >> i & 1}


def _protocols(frames):
    return {name for frame in frames for name in frame.first("frame.protocols").split(":")}


def _addresses(key):
    for part in key:
        part = part[0] if isinstance(part, tuple) else part
        if isinstance(part, str):
            yield part


def _mapped(about, key):
    """IPv4-mapped addresses in IPv6 headers."""
    return any(a in about.hints.mapped for a in _addresses(key))


def _unread(names):
    for table, form in ((UNREAD_LINKS, "the link type isn't read: {}"), (UNREAD_TUNNELS, "the encapsulation isn't read: {}")):
        for name in sorted(names & table.keys()):
            return form.format(table[name])
    return None


def _between(about, key):
    """Our flows between the same addresses, whatever their ports; what a broken header left."""
    return about.between.get(tuple(sorted(_addresses(key))), [])


def _broken(about, key):
    return {e for f in _between(about, key) for e in events(f)} & set(BROKEN)


def _dns(about, key, side, frames):
    ends, (ident, name, _) = key
    if side == "tshark":
        frame = about.theirs.of["dns"][key]
        opcodes = [int(o, 0) for o in frame["dns.flags.opcode"]]
        if "http2" in _protocols([frame]):
            return "HTTP/2 isn't read: DNS over HTTPS in the clear"
        if ":ipv6" in frame.first("frame.protocols")[:8]:
            return "the IP version contradicts the link type"
        if frame["_ws.malformed"] or "<name too long>" in name:
            return "malformed: tshark shows what it read before the error"
        if any(o not in ASSIGNED_OPCODES for o in opcodes):
            return "an opcode that nobody assigned, away from the ports of DNS"
        return None
    for frame in frames:
        for told, opcode in zip(frame["dns.id"], frame["dns.flags.opcode"]):
            if int(told, 0) == ident and int(opcode, 0) == 5:
                return "a dynamic update: tshark shows the zone apart from questions"
        for told, questions in zip(frame["dns.id"], frame["dns.count.queries"]):
            if int(told, 0) == ident and int(questions) == 0:
                return "a response without a question, which Bulkhead names by its first record"
    return None


def _host(about, key, side):
    frame = about.theirs.of["host"].get(key)
    if side == "tshark" and "http2" in _protocols([frame]):
        return "HTTP/2 isn't read"
    return None


def _hello(about, kind, key, side, frames):
    names = _protocols(frames)
    if side == "tshark" and "gquic" in names:
        return "Google's QUIC is only named"
    if side == "tshark" and any(ends == key[0] for ends, _ in about.mine.of[kind]):
        return "a second hello of the connection: Bulkhead reads the first"
    if side == "bulkhead" and "quic" in names and any(int(v, 0) == 0 for f in frames for v in f["quic.version"]):
        return "after a version negotiation tshark doesn't decrypt"
    return None


DISSECTED = {"dns": {"dns", "mdns", "llmnr"}, "host": {"http"}, "sni": {"tls", "quic", "gquic"}, "ja3": {"tls", "quic"}, "smb": {"smb", "smb2"}}


def of_fact(about, kind, key, side):
    """Why one side has not this fact."""
    ends = key[0]
    frames = about.frames_of.get(ends, [])
    names = _protocols(frames)
    if side == "tshark":
        why = _unread(_protocols([about.theirs.of[kind][key]]))
        if why:
            return why
    if _mapped(about, ends):
        return "IPv4-mapped addresses in IPv6 headers are shown as IPv4"
    if kind == "dns":
        why = _dns(about, key, side, frames)
    elif kind == "host":
        why = _host(about, key, side)
    else:
        why = _hello(about, kind, key, side, frames)
    if why:
        return why
    if side == "tshark":
        return f"{sorted(_broken(about, ends))[0]}: no host would take it" if _broken(about, ends) else None
    if not frames:
        return _not_seen(about, ends)
    if not names & DISSECTED[kind]:
        return "tshark goes by the port, Bulkhead by what is said"
    if kind == "host" and not any(f["http.request.method"] for f in frames):
        return "a request that never became whole: tshark shows none"
    if kind == "smb" and any(0 < int(n) < 4 for f in frames for n in f["tcp.len"]):
        return "a message whose length comes in two segments: tshark loses the place"
    return None


def _not_seen(about, ends):
    """Flows of ours that tshark doesn't see at all: within tunnels, or behind the length of a jumbogram."""
    for flow in about.ours_of.get(ends, []):
        parent = about.our_flows.get(flow["parent"])
        if about.hints.jumbo:
            return JUMBO
        if parent:
            return f"tshark doesn't follow this tunnel: {parent['app']} at port {parent['responder_port']}"
    return None


def of_flow(about, key, theirs, mine):
    """Why one side has more flows of this key."""
    names = _protocols([f for flow in theirs for f in flow.frames])
    if theirs and not mine:
        if "pim" in names:
            return "what a PIM null register carries is nobody's packet"
        why = _unread(names)
        if why:
            return why
        if "teredo" in names:
            return "Teredo with bytes behind the inner packet: Bulkhead takes it for any payload, which it may be as well"
    if _mapped(about, key):
        return "IPv4-mapped addresses in IPv6 headers are shown as IPv4"
    why = _not_seen_key(about, mine) if mine and not theirs else None
    if why:
        return why
    if theirs and mine and about.hints.bad_times:
        return "microseconds beyond a second in the capture: read otherwise"
    why = of_pieces(about, key)
    if why:
        return why
    broken = _broken(about, key)
    if broken:
        return f"{sorted(broken)[0]}: no host would take it"
    if ":" in next(_addresses(key)) and key[1] not in PROTOCOLS:
        return "IPv6 extension headers that break off, or that one side doesn't know: each shows the last one that it read"
    return _of_route(about, key)


def _not_seen_key(about, mine):
    for flow in mine:
        why = _not_seen(about, (flow["protocol"], *sorted(((flow["initiator"], flow["initiator_port"]),
                                                           (flow["responder"], flow["responder_port"])))))
        if why:
            return why
    if about.odd and any(events(flow) for flow in mine):
        return "a malformed header inside: tshark shows no addresses"
    return None


def of_pieces(about, key):
    """Fragments that either side joins and the other doesn't."""
    told = {e for f in _between(about, key) for e in events(f)} & set(PIECES)
    if told or (about.hints.fragments and any(f["initiator_port"] == 0 for f in _between(about, key))):
        return "fragments that overlap, contradict each other or never end: Bulkhead drops what RFC 5722 or the first piece forbids"
    return None


def _of_route(about, key):
    if about.hints.with_options & set(_addresses(key)):
        return "an IP source route: tshark shows where it ends, Bulkhead the header's destination"
    return None


def of_bytes(about, key, theirs, mine):
    """Why the counts of a flow that both have differ."""
    told = events(mine)
    for event, why in CLAIMS.items():
        if event in told:
            return why
    names = _protocols(theirs.frames)
    why = _unread(names) or of_pieces(about, key) or _of_route(about, key)
    if why:
        return why
    parent = about.our_flows.get(mine["parent"], {"app": ""})
    if has_jumbo(theirs.frames):
        return JUMBO
    if parent["app"] == "teredo" or "teredo" in names:
        return "Teredo away from its port: tshark follows one direction"
    if "vxlan" in {mine["app"]} | names:
        return "VXLAN around ARP: Bulkhead counts the inner frame as payload, tshark the datagram"
    if "ipv6.dstopts" in names or "mipv6" in names:
        return "mobility options in IPv6: tshark shows the home address, or nothing behind them"
    if any(f.first("frame.protocols").count("llc") > 1 for f in theirs.frames):
        return "several packets in a frame (A-MSDU): the columns don't tell them apart"
    if any(f["ip.len"] and "gre" in f.first("frame.protocols") and f.first("frame.len") != f.first("ip.len") for f in theirs.frames):
        return "ERSPAN that cut what it mirrors: Bulkhead counts what the inner header says"
    return None
