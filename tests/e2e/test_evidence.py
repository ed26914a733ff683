# SPDX-License-Identifier: GPL-2.0-or-later
"""Evidence end to end: what was tampered with is found, what is handed over can be checked, and two verifiers that share no
line of code agree on every disclosure, whole or broken."""
import base64
import contextlib
import copy
import importlib.util
import json
import os
import pathlib
import random
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

import lib

VERIFIER = lib.ROOT / "contrib" / "bulkhead-verify.py"
TSA = lib.ROOT / "tests" / "unit" / "ledger" / "tsa.py"
OPENSSL = shutil.which("openssl")
ARCHIVE = "archive"


def load_verifier():
    spec = importlib.util.spec_from_file_location("bulkhead_verify", VERIFIER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


OTHER = load_verifier()


class Openssl(OTHER.Openssl):
    """The openssl command, asked once about each signature: hundreds of broken forms leave most of them whole."""

    known = {}

    def ed25519(self, *asked):
        if asked not in self.known:
            self.known[asked] = super().ed25519(*asked)
        return self.known[asked]


class Evidence(lib.Test):
    def bulkhead(self, *arguments, code=0):
        result = lib.run(*arguments)
        self.assertEqual(result.returncode, code, f"{arguments}\n{result.stdout}{result.stderr}")
        return result

    def key(self, name, witness=False):
        """Makes a key: its path; the public half is beside it."""
        path = self.folder / name
        self.bulkhead("ledger", "key", *(["--witness"] if witness else []), f"test.example/{name}", path)
        return path

    def case(self, key=None, name="case"):
        arguments = ["--key", key] if key else []
        return self.analyze(lib.VISIT, "--indicators", self.indicators(lib.BEYOND), *arguments, code=1, name=name)

    def ids(self, case, kind):
        lines = self.bulkhead("archive", "export", "--format", "json", "--kind", kind, case / ARCHIVE).stdout.splitlines()
        return [json.loads(line)["id"] for line in lines]


class Keys(Evidence):
    def test_a_key_is_private_and_never_overwritten(self):
        key = self.key("a")
        self.assertEqual(stat.S_IMODE(key.stat().st_mode), 0o600)
        before = key.read_bytes(), (self.folder / "a.pub").read_bytes()
        self.bulkhead("ledger", "key", "test.example/a", key, code=4)
        self.assertEqual((key.read_bytes(), (self.folder / "a.pub").read_bytes()), before)
        # a public half without its private one isn't taken for anything either
        (self.folder / "b.pub").write_text("x")
        self.bulkhead("ledger", "key", "test.example/b", self.folder / "b", code=4)
        self.assertFalse((self.folder / "b").exists())

    def test_a_key_that_others_can_read_signs_nothing(self):
        key = self.key("a")
        key.chmod(0o640)
        out = self.folder / "case"
        result = self.bulkhead("analyze", *lib.NO_SANDBOX, lib.VISIT, "--key", key, "--out", out, code=2)
        self.assertIn("0600", result.stderr)
        self.assertFalse(out.exists())

    def test_names_that_no_note_can_hold_are_refused(self):
        for name in ("", "two words", "a+b", "x" * 256):
            self.bulkhead("ledger", "key", name, self.folder / "k", code=2)

    def test_the_wrong_type_of_key_is_told(self):
        witness, log = self.key("w", witness=True), self.key("a")
        case = self.case(log)
        self.assertIn("witness", self.bulkhead("ledger", "sign", case, "--key", witness, code=2).stderr)
        self.assertIn("--witness", self.bulkhead("verify", case, "--key", f"{witness}.pub", code=2).stderr)
        self.assertIn("--key", self.bulkhead("verify", case, "--witness", f"{log}.pub", code=2).stderr)


class Verify(Evidence):
    def test_an_unsigned_case_says_what_that_is_worth(self):
        case = self.case()
        result = self.bulkhead("verify", case)
        self.assertIn("never signed", result.stdout)
        self.assertIn("not forgery", result.stdout)
        self.bulkhead("verify", case, "--key", f"{self.key('a')}.pub", code=1)
        # signing it later covers it
        self.bulkhead("ledger", "sign", case, "--key", self.folder / "a")
        self.assertIn("everything fits", self.bulkhead("verify", case, "--key", self.folder / "a.pub").stdout)

    def test_the_site_file_names_who_signs_and_who_must_have(self):
        witness = self.key("w", witness=True)
        self.key("a")
        site = self.write("site.yaml", lib.SITE + "ledger:\n  key: a\n  origin: test.example/log\n  witnesses:\n    - "
                          + (self.folder / "w.pub").read_text())
        case = self.analyze(lib.VISIT, "--site", site, code=0)
        self.assertTrue((case / ARCHIVE / "checkpoint").read_text().startswith("test.example/log\n"))
        self.bulkhead("verify", case, "--key", self.folder / "a.pub")
        result = self.bulkhead("verify", case, "--site", site, code=1)
        self.assertIn("enough witnesses", result.stdout)
        self.cosign(case, witness)
        self.assertIn("witnessed", self.bulkhead("verify", case, "--site", site).stdout)

    def cosign(self, case, witness, old=0, code=0):
        request = self.write("request", self.bulkhead("ledger", "consistency", case, str(old)).stdout)
        result = self.bulkhead("ledger", "cosign", request, "--key", witness, "--log", self.folder / "a.pub", "--state",
                               self.folder / "seen", code=code)
        if code == 0:
            line = self.write("line", result.stdout)
            self.bulkhead("ledger", "add", case, line, "--witness", f"{witness}.pub")
        return result

    def test_a_witness_refuses_a_log_that_was_rewritten(self):
        key, witness = self.key("a"), self.key("w", witness=True)
        case = self.case(key)
        self.cosign(case, witness)
        size = len((case / ARCHIVE / "ledger").read_text().splitlines())
        self.assertIn(f"consistency DIR {size}", self.cosign(case, witness, old=0, code=1).stderr)
        self.cosign(case, witness, old=size)
        # another log of the same name and key, which says as much
        other = self.case(key, name="other")
        self.assertIn("REFUSED", self.cosign(other, witness, old=size, code=1).stderr)
        # a cosignature isn't taken for another log's checkpoint
        self.bulkhead("ledger", "add", other, self.folder / "line", "--witness", f"{witness}.pub", code=1)
        self.assertEqual((other / ARCHIVE / "checkpoint").read_text().count("\u2014"), 1)

    def test_the_json_says_the_same(self):
        case = self.case(self.key("a"))
        found = json.loads(self.bulkhead("verify", case, "--key", self.folder / "a.pub", "--json").stdout)
        self.assertTrue(found["fits"])
        self.assertEqual(found["findings"], [])
        self.assertEqual(found["key"]["name"], "test.example/a")
        self.assertEqual(found["checked"]["records"], found["records"])
        self.assertEqual(found["ledger"]["entries"], found["ledger"]["entries_under_checkpoint"])
        self.assertEqual(found["records_not_under_checkpoint"], 0)

    def test_an_archive_that_is_none_cannot_be_read(self):
        self.bulkhead("verify", self.folder, code=4)
        self.bulkhead("verify", self.folder / "nowhere", code=4)
        self.bulkhead("verify", code=2)
        self.bulkhead("verify", self.folder, self.folder, code=2)
        self.bulkhead("verify", self.folder, "--checkpoint", self.folder / "nothing", code=2)
        self.bulkhead("verify", self.folder, "--quorum", "1", code=2)
        self.bulkhead("verify", self.folder, "--key", "no key", code=2)


class Grown(Evidence):
    """An archive of three sealed runs of flows and a journal, eleven minutes each, signed after each."""

    FLOWS = 1100  # more than a journal that closing leaves as it is

    def grow(self, archive, key, run, wrong=None):
        first = run * self.FLOWS + 1
        n = self.FLOWS if run < 3 else 20
        lines = [json.dumps({"record": "flow", "id": i, "protocol": 6, "initiator": f"10.0.{i >> 8 & 255}.{i & 255}",
                             "responder": "192.0.2.1", "initiator_port": 1024 + i, "responder_port": 443,
                             "first": f"2026-01-01T00:{i // 100 % 60:02}:00Z", "last": f"2026-01-01T00:{i // 100 % 60:02}:01Z",
                             "payload_out": i + (i == wrong)}) for i in range(first, first + n)]
        self.bulkhead("archive", "import", archive, self.write("flows.json", "\n".join(lines) + "\n"))
        self.bulkhead("ledger", "sign", archive, "--key", key)

    def archive(self, key, name=ARCHIVE, wrong=None):
        archive = self.folder / name
        for run in range(4):
            self.grow(archive, key, run, wrong)
        return archive

    def setUp(self):
        super().setUp()
        self.a = self.key("a")
        self.dir = self.archive(self.a)
        self.held = self.write("held", (self.dir / "checkpoint").read_bytes())
        self.segments = sorted(self.dir.glob("flow-*.seg"))
        self.assertEqual(len(self.segments), 3)

    def found(self, *arguments, code=1):
        result = lib.run("verify", self.dir, "--key", f"{self.a}.pub", "--json", *arguments)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return json.loads(result.stdout)

    def what(self, *arguments):
        return [f["what"] for f in self.found(*arguments)["findings"]]


class Tampering(Grown):
    """Whatever is changed of an archive is found."""

    def test_every_kind_of_tampering_is_noticed(self):
        """One after the other, on copies of one archive."""
        whole = self.dir
        self.found("--checkpoint", self.held, code=0)
        self.found("--files", code=0)
        for name in [n for n in dir(self) if n.startswith("tamper_")]:
            with self.subTest(name):
                self.dir = self.folder / "tampered"
                shutil.rmtree(self.dir, ignore_errors=True)
                shutil.copytree(whole, self.dir)
                self.segments = sorted(self.dir.glob("flow-*.seg"))
                getattr(self, name)()

    # what a finding about each file is of
    ABOUT = {".seg": {"records", "missing", "unreadable", "file"}, ".journal": {"records", "missing", "unreadable"},
             "ledger": {"log", "checkpoint"}, "checkpoint": {"checkpoint", "signature"},
             "checkpoints": {"checkpoint", "signature"}}

    def files(self):
        """Every file of the archive, and what its findings may be."""
        for path in sorted(self.dir.iterdir()):
            if path.name not in ("FORMAT", "lock"):
                yield path, self.ABOUT[path.suffix or path.name]

    def named(self, path, first, about):
        """The first thing that doesn't fit is of this file, and says which records where it is of records."""
        self.assertIn(first["what"], about, path)
        if path.suffix:
            kind, run = path.stem.split("-")
            self.assertEqual((first["kind"], first["run"]), (kind, int(run)), path)
            if first["what"] in ("records", "missing") and path.stat().st_size:
                self.assertIsInstance(first["first"], int)

    def tamper_flip_a_byte_of_every_file(self):
        for path, about in self.files():
            whole = path.read_bytes()
            for at in (0, len(whole) // 3, len(whole) * 2 // 3, len(whole) - 1):
                path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1:])
                with self.subTest(file=path.name, at=at):
                    self.named(path, self.found()["findings"][0], about)
                    if path.suffix == ".seg":
                        self.assertIn(self.what("--files")[0], ("file", "unreadable"))
            path.write_bytes(whole)
        self.found(code=0)

    def tamper_change_what_the_folder_is(self):
        whole = (self.dir / "FORMAT").read_bytes()
        for other in (b"", whole[:-1] + b"9", b"x" + whole[1:]):
            (self.dir / "FORMAT").write_bytes(other)
            self.bulkhead("verify", self.dir, "--key", f"{self.a}.pub", code=4)

    def tamper_cut_every_file(self):
        for path, about in self.files():
            whole = path.read_bytes()
            for size in (0, len(whole) // 2, len(whole) - 1):
                path.write_bytes(whole[:size])
                with self.subTest(file=path.name, size=size):
                    self.named(path, self.found()["findings"][0], about)
            path.write_bytes(whole)

    def tamper_remove_every_file(self):
        for path, about in self.files():
            whole = path.read_bytes()
            path.unlink()
            with self.subTest(file=path.name):
                first = self.found()["findings"][0]
                self.assertIn(first["what"], about)
            path.write_bytes(whole)

    def tamper_put_another_segment_in_its_place(self):
        shutil.copy(self.forged(self.FLOWS + 7) / self.segments[1].name, self.segments[1])
        first = self.found()["findings"][0]
        self.assertEqual((first["what"], first["run"]), ("records", 2))
        self.assertLessEqual(first["first_id"], self.FLOWS + 7)
        self.assertGreaterEqual(first["last_id"], self.FLOWS + 7)
        self.assertEqual(self.what("--files"), ["file"])
        text = lib.run("verify", self.dir).stdout
        self.assertIn("first     flow run 2: records", text)

    def forged(self, wrong):
        """The same with one record changed, signed by somebody else."""
        if not (self.folder / "b").exists():
            self.key("b")
            self.archive(self.folder / "b", "forged", wrong)
        return self.folder / "forged"

    def tamper_delete_a_segment(self):
        self.segments[0].unlink()
        self.assertEqual(self.what(), ["missing"])

    def tamper_delete_the_last_segment(self):
        self.segments[2].unlink()
        self.assertEqual(self.what(), ["missing"])

    def tamper_delete_the_journal(self):
        next(self.dir.glob("flow-*.journal")).unlink()
        self.assertEqual(self.what(), ["missing"])

    def tamper_delete_everything_of_a_kind(self):
        for path in self.dir.glob("flow-*"):
            path.unlink()
        self.assertEqual(self.what(), ["missing"] * 4)

    def tamper_swap_two_runs(self):
        one, two = (s.read_bytes() for s in self.segments[:2])
        self.segments[0].write_bytes(two)
        self.segments[1].write_bytes(one)
        self.assertEqual(sorted({f["run"] for f in self.found()["findings"]}), [1, 2])

    def tamper_append_garbage_to_the_journal(self):
        with next(self.dir.glob("flow-*.journal")).open("ab") as f:
            f.write(b"\0" * 100)
        self.assertGreater(self.found(code=0)["torn_bytes"], 0)

    def tamper_append_records_and_hide_it(self):
        kept = {n: (self.dir / n).read_bytes() for n in ("ledger", "checkpoint", "checkpoints")}
        self.grow(self.dir, self.a, 4)
        for name, content in kept.items():
            (self.dir / name).write_bytes(content)
        found = self.found(code=0)
        self.assertEqual(found["records_not_in_ledger"], 20 + 1)  # the import says of itself that it was
        self.assertIn("in no entry", lib.run("verify", self.dir).stdout)

    def roll_back(self, entries, history=True):
        lines = (self.dir / "ledger").read_text().splitlines(True)
        (self.dir / "ledger").write_text("".join(lines[:entries]))
        notes = re.findall(r"[^\n]+\n\d+\n[^\n]+\n\n(?:\u2014[^\n]+\n)+", (self.dir / "checkpoints").read_text())
        notes = [n for n in notes if int(n.split("\n")[1]) <= entries]
        if history:
            (self.dir / "checkpoints").write_text("".join(notes))
            (self.dir / "checkpoint").write_text(notes[-1])
        return notes

    def sizes(self):
        return sorted({int(s) for s in re.findall(r"^\d+$", (self.dir / "checkpoints").read_text(), re.M)})

    def tamper_roll_the_log_back(self):
        self.roll_back(self.sizes()[1])
        found = self.found(code=0)
        self.assertGreater(found["records_not_in_ledger"], self.FLOWS)
        self.assertGreater(found["files_not_in_ledger"], 0)
        self.assertEqual(self.what("--checkpoint", self.held), ["held"])

    def tamper_roll_the_log_back_without_its_checkpoints(self):
        self.roll_back(self.sizes()[1], history=False)
        self.assertIn("checkpoint", self.what())

    def tamper_roll_everything_back(self):
        """Segments too: by itself that is a good archive of an earlier day. Only what others hold contradicts it."""
        self.roll_back(self.sizes()[0])
        self.segments[1].unlink()
        self.segments[2].unlink()
        next(self.dir.glob("flow-*.journal")).unlink()
        self.found(code=0)
        self.assertEqual(self.what("--checkpoint", self.held), ["held"])

    def tamper_rewrite_log_and_checkpoints_with_another_key(self):
        for path in self.forged(self.FLOWS + 7).iterdir():
            shutil.copy(path, self.dir)
        self.assertIn("signature", self.what())

    def tamper_rewrite_everything_with_the_stolen_key(self):
        if not (self.folder / "stolen").exists():
            self.archive(self.a, "stolen", wrong=7)
        self.dir = self.folder / "stolen"
        self.found(code=0)
        self.assertEqual(self.what("--checkpoint", self.held), ["held"])

    def tamper_drop_the_checkpoints(self):
        (self.dir / "checkpoint").unlink()
        (self.dir / "checkpoints").unlink()
        self.assertIn("checkpoint", self.what())

    def tamper_drop_the_ledger(self):
        (self.dir / "ledger").unlink()
        self.assertIn("log", self.what())

    def tamper_change_a_signature(self):
        for name in ("checkpoint", "checkpoints"):
            text = (self.dir / name).read_text()
            last = text.rindex(" ") + 20
            (self.dir / name).write_text(text[:last] + ("A" if text[last] != "A" else "B") + text[last + 1:])
        self.assertIn("checkpoint", self.what())

    def tamper_enter_a_drop_that_nobody_signed(self):
        """An `expire` line that hides what was deleted is under no checkpoint."""
        self.segments[0].unlink()
        with (self.dir / "ledger").open("a") as f:
            f.write("expire flow 1 1 2026-11-23T00:00:00.000000000Z\n")
        found = self.found()
        self.assertEqual([f["what"] for f in found["findings"]], ["missing"])
        self.assertIn("under no checkpoint", found["findings"][0]["why"])
        self.assertEqual(found["runs_dropped"], 0)


class Retention(Grown):
    """What is dropped and merged on purpose."""

    def prove(self, out, *records, code=0, size=None):
        result = self.bulkhead("prove", *map(str, records), "--archive", self.dir, "--out", self.folder / out,
                               *(["--checkpoint", str(size)] if size else []), code=code)
        return (self.folder / out).read_bytes() if code == 0 else result.stderr

    def records(self):
        return self.bulkhead("archive", "export", "--format", "json", self.dir).stdout

    def test_expired_runs_are_named_and_nothing_else_is_missing(self):
        before = self.prove("before.json", 7, self.FLOWS + 7)
        self.bulkhead("archive", "expire", "--before", "2026-01-01T00:15:00Z", "--kind", "flow", self.dir)
        self.assertFalse(self.segments[0].exists())
        self.assertTrue(self.segments[1].exists())
        # whoever has no key could have done as much
        first = self.found()["findings"][0]
        self.assertEqual((first["what"], first["run"]), ("missing", 1))
        self.assertIn("has to be signed", first["why"])
        self.bulkhead("ledger", "sign", self.dir, "--key", self.a)
        for arguments in ([], ["--checkpoint", self.held], ["--files"]):
            found = self.found(*arguments, code=0)
            self.assertEqual(found["runs_dropped"], 1)
        dropped = found["dropped"]
        self.assertEqual([(d["kind"], d["run"], d["run_last"], d["records"]) for d in dropped], [("flow", 1, 1, self.FLOWS)])
        log = (self.dir / "ledger").read_text().splitlines()
        self.assertRegex(log[dropped[0]["ledger_line"] - 1], f"^expire flow 1 1 {dropped[0]['dropped']}$")
        self.assertEqual(sum(line.startswith(f"run flow 1 {self.FLOWS} ") for line in log), 1)
        self.assertIn(f"flow run 1 ({self.FLOWS} records)", self.bulkhead("verify", self.dir).stdout)
        # its records can't be proven any more; what was disclosed before holds as ever
        self.assertIn("dropped on purpose", self.prove("after.json", 7, code=4))
        self.prove("after.json", self.FLOWS + 7)
        self.bulkhead("verify", self.write("before.json", before), self.folder / "after.json", "--key", f"{self.a}.pub")
        # and what else goes is missed
        self.segments[1].unlink()
        found = self.found()
        self.assertEqual([(f["what"], f["run"]) for f in found["findings"]], [("missing", 2)])
        self.assertEqual(found["runs_dropped"], 1)

    def test_compaction_keeps_every_record_in_its_place(self):
        wanted = (1, self.FLOWS, self.FLOWS + 1, 3 * self.FLOWS + 5)
        size = int((self.dir / "checkpoint").read_text().split("\n")[1])
        before, records = self.prove("before.json", *wanted), self.records()
        self.bulkhead("archive", "compact", self.dir)
        self.assertEqual(len(list(self.dir.glob("flow-*.seg"))), 1)
        self.assertEqual(self.records(), records)
        self.assertEqual(self.prove("after.json", *wanted, size=size), before)
        for arguments in ([], ["--files"], ["--checkpoint", self.held]):
            self.found(*arguments, code=0)
        self.bulkhead("ledger", "sign", self.dir, "--key", self.a)
        found = self.found("--checkpoint", self.held, code=0)
        self.assertEqual(found["records_not_under_checkpoint"], 0)
        self.assertGreater(found["checked"]["files"], 0)
        # all three in one file, dropped by one line
        self.bulkhead("archive", "expire", "--before", "2026-01-01T00:40:00Z", "--kind", "flow", self.dir)
        self.bulkhead("ledger", "sign", self.dir, "--key", self.a)
        found = self.found("--checkpoint", self.held, code=0)
        self.assertEqual([(d["run"], d["run_last"], d["records"]) for d in found["dropped"]], [(1, 3, 3 * self.FLOWS)])

    def test_a_compacted_file_that_was_changed_is_found(self):
        self.bulkhead("archive", "compact", self.dir)
        self.bulkhead("ledger", "sign", self.dir, "--key", self.a)
        path = next(self.dir.glob("flow-*.seg"))
        whole = path.read_bytes()
        for at in range(0, len(whole), len(whole) // 8):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
            self.assertTrue(self.what())


@unittest.skipUnless(OPENSSL, "there is no openssl command")
class Stamped(Evidence):
    """A time-stamping authority in a folder, cls.tsa."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tsa = pathlib.Path(tempfile.mkdtemp(prefix="bulkhead-tsa-"))
        cls.addClassCleanup(shutil.rmtree, cls.tsa, ignore_errors=True)
        subprocess.run([sys.executable, TSA, "make", cls.tsa], check=True, capture_output=True)


class Manual(Stamped):
    """The commands of doc/evidence.md, as they stand there, one after the other."""

    def script(self, name, text):
        path = self.write(f"bin/{name}", f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def test_what_the_manual_says_can_be_done(self):
        (self.folder / "bin").mkdir()
        shutil.copy(lib.VISIT, self.folder / "gateway.pcap")
        shutil.copy(self.tsa / "ca.pem", self.folder / "tsa-ca.pem")
        (self.folder / "contrib").symlink_to(lib.ROOT / "contrib")
        self.script("bulkhead", f"verb=$1; shift; [ $verb = analyze ] && verb='analyze {' '.join(lib.NO_SANDBOX)}'\n"
                                f"exec {lib.BULKHEAD} $verb \"$@\"")
        self.script("curl", f"exec {sys.executable} {TSA} reply {self.tsa} < request.tsq")
        blocks = re.findall(r"```sh\n(.*?)```", (lib.ROOT / "doc/evidence.md").read_text("utf-8"), re.S)
        self.assertGreater(len(blocks), 10)
        for block in blocks:
            result = subprocess.run(["sh", "-eu", "-c", block], cwd=self.folder, capture_output=True, text=True, check=False,
                                    env={**os.environ, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"})
            self.assertEqual(result.returncode, 0, f"{block}\n{result.stdout}{result.stderr}")


class Disclosures(Stamped):
    """Several disclosures, each whole and in hundreds of broken forms, in front of two verifiers."""

    def setUp(self):
        super().setUp()
        self.a, self.w, self.v = self.key("a"), self.key("w", witness=True), self.key("v", witness=True)
        self.dir = self.case(self.a)
        self.random = random.Random(6962)
        self.waiting, self.compared = {}, 0

    @contextlib.contextmanager
    def authority(self, *arguments):
        """A time-stamping authority on a port of this machine."""
        server = subprocess.Popen([sys.executable, TSA, "serve", self.tsa, *arguments], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        try:
            yield int(server.stdout.readline())
        finally:
            server.stdin.close()
            server.wait(10)
            server.stdout.close()

    def stamp(self, url, *arguments, code=0):
        return self.bulkhead("ledger", "stamp", self.dir, "--url", url, "--ca", self.tsa / "ca.pem", *arguments, code=code)

    def stamps(self):
        return [path.name for path in (self.dir / ARCHIVE).glob("*.tsr")]

    def sizes(self):
        """Of its checkpoints."""
        return [int(s) for s in re.findall(r"^\d+$", (self.dir / ARCHIVE / "checkpoints").read_text(), re.M)]

    def cosign(self, witness, size=None):
        """The latest checkpoint, or one of that size."""
        if size is None:
            request = self.write("request", self.bulkhead("ledger", "consistency", self.dir, "0").stdout)
        else:
            notes = re.findall(r"[^\n]+\n\d+\n[^\n]+\n\n(?:\u2014[^\n]+\n)+", (self.dir / ARCHIVE / "checkpoints").read_text())
            request = self.write("request", "old 0\n\n" + next(n for n in notes if n.split("\n")[1] == str(size)))
        line = self.bulkhead("ledger", "cosign", request, "--key", witness, "--log", f"{self.a}.pub", "--state",
                             self.folder / f"{witness.name}.seen").stdout
        self.bulkhead("ledger", "add", self.dir, self.write("line", line), "--witness", f"{witness}.pub",
                      *(["--size", str(size)] if size else []))

    def prove(self, *records, receiver=None):
        out = self.folder / "disclosure.json"
        self.bulkhead("prove", *records, "--archive", self.dir, "--out", out, *(["--receiver", receiver] if receiver else []))
        return json.loads(out.read_text())

    def theirs(self, data, trust):
        """The other verifier's exit code and what it read, without a process for each."""
        keys, witnesses = OTHER.read_keys(trust["keys"], 1), OTHER.read_keys(trust["witnesses"], 4)
        try:
            return 0, OTHER.check(Openssl(self.folder), data, keys, witnesses, trust["quorum"], trust["ca"])
        except OTHER.Wrong as e:
            return 1, str(e)
        except OTHER.Unjudged as e:
            return 4, str(e)

    def trust(self, *keys, witnesses=(), quorum=None, ca=None):
        keys, witnesses = [f"{k}.pub" for k in keys], [f"{w}.pub" for w in witnesses]
        quorum = len(witnesses) if quorum is None else quorum
        arguments = [x for k in keys for x in ("--key", k)] + [x for w in witnesses for x in ("--witness", w)]
        arguments += ["--quorum", str(quorum)] + (["--ca", ca] if ca else [])
        return {"keys": keys, "witnesses": witnesses, "quorum": quorum, "ca": ca and str(ca), "arguments": arguments}

    def both(self, data, trust, what, good=None):
        """Both verifiers give the same verdict; that it is `good`, where that is told. Ours is asked about many at once."""
        data = data if isinstance(data, bytes) else json.dumps(data).encode()
        path = self.write(f"judged-{self.compared}.json", data)
        self.compared += 1
        waiting = self.waiting.setdefault(tuple(map(str, trust["arguments"])), [])
        waiting.append((path, data, trust, what, good))
        if len(waiting) == 250:
            self.settle()

    def settle(self):
        for arguments, cases in self.waiting.items():
            result = lib.run("verify", "--json", *arguments, *(case[0] for case in cases))
            told = json.loads(result.stdout)
            told = told if len(cases) > 1 else [told]
            self.assertEqual(len(told), len(cases))
            codes = [0 if ours["fits"] else 1 if ours["judged"] else 4 for ours in told]
            self.assertEqual(result.returncode, max(codes))
            for ours, code, case in zip(told, codes, cases):
                self.compare(ours, code, *case)
                case[0].unlink()
        self.waiting.clear()

    def compare(self, ours, code, path, data, trust, what, good):
        self.assertEqual(ours["disclosure"], str(path))
        other, said = self.theirs(data, trust)
        self.assertEqual(code, other, f"{what}\nours: {ours}\ntheirs: {other} {said}")
        if good is not None:
            self.assertEqual(code == 0, good, f"{what}\n{ours}\n{said}")
        if code == 0:
            theirs = [{"run": run, "index": index, "record": record} for _, run, _, index, record in said["records"]]
            self.assertEqual(ours["records"], theirs, what)
            self.assertEqual(ours["key"]["id"], said["signer"].id.hex())
            self.assertEqual(sorted(c["name"] for c in ours["cosigners"]), sorted(name for name, _ in said["cosigned"]))

    # --- broken forms ---

    def places(self, value, path=()):
        yield path, value
        if isinstance(value, dict):
            for k, v in value.items():
                yield from self.places(v, path + (k,))
        elif isinstance(value, list):
            for i, v in enumerate(value):
                yield from self.places(v, path + (i,))

    @staticmethod
    def put(root, path, value):
        root = copy.deepcopy(root)
        at = root
        for k in path[:-1]:
            at = at[k]
        at[path[-1]] = value
        return root

    @staticmethod
    def drop(root, path):
        root = copy.deepcopy(root)
        at = root
        for k in path[:-1]:
            at = at[k]
        del at[path[-1]]
        return root

    def broken_values(self, value):
        """Other values for one place; whether the disclosure could still hold is for the verifiers to say."""
        if isinstance(value, bool) or value is None:
            return [0]
        if isinstance(value, int):
            return [value + 1, value - 1, float(value), str(value), -1, 1 << 63, (1 << 64) - 1, None, True]
        if isinstance(value, str):
            middle = len(value) // 2
            other = "A" if value[middle:middle + 1] != "A" else "B"
            return [value[:middle] + other + value[middle + 1:], value[:-1], value + "A", value + "\n", "", " " + value,
                    value.replace("+", "-", 1) + "=", value[:middle] + "\u0000" + value[middle:], 7, [value]]
        if isinstance(value, list):
            return [value[::-1] + [0] if len(value) < 2 else value[::-1], value + value[:1], value[1:], value[:-1], [], {}, "x"]
        return [[], None, {**value, "more": 1}, {}]

    def break_values(self, root, trust, keep=1.0):
        for path, value in self.places(root):
            for n, other in enumerate(self.broken_values(value)):
                if not path or (keep < 1 and self.random.random() > keep):
                    continue
                if other == value and type(other) is type(value):
                    continue
                self.both(self.put(root, path, other), trust, f"{path}[{n}]: {other!r}")
            if path:
                self.both(self.drop(root, path), trust, f"{path} left out",
                          good=None if "timestamp" in path or "rotations" in path or isinstance(path[-1], int) else False)

    def break_record_bytes(self, root, trust, step):
        for path, value in self.places(root):
            if path and path[-1] == "record":
                raw = base64.b64decode(value)
                for at in range(0, len(raw), step):
                    other = raw[:at] + bytes([raw[at] ^ 1 << at % 8]) + raw[at + 1:]
                    self.both(self.put(root, path, base64.b64encode(other).decode()), trust, f"{path} byte {at}", good=False)
                for other in (raw[:-1], raw + b"\0", raw[6:], b"", raw + raw):
                    self.both(self.put(root, path, base64.b64encode(other).decode()), trust, f"{path} length", good=False)

    def break_bytes(self, root, trust, n):
        """The file as a file: bytes flipped, cut off, put in. Some hit what means nothing (blanks, an unasked stamp)."""
        data = json.dumps(root, indent=1).encode()
        self.both(data, trust, "written otherwise", good=True)
        self.both(data.replace(b"runs", b"\\u0072uns", 1), trust, "escaped", good=True)
        for _ in range(n):
            at = self.random.randrange(len(data))
            self.both(data[:at] + bytes([data[at] ^ 1 << self.random.randrange(8)]) + data[at + 1:], trust, f"byte {at}")
            self.both(data[:at], trust, f"cut at {at}", good=False)
            self.both(data[:at] + bytes([self.random.randrange(256)]) + data[at:], trust, f"put in at {at}")
        for tail in (b"x", b"\0", b"{}", b"\xef\xbb\xbf"):
            self.both(data + tail, trust, f"{tail} behind it", good=False)
        self.both(b"\xef\xbb\xbf" + data, trust, "a byte order mark", good=False)
        self.both(b"[" * 5000 + b"]" * 5000, trust, "deep", good=False)
        self.both(data.replace(b'"version": 1', b'"version": 1, "version": 1'), trust, "a double", good=False)
        self.both(data.replace(b'"version": 1', b'"version": NaN'), trust, "no number", good=False)
        self.both(data.replace(b'"version": 1', b'"version": 2'), trust, "a newer version", good=False)
        self.both(data.replace(b'"version": 1', b'"version": 1.0'), trust, "a real", good=False)
        self.both(b"", trust, "nothing", good=False)

    def break_note(self, root, trust):
        note = root["checkpoint"]
        body, _, signatures = note.rpartition("\n\n")
        lines = signatures.splitlines(True)
        origin, size, tree = body.split("\n")
        raw = bytearray(base64.b64decode(lines[0].split()[-1]))
        others = [
            f"{origin}\n{int(size) + 1}\n{tree}\n\n{signatures}", f"{origin}x\n{size}\n{tree}\n\n{signatures}",
            f"{origin}\n0{size}\n{tree}\n\n{signatures}", f"{origin}\n{size}\n{tree[:-1]}\n\n{signatures}",
            f"{origin}\n{size}\n\n{signatures}", f"{body}\n{signatures}", f"{body}\nmore\n\n{signatures}", body + "\n\n",
            note[:-1], note + "\n", note.replace("\u2014", "-"), note.replace("\n", "\r\n"), note.replace("test", "tést"),
            f"{body}\n\n" + "".join(lines[1:]) if len(lines) > 1 else "x",
        ]
        for at in range(0, len(raw), 5):
            raw[at] ^= 1
            others.append(f"{body}\n\n{' '.join(lines[0].split()[:-1])} {base64.b64encode(raw).decode()}\n" + "".join(lines[1:]))
            raw[at] ^= 1
        for other in others:
            self.both({**root, "checkpoint": other}, trust, f"checkpoint {other!r}", good=False)
        # what nobody asked about, and what stands there twice, means nothing
        foreign = "\u2014 someone.example/else AAAAAAAA\n"
        for other in (f"{body}\n\n{foreign}{signatures}", note + foreign, note + lines[0]):
            self.both({**root, "checkpoint": other}, trust, f"checkpoint {other!r}", good=True)
        for line in ("\u2014 someone AAAA\n", "\u2014 some+one AAAAAAAA\n", "\u2014 someone else AAAAAAAA\n", "x\n", "\n",
                     "\u2014 some\u00a0one AAAAAAAA\n", "\u2014 s\u00e9\u2028 AAAAAAAA\n", "\u2014 someone A-AAAAAA\n",
                     "\u2014 s\u200bomeone AAAAAAAAA!\n", "\u2014 someone  AAAAAAAA\n", "\u2014 someone\n"):
            self.both({**root, "checkpoint": note + line}, trust, f"a line {line!r}")
        self.both({**root, "checkpoint": note + foreign * (101 - len(lines))}, trust, "more than 100 signatures", good=False)
        self.both({**root, "checkpoint": note + foreign * (100 - len(lines))}, trust, "100 signatures", good=True)

    def swap(self, root, trust):
        """Every part in another's place, where they differ."""
        runs = root["runs"]
        for i, run in enumerate(runs):
            for j, other in enumerate(runs):
                for name in ("line", "index", "path", "records"):
                    if i != j and run[name] != other[name]:
                        self.both(self.put(root, ("runs", i, name), other[name]), trust, f"{name} of run {j} in run {i}", False)
            for k, record in enumerate(run["records"]):
                for m, other in enumerate(run["records"]):
                    for name in ("index", "record", "path"):
                        if k != m and record[name] != other[name]:
                            self.both(self.put(root, ("runs", i, "records", k, name), other[name]), trust,
                                      f"{name} of record {m} in {k}", False)

    # --- the disclosures ---

    def test_one_record(self):
        trust = self.trust(self.a)
        root = self.prove(str(self.ids(self.dir, "flow")[0]))
        self.both(root, trust, "as it was written", good=True)
        self.break_values(root, trust)
        self.break_record_bytes(root, trust, 3)
        self.break_bytes(root, trust, 150)
        self.break_note(root, trust)
        self.both(root, self.trust(self.key("z")), "another key", good=False)
        self.both(root, self.trust(self.key("y"), self.a), "one key more", good=True)
        self.both(root, self.trust(self.a, witnesses=[self.w]), "a cosignature is wanted", good=False)
        self.both(root, self.trust(self.a, ca=self.tsa / "ca.pem"), "a stamp is wanted", good=False)
        self.settle()
        self.assertGreater(self.compared, 300)

    def test_many_records_of_every_kind(self):
        trust = self.trust(self.a)
        records = [f"{kind}:{i}" for kind in ("flow", "transaction", "detection", "binding", "coverage")
                   for i in self.ids(self.dir, kind)]
        root = self.prove(*records, records[0])
        self.assertEqual(sum(len(r["records"]) for r in root["runs"]), len(records))
        self.assertEqual(len(root["runs"]), 5)
        self.both(root, trust, "all there is", good=True)
        small = self.prove(*records[:3], f"detection:{self.ids(self.dir, 'detection')[0]}")
        self.swap(small, trust)
        self.break_values(root, trust, keep=0.15)
        self.break_record_bytes(root, trust, 97)
        self.break_bytes(root, trust, 15)
        self.settle()

    def test_cosigned(self):
        self.cosign(self.w)
        self.cosign(self.v)
        root = self.prove(str(self.ids(self.dir, "flow")[0]))
        self.assertEqual(root["checkpoint"].count("\u2014"), 3)
        for trust, good in ((self.trust(self.a, witnesses=[self.w, self.v]), True),
                            (self.trust(self.a, witnesses=[self.w, self.v], quorum=1), True),
                            (self.trust(self.a, witnesses=[self.w, self.w]), False),
                            (self.trust(self.a, witnesses=[self.key("u", witness=True)]), False),
                            (self.trust(self.a, witnesses=[self.folder / "u", self.v], quorum=1), True),
                            (self.trust(self.a, witnesses=[self.folder / "u", self.v]), False)):
            self.both(root, trust, trust["arguments"], good)
        trust = self.trust(self.a, witnesses=[self.w, self.v])
        self.break_note(root, trust)
        note = root["checkpoint"].splitlines(True)
        for i in range(len(note)):
            self.both({**root, "checkpoint": "".join(note[:i] + note[i + 1:])}, trust, f"without line {i}", good=False)
        for i in (-1, -2):  # a cosignature's time, and its bytes
            raw = bytearray(base64.b64decode(note[i].split()[-1]))
            for at in range(0, len(raw), 3):
                raw[at] ^= 1
                line = f"{' '.join(note[i].split()[:-1])} {base64.b64encode(raw).decode()}\n"
                self.both({**root, "checkpoint": "".join(line if n is note[i] else n for n in note)}, trust,
                          f"cosignature {i} byte {at}", good=False)
                raw[at] ^= 1
        self.settle()

    def test_time_stamped(self):
        with self.authority() as port:
            self.assertIn("500", self.stamp(f"http://127.0.0.1:{port}/refuse", code=4).stderr)
            self.assertEqual(self.stamps(), [])
            self.stamp(f"http://127.0.0.1:{port}/stamp")
        self.assertEqual(len(self.stamps()), 1)
        ca = self.tsa / "ca.pem"
        root = self.prove(str(self.ids(self.dir, "flow")[0]))
        trust = self.trust(self.a, ca=ca)
        self.both(root, trust, "stamped", good=True)
        self.both(root, self.trust(self.a), "stamped, and nobody asks", good=True)
        self.both(root, self.trust(self.a, ca=self.tsa / "other.pem"), "another authority", good=False)
        self.both(self.drop(root, ("timestamp",)), trust, "without its stamp", good=False)
        raw = bytearray(base64.b64decode(root["timestamp"]))
        for at in sorted({0, 1, 2, 3, 5, 10, *range(0, len(raw), max(1, len(raw) // 60)), len(raw) - 1}):
            raw[at] ^= 1
            self.both({**root, "timestamp": base64.b64encode(raw).decode()}, trust, f"stamp byte {at}")
            raw[at] ^= 1
        for other in (raw[:-1], raw + b"\0", b"", raw * 40):
            self.both({**root, "timestamp": base64.b64encode(other).decode()}, trust, "stamp's length", good=False)
        self.settle()
        # an archive's audit wants the same
        self.assertIn("stamped", self.bulkhead("verify", self.dir, "--key", f"{self.a}.pub", "--ca", ca).stdout)
        self.bulkhead("verify", self.dir, "--key", f"{self.a}.pub", "--ca", self.tsa / "other.pem", code=1)

    def test_a_stamp_over_https(self):
        """The server's certificate leads to another authority than the stamp's: neither stands for the other."""
        with self.authority("--tls") as port:
            url = f"https://127.0.0.1:{port}/stamp"
            for arguments in ([], ["--tls-ca", self.tsa / "ca.pem"], ["--tls-ca", self.tsa / "nothing"]):
                self.assertIn(url, self.stamp(url, *arguments, code=4).stderr)
            self.stamp(f"https://localhost:{port}/stamp", "--tls-ca", self.tsa / "tls-ca.pem", code=4)  # not its name
            self.stamp(f"http://127.0.0.1:{port}/stamp", code=4)
            self.bulkhead("ledger", "stamp", self.dir, "--url", url, "--ca", self.tsa / "tls-ca.pem", "--tls-ca",
                          self.tsa / "tls-ca.pem", code=1)
            self.assertEqual(self.stamps(), [])
            self.stamp(url, "--tls-ca", self.tsa / "tls-ca.pem")
        self.assertEqual(len(self.stamps()), 1)
        self.bulkhead("verify", self.dir, "--key", f"{self.a}.pub", "--ca", self.tsa / "ca.pem")

    def test_a_stamp_by_hand(self):
        ca, query, answer = self.tsa / "ca.pem", self.folder / "query.tsq", self.folder / "answer.tsr"
        self.bulkhead("ledger", "stamp", self.dir, "--request", query)
        reply = subprocess.run([sys.executable, TSA, "reply", self.tsa], input=query.read_bytes(), capture_output=True, check=True)
        answer.write_bytes(reply.stdout)
        self.bulkhead("ledger", "stamp", self.dir, "--response", answer, "--ca", self.tsa / "other.pem", code=1)
        self.assertEqual(list((self.dir / ARCHIVE).glob("*.tsr")), [])
        self.bulkhead("ledger", "stamp", self.dir, "--response", answer, "--request", query, "--ca", ca)
        size = (self.dir / ARCHIVE / "checkpoint").read_text().split("\n")[1]
        self.assertEqual((self.dir / ARCHIVE / f"checkpoint-{size}.tsr").read_bytes(), reply.stdout)
        # a stamp of another checkpoint isn't kept
        other = self.case(self.a, name="other")
        self.bulkhead("ledger", "stamp", other, "--response", answer, "--ca", ca, code=1)

    def sign_more(self, key):
        """Flow 999, which no key covers until this one signs."""
        more = self.write("more.json", '{"record": "flow", "id": 999, "protocol": 17, "initiator": "10.0.0.1", "responder": '
                                       '"10.0.0.2", "first": "2026-01-01T00:00:00Z", "last": "2026-01-01T00:00:00Z"}\n')
        self.bulkhead("archive", "import", self.dir / ARCHIVE, more)
        self.bulkhead("prove", "999", "--archive", self.dir, "--out", self.folder / "x", code=4)
        self.bulkhead("ledger", "sign", self.dir, "--key", key)

    def test_rotated(self):
        """Twice, each by the key before: one disclosure made for the oldest key serves the holders of all three."""
        b, c = self.key("b"), self.key("c")
        flow = str(self.ids(self.dir, "flow")[0])
        self.bulkhead("ledger", "rotate", self.dir, "--key", self.a, "--new", b)
        self.bulkhead("ledger", "rotate", self.dir, "--key", b, "--new", c)
        self.sign_more(c)
        root = self.prove(flow, "999", receiver=f"{self.a}.pub")
        self.assertEqual(len(root["rotations"]), 2)
        for key, good in ((self.a, True), (b, True), (c, True), (self.key("z"), False)):
            self.both(root, self.trust(key), f"{key}", good)
        trust = self.trust(self.a)
        first, second = root["rotations"]
        for rotations, good in (([first], False), ([second], False), ([second, first], False), ([], False),
                                ([second, first, second], True), ([first, first, second], True)):
            self.both({**root, "rotations": rotations}, trust, f"{len(rotations)} of them", good)
        self.break_values(root, trust)
        self.both({**root, "rotations": root["rotations"] * 40}, trust, "too many", good=False)
        self.settle()
        for key in (self.a, b, c):
            self.bulkhead("verify", self.dir, "--key", f"{key}.pub")
        # of what older checkpoints cover too one that the receiver can follow is taken, not the best witnessed
        self.cosign(self.w, size=self.sizes()[0])
        for key in (self.a, b, c):
            self.both(self.prove(flow, receiver=f"{key}.pub"), self.trust(key), f"for {key.name}", good=True)
        self.settle()
        self.assertIn("receiver's key", self.bulkhead("prove", flow, "--archive", self.dir, "--out", self.folder / "x",
                                                      "--receiver", self.folder / "z.pub", code=4).stderr)

    def test_a_key_that_hands_over_twice(self):
        """Once to be replaced: who trusts the one that came between doesn't thereby trust the last."""
        b, c = self.key("b"), self.key("c")
        flow = str(self.ids(self.dir, "flow")[0])
        self.bulkhead("ledger", "rotate", self.dir, "--key", self.a, "--new", b)
        self.bulkhead("ledger", "rotate", self.dir, "--key", self.a, "--new", c)
        root = self.prove(flow, receiver=f"{self.a}.pub")
        for key, good in ((self.a, True), (b, False), (c, True)):
            self.both(root, self.trust(key), f"{key}", good)
        self.settle()

    def test_a_foreign_key_hands_nothing_over(self):
        """Whoever has the archive can enter a key and sign; nobody follows."""
        z, y, flow = self.key("z"), self.key("y"), str(self.ids(self.dir, "flow")[0])
        self.bulkhead("ledger", "rotate", self.dir, "--key", z, "--new", y, code=1)
        with (self.dir / ARCHIVE / "ledger").open("a") as log:
            log.write("key " + (self.folder / "y.pub").read_text())
        self.bulkhead("ledger", "sign", self.dir, "--key", z, "--key", y)
        found = self.bulkhead("verify", self.dir, "--key", f"{self.a}.pub", code=1).stdout
        self.assertIn("not signed by a trusted key", found)
        size = (self.dir / ARCHIVE / "checkpoint").read_text().split("\n")[1]
        self.bulkhead("prove", flow, "--checkpoint", size, "--archive", self.dir, "--out", self.folder / "x", "--receiver",
                      f"{self.a}.pub", code=4)
        root = self.prove(flow, "--checkpoint", size, receiver=f"{z}.pub")
        self.assertEqual(len(root["rotations"]), 1)
        for key, good in ((self.a, False), (z, True), (y, True)):
            self.both(root, self.trust(key), f"{key}", good)
        self.settle()

    def test_a_key_that_is_gone_is_followed_to_the_next(self):
        """Signed by the new key alone: who has the old one needs to be shown how it handed over."""
        b = self.key("b")
        flow = str(self.ids(self.dir, "flow")[0])
        self.bulkhead("ledger", "rotate", self.dir, "--key", self.a, "--new", b)
        self.sign_more(b)
        plain = self.prove(flow, "999")
        self.assertNotIn("rotations", plain)
        self.both(plain, self.trust(b), "the new key", good=True)
        self.both(plain, self.trust(self.a), "the old key, and nothing leads from it", good=False)
        root = self.prove(flow, "999", receiver=f"{self.a}.pub")
        self.assertEqual(len(root["rotations"]), 1)
        self.both(root, self.trust(self.a), "the old key, which handed over", good=True)
        self.both(root, self.trust(b), "the new key, which signed that too", good=True)
        self.both(self.drop(root, ("rotations",)), self.trust(self.a), "without that", good=False)
        self.break_values(root, self.trust(self.a))
        self.settle()

    def test_what_cannot_be_proven_is_told(self):
        out = self.folder / "x"
        for arguments, code in ((["99999"], 4), (["detection:99999"], 4), (["nothing:1"], 2), (["x"], 2), ([], 2)):
            self.bulkhead("prove", *arguments, "--archive", self.dir, "--out", out, code=code)
            self.assertFalse(out.exists())
        self.bulkhead("prove", "1", "--archive", self.dir, code=2)
        unsigned = self.case(name="unsigned")
        self.assertIn("ledger sign", self.bulkhead("prove", "1", "--archive", unsigned, "--out", out, code=4).stderr)
        self.bulkhead("verify", self.dir / "report.html", "--key", f"{self.a}.pub", code=1)
        self.bulkhead("verify", self.dir / "report.html", code=2)

    def test_the_other_verifier_as_a_program(self):
        self.prove(str(self.ids(self.dir, "flow")[0]))
        path = self.folder / "disclosure.json"

        def run(*arguments):
            return subprocess.run([sys.executable, VERIFIER, *map(str, arguments)], capture_output=True, text=True, check=False)

        key = (self.folder / "a.pub").read_text().strip()
        result = run(path, "--key", key)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("is proven", result.stdout)
        self.assertEqual(json.loads(run(path, "--key", key, "--json").stdout)["records"],
                         json.loads(self.bulkhead("verify", path, "--key", key, "--json").stdout)["records"])
        self.assertEqual(run(path).returncode, 2)
        self.assertEqual(run(path, "--key", "x").returncode, 2)
        self.assertEqual(run(self.folder / "nothing", "--key", key).returncode, 4)
        self.assertEqual(run(lib.VISIT, "--key", key).returncode, 1)


class Lists(unittest.TestCase):
    """What the second verifier has written down of the records is what the schema and the headers say."""

    def test_the_schema(self):
        kinds, kind = {}, None
        for line in (lib.ROOT / "src/msg/records.schema").read_text().splitlines():
            words = line.partition("#")[0].split()
            if words[:1] == ["record"]:
                kind = words[1]
                kinds[kind] = (int(words[2]), [])
            elif words:
                kinds[kind][1].append("app app" if words == ["u16", "app"] else " ".join(words))
        self.assertEqual({k: (n, s.split(", ")) for k, (n, s) in OTHER.KINDS.items()}, kinds)

    def test_applications_and_fields(self):
        apps = re.findall(r'X\(\w+, "([^"]+)", \w+, \(', (lib.ROOT / "src/net/app.h").read_text())
        self.assertEqual(OTHER.APPS, apps)
        fields = re.findall(r'X\(\w+, "([^"]*)", (\w+)\)', (lib.ROOT / "src/net/field.h").read_text())
        shown = {"HEX": ":x", "ADDR": ":a"}
        self.assertEqual(OTHER.FIELDS, [(name or "-") + shown.get(kind, "") for name, kind in fields])


if __name__ == "__main__":
    lib.main()
