#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The archivist of `bulkhead run`: EVE JSON to a file and a socket, and an archive that is whole whatever ends, or fills up."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time
import unittest

import lib
import live

WHY_NOT = live.have_namespaces()
SERVER = """
import socketserver
class Answer(socketserver.BaseRequestHandler):
    def handle(self):
        if self.request.recv(65536):
            self.request.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads, request_queue_size = True, True, 256
server = Server(("0.0.0.0", 80), Answer)
print("ready", flush=True)
server.serve_forever()
"""
CLIENT = """
import socket, sys
host, n = sys.argv[1], int(sys.argv[2])
done = 0
for i in range(n):
    try:
        with socket.create_connection((host, 80), 2) as s:
            s.settimeout(2)
            s.sendall(b"GET /%d HTTP/1.1\\r\\nHost: www.example.com\\r\\n\\r\\n" % i)
            while s.recv(4096):
                pass
            done += 1
    except OSError:
        pass
print(done)
"""


def visited(line):
    """A flow's line, of one that brought something over."""
    return line["event_type"] == "flow" and line.get("dest_port") == 80 and line["flow"]["payload_bytes_toserver"] > 0


class Listener:
    """A reader of the Unix socket, as those of Suricata's are."""

    def __init__(self, path):
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(path))
        os.chmod(path, 0o666)
        self.server.listen(4)
        self.server.settimeout(0.2)
        self.path, self.streams, self.over = path, [], False
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while not self.over:
            try:
                connection, _ = self.server.accept()
            except TimeoutError:
                continue
            connection.settimeout(0.2)
            self.streams.append(b"")
            while not self.over:
                try:
                    got = connection.recv(65536)
                except TimeoutError:
                    continue
                if not got:
                    break
                self.streams[-1] += got
            connection.close()

    def lines(self):
        """Of all connections; each begins with a whole line, and what a connection's end tore is left out."""
        return [json.loads(line) for stream in self.streams for line in stream.split(b"\n")[:-1]]

    def close(self):
        self.over = True
        self.thread.join()
        self.server.close()
        pathlib.Path(self.path).unlink(missing_ok=True)


@unittest.skipIf(WHY_NOT, WHY_NOT)
class Live(lib.Test):
    def setUp(self):
        super().setUp()
        self.network = live.Network()
        self.addCleanup(self.network.close)
        self.network.address(self.network.outside, "out0", "203.0.113.66/32", "203.0.113.80/32")
        server = self.network.start(self.network.outside, "/usr/bin/python3", "-c", SERVER, stdout=subprocess.PIPE)
        self.addCleanup(lambda: (server.kill(), server.wait(), server.stdout.close()))
        server.stdout.readline()

    def daemon(self, more="", **settings):
        daemon = live.Daemon(self.network, more=more, automatic="", **settings)
        self.addCleanup(daemon.close)
        return daemon

    def visit(self, n=1, host="203.0.113.80"):
        return int(self.network.run(self.network.inside, "/usr/bin/python3", "-c", CLIENT, host, n).stdout)

    def metrics(self):
        text = self.network.run(self.network.gateway, "curl", "-s", "http://127.0.0.1:9474/metrics", check=False).stdout.decode()
        return {name.removeprefix("bulkhead_"): float(value) for name, value in
                (line.split(" ") for line in text.splitlines() if line and line[0] != "#" and "{" not in line)}

    def waiting(self):
        """Records that aren't durable yet; None where nobody can say just now."""
        m = self.metrics()
        return m.get("records_waiting", m.get("records_sent_total", 0) - m["records_durable_total"]) if "records_durable_total" in m else None

    def flows_seen(self):
        return self.metrics().get("flows_total", 0)

    def verify(self, daemon):
        result = lib.run("verify", daemon.folder / "archive")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def flows(self, daemon):
        """The visits that the archive knows, by their ports: a late packet may make a flow of its own."""
        result = lib.run("archive", "export", "--format", "json", "--kind", "flow", daemon.folder / "archive")
        self.assertEqual(result.returncode, 0, result.stderr)
        return {f["initiator_port"] for f in map(json.loads, result.stdout.splitlines()) if f["responder_port"] == 80 and f["end"] != "none"}

    @staticmethod
    def read(path):
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


class Eve(Live):
    def test_flows_transactions_and_alerts_stand_in_the_file_as_an_export_has_them(self):
        daemon = self.daemon("eve: {file: eve.json}\n").start()
        self.assertEqual(self.visit(20), 20)
        self.visit(3, "203.0.113.66")
        self.assertEqual(daemon.stop(), 0)
        lines = self.read(daemon.folder / "eve.json")
        kinds = {kind: [line for line in lines if line["event_type"] == kind] for kind in ("flow", "http", "alert")}
        self.assertEqual(len({f["src_port"] for f in kinds["flow"] if visited(f)}), 23)
        self.assertEqual(len({h["src_port"] for h in kinds["http"]}), 23)
        self.assertEqual({h["http"]["hostname"] for h in kinds["http"] if "hostname" in h["http"]}, {"www.example.com"})
        self.assertTrue(kinds["alert"])
        for alert in kinds["alert"]:
            self.assertEqual(alert["dest_ip"], "203.0.113.66")
            self.assertEqual(alert["dest_port"], 80)
        # a transaction stands before its flow, and names it
        seen = set()
        for line in lines:
            if line["event_type"] == "http":
                self.assertNotIn(line["flow_id"], seen)
            if line["event_type"] == "flow":
                seen.add(line["flow_id"])
        self.assertLessEqual({h["flow_id"] for h in kinds["http"]}, seen)
        self.verify(daemon)
        # what an export of the archive says of the same flows
        out = self.folder / "export.json"
        lib.run("archive", "export", "--format", "eve", "-o", out, daemon.folder / "archive")
        exported = {line["flow_id"]: line for line in self.read(out)}
        for flow in kinds["flow"]:
            self.assertEqual(flow, exported[flow["flow_id"]])

    def test_a_file_that_is_moved_away_is_made_anew_at_a_reload_and_no_line_is_lost(self):
        daemon = self.daemon("eve: {file: eve.json}\n").start()
        self.visit(10)
        eve, before = daemon.folder / "eve.json", daemon.folder / "eve.json.1"
        daemon.until(lambda: eve.exists() and sum(x["event_type"] == "http" for x in self.read(eve)) >= 5, 60, "lines come")
        eve.rename(before)
        daemon.process.send_signal(signal.SIGHUP)
        daemon.until(eve.exists, 40, "the file is there anew")
        self.visit(10)
        daemon.stop()
        flows = [x for x in self.read(before) + self.read(eve) if x["event_type"] == "flow"]
        self.assertEqual(len({x["flow_id"] for x in flows}), len(flows))
        self.assertEqual(len({x["src_port"] for x in flows if visited(x)}), 20)

    def test_a_reader_of_the_socket_may_come_late_go_and_come_back(self):
        daemon = self.daemon("eve: {socket: eve.socket}\n").start()
        path = daemon.folder / "eve.socket"
        self.visit(5)
        first = Listener(path)
        self.addCleanup(first.close)
        daemon.until(lambda: sum(x["event_type"] == "http" for x in first.lines()) >= 5, 60, "what waited comes")
        first.close()
        self.visit(5)
        second = Listener(path)
        self.addCleanup(second.close)
        daemon.until(lambda: sum(x["event_type"] == "http" for x in second.lines()) >= 5, 90, "it is connected to again")
        daemon.stop()
        self.assertEqual(len({x["src_port"] for x in first.lines() + second.lines() if x["event_type"] == "http"}), 10)

    def test_an_outlet_that_takes_nothing_holds_nothing_up(self):
        # a full disk, and a socket at which nobody listens
        daemon = self.daemon("eve: {file: /dev/full, socket: nobody.socket}\n").start()
        self.assertEqual(self.visit(20), 20)
        daemon.until(lambda: self.flows_seen() >= 20 and self.waiting() == 0, 60, "all is durable")
        self.assertIn("can't be written to (No space left on device)", daemon.said())
        self.assertIn("nobody.socket can't be opened", daemon.said())
        daemon.stop()
        self.assertEqual(len(self.flows(daemon)), 20)
        self.verify(daemon)


class Whole(Live):
    def test_what_the_engine_had_sent_is_written_when_the_parent_is_killed(self):
        daemon = self.daemon().start()
        self.visit(30)
        daemon.until(lambda: self.flows_seen() >= 10, 60, "flows end")
        children = daemon.pids()
        daemon.stop(signal.SIGKILL)
        end = time.monotonic() + 40
        while any(pathlib.Path(f"/proc/{pid}/cmdline").exists() for pid in children) and time.monotonic() < end:
            time.sleep(0.05)
        self.assertFalse([name for pid, name in children.items() if pathlib.Path(f"/proc/{pid}").exists()])
        self.assertGreaterEqual(len(self.flows(daemon)), 10)
        self.verify(daemon)
        # and the next one goes on
        daemon.start()
        self.visit(5)
        daemon.stop()
        self.assertGreaterEqual(len(self.flows(daemon)), 15)
        self.verify(daemon)

    def test_a_full_disk_loses_nothing_that_was_taken_and_is_gone_on_from(self):
        daemon = self.daemon()
        place = daemon.folder / "archive"
        place.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=0777", "tmpfs", str(place)], capture_output=True, check=False)
        if mounted.returncode:
            self.skipTest("can't mount a tmpfs")
        self.addCleanup(lambda: subprocess.run(["umount", "-l", str(place)], check=False, capture_output=True))
        daemon.start()
        self.visit(5)
        ballast = place / "ballast"
        with ballast.open("wb") as out:
            try:
                while out.write(bytes(65536)):
                    out.flush()
            except OSError:
                pass
        self.visit(20)
        daemon.until(lambda: "takes no record" in daemon.said(), 60, "it is noticed")
        daemon.until(self.waiting, 40, "what isn't durable is told")
        ballast.unlink()
        daemon.until(lambda: "takes records again" in daemon.said(), 40, "it goes on")
        daemon.until(lambda: self.waiting() == 0, 40, "all is durable")
        daemon.stop()
        self.assertEqual(len(self.flows(daemon)), 25)
        self.verify(daemon)


if __name__ == "__main__":
    lib.main()
