#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Remote enforcers: cuts over mutual TLS, by the guardrails of whom they are made at, and who isn't let in."""
import json
import socket
import ssl
import subprocess
import threading
import time
import unittest

import lib
import live
import remote
from remote import CLOCK, COMMIT, ENFORCED, HELLO, LIVE, REFUSED, STATE

WHY_NOT = live.have_namespaces()
EVIL, OTHER = "203.0.113.66", "203.0.113.67"

SITE = live.SITE.format(never_cut="")
RUN = """\
version: 1
site: site.yaml
archive: archive
state: state
run_as: nobody
verify: 1s
links:
  - {name: gw-link, interfaces: [in0], place: tap}
enforcers:
  - name: gw
    remote: {address: 10.77.1.1, port: 9475, name: far.example.org, certificate: near.pem, key: near.key, ca: ca.pem}
guardrails:
  control: [10.77.1.1]
  most_cuts: 1000
approval: {confirm: none, lease: 1h}
automatic:
  - {name: known-bad, detection: "indicator:*", confidence: 0.4, cut: peer, lease: 10m, confirm: none}
control: {socket: control}
"""


class Network(lib.Test):
    def setUp(self):
        super().setUp()
        self.network = live.Network()
        self.addCleanup(self.network.close)
        self.network.address(self.network.inside, "in0", f"{remote.USER}/24")
        self.network.address(self.network.outside, "out0", f"{EVIL}/32", f"{OTHER}/32")
        self.network.ip("-n", self.network.gateway, "route", "add", f"{EVIL}/32", "dev", "gw-out")
        self.network.ip("-n", self.network.gateway, "route", "add", f"{OTHER}/32", "dev", "gw-out")
        remote.certificates(self.folder)

    def far(self, **settings):
        far = remote.Far(self.network, self.folder, **settings)
        self.addCleanup(far.stop)
        return far

    def near_at_last(self, seconds=40):
        """A connection, as soon as there is room for one."""
        end = time.monotonic() + seconds
        while True:
            try:
                return self.near()
            except (OSError, AssertionError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def near(self, *arguments, **more):
        near = remote.Near(self.network, self.folder, *arguments, **more)
        self.addCleanup(near.close)
        return near


@unittest.skipIf(WHY_NOT, WHY_NOT)
class Cuts(Network):
    """What is asked for over there is done here, and ends by itself."""

    def test_a_cut_is_in_force_at_every_sandbox_level(self):
        for level in ["none"] if lib.NO_SANDBOX else ["all", "no-landlock", "no-seccomp", "none"]:
            with self.subTest(level=level):
                far = remote.Far(self.network, self.folder, sandbox=level)
                try:
                    self.assertTrue(far.passes(EVIL, 20))
                    near = self.near()
                    near.wait(STATE, true=lambda *s: s[5] == 1)
                    near.tell(2, [f"{EVIL}/32"])
                    self.assertEqual(near.wait(ENFORCED)[:2], [2, 1])
                    self.assertFalse(far.passes(EVIL))
                    self.assertTrue(far.passes(OTHER, 20))
                    near.tell(3, [], base=2, drops=[f"{EVIL}/32"])
                    self.assertEqual(near.wait(ENFORCED)[:2], [3, 0])
                    self.assertTrue(far.passes(EVIL, 20))
                    near.close()
                finally:
                    far.stop()

    def test_cuts_end_with_the_lease_when_nobody_steers_and_others_by_their_own_time(self):
        far = self.far()
        near = self.near()
        near.tell(2, [f"{EVIL}/32"])
        near.wait(ENFORCED, true=lambda *e: e[0] == 2)
        out = remote.message(remote.BEGIN, 2, 3) + remote.message(remote.PUT, f"{OTHER}/32", "", 0, 1, remote.boottime() + 14 * remote.S)
        near.sock.sendall(out + remote.message(COMMIT, 3, 1, 0))
        near.wait(ENFORCED, true=lambda *e: e[0] == 3)
        told = time.monotonic()
        near.keep(2)
        self.assertFalse(far.passes(EVIL))
        # the path is dead: no word, and no end of the connection either
        self.network.ip("-n", self.network.inside, "link", "set", "in0", "down")
        cut = time.monotonic()
        far.until(lambda: "steers no more" in far.said(), "it is noticed")
        self.assertLess(time.monotonic() - cut, 20)
        self.network.ip("-n", self.network.inside, "link", "set", "in0", "up")
        self.network.ip("-n", self.network.inside, "route", "add", "default", "via", "10.77.1.1")
        far.until(lambda: far.passes(EVIL), "the lease ends it")
        self.assertLess(time.monotonic() - cut, 30)
        if time.monotonic() - told < 12:
            self.assertFalse(far.passes(OTHER), "what fails closed stands until its own end")
        far.until(lambda: far.passes(OTHER), "and ends then")
        self.assertGreater(time.monotonic() - told, 13)

    def test_guardrails_are_those_of_where_the_cut_is_made(self):
        self.far(most_cuts=3)
        near = self.near()
        near.wait(STATE, true=lambda *s: s[5] == 1)
        near.tell(2, [f"{OTHER}/32"])
        near.wait(ENFORCED, true=lambda *e: e[0] == 2)
        for cuts, lasts_s, rule in ((["203.0.113.2/32"], 60, "never-cut"), (["10.77.1.2/32"], 60, "control-path"), (["198.18.0.0/23"], 60, "widest-prefix"),
                                    ([""], 60, "anywhere"), ([f"{EVIL}/32"], 7200, "longest-lease"),
                                    ([f"198.51.100.{i}/32" for i in range(4)], 60, "most-cuts")):
            with self.subTest(rule=rule):
                near.tell(9, cuts, lasts_s=lasts_s)
                refused = near.wait(REFUSED)
                self.assertEqual((refused[0], refused[1], remote.RULES[refused[2]]), (9, 2, rule))
        self.assertNotIn(EVIL, self.network.run(self.network.gateway, "nft", "list", "ruleset").stdout.decode())

    def test_processes_that_die_come_back_and_are_told_anew(self):
        far = self.far()
        near = self.near()
        near.tell(2, [f"{EVIL}/32"])
        near.wait(ENFORCED)
        live_pid = far.child("enforcer")
        remote.os.kill(live_pid, 9)
        near.wait(STATE, true=lambda *s: s[5] == 0)
        near.wait(STATE, true=lambda *s: s[5] == 1)
        near.tell(2, [f"{EVIL}/32"])
        near.wait(ENFORCED)
        self.assertFalse(far.passes(EVIL))
        remote.os.kill(far.child("link"), 9)
        self.assertTrue(near.closed(40))
        far.until(lambda: far.child("link") != 0, "it is there again")
        again = self.near_at_last()
        # the enforcer itself lived on with what it has in force
        self.assertEqual(again.wait(STATE, true=lambda *s: s[5] == 1)[2], 2)


@unittest.skipIf(WHY_NOT, WHY_NOT)
class Strangers(Network):
    """Who isn't let in, and who is ended; whom all that doesn't touch is who steers."""

    def assert_refused(self, *arguments, **more):
        """Neither greeted nor let go on. In TLS 1.3 a client learns that after its handshake."""
        try:
            near = self.near(*arguments, hello=False, **more)
            near.say(HELLO, 1, 1, "")
        except (ConnectionError, ssl.SSLError, TimeoutError):
            return
        self.assertTrue(near.closed(40))
        self.assertEqual([m for m in near.came if m[0] == HELLO], [])

    def assert_ended(self, data):
        near = self.near()
        near.sock.sendall(data)
        started = time.monotonic()
        near.lives = False
        self.assertTrue(near.closed(40))
        return time.monotonic() - started

    def test_only_a_certificate_of_that_authority_and_name_is_let_in(self):
        far = self.far()
        self.assert_refused(None)
        self.assert_refused("false")
        self.assert_refused("stranger")
        self.assert_refused(version=ssl.TLSVersion.TLSv1_2)
        said = far.said()
        for why in ("peer did not return a certificate", "unable to get local issuer certificate", "hostname mismatch", "unsupported protocol"):
            self.assertIn(why, said.lower())
        self.assertEqual(self.near().greeting[1], 1)

    def test_who_connects_from_elsewhere_is_closed_at_once(self):
        self.far()
        with self.assertRaises((ConnectionError, ssl.SSLError)):
            self.near(namespace=self.network.outside)

    def test_nonsense_ends_a_connection_and_nothing_else(self):
        far = self.far()
        begin = remote.message(remote.BEGIN, 0, 2)
        put = remote.message(remote.PUT, f"{EVIL}/32", "", 0, 0, remote.boottime() + 60 * remote.S)
        # a message of the other way; of another channel; a second greeting; no such number; a commit of nothing; too long; a
        # direction that is none; a truncated body; bytes of no kind
        for data in (remote.message(remote.RESYNC, 1), remote.message(37, 0), remote.message(HELLO, 1, 1, ""), b"\xff\xff\0\0\0\0",
                     remote.message(COMMIT, 2, 0, 0), put, remote.struct.pack("<HI", LIVE, 1 << 19), remote.struct.pack("<HI", LIVE, 0xffffffff),
                     begin + put[:6 + 34] + b"\x07" + put[6 + 35:], remote.struct.pack("<HI", remote.PUT, 3) + b"abc", remote.os.urandom(64)):
            with self.subTest(data=data[:8].hex()):
                self.assertLess(self.assert_ended(data), 4.5, "sooner than silence ends it")
        self.assertEqual(self.near().greeting[1], 1)
        self.assertNotIn(EVIL, far.table())

    def test_a_greeting_of_another_version_is_told_so(self):
        self.far()
        near = self.near(hello=False)
        near.say(HELLO, 2, 1, "")
        self.assertEqual(near.wait(HELLO)[1:], [0, "it speaks another version of the link"])
        self.assertTrue(near.closed(40))

    def test_half_a_message_and_silence_ends_in_seconds(self):
        self.far()
        took = self.assert_ended(remote.message(LIVE, 1)[:9])
        self.assertTrue(4 < took < 30, took)

    def test_who_says_nothing_after_connecting_makes_room(self):
        self.far()
        with remote.inside(self.network.inside):
            idle = [socket.create_connection((remote.FAR, remote.PORT), timeout=5) for _ in range(12)]
        self.assertEqual(self.near_at_last().greeting[1], 1)
        for s in idle:
            s.close()

    def test_a_second_one_takes_over_only_from_one_that_is_silent(self):
        far = self.far()
        first = self.near()
        first.tell(2, [f"{EVIL}/32"])
        first.wait(ENFORCED)
        self.assertEqual(self.near().greeting[1:], [0, "another one steers already"])
        first.keep(1)
        time.sleep(3)
        second = self.near()
        self.assertEqual(second.greeting[1], 1)
        self.assertTrue(first.closed(40))
        self.assertEqual(second.wait(STATE, true=lambda *s: s[5] == 1)[2], 2)
        self.assertIn("another one takes its place", far.said())

    def test_a_flood_is_worked_off_and_doesn_t_stop_the_enforcer(self):
        far = self.far(most_cuts=1000)
        near = self.near()
        near.wait(STATE, true=lambda *s: s[5] == 1)
        near.sock.sendall(remote.message(LIVE, 1) * 300_000)
        near.tell(2, [f"{EVIL}/32"])
        near.wait(ENFORCED)
        self.assertFalse(far.passes(EVIL))

    def test_who_takes_no_answers_is_ended(self):
        far = self.far()
        near = self.near()
        asks = remote.message(CLOCK, 1, 0) * 4096
        near.sock.settimeout(1)
        with self.assertRaises((ConnectionError, ssl.SSLError)):
            end = time.monotonic() + 30
            while time.monotonic() < end:
                try:
                    near.sock.sendall(asks)
                except TimeoutError:
                    time.sleep(0.1)
                    if "steers no more" in far.said():
                        raise ConnectionError from None
        self.assertEqual(self.near().greeting[1], 1)

    def test_a_new_configuration_ends_those_that_it_wouldn_t_let_in(self):
        far = self.far()
        near = self.near()
        text = (self.folder / "far.yaml").read_text()
        (self.folder / "far.yaml").write_text(text.replace("most_cuts: 1000", "most_cuts: 1"))
        far.process.send_signal(1)
        far.until(lambda: "counts now" in far.said(), "it is taken")
        near.tell(2, [f"{EVIL}/32", f"{OTHER}/32"])
        self.assertEqual(remote.RULES[near.wait(REFUSED)[2]], "most-cuts")
        (self.folder / "far.yaml").write_text(text.replace("near.example.org", "who.example.org"))
        far.process.send_signal(1)
        near.lives = False
        self.assertTrue(near.closed(40))
        self.assert_refused()
        self.assertEqual(self.near("stranger").greeting[1], 1)


@unittest.skipIf(WHY_NOT, WHY_NOT)
class NearSide(Network):
    """The process `link` before the engine, with a far side that does what it shouldn't."""

    def link(self, **more):
        link = remote.NearLink(self.network, self.folder, **more)
        self.addCleanup(lambda: link.process.returncode is None and link.stop())
        return link

    def server(self, **more):
        server = remote.FarServer(self.network, self.folder, **more)
        self.addCleanup(server.stop)
        return server

    def linked(self, **more):
        server, link = self.server(**more), self.link()
        server.accept()
        server.state()
        link.wait(STATE, true=lambda *s: s[5] == 1)
        return server, link

    def test_it_links_at_every_sandbox_level_and_takes_new_certificates(self):
        for level in ["none"] if lib.NO_SANDBOX else ["all", "no-landlock", "no-seccomp", "none"]:
            with self.subTest(level=level):
                server, link = remote.FarServer(self.network, self.folder), remote.NearLink(self.network, self.folder, level=level)
                try:
                    server.accept()
                    server.state(name="somebody else")
                    # called as its own configuration calls it; what is in force isn't known before the engine has told it all
                    self.assertEqual(link.wait(STATE, true=lambda *s: s[5] == 1)[:3], ["border", "nftables", 0])
                    remote.certificates(self.folder)
                    link.prepare()
                    link.why_down("the certificates are others now")
                    self.assertTrue(server.closed(40))
                    server.context = remote.tls(self.folder, "far", server=True)
                    server.accept()
                finally:
                    link.stop()
                    server.stop()

    def test_only_the_far_side_that_is_named_is_spoken_to(self):
        for name, authority, version, why in (("falsefar", "ca", ssl.TLSVersion.TLSv1_3, "unable to get local issuer"),
                                              ("stranger", "ca", ssl.TLSVersion.TLSv1_3, "ostname mismatch"),
                                              ("far", "ca", ssl.TLSVersion.TLSv1_2, "TLS"), ("far", "otherca", ssl.TLSVersion.TLSv1_3, ("TLS", "reset by peer"))):
            with self.subTest(name=name, authority=authority, version=version):
                server = remote.FarServer(self.network, self.folder, name=name, authority=authority, version=version)
                link = remote.NearLink(self.network, self.folder)
                try:
                    with self.assertRaises((ssl.SSLError, ConnectionError, AssertionError, TimeoutError)):
                        server.accept(seconds=5)
                    link.why_down(why)
                finally:
                    link.stop()
                    server.stop()

    def test_who_isn_t_there_is_told_of_every_second_and_tried_again(self):
        link = self.link()
        link.why_down("refused")
        self.assertEqual(link.wait(STATE, 10)[:6], ["border", "remote", 0, 0, 0, 0])
        server = self.server()
        server.accept()
        server.state()
        link.wait(STATE, true=lambda *s: s[5] == 1)

    def test_ends_are_told_by_the_far_clock_no_earlier_and_hardly_later(self):
        ahead = 3 * 10**15
        server, link = self.linked(ahead=ahead)
        until = remote.boottime() + 60 * remote.S
        link.sock.sendall(remote.message(remote.BEGIN, 0, 5) + remote.message(remote.PUT, f"{EVIL}/32", "", 1, 1, until) +
                          remote.message(remote.PUT, "", "2001:db8::/32", 0, 0, 2**63 - 1) + remote.message(COMMIT, 5, 2, 1))
        self.assertEqual(server.wait(remote.BEGIN), [0, 5])
        put = server.wait(remote.PUT)
        self.assertEqual(put[:4], [f"{EVIL}/32", "", 1, 1])
        self.assertGreaterEqual(put[4], until + ahead)
        self.assertLess(put[4], until + ahead + 2 * remote.S)
        self.assertEqual(server.wait(remote.PUT), ["", "2001:db8::/32", 0, 0, 2**63 - 1])
        self.assertEqual(server.wait(COMMIT), [5, 2, 1])
        server.say(ENFORCED, 5, 2, 1234)
        self.assertEqual(link.wait(ENFORCED), [5, 2, 1234])
        lease = remote.boottime() + ahead + 10 * remote.S
        server.state(in_force=5, lease_until=lease)
        state = link.wait(STATE, true=lambda *s: s[4] != 0)
        self.assertEqual(state[2], 5)
        self.assertLessEqual(state[4], lease - ahead)
        self.assertGreater(state[4], lease - ahead - 2 * remote.S)

    def test_half_a_generation_isn_t_ended_by_another_connection(self):
        server, link = self.linked()
        link.sock.sendall(remote.message(remote.BEGIN, 0, 5) + remote.message(remote.PUT, f"{EVIL}/32", "", 0, 0, remote.boottime()))
        server.wait(remote.PUT)
        server.sock.close()
        link.why_down("closed")
        link.say(remote.PUT, f"{OTHER}/32", "", 0, 0, remote.boottime())
        server.accept()
        server.state(in_force=5)
        self.assertEqual(link.wait(STATE, true=lambda *s: s[5] == 1)[2], 0)
        link.sock.sendall(remote.message(COMMIT, 5, 2, 0) + remote.message(LIVE, 77))
        server.wait(LIVE, true=lambda generation: generation == 77)
        self.assertNotIn(COMMIT, [number for number, _ in server.came])
        # a new engine
        link.close()
        link.sock, link.bytes, link.came = link.meet(), b"", []
        link.wait(STATE)

    def test_what_a_far_side_may_not_say_ends_the_connection(self):
        cut, wrong = (f"{EVIL}/32", "", 0), [
            remote.message(LIVE, 1), remote.message(remote.BEGIN, 0, 1), remote.message(37, 0), remote.message(HELLO, 1, 1, ""),
            remote.message(REFUSED, 1, 1, 8, 0, "", "", 0, ""), remote.message(remote.COUNTED, "", "", 2, 1, 1),
            remote.message(CLOCK, 1, 1), remote.message(STATE, "a", "b", 1, 1, 1, 2, ""), remote.message(ENFORCED, 1, 1, -1),
            remote.message(remote.DRIFT, 1, 1, 1, 1, "x") * 17, remote.struct.pack("<HI", STATE, 8187), remote.os.urandom(40)]
        server = self.server()
        while wrong:
            # the pause before it tries again is longer each time: a new one after three
            link = self.link()
            for data in wrong[:3]:
                server.accept()
                server.state()
                link.wait(STATE, true=lambda *s: s[5] == 1)
                with self.subTest(data=data[:8].hex()):
                    server.say(remote.COUNTED, *cut, 3, 4)
                    self.assertEqual(link.wait(remote.COUNTED), [*cut, 3, 4])
                    server.sock.sendall(data)
                    link.why_down("said what it may not")
            del wrong[:3]
            link.stop()

    def test_a_greeting_that_refuses_is_told_to_people(self):
        server, link = self.server(), self.link()
        server.accept(greet=False)
        server.say(HELLO, 1, 0, "another one steers \x1b[2J already")
        link.why_down("it doesn't take us: another one steers \\x1b[2J already")
        server.accept(greet=False)
        server.say(HELLO, 2, 1, "")
        link.why_down("speaks version 2")

    def test_silence_is_noticed_in_seconds(self):
        server, link = self.linked()
        started = time.monotonic()
        link.why_down("nothing was heard")
        self.assertTrue(3.5 < time.monotonic() - started < 30)
        # its clock answers, but of its enforcer it says nothing
        server.accept()
        server.state()
        link.wait(STATE, true=lambda *s: s[5] == 1)
        server.states = False
        started = time.monotonic()
        while time.monotonic() - started < 30 and server.read(0.05):
            for found in [m for m in server.came if m[0] == CLOCK]:
                server.came.remove(found)
                server.say(CLOCK, found[1][0], remote.boottime())
        link.why_down("says nothing of its enforcer")

    def test_a_path_that_is_too_slow_to_know_the_clock_isn_t_used(self):
        server, link = self.server(), self.link()
        server.accept(greet=False)
        server.wait(HELLO)
        server.say(HELLO, 1, 1, "")
        asked = server.wait(CLOCK)[0]
        time.sleep(2.2)
        server.say(CLOCK, asked, remote.boottime())
        server.state()
        time.sleep(0.5)
        link.read(0.1)
        self.assertFalse([m for m in link.came if m[0] == STATE and m[1][5]])

    def test_an_engine_that_tells_much_is_held_back_and_all_arrives(self):
        server, link = self.linked()
        n = 100_000
        puts = b"".join(remote.message(remote.PUT, f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}/32", "", 0, 0, 1) for i in range(n))
        link.sock.settimeout(60)
        threading.Thread(target=link.sock.sendall, args=(remote.message(remote.BEGIN, 0, 5) + puts + remote.message(COMMIT, 5, n, 0), )).start()
        server.wait(COMMIT, 60)


@unittest.skipIf(WHY_NOT, WHY_NOT)
class Both(Network):
    """The near link against `bulkhead enforce`, and the whole."""

    def test_each_file_is_for_one_verb(self):
        (self.folder / "bulkhead.yaml").write_text(RUN)
        (self.folder / "site.yaml").write_text(SITE)
        (self.folder / "bad.txt").write_text("")
        (self.folder / "far.yaml").write_text(remote.FILE.format(listen="127.0.0.1:9475", lease="5s", most_cuts=9))
        for verb, name, why in (("run", "far.yaml", "it is for bulkhead enforce"), ("enforce", "bulkhead.yaml", "it is for bulkhead run")):
            result = lib.run(verb, "-c", self.folder / name)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertIn(why, result.stderr)
        for name in ("far.yaml", "bulkhead.yaml"):
            self.assertEqual(lib.run("check", self.folder / name).returncode, 0)

    def test_machines_whose_clocks_are_weeks_apart_agree_on_an_end(self):
        for weeks in (5, 0):
            with self.subTest(weeks=weeks):
                far = remote.Far(self.network, self.folder, boottime_s=weeks * 7 * 86400)
                link = remote.NearLink(self.network, self.folder)
                try:
                    link.wait(STATE, 40, lambda *s: s[5] == 1)
                    end = time.monotonic() + 6
                    link.sock.sendall(remote.message(remote.BEGIN, 0, 2) +
                                      remote.message(remote.PUT, f"{EVIL}/32", "", 0, 1, remote.boottime() + 6 * remote.S) +
                                      remote.message(COMMIT, 2, 1, 0))
                    self.assertEqual(link.wait(ENFORCED)[:2], [2, 1])
                    self.assertFalse(far.passes(EVIL))
                    far.until(lambda: far.passes(EVIL), "it ends")
                    self.assertTrue(-0.5 < time.monotonic() - end < 6, time.monotonic() - end)
                finally:
                    link.stop()
                    far.stop()


    def test_bulkhead_run_cuts_over_there_and_tells_of_it(self):
        (self.folder / "bulkhead.yaml").write_text(RUN)
        (self.folder / "site.yaml").write_text(SITE)
        (self.folder / "bad.txt").write_text(EVIL + "\n")
        self.folder.chmod(0o755)
        far = self.far()
        with (self.folder / "log").open("ab") as log:
            run = subprocess.Popen(["ip", "netns", "exec", self.network.inside, lib.BULKHEAD, "run", "-c", "bulkhead.yaml", "--sandbox", far.sandbox],
                                   cwd=self.folder, stdout=log, stderr=log)
        self.addCleanup(lambda: (run.terminate(), run.wait(60)))

        def enforcer():
            said = subprocess.run([lib.BULKHEAD, "status", "--json", "--socket", "control"], cwd=self.folder, capture_output=True, check=False)
            return json.loads(said.stdout)["enforcers"][0] if said.returncode == 0 else {"ready": False}
        far.until(lambda: enforcer()["ready"], "it is linked")
        self.assertTrue(far.passes(OTHER, 20))
        # the sensor sees the way to a bad place, and what policy orders is done by the gateway
        far.passes(EVIL)
        far.until(lambda: EVIL in far.table(), "it is cut over there")
        self.assertFalse(far.passes(EVIL), far.table() + far.said() + (self.folder / "log").read_text())
        far.until(lambda: enforcer()["cuts"] == 1, "that is known here")
        remote.os.kill(far.child("link"), 9)
        far.until(lambda: not enforcer()["ready"], "that it is gone too")
        far.until(lambda: enforcer()["ready"] and enforcer()["cuts"] == 1, "and all as before")


if __name__ == "__main__":
    lib.main()
