# SPDX-License-Identifier: GPL-2.0-or-later
"""Records of flows that go on: what is detected live is in the end what is detected from ended flows, on every capture that there
is (the range's recordings, the hand-made one, and those below BULKHEAD_DATA); and an archive that holds snapshots answers as one
without them."""
import json
import os
import pathlib
import random
import shutil
import subprocess
import unittest

import lib

SOONER = pathlib.Path(os.environ.get("BENCH", lib.ROOT / "build" / "bench")) / "bench_sooner"
RANGE = lib.ROOT / "range"
LARGEST = 60 << 20
INDICATORS = ["203.0.113.66", "192.0.2.219", "media-upload.example", "10.20.0.27"]

SAMPLE = 40


def captures():
    """Each with its site file."""
    for recording in sorted((RANGE / "recordings").glob("*.pcapng")):
        yield recording, RANGE / "site.yaml"
    yield lib.VISIT, None
    data = os.environ.get("BULKHEAD_DATA")
    found = [path for path in (sorted(pathlib.Path(data).rglob("*")) if data else [])
             if path.suffix in (".pcap", ".pcapng", ".cap") and path.stat().st_size < LARGEST]
    # a sample: all of them take a quarter of an hour, by bench_sooner
    for path in found[::len(found) // SAMPLE + 1]:
        yield path, None


class Detections(lib.Test):
    def setUp(self):
        super().setUp()
        if not SOONER.exists():
            self.skipTest(f"{SOONER} isn't built")

    def differences(self, *options):
        found = []
        for capture, site in captures():
            run = subprocess.run([SOONER, *options, *(["--site", site] if site else []), capture], capture_output=True, text=True,
                                 timeout=300, errors="replace")
            self.assertIn(run.returncode, (0, 1, 2), f"{capture}: {run.stderr}")
            if run.returncode == 1:
                found.append(f"{capture}:\n{run.stdout}")
        return found

    def test_live_says_in_the_end_what_ended_flows_say(self):
        self.assertEqual([], self.differences())

    def test_and_so_does_a_look_at_everything_each_30_seconds(self):
        self.assertEqual([], self.differences("--whole"))

    def test_indicators_too(self):
        feed = self.folder / "feed.txt"
        feed.write_text("\n".join(INDICATORS) + "\n")
        self.assertEqual([], self.differences("--indicators", feed))


AMOUNTS = ("packets_out", "packets_in", "wire_out", "wire_in", "payload_out", "payload_in")


def part(flow, share):
    """The record of a flow as it was when that share of its bytes had passed, at its first packet's time."""
    snapshot = dict(flow, end="none", last=flow["first"], missing_out=0, missing_in=0)
    return snapshot | {name: max(min(1, flow[name]), int(flow[name] * share)) for name in AMOUNTS}


def with_snapshots(lines, draw):
    """The exported records with what a sensor tells of flows while they go on; of some the last record doesn't come."""
    early, late = [], []
    for line in lines:
        record = json.loads(line)
        if record["record"] == "flow" and record["duplicate_of"] == 0 and draw.random() < 0.5:
            early += [json.dumps(part(record, share)) for share in sorted(draw.random() for _ in range(draw.randint(1, 4)))]
            if draw.random() < 0.2:
                line = json.dumps(dict(record, end="none"))
        late.append(line)
    return early + late


def without_import(answer):
    """The answer without the coverage that each import leaves, which counts records."""
    if isinstance(answer, list):
        return [without_import(a) for a in answer if not (isinstance(a, dict) and str(a.get("origin", "")).endswith(".json"))]
    return {k: without_import(v) for k, v in answer.items()} if isinstance(answer, dict) else answer


class Archives(lib.Test):
    """The recording of a break-in, as ended flows and with snapshots."""

    def setUp(self):
        super().setUp()
        recording = RANGE / "recordings" / "breakin.pcapng"
        if not recording.exists():
            self.skipTest(f"{recording} isn't there")
        case = self.analyze(recording, "--site", RANGE / "site.yaml", code=1)
        lines = lib.run("archive", "export", "--format", "json", case / "archive").stdout.splitlines()
        self.whole = self.case("whole", lines)
        self.snapped = self.case("snapped", with_snapshots(lines, random.Random(7)))

    def case(self, name, lines):
        folder = self.folder / name
        folder.mkdir()
        shutil.copy(self.folder / "case" / "site.yaml", folder)
        records = self.write(f"{name}.json", "\n".join(lines) + "\n")
        result = lib.run("archive", "import", "--format", "json", folder / "archive", records)
        self.assertEqual(0, result.returncode, result.stderr)
        return folder

    def answer(self, verb, case):
        result = lib.run(verb, "--json", case)
        self.assertEqual(1, result.returncode, result.stderr)
        return without_import(json.loads(result.stdout.replace(f"{case.name}.json", "records.json")))

    def test_snapshots_change_no_answer(self):
        for verb in ("incidents", "spread", "plan", "exposure"):
            with self.subTest(verb):
                self.assertEqual(self.answer(verb, self.whole), self.answer(verb, self.snapped))


if __name__ == "__main__":
    lib.main()
