# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests and benchmarks of `bulkhead run` share: a gateway between namespaces of its own, and the daemon upon it.

    inside 10.77.1.2 --- 10.77.1.1  gateway  203.0.113.1 --- outside 203.0.113.2, and what it is given besides
                 and 2001:db8:77::2 --- ::1          2001:db8:99::1 --- 2001:db8:99::2

All is made with names of this process and removed by close(). Nothing is sent beyond these namespaces.
"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

import lib

SITE = """\
version: 1
name: live test
zones:
  - name: inside
    class: internal
    prefixes: [10.77.0.0/16, "2001:db8:77::/48"]
  - name: outside
    class: external
    prefixes: [0.0.0.0/0, "::/0"]
{never_cut}
enforcement:
  - name: gw
    kind: nftables
    between: [inside, outside]
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

DAEMON = """\
version: 1
site: site.yaml
archive: archive
state: state
run_as: nobody
sync: 1s
verify: 1s
links:
  - name: gw-link
    interfaces: [gw-in, gw-out]
    place: gateway
sensor:
  processes: {sensors}
  ring: 16MiB
enforcers:
  - name: gw
    backend: {backend}
    lease: {lease}
guardrails:
  most_cuts: 200000
  longest_lease: 24h
  most_orders_a_minute: {pace}
approval:
  persons: {persons}
  wait: 1h
  confirm: {confirm}
  lease: 1h
  fail: {fail}
{automatic}
control:
  socket: control
  approvers: ["user:root", "user:daemon"]
metrics:
  listen: "127.0.0.1:9474"
"""

AUTOMATIC = """\
automatic:
  - name: known-bad
    detection: "indicator:*"
    confidence: 0.4
    cut: peer
    lease: 10m
    confirm: none
"""


def have_namespaces():
    """Whether this machine and user can make what the tests need; else why not."""
    if os.geteuid() != 0:
        return "needs root"
    for program in ("ip", "nft"):
        if not shutil.which(program):
            return f"needs {program}"
    name = f"bh{os.getpid()}t"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    return "" if made.returncode == 0 else "can't make network namespaces: " + made.stderr.decode().strip()


class Network:
    """Three namespaces in a row; the middle one forwards."""

    def __init__(self):
        tag = f"bh{os.getpid()}"
        self.inside, self.gateway, self.outside = (f"{tag}{x}" for x in "igo")
        for name in (self.inside, self.gateway, self.outside):
            self.ip("netns", "add", name)
            self.ip("-n", name, "link", "set", "lo", "up")
        self.wire(self.inside, "in0", "gw-in")
        self.wire(self.outside, "out0", "gw-out")
        for name, device, addresses in (
                (self.inside, "in0", ("10.77.1.2/24", "2001:db8:77::2/64")), (self.gateway, "gw-in", ("10.77.1.1/24", "2001:db8:77::1/64")),
                (self.gateway, "gw-out", ("203.0.113.1/24", "2001:db8:99::1/64")), (self.outside, "out0", ("203.0.113.2/24", "2001:db8:99::2/64"))):
            for address in addresses:
                self.ip("-n", name, "addr", "add", address, "dev", device, *(["nodad"] if ":" in address else []))
        self.ip("-n", self.inside, "route", "add", "default", "via", "10.77.1.1")
        self.ip("-n", self.outside, "route", "add", "default", "via", "203.0.113.1")
        self.ip("-n", self.inside, "-6", "route", "add", "default", "via", "2001:db8:77::1")
        self.ip("-n", self.outside, "-6", "route", "add", "default", "via", "2001:db8:99::1")
        for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            self.run(self.gateway, "sysctl", "-q", "-w", f"{key}=1")

    @staticmethod
    def ip(*arguments):
        subprocess.run(["ip", *arguments], check=True, capture_output=True)

    def wire(self, name, device, gateway_device):
        self.ip("link", "add", device, "netns", name, "type", "veth", "peer", "name", gateway_device, "netns", self.gateway)
        self.ip("-n", name, "link", "set", device, "up")
        self.ip("-n", self.gateway, "link", "set", gateway_device, "up")

    def beyond(self, *prefixes):
        """Prefixes whose every address the outside namespace answers for."""
        for prefix in prefixes or ("198.51.100.0/24", ):
            version, via = (["-6"], "2001:db8:99::2") if ":" in prefix else ([], "203.0.113.2")
            self.ip("-n", self.gateway, *version, "route", "add", prefix, "via", via)
            self.ip("-n", self.outside, *version, "route", "add", "local", prefix, "dev", "lo")

    def address(self, name, device, *addresses):
        for address in addresses:
            self.ip("-n", name, "addr", "add", address, "dev", device, *(["nodad"] if ":" in address else []))

    def run(self, name, *arguments, check=True, **more):
        return subprocess.run(["ip", "netns", "exec", name, *map(str, arguments)], check=check, capture_output=True, timeout=60, **more)

    def start(self, name, *arguments, **more):
        return subprocess.Popen(["ip", "netns", "exec", name, *map(str, arguments)], **more)

    def close(self):
        for name in (self.inside, self.gateway, self.outside):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


class Daemon:
    """`bulkhead run` in a namespace, with a folder of its own."""

    def __init__(self, network, **settings):
        self.network = network
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bulkhead-live-"))
        self.folder.chmod(0o755)
        self.settings = {"sensors": 1, "backend": "nftables", "lease": "10s", "persons": 1, "confirm": "10m", "fail": "open",
                         "automatic": AUTOMATIC, "never_cut": "", "bad": ("203.0.113.66", ), "pace": 64, **settings}
        self.wrap = self.settings.pop("wrap", [])  # words before the command that starts it
        self.environment = {**os.environ, **self.settings.pop("environment", {})}
        self.sandbox = self.settings.pop("sandbox", os.environ.get("BULKHEAD_SANDBOX", "none" if lib.NO_SANDBOX else "all"))
        self.process = None
        self.log = self.folder / "log"
        self.configure()

    def configure(self, **settings):
        self.settings.update(settings)
        (self.folder / "site.yaml").write_text(SITE.format(**self.settings))
        (self.folder / "bulkhead.yaml").write_text(DAEMON.format(**self.settings) + self.settings.get("more", ""))
        (self.folder / "bad.txt").write_text("".join(f"{x}\n" for x in self.settings["bad"]))

    def start(self, wait=True):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([*self.wrap, "ip", "netns", "exec", self.network.gateway, lib.BULKHEAD, "run", "-c", "bulkhead.yaml",
                                             "--sandbox", self.sandbox], cwd=self.folder, stdout=log, stderr=log, env=self.environment)
        if wait:
            self.until(lambda: (s := self.status()) and all(e["ready"] for e in s["enforcers"]), 40, "it is ready")
        return self

    def said(self):
        return self.log.read_text(errors="replace")

    def ask(self, *arguments, user=None):
        """A verb of the program against the control socket, as some user; its result."""
        command = [lib.BULKHEAD, *map(str, arguments), "--socket", str(self.folder / "control")]
        if user:
            command = ["setpriv", "--reuid", user, "--clear-groups", *command]
        return subprocess.run(command, capture_output=True, check=False, timeout=120, text=True)

    def json(self, *arguments):
        """What a verb answers; None where it answers nothing, or only why not."""
        result = self.ask(*arguments, "--json")
        with contextlib.suppress(json.JSONDecodeError):
            answer = json.loads(result.stdout)
            return None if isinstance(answer, dict) and "error" in answer else answer
        return None

    def status(self):
        """The document, or None where nobody answers or the answer is a refusal."""
        answer = self.json("status")
        return answer if isinstance(answer, dict) and "enforcers" in answer else None

    def orders(self):
        return self.json("orders") or []

    def order(self, number):
        return (self.json("orders", number) or [None])[0]

    def until(self, true, seconds, what):
        """Waits until something is so; what it gave then."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process and self.process.poll() is not None:
                raise AssertionError(f"bulkhead run ended with {self.process.returncode} while waiting until {what}:\n{self.said()}")
            got = true()
            if got:
                return got
            time.sleep(0.02)
        raise AssertionError(f"not in {seconds} s: {what}\n{self.said()[-4000:]}")

    def ask_raw(self, what, subject="", why="", form=0):
        """A question in the form of the control socket (msg/messages.schema): (exit code, JSON or None)."""
        asks = ("status", "metrics", "incidents", "spread", "exposure", "plan", "simulate", "orders", "approve", "reject", "confirm", "release", "reload")
        texts = b"".join(struct.pack("<I", len(t)) + t for t in (b"", subject.encode(), why.encode(), b""))
        body = struct.pack("<QBBI", 1, asks.index(what), 0, 0) + texts + struct.pack("<Bq", form, 0)
        got, answer, code, more = b"", b"", None, True
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.settimeout(60)
            s.connect(str(self.folder / "control"))
            s.sendall(struct.pack("<HI", 80, len(body)) + body)
            while more:
                while len(got) < 6 or len(got) < 6 + struct.unpack_from("<I", got, 2)[0]:
                    part = s.recv(1 << 16)
                    if not part:
                        return None, None
                    got += part
                size = struct.unpack_from("<I", got, 2)[0]
                more, code, n = struct.unpack_from("<BBI", got, 14)
                answer += got[20:20 + n]
                got = got[6 + size:]
        with contextlib.suppress(json.JSONDecodeError):
            return code, json.loads(answer)
        return code, None

    def pids(self):
        """The parent's children: pid -> (name, index)."""
        found = {}
        parent = self.parent_pid()
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = path.read_bytes().split(b"\0")
                status = (path.parent / "stat").read_text().rpartition(")")[2].split()
                if words[1:2] == [b"process"] and int(status[1]) == parent:
                    found[int(path.parent.name)] = (words[2].decode(), int(words[3]))
        return found

    def parent_pid(self):
        """`ip netns exec` executes the program in its own place."""
        return self.process.pid

    def table(self):
        """What nft shows of our table; "" where there is none."""
        return self.network.run(self.network.gateway, "nft", "list", "table", "inet", "bulkhead", check=False).stdout.decode()

    def stop(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
                raise
        code = self.process.returncode if self.process else None
        self.process = None
        return code

    def close(self):
        try:
            self.stop()
            said = self.said()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
        # of whatever process: what a sanitizer says is a failure
        if "runtime error:" in said or "Sanitizer" in said:
            raise AssertionError(said[-8000:])
