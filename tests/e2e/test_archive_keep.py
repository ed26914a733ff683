#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`bulkhead archive` import, compact and expire against the worst moment: killed, beside readers and writers, without room."""
import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import time
import unittest

import archives
import lib
from archives import BEGIN, DAY

IMPORT_KILLS, COMPACT_KILLS = 8, min(100, 2 * int(os.environ.get("BULKHEAD_KILLS", "50")))


class Keep(archives.Test):
    def start(self, *arguments, **options):
        return subprocess.Popen([lib.BULKHEAD, "archive", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def lasts(self, *arguments):
        begin = time.monotonic()
        self.does(0, *arguments)
        return time.monotonic() - begin

    def kill_at(self, seconds, *arguments, number=signal.SIGKILL):
        """Whether it was still running then."""
        run = self.start(*arguments)
        try:
            run.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            run.send_signal(number)
            run.communicate(timeout=60)
            return True
        return False

    # --- import ---

    def test_an_import_that_is_killed_leaves_nothing_or_all(self):
        n, old = 280_000, self.archive_of([BEGIN, BEGIN + DAY])
        rows, was = self.rows("many.csv", n), self.export(old)
        lasts = self.lasts("import", "--time", "s", self.folder / "measured", rows)
        shutil.rmtree(self.folder / "measured")
        chance, killed = random.Random(7), 0
        for i in range(IMPORT_KILLS):
            archive = self.folder / f"killed-{i}"
            fresh = i % 3 == 0
            if not fresh:
                shutil.copytree(old, archive)
            number = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)[i % 3]
            # the first half of an import is reading
            killed += self.kill_at(lasts * chance.uniform(0.4, 1.05), "import", "--time", "s", archive, rows, number=number)
            if fresh and not (archive / "FORMAT").exists():
                continue
            for _ in range(2):  # as a reader finds it, then after a writer
                flows = self.count(archive)
                self.assertIn(flows, (0, n) if fresh else (2200, 2200 + n))
                if flows == 2200:
                    self.assertEqual(self.export(archive), was)
                self.fits(archive)
                self.does(0, "compact", archive)
            self.assertFalse((archive / "batch").exists())
            shutil.rmtree(archive)
        self.assertGreater(killed, 0)

    def test_an_import_is_not_seen_before_it_is_whole(self):
        n, archive = 100_000, self.archive_of([BEGIN])
        was, seen = self.count(archive), set()
        run = self.start("import", "--time", "s", archive, self.rows("many.csv", n))
        while run.poll() is None:
            seen.add(self.count(archive))
        run.communicate()
        self.assertEqual(run.returncode, 0)
        self.assertLessEqual(seen, {was, was + n})
        self.assertEqual(self.count(archive), was + n)

    def test_a_second_writer_is_told(self):
        archive = self.archive_of([BEGIN])
        before = archives.digest(archive)
        with open(archive / "lock", "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for arguments in (("import", "--time", "s", archive, self.folder / "archive-0.csv"), ("compact", archive), ("expire", "--keep", "1", archive)):
                self.assertIn("another program writes to this archive", self.does(4, *arguments).stderr)
            self.assertEqual(self.count(archive), 1100)
            self.does(0, "expire", "--keep", "1", "--dry-run", archive)
        self.assertEqual(archives.digest(archive), before)

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("unshare"), "mounting needs root and unshare")
    def test_without_room_nothing_is_taken_and_nothing_lost(self):
        old, rows = self.archive_of([BEGIN]), self.rows("many.csv", 100_000)
        few, disk = self.rows("few.csv", 2000), self.folder / "disk"
        disk.mkdir()
        script = """
            mount -t tmpfs -o size=2m tmpfs "$1" || exit 77
            cp -r "$2" "$1/archive"
            "$0" archive import --time s "$1/archive" "$3"; echo "import $?"
            "$0" archive stat --json "$1/archive" > "$5"; echo "stat $?"
            "$0" verify "$1/archive" > /dev/null; echo "verify $?"
            "$0" archive import --time s "$1/archive" "$4"; echo "again $?"
            "$0" archive export -o "$1/out.csv" "$1/archive" || echo "export $?"
            "$0" archive export "$1/archive" | wc -l
            ls "$1"
        """
        result = subprocess.run(["unshare", "-m", "sh", "-c", script, lib.BULKHEAD, disk, old, rows, few, self.folder / "stat.json"],
                                capture_output=True, text=True, check=False)
        if result.returncode == 77:
            self.skipTest("no mount here: " + result.stderr)
        lines = result.stdout.splitlines()
        self.assertEqual([line for line in lines if line.startswith(("import", "stat", "verify"))], ["import 4", "stat 0", "verify 0"], result.stderr)
        self.assertIn("No space left on device; nothing was taken", result.stderr)
        self.assertEqual(next(k["records"] for k in lib.read_json(self.folder / "stat.json")["kinds"] if k["record"] == "flow"), 1100)
        self.assertIn("again 0", lines)
        self.assertIn(str(1 + 1100 + 2000), lines)

    # --- compact ---

    def small_runs(self, name="archive"):
        return self.archive_of([BEGIN + i * 3600 for i in range(6)], name)

    def test_compaction_changes_files_and_nothing_else(self):
        archive = self.small_runs()
        flows, all_ = self.export(archive), self.export(archive, "--format", "json")
        found, files = self.hunt(archive, "10.0.1.7"), self.segments(archive)
        self.fits(archive)
        self.assertEqual(len(files), 6)
        self.assertRegex(self.does(0, "compact", archive).stdout, r"Segment files: \d+ of .* became \d+ of ")
        self.assertEqual(self.segments(archive), ["flow-0000000001-0000000006.seg"])
        self.assertEqual((self.export(archive), self.export(archive, "--format", "json")), (flows, all_))
        after = self.hunt(archive, "10.0.1.7")
        self.assertEqual((after["hits"], after["not_covered"]), (found["hits"], found["not_covered"]))
        self.assertTrue(found["hits"])
        self.fits(archive)
        before = archives.digest(archive)
        self.does(0, "compact", archive)
        self.assertEqual(archives.digest(archive), before)

    def test_compaction_killed_anywhere_loses_and_doubles_nothing(self):
        archive = self.small_runs()
        flows = self.export(archive)
        shutil.copytree(archive, self.folder / "measured")
        lasts = self.lasts("compact", self.folder / "measured")
        chance, states = random.Random(11), set()
        for i in range(COMPACT_KILLS):
            copy = self.folder / "copy"
            shutil.copytree(archive, copy)
            self.kill_at(lasts * chance.uniform(0.05, 1.1), "compact", copy)
            states.add(tuple(sorted(p.name for p in copy.iterdir() if p.suffix in (".seg", ".tmp"))))
            self.assertEqual(self.export(copy), flows)
            if i % 10 == 0:
                self.fits(copy)
                self.does(0, "compact", copy)
                self.assertEqual(self.segments(copy), ["flow-0000000001-0000000006.seg"])
                self.assertEqual(self.export(copy), flows)
                self.fits(copy)
            shutil.rmtree(copy)
        self.assertGreater(len(states), 1, "it was always killed too early or too late")

    def test_a_reader_goes_on_while_files_are_merged_or_dropped(self):
        for name, change in (("merged", ("compact",)), ("dropped", ("expire", "--before", "2027-01-01"))):
            archive = self.archive_of([BEGIN + i * 3600 for i in range(4)], name, n=5000)
            flows = self.export(archive).encode()
            reader = self.start("export", archive, bufsize=0)
            first = reader.stdout.read(1)
            self.does(0, *change, archive)
            rest, said = reader.communicate()
            self.assertEqual((reader.returncode, said), (0, b""))
            self.assertTrue(first + rest == flows)

    # --- expire ---

    def test_only_whole_files_that_are_over_expire(self):
        archive = self.archive_of([BEGIN + i * DAY for i in range(4)])  # each ends 1100 s after its day began
        flows = [json.loads(line) for line in self.export(archive, "--format", "json", "--kind", "flow").splitlines()]
        before = archives.digest(archive)
        said = self.does(0, "expire", "--before", "2026-01-03T00:18:20Z", "--kind", "flow", "--dry-run", archive).stdout
        self.assertRegex(said, r"(?m)^flow +2200 records would go, files: 2$")
        self.assertEqual(archives.digest(archive), before)
        # the third run's last flow ends at that very time: not before it
        said = self.does(0, "expire", "--before", "2026-01-03T00:18:20Z", "--kind", "flow", archive).stdout
        self.assertRegex(said, r"(?m)^flow +2200 records went$")
        self.assertEqual(self.segments(archive), ["flow-0000000003.seg", "flow-0000000004.seg"])
        left = [json.loads(line) for line in self.export(archive, "--format", "json", "--kind", "flow").splitlines()]
        self.assertEqual(left, flows[2200:])
        self.assertIn("flow runs 1 to 2 (2200 records)", self.fits(archive))
        self.assertIn("none", self.does(0, "expire", "--before", "2026-01-03T00:18:20Z", "--kind", "flow", archive).stdout)
        self.does(0, "expire", "--before", "2026-01-03T00:18:20.000000001Z", "--kind", "flow", archive)
        self.assertEqual(self.segments(archive), ["flow-0000000004.seg"])
        self.fits(archive)

    def test_a_hunt_says_what_has_expired(self):
        archive = self.archive_of([BEGIN + i * DAY for i in range(3)])
        self.assertEqual(len(self.hunt(archive, "10.0.0.5")["hits"]), 1)
        self.does(0, "expire", "--before", "2026-01-03", archive)
        told = self.hunt(archive, "10.0.0.5")
        gaps = {g["kind"]: g for g in told["not_covered"]}
        self.assertEqual(gaps["expired"]["count"], 2200)
        self.assertIn("dropped on purpose", gaps["expired"]["text"])
        self.assertEqual(gaps["before"]["to"], "2026-01-03T00:00:00.000000000Z")

    def test_keep_counts_days_from_now(self):
        now = int(time.time())
        archive = self.archive_of([now - 40 * DAY, now - 20 * DAY, now - 2000])
        self.does(0, "expire", "--keep", "30", archive)
        self.assertEqual(self.count(archive), 2200)
        self.does(0, "expire", "--keep", "1", archive)
        self.assertEqual(self.count(archive), 1100)
        self.does(0, "expire", "--keep", "0", archive)
        self.assertEqual(self.count(archive), 0)
        self.fits(archive)

    def test_merging_keeps_no_file_much_longer(self):
        archive = self.archive_of([BEGIN + i * DAY for i in range(10)])
        self.does(0, "compact", "--within", "3", archive)
        self.assertEqual(self.segments(archive), ["flow-0000000001-0000000004.seg", "flow-0000000005-0000000008.seg", "flow-0000000009-0000000010.seg"])
        self.does(0, "compact", "--within", "3", archive)
        self.does(0, "expire", "--before", "2026-01-05", archive)
        self.assertEqual(self.count(archive), 6600)
        self.fits(archive)


if __name__ == "__main__":
    lib.main()
