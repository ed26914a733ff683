#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What makes orders on a running gateway, what they cut, and what they leave alone: real packets between namespaces."""
import struct
import subprocess
import time
import unittest

import lib
import live

LACKS = live.have_namespaces()
PEER, V6 = "198.51.100.7", "2001:db8:99:7::7"
MACHINE = "10.77.1.2"


def rule(name, detection, cut="peer", confidence=0.4):
    return f"  - name: {name}\n    detection: \"{detection}\"\n    confidence: {confidence}\n    cut: {cut}\n    lease: 10m\n    confirm: none\n"


SERVER = """
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if ":" in sys.argv[1]:
    s.setsockopt(socket.IPPROTO_IPV6, 78, 1)  # IPV6_FREEBIND
s.bind((sys.argv[1], int(sys.argv[2])))
s.listen(64)
print("ready", flush=True)
while True:
    c, _ = s.accept()
    c.settimeout(10)
    try:
        while c.recv(4096):
            c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    except OSError:
        pass
    c.close()
"""
SAY = """
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 2)
s.sendall(bytes.fromhex(sys.argv[3]))
s.settimeout(2)
sys.exit(0 if s.recv(100) else 1)
"""


TLS_SERVER = """
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[3])
s = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
while True:
    c, _ = s.accept()
    c.settimeout(10)
    try:
        with context.wrap_socket(c, server_side=True) as t:
            t.recv(100)
            t.sendall(b"ok")
    except OSError:
        c.close()
"""
TLS_SAY = """
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 2)
t = context.wrap_socket(s, server_hostname=sys.argv[3])
t.sendall(b"hello")
sys.exit(0 if t.recv(100) else 1)
"""


def dns_query(name):
    labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split("."))
    return struct.pack(">HHHHHH", 1, 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 1, 1)


@unittest.skipIf(LACKS, LACKS)
class Live(lib.Test):
    def setUp(self):
        super().setUp()
        self.network = live.Network()
        self.addCleanup(self.network.close)
        self.network.beyond("198.51.100.0/24", "2001:db8:99:7::/64")

    def begin(self, *rules, **settings):
        automatic = "automatic:\n" + "".join(rules or (rule("known-bad", "indicator:*"), ))
        self.daemon = live.Daemon(self.network, **{"automatic": automatic, **settings})
        self.addCleanup(self.daemon.close)
        return self.daemon.start()

    def serve(self, address, port, code=SERVER, *more):
        server = self.network.start(self.network.outside, "/usr/bin/python3", "-c", code, address, str(port), *map(str, more), stdout=subprocess.PIPE)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        server.stdout.readline()
        return server

    def say(self, address, port, what=b"GET / HTTP/1.1\r\nHost: example.net\r\n\r\n", where=None):
        """Whether somebody inside is answered."""
        return self.network.run(where or self.network.inside, "/usr/bin/python3", "-c", SAY, address, port, what.hex(), check=False).returncode == 0

    def udp(self, address, port=9, what=b"x", where=None):
        self.network.run(where or self.network.inside, "/usr/bin/python3", "-c",
                         f"import socket; s = socket.socket({'socket.AF_INET6' if ':' in address else 'socket.AF_INET'}, socket.SOCK_DGRAM); "
                         f"s.sendto(bytes.fromhex('{what.hex()}'), ('{address}', {port}))")

    def ordered(self, seconds=40):
        """The first order that is in force."""
        return self.daemon.until(lambda: next((o for o in self.daemon.orders() if o["in_force_since"]), None), seconds, "something is ordered")

    def assert_cuts(self, order, **ends):
        self.assertEqual(len(order["cuts"]), 1, order)
        for end, value in ends.items():
            self.assertEqual(order["cuts"][0][end.rstrip("_")], value, order)


class Indicators(Live):
    def test_an_address_is_cut_before_its_answer(self):
        self.begin(bad=(PEER, ))
        self.serve(PEER, 80)
        self.udp(PEER)
        self.assert_cuts(self.ordered(), from_="any", to=PEER)
        self.assertFalse(self.say(PEER, 80))

    def test_so_is_one_of_ipv6(self):
        self.begin(bad=(V6, ))
        self.serve(V6, 80)
        self.udp(V6)
        self.assert_cuts(self.ordered(), from_="any", to=V6)
        self.assertFalse(self.say(V6, 80))

    def test_a_prefix_names_the_one_that_was_talked_to(self):
        self.begin(rule("known-bad", "indicator:prefix", confidence=0.3), bad=("198.51.100.0/28", ))
        self.udp(PEER)
        self.assert_cuts(self.ordered(), from_="any", to=PEER)

    def test_a_name_in_http(self):
        self.begin(bad=("bad.example", ))
        self.serve(PEER, 80)
        self.name_in(80, lambda name: self.say(PEER, 80, f"GET / HTTP/1.1\r\nHost: {name}\r\n\r\n".encode()))

    def test_a_name_in_tls(self):
        self.begin(bad=("bad.example", ))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=example.net",
                        "-keyout", "pair.pem", "-out", "certificate.pem"], check=True, capture_output=True, cwd=self.folder, timeout=60)
        with (self.folder / "pair.pem").open("ab") as out:
            out.write((self.folder / "certificate.pem").read_bytes())
        self.serve(PEER, 443, TLS_SERVER, self.folder / "pair.pem")
        self.name_in(443, lambda name: self.network.run(self.network.inside, "/usr/bin/python3", "-c", TLS_SAY, PEER, 443, name, check=False).returncode == 0)

    def name_in(self, port, say):
        """`say` talks to the peer under a name, and says whether it was answered."""
        self.assertTrue(say("www.good.example"), "any other name passes")
        self.assertEqual(self.daemon.orders(), [])
        say("www.bad.example")
        self.assert_cuts(self.ordered(), from_="any", to=PEER)
        self.assertFalse(self.say(PEER, port))

    def test_a_name_that_is_only_asked_for_makes_no_order_against_the_name_server(self):
        daemon = self.begin(bad=("bad.example", ))
        server = self.network.start(self.network.outside, "/usr/bin/python3", "-c",
                                    "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.bind(('203.0.113.2', 53))\nprint('ready', flush=True)\n"
                                    "while True:\n    q, a = s.recvfrom(512)\n    s.sendto(q[:2] + b'\\x81\\x83' + q[4:], a)", stdout=subprocess.PIPE)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        server.stdout.readline()
        self.udp("203.0.113.2", 53, dns_query("www.bad.example"))
        daemon.until(lambda: daemon.status()["detections"] > 0, 40, "it is detected")
        time.sleep(0.5)
        self.assertTrue(all(o["cuts"][0]["to"] != "203.0.113.2" for o in daemon.orders()), daemon.orders())


class Targets(Live):
    def test_a_pair_is_parted_and_others_go_on(self):
        self.network.address(self.network.inside, "in0", "10.77.1.3/24")
        self.begin(rule("known-bad", "indicator:*", cut="pair"), bad=(PEER, ))
        self.serve(PEER, 80)
        self.say(PEER, 80)  # it shows it, and may be cut before it is over
        order = self.ordered()
        self.assertEqual({order["cuts"][0]["from"], order["cuts"][0]["to"]}, {MACHINE, PEER})
        self.assertFalse(self.say(PEER, 80))
        self.serve("203.0.113.2", 81)
        self.assertTrue(self.say("203.0.113.2", 81), "the machine may talk to others")

    def test_a_machine_is_cut_off_upon_proof(self):
        self.begin(rule("known-bad", "indicator:*", cut="asset"), bad=(PEER, ))
        self.serve(PEER, 80)
        self.say(PEER, 80)
        order = self.ordered()
        self.assertIn(MACHINE, (order["cuts"][0]["from"], order["cuts"][0]["to"]))
        self.serve("203.0.113.2", 81)
        self.assertFalse(self.say("203.0.113.2", 81))

    def test_a_flood_of_forged_sources_cuts_none_of_our_own(self):
        daemon = self.begin(rule("asset", "*", cut="asset", confidence=0.1), rule("peer", "indicator:*"), bad=(PEER, ))
        forge = ("import socket, struct\ns = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)\n"
                 "for i in range(20000):\n"
                 "    src = bytes([10, 77, 2 + i // 250 % 80, 1 + i % 250])\n"
                 "    dst = socket.inet_aton('198.51.100.7')\n"
                 "    tcp = struct.pack('>HHIIBBHHH', 1024 + i % 60000, i % 1000, i, 0, 5 << 4, 2, 512, 0, 0)\n"
                 "    p = struct.pack('>BBHHHBBH', 0x45, 0, 40, i & 0xffff, 0, 64, 6, 0) + src + dst + tcp\n"
                 "    s.sendto(p, ('198.51.100.7', 0))\n")
        self.network.run(self.network.inside, "/usr/bin/python3", "-c", forge)
        daemon.until(lambda: daemon.status()["detections"] > 0, 40, "it is detected")
        time.sleep(2)
        ours = [o for o in daemon.orders() for c in o["cuts"] if "10.77." in c["from"] or "10.77." in c["to"]]
        self.assertEqual(ours, [])
        self.assertTrue(all(p["runs"] for p in daemon.status()["processes"]))

    def test_a_connection_that_stood_ends(self):
        daemon = self.begin(bad=("198.51.100.9", ), automatic="automatic:\n" + rule("known-bad", "indicator:*"))
        self.network.beyond("192.0.2.0/24")
        daemon.configure(bad=(PEER, ))  # known only from the reload on
        self.serve(PEER, 80)
        hold = self.network.start(self.network.inside, "/usr/bin/python3", "-c",
                                  f"import socket, time\ns = socket.create_connection(('{PEER}', 80), 5)\ns.sendall(b'x'); s.recv(100); print('up', flush=True)\n"
                                  "input()\ns.settimeout(1)\n"
                                  "try:\n    s.sendall(b'y'); print('answered' if s.recv(100) else 'closed', flush=True)\n"
                                  "except OSError: print('silent', flush=True)", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(hold.wait)
        self.addCleanup(hold.kill)
        self.assertEqual(hold.stdout.readline(), b"up\n")
        self.assertEqual(daemon.ask("reload").returncode, 0)
        self.udp(PEER)
        self.ordered()
        said = hold.communicate(b"\n", timeout=20)[0]
        self.assertIn(said, (b"silent\n", b"closed\n"))


class LeftAlone(Live):
    def test_what_may_never_be_cut_is_not_whoever_names_it(self):
        daemon = self.begin(bad=(PEER, "198.51.100.8"), never_cut="never_cut: [198.51.100.0/29]")
        self.serve(PEER, 80)
        self.assertTrue(self.say(PEER, 80))
        daemon.until(lambda: daemon.status()["detections"] > 0, 40, "it is detected")
        self.udp("198.51.100.8")
        self.assert_cuts(self.ordered(), to="198.51.100.8")
        self.assertTrue(self.say(PEER, 80), "never cut")
        self.assertEqual(len(daemon.orders()), 1)

    def test_an_enforcer_names_the_rule_that_it_refuses_by(self):
        """From the reload on the daemon's own guardrails forbid what stands: the enforcer that starts with them takes none of it."""
        daemon = self.begin(bad=(PEER, ))
        self.udp(PEER)
        order = self.ordered()
        text = (daemon.folder / "bulkhead.yaml").read_text()
        (daemon.folder / "bulkhead.yaml").write_text(text.replace("guardrails:\n", f"guardrails:\n  never_cut: [{PEER}/32]\n"))
        self.assertEqual(daemon.ask("reload").returncode, 0)
        ended = daemon.until(lambda: (o := daemon.order(order["id"])) and o["ends"] and o, 40, "it is refused")
        self.assertEqual(ended["ends"], "refused")
        self.assertIn("never-cut", ended["why"])
        daemon.until(lambda: not daemon.orders(), 40, "it is withdrawn")
        self.serve(PEER, 80)
        daemon.until(lambda: self.say(PEER, 80), 40, "and nothing stops it any more")
        self.udp(PEER)
        time.sleep(1)
        self.assertEqual(daemon.orders(), [], "nothing is ordered that no enforcer would take")


class Leaks(Live):
    def test_a_second_way_is_seen_and_told(self):
        """The inside has another link to the outside, past the gateway, whose answers a mirror shows to the sensor."""
        net = self.network
        net.ip("-n", net.gateway, "link", "add", "br0", "type", "bridge")
        net.ip("-n", net.gateway, "link", "set", "br0", "up")
        for name, device in ((net.inside, "in1"), (net.outside, "out1")):
            net.wire(name, device, f"br-{device}")
            net.ip("-n", net.gateway, "link", "set", f"br-{device}", "master", "br0")
        net.address(net.inside, "in1", "10.77.9.2/24")
        net.address(net.outside, "out1", "10.77.9.1/24")
        # this machine stands for a switch there: its firewall doesn't see what it bridges
        net.run(net.gateway, "sysctl", "-q", "-w", "net.bridge.bridge-nf-call-iptables=0", check=False)
        self.begin(bad=(PEER, ))
        text = (self.daemon.folder / "bulkhead.yaml").read_text()
        (self.daemon.folder / "bulkhead.yaml").write_text(text.replace(
            "sensor:\n", "  - name: mirror\n    interfaces: [br-in1, br-out1]\n    place: tap\nsensor:\n", 1))
        (self.daemon.folder / "site.yaml").write_text((self.daemon.folder / "site.yaml").read_text().replace(
            "indicators:", "  - name: mirror\n    zones: [inside, outside]\nindicators:"))
        self.assertEqual(self.daemon.ask("reload").returncode, 0)
        self.daemon.until(lambda: (s := self.daemon.status()) and s["links"] == ["gw-link", "mirror"] and s["enforcers"][0]["ready"] and
                          s["sensors"][0]["connected"], 40, "the second link is read")
        self.serve(PEER, 80)
        self.udp(PEER)
        order = self.ordered()
        self.daemon.until(lambda: "verified" in self.daemon.said(), 40, "the cut holds")
        self.assertFalse(self.say(PEER, 80))
        net.ip("-n", net.inside, "route", "add", f"{PEER}/32", "via", "10.77.9.1", "src", "10.77.1.2")
        net.ip("-n", net.outside, "route", "add", "10.77.1.2/32", "via", "10.77.9.2")
        for name in (net.inside, net.outside):
            net.run(name, "sysctl", "-q", "-w", "net.ipv4.conf.all.rp_filter=0")
        self.assertTrue(self.say(PEER, 80), "another path is there")
        leaking = self.daemon.until(lambda: (o := self.daemon.order(order["id"])) and o["state"] == "leaking" and o, 40, "the leak is told")
        self.assertIn("mirror", leaking["why"])
        self.assertIn("another path", leaking["why"])


if __name__ == "__main__":
    lib.main()
