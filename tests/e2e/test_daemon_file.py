#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""bulkhead check on the daemon's file, and what is installed beside it: the example, the service, the manual."""
import shutil
import subprocess

import lib

DIST = lib.ROOT / "dist"
DAEMON = "version: 1\nsite: site.yaml\nlinks:\n  - {name: tap0, interfaces: [eth0], place: tap}\n"


class DaemonFile(lib.Test):
    def check(self, code, *arguments):
        result = lib.run("check", *arguments)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result

    def files(self, daemon=DAEMON, links="\nlinks: [{name: tap0, zones: [office]}]\n"):
        self.write("site.yaml", lib.SITE.split("\nlinks:")[0] + links)
        return self.write("bulkhead.yaml", daemon)

    def test_both_files_are_told_apart_by_their_keys(self):
        daemon = self.files()
        self.assertIn("1 links, 0 enforcers", self.check(0, daemon).stdout)
        self.assertIn("site.yaml: fine", self.check(0, daemon).stdout)
        self.assertIn("zones", self.check(0, self.folder / "site.yaml").stdout)

    def test_an_option_says_which_it_is(self):
        daemon = self.files()
        self.check(0, "--daemon", daemon)
        self.assertIn('lacks "zones"', self.check(2, "--site", daemon).stderr)
        self.check(0, "--site", self.folder / "site.yaml")
        self.assertIn('a daemon file has no key "zones"', self.check(2, "--daemon", self.folder / "site.yaml").stderr)
        self.assertIn("usage:", self.check(2, "--site", "--daemon", daemon).stderr)

    def test_each_file_is_held_against_the_other(self):
        daemon = self.files(links="\nlinks: [{name: tap1, zones: [office]}]\n")
        self.assertRegex(self.check(2, daemon).stderr, r'bulkhead\.yaml:4:12: the site file has no link "tap0"; did you mean "tap1"\?')
        daemon = self.files(links="\nlinks: [{name: tap0, zones: [nowhere]}]\n")
        stderr = self.check(2, daemon).stderr
        self.assertRegex(stderr, r'site\.yaml:\d+:\d+: there is no zone "nowhere"')
        self.assertRegex(stderr, r"bulkhead\.yaml:2:7: this site file can't be used")

    def test_it_prints_back_what_it_prints_back(self):
        first = self.check(0, "--print", self.files())
        again = self.check(0, "--print", self.write("again.yaml", first.stdout))
        self.assertEqual(again.stdout, first.stdout)

    def test_the_example_is_fine(self):
        self.check(0, DIST / "bulkhead.yaml")
        self.check(0, DIST / "site.yaml")

    def test_the_services_are_ones_that_systemd_takes(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd-analyze is missing")
        # it looks for what is started: something that is there
        for name in ("bulkhead.service", "bulkhead-enforce.service"):
            text = (DIST / f"{name}.in").read_text().replace("@BINDIR@/bulkhead", shutil.which("true"))
            service = self.write(name, text)
            result = subprocess.run(["systemd-analyze", "verify", "--man=no", service], capture_output=True, text=True, timeout=60)
            self.assertEqual((result.returncode, result.stdout + result.stderr), (0, ""))

    def test_the_manual_is_well_formed_and_has_every_key(self):
        if not shutil.which("groff"):
            self.skipTest("groff is missing")
        for page in ("bulkhead.1", "bulkhead.yaml.5"):
            result = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", lib.ROOT / "doc" / page], capture_output=True, text=True, timeout=60)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
        printed = self.check(0, "--print", lib.ROOT / "tests/conf/good/daemon/full.yaml").stdout
        keys = {line.split(":")[0].strip("- ") for line in printed.splitlines() if ":" in line}
        for document in ("doc/bulkhead.yaml.5", "doc/daemon.md"):
            text = (lib.ROOT / document).read_text()
            self.assertEqual([key for key in sorted(keys) if key not in text], [])


if __name__ == "__main__":
    lib.main()
