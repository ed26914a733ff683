#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The plans as nftables text: the kernel takes them, they stop what the plan's JSON says and nothing else, and go without a trace.

Needs root, nft and network namespaces. A router stands between four places, each a namespace; which pairs a plan stops is worked
out here from its JSON, and then tried with TCP connections.
"""
import ctypes
import errno
import ipaddress
import os
import re
import select
import shutil
import socket
import subprocess
import time
import unittest

import lib

CLONE_NEWNET = 0x40000000
PLACES = {"ws1": "10.0.0.11", "ws2": "10.0.0.12", "files1": "10.0.1.20", "files2": "10.0.1.21", "names1": "10.0.2.53", "web": "198.51.100.80",
          "beyond": lib.BEYOND}
ZONES = {"office": "10.0.0.0/24", "mission": "10.0.1.0/24", "services": "10.0.2.0/24"}
PORT, WAIT_S = 7000, 1.5
libc = ctypes.CDLL(None, use_errno=True)


def why_not():
    if os.geteuid() != 0:
        return "root is needed"
    if not shutil.which("nft") or not shutil.which("ip"):
        return "nft or ip is not installed"
    probe = subprocess.run(["unshare", "-n", "nft", "add", "table", "inet", "probe"], capture_output=True, check=False)
    return f"no nftables in a namespace here: {probe.stderr.decode().strip()}" if probe.returncode else None


WHY_NOT = why_not()


def sh(*command):
    subprocess.run(command, check=True, capture_output=True)


class Namespace:
    """One by name; inside it with `with`. Sockets made there stay there."""

    def __init__(self, name):
        self.name = f"bh{os.getpid()}{name}"
        sh("ip", "netns", "add", self.name)
        sh("ip", "-n", self.name, "link", "set", "lo", "up")

    def __enter__(self):
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.enter(os.open(f"/run/netns/{self.name}", os.O_RDONLY))

    def __exit__(self, *_):
        self.enter(self.home)

    @staticmethod
    def enter(fd):
        r = libc.setns(fd, CLONE_NEWNET)
        os.close(fd)
        if r:
            raise OSError(ctypes.get_errno(), "setns")

    def ip(self, *arguments):
        sh("ip", "-n", self.name, *arguments)

    def nft(self, *arguments):
        return subprocess.run(["ip", "netns", "exec", self.name, "nft", *map(str, arguments)], capture_output=True, check=False)

    def remove(self):
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, check=False)


class Network:
    """PLACES around one router; each listens on PORT."""

    def __init__(self, test):
        self.router = Namespace("r")
        test.addCleanup(self.router.remove)
        subprocess.run(["ip", "netns", "exec", self.router.name, "sysctl", "-qw", "net.ipv4.ip_forward=1"], check=True)
        self.places, self.listeners = {}, {}
        for i, (name, address) in enumerate(PLACES.items()):
            place = self.places[name] = Namespace(str(i))
            test.addCleanup(place.remove)
            self.router.ip("link", "add", f"p{i}", "type", "veth", "peer", "name", "eth0", "netns", place.name)
            self.router.ip("link", "set", f"p{i}", "up")
            self.router.ip("route", "add", f"{address}/32", "dev", f"p{i}")
            self.router.ip("addr", "add", "169.254.0.1/32", "dev", f"p{i}")
            place.ip("link", "set", "eth0", "up")
            place.ip("addr", "add", f"{address}/32", "dev", "eth0")
            place.ip("route", "add", "169.254.0.1", "dev", "eth0")
            place.ip("route", "add", "default", "via", "169.254.0.1")
            with place:
                s = socket.create_server((address, PORT), backlog=128)
            s.settimeout(WAIT_S)
            test.addCleanup(s.close)
            self.listeners[name] = s

    def begin(self, client, server):
        with self.places[client]:
            s = socket.socket()
        s.setblocking(False)
        asked = s.connect_ex((PLACES[server], PORT))
        if asked not in (0, errno.EINPROGRESS):
            raise OSError(asked, f"{client} to {server}")
        return s

    def connect(self, client, server):
        """A connection that is up: both its ends."""
        s = self.begin(client, server)
        accepted, _ = self.listeners[server].accept()
        s.setblocking(True)
        accepted.settimeout(WAIT_S)
        return s, accepted

    def reachable(self):
        """The pairs whose connection comes up, of those that the router stands between. All are tried at once."""
        open_sockets = {self.begin(a, b): (a, b) for a, b in PAIRS}
        pairs, end = set(), time.monotonic() + WAIT_S
        while open_sockets and time.monotonic() < end:
            _, ready, _ = select.select([], list(open_sockets), [], end - time.monotonic())
            for s in ready:
                pairs.add(open_sockets.pop(s))
                error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                s.close()
                if error:
                    raise OSError(error, "a connection was refused, not lost")
        for s in open_sockets:
            s.close()
        for s in self.listeners.values():
            s.setblocking(False)
            try:
                while True:
                    s.accept()[0].close()
            except BlockingIOError:
                s.settimeout(WAIT_S)
        return pairs


def zone_of(address):
    return next((z for z, p in ZONES.items() if ipaddress.ip_address(address) in ipaddress.ip_network(p)), "internet")


# machines of one zone have no enforcement point between them, so nothing is said of those
PAIRS = {(a, b) for a in PLACES for b in PLACES if zone_of(PLACES[a]) != zone_of(PLACES[b])}


def holds(side, address, other):
    if side == "external":
        return zone_of(address) == "internet"
    if side == "any":
        return zone_of(address) != zone_of(other)
    if isinstance(side, dict):
        return zone_of(address) == side["zone"]
    return any(ipaddress.ip_address(address) in ipaddress.ip_network(p) for p in side)


def stopped(plan, a, b):
    a, b = PLACES[a], PLACES[b]
    return any((holds(c["from"], a, b) and holds(c["to"], b, a)) or
               (c["direction"] == "both" and holds(c["from"], b, a) and holds(c["to"], a, b)) for c in plan["cuts"])


@unittest.skipIf(WHY_NOT, WHY_NOT)
class Nft(lib.Test):
    def accepted(self, case):
        files = sorted(case.glob("plan-*.nft"))
        self.assertEqual(len(files), 3)
        for path in files:
            result = subprocess.run(["unshare", "-n", "nft", "-c", "-f", path], capture_output=True, check=False)
            self.assertEqual((result.returncode, result.stderr), (0, b""), path.name)

    def test_the_kernel_accepts_every_plan(self):
        self.accepted(self.intrusion())
        self.accepted(self.intrusion(name="guessed", site=False))

    def test_the_kernel_accepts_the_plans_of_the_range(self):
        capture = lib.ROOT / "range" / "recordings" / "cloud.pcapng"
        if not capture.exists():
            self.skipTest(f"{capture} is not there")
        self.accepted(self.analyze(capture, "--site", lib.ROOT / "range" / "site.yaml", code=1))

    def test_a_plan_stops_what_it_says_and_nothing_else_and_leaves_no_trace(self):
        self.stops_what_it_says(self.intrusion())

    def test_a_zone_within_another_is_not_cut_with_it(self):
        """The office's prefix holds those of mission and services; an address belongs to the longest."""
        site = lib.SITE.replace("10.0.0.0/24", "10.0.0.0/16")
        self.stops_what_it_says(self.analyze(lib.VISIT, "--site", self.write("nested.yaml", site), "--indicators",
                                             self.indicators(lib.BEYOND), code=1))

    def stops_what_it_says(self, case):
        plans = {p["name"]: p for p in lib.read_json(case / "incident.json")["plans"]}
        network = Network(self)
        self.assertEqual(network.reachable(), PAIRS)
        before = network.router.nft("list", "ruleset").stdout
        for name, plan in plans.items():
            wanted = {pair for pair in PAIRS if not stopped(plan, *pair)}
            self.assertNotEqual(wanted, PAIRS, f"{name} stops nothing")
            self.assertNotIn(("ws1", "beyond"), wanted)
            applied = network.router.nft("-f", case / f"plan-{name}.nft")
            self.assertEqual((applied.returncode, applied.stderr), (0, b""))
            self.assertEqual(network.reachable(), wanted, name)
        # each replaced the one before; taking the last back restores what was
        self.assertEqual(network.router.nft("list", "tables").stdout, b"table inet bulkhead\n")
        self.assertEqual(network.router.nft("delete", "table", "inet", "bulkhead").returncode, 0)
        self.assertEqual(network.router.nft("list", "ruleset").stdout, before)
        self.assertEqual(network.reachable(), PAIRS)

    def test_established_connections_end_too(self):
        case = self.intrusion()
        network = Network(self)
        client, server = network.connect("ws1", "beyond")
        client.sendall(b"before")
        self.assertEqual(server.recv(100), b"before")
        self.assertEqual(network.router.nft("-f", case / "plan-surgical.nft").returncode, 0)
        client.sendall(b"after")
        with self.assertRaises(TimeoutError):
            server.recv(100)
        client.close()
        server.close()

    def test_cuts_carry_their_lease_into_the_kernel(self):
        case = self.intrusion()
        plan = next(p for p in lib.read_json(case / "incident.json")["plans"] if p["name"] == "surgical")
        self.assertTrue(all(c["lease_s"] == 7200 for c in plan["cuts"]))
        namespace = Namespace("lease")
        self.addCleanup(namespace.remove)
        self.assertEqual(namespace.nft("-f", case / "plan-surgical.nft").returncode, 0)
        listed = namespace.nft("list", "table", "inet", "bulkhead").stdout.decode()
        self.assertIn("timeout 2h expires", listed)
        self.assertEqual(len(set(re.findall(r"set (cut\d+)_", listed))), len(plan["cuts"]))

    def test_what_may_never_be_cut_goes_on(self):
        site = lib.SITE.replace("never_cut: [10.0.0.1/32]", "never_cut: [10.0.0.11/32]")
        case = self.analyze(lib.VISIT, "--site", self.write("never.yaml", site), "--indicators", self.indicators(lib.BEYOND), code=1)
        plans = lib.read_json(case / "incident.json")["plans"]
        self.assertTrue(any("10.0.0.11" in g for g in plans[0]["guardrails"]))
        network = Network(self)
        self.assertEqual(network.router.nft("-f", case / "plan-shutdown.nft").returncode, 0)
        passed = network.reachable()
        self.assertIn(("ws1", "beyond"), passed)
        self.assertNotIn(("ws2", "beyond"), passed)


if __name__ == "__main__":
    lib.main()
