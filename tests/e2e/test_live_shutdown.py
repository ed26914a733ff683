#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A shutdown plan, approved live: whole zones are parted from each other and from the outside, what is never cut goes on, release gives all back."""
import os
import subprocess
import time
import unittest

import lib
import live
import live_incident

LACKS = live.have_namespaces()
LAB, LAB6 = "10.78.1.2", "2001:db8:78::2"
NEVER_IN, NEVER_IN6, NEVER_OUT = "10.77.1.9", "2001:db8:77::9", "203.0.113.53"
OUT, OUT6 = "203.0.113.2", "2001:db8:99::2"
MACHINE, MACHINE6 = "10.77.1.2", "2001:db8:77::2"
SITE = """\
version: 1
name: live test
zones:
  - name: inside
    class: internal
    prefixes: [{inside}]
  - name: lab
    class: protected
    prefixes: [10.78.1.0/24, "2001:db8:78::/64"]
  - name: outside
    class: external
    prefixes: [0.0.0.0/0, "::/0"]
never_cut: [{never}]
enforcement:
  - name: gw
    kind: nftables
    between: [inside, lab, outside]
links:
  - name: gw-link
    zones: [inside, outside]
indicators:
  - file: bad.txt
policy:
  lease: 1h
  max_cuts: 1000
  widest_prefix_v4: 24
  widest_prefix_v6: 64
"""
ONE, SEVERAL = '10.77.1.0/24, "2001:db8:77::/64"', '10.77.1.0/24, 10.77.4.0/24, "2001:db8:77::/64"'


class Daemon(live_incident.Daemon):
    def configure(self, **settings):
        super().configure(**settings)
        never = ", ".join(f'"{a}/{128 if ":" in a else 32}"' for a in (NEVER_IN, NEVER_IN6, NEVER_OUT))
        (self.folder / "site.yaml").write_text(SITE.format(inside=self.settings.get("inside", ONE), never=never))


class Stage(live_incident.Stage):
    """With a second zone, and addresses that are never cut at either end."""

    def __init__(self, wait=True, **settings):
        self.network = network = live.Network()
        self.server = self.daemon = None
        self.lab = f"bh{os.getpid()}l"
        try:
            network.ip("netns", "add", self.lab)
            network.wire(self.lab, "lab0", "gw-lab")
            for name, device, *addresses in ((self.lab, "lab0", f"{LAB}/24", f"{LAB6}/64"), (network.gateway, "gw-lab", "10.78.1.1/24", "2001:db8:78::1/64"),
                                             (network.inside, "in0", f"{NEVER_IN}/24", f"{NEVER_IN6}/64"),
                                             (network.outside, "out0", f"{NEVER_OUT}/24", f"{live_incident.BAD}/24")):
                network.address(name, device, *addresses)
            network.ip("-n", self.lab, "route", "add", "default", "via", "10.78.1.1")
            network.ip("-n", self.lab, "-6", "route", "add", "default", "via", "2001:db8:78::1")
            self.server = network.start(network.outside, "/usr/bin/python3", "-c", live_incident.SERVER)
            self.daemon = Daemon(network, **{"automatic": "", "bad": (live_incident.BAD, ), "pace": 64, **settings})
            self.daemon.start(wait)
        except BaseException:
            self.close()
            raise

    def close(self):
        subprocess.run(["ip", "netns", "del", self.lab], capture_output=True, check=False)
        super().close()

    def reached(self, ways):
        """Of each way whether it is answered; all are tried at once."""
        pings = [self.network.start(name, "ping", "-n", "-c1", "-W1", "-I", source, target, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                 for name, source, target in ways]
        return [p.wait(30) == 0 for p in pings]

    def settles(self, ways, reach, seconds=40):
        """Those that don't come to be reached, or not to be, as they should within that time."""
        end = time.monotonic() + seconds
        wrong = ways
        while wrong and time.monotonic() < end:
            wrong = [w for w, is_reached in zip(wrong, self.reached(wrong)) if is_reached != reach]
        return wrong


@unittest.skipIf(LACKS, LACKS)
class Shutdown(unittest.TestCase):
    def stage(self, **settings):
        stage = Stage(**settings)
        self.addCleanup(stage.close)
        net = stage.network
        self.apart = [(net.inside, MACHINE, OUT), (net.outside, OUT, MACHINE), (net.inside, MACHINE6, OUT6), (net.outside, OUT6, MACHINE6),
                      (net.inside, MACHINE, LAB), (stage.lab, LAB, MACHINE), (net.inside, MACHINE6, LAB6), (stage.lab, LAB6, MACHINE6)]
        self.spared = [(net.inside, NEVER_IN, OUT), (net.outside, OUT, NEVER_IN), (net.inside, MACHINE, NEVER_OUT), (net.outside, NEVER_OUT, MACHINE),
                       (net.inside, NEVER_IN, LAB), (stage.lab, LAB, NEVER_IN), (net.inside, NEVER_IN6, OUT6), (net.outside, OUT6, NEVER_IN6),
                       (stage.lab, LAB, OUT), (net.outside, OUT6, LAB6)]
        self.assertEqual(stage.settles(self.apart + self.spared, True), [], "all is reached before")
        return stage

    def shut(self, stage, pairs):
        """The plan's order, in force."""
        daemon, incident = stage.daemon, stage.make_incident()
        plans = daemon.until(lambda: {p["name"]: p for p in daemon.json("plan", incident) or ()}, 40, "there are plans")
        plan = plans["shutdown"]
        self.assertIsNone(plan["no_order_because"])
        self.assertTrue(plan["enforceable"])
        self.assertEqual(plan["enforcers"], ["gw"])
        self.assertTrue(pairs(plan["prefix_pairs"]), plan["prefix_pairs"])
        said = daemon.ask("plan", incident).stdout
        self.assertIn(f"order {plan['order']} ({plan['prefix_pairs']} pairs of prefixes by gw): approve with  bulkhead approve {plan['order']}", said)
        approved = daemon.ask("approve", plan["order"], "--why", "the drill")
        self.assertEqual(approved.returncode, 0, approved.stdout + approved.stderr)
        order = daemon.until(lambda: (o := daemon.order(plan["order"])) and (o["state"] == "refused" or o["in_force_since"]) and o, 40, "it is in force")
        self.assertNotEqual(order["state"], "refused", order["why"])
        return plan["order"]

    def drill(self, stage, pairs):
        before = stage.daemon.table()
        number = self.shut(stage, pairs)
        self.assertEqual(stage.settles(self.apart, False), [], "the zones are parted")
        self.assertEqual(stage.settles(self.spared, True), [], "what is never cut talks on, and so do zones that nobody holds")
        self.assertEqual(stage.settles(self.apart, False), [])
        order = stage.daemon.order(number)
        self.assertNotEqual(order["state"], "leaking", order["why"])
        released = stage.daemon.ask("release", number, "--why", "the drill is over")
        self.assertEqual(released.returncode, 0, released.stdout + released.stderr)
        stage.daemon.until(lambda: stage.daemon.order(number)["state"] == "released", 40, "it is released")
        self.assertEqual(stage.settles(self.apart + self.spared, True), [], "all is given back")
        return before

    def test_a_zone_of_one_segment_is_one_cut_in_each_family(self):
        self.drill(self.stage(), lambda n: n == 2)

    def test_a_zone_of_several_segments_fits_into_the_kernel_too(self):
        stage = self.stage(inside=SEVERAL)
        self.drill(stage, lambda n: n > 100)


BGP = 'bgp\n    bgp: {{peer: 127.0.0.1, local_as: 65001, peer_as: 65001, router_id: 192.0.2.2, {more}}}'


@unittest.skipIf(LACKS, LACKS)
class WhyNot(unittest.TestCase):
    def plan(self, name, wait=False, **settings):
        """The plan as it is told, and the text for people; nobody need speak BGP for that."""
        stage = Stage(wait=wait, **settings)
        self.addCleanup(stage.close)
        stage.daemon.until(stage.daemon.status, 40, "it answers")
        incident = stage.make_incident()
        plans = stage.daemon.until(lambda: {p["name"]: p for p in stage.daemon.json("plan", incident) or ()}, 40, "there are plans")
        return plans[name], stage.daemon.ask("plan", incident).stdout

    def refused(self, plan, text, enforcers, why):
        self.assertEqual((plan["order"], plan["enforceable"], plan["enforcers"]), (None, False, enforcers))
        self.assertRegex(plan["no_order_because"], why)
        self.assertRegex(text, f"shutdown +no order: {why}")

    def test_a_kind_of_enforcer_that_cannot_is_named_when_the_plan_is_made(self):
        backend = BGP.format(more="announce: blackhole, next_hop: [192.0.2.1]")
        self.refused(*self.plan("shutdown", backend=backend, replace={"    lease: 10s\n": ""}), [], "no enforcer takes such a cut")

    def test_an_enforcer_that_cannot_fail_closed_is_named_when_the_plan_is_made(self):
        backend = BGP.format(more="announce: flowspec")
        self.refused(*self.plan("shutdown", backend=backend, fail="closed", replace={"    lease: 10s\n": ""}), ["gw"],
                     "enforcer gw can't part 10.77.1.0/24 and anywhere: .*it can't fail closed")


if __name__ == "__main__":
    lib.main()
