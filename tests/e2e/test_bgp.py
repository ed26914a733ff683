#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Cuts by BGP: a real BIRD, and a border router behind it, hold exactly our rules, and nothing of them when we are gone.

Needs root, network namespaces and bird2; exabgp for one test. BGP_DRIVER names the program that drives the backend alone. In three
namespaces stand the driver (10.0.9.1, AS 65010), the local BIRD (10.0.9.2 and 10.0.8.1, AS 65001) and the border's (10.0.8.2, AS 65001).
"""
import json
import os
import re
import select
import shutil
import signal
import subprocess
import time
import unittest

import lib

DRIVER = os.environ.get("BGP_DRIVER", str(lib.ROOT / "build" / "tests" / "e2e" / "bgp_driver"))
HOLD_S = 3
LOCAL = """\
log "{log}" all;
router id 10.0.9.2;
flow4 table f4;
flow6 table f6;
protocol device {{}}
protocol kernel {{ ipv4 {{ import none; export where source = RTS_BGP; }}; }}
protocol bgp enforcer {{
	local 10.0.9.2 as 65001;
	neighbor 10.0.9.1 as {enforcer_as};
	passive on;
	ttl security on;
	error wait time 1, 2; # by default a minute, in which cuts can't come back
	{channels}
}}
protocol bgp border {{
	local 10.0.8.1 as 65001;
	neighbor 10.0.8.2 as 65001;
	connect delay time 1; # by default five seconds
	flow4 {{ table f4; import none; export all; }};
	flow6 {{ table f6; import none; export all; }};
	ipv4 {{ import none; export all; next hop self; }};
}}
"""
FLOWS = "flow4 { table f4; import all; export none; }; flow6 { table f6; import all; export none; };"
BLACKHOLES = """ipv4 {
		import filter { if (65535, 666) !~ bgp_community then reject; dest = RTD_BLACKHOLE; accept; };
		export none;
	};"""
BORDER = """\
log "{log}" all;
router id 10.0.8.2;
flow4 table f4;
flow6 table f6;
protocol device {{}}
protocol bgp inside {{
	local 10.0.8.2 as 65001;
	neighbor 10.0.8.1 as 65001;
	passive on;
	flow4 {{ table f4; import all; export none; }};
	flow6 {{ table f6; import all; export none; }};
	ipv4 {{ import all; export none; }};
}}
"""


def why_not():
    if os.geteuid() != 0:
        return "root is needed"
    for name in ("ip", "bird", "birdc"):
        if not shutil.which(name):
            return f"{name} is not installed"
    if not os.access(DRIVER, os.X_OK):
        return "the driver is not built"
    probe = subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False)
    return f"no network namespaces here: {probe.stderr.decode().strip()}" if probe.returncode else None


WHY_NOT = why_not()


def sh(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


def until(what, seconds=40.0):
    """Waits for what() to be true; its last value."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.02)


class Driver:
    """The backend in its namespace; one line in, one line out."""

    def __init__(self, namespace, *arguments):
        self.process = subprocess.Popen(["ip", "netns", "exec", namespace, DRIVER, *map(str, arguments)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1)

    def ask(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        ready, _, _ = select.select([self.process.stdout], [], [], 60)
        if not ready:
            raise AssertionError(f"no answer to {words}")
        return self.process.stdout.readline().strip()

    def established(self, seconds=40.0):
        until(lambda: self.ask("status").startswith("established"), seconds)
        return self.ask("status")

    def kill(self, how=signal.SIGKILL):
        self.process.send_signal(how)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        _, said = self.process.communicate(timeout=10)
        if "Sanitizer" in said or "runtime error" in said:
            raise AssertionError(said)


class Bird:
    def __init__(self, folder, name, namespace, config):
        self.socket, self.log = folder / f"{name}.ctl", folder / f"{name}.log"
        conf = folder / f"{name}.conf"
        conf.write_text(config.format(log=self.log) if "{log}" in config else config, encoding="utf-8")
        self.process = subprocess.Popen(["ip", "netns", "exec", namespace, "bird", "-f", "-c", conf, "-s", self.socket],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if not until(self.socket.exists):
            raise AssertionError(self.process.stderr.read().decode())

    def ask(self, *words):
        return sh("birdc", "-s", str(self.socket), *words)

    def rules(self, table):
        """{rule: its attributes}, with blanks as BIRD prints them."""
        found, rule = {}, None
        for line in self.ask("show", "route", "table", table, "all").splitlines():
            match = re.match(r"flow[46] \{ (.*) \}", line) or re.match(r"(\d+\.\S+/\d+) ", line)
            if match:
                rule = match[1]
                found[rule] = ""
            elif rule:
                found[rule] += line + "\n"
        return found

    def stop(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.communicate(timeout=10)


class Network(lib.Test):
    """The three namespaces."""

    def setUp(self):
        super().setUp()
        self.us, self.local, self.border = (f"bh{os.getpid()}{n}" for n in ("us", "lo", "bo"))
        for name in (self.us, self.local, self.border):
            sh("ip", "netns", "add", name)
            self.addCleanup(sh, "ip", "netns", "del", name)
            sh("ip", "-n", name, "link", "set", "lo", "up")
        self.link(self.us, "10.0.9.1", self.local, "10.0.9.2", "9")
        self.link(self.local, "10.0.8.1", self.border, "10.0.8.2", "8")

    def link(self, a, a_address, b, b_address, n):
        sh("ip", "link", "add", f"v{n}a", "netns", a, "type", "veth", "peer", "name", f"v{n}b", "netns", b)
        for namespace, address, end in ((a, a_address, "a"), (b, b_address, "b")):
            sh("ip", "-n", namespace, "addr", "add", f"{address}/24", "dev", f"v{n}{end}")
            sh("ip", "-n", namespace, "link", "set", f"v{n}{end}", "up")

    def driver(self, *arguments, own_as=65010, hold=HOLD_S, announce="flowspec"):
        driver = Driver(self.us, "10.0.9.2", own_as, 65001, "10.0.9.1", hold, announce, *arguments)
        self.addCleanup(driver.stop)
        return driver


@unittest.skipIf(WHY_NOT, WHY_NOT)
class Bird2(Network):
    """BIRD, and another one behind it."""

    def birds(self, channels=FLOWS, enforcer_as=65010):
        """Both of them; the border's session stands."""
        local = LOCAL.format(log=self.folder / "local.log", channels=channels, enforcer_as=enforcer_as)
        birds = Bird(self.folder, "local", self.local, local), Bird(self.folder, "border", self.border, BORDER)
        for bird in birds:
            self.addCleanup(bird.stop)
        return birds

    def assert_rules(self, bird, table, *rules, seconds=40.0):
        until(lambda: sorted(bird.rules(table)) == sorted(rules), seconds)
        self.assertEqual(sorted(bird.rules(table)), sorted(rules))

    def test_routers_hold_exactly_our_rules_and_none_when_they_are_released(self):
        local, border = self.birds()
        driver = self.driver()
        self.assertIn("established with 10.0.9.2, hold time 3 s, 0 cuts", driver.established())
        self.assertEqual(driver.ask("add", "10.0.0.11", "any"), "ok")
        self.assertEqual(driver.ask("add", "10.0.0.0/24", "203.0.113.66"), "ok")
        self.assertEqual(driver.ask("add", "2001:db8:1::/48", "2001:db8:2::66"), "ok")
        v4 = ("src 10.0.0.11/32;", "dst 10.0.0.11/32;", "dst 203.0.113.66/32; src 10.0.0.0/24;", "dst 10.0.0.0/24; src 203.0.113.66/32;")
        v6 = ("dst 2001:db8:2::66/128; src 2001:db8:1::/48;", "dst 2001:db8:1::/48; src 2001:db8:2::66/128;")
        for bird in (local, border):
            self.assert_rules(bird, "f4", *v4)
            self.assert_rules(bird, "f6", *v6)
        for table in ("f4", "f6"):
            for rule, attributes in border.rules(table).items():
                self.assertIn("(generic, 0x8006fdf2, 0x0)", attributes, rule)  # traffic-rate 0, by AS 65010
                self.assertIn("BGP.as_path: 65010\n", attributes, rule)
        self.assertRegex(driver.ask("read"), r"^3 intact ")
        self.assertEqual(driver.ask("remove", "10.0.0.0/24", "203.0.113.66"), "ok")
        self.assert_rules(border, "f4", *v4[:2])
        self.assertEqual(driver.ask("add", "10.0.0.12", "any", 1), "ok")
        self.assert_rules(border, "f4", *v4[:2], "src 10.0.0.12/32;", "dst 10.0.0.12/32;")
        self.assert_rules(border, "f4", *v4[:2], seconds=40)  # its own end, without anybody's word
        self.assertEqual(driver.ask("clear"), "ok")
        for bird in (local, border):
            self.assert_rules(bird, "f4")
            self.assert_rules(bird, "f6")

    def test_within_one_as_and_a_long_as_number(self):
        for own_as, path in ((65001, r"BGP.as_path: *\n.*BGP.local_pref: 100"), (4200000000, "BGP.as_path: 4200000000\n")):
            local, border = self.birds(enforcer_as=own_as)
            driver = self.driver(own_as=own_as)
            driver.established()
            self.assertEqual(driver.ask("add", "10.0.0.11", "any"), "ok")
            self.assert_rules(local, "f4", "src 10.0.0.11/32;", "dst 10.0.0.11/32;")
            attributes = local.rules("f4")["src 10.0.0.11/32;"]
            self.assertRegex(attributes, re.compile(path, re.S))
            for one in (driver, local, border):
                one.stop()

    def test_what_must_pass_stands_as_rules_of_its_own(self):
        local, border = self.birds()
        driver = self.driver("pass=10.0.2.53/32,17,53")
        driver.established()
        self.assertEqual(driver.ask("add", "10.0.0.11", "any"), "ok")
        self.assert_rules(border, "f4", "src 10.0.0.11/32;", "dst 10.0.0.11/32;",
                          "dst 10.0.2.53/32; src 10.0.0.11/32; proto 17; dport 53;",
                          "dst 10.0.0.11/32; src 10.0.2.53/32; proto 17; sport 53;")
        for rule, attributes in local.rules("f4").items():
            self.assertEqual("0x8006" in attributes, "port" not in rule, rule)

    def test_killed_we_leave_nothing_behind(self):
        local, border = self.birds()
        driver = self.driver(hold=90)
        driver.established()
        self.assertEqual(driver.ask("add", "10.0.0.11", "any"), "ok")
        self.assert_rules(border, "f4", "src 10.0.0.11/32;", "dst 10.0.0.11/32;")
        began = time.monotonic()
        driver.kill()
        self.assert_rules(local, "f4", seconds=40)
        self.assert_rules(border, "f4", seconds=40)
        print(f"killed: the border router had withdrawn all after {1000 * (time.monotonic() - began):.0f} ms", flush=True)

    def test_closing_says_why(self):
        local, border = self.birds()
        driver = self.driver(hold=90)
        driver.established()
        self.assertEqual(driver.ask("add", "10.0.0.11", "any"), "ok")
        self.assert_rules(border, "f4", "src 10.0.0.11/32;", "dst 10.0.0.11/32;")
        driver.process.stdin.write("quit\n")
        self.assertEqual(driver.process.wait(timeout=10), 0)
        self.assert_rules(border, "f4", seconds=40)
        self.assertIn("Bulkhead's enforcer ends", local.log.read_text())

    def test_frozen_we_are_forgotten_with_the_hold_time_and_come_back(self):
        local, border = self.birds()
        driver = self.driver()
        driver.established()
        self.assertEqual(driver.ask("add", "10.0.0.11", "any"), "ok")
        self.assert_rules(border, "f4", "src 10.0.0.11/32;", "dst 10.0.0.11/32;")
        driver.kill(signal.SIGSTOP)
        try:
            began = time.monotonic()
            self.assert_rules(border, "f4", seconds=HOLD_S + 40)
            self.assertGreater(time.monotonic() - began, HOLD_S - 1.5)
        finally:
            driver.kill(signal.SIGCONT)
        driver.established()
        self.assert_rules(border, "f4", "src 10.0.0.11/32;", "dst 10.0.0.11/32;")

    def test_a_router_that_restarts_is_told_everything_again(self):
        local, border = self.birds()
        driver = self.driver()
        driver.established()
        self.assertEqual(driver.ask("add", "10.0.0.11", "any"), "ok")
        self.assertEqual(driver.ask("add", "10.0.0.12", "any"), "ok")
        self.assert_rules(border, "f4", *(f"{end} 10.0.0.{n}/32;" for n in (11, 12) for end in ("src", "dst")))
        local.stop()
        until(lambda: not driver.ask("status").startswith("established"))
        self.assertRegex(driver.ask("read"), "^2 broken ")
        self.assertEqual(driver.ask("add", "10.0.0.13", "any"), "ENOTCONN")
        until(lambda: driver.ask("remove", "10.0.0.12", "any") == "ok", HOLD_S + 40)
        self.assertEqual(driver.ask("remove", "10.0.0.12", "any"), "ok")
        self.assertRegex(driver.ask("read"), "^1 broken ")
        again = Bird(self.folder, "local", self.local, (self.folder / "local.conf").read_text())
        self.addCleanup(again.stop)
        self.assertIn("1 cuts", driver.established(30))
        self.assert_rules(again, "f4", "src 10.0.0.11/32;", "dst 10.0.0.11/32;")
        self.assertRegex(driver.ask("read"), "^1 intact ")

    def test_a_router_that_stops_answering_is_left_and_found_again(self):
        local, border = self.birds()
        driver = self.driver()
        driver.established()
        self.assertEqual(driver.ask("add", "10.0.0.11", "any"), "ok")
        local.process.send_signal(signal.SIGSTOP)
        try:
            until(lambda: not driver.ask("status").startswith("established"), HOLD_S + 40)
            self.assertIn("hold timer expired", driver.ask("status"))
            # it may still hold the rules, for all we know
            self.assertEqual(driver.ask("remove", "10.0.0.99", "any"), "ENOTCONN")
        finally:
            local.process.send_signal(signal.SIGCONT)
        driver.established(30)
        self.assert_rules(border, "f4", "src 10.0.0.11/32;", "dst 10.0.0.11/32;")

    def test_without_a_lease_nothing_stands(self):
        local, border = self.birds()
        driver = self.driver("lease=3600")
        driver.established()
        self.assertEqual(driver.ask("add", "10.0.0.11", "any"), "ok")
        self.assert_rules(border, "f4", "src 10.0.0.11/32;", "dst 10.0.0.11/32;")
        self.assertEqual(driver.ask("lease", 1), "ok")
        self.assert_rules(border, "f4", seconds=40)
        self.assertRegex(driver.ask("read"), "^1 broken ")
        self.assertEqual(driver.ask("add", "10.0.0.12", "any"), "ETIME")
        self.assertEqual(driver.ask("lease", 3600), "ok")
        self.assert_rules(border, "f4", "src 10.0.0.11/32;", "dst 10.0.0.11/32;")

    def test_a_refresh_and_a_filter_that_let_nothing_in(self):
        local, border = self.birds()
        driver = self.driver()
        driver.established()
        self.assertEqual(driver.ask("add", "10.0.0.11", "any"), "ok")
        self.assert_rules(local, "f4", "src 10.0.0.11/32;", "dst 10.0.0.11/32;")
        conf = self.folder / "local.conf"
        good = conf.read_text()
        conf.write_text(good.replace("flow4 { table f4; import all;", "flow4 { table f4; import none;"))
        local.ask("configure")
        self.assert_rules(local, "f4")
        conf.write_text(good)
        local.ask("configure")  # asks us for the routes again
        self.assert_rules(local, "f4", "src 10.0.0.11/32;", "dst 10.0.0.11/32;")
        self.assertRegex(driver.ask("read"), "^1 intact ")

    def test_a_router_of_another_as_is_refused_and_says_so(self):
        self.birds(enforcer_as=65099)
        driver = self.driver()
        self.assertTrue(until(lambda: "bad peer AS" in driver.ask("status")), driver.ask("status"))
        self.assertEqual(driver.ask("add", "10.0.0.11", "any"), "ENOTCONN")

    def test_blackhole_routes_drop_what_is_sent_to_an_address(self):
        local, border = self.birds(channels=BLACKHOLES)
        driver = self.driver("hop4=10.0.9.1", announce="blackhole")
        driver.established()
        self.assertIn("one end of the cut must be anywhere", driver.ask("cannot", "10.0.0.11", "203.0.113.66"))
        self.assertIn("no next hop", driver.ask("cannot", "2001:db8::1", "any"))
        self.assertEqual(driver.ask("add", "any", "203.0.113.66"), "ok")
        self.assert_rules(border, "master4", "203.0.113.66/32")
        self.assertIn("BGP.community: (65535,666) (65535,65281)\n", border.rules("master4")["203.0.113.66/32"])
        routes = lambda: sh("ip", "-n", self.local, "route", "show", "type", "blackhole").split()
        until(routes)
        self.assertIn("203.0.113.66", routes())
        driver.kill()
        self.assert_rules(border, "master4", seconds=40)
        until(lambda: not routes())
        self.assertEqual(routes(), [])

    def test_ten_thousand_cuts_are_told_at_once(self):
        local, border = self.birds()
        driver = self.driver()
        driver.established()
        count = 10000
        began = time.monotonic()
        answer = driver.ask("many", count)
        self.assertIn(answer, ("ok", "EINPROGRESS"))
        self.assertTrue(until(lambda: " intact " in driver.ask("read")))
        written = time.monotonic() - began
        total = lambda bird: int(re.search(r"(\d+) of \d+ routes", bird.ask("show", "route", "table", "f4", "count"))[1])
        self.assertTrue(until(lambda: total(border) == 2 * count, 60), total(border))
        print(f"{count} cuts: {answer}, written after {1000 * written:.0f} ms, at the border after "
              f"{1000 * (time.monotonic() - began):.0f} ms; read back: {driver.ask('read')}", flush=True)
        self.assertIn(driver.ask("none"), ("ok", "EINPROGRESS"))
        self.assertTrue(until(lambda: total(border) == 0, 60), total(border))


@unittest.skipIf(WHY_NOT or not shutil.which("exabgp"), WHY_NOT or "exabgp is not installed")
class Exabgp(Network):
    """Another implementation's reading of what we say."""

    def test_exabgp_reads_the_same_rules(self):
        seen = self.folder / "seen.json"
        watch = self.write("watch.py", f"import sys\nout = open({str(seen)!r}, 'a')\nfor line in sys.stdin:\n"
                                       "    out.write(line)\n    out.flush()\n")
        conf = self.write("exabgp.conf", f"""\
process watch {{ run /usr/bin/python3 {watch}; encoder json; }}
neighbor 10.0.9.1 {{
	router-id 10.0.9.2; local-address 10.0.9.2; local-as 65001; peer-as 65010; hold-time 30; passive true;
	family {{ ipv4 flow; ipv6 flow; }}
	api {{ processes [ watch ]; receive {{ parsed; update; }} }}
}}
""")
        env = {**os.environ, "exabgp.tcp.bind": "10.0.9.2", "exabgp.tcp.port": "179", "exabgp.daemon.user": "root",
               "exabgp.api.cli": "false", "exabgp.log.destination": str(self.folder / "exabgp.log")}
        exabgp = subprocess.Popen(["ip", "netns", "exec", self.local, "exabgp", conf], env=env, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)

        def stop():
            exabgp.terminate()
            exabgp.wait(timeout=20)
        self.addCleanup(stop)
        driver = self.driver()
        self.assertIn("established", driver.established(40))
        self.assertEqual(driver.ask("add", "10.0.0.11", "203.0.113.0/24"), "ok")
        self.assertEqual(driver.ask("add", "2001:db8:1::/48", "any"), "ok")
        text = lambda: seen.read_text() if seen.exists() else ""
        until(lambda: "2001:db8:1::" in text() and "203.0.113.0" in text())
        updates = [json.loads(line) for line in text().splitlines() if '"update"' in line]
        flows = json.dumps(updates)
        for wanted in ("10.0.0.11/32", "203.0.113.0/24", "2001:db8:1::/48"):
            self.assertIn(wanted, flows)
        self.assertIn("rate-limit:0", flows)
        self.assertEqual(driver.ask("clear"), "ok")
        self.assertTrue(until(lambda: text().count('"withdraw"') >= 2), text())


if __name__ == "__main__":
    lib.main()
