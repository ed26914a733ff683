# SPDX-License-Identifier: GPL-2.0-or-later
"""A capture that is played live: nothing of it is lost on the way, and it says what analyze says of it. Needs root to become the processes' user."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

import lib

RECORDING = lib.ROOT / "range" / "recordings" / "breakin.pcapng"
TIMES = 5  # who is first of engine and sensor is chance

SITE = lib.SITE + "links:\n  - name: tap\n    zones: [office, mission, services, internet]\n"
DAEMON = """\
version: 1
site: site.yaml
archive: archive
state: state
run_as: nobody
sync: 1s
links:
  - {{name: {link}, capture: {capture}, speed: max, place: tap}}
control:
  socket: control
  approvers: ["user:root"]
"""


class LiveCapture(lib.Test):
    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("needs root")

    @contextlib.contextmanager
    def daemon(self, capture, site, link, indicators=""):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="bulkhead-play-"))
        folder.chmod(0o755)
        (folder / "site.yaml").write_text(site)
        (folder / "bad.txt").write_text(indicators)
        (folder / "bulkhead.yaml").write_text(DAEMON.format(capture=capture, link=link))
        command = [lib.BULKHEAD, "run", "-c", "bulkhead.yaml", *(["--sandbox", "none"] if lib.NO_SANDBOX else [])]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            yield folder
        finally:
            process.terminate()
            process.wait(60)
            said = (folder / "log").read_text()
            shutil.rmtree(folder, ignore_errors=True)
        self.assertNotIn(" was ended by ", said)

    def ask(self, folder, *arguments):
        """What it answers; None while there is no socket, or a refusal."""
        done = subprocess.run([lib.BULKHEAD, *arguments, "--json", "--socket", str(folder / "control")], capture_output=True, check=False, timeout=20)
        with contextlib.suppress(json.JSONDecodeError):
            return json.loads(done.stdout)
        return None

    def played(self, folder, seconds=60):
        """The status when the capture is over and all that came of it is durable."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            s = self.ask(folder, "status")
            if s and s.get("sensors") and s["sensors"][0].get("capture_ended") and s["archive"]["durable"] == s["archive"]["sent"]:
                return s
            time.sleep(0.2)
        self.fail((folder / "log").read_text())

    def test_who_asks_while_it_starts_is_answered(self):
        """ask() fails after 20 s without an answer."""
        with self.daemon(lib.VISIT, SITE, "tap") as folder:
            while not (folder / "control").exists():
                time.sleep(0.001)
            while not self.ask(folder, "status"):
                time.sleep(0.01)

    def test_every_record_counts_however_soon_it_comes(self):
        offline = self.intrusion()
        expected = {a["addresses"][0]: a["state"] for i in lib.read_json(offline / "incident.json")["incidents"] for a in i["assets"]}
        self.assertTrue(expected)
        site = SITE + "indicators:\n  - file: bad.txt\n"
        for i in range(TIMES):
            with self.subTest(i=i), self.daemon(lib.VISIT, site, "tap", lib.BEYOND + "\n") as folder:
                self.played(folder)
                found = []
                for _ in range(50):
                    found = self.ask(folder, "incidents") or []
                    if isinstance(found, list) and found:
                        break
                    time.sleep(0.2)
                self.assertEqual({a["addresses"][0]: a["state"] for x in found for a in x["assets"]}, expected)

    def test_the_sensor_reads_all_protocols_behind_its_fence_and_covers_every_packet(self):
        if not RECORDING.exists():
            self.skipTest("no recordings here")
        site = (lib.ROOT / "range" / "site.yaml").read_text(encoding="utf-8")
        with self.daemon(RECORDING, site, "br-office") as folder:
            status = self.played(folder)
            self.assertEqual([p["restarts"] for p in status["processes"]], [0] * len(status["processes"]))
            out = subprocess.run([lib.BULKHEAD, "archive", "export", "--format", "json", "--kind", "coverage", str(folder / "archive")], capture_output=True,
                                 check=True, timeout=60).stdout
            rows = [json.loads(line) for line in out.splitlines()]
            self.assertEqual(sum(r["packets"] for r in rows), status["sensors"][0]["packets"])
            self.assertTrue(all(r["from"].startswith("2026-") for r in rows), rows)


if __name__ == "__main__":
    lib.main()
