#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether Bulkhead and tshark say the same of captures: flows and their bytes, DNS questions, server names, JA3, HTTP hosts, names of SMB files.

agreement.py DATA [--bulkhead PATH] [--cache FOLDER] [--list]. DATA is a file, or a folder in which every capture is compared, collection by
collection (its first level). Prints tables in Markdown: what both found, only tshark, only Bulkhead; each difference has a reason that a rule
states (agree/reasons.py, doc/agreement.md), and those without one are listed. --list lists all. --cache keeps tshark's answers for the next run.
Exit code 0: every difference has its reason; 1: some have none, or a side failed where the other didn't; 2: usage.
"""
import argparse
import collections
import pathlib
import sys

from agree import compare, ours, tshark

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAGICS = {bytes.fromhex(m) for m in ("a1b2c3d4", "d4c3b2a1", "a1b23c4d", "4d3cb2a1", "0a0d0d0a", "a1b2cd34", "34cdb2a1")}


def captures(data):
    """Every capture below the folder, told by its first bytes."""
    if data.is_file():
        return [data]
    found = []
    for path in sorted(data.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                if file.read(4) in MAGICS:
                    found.append(path)
    return found


class Sums:
    """Counts by collection, measure and outcome; reasons; what has none."""

    def __init__(self):
        self.counts = collections.defaultdict(collections.Counter)
        self.files, self.frames = collections.Counter(), collections.Counter()
        self.reasons = collections.defaultdict(collections.Counter)
        self.unexplained, self.failed, self.all = [], [], []

    def add(self, collection, name, result):
        self.files[collection] += 1
        self.frames[collection] += result.frames
        for (measure, outcome), n in result.counts.items():
            self.counts[collection][measure, outcome] += n
        for d in result.differences:
            self.reasons[d.why or "none"][d.measure, name] += 1
            line = f"{name}: {compare.MEASURES[d.measure]}: {d.side} has more: {d.told}: {d.why or 'no reason known'}"
            self.all.append(line)
            if d.why is None:
                self.unexplained.append(line)


def share(counts, measure):
    both, one, other = (counts[measure, outcome] for outcome in ("both", "tshark", "bulkhead"))
    total = both + one + other
    return f"{both} | {one} | {other} | " + (f"{100 * both / total:.1f} %" if total else "–")


def print_tables(sums, shark):
    total = collections.Counter()
    for counts in sums.counts.values():
        total.update(counts)
    print(f"{sum(sums.files.values())} captures, {sum(sums.frames.values())} frames; {shark}.\n")
    print("| | both | only or more tshark | only or more Bulkhead | share |\n| --- | --- | --- | --- | --- |")
    for measure, name in compare.MEASURES.items():
        print(f"| {name} | {share(total, measure)} |")
    print("\nBoth / only tshark / only Bulkhead, by collection:\n")
    print("| collection | captures | " + " | ".join(compare.MEASURES.values()) + " |")
    print("| --- " * (len(compare.MEASURES) + 2) + "|")
    for collection in sorted(sums.files):
        cells = [" / ".join(str(sums.counts[collection][measure, o]) for o in ("both", "tshark", "bulkhead")) for measure in compare.MEASURES]
        print(f"| {collection} | {sums.files[collection]} | " + " | ".join(cells) + " |")
    print("\n| reason | differences | captures |\n| --- | --- | --- |")
    for reason, where in sorted(sums.reasons.items(), key=lambda kv: (-sum(kv[1].values()), kv[0])):
        print(f"| {reason} | {sum(where.values())} | {len({name for _, name in where})} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--bulkhead", default=str(ROOT / "build" / "bulkhead"))
    parser.add_argument("--tshark", default="tshark")
    parser.add_argument("--cache", type=pathlib.Path, help="a folder for tshark's answers")
    parser.add_argument("--list", action="store_true", help="every difference, capture by capture")
    args = parser.parse_args()
    files = captures(args.data)
    if not files:
        parser.error(f"{args.data}: no captures")
    if args.cache:
        args.cache.mkdir(parents=True, exist_ok=True)
    sums = Sums()
    for i, path in enumerate(files):
        name = str(path.relative_to(args.data)) if args.data.is_dir() else path.name
        if sys.stderr.isatty():
            print(f"\r\033[K{i + 1} of {len(files)} {name[:90]}", end="", file=sys.stderr, flush=True)
        try:
            sums.add(name.split("/", maxsplit=1)[0], name, compare.compare(path, args.bulkhead, args.tshark, args.cache))
        except (tshark.Failed, ours.Failed) as e:
            sums.failed.append(f"{name}: {e}")
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    print_tables(sums, tshark.version(args.tshark))
    for title, lines in (("Not compared", sums.failed), ("All differences" if args.list else "Without a known reason",
                                                         sums.all if args.list else sums.unexplained)):
        if lines:
            print(f"\n{title}:\n")
            print("\n".join(f"- {line}" for line in lines))
    sys.exit(1 if sums.unexplained or sums.failed else 0)


if __name__ == "__main__":
    main()
