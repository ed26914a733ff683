#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Loss, from the capture to the bound: whatever wasn't seen stands in coverage, and the exposure's bound grows by it.

mission (10.0.1.0/24, protected) sends files1's 3,000 bytes to 203.0.113.66 in every capture; beside it something is lost.
"""
import json
import struct
import sys

import lib

sys.path.insert(0, str(lib.ROOT / "tests" / "golden"))
from talk import Case, Talk, ipv4, ipv6_fragment, make  # noqa: E402

INSIDE, OUTSIDE = "10.0.1.20", lib.BEYOND
FULL = 1480  # of a lost packet: Ethernet's 1,500 less the IPv4 header


def pcapng(case, dropped):
    """One section, one interface; its statistics say how many packets were dropped before it."""
    def block(kind, body):
        body += b"\0" * (-len(body) % 4)
        return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))
    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + block(1, struct.pack("<HHI", 1, 0, 0))
    for at, frame in sorted(case.frames, key=lambda f: f[0]):
        stamp = make.EPOCH * 1_000_000 + at
        out += block(6, struct.pack("<IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, len(frame), len(frame)) + frame)
    stamp = make.EPOCH * 1_000_000
    return out + block(5, struct.pack("<III", 0, stamp >> 32, stamp & 0xFFFFFFFF) + struct.pack("<HHQ", 5, 8, dropped) + b"\0" * 4)


def talk(case):
    t = Talk(case, client=INSIDE, server=OUTSIDE, dport=9000).open()
    t.send(0, 0, b"p" * 1000)
    t.send(0, 1000, b"q" * 1000)
    t.send(0, 2000, b"r" * 1000)
    t.ack(1, 3000)
    return t


class Loss(lib.Test):
    def exposure(self, capture):
        """The zone's exposure over everything."""
        case = self.analyze(self.write("a.pcap", capture), "--site", self.site(), code=0)
        answer = json.loads(lib.run("exposure", case, "--json").stdout)
        self.assertEqual(answer["zone"], "mission")
        return answer

    def check(self, capture, direct, lost, dropped=None, **counts):
        """direct: bytes sent by the zone as flows have them; lost: packets that count in full on top."""
        got = self.exposure(capture)
        coverage = got["coverage"]
        link = coverage["links"][0]
        self.assertEqual(coverage["lost_packets"], lost)
        self.assertEqual(coverage["lost_bytes_bound"], lost * FULL)
        self.assertEqual(got["direct_bytes"], direct + lost * FULL)
        self.assertGreaterEqual(got["chained_any_bytes"], lost * FULL)
        self.assertEqual(link["dropped"], dropped)
        self.assertEqual(coverage["losses_unknown"], dropped is None)
        self.assertEqual({key: link[key] for key in counts}, counts)
        if lost:
            self.assertTrue(any(f"{lost} packets were lost or unreadable" in s for s in coverage["not_seen"]), coverage["not_seen"])

    def test_nothing_lost(self):
        c = Case()
        talk(c)
        self.check(c.bytes(), 3000, 0, missing_bytes=0, unreadable=0, cut=0)

    def test_packets_that_the_capture_dropped(self):
        c = Case()
        talk(c)
        self.check(pcapng(c, 0), 3000, 0, dropped=0)
        self.doCleanups()
        self.setUp()
        self.check(pcapng(c, 7), 3000, 7, dropped=7)

    def test_a_segment_that_was_acknowledged_but_never_seen(self):
        c = Case()
        t = talk(c)
        t.send(0, 5000, b"s" * 500)
        t.ack(1, 5500)
        self.check(c.bytes(), 5500, 0, missing_bytes=2000)

    def test_a_gap_where_only_the_sender_was_seen(self):
        c = Case()
        t = Talk(c, client=INSIDE, server=OUTSIDE, dport=9000)
        t.raw(0, 1000, 0, 2)
        t.send(0, 0, b"p" * 1000)
        t.send(0, 4000, b"q" * 1000)
        self.check(c.bytes(), 5000, 0, missing_bytes=3000)

    def test_frames_cut_behind_their_headers_lose_nothing(self):
        c = Case()
        talk(c)
        c.snaplen = 96
        self.check(c.bytes(), 3000, 0, cut=3)

    def test_frames_cut_within_their_headers(self):
        c = Case()
        talk(c)
        whole = c.bytes()
        for _ in range(4):
            frame = make.mac(OUTSIDE) + make.mac(INSIDE) + b"\x08\0" + ipv4(INSIDE, OUTSIDE, 17, b"u" * 1400)
            seconds, us = divmod(round(c.tick() * 1_000_000), 1_000_000)
            whole += struct.pack("<IIII", make.EPOCH + seconds, us, 20, len(frame)) + frame[:20]
        self.check(whole, 3000, 4, unreadable=4, cut=4)

    def test_a_datagram_without_all_its_fragments(self):
        """The last one is missing, and must have had a byte at least."""
        c = Case()
        talk(c)
        c.fragments(INSIDE, OUTSIDE, 17, b"u" * 4000, [(0, 1480), (1480, 2960)])
        self.check(c.bytes(), 3000, 3, unreadable=3)

    def test_a_datagram_dropped_for_an_overlap(self):
        c = Case()
        talk(c)
        a, b = "2001:db8:3::20", "2001:db8:ff::66"
        for start, stop, filler in ((0, 800, b"a"), (400, 1200, b"b"), (1200, 1600, b"c")):
            c.packet(a, b, ipv6_fragment(a, b, 17, filler * (stop - start), 9, start, stop < 1600))
        self.check(c.bytes(), 3000, 3, unreadable=3)


if __name__ == "__main__":
    lib.main()
