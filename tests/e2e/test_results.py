#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""analyze writes what the manual promises, and the verbs' JSON is that of doc/json.md (design, section 8)."""
import json
import re

import lib

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$")
ALWAYS = {"archive", "report.html", "incident.json", "incident.stix.json", "eve.json"}
PLANS = {"plan-surgical.nft", "plan-guarded.nft", "plan-shutdown.nft"}


class Time:
    """A time of the contract."""


NUMBER = (int, float)
LINK = {"link": str, "origin": str, "from": Time, "to": Time, "packets": int, "bytes": int, "dropped": (int, type(None)), "cut": int,
        "malformed": int, "unreadable": int, "missing_bytes": int, "problem": str}
DETECTION = {"id": int, "source": str, "name": str, "technique": str, "confidence": NUMBER, "asset": str, "peer": (str, type(None)),
             "asset_role": str, "peer_role": str, "time": Time, "last": Time, "why": str, "indicator": str, "flows": [int]}
ASSET = {"addresses": [str], "names": [str], "zone": str}
INCIDENT = {
    "id": str, "state": str, "severity": str, "confidence": NUMBER, "first": Time, "last": Time, "entry": (dict, type(None)),
    "assets": [{**ASSET, "state": str, "confidence": NUMBER, "since": Time, "detections": [int]}],
    "peers": [{"address": str, "name": str, "role": str, "bytes_out": int, "bytes_in": int, "flows": [int]}],
    "detections": [DETECTION]}
SPREAD = {
    "incident": str, "seeds": [{**ASSET, "time": Time, "state": str}],
    "assets": [{**ASSET, "grade": str, "arrival": (Time, type(None)),
                "path": [{"from": str, "to": str, "time": Time, "app": str, "grade": str, "flows": [int]}]}],
    "coarse": bool, "coverage": [LINK]}
PLAN = {
    "name": str, "cuts": [{"kind": str, "from": object, "to": object, "direction": str, "lease_s": int, "enforcement": str, "why": str,
                           "cost_per_day": NUMBER, "flows": [int]}],
    "attack_paths_before": int, "attack_paths_left": int, "legitimate_flows_per_day": NUMBER, "legitimate_flows_lost_per_day": NUMBER,
    "services_lost": [{"name": str, "clients": int, "flows_per_day": NUMBER, "criticality": int}], "manual_steps": [str], "guardrails": [str]}
EXPOSURE = {
    "zone": str, "from": Time, "to": Time, "direct_bytes": int, "direct_external_bytes": int, "chained_bytes": int, "chained_any_bytes": int,
    "coarse": bool,
    "destinations": [{"address": str, "name": str, "zone": str, "class": str, "payload_bytes": int, "flows": [int], "flows_total": int}],
    "transfers": [{"from": str, "to": str, "first": Time, "last": Time, "capacity": int, "used": int, "flows": [int]}],
    "documents": list,
    "coverage": {"links": [LINK], "lost_packets": int, "losses_unknown": bool, "lost_bytes_bound": int, "not_seen": [str]}}
CASE = {"format": int, "version": str, "site": str, "zones_guessed": bool, "made": Time, "first": Time, "last": Time, "flows": int,
        "duplicates": int, "incidents": [INCIDENT], "plans": [PLAN], "exposures": [EXPOSURE],
        "sources": [{"path": str, "end": str, "problem": str, "bytes": int, "packets": int}], "anomalies": dict}


class Results(lib.Test):
    def matches(self, value, shape, where="$"):
        """Every key of the shape is there with its type; keys may be added."""
        if isinstance(shape, tuple):
            kinds = tuple(k for k in shape if k is not Time)
            if not isinstance(value, kinds) or isinstance(value, bool):
                self.assertIn(Time, shape, f"{where}: {value!r}")
                self.matches(value, Time, where)
        elif shape is Time:
            self.assertIsInstance(value, str, where)
            self.assertRegex(value, TIME, where)
        elif isinstance(shape, dict):
            self.assertIsInstance(value, dict, where)
            for key, inner in shape.items():
                self.assertIn(key, value, where)
                self.matches(value[key], inner, f"{where}.{key}")
        elif isinstance(shape, list):
            self.assertIsInstance(value, list, where)
            for i, item in enumerate(value):
                self.matches(item, shape[0], f"{where}[{i}]")
        else:
            self.assertIsInstance(value, shape, where)
            if shape is int:
                self.assertNotIsInstance(value, bool, where)

    def ask(self, verb, case, *more):
        result = lib.run(verb, "--json", case, *more)
        self.assertEqual(result.stderr, "")
        return json.loads(result.stdout), result.returncode

    def test_a_quiet_capture_gives_every_file_but_plans(self):
        case = self.analyze(lib.VISIT, code=0)
        self.assertEqual({p.name for p in case.iterdir()}, ALWAYS)
        whole = lib.read_json(case / "incident.json")
        self.assertEqual((whole["incidents"], whole["plans"]), ([], []))
        self.assertTrue(whole["zones_guessed"])
        for verb, empty in (("incidents", []), ("plan", [])):
            self.assertEqual(self.ask(verb, case), (empty, 0))

    def test_a_site_adds_its_own_copy(self):
        case = self.analyze(lib.VISIT, "--site", self.site(), code=0)
        self.assertEqual({p.name for p in case.iterdir()}, ALWAYS | {"site.yaml"})
        self.assertEqual(lib.read_json(case / "incident.json")["site"], "test site")

    def test_an_incident_adds_the_plans(self):
        for site in (True, False):
            case = self.intrusion(name=f"case-{site}", site=site)
            self.assertEqual({p.name for p in case.iterdir()}, ALWAYS | PLANS | ({"site.yaml"} if site else set()))

    def test_json_has_the_promised_keys_and_types(self):
        case = self.intrusion()
        whole = lib.read_json(case / "incident.json")
        self.matches(whole, CASE)
        self.matches(whole["spread"], SPREAD)
        for verb, shape, part in (("incidents", [INCIDENT], "incidents"), ("spread", SPREAD, "spread"), ("plan", [PLAN], "plans")):
            answer, code = self.ask(verb, case)
            self.assertEqual(code, 1)
            self.matches(answer, shape)
            self.assertEqual(answer, whole[part], f"{verb} --json and incident.json differ")
        answer, code = self.ask("exposure", case)
        self.assertEqual(code, 1)
        self.matches(answer, EXPOSURE)  # one protected zone: an object
        self.assertEqual([answer], whole["exposures"])
        self.assertEqual([p["name"] for p in whole["plans"]], ["surgical", "guarded", "shutdown"])

    def test_the_numbers_are_those_of_the_capture(self):
        """By the script that made it: 3 DNS, 2 HTTP, 1 SSH and 11 connections to the place beyond."""
        whole = lib.read_json(self.intrusion() / "incident.json")
        self.assertEqual((whole["flows"], whole["duplicates"]), (17, 0))
        self.assertEqual(whole["first"], "2023-11-14T22:13:21.000000000Z")
        incident = whole["incidents"][0]
        self.assertEqual([a["addresses"] for a in incident["assets"]], [["10.0.0.11"]])
        peer = [p for p in incident["peers"] if p["address"] == lib.BEYOND]
        self.assertEqual([(p["bytes_out"], p["bytes_in"]) for p in peer], [(lib.BEYOND_BYTES, 10 * 13 + 6)])
        grades = {a["names"][0] if a["names"] else a["addresses"][0]: a["grade"] for a in whole["spread"]["assets"]}
        self.assertIn(grades["files1"], ("confirmed", "likely"))  # reached over SSH
        self.assertEqual(grades["10.0.0.12"], "cleared")
        # the SSH server's side: a banner of 21 bytes, then 4 packets of n + 5
        self.assertEqual([e["direct_bytes"] for e in whole["exposures"]], [21 + sum(n + 5 for n in (400, 900, 1200, 5000))])

    def test_every_cited_record_is_in_the_archive(self):
        case = self.intrusion()
        records = [json.loads(line) for line in (case / "eve.json").read_text(encoding="utf-8").splitlines()]
        flows = {r["flow_id"] for r in records if r["event_type"] == "flow"}
        self.assertEqual(len(flows), 17)
        cited = set()

        def collect(value):
            if isinstance(value, dict):
                cited.update(value.get("flows", []) if isinstance(value.get("flows"), list) else [])
                for inner in value.values():
                    collect(inner)
            elif isinstance(value, list):
                for inner in value:
                    collect(inner)

        collect(lib.read_json(case / "incident.json"))
        self.assertTrue(cited)
        self.assertLessEqual(cited, flows)

    def test_eve_has_a_record_for_each_thing_seen(self):
        case = self.intrusion()
        kinds = {}
        for line in (case / "eve.json").read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            kinds.setdefault(record["event_type"], []).append(record)
        self.assertEqual(len(kinds["dns"]), 3)
        self.assertEqual({r["http"]["hostname"] for r in kinds["http"]}, {"www.example.org"})
        self.assertTrue(all(r["src_ip"] and r["dest_ip"] and r["timestamp"] for rows in kinds.values() for r in rows))
        self.assertTrue(any(r["dest_ip"] == lib.BEYOND for r in kinds["alert"]))

    def test_a_record_is_answered_from_later(self):
        case = self.intrusion()
        record = self.analyze(lib.VISIT, "--site", self.site(), "--indicators", self.indicators(lib.BEYOND), "--record", code=0, name="record")
        self.assertEqual({p.name for p in record.iterdir()}, {"archive", "eve.json", "site.yaml"})
        self.assertEqual((record / "eve.json").read_bytes(), (case / "eve.json").read_bytes())
        for verb in ("incidents", "spread", "plan", "exposure"):
            first, second = lib.run(verb, case), lib.run(verb, record)
            self.assertEqual((first.returncode, first.stdout.replace(str(case), str(record))), (second.returncode, second.stdout), verb)

    def test_text_and_report_name_the_incident(self):
        case = self.intrusion()
        name = lib.read_json(case / "incident.json")["incidents"][0]["id"]
        page = (case / "report.html").read_text(encoding="utf-8")
        self.assertIn(name, page)
        self.assertNotRegex(page, r"(?i)<script|src=|href=\"(?!#)")  # nothing is loaded from elsewhere
        self.assertIn(name, lib.run("incidents", case).stdout)
        for verb in ("spread", "plan", "exposure"):
            self.assertGreater(len(lib.run(verb, case).stdout), 100)

    def test_until_leaves_out_what_came_later(self):
        case = self.analyze(lib.VISIT, "--until", "2023-11-14T22:13:22.5Z", code=0)
        self.assertEqual(lib.read_json(case / "incident.json")["flows"], 2)  # ws1's question and its page


if __name__ == "__main__":
    lib.main()
