#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a cut stops and what it costs, live: the range's break-ins with `bulkhead run` on their router.

bench/collateral.py [--bulkhead PATH] [--check] [--baseline 620] [breakin] [cloud]
Needs root, and what range/setup installs; twenty minutes a scenario.

The range runs in real time, its attack with the times of the recordings (400 s). The quiet before is 620 s, since nothing is "first seen" live before
ten minutes of learning; with --baseline 100 the daemon is one that was started shortly before the break-in. A minute after the last machine was lost
the script does what an analyst would: incidents, plan, approve; a minute later release; and so for each of the three plans, while intruder and
colleagues go on. What arrived is counted from a capture of all bridges (wire.py), and what of that is the attack is what the attack's tools noted
(range/lib/truth.py): Bulkhead isn't asked.
--check: exit code 1 where an attack packet arrived through the enforcement point, a plan couldn't be carried out, or the surgical one cost more than 2 %.
"""
import argparse
import contextlib
import datetime
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
for folder in ("bench", "tests/e2e", "range"):
    sys.path.insert(0, str(ROOT / folder))
sys.dont_write_bytecode = True
import wire  # noqa: E402
from lib import namespaces, topology, truth  # noqa: E402  (of the range)

ATTACK_S, WAIT_S, CUT_S, FREE_S = 400, 60, 60, 25
NS = 10**9
SETTLE_NS = 3 * NS  # a connection that begins in a window's last seconds may not have had its answer
PLANS = ("surgical", "guarded", "shutdown")
DAEMON = """\
version: 1
site: site.yaml
archive: archive
state: state
run_as: nobody
sync: 1s
verify: 3s
links:
{links}
sensor:
  ring: 8MiB
enforcers:
  - name: core-router
    backend: nftables
guardrails:
  widest_prefix: {{ipv4: 16, ipv6: 48}}
approval:
  confirm: 10m
control:
  socket: control
  approvers: ["user:root"]
"""


def load(name, path):
    """A module of this repository whose name is taken by another, or has no suffix."""
    loader = importlib.machinery.SourceFileLoader(name, str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


def load_live():
    """tests/e2e/live.py imports its own `lib`, which here is the range's."""
    ours = sys.modules.pop("lib")
    sys.modules["lib"] = load("lib", ROOT / "tests" / "e2e" / "lib.py")
    live = load("live", ROOT / "tests" / "e2e" / "live.py")
    sys.modules["lib"] = ours
    return live


LIVE = load_live()


class Router:
    """What live.Daemon wants to know of a network: where the daemon runs."""

    def __init__(self, name):
        self.gateway = name

    def run(self, name, *arguments, check=True):
        return subprocess.run(namespaces.inside(name, *map(str, arguments)), check=check, capture_output=True, timeout=60)


class Daemon(LIVE.Daemon):
    """`bulkhead run` on the range's router, with the range's site file."""

    def configure(self, **settings):
        self.settings.update(settings)
        links = "".join(f"  - {{name: {z.bridge}, interfaces: [{z.bridge}], place: gateway}}\n" for z in topology.ZONES.values())
        shutil.copy(ROOT / "range" / "site.yaml", self.folder / "site.yaml")
        with (self.folder / "site.yaml").open("a") as site:
            site.write(self.settings.get("site", ""))
        for old, new in self.settings.get("instead", {}).items():
            text = (self.folder / "site.yaml").read_text()
            (self.folder / "site.yaml").write_text(re.sub(old, new, text, flags=re.M))
        for name, text in self.settings.get("files", {}).items():
            (self.folder / name).write_text(text)
        (self.folder / "bulkhead.yaml").write_text(DAEMON.format(links=links.rstrip("\n")))

    def order(self, number):
        found = self.json("orders", number)
        return found[0] if isinstance(found, list) and found else None

    def incidents(self):
        found = self.json("incidents")
        return found if isinstance(found, list) else []

    def plans(self, incident):
        found = self.json("plan", incident)
        return {p["name"]: p for p in found} if isinstance(found, list) else {}

    def rules(self):
        """All of the namespace's rules, without what counts and runs down by itself."""
        text = self.network.run(self.network.gateway, "nft", "list", "ruleset").stdout.decode()
        return re.sub(r" (expires|timeout) \w+| ?counter packets \d+ bytes \d+", "", text)


def ns(text):
    whole, _, fraction = text.rstrip("Z").partition(".")
    return int(datetime.datetime.fromisoformat(whole + "+00:00").timestamp()) * NS + int((fraction or "0").ljust(9, "0")[:9])


class Sniffer:
    """All bridges of the router into one capture."""

    def __init__(self, router, path):
        self.path = path
        links = [word for z in topology.ZONES.values() for word in ("-i", z.bridge)]
        self.log = open(str(path) + ".log", "wb")
        self.process = subprocess.Popen(namespaces.inside(router, "dumpcap", "-q", "-s", "160", "-B", "16", "-N", "1000000", "-C", str(64 << 20),
                                                           *links, "-w", str(path) + "ng"), stdout=subprocess.DEVNULL, stderr=self.log)

    def stop(self):
        """Packets it lost."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(20)
        self.log.close()
        if not self.path.exists():
            subprocess.run(["editcap", "-F", "pcap", str(self.path) + "ng", str(self.path)], check=True, timeout=120)
        said = pathlib.Path(str(self.path) + ".log").read_text()
        # what was still queued when it was told to end ("flushed") is no loss
        return sum(int(m) for m in re.findall(r"(?:pcap|dumpcap|ps_ifdrop):(\d+)", said))


def propose(daemon, name):
    """What an analyst finds: every incident with a machine that is lost, and the order of the plan of that name for each."""
    held = [i for i in daemon.until(daemon.incidents, 60, "there is an incident") if any(a["state"] == "compromised" for a in i["assets"])]
    plans = [daemon.until(lambda i=i: daemon.plans(i["id"]), 60, "there are plans")[name] for i in held]
    machines = sorted({a["addresses"][0] for i in held for a in i["assets"] if a["state"] == "compromised"})
    return plans, machines


def approve(daemon, plan):
    """The order in force, or as it was refused."""
    if not plan["order"]:
        return {"state": "refused", "why": plan["no_order_because"]}
    said = daemon.ask("approve", plan["order"], "--why", "the drill")
    if said.returncode:
        return {"state": "refused", "why": (said.stdout + said.stderr).strip()}
    return daemon.until(lambda: (o := daemon.order(plan["order"])) and (o["state"] == "refused" or o["in_force_since"]) and o, 20,
                        "it is applied or refused")


def state_of(orders):
    """One word for all: the worst."""
    states = {o["state"] for o in orders}
    return next((w for w in ("refused", "leaking", "applied") if w in states), "verified")


def cut(daemon, name, seconds):
    """One plan as an analyst brings it about: proposed, approved, verified, left for a while, released."""
    out = {"plan": name, "before": daemon.rules(), "refused": ""}
    start = time.time_ns()
    plans, out["compromised"] = propose(daemon, name)
    out.update(asked_s=(time.time_ns() - start) / NS, cuts=[f"{c['kind']} {c['from']} to {c['to']}" for p in plans for c in p["cuts"]])
    approved = time.time_ns()
    orders = [approve(daemon, p) for p in plans]
    numbers = {p["order"] for p, o in zip(plans, orders) if o["state"] != "refused"}
    out["refused"] = "; ".join(o["why"] for o in orders if o["state"] == "refused")
    if not numbers:
        return out
    out["applied"] = max(ns(o["in_force_since"]) for o in orders if o["state"] != "refused")
    out.update(applied_ms=(out["applied"] - approved) / 10**6, n_cuts=sum(o["n_cuts"] for o in orders if o["state"] != "refused"))

    def ours():
        return [o for o in daemon.orders() if o["id"] in numbers]
    daemon.until(lambda: all(o["state"] in ("verified", "leaking") for o in ours()), 30, "it is looked at")
    out.update(verified_s=(time.time_ns() - approved) / NS, check=state_of(ours()))
    time.sleep(max(0, seconds - (time.time_ns() - out["applied"]) / NS))
    out.update(check_at_end=state_of(ours()), why_at_end="; ".join(o["why"] for o in ours()), stopped=sum(o["stopped_packets"] for o in ours()),
               until=time.time_ns())
    for number in numbers:
        daemon.ask("release", number, "--why", "the drill is over")
    daemon.until(lambda: all(o["state"] == "released" for o in ours()), 30, "it is released")
    out["released"] = time.time_ns()
    # nothing is stopped any more; sets that have become empty are taken down in the enforcer's own time
    while not (same := daemon.rules() == out["before"]) and time.time_ns() < out["released"] + 10 * NS:
        time.sleep(0.5)
    out.update(same_rules=same, before=None, back_s=(time.time_ns() - out["released"]) / NS)
    return out


def routed(c, zones):
    return zones.get(c.source) != zones.get(c.target)


def label(found, rows):
    """Which connections are the attack's, by its tools' own account."""
    by_ends = {}
    for row in rows:
        by_ends.setdefault((row["src"], row["dst"], row["proto"]), []).append(row)
    for c in found:
        for row in by_ends.get((c.source, c.target, c.proto), []):
            if row["dport"] in (0, c.dport) and row.get("sport") in (None, c.sport) and c.first <= ns(row["to"]) + 2 * NS and \
                    c.last >= ns(row["from"]) - 2 * NS:
                c.attack = row["what"]


def share(kept, of):
    return 100 * kept / of if of else 100.0


def judge(found, zones, since, until):
    """What happened between two times: of the attack by packets, of all else by connections."""
    attack = [c for c in found if c.attack and c.tried(since, until)]
    fresh = [c for c in found if not c.attack and since < c.first <= until - SETTLE_NS]
    old = [c for c in found if not c.attack and c.first <= since and c.proto == "tcp" and c.tried(since + NS, until)]
    through = [c for c in fresh if routed(c, zones)]
    leaked = [c for c in attack if routed(c, zones) and c.arrived(since, until)]
    return {"attack_connections": len(attack), "attack_sent": sum(c.tried(since, until) for c in attack),
            "attack_arrived": sum(c.arrived(since, until) for c in leaked),
            "attack_within_zone": sum(c.arrived(since, until) for c in attack if not routed(c, zones)),
            "leaks": sorted({f"{c.source} -> {c.target}:{c.dport}/{c.proto} {c.attack}" for c in leaked}),
            "legitimate": len(fresh), "kept": sum(c.kept() for c in fresh), "routed": len(through), "routed_kept": sum(c.kept() for c in through),
            "lost": sorted({f"{c.source} -> {c.target}:{c.dport}/{c.proto}" for c in fresh if not c.kept()}),
            "open": len(old), "open_kept": sum(c.arrived(since, until) > 0 for c in old)}


def fallen(folder):
    """(name, when) of the machines lost so far, as the intruder noted it."""
    return [(n["compromised"], n["since"]) for n in truth.lines(folder / "truth" / "notes.jsonl") if "compromised" in n]


def watch(daemon, agency, folder, wanted, limit):
    """Waits until the intruder has all his machines; when each was first said to be compromised."""
    first, end = {}, time.time() + limit
    while len(fallen(folder)) < wanted:
        notes = (folder / "truth" / "notes.jsonl").read_text()
        if '"failed"' in notes or time.time() > end:
            raise AssertionError("the intruder didn't get that far: " + notes[-300:])
        see(daemon, agency, first)
        time.sleep(3)
    return first


def see(daemon, agency, first):
    names = {h.address: h.name for h in agency.hosts}
    for incident in daemon.incidents():
        for a in incident["assets"]:
            name = names.get(a["addresses"][0], a["addresses"][0])
            if a["state"] == "compromised":
                first.setdefault(name, time.time())


def start_hosts(runner, nets, agency, folder):
    return [subprocess.Popen(["nice", "-n", "5", *nets.enter(host, "/usr/bin/python3", "-B", str(ROOT / "range" / "lib" / "host.py"),
                                                              str(folder), host.name)],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) for host in agency.hosts]


def drill(runner, nets, agency, folder, parameters, clean):
    """One scenario from its first minute to the last release: what is to be judged."""
    hosts = start_hosts(runner, nets, agency, folder)
    clean.callback(lambda: [h.wait() for h in hosts])
    clean.callback(lambda: [h.kill() for h in hosts])
    runner.wait_ready(folder, agency)
    bare = Router(nets.router)
    daemon = Daemon(bare)
    clean.callback(daemon.close)
    daemon.start()
    rules = daemon.rules()
    sniffer = Sniffer(nets.router, folder / "all.pcap")
    clean.callback(sniffer.stop)
    time.sleep(2)
    go = time.time() + 1
    (folder / "go.new").write_text(repr(go))
    (folder / "go.new").rename(folder / "go")
    begin = go + parameters["baseline"]
    first = watch(daemon, agency, folder, 4, parameters["baseline"] + ATTACK_S)
    lost = time.time()
    while time.time() < lost + WAIT_S:
        see(daemon, agency, first)
        time.sleep(3)
    out = {"scenario": parameters["scenario"], "begin": begin, "lost": {n: t for n, t in fallen(folder)}, "seen": first, "cuts": []}
    for name in PLANS:
        out["cuts"].append(cut(daemon, name, CUT_S))
        time.sleep(FREE_S)
        out["cuts"][-1]["free_until"] = time.time_ns()
        say(f"{parameters['scenario']}: {name}: {out['cuts'][-1].get('check', 'refused')} {out['cuts'][-1]['refused']}")
    status = daemon.status()
    out["lost_packets"] = sum(s.get("lost_packets", 0) for s in status["sensors"])
    out["restarts"] = daemon.said().count(" was ended by ")
    out["ended"] = time.time()
    daemon.stop()
    out["same_after_stop"] = daemon.rules() == rules
    out["unseen"] = sniffer.stop()
    out["log"] = daemon.said()
    return out


def say(text):
    print(f"# {time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def run(scenario, baseline):
    runner = load("range_range", ROOT / "range" / "range")
    agency = topology.agency(scenario, runner.SEEDS[scenario])
    folder = runner.BASE / scenario
    runner.lock(folder)
    nets = namespaces.Range(scenario)
    with contextlib.ExitStack() as clean:
        clean.callback(shutil.rmtree, folder, ignore_errors=True)
        clean.callback(nets.remove)
        nets.build(agency)
        parameters = {"scenario": scenario, "seed": runner.SEEDS[scenario], "baseline": baseline, "attack": ATTACK_S}
        runner.prepare(folder, parameters)
        out = drill(runner, nets, agency, folder, parameters, clean)
        tools = truth.invocations(truth.lines(folder / "truth" / "tools.jsonl"), out["ended"])
        rows = truth.attack_flows(agency, tools, truth.lines(folder / "truth" / "notes.jsonl"), folder / "truth", out["begin"], out["ended"])
        found = wire.connections(folder / "all.pcap", {h.address: h.mac for h in agency.hosts})
        label(found, rows)
    zones = {h.address: h.zone for h in agency.hosts}
    first = next(c["applied"] for c in out["cuts"] if "applied" in c)
    out["before"] = judge(found, zones, first - WAIT_S * NS, first)
    for c in [c for c in out["cuts"] if "applied" in c]:
        c["during"] = judge(found, zones, c["applied"], c["until"])
        c["after"] = judge(found, zones, c["released"], c["free_until"])
    return out


def row(scenario, what, j, more):
    return (f"| {scenario} | {what} | {more} | {j['attack_sent']} | {j['attack_arrived']} | {j['attack_within_zone']} | {j['kept']} of {j['legitimate']} | "
            f"{share(j['kept'], j['legitimate']):.1f} % | {share(j['routed_kept'], j['routed']):.1f} % | {j['open_kept']} of {j['open']} |")


def show(out):
    heads = ("scenario", "", "cuts", "applied, ms", "looked at", "attack packets sent", "arrived", "within a zone", "legitimate connections kept", "",
             "of the routed", "open ones kept")
    print("| " + " | ".join(heads) + " |")
    print("| --- " * len(heads) + "|")
    print(row(out["scenario"], "no cut", out["before"], "– | – | –"))
    for c in out["cuts"]:
        if c["refused"]:
            print(f"| {out['scenario']} | {c['plan']} | REFUSED: {c['refused']} |" + " – |" * 9)
        if "applied" not in c:
            continue
        print(row(out["scenario"], c["plan"], c["during"], f"{c['n_cuts']} | {c['applied_ms']:.0f} | {c['check']} after {c['verified_s']:.1f} s"
                  + (f", {c['check_at_end']} at the end" if c["check_at_end"] != c["check"] else "")))
        print(row(out["scenario"], "released", c["after"], f"{'rules as before' if c['same_rules'] else 'OTHER RULES'} | – | –"))
    print()
    for name, when in out["lost"].items():
        seen = out["seen"].get(name)
        print(f"- {out['scenario']}: {name} was lost {when - out['begin']:.0f} s into the attack, "
              + (f"said to be compromised {seen - when:.0f} s later" if seen else "not said to be compromised"))
    for name in sorted(set(out["seen"]) - set(out["lost"])):
        print(f"- {out['scenario']}: {name} was said to be compromised, and wasn't")
    print(f"- {out['scenario']}: {out['restarts']} processes of bulkhead ended; packets lost: {out['lost_packets']} by the sensor, "
          f"{out['unseen']} by the capture; rules after the end as at the beginning: "
          f"{'yes' if out['same_after_stop'] else 'no'}", flush=True)


def misses(out):
    bad = []
    for c in out["cuts"]:
        if c["refused"]:
            bad.append(f"{c['plan']} is refused: {c['refused']}")
        if "applied" not in c:
            continue
        if c["during"]["attack_arrived"]:
            bad.append(f"{c['plan']}: attack packets arrived: {c['during']['leaks']}")
        if not c["same_rules"]:
            bad.append(f"{c['plan']}: other rules after the release")
        if not c["during"]["attack_sent"] or not c["after"]["attack_arrived"]:
            bad.append(f"{c['plan']}: the attack didn't go on, so nothing is shown")
    surgical = out["cuts"][0].get("during")
    if surgical and share(surgical["kept"], surgical["legitimate"]) < 98:
        bad.append(f"surgical costs too much: {surgical['lost']}")
    return bad


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bulkhead", default=str(ROOT / "build" / "bulkhead"))
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--baseline", type=int, default=620, help="seconds before the attack")
    parser.add_argument("--json", type=pathlib.Path, help="everything, to this file as well")
    parser.add_argument("scenarios", nargs="*", choices=[[], "breakin", "cloud"])
    args = parser.parse_args()
    if os.geteuid():
        print("bench/collateral.py: needs root, for network namespaces", file=sys.stderr)
        return 2
    LIVE.lib.BULKHEAD = os.path.abspath(args.bulkhead)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    outs, failed = [], 0
    for scenario in args.scenarios or ("breakin", "cloud"):
        outs.append(run(scenario, args.baseline))
        show(outs[-1])
        for miss in misses(outs[-1]):
            print(f"  MISSED: {miss}", flush=True)
            failed += 1
        if args.json:
            args.json.write_text(json.dumps(outs, indent=1))
    return 1 if args.check and failed else 0


if __name__ == "__main__":
    sys.exit(main())
