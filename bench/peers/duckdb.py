# SPDX-License-Identifier: GPL-2.0-or-later
"""DuckDB through its package for Node, two threads, a table in the order of time with each column's smallest type."""
import json
import pathlib
import shutil

from . import common

HERE = pathlib.Path(__file__).resolve().parent
TYPES = {1: "UTINYINT", 2: "USMALLINT", 4: "UINTEGER", 8: "UBIGINT", "time": "BIGINT", "text": "VARCHAR"}


class DuckDB:
    name = "duckdb"

    def __init__(self, work):
        self.work = work / "duckdb"
        self.work.mkdir()
        self.database = self.work / "flows.duckdb"

    def available(self):
        if not shutil.which("node") or not shutil.which("npm"):
            return "node or npm is not installed"
        for name in ("package.json", "package-lock.json", "duckdb.mjs"):
            shutil.copy(HERE / name, self.work)
        try:
            # not `npm ci`: it wants every platform's package in the registry
            common.run(["npm", "install", "--no-audit", "--no-fund"], cwd=self.work)
        except common.subprocess.CalledProcessError as e:
            return "npm: " + e.stderr.strip().splitlines()[-1]
        return None

    def job(self, **job):
        return json.loads(common.run(["node", "duckdb.mjs"], cwd=self.work, input=json.dumps({"database": str(self.database), **job})))

    def load(self, source):
        told = self.job(do="load", columns=[(n, TYPES[t]) for n, t in common.COLUMNS], files=f"{source}/*.csv")
        self.version = told["version"]
        return {"seconds": told["whole"]["seconds"], "processor": told["whole"]["processor"], "bytes": told["bytes"],
                "note": f"{self.version}; reading the text alone: {told['read']['seconds']:.0f} s, {told['read']['processor']:.0f} s of processor"}

    def hunt(self, lists, runs, cold, answers):
        return self.job(do="hunt", lists=[{"path": str(l.path), "name": l.name, "domains": l.domains} for l in lists], runs=runs, cold=cold,
                        answers=str(answers))

    def close(self):
        shutil.rmtree(self.work, ignore_errors=True)
