#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Hunts in the archive find what SQLite finds in the same million generated flows (bench/history.md), record by record.

BENCH names the folder of bench_history and bench_hunts.
"""
import csv
import os
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

import lib

BENCH = pathlib.Path(os.environ.get("BENCH", lib.ROOT / "build" / "bench"))
FLOWS = 1_000_000
DAYS = 20
COLUMNS = ["id", "duplicate_of", "initiator", "responder", "first", "last", "wire_out", "wire_in", "name"]
SUMS = "count(*), sum(wire_out), sum(wire_in), min(first), max(last)"


def tool(name, *arguments):
    done = subprocess.run([str(BENCH / name), *map(str, arguments)], capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        raise AssertionError(f"{name}: {done.returncode}\n{done.stderr}")
    return done.stdout


def number(address):
    a, b, c, d = map(int, address.split("."))
    return (a << 24) + (b << 16) + (c << 8) + d


def read_rows(folder):
    for part in sorted(folder.glob("*.csv")):
        with open(part, encoding="ascii", newline="") as lines:
            rows = csv.reader(lines)
            head = next(rows)
            places = [head.index(c) for c in COLUMNS]
            for row in rows:
                yield [row[p] for p in places]


class HuntEqual(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="bulkhead-e2e-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        for name in ("csv", "lists"):
            (cls.folder / name).mkdir()
        cls.archive = cls.folder / "archive"
        tool("bench_history", "--flows", FLOWS, "--days", DAYS, "--assets", 600, "--names", 60000, "--archive", cls.archive, "--csv",
             cls.folder / "csv", "--indicators", cls.folder / "lists")
        cls.database = sqlite3.connect(":memory:")
        kinds = ["INTEGER PRIMARY KEY"] + ["INTEGER"] * 7 + ["TEXT"]
        cls.database.execute(f"CREATE TABLE flows ({', '.join(f'{c} {k}' for c, k in zip(COLUMNS, kinds))})")
        cls.database.executemany(f"INSERT INTO flows VALUES ({','.join('?' * len(COLUMNS))})", read_rows(cls.folder / "csv"))
        for column in ("initiator", "responder", "name"):
            cls.database.execute(f"CREATE INDEX by_{column} ON flows ({column})")
        cls.database.execute("CREATE TABLE wanted (value, key)")
        cls.begin, cls.end = cls.database.execute("SELECT min(first), max(last) FROM flows").fetchone()

    def want(self, values, domains):
        """Fills `wanted`: each indicator with every key of the flows that it stands for."""
        self.database.execute("DELETE FROM wanted")
        if domains:
            values = set(values)
            pairs = []
            for (name,) in self.database.execute("SELECT DISTINCT name FROM flows WHERE name <> ''"):
                labels = name.split(".")
                pairs += [(s, name) for s in (".".join(labels[i:]) for i in range(len(labels))) if s in values]
        else:
            pairs = [(v, number(v)) for v in values]
        self.database.executemany("INSERT INTO wanted VALUES (?, ?)", pairs)

    def sqlite_finds(self, path, domains, window, duplicates):
        """The ids, and {indicator: sums}."""
        self.want(set(path.read_text(encoding="ascii").split()), domains)
        joins = [f"SELECT value, flows.* FROM wanted CROSS JOIN flows INDEXED BY by_{c} ON flows.{c} = key"
                 for c in (["name"] if domains else ["initiator", "responder"])]
        where = [] if duplicates else ["duplicate_of = 0"]
        where += [f"first < {window[1]} AND last >= {window[0]}"] if window else []
        flows = f"({' UNION ALL '.join(joins)})" + (f" WHERE {' AND '.join(where)}" if where else "")
        ids = {i for (i,) in self.database.execute(f"SELECT DISTINCT id FROM {flows}")}
        return ids, {row[0]: row[1:] for row in self.database.execute(f"SELECT value, {SUMS} FROM {flows} GROUP BY value")}

    def archive_finds(self, paths, window, duplicates):
        """{list: (ids, {indicator: sums})}"""
        answers = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        options = ["--from", window[0], "--to", window[1]] if window else []
        options += ["--duplicates"] if duplicates else []
        tool("bench_hunts", "--runs", 1, "--ids", answers, "--answers", answers, *options, self.archive, *paths)
        result = {}
        for path in paths:
            ids = [int(line) for part in answers.glob(f"{path.name}.ids.*") for line in part.read_text(encoding="ascii").split()]
            self.assertEqual(len(ids), len(set(ids)), f"{path.name}: a record was given twice")
            lines = (answers / f"{path.name}.csv").read_text(encoding="ascii").splitlines()
            result[path] = set(ids), {l.split(",")[0]: tuple(map(int, l.split(",")[1:])) for l in lines}
        return result

    def check(self, names, domains=False, window=None, duplicates=False, least=1):
        """Compares every list and gives how many flows were found in all."""
        paths = [self.folder / "lists" / f"{n}.txt" for n in names]
        found = self.archive_finds(paths, window, duplicates)
        total = 0
        for path in paths:
            ids, sums = found[path]
            wanted_ids, wanted_sums = self.sqlite_finds(path, domains, window, duplicates)
            self.assertEqual(len(ids ^ wanted_ids), 0, f"{path.name}: {len(ids)} records, not {len(wanted_ids)}: {sorted(ids ^ wanted_ids)[:5]} …")
            self.assertEqual(sums, wanted_sums, path.name)
            total += len(ids)
        self.assertGreaterEqual(total, least, "nothing was compared")
        return total

    def write(self, name, values):
        (self.folder / "lists" / f"{name}.txt").write_text("".join(v + "\n" for v in values), encoding="ascii")
        return name

    def test_the_history_is_what_was_asked_for(self):
        count, counting, last = self.database.execute("SELECT count(*), sum(duplicate_of = 0), max(id) FROM flows").fetchone()
        self.assertEqual((count, last), (FLOWS, FLOWS))
        self.assertLess(counting, FLOWS)

    def test_addresses(self):
        self.check([f"addrs-{k}-{n}" for k in ("feed", "head", "every") for n in (10, 1000)] + ["addrs-feed-100000", "addrs-every-100000"], least=100000)

    def test_addresses_of_machines_inside(self):
        inside = [a for (a,) in self.database.execute("SELECT DISTINCT initiator FROM flows WHERE initiator BETWEEN 167772160 AND 184549375 LIMIT 5")]
        texts = [".".join(str(a >> s & 255) for s in (24, 16, 8, 0)) for a in inside]
        self.check([self.write("inside", texts)], least=100)

    def test_addresses_that_never_occurred(self):
        self.assertEqual(self.check([self.write("never", ["192.0.2.1", "198.51.100.77", "255.255.255.254", "0.0.0.1"])], least=0), 0)

    def test_addresses_within_a_window(self):
        day = 86400 * 10**9
        middle = self.begin + (self.end - self.begin) // 2
        windows = ((middle, middle + day), (middle, middle + 1), (self.begin, self.begin + 8 * day), (self.end - day, self.end + day))
        found = [self.check(["addrs-every-1000", "addrs-head-1000"], window=w, least=0) for w in windows]
        self.assertGreater(min(found[0], *found[2:]), 0, found)
        self.assertLess(max(found[:2]), found[2])

    def test_the_ends_of_a_window(self):
        """A flow that ends when the window begins is in it, one that begins when the window ends isn't."""
        first, last, responder = self.database.execute(
            "SELECT first, last, responder FROM flows WHERE duplicate_of = 0 AND last > first AND id > 500000 LIMIT 1").fetchone()
        one = self.write("one", [".".join(str(responder >> s & 255) for s in (24, 16, 8, 0))])
        for window in ((last, last + 1), (last + 1, last + 2), (first - 1, first), (first, first + 1)):
            self.check([one], window=window, least=0)

    def test_both_records_of_a_flow_where_duplicates_are_asked_for(self):
        names = ["addrs-every-1000", "addrs-head-1000"]
        self.assertGreater(self.check(names, duplicates=True), self.check(names))

    def test_domains(self):
        self.check(["domains-feed-1000", "domains-every-1000", "domains-head-100000"], domains=True, least=10000)

    def test_domains_with_what_stands_below_them(self):
        names = [n for (n,) in self.database.execute("SELECT DISTINCT name FROM flows WHERE name <> '' ORDER BY name LIMIT 3000")]
        parents = sorted({n.split(".", 1)[1] for n in names[::50]})
        self.check([self.write("parents", parents)], domains=True, least=1000)

    def test_an_ending_that_is_no_parent_is_none(self):
        name = self.database.execute("SELECT name FROM flows WHERE name LIKE '%.%.%' LIMIT 1").fetchone()[0]
        self.assertEqual(self.check([self.write("ending", [name[1:]])], domains=True, least=0), 0)


if __name__ == "__main__":
    lib.main()
