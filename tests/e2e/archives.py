# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of `bulkhead archive` share: archives made of rows, digests of folders, records as text."""
import hashlib
import re

import lib

SECOND = 10**9
BEGIN = 1_767_225_600  # 2026-01-01T00:00:00Z
DAY = 86400


def schema():
    """{kind: [(type, name)]} of src/msg/records.schema."""
    kinds, fields = {}, None
    for line in (lib.ROOT / "src" / "msg" / "records.schema").read_text(encoding="utf-8").splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0] == "record":
            fields = kinds[words[1]] = []
        else:
            fields.append((words[0], words[1]))
    return kinds


def digest(folder):
    """{name: SHA-256} of all files in a folder; None where there is none."""
    if not folder.exists():
        return None
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


class Test(lib.Test):
    def does(self, code, *arguments):
        """Runs `bulkhead archive ...`, which must end with that code."""
        result = lib.run("archive", *arguments)
        self.assertEqual(result.returncode, code, f"{arguments}\n{result.stdout}{result.stderr}")
        return result

    def stat(self, archive):
        return lib.json.loads(self.does(0, "stat", "--json", archive).stdout)

    def count(self, archive, kind="flow"):
        return next(k["records"] for k in self.stat(archive)["kinds"] if k["record"] == kind)

    def export(self, archive, *options):
        return self.does(0, "export", *options, archive).stdout

    def rows(self, name, n, first=BEGIN, last=None, responder="203.0.113.7"):
        """A CSV file of n flows, a second apart, with times in seconds."""
        lines = ["initiator,responder,initiator_port,responder_port,protocol,first,last,packets_out,packets_in,wire_out,wire_in"]
        for i in range(n):
            lines.append(f"10.0.{i >> 8 & 255}.{i & 255},{responder},{1024 + i % 60000},443,6,{first + i},{last or first + i + 1},3,2,{300 + i % 977},{200 + i % 991}")
        return self.write(name, "\n".join(lines) + "\n")

    def archive_of(self, runs, name="archive", n=1100):
        """An archive with a segment of n flows for each beginning in `runs`."""
        archive = self.folder / name
        for i, first in enumerate(runs):
            self.does(0, "import", "--time", "s", archive, self.rows(f"{name}-{i}.csv", n, first))
        return archive

    def segments(self, archive, kind="flow"):
        return sorted(p.name for p in archive.iterdir() if re.fullmatch(rf"{kind}-[-0-9]+\.seg", p.name))

    def fits(self, archive):
        result = lib.run("verify", archive)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result.stdout

    def hunt(self, archive, indicator):
        result = lib.run("hunt", "--json", indicator, "--archive", archive)
        self.assertIn(result.returncode, (0, 1), result.stderr)
        return lib.json.loads(result.stdout)
