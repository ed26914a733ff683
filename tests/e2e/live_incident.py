# SPDX-License-Identifier: GPL-2.0-or-later
"""A running daemon with an incident at hand, for tests of what people ask and do: a machine inside talks with a place outside
that is a known bad one, and the daemon knows all roles."""
import contextlib
import ctypes
import os
import socket
import time

import lib
import live

BAD = "203.0.113.66"
PORT = 8000
SERVER = """
import socket
s = socket.create_server(("", %d))
while True:
    c = s.accept()[0]
    c.recv(100)
    c.sendall(b"x" * 500)
    c.close()
""" % PORT
CLIENT = """
import socket
c = socket.create_connection(("%s", %d), 2)
c.sendall(b"hello")
print(len(c.recv(1000)))
""" % (BAD, PORT)
VIEWER, ANALYST, APPROVER, STRANGER = "bin", "sys", "daemon", "games"  # beside root, who approves
CLONE_NEWNET = 0x40000000


class Daemon(live.Daemon):
    """With viewers, analysts and two approvers."""

    def configure(self, **settings):
        super().configure(**settings)
        path = self.folder / "bulkhead.yaml"
        text = path.read_text().replace('  approvers: ["user:root", "user:daemon"]\n',
                                        f'  viewers: ["user:{VIEWER}"]\n  analysts: ["user:{ANALYST}"]\n  approvers: ["user:root", "user:{APPROVER}"]\n')
        for old, new in self.settings.get("replace", {}).items():
            assert old in text, old
            text = text.replace(old, new)
        path.write_text(text)


@contextlib.contextmanager
def inside(namespace):
    """Sockets made meanwhile are of that network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net", "rb") as own, open(f"/var/run/netns/{namespace}", "rb") as other:
        if libc.setns(other.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            libc.setns(own.fileno(), CLONE_NEWNET)


class Stage:
    """Network, server, daemon."""

    def __init__(self, **settings):
        self.network = live.Network()
        self.server = None
        self.daemon = None
        try:
            self.network.address(self.network.outside, "out0", f"{BAD}/24")
            self.server = self.network.start(self.network.outside, "/usr/bin/python3", "-c", SERVER)
            self.daemon = Daemon(self.network, **{"automatic": "", "bad": (BAD, ), **settings})
            self.daemon.start()
        except BaseException:
            self.close()
            raise

    def talk(self):
        """Whether the machine inside reaches the place outside."""
        result = self.network.run(self.network.inside, "/usr/bin/python3", "-c", CLIENT, check=False)
        return result.returncode == 0 and result.stdout == b"500\n"

    def make_incident(self):
        """Its id."""
        end = time.monotonic() + 20
        while not self.talk():
            if time.monotonic() > end:
                raise AssertionError("the server doesn't answer")
        return self.daemon.until(lambda: self.daemon.json("incidents"), 40, "there is an incident")[0]["id"]

    def scrape(self, request=b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", seconds=40):
        """All that the metrics' port says to those bytes."""
        with self.metrics_socket(seconds) as s:
            s.sendall(request)
            parts = []
            with contextlib.suppress(ConnectionResetError):
                while part := s.recv(65536):
                    parts.append(part)
            return b"".join(parts)

    def metrics_socket(self, seconds=40):
        with inside(self.network.gateway):
            s = socket.socket()
        s.settimeout(seconds)
        s.connect(("127.0.0.1", 9474))
        return s

    def control_socket(self, user=0, seconds=40):
        """A connection to the control socket as some user id."""
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(seconds)
        os.seteuid(user)
        try:
            for _ in range(1000):
                try:
                    s.connect(str(self.daemon.folder / "control"))
                    break
                except BlockingIOError:  # many wait to be accepted; without a time limit it would wait by itself
                    time.sleep(0.01)
        finally:
            os.seteuid(0)
        return s

    def close(self):
        if self.daemon:
            self.daemon.close()
        if self.server:
            self.server.kill()
            self.server.wait()
        self.network.close()


class Test(lib.Test):
    """Each class has a stage of its own, and settings for it."""

    settings = {}
    stage = None

    @classmethod
    def setUpClass(cls):
        why = live.have_namespaces()
        if why:
            raise lib.unittest.SkipTest(why)
        cls.stage = Stage(**cls.settings)
        cls.addClassCleanup(cls.stage.close)
        cls.incident = cls.stage.make_incident()

    @property
    def daemon(self):
        return self.stage.daemon

    def does(self, code, *arguments, user=None, says=None):
        """A verb ends with that code and says that."""
        result = self.daemon.ask(*arguments, user=user)
        self.assertEqual(result.returncode, code, f"{arguments} as {user}: {result.stdout}{result.stderr}")
        if says is not None:
            self.assertRegex(result.stdout + result.stderr, says)
        return result

    def proposal(self):
        """The number of an order that waits, for the surgical plan."""
        plans = self.daemon.json("plan", self.incident)
        return next(p["order"] for p in plans if p["name"] == "surgical")

    def state(self, number):
        return self.daemon.order(number)["state"]

    def reaches(self, number, state, seconds=40):
        return self.daemon.until(lambda: self.state(number) == state, seconds, f"order {number} is {state}")

    def in_force(self):
        number = self.proposal()
        self.does(0, "approve", number)
        self.daemon.until(lambda: self.state(number) in ("applied", "verified"), 40, "it is in force")
        return number

    def release(self, number):
        self.does(0, "release", number)
        self.reaches(number, "released")
