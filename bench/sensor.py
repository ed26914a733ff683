#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The sensor beside an empty libpcap loop and every peer that is installed, in turn, in one run.

sensor.py [--work DIR] [--data DIR] [--runs N] [--slow N] [--quick] [--parts LIST] [--update]
It makes two captures (bench/sensor_mixed.c, bench/sensor_short.c) in a folder of its own within DIR; 4 GB. --data (or BULKHEAD_DATA): a folder of public captures; without it the mixed one is made of the range's recordings. Peers: tools/setup.sh bench installs those that Debian has.

Times are of the processor and of the clock, page cache warm; ratios are of pairs that ran one after the other, medians of those.
"""
import argparse
import datetime
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import sensor_peers
from archive import machine

BENCH = pathlib.Path(__file__).resolve().parent
ROOT = BENCH.parent
SECTION = "## The sensor (`make bench-sensor`)"
FOLDERS = ["suricata-verify", "zeek-traces", "malcolm", "corelight", "otrf-lateral"]
SUFFIXES = {".pcap", ".pcapng", ".cap", ".trace"}
INDICATORS = {"ipv4-addr": 450_000, "ipv6-addr": 50_000, "domain-name": 300_000, "url": 100_000, "file:hashes.'SHA-256'": 100_000}
HITS = 40
FLOWS, FLOWS_SECONDS, HELD_SECONDS = 1_500_000, 600, 20
MIXED_MB, MIXED_SECONDS = 1000, 1800
FLOWS_ROOM = 1 << 21
AIMS = {"mixed": 4, "indicators": 10, "two": 1.8, "held": 500}
PAIRS = 7  # at least, for what is small beside the machine's noise
PARTS = ["peers", "indicators", "two", "held", "profile"]
REPORT = []


def tell(text=""):
    REPORT.append(text)
    print(text, flush=True)


def table(*head):
    tell("| " + " | ".join(head) + " |\n|" + " --- |" * len(head))


def row(*cells):
    tell("| " + " | ".join(str(c) for c in cells) + " |")


def say(*words):
    print("--", *words, file=sys.stderr, flush=True)


def run(command, **more):
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True, **more).stdout


def start(command, folder):
    pid = os.fork()
    if pid == 0:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        for fd, name in ((1, "said"), (2, "complained")):
            os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), fd)
        os.execvp(str(command[0]), [str(c) for c in command])
    return pid


def measure(command, folder):
    """Of a command that runs alone: seconds by the clock, of the processor, MB at its largest. Its output is in folder/said."""
    begin = time.monotonic()
    _, status, usage = os.wait4(start(command, folder), 0)
    taken = {"wall": time.monotonic() - begin, "cpu": usage.ru_utime + usage.ru_stime, "mb": usage.ru_maxrss / 1024}
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        raise RuntimeError(f"{command[0]} ended with {os.waitstatus_to_exitcode(status)}: {(folder / 'complained').read_text()[-500:]}")
    return taken


def median(rows, key):
    return statistics.median(r[key] for r in rows)


class Bench:
    def __init__(self, args, work):
        self.args, self.work = args, work
        self.build = args.build / "bench"
        self.part = 20 if args.quick else 1
        self.out = work / "out"
        self.loop = [work / "empty_loop"]
        self.captures = {}

    def fresh(self):
        """An empty folder for what a run writes."""
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir()
        return self.out

    def make(self):
        run(["gcc", "-O2", "-D_GNU_SOURCE", f"-I{ROOT / 'src'}", BENCH / "empty_loop.c", "-o", self.work / "empty_loop", "-lpcap"])
        data = self.args.data
        sources = [p for f in FOLDERS for p in (data / f).rglob("*") if p.suffix in SUFFIXES and p.is_file()] if data else []
        recordings = sorted((ROOT / "range" / "recordings").glob("*.pcapng"))
        sources = sorted(sources) + ([p for p in recordings if p.stem == "quiet"] if sources else recordings)
        makers = {"mixed": [self.build / "bench_sensor_mixed", MIXED_MB // self.part, MIXED_SECONDS],
                  "short": [self.build / "bench_sensor_short", FLOWS // self.part, FLOWS_SECONDS, "ended"]}
        for name, command in makers.items():
            path = self.work / f"{name}.pcap"
            say("makes", name)
            run([*command, path], input="".join(f"{s}\n" for s in sources))
            said = run([*self.loop, path]).split()
            self.captures[name] = {"path": path, "packets": int(said[0]), "bytes": int(said[2])}
        self.sources = len(sources)

    def ours(self, capture, *options):
        """The sensor over a capture: what bench_sensor told, and the sum of its parts but for loading."""
        measured = measure([self.build / "bench_sensor", *options, capture, self.fresh() / "case"], self.out)
        told = json.loads((self.out / "said").read_text(encoding="ascii"))
        parts = ("pass", "finish")
        told["wall"], told["cpu"] = (sum(told[f"{p}_{k}_s"] for p in parts) for k in ("wall", "processor"))
        told["mb"] = measured["mb"]
        return told

    def describe(self):
        """What is in the captures, by the EVE that the sensor made of them; names and addresses that a few indicators will hit."""
        hits = {"ipv4-addr": [], "domain-name": []}
        tell("\n### The captures\n")
        table("", "packets", "MB", "mean size", "up to 128 / 512 / 1,514 / more bytes", "flows", "IPv6", "applications, by flows")
        for name, c in self.captures.items():
            say("describes", name)
            self.ours(c["path"])
            apps, flows, v6, seen = {}, 0, 0, {"ipv4-addr": set(), "domain-name": set()}
            with open(self.out / "case" / "eve.json", encoding="utf-8") as lines:
                for n, line in enumerate(lines):
                    e = json.loads(line)
                    if e["event_type"] == "flow":
                        flows += 1
                        v6 += ":" in e["src_ip"]
                        apps[e.get("app_proto", "unknown")] = apps.get(e.get("app_proto", "unknown"), 0) + 1
                        if n % 997 == 0 and ":" not in e["dest_ip"] and int(e["dest_ip"].split(".")[0]) in range(20, 90):
                            seen["ipv4-addr"].add(e["dest_ip"])
                    elif n % 97 == 0 and (sni := e.get("tls", {}).get("sni", "")).count(".") > 1:
                        seen["domain-name"].add(sni)
            for kind, values in seen.items():
                hits[kind] += random.Random(1).sample(sorted(values), min(len(values), HITS // 4))
            c["flows"] = flows
            sizes = self.sizes(c["path"])
            known = sorted(((n, a) for a, n in apps.items() if a not in ("unknown", "failed")), reverse=True)
            row(name, f"{c['packets']:,}", f"{c['bytes'] / 1e6:.0f}", f"{c['bytes'] / c['packets']:.0f}",
                " / ".join(f"{100 * s / c['packets']:.0f} %" for s in sizes), f"{flows:,}", f"{100 * v6 / flows:.0f} %",
                f"{len(known)}: " + ", ".join(f"{a} {n:,}" for n, a in known[:12]))
        return hits

    def settle(self, *paths):
        """What was just written is still on its way to the disk, and read slowly the first time."""
        os.sync()
        for path in paths:
            run([*self.loop, path])

    @staticmethod
    def sizes(path):
        counts = [0, 0, 0, 0]
        with open(path, "rb", buffering=1 << 20) as f:
            f.seek(24)
            while len(head := f.read(16)) == 16:
                wire = int.from_bytes(head[12:], "little")
                counts[sum(wire > bound for bound in (128, 512, 1514))] += 1
                f.seek(int.from_bytes(head[8:12], "little"), 1)
        return counts

    def indicators(self, hits):
        """A feed of a million, of which HITS are in the captures."""
        path = self.work / "indicators.csv"
        draw = random.Random(7)
        octets = lambda *first: ".".join(map(str, (*first, draw.randrange(256), draw.randrange(256), draw.randrange(256))))
        words = lambda: f"{draw.getrandbits(40):x}-{draw.choice(['update', 'cdn', 'mail', 'login', 'sync'])}.{draw.choice(['com', 'net', 'org', 'info', 'top', 'ru', 'cn'])}"
        makers = {"ipv4-addr": lambda: octets(draw.randrange(90, 99) if draw.random() < .5 else draw.randrange(129, 160)),
                  "ipv6-addr": lambda: f"2a{draw.randrange(256):02x}:" + ":".join(f"{draw.randrange(1, 65536):x}" for _ in range(7)),
                  "domain-name": words, "url": lambda: f"http://{words()}/{draw.getrandbits(48):x}/index.php",
                  "file:hashes.'SHA-256'": lambda: f"{draw.getrandbits(256):064x}"}
        with open(path, "w", encoding="ascii") as out:
            out.write("value,description\n")
            for kind, n in INDICATORS.items():
                values = list(hits.get(kind, []))
                while len(values) < n // self.part:
                    values.append(makers[kind]())
                out.writelines(f"{v},benchmark\n" for v in values)
        return path


def analyze(b, capture, feed, *more):
    """The whole command; without the feed where it fails with it."""
    for options in (["--indicators", feed, *more], [*more]):
        try:
            return measure([b.args.build / "bulkhead", "analyze", capture["path"], "--quiet", *options, "--out", b.fresh() / "case"], b.out)
        except RuntimeError as why:
            tell(f"\n`bulkhead analyze` {' '.join(map(str, options))} failed: {str(why).strip()}\n")
    raise RuntimeError("bulkhead analyze")


def print_peers(b, feed):
    """Everything, and everybody, on both captures."""
    for name, c in b.captures.items():
        b.settle(c["path"])
        tell(f"\n### {name}: {c['packets']:,} packets, {c['bytes'] / 1e6:.0f} MB, {c['flows']:,} flows\n")
        rows = {"loop": [], "sensor": [], "sensor, no EVE": []}
        slow = b.args.slow
        present = [p for p in sensor_peers.PEERS if shutil.which(p.program) and p.name in b.args.peers]
        for i in range(b.args.runs):
            say(name, "round", i + 1, "of", b.args.runs)
            base = measure([*b.loop, c["path"]], b.fresh())
            rows["loop"].append(base)
            rows["sensor"].append({**b.ours(c["path"], "-i", feed), "base": base})
            rows["sensor, no EVE"].append({**b.ours(c["path"], "-E", "-i", feed), "base": base})
            for p in present:
                if i >= slow and p.slow:
                    continue
                path, share = c["path"], 1
                if p.packets and p.packets < c["packets"]:
                    path, share = sensor_peers.head(b.work, c["path"], p.packets), c["packets"] / p.packets
                taken = measure(p.command(path, b.fresh()), b.out)
                rows.setdefault(p.name, []).append({"wall": taken["wall"] * share, "cpu": taken["cpu"] * share, "mb": taken["mb"], "base": base})
            if i == 0 and "analyze" in b.args.peers:
                rows["analyze --record"] = [{**analyze(b, c, feed, "--record"), "base": base}]
                rows["analyze"] = [{**analyze(b, c, feed), "base": base}]
        print_rows(b, name, c, rows, present)


def print_rows(b, name, c, rows, present):
    table("", "what it does", "processor, s", "wall, s", "Gbit/s", "Mpps", "flows/s", "MB", "times the empty loop", "runs")
    texts = {"loop": "empty libpcap loop", "sensor": "**Bulkhead's sensor**: everything, a million indicators, archive, EVE",
             "sensor, no EVE": "the same without EVE", "analyze --record": "the command, in its sandbox, with loading the indicators",
             "analyze": "that, and the four questions, STIX, HTML"}
    texts.update({p.name: p.what for p in present})
    for key, taken in rows.items():
        cpu, wall = median(taken, "cpu"), median(taken, "wall")
        times = "1" if key == "loop" else f"{statistics.median(t['cpu'] / t['base']['cpu'] for t in taken):.1f}"
        row(key if key != "loop" else "empty loop", texts[key], f"{cpu:.2f}", f"{wall:.2f}", f"{c['bytes'] * 8 / cpu / 1e9:.2f}", f"{c['packets'] / cpu / 1e6:.2f}",
            "" if key == "loop" else f"{c['flows'] / cpu / 1e3:.0f} k", f"{max(t['mb'] for t in taken):.0f}", times, len(taken))
    ours = rows["sensor"]
    tell(f"\nOf the sensor's time {100 * median(ours, 'finish_processor_s') / median(ours, 'cpu'):.0f} % goes to what is open at the capture's end. "
         f"Loading a million indicators: {median(ours, 'load_processor_s'):.2f} s, counted with `analyze` alone.")
    against = {p.name: statistics.median(r["cpu"] for r in rows[p.name]) / median(ours, "cpu") for p in present}
    tell("\nTimes the sensor's time: " + ", ".join(f"{n} {r:.2f}" for n, r in against.items()) + ". "
         + (f"Aim: {AIMS['mixed']} times the empty loop." if name == "mixed" else "Aim: nfpcapd 1 or more."))


def print_indicators(b, feed):
    tell("\n### A million indicators against none\n")
    table("", "without, processor s", "with", "cost", "aim")
    for name, c in b.captures.items():
        pairs = []
        for i in range(max(b.args.runs, PAIRS)):
            both = {options: b.ours(c["path"], "-E", *options) for options in (((), ("-i", feed)) if i % 2 else (("-i", feed), ()))}
            pairs.append((both[()]["cpu"], both[("-i", feed)]["cpu"]))
        cost = statistics.median(y / x for x, y in pairs) * 100 - 100
        row(name, f"{statistics.median(x for x, _ in pairs):.2f}", f"{statistics.median(y for _, y in pairs):.2f}", f"{cost:+.1f} %", f"under {AIMS['indicators']} %")
    tell(f"\nMedians of {max(b.args.runs, PAIRS)} pairs, EVE left out. {', '.join(f'{n:,} {k}' for k, n in INDICATORS.items())}; {HITS} or fewer of them are in the captures.")


def run_together(b, paths):
    """Several sensors at once, one a capture: seconds until the last has ended, and the processor's of the one that needed most."""
    begin, pids = time.monotonic(), []
    folder = b.fresh()
    for i, path in enumerate(paths):
        (folder / str(i)).mkdir()
        pids.append(start([b.build / "bench_sensor", path, folder / str(i) / "case"], folder / str(i)))
    spent = []
    for pid in pids:
        _, status, usage = os.wait4(pid, 0)
        if status:
            raise RuntimeError("bench_sensor failed")
        spent.append(usage.ru_utime + usage.ru_stime)
    return time.monotonic() - begin, max(spent)


def print_two(b):
    tell("\n### Two sensors on two cores\n")
    table("", "one: wall, processor s", "two: wall, of the one that works more", "by the clock", "by the processor", "aim")
    for name, c in b.captures.items():
        halves = [b.work / f"{name}-{i}.pcap" for i in (1, 2)]
        run([b.build / "bench_sensor_split", c["path"], *halves])
        b.settle(c["path"], *halves)
        pairs = [(run_together(b, [c["path"]]), run_together(b, halves)) for _ in range(b.args.runs)]
        one, two = ([statistics.median(p[i][k] for p in pairs) for k in (0, 1)] for i in (0, 1))
        row(name, f"{one[0]:.2f}, {one[1]:.2f}", f"{two[0]:.2f}, {two[1]:.2f}", *(f"{statistics.median(x[k] / y[k] for x, y in pairs):.2f}" for k in (0, 1)), AIMS["two"])
        for half in halves:
            half.unlink()
    tell(f"\nTwo processes with nothing in common, each with the half of the capture that a hash of the two addresses gives it, as rings of one group do; medians of {b.args.runs} "
         "pairs. By the processor: how much less the busier one has to do, memory and caches shared; by the clock: with whatever else the machine does meanwhile.")


def print_held(b):
    path = b.work / "held.pcap"
    run([b.build / "bench_sensor_short", FLOWS // b.part, HELD_SECONDS, "held", path])
    measure([b.build / "bench_sensor", "-f", FLOWS_ROOM, path, b.fresh() / "case"], b.out)
    told = json.loads((b.out / "said").read_text(encoding="ascii"))
    path.unlink()
    tell("\n### Flows held at once\n")
    tell(f"{told['held']:,} flows of {HELD_SECONDS} s that nobody closed, {told['evicted']:,} evicted, with `sensor: flows: {FLOWS_ROOM}`: **{told['pass_kb'] / 1024:.0f} MB** at the largest "
         f"(aim {AIMS['held']} MB), {told['pass_kb'] * 1024 / max(told['held'], 1):.0f} bytes a flow, {told['packets'] / told['pass_processor_s'] / 1e6:.2f} Mpps. Sensor alone: decoding, flows, protocols, merging.")


def print_profile(b):
    if not shutil.which("perf"):
        tell("\nNo profile: `perf` isn't installed.")
        return
    for name, c in b.captures.items():
        data = b.work / "perf.data"
        taken = subprocess.run(["perf", "record", "-q", "-F", "997", "-o", str(data), str(b.build / "bench_sensor"), str(c["path"]), str(b.fresh() / "case")],
                               capture_output=True, text=True, check=False)
        if taken.returncode:
            tell(f"\nNo profile: {taken.stderr.strip().splitlines()[-1] if taken.stderr else 'perf failed'}")
            return
        lines = run(["perf", "report", "-i", data, "--stdio", "--no-children", "-F", "overhead,sym", "-g", "none"]).splitlines()
        top = [l.split() for l in lines if l.strip() and not l.startswith("#")][:10]
        tell(f"\n{name}, the ten hottest functions: " + ", ".join(f"`{l[2]}`{' (kernel)' if l[1] == '[k]' else ''} {l[0]}" for l in top) + ".")
        data.unlink()


def print_counts():
    """What tests/e2e/test_instructions.py holds the tree to."""
    counts = json.loads((ROOT / "tests" / "e2e" / "instructions.json").read_text(encoding="ascii"))
    tell(f"\nInstructions a packet of two small captures of the same making, counted by callgrind ({counts['machine']}) and held to within 10 % by `tests/e2e/test_instructions.py`: "
         + ", ".join(f"{name} {counts[name]['instructions_a_packet']:,}" for name in ("mixed", "short")) + ".")


def report(b):
    tell(SECTION + "\n")
    parts = b.args.parts
    tell(f"{machine()}; {datetime.date.today()}. One thread each but nfpcapd, which has two; page cache warm, files and results on the same disk. Gbit/s, Mpps and flows/s are of the processor's time; the clock also counts "
         "what else the machine did. Ratios are medians of pairs: each run's time over that of the empty loop just before it.")
    hits = b.describe()
    tell(f"\nmixed: {b.sources} captures, each as many sites at other times and addresses, interleaved ({BENCH.name}/sensor_mixed.c): real exchanges, malformed and hostile ones among them, but the same ones "
         f"many times; payload is unchanged, so names repeat and addresses in it aren't those of the packets. short: made up ({BENCH.name}/sensor_short.c says of what), names and addresses vary.")
    feed = b.indicators(hits)
    steps = {"peers": lambda: print_peers(b, feed), "indicators": lambda: print_indicators(b, feed), "two": lambda: print_two(b), "held": lambda: print_held(b),
             "profile": lambda: (tell("\n### Where the time goes"), print_profile(b), print_counts())}
    for name, step in steps.items():
        if name in parts:
            step()
    if "peers" in parts:
        tell("\n### Peers\n")
        for p in sensor_peers.PEERS:
            there = shutil.which(p.program)
            tell(f"- {p.name}: " + (f"{p.version()}, `{p.shown}`. {p.note}" if there else f"not installed{'' if p.debian else ', and not to be had as a package here'}."))
        tell("\nMeasured by others on another machine, on captures like these: Suricata 7.0.10 without rules 14 times an empty loop on mixed traffic and 95 on short flows, with a full rule "
             "set 40; Snort 3 without rules 30 on mixed traffic; 1.5 million flows cost Suricata 3.0 GB and ndpiReader 4.9 GB.")


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
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--work", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path, default=os.environ.get("BULKHEAD_DATA") or None)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--slow", type=int, default=2, help="runs of peers that take long")
    parser.add_argument("--peers", type=lambda s: s.split(","), default=[*(p.name for p in sensor_peers.PEERS), "analyze"],
                        help="only these; analyze: the whole command, too")
    parser.add_argument("--quick", action="store_true", help="a twentieth of the size")
    parser.add_argument("--parts", type=lambda s: s.split(","), default=PARTS)
    parser.add_argument("--update", action="store_true", help="write the section into bench/RESULTS.md too")
    args = parser.parse_args()
    args.data = pathlib.Path(args.data) if args.data else None
    if unknown := set(args.parts) - set(PARTS):
        parser.error(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    with tempfile.TemporaryDirectory(prefix="bulkhead-sensor-", dir=args.work) as name:
        b = Bench(args, pathlib.Path(name))
        b.make()
        report(b)
    if args.update:
        update(BENCH / "RESULTS.md")


if __name__ == "__main__":
    main()
