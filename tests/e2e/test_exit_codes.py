#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Exit codes are those of the manual, and a failure says what was wrong and where."""
import re

import lib

VERBS = ("analyze", "incidents", "spread", "plan", "exposure", "hunt", "archive", "verify", "prove", "ledger", "check",
         "run", "enforce", "status", "orders", "approve", "reject", "confirm", "release", "reload")
HEAD, RECORD = 24, 16  # bytes of a pcap's head and of a record's


def packet_starts(data):
    """Where each record of a little-endian pcap begins."""
    starts, at = [], HEAD
    while at < len(data):
        starts.append(at)
        at += RECORD + int.from_bytes(data[at + 8:at + 12], "little")
    return starts


class ExitCodes(lib.Test):
    def fails(self, code, *arguments):
        result = lib.run(*arguments)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertTrue(result.stderr.strip(), "a failure without a word")
        return result

    def test_no_verb_and_an_unknown_one_are_usage(self):
        for arguments in ((), ("explode",), ("--frobnicate",)):
            self.assertIn("usage:", self.fails(2, *arguments).stderr)

    def test_wrong_arguments_are_usage(self):
        out = self.folder / "out"
        for arguments in (("analyze",), ("analyze", lib.VISIT), ("analyze", "--out", out), ("analyze", lib.VISIT, "--out", out, "--wat"),
                          ("analyze", lib.VISIT, "--out", out, "--until", "yesterday"), ("plan", "a", "b"),
                          ("plan", "incident-1", "--incident", "incident-2"), ("spread", "a/", "--socket", "b"), ("approve",), ("orders", "1", "--all"),
                          ("orders", "--last", "0"), ("orders", "--last", "1001"), ("status", "1"), ("reload", "1"), ("confirm", "1", "2"),
                          ("spread", "--nope", "x"), ("check",), ("check", "a", "b")):
            self.fails(2, *arguments)
        self.assertFalse(out.exists())

    def test_help_of_every_verb_has_an_example_and_is_no_error(self):
        listed = lib.run("--help")
        self.assertEqual(listed.returncode, 0)
        for verb in VERBS:
            self.assertRegex(listed.stdout, rf"(?m)^  {verb}\b")
            result = lib.run(verb, "--help")
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertRegex(result.stdout, rf"(?m)^Examples?:\n  bulkhead {verb}\b")
        self.assertEqual(set(re.findall(r"(?m)^  ([a-z]+)  ", listed.stdout)), set(VERBS))

    def test_version(self):
        self.assertRegex(lib.run("--version").stdout, r"^bulkhead \d+\.\d+\.\d+\n$")

    def test_the_manual_page_knows_every_verb_and_code(self):
        page = (lib.ROOT / "doc" / "bulkhead.1").read_text(encoding="utf-8")
        for verb in VERBS:
            self.assertIn(f"bulkhead {verb}", page)
        self.assertEqual(re.findall(r"\.TP\n\.B (\d)\n", page), ["0", "1", "2", "3", "4"])

    def test_what_is_no_capture_fails_and_leaves_no_case(self):
        for name, content in (("empty", b""), ("foreign", b"%PDF-1.7\n" * 100), ("short", b"\xd4\xc3\xb2\xa1\x02\0")):
            out = self.folder / f"out-{name}"
            result = self.fails(4, "analyze", self.write(name, content), "--out", out)
            self.assertIn(name, result.stderr)
            self.assertFalse(out.exists())

    def test_a_missing_capture_fails(self):
        self.assertIn("No such file", self.fails(4, "analyze", self.folder / "gone.pcap", "--out", self.folder / "out").stderr)

    def test_a_folder_as_capture_fails(self):
        self.fails(4, "analyze", self.folder, "--out", self.folder / "out")

    def test_one_unreadable_of_two_is_a_partial_result(self):
        case = self.analyze(lib.VISIT, self.folder / "gone.pcap", code=3)
        self.assertEqual(lib.read_json(case / "incident.json")["flows"], 17)
        self.assertIn("gone.pcap", self.said.stderr)

    def test_an_out_folder_that_holds_something_is_left_alone(self):
        out = self.folder / "full"
        out.mkdir()
        (out / "note").write_text("mine")
        self.assertIn("empty", self.fails(4, "analyze", lib.VISIT, "--out", out).stderr)
        self.assertEqual([p.name for p in out.iterdir()], ["note"])

    def test_an_out_folder_that_cannot_be_made_fails(self):
        self.fails(4, "analyze", lib.VISIT, "--out", self.folder / "no" / "such" / "place")

    def test_a_cut_capture_gives_what_was_read(self):
        whole = lib.VISIT.read_bytes()
        starts = packet_starts(whole)
        # within the first record's head, within its bytes, in the middle, and one byte before the end
        for i, cut in enumerate((HEAD + 3, starts[1] - 5, starts[60] + 20, starts[100] + 7, len(whole) - 1)):
            part = self.write(f"cut{i}.pcap", whole[:cut])
            case = self.analyze(part, code=3, name=f"case{i}")
            source = lib.read_json(case / "incident.json")["sources"][0]
            packets = sum(1 for a, b in zip(starts, starts[1:] + [len(whole)]) if b <= cut)
            self.assertEqual((source["end"], source["packets"]), ("truncated", packets), source)
            self.assertTrue(source["problem"])
            self.assertIn(part.name, self.said.stderr)

    def test_a_capture_of_a_head_alone_is_whole(self):
        case = self.analyze(self.write("head.pcap", lib.VISIT.read_bytes()[:HEAD]), code=0)
        self.assertEqual(lib.read_json(case / "incident.json")["flows"], 0)

    def test_a_damaged_record_is_told(self):
        data = bytearray(lib.VISIT.read_bytes())
        at = packet_starts(data)[50] + 8
        data[at:at + 4] = b"\xff\xff\xff\x7f"
        case = self.analyze(self.write("damaged.pcap", bytes(data)), code=3)
        source = lib.read_json(case / "incident.json")["sources"][0]
        self.assertNotEqual(source["end"], "clean")
        self.assertEqual(source["packets"], 50)

    def test_site_mistakes_name_file_line_and_column(self):
        bad = self.write("bad.yaml", lib.SITE.replace("10.0.1.0/24", "10.0.1.0/99"))
        line = next(i for i, text in enumerate(lib.SITE.splitlines(), 1) if "10.0.1.0/24" in text)
        for arguments in (("check", bad), ("analyze", lib.VISIT, "--site", bad, "--out", self.folder / "out")):
            self.assertRegex(self.fails(2, *arguments).stderr, rf"bad\.yaml:{line}:\d+: ")
        self.assertFalse((self.folder / "out").exists())
        self.assertRegex(self.fails(2, "check", self.write("no.yaml", "zones: [\n")).stderr, r"no\.yaml:\d+:\d+: ")
        self.fails(2, "check", self.folder / "missing.yaml")

    def test_check_prints_back_what_it_prints_back(self):
        site = self.site()
        self.assertEqual(lib.run("check", site).returncode, 0)
        first = lib.run("check", "--print", site)
        self.assertEqual(first.returncode, 0)
        again = lib.run("check", "--print", self.write("again.yaml", first.stdout))
        self.assertEqual(again.stdout, first.stdout)

    def test_indicator_files_that_cannot_be_read_are_configuration(self):
        self.fails(2, "analyze", lib.VISIT, "--indicators", self.folder / "gone.txt", "--out", self.folder / "out")

    def test_questions_to_what_is_no_case_fail(self):
        for verb in ("incidents", "spread", "plan", "exposure"):
            for folder in (self.folder, self.folder / "gone"):
                self.assertIn("CASE folder", self.fails(2, verb, folder).stderr)

    def test_without_a_daemon_what_it_is_asked_fails(self):
        for arguments in (("incidents",), ("spread",), ("plan", "incident-0123456789abcdef"), ("exposure",), ("status",), ("orders",),
                          ("approve", "1"), ("reject", "1"), ("confirm", "1"), ("release", "1"), ("reload",)):
            said = self.fails(4, *arguments, "--socket", self.folder / "no-socket").stderr
            self.assertRegex(said, r"no-socket: No such file.*is bulkhead run running\?")
        result = lib.run("status", env={"BULKHEAD_CONTROL": str(self.folder / "elsewhere")})
        self.assertEqual((result.returncode, "elsewhere" in result.stderr), (4, True))

    def test_an_unknown_incident_or_zone_is_usage(self):
        case = self.intrusion()
        self.fails(2, "incidents", case, "--incident", "incident-0000000000000000")
        self.fails(2, "exposure", case, "--zone", "atlantis")
        self.assertEqual(lib.run("exposure", case, "--zone", "office").returncode, 1)

    def test_quiet_says_nothing(self):
        self.analyze(lib.VISIT, "--quiet", code=0)
        self.assertEqual((self.said.stdout, self.said.stderr), ("", ""))

    def test_a_full_device_is_told(self):
        case = self.intrusion()
        with open("/dev/full", "w", encoding="utf-8") as full:
            result = lib.subprocess.run([lib.BULKHEAD, "incidents", "--json", case], stdout=full, stderr=lib.subprocess.PIPE, check=False)
        self.assertEqual(result.returncode, 4, result.stderr)


if __name__ == "__main__":
    lib.main()
