#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a user of a running daemon types and reads: questions, plans, orders, approval by roles and persons, reload."""
import json
import os
import pty
import re
import subprocess
import time

import lib
import live_incident
from live_incident import ANALYST, APPROVER, STRANGER, VIEWER
import test_results
from test_results import EXPOSURE, INCIDENT, PLAN, SPREAD, Time

NUMBER = (int, float)
OR_NULL = type(None)
ACT = {"time": Time, "who": str}
ORDER = {
    "id": int, "state": str, "check": str, "ends": (str, OR_NULL), "why": str, "what": str, "proposed": ACT, "approved": [ACT],
    "approvals_wanted": int, "confirmed": (dict, OR_NULL), "ended_by": (dict, OR_NULL), "ended": (Time, OR_NULL),
    "in_force_since": (Time, OR_NULL), "until": (Time, OR_NULL), "approve_by": (Time, OR_NULL), "confirm_by": (Time, OR_NULL),
    "lease_until": (Time, OR_NULL), "lease_s": NUMBER, "confirm_s": (int, float, OR_NULL), "fail": str, "generation": int,
    "enforcers": [{"name": str, "done": bool}], "n_cuts": int, "cuts": [{"from": str, "to": str, "direction": str}],
    "stopped_packets": (int, OR_NULL), "stopped_bytes": (int, OR_NULL)}
WHOLE_ORDER = {**ORDER, "acts": [{"time": Time, "what": str, "who": str, "why": str}]}
STATUS = {
    "version": int, "program": str, "time": Time, "began": Time, "running_s": NUMBER, "configuration": str,
    "processes": [{"name": str, "index": int, "runs": bool, "restarts": int}], "links": [str],
    "sensors": [{"index": int, "connected": bool, "heard_s_ago": (int, float, OR_NULL), "packets": int, "bytes": int, "lost_packets": int,
                 "flows": int, "flows_seen": int, "evicted": int, "watched_cuts": int, "capture_ended": bool, "bounds": dict}],
    "enforcers": [{"name": str, "backend": str, "remote": bool, "ready": bool, "why_not": (str, OR_NULL), "generation": int, "cuts": int,
                   "lease_s": (int, float, OR_NULL), "last_change_s": NUMBER, "refused": int,
                   "drift": {"times": int, "missing": int, "foreign": int, "wrong": int}}],
    "orders": {s: int for s in ("proposed", "approved", "applied", "verified", "leaking", "confirmed", "ending")}, "standing": [ORDER],
    "by_policy": int, "policy_declined": int, "generation": int, "store_failing": (str, OR_NULL),
    "incidents": [{"id": str, "severity": int, "severity_name": str, "confidence": NUMBER, "assets": int}], "detections": int, "indicators": int,
    "archive": {"connected": bool, "sent": int, "durable": int, "waiting_bytes": int, "records_lost": int, "failing": (str, OR_NULL)}}
PROPOSED_PLAN = {**PLAN, "incident": str, "order": (int, OR_NULL), "no_order_because": (str, OR_NULL), "enforceable": bool, "prefix_pairs": int,
                 "enforcers": list}
SECTIONS = ["Attention", "Orders", "Incidents", "Enforcers", "Sensors", "Archive", "Processes"]


class Shaped(live_incident.Test):
    matches = test_results.Results.matches


class Questions(Shaped):
    def test_what_a_case_answers_the_daemon_answers(self):
        for verb, shape in (("incidents", [INCIDENT]), ("spread", SPREAD), ("exposure", EXPOSURE), ("plan", [PROPOSED_PLAN])):
            result = self.does(1, verb, "--json")
            self.matches(json.loads(result.stdout), shape, verb)
            text = self.does(1, verb).stdout
            self.assertGreater(len(text), 40)
            self.assertNotIn("\x1b", text)
        self.does(1, "spread", self.incident, "--backflow", says=self.incident)
        self.does(1, "exposure", "--zone", "inside", "--incident", self.incident, says="^inside: at most ")

    def test_what_is_not_there_is_told(self):
        self.does(2, "plan", "incident-0000000000000000", says="there is no incident 'incident-0000000000000000'; bulkhead incidents lists them")
        self.does(2, "exposure", "--zone", "atlantis", says="zone; the site file names")
        self.does(2, "plan", "x" * 5000, says="there is no incident 'xxxx")
        self.does(1, "orders", 4711, says="there is no order '4711'; bulkhead orders --all lists them")
        self.does(1, "orders", "seven", says="there is no order 'seven'")

    def test_a_plan_names_the_order_that_it_would_be(self):
        plans = {p["name"]: p for p in json.loads(self.does(1, "plan", self.incident, "--json").stdout)}
        self.assertEqual({p["incident"] for p in plans.values()}, {self.incident})
        number = plans["surgical"]["order"]
        self.assertEqual(plans["surgical"]["no_order_because"], None)
        # policy of the site allows nothing so wide as a whole zone
        self.assertEqual((plans["shutdown"]["order"], plans["shutdown"]["no_order_because"]),
                         (None, "guardrails forbid all that it would cut: 10.77.0.0/16 of zone inside is wider than policy allows a cut to be"))
        self.assertEqual([(plans[n]["enforceable"], plans[n]["enforcers"]) for n in ("surgical", "shutdown")], [(True, ["gw"]), (False, [])])
        text = self.does(1, "plan").stdout
        self.assertRegex(text, rf"(?m)^  surgical  order {number} \(\d+ pairs? of prefixes by gw\): approve with  bulkhead approve {number}$")
        self.assertRegex(text, r"(?m)^  shutdown  no order: guardrails forbid all that it would cut")
        self.assertEqual(self.daemon.order(number)["what"], f"plan surgical of {self.incident}")
        self.assertEqual(self.proposal(), number, "asked again it is the same order")

    def test_simulation_proposes_nothing(self):
        before = [o["id"] for o in self.daemon.orders()]
        answer = json.loads(self.does(1, "plan", "--simulate", "7d", "--plan", "surgical", "--json", self.incident).stdout)
        self.assertEqual([(s["plan"], s["attack"]["flows"] > 0) for s in answer], [("surgical", True)])
        self.does(1, "plan", "--simulate", "1h", says="(?s)surgical, had it stood.*guarded, had it stood.*shutdown, had it stood")
        self.assertEqual([o["id"] for o in self.daemon.orders()], before)

    def test_each_role_may_what_it_may_and_no_more(self):
        asks = (("status", ), ("orders", ), ("incidents", ), ("spread", ), ("exposure", ))
        plans = (("plan", ), ("plan", "--simulate", "1h"))
        number = self.proposal()
        acts = (("approve", number), ("reject", number), ("confirm", number), ("release", number), ("reload", ))
        for user in (VIEWER, ANALYST, APPROVER, None):
            for arguments in asks:
                self.assertIn(self.daemon.ask(*arguments, user=user).returncode, (0, 1) if arguments[0] not in ("status", "orders") else (0, ))
        for arguments in plans:
            self.does(4, *arguments, user=VIEWER, says=f"is for analysts, and {VIEWER} is none; the control section of bulkhead.yaml says who is")
            self.does(1, *arguments, user=ANALYST)
        for arguments in acts:
            for user in (VIEWER, ANALYST):
                self.does(1, *arguments, user=user, says=f"{arguments[0]} is for approvers, and {user} is none")
        for arguments in asks + plans:
            said = self.daemon.ask(*arguments, user=STRANGER)
            self.assertEqual(said.returncode, 4 if arguments[0] not in ("status", "orders") else 1)
            self.assertIn("this user has no role here; the control section of the daemon's file gives roles", said.stderr)
        self.does(1, "approve", number, user=STRANGER, says="this user has no role here")
        self.assertEqual(self.state(number), "proposed")

    def test_a_refusal_is_json_too(self):
        result = self.does(1, "approve", 4711, "--json")
        self.assertEqual(json.loads(result.stdout), {"error": "there is no order 4711; bulkhead orders lists them"})
        self.assertIn("there is no order 4711", result.stderr)


class Pages(Shaped):
    def page(self):
        return self.does(0, "status").stdout

    def test_status_has_its_sections_always_and_in_one_order(self):
        quiet = self.page()
        number = self.in_force()
        cut = self.page()
        self.release(number)
        for page in (quiet, cut):
            self.assertEqual([line for line in page.splitlines() if re.fullmatch(r"[A-Z][a-z]+", line)], SECTIONS)
            self.assertTrue(page.isascii() and all(c.isprintable() or c == "\n" for c in page))
            self.assertLess(max(map(len, page.splitlines())), 120)

    def test_status_says_first_what_waits_for_a_person(self):
        number = self.proposal()
        self.assertRegex(self.page(), rf"\n\nAttention\n  order {number} has 0 of 1 approvals, and is withdrawn at .* \(in \d+ min \d\d s\):  "
                         rf"bulkhead approve {number}\n")
        self.does(0, "approve", number)
        self.daemon.until(lambda: self.state(number) == "verified", 40, "it is verified")
        page = self.page()
        self.assertRegex(page, rf"\n\nAttention\n  order {number} takes itself back at \S+ UTC \(in \d+ min \d\d s\) unless:  bulkhead confirm {number}\n")
        self.assertRegex(page, rf"\n  ORDER  STATE .*\n +{number}  verified +\S+ UTC \(in \d+ min \d\d s\) +\d+ \(.*B\) +any <-> 203.0.113.66 and \d+ more\n")
        self.assertRegex(page, r"\n  gw +nftables +ready +\d+ cuts, generation (\d+) of \1, lease \d+ s, no drift\n")
        self.does(0, "confirm", number)
        self.assertRegex(self.page(), r"\n\nAttention\n  nothing: ")
        self.release(number)
        self.assertRegex(self.page(), r"\nOrders\n  none: nothing is cut\n")

    def test_colour_is_for_terminals_that_want_it(self):
        command = [lib.BULKHEAD, "status", "--socket", str(self.daemon.folder / "control")]
        for more, coloured in (({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
            parent, child = pty.openpty()
            environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
            subprocess.run(command, stdout=child, stderr=child, check=True, timeout=60, env={**environment, **more})
            os.close(child)
            self.assertEqual(b"\x1b[" in os.read(parent, 65536), coloured, more)
            os.close(parent)

    def test_json_has_the_promised_keys_and_types(self):
        number = self.in_force()
        status = self.daemon.status()
        self.matches(status, STATUS)
        self.assertEqual([o["id"] for o in status["standing"]], [number])
        self.matches(self.daemon.orders(), [ORDER])
        whole = json.loads(self.does(0, "orders", number, "--json").stdout)
        self.matches(whole, [WHOLE_ORDER])
        again = self.daemon.order(number)
        for key in ("until", "confirm_by", "lease_until", "in_force_since", "proposed", "approved"):
            self.assertEqual(whole[0][key], again[key], f"{key} is told as the same moment each time")
        self.release(number)
        self.matches(json.loads(self.does(0, "orders", number, "--json").stdout), [WHOLE_ORDER])

    def test_the_socket_can_be_named_in_the_environment(self):
        result = lib.run("orders", "--json", env={"BULKHEAD_CONTROL": str(self.daemon.folder / "control")})
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        json.loads(result.stdout)


class Drift(Shaped):
    def test_what_others_changed_in_the_kernel_is_told(self):
        number = self.in_force()
        self.stage.network.run(self.stage.network.gateway, "nft", "flush", "table", "inet", "bulkhead")
        self.daemon.until(lambda: self.daemon.status()["enforcers"][0]["drift"]["times"], 40, "the drift was seen")
        self.assertRegex(self.does(0, "status").stdout, r", generation \d+ of \d+, lease \d+ s, drifted \d+ times?\b")
        self.release(number)


class Acts(Shaped):
    def test_an_order_is_known_with_all_that_was_done_to_it(self):
        number = self.proposal()
        self.does(0, "approve", number, "--why", "agreed with the CISO\x1b[31m", says=f"Order {number}  (approved|applied)")
        self.daemon.until(lambda: self.state(number) == "verified", 40, "it is verified")
        self.assertFalse(self.stage.talk(), "the cut holds")
        self.does(0, "confirm", number, user=APPROVER)
        self.does(0, "release", number, "--why", "machine rebuilt")
        self.reaches(number, "released")
        self.assertTrue(self.stage.talk(), "what was released passes again")
        acts = self.daemon.order(number)["acts"]
        self.assertEqual([(a["what"], a["who"]) for a in acts],
                         [("proposed", "root"), ("approve", "root"), ("applied", "bulkhead"), ("verified", "bulkhead"), ("confirm", "daemon"),
                          ("release", "root"), ("released", "bulkhead")])
        self.assertEqual((acts[1]["why"], acts[5]["why"]), ("agreed with the CISO\\x1b[31m", "machine rebuilt"))
        text = self.does(0, "orders", number).stdout
        self.assertRegex(text, rf"(?s)^Order {number}  released\n  for +plan surgical of {self.incident}\n.*UTC +approve +root: agreed.*UTC +confirm +daemon\n")
        self.assertNotIn("\x1b", text)

    def test_ended_orders_are_listed_when_asked_for(self):
        numbers = []
        for _ in range(3):
            number = self.proposal()
            self.does(0, "reject", number, "--why", "false alarm")
            numbers.append(number)
        standing = self.proposal()
        self.assertEqual([o["id"] for o in self.daemon.orders()], [standing])
        both = json.loads(self.does(0, "orders", "--last", 2, "--json").stdout)
        self.assertEqual([(o["id"], o["state"]) for o in both], [(standing, "proposed"), (numbers[2], "rejected"), (numbers[1], "rejected")])
        page = self.does(0, "orders", "--all").stdout
        for number in numbers:
            self.assertRegex(page, rf"(?m)^ +{number}  rejected +\S+ UTC \(.* ago\) ")
        self.does(0, "reject", standing)
        self.does(0, "orders", says="^No order stands. bulkhead orders --all shows those that ended.\n$")

    def test_what_can_not_be_done_says_why_and_what_to_do(self):
        number = self.proposal()
        self.does(1, "confirm", number, says=f"order {number} isn't approved yet: bulkhead approve {number}")
        self.does(1, "release", number, says=f"order {number} was never in force: bulkhead reject {number} ends it")
        self.does(0, "approve", number)
        self.daemon.until(lambda: self.state(number) in ("applied", "verified"), 40, "it is in force")
        self.does(1, "approve", number, says=rf"order {number} is in force already \((applied|verified)\); bulkhead confirm keeps it")
        self.does(1, "reject", number, says=f"order {number} is approved already: bulkhead release {number} takes it back")
        self.does(0, "confirm", number)
        self.does(1, "confirm", number, says=f"order {number} needs no confirmation any more: it stays to its end")
        self.does(0, "release", number)
        self.does(1, "release", number, says=f"order {number} (ends already: it was released by root|has ended: released at .* by root)")
        self.reaches(number, "released")
        for verb in ("approve", "reject", "confirm", "release"):
            self.does(1, verb, number, says=f"order {number} has ended: released at .* by root. bulkhead orders {number} tells all")
            self.does(1, verb, 4711, says="there is no order 4711; bulkhead orders lists them")
            for nonsense in ("x", "-", "0", "18446744073709551616", "9223372036854775808", "1" * 300, "%n%s"):
                self.does(2, verb, nonsense, says="is no number of an order; bulkhead orders lists them")


class Persons(Shaped):
    settings = {"persons": 2, "confirm": "10s"}

    def test_two_persons_approve_and_one_twice_is_one(self):
        number = self.proposal()
        self.does(0, "approve", number, says=rf"(?s)^Order {number}  proposed\n.*has 1 of 2 approvals.*bulkhead approve {number}")
        self.assertTrue(self.stage.talk(), "half approved cuts nothing")
        self.does(1, "approve", number, says=f"order {number}: root has approved it already; it wants 2 persons, so another approver must")
        self.does(1, "approve", number, user=ANALYST, says="approve is for approvers")
        self.does(0, "approve", number, user=APPROVER)
        self.daemon.until(lambda: self.state(number) in ("applied", "verified"), 40, "it is in force")
        self.assertFalse(self.stage.talk())
        self.assertEqual([a["who"] for a in self.daemon.order(number)["approved"]], ["root", "daemon"])
        self.release(number)

    def test_what_nobody_confirms_takes_itself_back_and_stays_so(self):
        number = self.proposal()
        self.does(0, "approve", number)
        self.does(0, "approve", number, user=APPROVER)
        self.reaches(number, "rolled back", 30)
        self.does(1, "confirm", number, says=f"order {number} has ended: rolled back at ")
        self.assertTrue(self.stage.talk())
        self.assertEqual(self.daemon.order(number)["why"], "nobody confirmed it in time")


class Reloads(Shaped):
    def test_a_good_file_counts_whole(self):
        number = self.proposal()
        self.daemon.configure(persons=2)
        self.does(0, "reload", says="^The new configuration counts.\n$")
        self.does(0, "reject", number)
        second = self.proposal()
        self.assertEqual(self.daemon.order(second)["approvals_wanted"], 2)
        self.does(0, "reject", second)
        self.daemon.configure(persons=1)
        self.assertEqual(json.loads(self.does(0, "reload", "--json").stdout), {"reloaded": True})

    def test_a_broken_file_leaves_the_old_one_and_says_where(self):
        path = self.daemon.folder / "bulkhead.yaml"
        good = path.read_text()
        line = next(i for i, text in enumerate(good.splitlines(), 1) if text.startswith("sync:"))
        path.write_text(good.replace("sync: 1s", "sync: 1y\nwat: 1"))
        said = self.does(1, "reload").stderr
        self.assertRegex(said, rf"(?m)^bulkhead: error: bulkhead.yaml:{line}:7: \"1y\" is no duration")
        self.assertRegex(said, rf"(?m)^bulkhead: error: bulkhead.yaml:{line + 1}:1: ")
        self.assertIn("the one before stays", said)
        path.unlink()
        self.does(1, "reload", says="bulkhead.yaml: .*No such file")
        path.write_text(good)
        (self.daemon.folder / "site.yaml").write_text("zones: 7\n")
        self.does(1, "reload", says=r"site.yaml:1:\d+: ")
        self.daemon.configure()
        self.does(0, "reload")
        self.assertTrue(all(p["runs"] for p in self.daemon.status()["processes"]))

    def test_of_several_calls_at_once_each_is_answered(self):
        command = [lib.BULKHEAD, "reload", "--socket", str(self.daemon.folder / "control")]
        calls = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(6)]
        for call in calls:
            said = call.communicate(timeout=60)
            self.assertIn(call.returncode, (0, 1))
            self.assertRegex(said[call.returncode], "(The new configuration counts|another call for a new one is being followed; ask again)")

    def test_links_change_and_cuts_stay(self):
        number = self.in_force()

        def back():
            status = self.daemon.status()
            return status and status["sensors"][0]["connected"] and all(p["runs"] for p in status["processes"]) and all(
                e["ready"] and e["generation"] == status["generation"] for e in status["enforcers"])

        for replace in ({"[gw-in, gw-out]": "[gw-in]"}, {}):
            self.daemon.configure(replace=replace)
            self.does(0, "reload")
            self.assertFalse(self.stage.talk(), "the cut holds meanwhile")
            self.daemon.until(back, 40, "all are there again")
            self.assertIn(self.state(number), ("applied", "verified"))
            self.assertFalse(self.stage.talk(), "the cut held")
        self.release(number)


class Webhooks(Shaped):
    RECEIVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open(sys.argv[1], "ab") as out:
            out.write(self.headers["Content-Type"].encode() + b"|" + body.replace(b"\\n", b" ") + b"\\n")
        self.send_response(204)
        self.end_headers()
server = http.server.HTTPServer(("127.0.0.1", 8099), Handler)
print("ready", flush=True)
server.serve_forever()
"""
    settings = {"more": "webhooks:\n  - url: http://127.0.0.1:8099/hook\n"}

    def test_changes_are_posted_as_documented(self):
        path = self.folder / "posts"
        receiver = self.stage.network.start(self.stage.network.gateway, "/usr/bin/python3", "-c", self.RECEIVER, str(path), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(receiver.stdout.close)
        self.addCleanup(receiver.wait)
        self.addCleanup(receiver.kill)
        receiver.stdout.readline()
        number = self.in_force()
        self.release(number)

        def posts():
            lines = path.read_text().splitlines() if path.exists() else []
            self.assertTrue(all(line.startswith("application/json|") for line in lines), lines)
            return [json.loads(line.partition("|")[2]) for line in lines]

        def states():
            return [p["order"]["state"] for p in posts() if p["event"] == "order" and p["order"]["id"] == number]

        self.daemon.until(lambda: "released" in states(), 40, "the release was posted")
        self.assertEqual([s for s in states() if s != "verified"], ["proposed", "approved", "applied", "ending", "released"])
        for post in posts():
            if post["event"] == "order":
                self.matches(post, {"event": str, "version": int, "time": Time, "order": ORDER})


if __name__ == "__main__":
    lib.main()
