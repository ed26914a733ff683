# SPDX-License-Identifier: GPL-2.0-or-later
"""SQLite with indexes on both addresses and the name."""
import csv
import pathlib
import resource
import shutil
import sqlite3
import statistics
import time

from . import common

SUMS = "count(*), sum(wire_out), sum(wire_in), min(first), max(last)"


def form(domains):
    half = ("SELECT value, wire_out, wire_in, first, last FROM indicator CROSS JOIN flows INDEXED BY by_{0} ON flows.{0} = value "
            "WHERE duplicate_of = 0")
    if domains:
        return f"SELECT value, {SUMS} FROM ({half.format('name')}) GROUP BY value"
    return f"SELECT value, {SUMS} FROM ({half.format('responder')} UNION ALL {half.format('initiator')}) GROUP BY value"


def processor():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class SQLite:
    name = "sqlite"

    def __init__(self, work):
        self.work = work / "sqlite"
        self.work.mkdir()
        self.database = None

    def available(self):
        return None

    def open(self):
        self.database = sqlite3.connect(self.work / "flows.sqlite")
        self.database.execute("PRAGMA cache_size = -1000000")
        self.database.execute("PRAGMA mmap_size = 1000000000000")

    def load(self, source):
        self.open()
        self.database.execute("PRAGMA journal_mode = OFF")
        self.database.execute("PRAGMA synchronous = OFF")
        columns = ", ".join(f'"{n}" {"TEXT" if t == "text" else "INTEGER"}' for n, t in common.COLUMNS[1:])
        self.database.execute(f"CREATE TABLE flows (id INTEGER PRIMARY KEY, {columns})")
        start, used = time.monotonic(), processor()
        for path in sorted(pathlib.Path(source).glob("*.csv")):
            with open(path, encoding="ascii", newline="") as part:
                rows = csv.reader(part)
                next(rows)
                self.database.executemany(f"INSERT INTO flows VALUES ({','.join('?' * len(common.COLUMNS))})", rows)
        for name in ("initiator", "responder", "name"):
            self.database.execute(f"CREATE INDEX by_{name} ON flows ({name})" + (" WHERE name <> ''" if name == "name" else ""))
        self.database.commit()
        return {"seconds": time.monotonic() - start, "processor": processor() - used, "bytes": common.size_of(self.work),
                "note": f"{sqlite3.sqlite_version}, from Python, indexes built afterwards"}

    def fill(self, one):
        self.database.execute("DROP TABLE IF EXISTS temp.indicator")
        self.database.execute("CREATE TEMP TABLE indicator (value PRIMARY KEY) WITHOUT ROWID")
        self.database.executemany("INSERT INTO indicator VALUES (?)", ((k,) for k in one.keys()))

    def ask(self, one):
        start = time.monotonic()
        rows = self.database.execute(form(one.domains) if not one.domains else
                                     form(True).replace("WHERE duplicate", "WHERE flows.name <> '' AND duplicate")).fetchall()
        return (time.monotonic() - start) * 1e3, rows

    def hunt(self, lists, runs, cold, answers):
        result = {}
        for one in lists:
            self.fill(one)
            rows = self.ask(one)[1]
            warm = [self.ask(one)[0] for _ in range(runs)]
            (answers / f"{one.name}.{self.name}.csv").write_text("".join(",".join(map(str, r)) + "\n" for r in rows), encoding="ascii")
            colds = []
            for _ in range(cold):
                self.database.close()
                common.drop_pages()
                start = time.monotonic()
                self.open()
                opened = (time.monotonic() - start) * 1e3
                self.fill(one)
                colds.append(opened + self.ask(one)[0])
            result[one.name] = {"form": "index", "warm_ms": warm, "cold_ms": colds, "median": statistics.median(warm)}
        return result

    def close(self):
        if self.database:
            self.database.close()
        shutil.rmtree(self.work, ignore_errors=True)
