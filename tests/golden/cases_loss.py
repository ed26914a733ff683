# SPDX-License-Identifier: GPL-2.0-or-later
"""What a capture doesn't hold, and what says so."""
from cases import case, flow, outcome, side
from talk import CLIENT, SERVER, Talk, ipv4


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
    return outcome(flow(side(packets=2), side(), state="none"), counts={"reassembled": 0})
