#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The archive on a generated history (bench/history.md), beside DuckDB, ClickHouse, nfdump and SQLite on the same data in the same run.

archive.py [--flows N] [--work FOLDER] [--build FOLDER] [--runs N] [--cold N] [--peers NAME,...] [--update]. Prints the section "Archive" of
bench/RESULTS.md. Needs about 300 bytes of disk a flow in the folder, and cleans up after itself. Page caches are dropped by
/proc/sys/vm/drop_caches where that may be written (root); peers are measured cold only then. A peer that is not there is left out
and named: apt-get install nfdump clickhouse-server nodejs npm.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from peers import common
from peers.clickhouse import ClickHouse
from peers.duckdb import DuckDB
from peers.nfdump import Nfdump
from peers.sqlite import SQLite

BENCH = pathlib.Path(__file__).resolve().parent
ROOT = BENCH.parent
PEERS = {"duckdb": DuckDB, "clickhouse": ClickHouse, "nfdump": Nfdump, "sqlite": SQLite}
LISTS = ["addrs-feed-10", "addrs-feed-1000", "addrs-feed-100000", "addrs-head-10", "addrs-head-1000", "addrs-head-100000", "addrs-every-10",
         "addrs-every-1000", "addrs-every-100000", "domains-feed-1000", "domains-feed-100000", "domains-every-100000"]
BYTES_A_FLOW = 300
TENTH = 10
VERIFY_GB_A_CORE = 1.0
AIMS = {"addrs-feed-1000.txt": 20, "addrs-feed-100000.txt": 500}
PEER_RATIO = 20  # at 1,000 addresses, of DuckDB and ClickHouse
FLOWS_A_SECOND, BYTES, SPREAD_S = 1.0e6, 24, 2
SECTION = "## Archive (`make bench-archive`)"


def say(*words):
    """Progress, beside the report."""
    print(f"[{datetime.datetime.now():%H:%M:%S}]", *words, file=sys.stderr, flush=True)


def ms(values):
    if not values:
        return "–"
    v = statistics.median(values)
    return f"{v:.0f}" if v >= 100 else f"{v:.1f}" if v >= 1 else f"{v:.2f}"


def ratio(theirs, mine):
    if not theirs or not mine:
        return "–"
    v = statistics.median(theirs) / statistics.median(mine)
    return f"{v:.0f}" if v >= 10 else f"{v:.1f}" if v >= 1 else f"{v:.2f}"


def machine():
    model = next((l.split(":", 1)[1].strip() for l in open("/proc/cpuinfo", encoding="ascii") if l.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB of memory, Linux {platform.release().split('-')[0]}"


class Ours:
    """The archive, by bench_hunts from within a process and by the command."""

    def __init__(self, args, work, flows, stop=None):
        self.args, self.work, self.folder = args, work, work / ("archive" if stop is None else "archive-part")
        self.history = [args.build / "bench" / "bench_history", "--flows", str(flows)] + (["--stop", str(stop)] if stop else [])
        self.bulkhead = args.build / "bulkhead"

    def make(self, lists=None):
        extra = ["--indicators", lists] if lists else []
        # a separate run makes the lists: nothing but the archive beside the archive
        self.told = json.loads(common.run([*self.history, "--archive", self.folder]))
        if lists:
            self.told.update({k: v for k, v in json.loads(common.run([*self.history, *extra])).items() if k.endswith("_outside")})
        return self.told

    def hunt(self, lists, runs, cold, answers):
        lines = common.run([self.args.build / "bench" / "bench_hunts", "--runs", runs, "--cold", cold, "--answers", answers, self.folder,
                            *(l.path for l in lists)]).splitlines()
        told = {pathlib.Path(t["list"]).name: t for t in map(json.loads, lines)}
        for t in told.values():
            t["cold_ms"] = [a + b for a, b in zip(t["cold_open_ms"], t["cold_hunt_ms"])]
        return told

    def has(self, verb):
        return subprocess.run([self.bulkhead, verb, "--help"], capture_output=True, check=False).returncode == 0

    def time_command(self, arguments, runs, cold=False):
        """Milliseconds of each run, and what the last one said."""
        taken = []
        for _ in range(runs):
            if cold:
                common.drop_pages()
            start = time.monotonic()
            done = subprocess.run([str(a) for a in (self.bulkhead, *arguments)], capture_output=True, text=True, check=False)
            taken.append((time.monotonic() - start) * 1e3)
            if done.returncode not in (0, 1):
                raise RuntimeError(f"bulkhead {' '.join(map(str, arguments))}: {done.stderr.strip()}")
        return taken, done.stdout

    def processor_of_command(self, arguments):
        """Seconds on the clock, seconds of processor, and what it said."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken, said = self.time_command(arguments, 1)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return taken[0] / 1e3, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, said

    def merge(self):
        """What `bulkhead archive compact` takes, and the bytes that are left."""
        wall, processor, said = self.processor_of_command(("archive", "compact", self.folder))
        return {"wall": wall, "processor": processor, "said": " ".join(said.split()),
                "bytes": sum(f.stat().st_size for f in self.folder.iterdir())}

    def spread(self):
        """From one seed; a client, a third of the way through: 10.10.0.20 is there whatever the options."""
        return json.loads(common.run([self.args.build / "bench" / "bench_seed", "--runs", 3, self.folder, "10.10.0.20", "2026-02-07T09:00:00Z"]))

    def command(self, lists, runs, cold):
        if not self.has("hunt"):
            return {}
        result = {}
        for one in lists:
            arguments = ("hunt", one.path, "--archive", self.folder, "--json")
            self.time_command(arguments, 1)
            result[one.name] = {"warm_ms": self.time_command(arguments, runs)[0],
                                "cold_ms": self.time_command(arguments, cold, cold=True)[0] if cold else []}
        return result


def compare(answers, lists, peer, totals=None):
    """Whether a peer's answers are ours, indicator by indicator: what differs, as sentences."""
    wrong = []
    for one in lists:
        if totals is None:
            ours = common.read_answer(answers / f"{one.name}.csv", one.domains)
            theirs = common.read_answer(answers / f"{one.name}.{peer}.csv", one.domains)
            if ours != theirs:
                keys = [k for k in set(ours) | set(theirs) if ours.get(k) != theirs.get(k)]
                wrong.append(f"{one.name}: {len(keys)} of {len(ours)} indicators differ, as {keys[0]}: {ours.get(keys[0])} and {theirs.get(keys[0])}")
        elif one.name in totals:
            ours = common.read_answer(answers / f"{one.name}.csv", one.domains)
            total = (sum(v[0] for v in ours.values()), sum(v[1] + v[2] for v in ours.values()))
            if total != totals[one.name]:
                wrong.append(f"{one.name}: flows and bytes {total} and {totals[one.name]}")
    return wrong


def measure_peer(name, ours, lists, work, args, sources):
    """One peer from loading to taking it away. {load, hunts, wrong} or {missing}."""
    peer = PEERS[name](work)
    try:
        missing = peer.available()
        if missing:
            return {"missing": missing}
        say(name, "loads")
        load = peer.load(sources[name])
        say(name, "hunts")
        cold = min(args.cold, 3) if common.can_drop() else 0
        hunts = peer.hunt(lists, args.runs, cold, args.answers / ("part" if name == "sqlite" else "whole"))
        totals = {k: v["total"] for k, v in hunts.items()} if name == "nfdump" else None
        asked = [l for l in lists if l.name in hunts]
        wrong = compare(args.answers / ("part" if name == "sqlite" else "whole"), asked, name, totals)
        return {"load": load, "hunts": hunts, "wrong": wrong}
    finally:
        peer.close()


REPORT = []


def tell(text=""):
    """A line of the report."""
    REPORT.append(text)
    print(text, flush=True)


def row(*cells):
    tell("| " + " | ".join(str(c) for c in cells) + " |")


def table(*head):
    tell()
    row(*head)
    row(*("---" for _ in head))


def print_ingest(told, merged, peers, tenth):
    flows = told["flows"]
    spent, wall = told["append_processor_s"] + told["close_processor_s"], told["append_s"] + told["close_s"]
    tell("\n### Ingest and size")
    table("", "M flows/s", "of one core's time", "bytes a flow", "remarks")
    row("**archive**, ledger and postings included", f"**{flows / wall / 1e6:.2f}**", f"{flows / spent / 1e6:.2f} M",
        f"**{told['bytes'] / flows:.1f}**", f"{told['segments']} segments; aims: 1 M/s, 24 bytes")
    row("merging them afterwards", f"{flows / merged['wall'] / 1e6:.2f}", f"{flows / merged['processor'] / 1e6:.2f} M", f"**{merged['bytes'] / flows:.1f}**",
        f"`bulkhead archive compact`, which may run at any time: {merged['said']}")
    row("making the flows (not in the above)", f"{flows / told['generate_s'] / 1e6:.2f}", f"{flows / told['generate_processor_s'] / 1e6:.2f} M", "–", "")
    for name, peer in peers.items():
        if "load" not in peer:
            continue
        load, count = peer["load"], tenth if name == "sqlite" else flows
        counted = count if name != "nfdump" else flows
        row(name, f"{count / load['seconds'] / 1e6:.2f}" if load["seconds"] else "–",
            f"{count / load['processor'] / 1e6:.2f} M" if load["processor"] else "–", f"{load['bytes'] / counted:.1f}", load["note"])
    tell("\nPeers read CSV, which the archive doesn't: what that costs DuckDB is told. They hold 24 of our 36 columns: no MAC addresses, VLANs, "
          "time of the handshake, flags; nfdump 13, milliseconds, no names, and no duplicates.")


def print_hunts(title, lists, ours, unmerged, command, peers, key):
    tell(f"\n### {title}")
    names = [n for n in peers if "hunts" in peers[n]]
    table("list", "hits", "archive, in process", "the same, unmerged", "`bulkhead hunt`", *names, *(f"{n} / archive" for n in names))
    for one in lists:
        t = ours[one.name]
        mine = t[key]
        cells = []
        ratios = []
        for n in names:
            theirs = peers[n]["hunts"].get(one.name, {}).get(key)
            cells.append(ms(theirs))
            ratios.append(ratio(theirs, mine))
        aim = f" (aim {AIMS[one.name]})" if one.name in AIMS and key == "warm_ms" else ""
        row(f"{one.kind}, {one.size:,} {'domains' if one.domains else 'addresses'}", f"{t['flows']:,}", f"**{ms(mine)}**{aim}",
            ms(unmerged.get(one.name, {}).get(key)), ms(command.get(one.name, {}).get(key)), *cells, *ratios)


def print_answers(peers):
    tell("\nAnswers (flows, bytes each way, first and last time of every indicator; of nfdump the flows and bytes of the whole list):")
    for name, peer in peers.items():
        if "missing" in peer:
            tell(f"- {name}: not measured: {peer['missing']}")
        elif peer["wrong"]:
            tell(f"- {name}: **differ**: {'; '.join(peer['wrong'])}")
        else:
            tell(f"- {name}: the same")


def print_whole(ours, seeds):
    tell("\n### The whole archive\n")
    wall, processor, said = ours.processor_of_command(("verify", "--json", ours.folder))
    checked = json.loads(said)["checked"]
    verified = checked["bytes"] / processor / 1e9
    tell(f"- `bulkhead verify`, every record against the ledger: {wall:.1f} s, {checked['records'] / wall / 1e6:.1f} M records/s, {checked['bytes'] / wall / 1e9:.2f} GB/s of record "
         f"bytes, **{verified:.2f} GB/s a core** (aim {VERIFY_GB_A_CORE:.0f}); {checked['file_bytes'] / 1e9:.2f} GB of files hold {checked['bytes'] / 1e9:.1f} GB of records")
    wall, _, _ = ours.processor_of_command(("verify", "--files", ours.folder))
    tell(f"- `bulkhead verify --files`, the digests of the files: {wall:.1f} s, {checked['bytes'] / wall / 1e9:.2f} GB/s of record bytes, {checked['file_bytes'] / wall / 1e9:.2f} GB/s of files")
    for how, seed in seeds.items():
        tell(f"- spread from one seed, {how}: {statistics.median(seed['ms']) / 1e3:.2f} s (aim {SPREAD_S} s); {seed['edges']:,} edges; of {seed['machines']:,} machines "
             + ", ".join(f"{seed[g]:,} {g}" for g in ("likely", "possible", "cleared")))
    return verified


def print_aims(told, merged, mine, full, seeds, verified):
    """Every aim, and whether it is met."""
    spent = told["append_processor_s"] + told["close_processor_s"]
    rows = [("ingest, flows a second of one core", told["flows"] / spent, FLOWS_A_SECOND, "{:,.0f}", True),
            ("bytes a flow", told["bytes"] / told["flows"], BYTES, "{:.1f}", False),
            ("bytes a flow, merged", merged["bytes"] / told["flows"], BYTES, "{:.1f}", False),
            ("verify, GB of record bytes a second and core", verified, VERIFY_GB_A_CORE, "{:.2f}", True)]
    rows += [(f"spread from one seed, {how}, s", statistics.median(seed["ms"]) / 1e3, SPREAD_S, "{:.2f}", False) for how, seed in seeds.items()]
    rows += [(f"{name.removesuffix('.txt')}, warm, ms", statistics.median(mine[name]["warm_ms"]), aim, "{:.1f}", False) for name, aim in AIMS.items()]
    for n in ("duckdb", "clickhouse"):
        if "hunts" in full.get(n, {}):
            for name in (x for x in mine if x.startswith("addrs") and x.endswith("-1000.txt")):
                theirs, ours = full[n]["hunts"][name]["warm_ms"], mine[name]["warm_ms"]
                rows.append((f"{n} / archive, {name.removesuffix('.txt')}, warm", statistics.median(theirs) / statistics.median(ours), PEER_RATIO,
                             "{:.1f}", True))
    tell("\n### Aims")
    table("", "measured", "aim", "")
    for what, value, aim, form, more in rows:
        row(what, form.format(value), ("at least " if more else "under ") + form.format(aim), "met" if (value >= aim if more else value < aim) else "**short**")


def measure(args, work):
    lists_folder, csv = work / "lists", work / "csv"
    for folder in (lists_folder, csv, args.answers / "whole", args.answers / "part"):
        folder.mkdir(parents=True)
    ours = Ours(args, work, args.flows)
    say("archive of", args.flows)
    told = ours.make(lists_folder)
    lists = [common.List(lists_folder / f"{n}.txt") for n in LISTS]
    say("hunts, unmerged")
    unmerged = ours.hunt(lists, args.runs, min(args.cold, 3), args.answers / "whole")
    seeds = {"unmerged": ours.spread()}
    say("merges")
    merged = ours.merge()
    seeds["merged"] = ours.spread()
    say("hunts")
    mine = ours.hunt(lists, args.runs, args.cold, args.answers / "whole")
    command = ours.command(lists, args.runs, args.cold if common.can_drop() else 0)
    say("CSV")
    common.run([*ours.history, "--csv", csv])
    peers = {}
    sources = {"duckdb": csv, "clickhouse": csv, "nfdump": ours.history, "sqlite": work / "csv-part"}
    for name in args.peers:
        if name == "sqlite":
            shutil.rmtree(csv)
            (work / "csv-part").mkdir()
            part = Ours(args, work, args.flows, args.flows // TENTH)
            part.make()
            mine_part = part.hunt(lists, args.runs, args.cold, args.answers / "part")
            common.run([*part.history, "--csv", work / "csv-part"])
        peers[name] = measure_peer(name, ours, lists, work, args, sources)
    report(args, ours, {"told": told, "merged": merged, "seeds": seeds, "mine": mine, "unmerged": unmerged, "command": command,
                        "part": mine_part if "sqlite" in args.peers else None}, lists, peers)


def report(args, ours, our, lists, peers):
    told, mine = our["told"], our["mine"]
    how = next(iter(mine.values()))["dropped_by"]
    tell(SECTION + "\n")
    tell(f"{args.flows:,} generated flows of {told['days']} days and {told['assets']:,} machines, {told['addresses_outside']:,} addresses and "
          f"{told['names_outside']:,} names outside seen (`bench/history.md`). {machine()}; {datetime.date.today()}. Milliseconds are medians: warm of "
          f"{args.runs} runs, cold of {args.cold} (DuckDB, ClickHouse and SQLite {min(args.cold, 3)}, nfdump 1 and of 2 warm, feeds alone, for it reads everything each time), pages dropped by {how}. Ours, DuckDB and ClickHouse use two threads. Peers are measured within "
          "their running process, indicators loaded, best of the forms of the question that were tried; nfdump and `bulkhead hunt` as whole "
          "commands. Kinds of lists: `bench/history.md`.")
    tenth = args.flows // TENTH
    print_ingest(told, our["merged"], peers, tenth)
    full = {n: p for n, p in peers.items() if n != "sqlite"}
    print_hunts("Hunts, warm, ms", lists, mine, our["unmerged"], our["command"], full, "warm_ms")
    print_hunts("Hunts, cold, ms", lists, mine, our["unmerged"], our["command"], full, "cold_ms")
    if our["part"] and "hunts" in peers["sqlite"]:
        part = {"sqlite": peers["sqlite"]}
        print_hunts(f"SQLite's indexes on a tenth ({tenth:,} flows), warm, ms", lists, our["part"], {}, {}, part, "warm_ms")
        print_hunts("The same, cold, ms", lists, our["part"], {}, {}, part, "cold_ms")
    print_answers(peers)
    verified = print_whole(ours, our["seeds"])
    print_aims(told, our["merged"], mine, full, our["seeds"], verified)


def update(path):
    """Puts the report in the place of the last one, or at the end."""
    text = path.read_text(encoding="utf-8")
    begin = text.find(SECTION)
    end = text.find("\n## ", begin + 1) + 1 if begin >= 0 else 0
    begin, end = (len(text), len(text)) if begin < 0 else (begin, end or len(text))
    new = "\n".join(REPORT).strip() + "\n"
    path.write_text(text[:begin].rstrip("\n") + "\n\n" + new + ("\n" + text[end:] if end < len(text) else ""), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flows", type=int, default=100_000_000)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()))
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--cold", type=int, default=5)
    parser.add_argument("--peers", type=lambda s: [p for p in s.split(",") if p], default=list(PEERS))
    parser.add_argument("--update", action="store_true", help="write the section into bench/RESULTS.md too")
    args = parser.parse_args()
    if unknown := set(args.peers) - set(PEERS):
        parser.error(f"no peer {', '.join(unknown)}; there are {', '.join(PEERS)}")
    free, needed = shutil.disk_usage(args.work).free, args.flows * BYTES_A_FLOW
    if free < needed:
        sys.exit(f"archive.py: {args.work}: {free / 1e9:.0f} GB free, {needed / 1e9:.0f} GB needed")
    with tempfile.TemporaryDirectory(prefix="bulkhead-archive-", dir=args.work) as name:
        work = pathlib.Path(name)
        args.answers = work / "answers"
        measure(args, work)
    if args.update:
        update(BENCH / "RESULTS.md")


if __name__ == "__main__":
    main()
