# SPDX-License-Identifier: GPL-2.0-or-later
"""What the end-to-end tests share: the program under test, the hand-made capture, a site file, a folder of their own.

BULKHEAD names the program. A test that lacks what it needs is skipped with the reason; a file of which every test was skipped
ends with 77, which meson shows as SKIP.
"""
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BULKHEAD = os.environ.get("BULKHEAD", str(ROOT / "build" / "bulkhead"))
# a sanitizer's own system calls are none that the sandbox allows
NO_SANDBOX = ["--no-sandbox"] if os.environ.get("BULKHEAD_NO_SANDBOX") else []
CAPTURES = ROOT / "tests" / "captures"
VISIT = CAPTURES / "visit.pcap"
BEYOND = "203.0.113.66"  # whom ws1 of visit.pcap talks to; its bytes, by the script: 10 times 7, then 20480
BEYOND_BYTES = 10 * 7 + 20480

SITE = """\
version: 1
name: test site
zones:
  - name: office
    class: internal
    prefixes: [10.0.0.0/24, "2001:db8:1::/48"]
  - name: mission
    class: protected
    prefixes: [10.0.1.0/24]
  - name: services
    class: management
    prefixes: [10.0.2.0/24, "2001:db8:2::/48"]
  - name: internet
    class: external
    prefixes: [0.0.0.0/0, "::/0"]
assets:
  - name: ws1
    addresses: [10.0.0.11]
  - name: files1
    addresses: [10.0.1.20]
    roles: [file-server]
services:
  - name: names
    to: 10.0.2.53
    port: 53/udp
    criticality: 8
never_cut: [10.0.0.1/32]
enforcement:
  - name: core
    kind: nftables
    between: [office, mission, services, internet]
policy:
  lease: 2h
  max_cuts: 16
  widest_prefix_v4: 16
  widest_prefix_v6: 32
"""


def load_make():
    """tests/captures/make.py as a module."""
    spec = importlib.util.spec_from_file_location("make", CAPTURES / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(*arguments, env=None):
    """Runs the program; its result with text. A death by signal or a sanitizer's word is a failure whatever was expected."""
    result = subprocess.run([BULKHEAD, *map(str, arguments)], capture_output=True, check=False, timeout=500,
                            env={**os.environ, **(env or {})})
    result.stdout, result.stderr = result.stdout.decode("utf-8"), result.stderr.decode("utf-8")
    if result.returncode < 0 or "Sanitizer" in result.stderr or "runtime error" in result.stderr:
        raise AssertionError(f"bulkhead {' '.join(map(str, arguments))}: {result.returncode}\n{result.stderr}")
    return result


class Test(unittest.TestCase):
    """Each test has an empty folder, self.folder."""

    maxDiff = 4000

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bulkhead-e2e-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def site(self):
        return self.write("site.yaml", SITE)

    def indicators(self, *values):
        return self.write("indicators.txt", "".join(v + "\n" for v in values))

    def analyze(self, *arguments, code, name="case"):
        """Analyzes into a new folder and gives it; `code` is the exit code that is wanted."""
        out = self.folder / name
        result = run("analyze", *NO_SANDBOX, *arguments, "--out", out)
        self.assertEqual(result.returncode, code, result.stderr + result.stdout)
        self.said = result
        return out

    def intrusion(self, name="case", site=True):
        """visit.pcap with the place beyond as a known bad one: an incident."""
        where = ["--site", self.site()] if site else []
        return self.analyze(VISIT, *where, "--indicators", self.indicators(BEYOND), code=1, name=name)


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


class Timed(unittest.TextTestResult):
    """Says how long what took a while took."""

    def startTest(self, test):
        super().startTest(test)
        self.begun = time.monotonic()

    def stopTest(self, test):
        took = time.monotonic() - self.begun
        if took >= 1:
            self.stream.writeln(f"    {took:.1f} s")
        super().stopTest(test)


def main():
    """Runs the file's tests: the classes that the command line names, or all but those that it names with a - before them."""
    names = sys.argv[1:]
    without = [name[1:] for name in names if name.startswith("-")]
    if without:
        classes = {k: v for k, v in vars(sys.modules["__main__"]).items() if isinstance(v, type) and issubclass(v, unittest.TestCase)}
        assert set(without) <= set(classes), without
        names = [k for k, v in classes.items() if k not in without and unittest.defaultTestLoader.getTestCaseNames(v)]
    program = unittest.main(argv=[sys.argv[0], "-v", *names], exit=False, testRunner=unittest.TextTestRunner(verbosity=2, resultclass=Timed))
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if result.testsRun and len(result.skipped) == result.testsRun else 0)
