#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Hunts in an analyzed recording: what is found is what tshark counts in the packets and what the recording's truth says, what
is not found is said with what was not searched, and exit codes are those of the manual."""
import json
import pathlib
import shutil
import subprocess
import tempfile

import lib

RECORDING = lib.ROOT / "range" / "recordings" / "breakin.pcapng"
RANGE_SITE = lib.ROOT / "range" / "site.yaml"


def hunt(*arguments, code, env=None, stdin=None):
    """The program's result; `code` is the exit code that is wanted."""
    if stdin is None:
        result = lib.run("hunt", *arguments, env=env)
    else:
        result = subprocess.run([lib.BULKHEAD, "hunt", *map(str, arguments)], input=stdin, capture_output=True, check=False,
                                text=True, timeout=100)
    assert result.returncode == code, (result.returncode, result.stdout, result.stderr)
    return result


def hunt_json(*arguments, code, stdin=None):
    return json.loads(hunt(*arguments, "--json", code=code, stdin=stdin).stdout)


def tshark_tcp(address):
    """By inside address: TCP connections with the outside address, and the distinct payload bytes each way."""
    fields = ["ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", "tcp.seq_raw", "tcp.len"]
    command = ["tshark", "-r", RECORDING, "-Y", f"ip.addr=={address} and tcp", "-T", "fields"]
    for field in fields:
        command += ["-e", field]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    sent = {}
    for line in out.splitlines():
        src, src_port, dst, dst_port, seq, length = line.split("\t")
        if "," in src:
            continue  # inside an ICMP error
        ends = tuple(sorted(((src, src_port), (dst, dst_port))))
        sent.setdefault(ends, {}).setdefault(src, set()).update(range(int(seq), int(seq) + int(length)))
    totals = {}
    for ends, by_sender in sent.items():
        inside = next(a for a, _ in ends if a != address)
        flows, out_bytes, in_bytes = totals.get(inside, (0, 0, 0))
        totals[inside] = (flows + 1, out_bytes + len(by_sender.get(inside, ())), in_bytes + len(by_sender.get(address, ())))
    return totals


class OneCase(lib.Test):
    """One analysis serves all tests of a class."""

    case = None

    @staticmethod
    def keep(made):
        home = pathlib.Path(tempfile.mkdtemp(prefix="bulkhead-hunt-"))
        shutil.move(made, home)
        return home / made.name

    @classmethod
    def tearDownClass(cls):
        if cls.case:
            shutil.rmtree(cls.case.parent, ignore_errors=True)
            cls.case = None


class Recording(OneCase):
    def setUp(self):
        super().setUp()
        if not RECORDING.exists():
            self.skipTest(f"no recording {RECORDING}")
        self.truth = lib.read_json(RECORDING.with_name("breakin.truth.json"))
        if Recording.case is None:
            Recording.case = self.keep(self.analyze(RECORDING, "--site", RANGE_SITE, "--quiet", code=1))

    def test_connections_and_bytes_are_those_of_the_packets(self):
        if not shutil.which("tshark"):
            self.skipTest("tshark is not installed")
        for address in self.truth["attacker"]["c2"] + [self.truth["stolen"]["mission-control"]["channels"][0]["to"]]:
            hits = hunt_json(address, "--archive", self.case, code=1)["hits"]
            found = {h["asset"]: (h["contacts"], h["bytes_out"], h["bytes_in"]) for h in hits if h["contacts"]}
            self.assertEqual(found, tshark_tcp(address), address)

    def test_every_address_and_name_of_the_intruder_is_found_at_the_machines_that_he_took(self):
        taken = {c["address"] for c in self.truth["compromised"]}
        attacker = self.truth["attacker"]
        values = sorted(set(attacker["c2"] + attacker["exfiltration"] + attacker["domains"]))
        answer = hunt_json(*values, "--archive", self.case, code=1)
        self.assertEqual({h["indicator"] for h in answer["hits"]}, set(values))
        for address in attacker["c2"]:
            machines = {h["asset"] for h in answer["hits"] if h["indicator"] == address and h["contacts"]}
            self.assertTrue(machines <= taken and machines, (address, machines))

    def test_what_was_stolen_over_tls_went_out_at_least_and_not_twice(self):
        channel = self.truth["stolen"]["mission-control"]["channels"][0]
        hits = hunt_json(channel["to"], "--archive", self.case, code=1)["hits"]
        self.assertEqual(hits[0]["asset"], channel["from"])
        self.assertGreaterEqual(hits[0]["bytes_out"], channel["bytes"])
        self.assertLess(hits[0]["bytes_out"], 2 * channel["bytes"])

    def test_a_tunnel_of_look_ups_is_told_as_look_ups(self):
        channel = self.truth["stolen"]["mission-control"]["channels"][1]
        hits = hunt_json("t.ns-telemetry.example", "--archive", self.case, code=1)["hits"]
        mine = next(h for h in hits if h["asset"] == channel["from"])
        self.assertEqual((mine["contacts"], mine["bytes_out"]), (0, 0))
        self.assertGreater(mine["lookups"]["bytes_out"], channel["bytes"])
        self.assertEqual(mine["where"], ["dns-query"])

    def test_hits_are_sorted_by_bytes_out_and_cite_records_of_the_archive(self):
        answer = hunt_json("203.0.113.0/24", "192.0.2.0/24", "--archive", self.case, code=1)
        out = [h["bytes_out"] for h in answer["hits"]]
        self.assertEqual(out, sorted(out, reverse=True))
        events = map(json.loads, (self.case / "eve.json").read_text(encoding="utf-8").splitlines())
        known = {e["flow_id"] for e in events if e["event_type"] == "flow"}
        for h in answer["hits"]:
            self.assertTrue(h["flows"])
            self.assertTrue(set(h["flows"]) <= known)
            self.assertLessEqual(len(h["flows"]), h["flows_total"])

    def test_zones_and_times_narrow(self):
        some = ["203.0.113.0/24", "--archive", self.case]
        office = hunt_json(*some, "--zone", "office", code=1)["hits"]
        self.assertTrue(office and all(h["zone"] == "office" for h in office))
        started = self.truth["attack_started"]
        self.assertEqual(hunt_json(*some, "--to", started, code=0)["hits"], [])
        hunt(*some, "--from", started, code=1)
        hunt(*some, "--zone", "nowhere", code=2)

    def test_nothing_found_says_what_was_searched_and_what_not(self):
        result = hunt("198.18.7.7", "not-there.example", "--archive", self.case, code=0)
        self.assertIn("Nothing found", result.stdout)
        self.assertIn("Searched: ", result.stdout)
        self.assertIn("Not covered:", result.stdout)
        answer = hunt_json("198.18.7.7", "--archive", self.case, code=0)
        self.assertEqual(answer["hits"], [])
        self.assertGreater(answer["searched"]["flows"], 0)
        self.assertEqual(answer["searched"]["indicators"], {"address": 1})
        self.assertTrue({"before", "after", "no-sensor"} <= {g["kind"] for g in answer["not_covered"]})
        self.assertTrue(all(g["text"].endswith(".") for g in answer["not_covered"]))

    def test_feeds_of_all_forms_find_the_same(self):
        c2 = self.truth["attacker"]["c2"][0]
        stix = {"type": "bundle", "id": "bundle--1", "objects": [
            {"type": "indicator", "id": "indicator--6a0b1f6e-5f0a-4c0f-9a43-0f3a9a1f0001", "pattern_type": "stix",
             "pattern": f"[ipv4-addr:value = '{c2}']", "valid_from": "2036-01-01T00:00:00Z", "name": "later"}]}
        misp = {"Event": {"Attribute": [{"type": "ip-dst", "value": c2, "to_ids": True}]}}
        feeds = [self.write("a.txt", c2 + "\n"), self.write("b.csv", f"value,type\n{c2},ip\n"),
                 self.write("c.json", json.dumps(stix)), self.write("d.json", json.dumps(misp)),
                 self.write("evil.example", c2 + "\n")]
        plain = hunt_json(c2, "--archive", self.case, code=1)["hits"]
        key = [(h["asset"], h["bytes_out"], h["flows"]) for h in plain]
        for feed in feeds:
            hits = hunt_json(feed, "--archive", self.case, code=1)["hits"]
            self.assertEqual([(h["asset"], h["bytes_out"], h["flows"]) for h in hits], key, feed)
        # a validity that begins later hides nothing, and is told
        late = hunt_json(feeds[2], "--archive", self.case, code=1)["hits"][0]
        self.assertEqual((late["flows_while_valid"], late["valid_from"]), (0, "2036-01-01T00:00:00.000000000Z"))
        self.assertEqual([(h["asset"], h["bytes_out"], h["flows"])
                          for h in hunt_json("-", "--archive", self.case, code=1, stdin=c2 + "\n")["hits"]], key)

    def test_an_archive_alone_gives_the_same_with_guessed_zones(self):
        c2 = self.truth["attacker"]["c2"][0]
        def numbers(folder):
            return [(h["asset"], h["bytes_out"], h["bytes_in"]) for h in hunt_json(c2, "--archive", folder, code=1)["hits"]]
        self.assertEqual(numbers(self.case), numbers(self.case / "archive"))

    def test_a_page_of_eighty_columns(self):
        result = hunt("203.0.113.0/24", "192.0.2.170", "media-upload.example", "--archive", self.case, code=1)
        for line in result.stdout.splitlines():
            self.assertLessEqual(len(line), 80, line)
            self.assertEqual(line, line.rstrip())

    def test_following_gives_spread_and_exposure_from_the_machines_found(self):
        c2 = self.truth["attacker"]["c2"][0]
        answer = hunt_json(c2, "--archive", self.case, "--follow", code=1)
        seeds = {a for s in answer["spread"]["seeds"] for a in s["addresses"]}
        self.assertEqual(seeds & {h["asset"] for h in answer["hits"]}, {h["asset"] for h in answer["hits"] if h["answered"]})
        self.assertTrue(answer["spread"]["assets"])
        self.assertTrue(answer["exposure"])
        text = hunt(c2, "--archive", self.case, "--follow", code=1).stdout
        self.assertIn("Spread of hunt", text)
        none = hunt_json("198.18.7.7", "--archive", self.case, "--follow", code=0)
        self.assertEqual(none["spread"]["seeds"], [])


class Arguments(OneCase):
    def setUp(self):
        super().setUp()
        if Arguments.case is None:
            Arguments.case = self.keep(self.intrusion())

    def fails(self, code, *arguments):
        result = hunt(*arguments, code=code)
        self.assertEqual(result.stdout, "")
        self.assertNotEqual(result.stderr, "")
        return result.stderr

    def test_what_is_no_indicator_and_no_file_is_a_mistake(self):
        where = ["--archive", self.case]
        self.assertIn("no such file", self.fails(2, "feed.csv", *where))
        self.assertIn("no such file", self.fails(2, "./feed", *where))
        self.assertIn("host bits", self.fails(2, "10.1.2.3/8", *where))
        self.assertIn("single label", self.fails(2, "evil", *where))
        self.assertIn("which indicators", self.fails(2, *where))
        self.assertIn("which archive", self.fails(2, lib.BEYOND))
        self.assertIn("is no time", self.fails(2, lib.BEYOND, *where, "--from", "yesterday"))
        self.assertIn("not before", self.fails(2, lib.BEYOND, *where, "--from", "2026-02-02", "--to", "2026-02-01"))
        self.fails(4, lib.BEYOND, "--archive", self.folder / "nowhere")

    def test_a_value_by_hand_beats_the_warning_lists_and_a_feed_does_not(self):
        result = hunt("10.0.0.11", "--archive", self.case, code=1)
        self.assertIn("because you say so", result.stderr)
        feed = self.write("feed.txt", "10.0.0.11\n203.0.113.99\n")
        answer = hunt_json(feed, "--archive", self.case, code=3)
        self.assertIn("indicators", {g["kind"] for g in answer["not_covered"]})

    def test_what_no_record_carries_is_not_taken_for_searched(self):
        answer = hunt_json("da39a3ee5e6b4b0d3255bfef95601890afd80709", "--archive", self.case, code=3)
        self.assertFalse(answer["searched"]["whole"])
        self.assertTrue(any(g["unsearched"] and g["kind"] == "indicator-kind" for g in answer["not_covered"]))
        # thirty-two digits may be fingerprints, and those were searched
        hunt("d41d8cd98f00b204e9800998ecf8427e", "--archive", self.case, code=0)

    def test_the_bytes_of_the_hand_made_capture(self):
        hits = hunt_json(lib.BEYOND, "--archive", self.case, code=1)["hits"]
        self.assertEqual([(h["asset"], h["name"], h["bytes_out"]) for h in hits], [("10.0.0.11", "ws1", lib.BEYOND_BYTES)])

    def test_an_unfinished_analysis_is_searched_and_said_not_to_be_whole(self):
        copy = self.folder / "copy"
        shutil.copytree(self.case, copy)
        (copy / "unfinished").write_text("")
        self.assertIn("hasn't ended", hunt("198.18.7.7", "--archive", copy, code=3).stdout)

    def test_a_damaged_archive_is_searched_as_far_as_it_goes(self):
        copy = self.folder / "copy"
        shutil.copytree(self.case, copy)
        files = sorted((copy / "archive").glob("flow-*"), key=lambda p: p.stat().st_size)
        data = bytearray(files[-1].read_bytes())
        for at in range(len(data) // 2, len(data) // 2 + 64):
            data[at] ^= 0x5a
        files[-1].write_bytes(bytes(data))
        result = lib.run("hunt", "198.18.7.7", "--archive", copy)
        self.assertIn(result.returncode, (3, 4), result.stdout)

    def test_hostile_text_of_feeds_stays_text(self):
        feed = self.write("feed.csv", f'value,description\n{lib.BEYOND},"\x1b[31mred\x07"\n\x1b]0;x.example,\n')
        result = hunt(feed, "--archive", self.case, code=1)
        for text in (result.stdout, result.stderr):
            self.assertNotIn("\x1b", text)
            self.assertNotIn("\x07", text)
        self.assertIn("\\x1b[31mred", result.stdout)


if __name__ == "__main__":
    lib.main()
