# SPDX-License-Identifier: GPL-2.0-or-later
"""What a capture doesn't hold, and what says so."""
from cases import case, flow, outcome, side
from talk import CLIENT, SERVER, Talk, ipv4, ipv6_fragment


@case
def a_segment_that_was_acknowledged_but_never_seen(c):
    """100 bytes of 300 are missing: they count, and stand in missing and in coverage."""
    t = Talk(c, dport=9000).open()
    t.send(0, 0, b"a" * 100)
    t.send(0, 200, b"c" * 100)
    t.ack(1, 300)
    return outcome(flow(side(b"a" * 100, 100, b"c" * 100, payload=300, missing=100), side()), coverage={"missing": 100})


@case
def the_last_segment_missing(c):
    t = Talk(c, dport=9000).open()
    t.send(0, 0, b"a" * 100)
    t.ack(1, 300)
    return outcome(flow(side(b"a" * 100, payload=300, missing=200), side()), coverage={"missing": 200})


@case
def one_direction_only(c):
    """An asymmetric view: what the visible end acknowledges was sent to it."""
    t = Talk(c, dport=9000)
    t.raw(0, 1000, 0, 2)
    t.send(0, 0, flags=16)
    t.ack(0, 5000)
    return outcome(flow(side(packets=3), side(payload=5000, missing=5000, packets=0), flags=["one_way"]), coverage={"missing": 5000})


@case
def frames_cut_at_a_snapshot_length(c):
    """96 bytes of each frame: 42 of payload of each datagram of 500; all 500 count."""
    c.snaplen = 84
    for _ in range(3):
        c.udp(c.tick(), CLIENT, 40000, SERVER, 9000, b"u" * 500)
    return outcome(flow(side(b"u" * 126, payload=1500), side(), flags=["cut"], state="none"), coverage={"cut": 3})


@case
def a_stream_cut_at_a_snapshot_length(c):
    t = Talk(c, dport=9000)
    c.snaplen = 84
    t.open()
    for i in range(3):
        t.send(0, 100 * i, b"a" * 100)
    t.ack(1, 300)
    return outcome(flow(side(b"a" * 30, 70, b"a" * 30, 70, b"a" * 30, 70, payload=300), side(), flags=["cut"]), coverage={"cut": 3})


@case
def frames_cut_inside_their_headers(c):
    """20 bytes: an Ethernet header and a scrap of IP. There is a packet that nobody could read."""
    c.snaplen = 20
    c.packet(CLIENT, SERVER, ipv4(CLIENT, SERVER, 17, b"u" * 500))
    return outcome(coverage={"cut": 1, "malformed": 1, "unreadable": 1})


@case
def a_datagram_that_lost_a_fragment(c):
    """What came of it was on the wire, but is no datagram: coverage says how much."""
    c.fragments(CLIENT, SERVER, 17, b"x" * 64, [(0, 16), (32, 64)])
    return outcome(flow(side(packets=2), side(), state="none"), counts={"reassembled": 0}, coverage={"unreadable": 3})


@case
def a_datagram_that_lost_many_fragments(c):
    """The first and the last of 45,000 bytes: two packets, and what is between in full ones of 1,480."""
    c.fragments(CLIENT, SERVER, 17, b"x" * 45000, [(0, 1480), (44400, 45000)])
    return outcome(flow(side(packets=2), side(), state="none"), coverage={"unreadable": 2 + 29})


@case
def an_ipv6_datagram_that_was_dropped_for_an_overlap(c):
    """A receiver that doesn't keep to RFC 5722 has it, and what comes after."""
    a, b = "2001:db8:1::11", "2001:db8:2::53"
    for start, stop, filler in ((0, 24, b"a"), (16, 40, b"b"), (40, 64, b"c")):
        c.packet(a, b, ipv6_fragment(a, b, 17, filler * (stop - start), 9, start, stop < 64))
    return outcome(flow(side(packets=3), side(), state="none", events=["ip.frag_overlap"]), coverage={"unreadable": 3},
                   anomalies=[("ip.frag_overlap_different_data", "dropped", "", b"a" * 8, b"b" * 8)])


@case
def a_gap_where_nobody_is_heard(c):
    """One direction only: what was skipped may have arrived, since nobody could be seen not acknowledging it."""
    t = Talk(c, dport=9000)
    t.raw(0, 1000, 0, 2)
    t.send(0, 0, b"a" * 100)
    t.send(0, 400, b"c" * 100)
    return outcome(flow(side(b"a" * 100, 300, b"c" * 100, payload=500, missing=300), side(packets=0)), coverage={"missing": 300})


@case
def a_gap_that_nobody_acknowledged(c):
    """The receiver was heard, and didn't: the 300 bytes aren't proven."""
    t = Talk(c, dport=9000).open()
    t.send(0, 0, b"a" * 100)
    t.send(0, 400, b"c" * 100)
    t.ack(1, 100)
    return outcome(flow(side(b"a" * 100, 300, b"c" * 100, payload=200), side()), coverage={"missing": 0})
