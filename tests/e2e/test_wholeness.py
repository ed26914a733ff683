#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What isn't whole is never taken for the whole: interruption, a full disk, damage; and nothing said to a person lands in evidence."""
import os
import resource
import signal
import subprocess

import lib

VERBS = ("incidents", "spread", "plan", "exposure")


class Wholeness(lib.Test):
    def start(self, *arguments, **options):
        return subprocess.Popen([lib.BULKHEAD, "analyze", *lib.NO_SANDBOX, *map(str, arguments)], stderr=subprocess.PIPE, text=True, **options)

    def refused(self, case, word):
        for verb in VERBS:
            result = lib.run(verb, "--json", case)
            self.assertEqual((result.returncode, result.stdout), (4, ""), result.stderr)
            self.assertIn(word, result.stderr)

    def test_an_interrupted_analysis_says_so_and_is_not_asked(self):
        for number, name in ((signal.SIGINT, "int"), (signal.SIGTERM, "term")):
            pipe, case = self.folder / f"pipe-{name}", self.folder / f"case-{name}"
            os.mkfifo(pipe)
            run = self.start(pipe, "--quiet", "--out", case)
            with open(pipe, "wb", buffering=0) as feed:
                feed.write(lib.VISIT.read_bytes()[:5000])
                while not (case / "archive" / "FORMAT").exists():
                    self.assertIsNone(run.poll(), "ended before it was interrupted")
                run.send_signal(number)
                self.assertIn("no whole result", run.communicate(timeout=60)[1])
            self.assertEqual(run.returncode, -number)
            self.refused(case, "isn't whole")

    def test_a_killed_analysis_is_not_asked(self):
        pipe, case = self.folder / "pipe", self.folder / "case"
        os.mkfifo(pipe)
        run = self.start(pipe, "--quiet", "--out", case)
        with open(pipe, "wb", buffering=0) as feed:
            feed.write(lib.VISIT.read_bytes()[:5000])
            while not (case / "archive" / "FORMAT").exists():
                self.assertIsNone(run.poll(), "ended before it was killed")
            run.kill()
            run.communicate(timeout=60)
        self.refused(case, "isn't whole")

    def test_a_full_disk_fails_at_whichever_file_it_strikes(self):
        whole = self.intrusion("whole")
        sizes = sorted({p.stat().st_size for p in whole.rglob("*") if p.is_file() and p.stat().st_size > 200})
        for i, size in enumerate(sizes):
            def small(size=size):
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (size - 1, size - 1))
            case = self.folder / f"full{i}"
            run = self.start(lib.VISIT, "--site", self.site(), "--indicators", self.indicators(lib.BEYOND), "--quiet", "--out", case,
                             preexec_fn=small, restore_signals=False)
            self.assertIn("no whole result", run.communicate(timeout=60)[1])
            self.assertEqual(run.returncode, 4)
            self.refused(case, "isn't whole")
            self.assertEqual([p.name for p in case.iterdir() if p.name.endswith(".new")], [])

    def test_a_whole_case_bears_no_mark(self):
        case = self.intrusion()
        self.assertFalse((case / "unfinished").exists())
        self.assertEqual(lib.run("spread", case).returncode, 1)

    def test_damage_is_told_not_answered_around(self):
        for name in ("flow", "detection", "transaction", "coverage"):
            case = self.intrusion(name)
            path = next((case / "archive").glob(f"{name}-*"))
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 0x10
            path.write_bytes(data)
            self.refused(case, "damaged" if path.suffix == ".journal" else "checksum")

    def test_a_summary_that_cannot_be_printed_fails(self):
        for arguments in (("analyze", *lib.NO_SANDBOX, lib.VISIT, "--out", self.folder / "case"), ("--help",), ("plan", "--help"), ("--version",)):
            with open("/dev/full", "w", encoding="utf-8") as full:
                result = subprocess.run([lib.BULKHEAD, *map(str, arguments)], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual(result.returncode, 4, arguments)
            self.assertIn("standard output", result.stderr)

    def test_closed_descriptors_are_not_taken_by_evidence(self):
        whole = self.intrusion("whole")
        case = self.folder / "closed"

        def close():
            for fd in (0, 1, 2):
                os.close(fd)
        run = subprocess.Popen([lib.BULKHEAD, "analyze", *lib.NO_SANDBOX, lib.VISIT, "--site", self.site(), "--indicators",
                                self.indicators(lib.BEYOND), "--out", case], preexec_fn=close)
        self.assertEqual(run.wait(timeout=60), 4)  # the summary had nowhere to go
        self.assertEqual(lib.run("spread", "--json", case).stdout, lib.run("spread", "--json", whole).stdout)

    def test_a_capture_named_twice_is_read_once(self):
        link = self.folder / "link.pcap"
        link.symlink_to(lib.VISIT)
        case = self.analyze(lib.VISIT, lib.VISIT, link, code=0)
        self.assertEqual(len(lib.read_json(case / "incident.json")["sources"]), 1)
        self.assertEqual(self.said.stderr.count("named twice"), 2)


if __name__ == "__main__":
    lib.main()
