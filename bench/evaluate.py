#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures Bulkhead against the range's recordings and their truth: evaluate.py [--bulkhead PATH] [--check].

For each recording: compromised machines (precision, recall), spread (what was touched, what is cleared), each plan replayed against
the traffic after the cut, the exposure bound against the bytes that left. The truth comes from the attack tools, the replay is this
file's own reading of the plan's JSON. --check: exit code 1 where an aim of doc/range.md is missed.
"""
import argparse
import datetime
import ipaddress
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
RECORDINGS = ROOT / "range" / "recordings"
SITE = ROOT / "range" / "site.yaml"
CUT_AFTER_S = 60  # the plan is made and applied this long after the last machine was lost
CLEARED_LEAST, LOST_MOST, BOUND_MOST = 0.60, 0.02, 1.5


def ns(text):
    """RFC 3339 with up to nine digits, or EVE's form with six and +0000, as nanoseconds."""
    text = text.replace("+0000", "Z")
    whole, _, fraction = text.rstrip("Z").partition(".")
    seconds = datetime.datetime.fromisoformat(whole + "+00:00").timestamp()
    return int(seconds) * 10**9 + int((fraction or "0").ljust(9, "0")[:9])


def rfc3339(t):
    seconds, fraction = divmod(t, 10**9)
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S") + f".{fraction:09d}Z"


def analyze(bulkhead, capture, out, until=None):
    command = [bulkhead, "analyze", str(capture), "--site", str(SITE), "--out", str(out), "--quiet"]
    if until:
        command += ["--until", rfc3339(until)]
    code = subprocess.run(command, check=False).returncode
    if code not in (0, 1):
        sys.exit(f"{' '.join(command)}: exit code {code}")
    return json.loads((out / "incident.json").read_text(encoding="utf-8"))


class Site:
    """Zones and never_cut of the site file, read without Bulkhead."""

    def __init__(self):
        import yaml
        site = yaml.safe_load(SITE.read_text(encoding="utf-8"))
        self.zones = [(z["name"], z["class"], [ipaddress.ip_network(p) for p in z["prefixes"]]) for z in site["zones"]]
        self.never = [ipaddress.ip_network(p) for p in site.get("never_cut", [])]

    def zone(self, address):
        best = ("elsewhere", "external", -1)
        for name, kind, prefixes in self.zones:
            for p in prefixes:
                if address.version == p.version and address in p and p.prefixlen > best[2]:
                    best = (name, kind, p.prefixlen)
        return best

    def outside(self, address):
        return self.zone(address)[1] == "external" and not address.is_multicast and not address.is_link_local


def side_holds(site, side, address, other):
    if side == "external":
        return site.outside(address)
    if side == "any":
        return site.zone(address)[0] != site.zone(other)[0]
    if isinstance(side, dict):
        return site.zone(address)[0] == side["zone"]
    return any(address in ipaddress.ip_network(p) for p in side if ipaddress.ip_network(p).version == address.version)


def blocked(site, plan, src, dst):
    if any(a in n for a in (src, dst) for n in site.never if n.version == a.version):
        return False
    if site.zone(src)[0] == site.zone(dst)[0]:
        return False
    for cut in plan["cuts"]:
        if side_holds(site, cut["from"], src, dst) and side_holds(site, cut["to"], dst, src):
            return True
        if cut["direction"] == "both" and side_holds(site, cut["from"], dst, src) and side_holds(site, cut["to"], src, dst):
            return True
    return False


class Attack:
    """Tells a flow of the attack from an ordinary one, by the tools' own account."""

    def __init__(self, truth):
        self.rows = {}
        for row in truth["attack_flows"]:
            key = (row["src"], row["dst"], row["proto"])
            self.rows.setdefault(key, []).append(row)

    def row(self, flow):
        proto = flow["proto"].lower()
        for row in self.rows.get((flow["src_ip"], flow["dest_ip"], proto), []):
            if row["dport"] not in (0, flow.get("dest_port", 0)) or row.get("sport") not in (None, flow.get("src_port")):
                continue
            start, end = ns(flow["flow"]["start"]), ns(flow["flow"]["end"])
            if start <= ns(row["to"]) + 2 * 10**9 and end >= ns(row["from"]) - 2 * 10**9:
                return row
        return None


def touched_by_data(truth):
    """Machines that an attack tool exchanged payload with: a scan's open port passes nothing."""
    inside = {a for h in truth["hosts"] for a in h["addresses"]}
    data = {c["address"] for c in truth["compromised"]}
    for row in truth["attack_flows"]:
        if not row["what"].startswith("nmap"):
            data |= {row["src"], row["dst"]} & inside
    return data


def judge_machines(case, truth, out):
    found = {a for i in case["incidents"] for x in i["assets"] if x["state"] == "compromised" for a in x["addresses"][:1]}
    true = {c["address"] for c in truth["compromised"]}
    good = len(found & true)
    out["compromised"] = f"{good} of {len(true)} found, {len(found - true)} false"
    out["precision"] = good / len(found) if found else 1.0 if not true else 0.0
    out["recall"] = good / len(true) if true else 1.0
    out["suspect"] = sorted(x["addresses"][0] for i in case["incidents"] for x in i["assets"] if x["state"] == "suspect")
    out["missed"] = sorted(true - found)
    out["false"] = sorted(found - true)


def judge_spread(case, truth, out):
    grades = {a: x["grade"] for x in case["spread"]["assets"] for a in x["addresses"]}
    touched = touched_by_data(truth)
    inside = {h["addresses"][0] for h in truth["hosts"]}
    rest = inside - touched
    cleared = {a for a in rest if grades.get(a, "cleared") == "cleared"}
    out["touched"] = len(touched)
    out["touched_not_in_spread"] = sorted(a for a in touched if grades.get(a, "cleared") == "cleared")
    out["cleared_share"] = len(cleared) / len(rest) if rest else 1.0


def judge_plans(site, case, flows, attack, cut, out):
    after = [f for f in flows if ns(f["flow"]["start"]) >= cut]
    labelled = [(f, attack.row(f), ipaddress.ip_address(f["src_ip"]), ipaddress.ip_address(f["dest_ip"])) for f in after]
    n_attack = sum(1 for _, a, _, _ in labelled if a)
    out["flows_after_cut"] = f"{n_attack} of the attack, {len(labelled) - n_attack} legitimate"
    for plan in case["plans"]:
        passed = [(f, a) for f, a, s, d in labelled if a and not blocked(site, plan, s, d)]
        # a resolver asks the intruder's name server because it was asked: where no question reached it, it asks nothing
        asked = {f["dest_ip"] for f, a in passed if not a["what"].endswith("by the resolver")}
        passed = [f for f, a in passed if not a["what"].endswith("by the resolver") or f["src_ip"] in asked]
        within = [f for f in passed if site.zone(ipaddress.ip_address(f["src_ip"]))[0] == site.zone(ipaddress.ip_address(f["dest_ip"]))[0]]
        lost = sum(1 for _, a, s, d in labelled if not a and blocked(site, plan, s, d))
        legitimate = max(1, len(labelled) - n_attack)
        out[f"plan_{plan['name']}"] = {
            "cuts": len(plan["cuts"]), "attack_flows_passed": len(passed) - len(within), "within_one_segment": len(within),
            "legitimate_lost": lost, "legitimate_lost_share": lost / legitimate,
            "passed": sorted({f"{f['src_ip']} -> {f['dest_ip']}:{f.get('dest_port', 0)}" for f in passed if f not in within})[:8]}


def judge_exposure(case, truth, out):
    bounds = {e["zone"]: e for e in case["exposures"]}
    for zone, stolen in truth.get("stolen", {}).items():
        bound = bounds[zone]["chained_bytes"]
        out[f"exposure_{zone}"] = {"left": stolen["bytes_left"], "bound": bound,
                                   "ratio": bound / stolen["bytes_left"] if stolen["bytes_left"] else 0.0,
                                   "links": len(bounds[zone]["coverage"]["links"]),
                                   "lost_packets": bounds[zone]["coverage"]["lost_packets"]}


def evaluate(bulkhead, name, folder):
    capture = RECORDINGS / f"{name}.pcapng"
    truth = json.loads((RECORDINGS / f"{name}.truth.json").read_text(encoding="utf-8"))
    out = {"recording": name}
    whole = analyze(bulkhead, capture, folder / name)
    out["incidents"] = len(whole["incidents"])
    judge_machines(whole, truth, out)
    if truth["compromised"]:
        judge_spread(whole, truth, out)
        judge_exposure(whole, truth, out)
        cut = ns(truth["last_new_compromise"]) + CUT_AFTER_S * 10**9
        flows = [json.loads(line) for line in (folder / name / "eve.json").open(encoding="utf-8") if '"event_type":"flow"' in line]
        early = analyze(bulkhead, capture, folder / f"{name}-cut", cut)
        out["cut_at"] = rfc3339(cut)
        judge_plans(Site(), early, flows, Attack(truth), cut, out)
    return out


def misses(r):
    """The aims that this recording missed."""
    bad = []
    if r["precision"] < 1 or r["recall"] < 1:
        bad.append(f"compromised machines: missed {r['missed']}, false {r['false']}")
    if "cut_at" not in r:
        return bad + (["an incident on a quiet day"] if r["incidents"] else [])
    if r["touched_not_in_spread"]:
        bad.append(f"touched, but not in the spread: {r['touched_not_in_spread']}")
    if r["cleared_share"] < CLEARED_LEAST:
        bad.append(f"cleared {r['cleared_share']:.2f} of the untouched")
    for key, plan in r.items():
        if key.startswith("plan_") and plan["attack_flows_passed"]:
            bad.append(f"{key}: {plan['attack_flows_passed']} attack flows pass: {plan['passed']}")
    if "plan_surgical" not in r or r["plan_surgical"]["legitimate_lost_share"] > LOST_MOST:
        bad.append("plan_surgical loses too much, or isn't there")
    for key, e in r.items():
        if key.startswith("exposure_") and not 1 <= e["ratio"] <= BOUND_MOST:
            bad.append(f"{key}: bound {e['bound']} for {e['left']} bytes")
    return bad


def show(r):
    print(f"{r['recording']}: {r['incidents']} incidents; compromised {r['compromised']} "
          f"(precision {r['precision']:.2f}, recall {r['recall']:.2f}); suspect {r['suspect']}")
    if "cut_at" not in r:
        return
    print(f"  spread: {r['touched']} touched, {len(r['touched_not_in_spread'])} of them not in it; "
          f"{100 * r['cleared_share']:.0f} % of the untouched cleared")
    for key, e in r.items():
        if key.startswith("exposure_"):
            print(f"  {key.replace('_', ' ')}: {e['left']} bytes left, bound {e['bound']} ({e['ratio']:.2f} times), "
                  f"{e['links']} links, {e['lost_packets']} packets lost")
    print(f"  cut at {r['cut_at']}: {r['flows_after_cut']}")
    for key, p in r.items():
        if key.startswith("plan_"):
            print(f"  {key.replace('_', ' ')}: {p['cuts']} cuts, {p['attack_flows_passed']} attack flows pass "
                  f"(and {p['within_one_segment']} within one segment), {p['legitimate_lost']} legitimate flows lost "
                  f"({100 * p['legitimate_lost_share']:.1f} %)")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bulkhead", default=str(ROOT / "build" / "bulkhead"))
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for capture in sorted(RECORDINGS.glob("*.pcapng")):
            r = evaluate(args.bulkhead, capture.stem, pathlib.Path(folder))
            if args.json:
                print(json.dumps(r, indent=2))
            else:
                show(r)
            for miss in misses(r):
                print(f"  MISSED: {miss}")
                failed += 1
    return 1 if args.check and failed else 0


if __name__ == "__main__":
    sys.exit(main())
