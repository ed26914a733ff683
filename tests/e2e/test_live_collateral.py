# SPDX-License-Identifier: GPL-2.0-or-later
"""A break-in and its containment, live and in a minute: patient zero beacons, moves on and steals while colleagues work.

The same harness as bench/collateral.py (bridges, a router with `bulkhead run`, a capture that Bulkhead has no part in), with eight small machines
instead of the range's seventy: real TCP, but servers that only answer.
"""
import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "bench"))
import collateral  # noqa: E402
import wire  # noqa: E402

lib, live, topology, namespaces = collateral.LIVE.lib, collateral.LIVE, collateral.topology, collateral.namespaces
C2, SITE, WWW, FILES, ZERO, READER = "203.0.113.66", "198.51.100.80", "10.10.0.10", "10.30.0.10", "10.20.0.21", "10.30.0.31"
DESKS = ("10.20.0.22", "10.20.0.23", "10.20.0.24")

SERVER = """
import socketserver, sys, threading
class Answer(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.settimeout(5)
        if self.server.server_address[1] == 22:
            self.request.sendall(b"SSH-2.0-OpenSSH_9.2\\r\\n")
        while (got := self.request.recv(65536)):
            self.request.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok" if got.startswith(b"GET") else b"x" * 64)
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads, request_queue_size = True, True, 64
    def handle_error(self, *_): pass
for port in map(int, sys.argv[1:]):
    threading.Thread(target=Server(("0.0.0.0", port), Answer).serve_forever).start()
"""
CLIENT = """
import socket, sys, time
words = {"80": b"GET /page HTTP/1.1\\r\\nHost: www.example.com\\r\\n\\r\\n", "22": b"SSH-2.0-OpenSSH_9.2\\r\\n"}
gap = float(sys.argv[1])
targets = [t.split(":") for t in sys.argv[2:]]
n = 0
while True:
    host, port, size, *_ = targets[n % len(targets)]
    n += 1
    begin = time.monotonic()
    try:
        with socket.create_connection((host, int(port)), 1) as s:
            s.settimeout(1)
            s.sendall(words.get(port) or b"z" * int(size))
            s.recv(4096)
    except OSError:
        pass
    time.sleep(max(0.0, gap - (time.monotonic() - begin)))
"""


def agency():
    rows = (("x-c2", "internet", C2), ("sites", "internet", SITE), ("www", "dmz", WWW), ("files-mc", "mission-control", FILES),
            ("mc01", "mission-control", READER), ("ws01", "office", ZERO), *((f"ws{n}", "office", a) for n, a in enumerate(DESKS, 2)))
    return topology.Agency("tiny", [topology.Host(name, zone, address, "") for name, zone, address in rows], {}, {})


class Collateral(unittest.TestCase):
    def setUp(self):
        why = live.have_namespaces() or next((f"needs {p}" for p in ("dumpcap", "editcap", "ethtool", "nsenter") if not shutil.which(p)), "")
        if why:
            self.skipTest(why)
        self.clean = contextlib.ExitStack()
        self.addCleanup(self.clean.close)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bulkhead-collateral-"))
        self.clean.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.agency = agency()
        self.nets = namespaces.Range(f"t{os.getpid()}")
        self.clean.callback(self.nets.remove)
        self.nets.build(self.agency)

    def act(self, name, code, *arguments):
        """A machine does something until the test ends, or until it is told to stop."""
        process = subprocess.Popen(namespaces.inside(self.nets.prefix + name, "/usr/bin/python3", "-c", code, *map(str, arguments)),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.clean.callback(process.wait)
        self.clean.callback(process.kill)

    def begin(self):
        for name, ports in (("x-c2", (443, )), ("sites", (80, 443)), ("www", (80, )), ("files-mc", (22, 445))):
            self.act(name, SERVER, *ports)
        self.daemon = collateral.Daemon(collateral.Router(self.nets.router), site="indicators:\n  - file: bad.txt\n", files={"bad.txt": C2 + "\n"},
                                        instead={r"^never_cut: .*": "never_cut: [10.50.0.23/32]"})
        self.clean.callback(self.daemon.close)
        self.daemon.start()
        self.bare = self.daemon.rules()
        self.sniffer = collateral.Sniffer(self.nets.router, self.folder / "all.pcap")
        self.clean.callback(self.sniffer.stop)
        time.sleep(1)
        for n, name in enumerate(("ws2", "ws3", "ws4")):
            self.act(name, CLIENT, 0.15 + 0.02 * n, f"{WWW}:80:0", f"{SITE}:80:0", f"{SITE}:443:200")
        self.act("mc01", CLIENT, 0.2, f"{FILES}:445:300", f"{WWW}:80:0")
        time.sleep(8)
        self.act("ws01", CLIENT, 1, f"{C2}:443:120")                                        # beacons
        self.act("ws01", CLIENT, 0.05, *(f"10.30.0.{n}:445:10" for n in range(1, 30)))        # looks around
        time.sleep(4)
        self.act("ws01", CLIENT, 2, f"{FILES}:22:21", f"{FILES}:445:400")                     # moves on
        self.act("ws01", CLIENT, 3, f"{C2}:443:60000")                                       # steals

    def rows(self):
        since, until = (f"{year}-01-01T00:00:00.0Z" for year in (1999, 2200))
        places = [(C2, 443), (FILES, 22), (FILES, 445), *((f"10.30.0.{n}", 445) for n in range(1, 30))]
        return [{"src": ZERO, "dst": a, "dport": p, "proto": "tcp", "from": since, "to": until, "what": "patient zero"} for a, p in places]

    def test_the_attack_ends_the_others_work_on_and_release_gives_all_back(self):
        self.begin()
        self.daemon.until(lambda: any(ZERO in a["addresses"] and a["state"] == "compromised" for i in self.daemon.incidents() for a in i["assets"]),
                          60, "patient zero is known")
        cuts = []
        for plan in ("surgical", "shutdown"):
            cuts.append(collateral.cut(self.daemon, plan, 9))
            self.assertEqual(cuts[-1]["refused"], "", plan)
            time.sleep(6)
            cuts[-1]["free_until"] = time.time_ns()
        self.daemon.stop()
        after_stop = self.daemon.rules()
        self.assertLess(self.sniffer.stop(), 5, "the capture is as good as whole")  # of thousands of packets
        found = wire.connections(self.folder / "all.pcap", {h.address: h.mac for h in self.agency.hosts})
        collateral.label(found, self.rows())
        zones = {h.address: h.zone for h in self.agency.hosts}
        # where patient zero moved on to is held with it, and what others want there is the price of that
        elsewhere = [c for c in found if c.attack or c.target != FILES]
        surgical, shutdown = (collateral.judge(some, zones, c["applied"], c["until"]) for some, c in zip((elsewhere, found), cuts))
        for c, during in zip(cuts, (surgical, shutdown)):
            with self.subTest(plan=c["plan"]):
                after = collateral.judge(found, zones, c["released"], c["free_until"])
                print(f"{c['plan']}: applied in {c['applied_ms']:.0f} ms, {c['check']} after {c['verified_s']:.1f} s; "
                      f"attack packets {during['attack_sent']} sent, {during['attack_arrived']} arrived; {during['kept']} of {during['legitimate']} kept; "
                      f"released: {after['attack_arrived']} arrived, {after['kept']} of {after['legitimate']} kept", flush=True)
                self.assertEqual((c["check"], c["check_at_end"]), ("verified", "verified"), c["why_at_end"])
                self.assertGreater(during["attack_sent"], 5, "the attack goes on")
                self.assertEqual(during["attack_arrived"], 0, during["leaks"])
                self.assertGreater(after["attack_arrived"], 10, "released is released")
                self.assertGreaterEqual(collateral.share(after["kept"], after["legitimate"]), 98, after["lost"])
                self.assertTrue(c["same_rules"], "the rules are what they were before")
        self.assertGreater(surgical["legitimate"], 50)
        self.assertGreaterEqual(collateral.share(surgical["kept"], surgical["legitimate"]), 98, surgical["lost"])
        self.assertLess(shutdown["kept"], shutdown["legitimate"], "the shutdown costs what the surgical plan doesn't")
        self.assertEqual(after_stop, self.bare, "it leaves nothing behind that stops a packet")


if __name__ == "__main__":
    lib.main()
