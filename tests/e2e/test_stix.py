#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""incident.stix.json is STIX 2.1: references resolve, everything is marked, and OASIS's schemas accept it where they are at hand
(BULKHEAD_DATA/cti/stix2-schemas)."""
import json
import os
import pathlib
import re
import unittest

import lib

TLP_AMBER = "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"
ID = re.compile(r"^[a-z][a-z0-9-]+--[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
OBSERVABLES = {"ipv4-addr", "ipv6-addr", "network-traffic", "domain-name"}
REQUIRED = {"identity": {"name"}, "infrastructure": {"name"}, "course-of-action": {"name"}, "attack-pattern": {"name"}, "incident": {"name"},
            "indicator": {"pattern", "pattern_type", "valid_from"}, "observed-data": {"first_observed", "last_observed", "number_observed", "object_refs"},
            "sighting": {"sighting_of_ref"}, "relationship": {"relationship_type", "source_ref", "target_ref"}, "network-traffic": {"protocols"},
            "impact": {"impact_category"}, "ipv4-addr": {"value"}, "ipv6-addr": {"value"}}


def references(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key.endswith("_ref"):
                yield inner
            elif key.endswith("_refs"):
                yield from inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


class Stix(lib.Test):
    def bundle(self, **how):
        return lib.read_json(self.intrusion(**how) / "incident.stix.json")

    def test_ids_are_well_formed_and_unique_and_references_resolve(self):
        bundle = self.bundle()
        self.assertEqual(bundle["type"], "bundle")
        ids = [o["id"] for o in bundle["objects"]]
        self.assertEqual(len(ids), len(set(ids)))
        for o in bundle["objects"]:
            self.assertRegex(o["id"], ID)
            self.assertEqual(o["id"].split("--")[0], o["type"])
            self.assertEqual(o["spec_version"], "2.1")
            for ref in references(o):
                self.assertIn(ref, ids, f"{o['id']} points to nothing")
            self.assertLessEqual(REQUIRED.get(o["type"], set()), set(o), o["type"])

    def test_every_domain_object_is_marked(self):
        objects = self.bundle()["objects"]
        self.assertIn(TLP_AMBER, [o["id"] for o in objects])
        for o in objects:
            if o["type"] not in OBSERVABLES | {"marking-definition", "extension-definition"}:
                self.assertEqual(o.get("object_marking_refs"), [TLP_AMBER], o["id"])

    def test_the_impact_carries_the_bound(self):
        case = self.intrusion()
        bounds = [e["chained_bytes"] for e in lib.read_json(case / "incident.json")["exposures"]]
        impacts = [o for o in lib.read_json(case / "incident.stix.json")["objects"] if o["type"] == "impact"]
        self.assertEqual([o["extensions"]["confidentiality-ext"]["record_size"] for o in impacts], bounds)

    def test_the_place_beyond_is_an_indicator(self):
        patterns = [o["pattern"] for o in self.bundle()["objects"] if o["type"] == "indicator"]
        self.assertEqual(patterns, [f"[ipv4-addr:value = '{lib.BEYOND}']"])

    def test_without_an_incident_there_is_still_a_bundle(self):
        case = self.analyze(lib.VISIT, code=0)
        self.assertEqual([o["type"] for o in lib.read_json(case / "incident.stix.json")["objects"] if o["type"] != "marking-definition"], ["identity"])

    def test_ids_do_not_change_with_the_day(self):
        first = {o["id"] for o in self.bundle(name="a")["objects"]}
        self.assertEqual(first, {o["id"] for o in self.bundle(name="b")["objects"]})

    def test_two_machines_of_one_name_stay_two(self):
        site = lib.SITE.replace("  - name: files1\n    addresses: [10.0.1.20]\n    roles: [file-server]\n", "")
        make = lib.load_make()
        c = make.visit()
        hosts = ("10.0.0.21", "10.0.0.22")
        for n, host in enumerate(hosts):
            # DHCP requests and acknowledgements that give both the same name
            options = b"\x63\x82\x53\x63" + b"\x35\x01%c" + b"\x0c\x05twins" + b"\x32\x04" + make.ipaddress.ip_address(host).packed + b"\xff"
            for kind, op in ((3, 1), (5, 2)):
                body = bytes([op, 1, 6, 0]) + bytes([n + 1] * 4) + b"\0" * 8
                body += (make.ipaddress.ip_address(host).packed if op == 2 else b"\0" * 4) + b"\0" * 8 + make.mac(host) + b"\0" * 10 + b"\0" * 192
                ends = (host, 68, "10.0.0.1", 67) if op == 1 else ("10.0.0.1", 67, host, 68)
                c.udp(10 + n + op / 10, *ends, body + options % kind)
            for k in range(4):
                c.tcp(30 + 10 * k + n, host, lib.BEYOND, 8443, [b"hello", b"nothing"])
        case = self.analyze(self.write("twins.pcap", c.bytes()), "--site", self.write("s.yaml", site), "--indicators", self.indicators(lib.BEYOND), code=1)
        held = [a for a in lib.read_json(case / "incident.json")["incidents"][0]["assets"] if a["addresses"][0] in hosts]
        self.assertEqual([a["names"] for a in held], [["twins"], ["twins"]], "the names were not learned")
        systems = [o for o in lib.read_json(case / "incident.stix.json")["objects"] if o.get("identity_class") == "system"]
        self.assertEqual(sum(o["name"].startswith("twins") for o in systems), 2)

    def test_the_schemas_accept_every_object(self):
        data = os.environ.get("BULKHEAD_DATA")
        if not data:
            self.skipTest("BULKHEAD_DATA is not set")
        folder = pathlib.Path(data) / "cti" / "stix2-schemas" / "schemas"
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        files = {p.stem: p for p in folder.rglob("*.json")}
        store = {}
        for p in files.values():
            schema = json.loads(p.read_text(encoding="utf-8"))
            store[schema.get("$id", schema.get("id"))] = schema
            store[p.as_uri()] = schema
        judged = 0
        for o in self.bundle()["objects"]:
            # impact is an object of an extension, which the published schemas don't know
            if o["type"] not in files:
                self.assertEqual(o["type"], "impact")
                continue
            path = files[o["type"]]
            schema = store[path.as_uri()]
            resolver = jsonschema.RefResolver(path.as_uri(), schema, store=store,
                                              handlers={s: refuse for s in ("http", "https")})
            # what a schema calls itself must not lead its references out of the folder
            schema = {k: v for k, v in schema.items() if k not in ("$id", "id")}
            errors = [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in jsonschema.Draft7Validator(schema, resolver=resolver).iter_errors(o)]
            self.assertEqual(errors, [], json.dumps(o, indent=1))
            judged += 1
        self.assertGreater(judged, 20)


def refuse(uri):
    raise unittest.SkipTest(f"{uri} is not among the schemas at hand")


if __name__ == "__main__":
    lib.main()
