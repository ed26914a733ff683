#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`plan --simulate`: what plans would have cut, held against a replay of the flows in eve.json by bench/evaluate.py's own reading of
the plans' JSON, and against the recordings' truth."""
import ipaddress
import json
import sys

import lib

sys.path.insert(0, str(lib.ROOT / "bench"))
RECORDINGS = lib.ROOT / "range" / "recordings"


def simulate(case, *arguments, code=1):
    result = lib.run("plan", "--simulate", *arguments, case)
    assert result.returncode == code, result.stderr
    return result.stdout


class Replay:
    """The flows of a case, and which of them a plan stops, read without Bulkhead."""

    def __init__(self, evaluate, case):
        self.evaluate, self.site = evaluate, evaluate.Site()
        self.case = lib.read_json(case / "incident.json")
        with (case / "eve.json").open(encoding="utf-8") as lines:
            self.flows = [json.loads(line) for line in lines if '"event_type":"flow"' in line]
        incident = self.case["incidents"][0]
        self.held = {a for m in incident["assets"] for a in m["addresses"]}
        self.peers = {p["address"] for p in incident["peers"]}
        self.cited = {i for d in incident["detections"] for i in d["flows"]}
        self.first = evaluate.ns(incident["first"])

    def start(self, flow):
        return self.evaluate.ns(flow["flow"]["start"])

    def end(self, flow):
        return self.evaluate.ns(flow["flow"]["end"])

    def stopped(self, plan):
        return [f for f in self.flows
                if self.evaluate.blocked(self.site, plan, ipaddress.ip_address(f["src_ip"]), ipaddress.ip_address(f["dest_ip"]))]

    @staticmethod
    def used(flow):
        f = flow["flow"]
        return f["pkts_toserver"] and f["pkts_toclient"] and (f["payload_bytes_toserver"] or f["payload_bytes_toclient"])

    def intrusion(self, flow):
        a, b = flow["src_ip"], flow["dest_ip"]
        return flow["flow_id"] in self.cited or (a in self.held and b in self.peers) or (b in self.held and a in self.peers)

    def loser(self, flow):
        """Whoever of ours begins it, or offers it to an outsider."""
        outside = self.site.outside(ipaddress.ip_address(flow["src_ip"]))
        return flow["dest_ip"] if outside else flow["src_ip"]

    def legitimate(self, flows):
        return [f for f in flows if self.used(f) and not self.intrusion(f)]


class Recordings(lib.Test):
    def setUp(self):
        super().setUp()
        try:
            import evaluate  # pylint: disable=import-outside-toplevel
            import yaml  # noqa: F401 pylint: disable=import-outside-toplevel,unused-import
        except ImportError as error:
            self.skipTest(str(error))
        self.evaluate = evaluate

    def replay(self, name):
        capture = RECORDINGS / f"{name}.pcapng"
        if not capture.exists():
            self.skipTest(f"no {capture}")
        case = self.analyze(capture, "--site", lib.ROOT / "range" / "site.yaml", "--quiet", code=1, name=name)
        return case, Replay(self.evaluate, case)

    def check_sums(self, s):
        legitimate = s["legitimate"]["flows"]
        self.assertEqual(s["stopped"]["flows"], sum(s[k]["flows"] for k in ("legitimate", "attack", "doubtful", "unanswered")))
        self.assertEqual(s["stopped"]["payload_bytes"],
                         sum(s[k]["payload_bytes"] for k in ("legitimate", "attack", "doubtful", "unanswered")))
        for rows in ("services", "machines"):
            self.assertEqual(sum(r["flows_lost"] for r in s[rows]), legitimate, rows)
        self.assertEqual(sum(u["flows_lost"] for m in s["machines"] for u in m["services"]), legitimate)
        self.assertEqual(sum(s["by_hour"]), legitimate)
        self.assertEqual(sum(c["legitimate"]["flows"] for c in s["by_cut"]), legitimate)
        self.assertEqual(sum(c["attack"]["flows"] for c in s["by_cut"]), s["attack"]["flows"])
        self.assertEqual(sum(m["flows_lost"] for m in s["machines"] if m["held"]), s["of_held"]["flows"])

    def test_it_stops_what_a_replay_stops(self):
        for name in ("breakin", "cloud"):
            case, replay = self.replay(name)
            simulations = {s["plan"]: s for s in json.loads(simulate(case, "7d", "--json"))}
            self.assertEqual(list(simulations), ["surgical", "guarded", "shutdown"])
            for plan in replay.case["plans"]:
                s = simulations[plan["name"]]
                stopped = replay.stopped(plan)
                legitimate = replay.legitimate(stopped)
                self.assertEqual(s["stopped"]["flows"], len(stopped), plan["name"])
                self.assertEqual(s["attack"]["flows"], sum(map(replay.intrusion, stopped)))
                self.assertEqual(s["legitimate"]["flows"] + s["doubtful"]["flows"], len(legitimate))
                self.assertEqual(s["stopped"]["payload_bytes"], sum(
                    f["flow"]["payload_bytes_toserver"] + f["flow"]["payload_bytes_toclient"] for f in stopped))
                self.check_sums(s)

    def test_what_bystanders_lose_is_what_the_tools_did_not_do(self):
        for name in ("breakin", "cloud"):
            case, replay = self.replay(name)
            attack = self.evaluate.Attack(lib.read_json(RECORDINGS / f"{name}.truth.json"))
            for s in json.loads(simulate(case, "7d", "--json")):
                plan = next(p for p in replay.case["plans"] if p["name"] == s["plan"])
                true = [f for f in replay.stopped(plan)
                        if replay.used(f) and not attack.row(f) and replay.loser(f) not in replay.held]
                # what an analysis mistook for the intruder's is no hundredth; of the plans that part machines it is nothing
                self.assertAlmostEqual(s["legitimate"]["flows"] - s["of_held"]["flows"], len(true), delta=len(true) / 100,
                                       msg=f"{name} {s['plan']}")

    def test_the_plans_own_estimate_is_the_same_replay_before_the_incident(self):
        for name in ("breakin", "cloud"):
            case, replay = self.replay(name)
            before = [f for f in replay.legitimate(replay.flows) if replay.start(f) < replay.first
                      and not ipaddress.ip_address(f["dest_ip"]).is_multicast]
            ids = {f["flow_id"] for f in before}
            span = max(map(replay.end, before)) - min(map(replay.start, before))
            for s in json.loads(simulate(case, "7d", "--json")):
                plan = next(p for p in replay.case["plans"] if p["name"] == s["plan"])
                lost = sum(1 for f in replay.stopped(plan) if f["flow_id"] in ids)
                self.assertAlmostEqual(s["plan_estimate_per_day"], lost * 86400e9 / span, delta=1)

    def test_a_window_holds_what_it_touches(self):
        case, replay = self.replay("breakin")
        for s in json.loads(simulate(case, "90s", "--json")):
            plan = next(p for p in replay.case["plans"] if p["name"] == s["plan"])
            start = self.evaluate.ns(s["from"])
            self.assertEqual(self.evaluate.ns(s["to"]) - start, 90 * 10**9)
            touched = [f for f in replay.stopped(plan) if replay.end(f) >= start // 1000 * 1000]
            self.assertEqual(s["stopped"]["flows"], len(touched))

    def test_what_was_not_watched_is_said(self):
        case, _ = self.replay("breakin")
        s = json.loads(simulate(case, "7d", "--json", "--plan", "surgical"))
        self.assertEqual(len(s), 1)
        coverage = s[0]["coverage"]
        self.assertEqual([link["link"] for link in coverage["links"]],
                         ["br-dmz", "br-internet", "br-launch", "br-mgmt", "br-mission", "br-office"])
        self.assertLess(coverage["covered_s"], 700)
        self.assertTrue(any(line.startswith("nothing was watched before") for line in coverage["not_covered"]))
        text = simulate(case, "7d")
        for part in ("surgical, had it stood from", "of legitimate use, of others", "names", "nothing was watched before",
                     "guarded, had it stood from", "  the same cuts as surgical"):
            self.assertIn(part, text)


class Visit(lib.Test):
    def test_no_incident_has_nothing_to_cut(self):
        case = self.analyze(lib.VISIT, "--site", self.site(), code=0)
        self.assertEqual(simulate(case, "7d", "--json", code=0), "[]\n")
        self.assertEqual(simulate(case, "7d", code=0), "No incident, so there is nothing to cut.\n")

    def test_it_wants_a_time_and_a_plan_that_is_one(self):
        case = self.intrusion()
        for arguments, part in ((("--simulate", "week"), "7d, 36h or 90m"), (("--simulate", "0d"), "7d, 36h or 90m"),
                                (("--simulate", "367d"), "up to 366d"), (("--simulate", "7d", "--plan", "mild"), "surgical, guarded"),
                                (("--plan", "surgical"), "goes with --simulate"), (("--simulated",), "is not understood")):
            result = lib.run("plan", *arguments, case)
            self.assertEqual(result.returncode, 2, arguments)
            self.assertIn(part, result.stderr)


if __name__ == "__main__":
    lib.main()
