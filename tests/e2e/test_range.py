#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The range's recordings, judged against their truth by bench/evaluate.py: what was taken is found, what was not isn't, the plans
hold and the bound holds. Where recordings are missing, so is the test."""
import subprocess
import sys

import lib

RECORDINGS = lib.ROOT / "range" / "recordings"


class Range(lib.Test):
    def setUp(self):
        super().setUp()
        if not list(RECORDINGS.glob("*.pcapng")):
            self.skipTest(f"no recordings in {RECORDINGS}")
        if lib.NO_SANDBOX:
            self.skipTest("the aims are judged with the program as it is shipped, not with a sanitizer's build")
        try:
            import yaml  # noqa: F401 pylint: disable=import-outside-toplevel,unused-import
        except ImportError:
            self.skipTest("python3-yaml is not installed")

    def test_every_aim_is_met(self):
        result = subprocess.run([sys.executable, lib.ROOT / "bench" / "evaluate.py", "--bulkhead", lib.BULKHEAD, "--check"],
                                capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_two_break_ins_are_found_and_a_quiet_day_is_quiet(self):
        for name, code in (("breakin", 1), ("cloud", 1), ("quiet", 0)):
            capture = RECORDINGS / f"{name}.pcapng"
            if capture.exists():
                self.analyze(capture, "--site", lib.ROOT / "range" / "site.yaml", "--quiet", code=code, name=name)


if __name__ == "__main__":
    lib.main()
