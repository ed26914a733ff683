#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Attacks on the reader, through the whole program: what tests/golden shows of the sensor reaches archive and EVE; a packed capture that
unpacks to a hundred times its size costs time and no memory; names and tuples cost no more when somebody chose them."""
import gzip
import json
import os
import struct
import subprocess
import sys

import lib

sys.path.insert(0, str(lib.ROOT / "tests" / "golden"))
import cases_ip  # noqa: E402,F401
import cases_tcp  # noqa: E402
from cases import CASES  # noqa: E402
from talk import Case  # noqa: E402

REAL, FAKE, HOST = cases_tcp.REAL, cases_tcp.FAKE, cases_tcp.HOST


class Attacks(lib.Test):
    def golden(self, name, site=None):
        c = Case()
        CASES[name][0](c)
        where = ["--site", self.write("site.yaml", site)] if site else []
        case = self.analyze(self.write("a.pcap", c.bytes()), *where, code=0)
        return case, [json.loads(line) for line in (case / "eve.json").read_text().splitlines()]

    def test_both_versions_reach_eve_and_the_archive(self):
        case, lines = self.golden("sent-again-with-other-bytes")
        odd = [x for x in lines if x["event_type"] == "anomaly"]
        self.assertEqual(len(odd), 1)
        self.assertEqual(odd[0]["anomaly"], {
            "event": "stream.reassembly_overlap_different_data.late", "direction": "to_server", "offset": HOST, "policy": "first",
            "kept": REAL[HOST:].decode().replace("\r\n", "\\x0d\\x0a"), "other": FAKE[HOST:].decode().replace("\r\n", "\\x0d\\x0a")})
        self.assertEqual([x["http"]["hostname"] for x in lines if x["event_type"] == "http"], ["real.example"])
        flow = next(x for x in lines if x["event_type"] == "flow")
        self.assertEqual(odd[0]["flow_id"], flow["flow_id"])
        self.assertEqual(lib.read_json(case / "incident.json")["anomalies"].get("flow.overlap_differs"), 1)
        told = lib.run("archive", "export", "--format", "json", "--kind", "transaction", case / "archive")
        self.assertIn("reassembly_overlap_different_data", told.stdout, told.stderr)

    def test_the_site_file_says_whose_bytes_a_zone_takes(self):
        site = lib.SITE.replace("    class: external\n", "    class: external\n    overlaps: %s\n")
        for how, host in (("first", "real.example"), ("last", "fake.example")):
            self.setUp()
            _, lines = self.golden("last-a-later-segment-is-the-same", site % how)
            self.assertEqual([x["http"]["hostname"][:4] for x in lines if x["event_type"] == "http"], [host[:4]])
            self.assertEqual([x["anomaly"]["policy"] for x in lines if x["event_type"] == "anomaly"], [how])

    def test_a_bomb_costs_no_memory(self):
        """16 bytes of zeros are a record of no bytes: 64 MB of them in 64 kB."""
        head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
        size = 64 << 20
        kilobytes = []
        for name, n in (("squib", 16), ("bomb", size)):
            bomb = self.folder / f"{name}.pcap.gz"
            with gzip.open(bomb, "wb") as out:  # in pieces: what we had at the most counts as the child's
                for piece in (head, *[bytes(min(n, 1 << 16))] * max(1, n >> 16)):
                    out.write(piece)
            command = [lib.BULKHEAD, "analyze", *lib.NO_SANDBOX, bomb, "--out", self.folder / name]
            child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            _, status, usage = os.wait4(child.pid, 0)
            child.stderr.close()
            child.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(child.returncode, 0)
            sources = lib.read_json(self.folder / name / "incident.json")["sources"]
            self.assertEqual(sources[0]["packets"], n // 16)
            kilobytes.append(usage.ru_maxrss)
        self.assertLess(bomb.stat().st_size, size // 500)
        if not lib.NO_SANDBOX:  # a sanitizer's own memory says nothing
            self.assertLess(kilobytes[1], kilobytes[0] + (16 << 10))


if __name__ == "__main__":
    lib.main()
