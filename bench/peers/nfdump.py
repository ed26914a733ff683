# SPDX-License-Identifier: GPL-2.0-or-later
"""nfdump over files that bench_history writes in its own format, compressed with LZ4 by nfdump itself. Addresses only: it holds
no names. What is measured is the whole command with the least that it can print: how many flows, packets and bytes."""
import re
import shutil
import time

from . import common

RUNS = 2  # each reads everything, whatever the list holds, which takes half a minute of a hundred million


class Nfdump:
    name = "nfdump"

    def __init__(self, work):
        self.work = work / "nfdump"
        self.work.mkdir()

    def available(self):
        return None if shutil.which("nfdump") else "nfdump is not installed"

    def load(self, source):
        """source: bench_history's command without an output."""
        common.run([*source, "--nfdump", self.work])
        raw = common.size_of(self.work)
        start = time.monotonic()
        common.run(["nfdump", "-J", "3", "-R", self.work])
        seconds = time.monotonic() - start
        size = common.size_of(self.work)
        version = common.run(["nfdump", "-V"]).split()[-1].rsplit("NEL", 1)[-1]
        return {"seconds": None, "processor": None, "bytes": size,
                "note": f"{version}; {raw / 1e9:.1f} GB as written by the generator, compressed to {size / 1e9:.1f} GB in {seconds:.0f} s; ingest not measured"}

    def ask(self, path):
        start = time.monotonic()
        said = common.run(["nfdump", "-R", self.work, "-N", "-o", "null", "-f", path])
        return (time.monotonic() - start) * 1e3, said

    def hunt(self, lists, runs, cold, answers):
        result = {}
        for one in lists:
            if one.domains or one.kind != "feed":
                continue
            path = self.work.with_name("nfdump.filter")
            path.write_text("ip in [\n" + "\n".join(one.values()) + "\n]\n", encoding="ascii")
            said = self.ask(path)[1]
            summary = re.search(r"total flows: (\d+), total bytes: (\d+)", said)
            warm = [self.ask(path)[0] for _ in range(min(runs, RUNS))]
            colds = []
            for _ in range(min(cold, 1)):
                common.drop_pages()
                colds.append(self.ask(path)[0])
            result[one.name] = {"form": "command", "warm_ms": warm, "cold_ms": colds, "total": (int(summary[1]), int(summary[2]))}
        return result

    def close(self):
        shutil.rmtree(self.work, ignore_errors=True)
