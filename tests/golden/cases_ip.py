# SPDX-License-Identifier: GPL-2.0-or-later
"""IP: fragments in every disorder and disagreement, checksums, options, tunnels, hop limits. Whose bytes count where fragments
overlap: Novak, "Target-Based Fragmentation Reassembly" (2005), RFC 5722, and Linux since 4.19, which drops such datagrams."""
import struct

from cases import case, flow, outcome, side
from talk import CLIENT, SERVER, ipv4, ipv6_fragment, make

QUERY = struct.pack(">6H", 7, 0x0100, 1, 0, 0, 0) + b"\7mission\7example\3org\0" + struct.pack(">HH", 1, 1)
NAME = "mission.example.org"
DIFFERS = "ip.frag_overlap_different_data"


def datagram(src=CLIENT, dst=SERVER, payload=QUERY, sport=40000):
    head = struct.pack(">HHHH", sport, 53, 8 + len(payload), 0)
    total = make.transport_checksum(src, dst, 17, head + payload) or 0xFFFF
    return head[:6] + struct.pack(">H", total) + payload


WHOLE = datagram()
N = len(WHOLE)  # 8 + 37 = 45
NAME_AT = WHOLE.index(b"mission")  # 21
#  a fragment that only ever is one makes a flow of its own, without ports


def pieces_flow(packets, **more):
    return flow(side(packets=packets), side(), protocol=17, initiator=CLIENT + " 0", **more)


def asked(*stream, **more):
    return flow(side(*(stream or [QUERY]), packets=1), side(packets=0), protocol=17, initiator=CLIENT + " 40000", state="none", **more)


def in_pieces(name, pieces, **more):
    def play(c):
        c.fragments(CLIENT, SERVER, 17, WHOLE, pieces)
        early = len(pieces) - 1
        return outcome(pieces_flow(early, state="none"), asked(), dns=[NAME], counts={"reassembled": 1})
    play.__name__ = "fragments_" + name
    case(play, **more)


in_pieces("in_order", [(0, 16), (16, 32), (32, N)])
in_pieces("backwards", [(32, N), (16, 32), (0, 16)])
in_pieces("of_eight_bytes", [(i, min(i + 8, N)) for i in range(0, N, 8)])
in_pieces("of_eight_bytes_backwards", [(i, min(i + 8, N)) for i in reversed(range(0, N, 8))])
in_pieces("twice_each", [(0, 16), (0, 16), (16, 32), (16, 32), (32, N)])
in_pieces("the_last_first", [(40, N), (0, 40)])


@case
def fragments_that_overlap_but_agree(c):
    """An event, and nothing to decide."""
    c.fragments(CLIENT, SERVER, 17, WHOLE, [(0, 24), (16, 40), (40, N)])
    return outcome(pieces_flow(2, state="none", events=["ip.frag_overlap"]), asked(events=["ip.frag_overlap"]), dns=[NAME],
                   counts={"reassembled": 1})


FALSE = bytes(b ^ 0x20 if 0x40 < b < 0x7B else b for b in WHOLE)  # letters in the other case


def disagree(policy, name, early, late, later_wins):
    """Two pieces that overlap and differ in letters' case, then what is missing."""
    def play(c):
        inside = range(max(early[0], late[0]), min(early[1], late[1]))
        missing = [i for i in range(0, N, 8) if not (early[0] <= i < early[1]) and not (late[0] <= i < late[1])]
        c.fragments(CLIENT, SERVER, 17, WHOLE, [early, late + (FALSE[late[0]:late[1]],)] + [(i, min(i + 8, N)) for i in missing])
        first = next(i for i in inside if WHOLE[i] != FALSE[i])
        versions = [WHOLE[first:inside[-1] + 1], FALSE[first:inside[-1] + 1]]
        if policy == "linux":
            return outcome(pieces_flow(2 + len(missing), state="none", events=["ip.frag_overlap"]),
                           anomalies=[(DIFFERS, "dropped", "", *versions)], counts={"reassembled": 0})
        got = bytearray(WHOLE)
        for i in range(*late):
            if i not in inside or later_wins:
                got[i] = FALSE[i]
        got = bytes(got)
        name_seen = b".".join([got[NAME_AT:NAME_AT + 7], got[NAME_AT + 8:NAME_AT + 15], got[NAME_AT + 16:NAME_AT + 19]]).decode()
        kept, other = versions[::-1] if later_wins else versions
        return outcome(pieces_flow(1 + len(missing), state="none", events=["ip.frag_overlap"]),
                       asked(got[8:], events=["ip.frag_overlap"]), dns=[name_seen],
                       anomalies=[(DIFFERS, policy, "", kept, other)], counts={"reassembled": 1})
    play.__name__ = f"{policy}_a_later_fragment_{name}"
    case(play, overlap={"198.51.100.0/24": policy})


for _policy in ("first", "last", "bsd", "linux", "windows"):
    for _name, _early, _late, _winners in [
            ("begins_before", (24, 40), (16, 32), {"last", "bsd"}),
            ("begins_before_and_ends_after", (24, 32), (16, 40), {"last", "bsd", "windows"}),
            ("is_the_same", (16, 32), (16, 32), {"last"}),
            ("lies_within", (8, 40), (24, 32), {"last"}),
            ("begins_after", (16, 32), (24, 40), {"last"})]:
        disagree(_policy, _name, _early, _late, _policy in _winners)


@case
def ipv6_fragments_that_disagree_drop_the_datagram(c):
    a, b = "2001:db8:1::11", "2001:db8:2::53"
    whole = datagram(a, b)
    false = bytes(x ^ 0x20 if 0x40 < x < 0x7B else x for x in whole)
    for start, stop, body in ((0, 24, whole), (16, 40, false), (40, len(whole), whole), (24, 40, whole)):
        c.packet(a, b, ipv6_fragment(a, b, 17, body[start:stop], 9, start, stop < len(whole)))
    first = next(i for i in range(16, 24) if whole[i] != false[i])
    return outcome(flow(side(packets=4), side(), protocol=17, state="none", events=["ip.frag_overlap"]),
                   anomalies=[(DIFFERS, "dropped", "", whole[first:24], false[first:24])], counts={"reassembled": 0})


@case
def teardrop(c):
    """The second piece lies within the first, and says that it is the last: CVE-1999-0015."""
    c.fragments(CLIENT, SERVER, 17, WHOLE, [(0, 40)])
    c.packet(CLIENT, SERVER, ipv4(CLIENT, SERVER, 17, b"zzzz", ident=7, offset=24))
    return outcome(pieces_flow(2, state="none", events=["ip.frag_overlap"]), anomalies=[(DIFFERS, "first", "", b"sion", b"zzzz")],
                   counts={"reassembled": 0, "ip.frag_overlap": 1})


@case
def ping_of_death(c):
    """A piece that reaches beyond 65,535 bytes: CVE-1996-1199."""
    c.packet(CLIENT, SERVER, ipv4(CLIENT, SERVER, 1, b"z" * 400, ident=7, offset=65528))
    return outcome(flow(side(packets=1), side(), protocol=1, state="none", events=["ip.frag_pkt_too_large"]))


@case
def tiny_fragments_that_hide_tcp_flags(c):
    """RFC 1858, 3: the flags stand in the second fragment."""
    segment = struct.pack(">HHIIBBHHH", 40000, 80, 1000, 0, 0x50, 2, 65535, 0, 0)
    segment = segment[:16] + struct.pack(">H", make.transport_checksum(CLIENT, SERVER, 6, segment)) + segment[18:]
    c.fragments(CLIENT, SERVER, 6, segment, [(0, 8), (8, 20)])
    return outcome(flow(side(packets=1), side(), protocol=6, state="none", events=["ip.frag_tiny"]),
                   flow(side(packets=1), side(), protocol=6, state="syn_sent", events=["ip.frag_tiny"]), counts={"reassembled": 1})


@case
def a_fragment_without_its_rest(c):
    c.fragments(CLIENT, SERVER, 17, WHOLE, [(0, 16), (32, N)])
    return outcome(pieces_flow(2, state="none"), counts={"reassembled": 0})


@case(fragments=4)
def a_flood_of_fragments_pushes_out_the_oldest(c):
    """Four datagrams in the making: the fifth costs the first, whose rest then joins nothing."""
    for ident in range(1, 6):
        c.fragments(CLIENT, SERVER, 17, WHOLE, [(0, 24)], ident=ident)
    for ident in (1, 5):
        c.packet(CLIENT, SERVER, ipv4(CLIENT, SERVER, 17, WHOLE[24:], ident=ident, offset=24))
    return outcome(pieces_flow(6, state="none"), asked(), n_flows=2, dns=None, counts={"ip.frag_limit": 2, "reassembled": 1})


@case
def a_wrong_header_checksum_is_told_and_counts(c):
    """Cards fill it in after the capture, so it proves nothing; the event stands with the flow."""
    c.packet(CLIENT, SERVER, ipv4(CLIENT, SERVER, 17, WHOLE, bad_sum=True))
    return outcome(asked(events=["ipv4.bad_checksum"]), dns=[NAME], coverage={"malformed": 1})


@case
def options_are_passed_over(c):
    """Record route (7), which some hosts refuse; then one that runs past the header."""
    c.packet(CLIENT, SERVER, ipv4(CLIENT, SERVER, 17, WHOLE, options=b"\7\7\4\0\0\0\0\0"))
    c.packet(CLIENT, SERVER, ipv4(CLIENT, SERVER, 17, datagram(sport=40001), options=b"\7\x27\4\0"))
    return outcome(asked(), flow(side(QUERY, packets=1), side(), state="none", events=["ipv4.opt_malformed"]), dns=[NAME, NAME])


@case
def a_total_length_beyond_the_frame(c):
    """Forty-five claimed bytes more than there are: not data."""
    c.packet(CLIENT, SERVER, ipv4(CLIENT, SERVER, 17, WHOLE, total=20 + N + 45))
    return outcome(asked(events=["ip.length_beyond_wire"]), dns=[NAME])


@case
def tunnels_deeper_than_four(c):
    """Each layer makes a flow, up to the fourth."""
    packet = ipv4("10.1.0.9", "10.1.0.10", 17, WHOLE)
    for i in range(8, 0, -1):
        packet = ipv4(f"10.1.0.{i}", f"10.2.0.{i}", 4, packet)
    c.packet("10.1.0.1", "10.2.0.1", packet)
    events = ["decoder.too_many_layers"]
    return outcome(*[flow(side(), side(), protocol=4, events=events, state="none", initiator=f"10.1.0.{i} 0", flags=f)
                     for i, f in ((1, ["tunnel"]), (2, ["tunnel"]), (3, ["tunnel"]), (4, []))][:0], n_flows=4,
                   counts={"decoder.too_many_layers": 1})


@case
def a_name_that_points_at_itself(c):
    """A compression loop, and one that goes from pointer to pointer: no name, no hang."""
    head = struct.pack(">6H", 7, 0x8180, 1, 1, 0, 0)
    c.udp(c.tick(), SERVER, 53, CLIENT, 40000, head + b"\xc0\x0c" + struct.pack(">HH", 1, 1) + b"\xc0\x0c" + b"\0" * 10)
    chain = b"".join(struct.pack(">H", 0xC000 | 12 + 2 * (i + 1)) for i in range(200)) + b"\xc0\x0c"
    c.udp(c.tick(), SERVER, 53, CLIENT, 40001, head + chain + struct.pack(">HH", 1, 1))
    return outcome(n_flows=2, dns=None)


@case
def the_longest_name(c):
    """255 bytes, RFC 1035, 2.3.4; then one more, which is none."""
    labels = [b"a" * 63, b"b" * 63, b"c" * 63, b"d" * 61]
    for extra in (b"", b"d"):
        name = b"".join(bytes([len(x)]) + x for x in labels[:3] + [labels[3] + extra]) + b"\0"
        c.udp(c.tick(), CLIENT, c.new_port(), SERVER, 53, struct.pack(">6H", 7, 0x0100, 1, 0, 0, 0) + name + struct.pack(">HH", 1, 1))
    return outcome(n_flows=2, dns=[b".".join(labels).decode()])
