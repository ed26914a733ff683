#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Bulkhead and tshark agree, or a rule states why not (bench/agree, doc/agreement.md): on the repository's own captures, and, where BULKHEAD_DATA
names a folder of public ones, on a fixed sample of those. bench/agreement.py compares them all."""
import os
import pathlib
import shutil
import sys
import time
import unittest

import lib

sys.path.insert(0, str(lib.ROOT / "bench"))
from agree import compare, tshark  # noqa: E402 pylint: disable=wrong-import-position

TSHARK = shutil.which("tshark")
DATA = os.environ.get("BULKHEAD_DATA", "")
# What the public captures may take: a slow machine leaves out the rest and says how many
ENOUGH_S = 35
SAMPLE = pathlib.Path(__file__).with_name("agreement_sample.txt")


@unittest.skipUnless(TSHARK, "no tshark here")
class Agreement(lib.Test):
    def compare(self, capture):
        result = compare.compare(capture, lib.BULKHEAD, TSHARK, extra=lib.NO_SANDBOX)
        unexplained = [f"{capture.name}: {d.measure}: {d.side} has more: {d.told}" for d in result.differences if d.why is None]
        self.assertEqual(unexplained, [])
        return result

    def test_the_hand_made_capture_without_any_difference(self):
        result = self.compare(lib.VISIT)
        self.assertEqual(result.differences, [])
        self.assertEqual(result.counts["flows", "both"], 17)
        self.assertEqual({kind for kind, _ in result.counts}, {"flows", "datagrams", "payload", "dns", "host"})

    def test_what_is_wrong_is_seen(self):
        """The comparison itself: a capture of which one side sees another one."""
        make = lib.load_make()
        less = make.Capture()
        less.frames = sorted(make.visit().frames, key=lambda f: f[0])[:-20]
        path = self.write("less.pcap", less.bytes())
        frames, wrong = tshark.frames(path)
        self.assertEqual(wrong, "")
        whole = compare.ours.records(lib.VISIT, lib.BULKHEAD, lib.NO_SANDBOX)
        result, about = compare.Result(), compare.About(frames, *whole)
        compare.compare_flows(result, about)
        self.assertTrue(any(d.side == "bulkhead" and d.why is None for d in result.differences))

    def test_the_recordings_of_the_range_without_any_difference(self):
        captures = sorted((lib.ROOT / "range" / "recordings").glob("*.pcapng"))
        if not captures:
            self.skipTest("no recordings of the range here")
        for capture in captures:
            with self.subTest(capture=capture.name):
                self.assertEqual(self.compare(capture).differences, [])

    def test_a_sample_of_public_captures(self):
        if not DATA:
            self.skipTest("BULKHEAD_DATA names no folder of public captures")
        names = [line for line in SAMPLE.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
        there = [pathlib.Path(DATA) / name for name in names if (pathlib.Path(DATA) / name).exists()]
        if not there:
            self.skipTest("none of the sample's captures is in BULKHEAD_DATA")
        begun, done = time.monotonic(), 0
        for capture in there:
            if time.monotonic() - begun > ENOUGH_S:
                break
            with self.subTest(capture=str(capture.relative_to(DATA))):
                self.compare(capture)
            done += 1
        if done < len(there):
            print(f"{len(there) - done} of {len(there)} captures left out after {ENOUGH_S} s", file=sys.stderr)


if __name__ == "__main__":
    lib.main()
