# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of remote enforcers share: certificates, messages, and stand-ins for either end of a link.

The messages are written out here from doc/remote.md and src/msg/messages.schema, not taken from the program.
"""
import contextlib
import ctypes
import ipaddress
import os
import pathlib
import signal
import socket
import ssl
import struct
import subprocess
import time

import lib

# the near side is steered from NEAR, which no cut touches; USER is another machine inside
NEAR, USER, FAR, PORT = "10.77.1.2", "10.77.1.3", "10.77.1.1", 9475
S = 1_000_000_000
BEGIN, PUT, DROP, COMMIT, ENFORCED, REFUSED, RESYNC, DRIFT, COUNTED, STATE, LIVE, HELLO, CLOCK = range(50, 63)
ENGINE, ENFORCER = 2, 5
FIELDS = {BEGIN: "QQ", PUT: "ppBBq", DROP: "ppB", COMMIT: "QQB", ENFORCED: "QQq", REFUSED: "QQBBppBt", RESYNC: "Q", DRIFT: "QQQBt",
          COUNTED: "ppBQQ", STATE: "ttQQqBt", LIVE: "Q", HELLO: "IBt", CLOCK: "qq",
          32: "BBHtQ", 33: "QBQQIIB", 34: "QBt", 35: "Q", 36: "BHBIB", 37: "B"}
RULES = ["", "never-cut", "control-path", "widest-prefix", "anywhere", "longest-lease", "most-cuts", "most-orders"]

FILE = """\
version: 1
run_as: nobody
near:
  listen: {listen}
  names: [near.example.org]
  certificate: far.pem
  key: far.key
  ca: ca.pem
enforcers:
  - {{name: gw, backend: nftables, lease: {lease}}}
guardrails:
  never_cut: [203.0.113.2]
  control: [10.77.1.2]
  widest_prefix: {{ipv4: 24, ipv6: 64}}
  most_cuts: {most_cuts}
  longest_lease: 1h
  most_orders_a_minute: 60
"""


def boottime():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def prefix(text):
    """17 bytes; "" is anywhere."""
    if not text:
        return bytes(17)
    net = ipaddress.ip_network(text)
    if net.version == 4:
        return bytes(10) + b"\xff\xff" + net.network_address.packed + bytes([96 + net.prefixlen])
    return net.network_address.packed + bytes([net.prefixlen])


def prefix_text(packed):
    if not packed[16]:
        return ""
    if packed[:12] == bytes(10) + b"\xff\xff":
        return f"{ipaddress.ip_address(packed[12:16])}/{packed[16] - 96}"
    return f"{ipaddress.ip_address(packed[:16])}/{packed[16]}"


def message(number, *values):
    body = b""
    for kind, value in zip(FIELDS[number], values, strict=True):
        if kind == "p":
            body += prefix(value)
        elif kind == "t":
            body += struct.pack("<I", len(value.encode())) + value.encode()
        else:
            body += struct.pack("<" + kind, value)
    return struct.pack("<HI", number, len(body)) + body


def values(number, body):
    found, at = [], 0
    for kind in FIELDS[number]:
        if kind == "p":
            found.append(prefix_text(body[at:at + 17]))
            at += 17
        elif kind == "t":
            n = struct.unpack_from("<I", body, at)[0]
            found.append(body[at + 4:at + 4 + n].decode())
            at += 4 + n
        else:
            found.append(struct.unpack_from("<" + kind, body, at)[0])
            at += struct.calcsize(kind)
    return found


class Talker:
    """Messages over a socket, TLS or not; what came is kept in order."""

    def __init__(self, sock):
        self.sock, self.bytes, self.came = sock, b"", []

    def say(self, number, *fields):
        self.sock.sendall(message(number, *fields))

    def read(self, seconds):
        """What comes within so long; False once it is closed."""
        self.sock.settimeout(max(seconds, 0.001))
        try:
            got = self.sock.recv(65536)
        except (TimeoutError, ssl.SSLWantReadError):
            return True
        except (ConnectionError, ssl.SSLError):
            return False
        finally:
            with contextlib.suppress(OSError):
                self.sock.settimeout(5)
        self.bytes += got
        while len(self.bytes) >= 6 and len(self.bytes) >= 6 + struct.unpack_from("<HI", self.bytes)[1]:
            number, n = struct.unpack_from("<HI", self.bytes)
            self.came.append((number, values(number, self.bytes[6:6 + n])))
            self.bytes = self.bytes[6 + n:]
        return bool(got)

    def wait(self, number, seconds=30.0, true=lambda *fields: True):
        """The next message of that number of which `true` holds; those before it are dropped."""
        end = time.monotonic() + seconds
        while True:
            while self.came:
                found, fields = self.came.pop(0)
                if found == number and true(*fields):
                    return fields
            if time.monotonic() > end:
                raise AssertionError(f"no message {number} in {seconds} s")
            self.turn()
            if not self.read(0.05):
                raise AssertionError(f"closed while message {number} was awaited")

    def turn(self):
        """What is to be done meanwhile."""

    def closed(self, seconds=30.0):
        """Whether the other end closes it in that time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not self.read(0.1):
                return True
        return False

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.close()


def certificates(folder):
    """ca.pem; near, far and stranger (of another name) by it; false (of the right name) by another authority."""
    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=folder, timeout=60)
    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    for name in ("ca", "otherca"):
        openssl(*new, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}", "-addext", "keyUsage=keyCertSign,cRLSign")
    for name, host, authority in (("near", "near.example.org", "ca"), ("far", "far.example.org", "ca"), ("stranger", "who.example.org", "ca"),
                                  ("false", "near.example.org", "otherca"), ("falsefar", "far.example.org", "otherca")):
        # the name as common name alone doesn't count
        openssl(*new, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", "/CN=near.example.org", "-CA", f"{authority}.pem",
                "-CAkey", f"{authority}.key", "-addext", f"subjectAltName=DNS:{host}", "-addext", "basicConstraints=CA:FALSE")


@contextlib.contextmanager
def inside(namespace):
    """What is opened in here is of that network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net", "rb") as back, open(f"/run/netns/{namespace}", "rb") as there:
        if libc.setns(there.fileno(), 0x40000000):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            libc.setns(back.fileno(), 0x40000000)


def tls(folder, name, authority="ca", server=False, version=ssl.TLSVersion.TLSv1_3):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(folder / f"{authority}.pem")
    if name:
        context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context


class Far:
    """`bulkhead enforce` on the gateway between inside and outside."""

    def __init__(self, network, folder, sandbox=None, boottime_s=0, **settings):
        self.network, self.folder, self.log = network, folder, folder / "far.log"
        self.sandbox = sandbox or ("none" if lib.NO_SANDBOX else "all")
        self.boottime_s = boottime_s
        self.configure(**settings)
        self.start()

    def configure(self, **settings):
        defaults = {"listen": f"{FAR}:{PORT}", "lease": "5s", "most_cuts": 1000}
        (self.folder / "far.yaml").write_text(FILE.format(**{**defaults, **settings}))

    def start(self):
        shift = ["unshare", "--time", "--fork", "--kill-child", f"--boottime={self.boottime_s}"] if self.boottime_s else []
        begun = len(self.said()) if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(["ip", "netns", "exec", self.network.gateway, *shift, lib.BULKHEAD, "enforce", "-c", "far.yaml",
                                             "--sandbox", self.sandbox], cwd=self.folder, stdout=log, stderr=log)
        self.until(lambda: "running: 2 processes" in self.said()[begun:], "it runs")

    def said(self):
        return self.log.read_text(errors="replace")

    def until(self, true, what, seconds=40.0):
        end = time.monotonic() + seconds
        while not true():
            if time.monotonic() > end or self.process.poll() is not None:
                raise AssertionError(f"not in {seconds} s: {what}\n{self.said()[-4000:]}")
            time.sleep(0.02)

    def child(self, kind):
        for pid in os.listdir("/proc"):
            with contextlib.suppress(OSError, IndexError):
                words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                parent = int(pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[1])
                if words[1:3] == [b"process", kind.encode()] and parent == self.process.pid:
                    return int(pid)
        return 0

    def table(self):
        return self.network.run(self.network.gateway, "nft", "list", "table", "inet", "bulkhead", check=False).stdout.decode()

    def passes(self, address, tries=1):
        """Whether a packet from inside gets an answer of that address outside within a second; of so many packets one."""
        return any(self.network.run(self.network.inside, "ping", "-c1", "-W1", "-I", USER, address, check=False).returncode == 0 for _ in range(tries))

    def terminate(self):
        """What shifts the clock passes no signal on."""
        pids = [self.process.pid]
        if self.boottime_s:
            pids = pathlib.Path(f"/proc/{pids[0]}/task/{pids[0]}/children").read_text(encoding="ascii").split()
        for pid in pids:
            os.kill(int(pid), signal.SIGTERM)

    def stop(self):
        if self.process.poll() is None:
            self.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(30)
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait(10)
        said = self.said()
        if "Sanitizer" in said or "runtime error" in said or "signal 31" in said:
            raise AssertionError(said)


class Near(Talker):
    """The near side of a link with its engine: what talks to `bulkhead enforce`."""

    def __init__(self, network, folder, name="near", authority="ca", version=ssl.TLSVersion.TLSv1_3, hello=True, namespace=None):
        with inside(namespace or network.inside):
            plain = socket.create_connection((FAR, PORT), timeout=5)
        super().__init__(tls(folder, name, authority, version=version).wrap_socket(plain))
        self.next, self.lives = 0.0, hello
        if hello:
            self.say(HELLO, 1, 1, "")
            self.greeting = self.wait(HELLO)

    def turn(self):
        if self.lives and time.monotonic() > self.next:
            self.next = time.monotonic() + 0.5
            self.say(LIVE, 0)

    def tell(self, generation, cuts, base=0, lasts_s=600, fail_closed=0, drops=()):
        out = message(BEGIN, base, generation)
        for cut in cuts:
            out += message(PUT, cut, "", 0, fail_closed, boottime() + int(lasts_s * S))
        for cut in drops:
            out += message(DROP, cut, "", 0)
        self.sock.sendall(out + message(COMMIT, generation, len(cuts), 0))

    def keep(self, seconds):
        """Lives on for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.turn()
            if not self.read(0.05):
                raise AssertionError("closed")


NEAR_FILE = """\
version: 1
enforcers:
  - name: border
    remote: {address: 10.77.1.1, port: 9475, name: far.example.org, certificate: near.pem, key: near.key, ca: ca.pem}
guardrails:
  control: [10.77.1.1]
"""
DAEMON, CHANNEL, CERTIFICATE = 0, 4, 11


class NearLink(Talker):
    """The process `link` of the near side, with a stand-in for its parent and its engine: the talker is the engine."""

    def __init__(self, network, folder, level="all", uid=65534):
        self.folder, self.generation = folder, 0
        (folder / "near.yaml").write_text(NEAR_FILE)
        mine, its = socket.socketpair()
        self.log = folder / "link.log"
        env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
        with self.log.open("ab") as log, its:
            self.process = subprocess.Popen(["ip", "netns", "exec", network.inside, lib.BULKHEAD, "process", "link", "0"], stdout=log, stderr=log,
                                            preexec_fn=lambda: os.dup2(its.fileno(), 3), pass_fds=[3], env=env)
        self.parent = Talker(mine)
        self.level = ["all", "no-landlock", "no-seccomp", "none"].index("none" if lib.NO_SANDBOX else level)
        self.uid = uid
        super().__init__(self.meet())
        self.prepare()

    def hand(self, file, what, *, peer=0, name=""):
        socket.send_fds(self.parent.sock, [message(32, what, peer, 0, name, self.generation)], [file.fileno()])

    def meet(self):
        """A channel to a new engine."""
        mine, its = socket.socketpair()
        with its:
            self.hand(its, CHANNEL, peer=ENGINE)
        return mine

    def prepare(self):
        self.generation += 1
        for i, name in enumerate(("near.yaml", "near.pem", "near.key", "ca.pem")):
            with (self.folder / name).open("rb") as file:
                self.hand(file, CERTIFICATE + i - 1 if i else DAEMON, name=str(self.folder / name))
        self.parent.say(33, self.generation, int(self.generation == 1), 7, 1 << 32, self.uid, self.uid, self.level)
        prepared = self.parent.wait(34, 20)
        if not prepared[1]:
            raise AssertionError(prepared[2])
        self.parent.say(35, self.generation)

    def said(self):
        return self.log.read_text(errors="replace")

    def why_down(self, parts, seconds=40):
        """Waits until it tells the engine that it isn't ready, for that reason or one of those."""
        parts = (parts, ) if isinstance(parts, str) else parts
        try:
            return self.wait(STATE, seconds, lambda *s: s[5] == 0 and any(part in s[6] for part in parts))
        except AssertionError as e:
            raise AssertionError(f"{e}; {' or '.join(parts)} isn't what it says:\n{self.said()}") from e

    def stop(self):
        self.parent.say(37, 0)
        try:
            code = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
            raise
        finally:
            self.close()
            self.parent.close()
        said = self.said()
        if code or "Sanitizer" in said or "runtime error" in said:
            raise AssertionError(f"ended with {code}\n{said}")


class FarServer(Talker):
    """The far side of a link, for the process `link` to be told things by."""

    def __init__(self, network, folder, name="far", authority="ca", version=ssl.TLSVersion.TLSv1_3, ahead=0):
        with inside(network.gateway):
            self.listener = socket.create_server((FAR, PORT), reuse_port=False)
        self.context, self.ahead = tls(folder, name, authority, server=True, version=version), ahead
        super().__init__(None)
        self.states, self.next = False, 0.0

    def accept(self, greet=True, seconds=40):
        if self.sock:
            self.close()
        self.listener.settimeout(seconds)
        plain, _ = self.listener.accept()
        plain.settimeout(5)
        self.sock, self.bytes, self.came, self.next = self.context.wrap_socket(plain, server_side=True), b"", [], 0.0
        self.states = False
        if greet:
            self.wait(HELLO)
            self.say(HELLO, 1, 1, "")
            self.answer()
            self.states = True

    def answer(self):
        """The clock of a machine whose boot was earlier by so much."""
        asked = self.wait(CLOCK)[0]
        self.say(CLOCK, asked, boottime() + self.ahead)
        return asked

    def state(self, ready=1, in_force=1, lease_until=0, name="border"):
        self.say(STATE, name, "nftables", in_force, 0, lease_until, ready, "")

    def turn(self):
        """Answers questions about the clock, and says how it is, as a far side does."""
        if not self.states or time.monotonic() < self.next:
            return
        self.next = time.monotonic() + 0.5
        for found in [m for m in self.came if m[0] == CLOCK]:
            self.came.remove(found)
            self.say(CLOCK, found[1][0], boottime() + self.ahead)
        self.state()

    def keep(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.05)
            self.turn()

    def stop(self):
        if self.sock:
            self.close()
        self.listener.close()
