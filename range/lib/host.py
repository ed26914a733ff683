# SPDX-License-Identifier: GPL-2.0-or-later
"""The agent of one host: the first process in its namespaces.

Makes the private file systems, starts the host's servers, reports ready, waits for
the start of the recording, takes a DHCP lease where the host has none, and then
follows the habits of its role, one at a time, until it is killed with all it started.
Run as: host.py RUN-DIRECTORY HOST-NAME
"""

import ctypes
import heapq
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lib import cloud, intruder, ordinary, servers, topology   # noqa: E402

libc = ctypes.CDLL(None, use_errno=True)
MS_BIND, MS_REC = 4096, 16384
PRIVATE = ("/run", "/tmp", "/home", "/root", "/srv", "/var/log", "/var/lib", "/var/cache", "/var/spool", "/var/tmp")
UDHCPC = """#!/bin/sh
case "$1" in
bound)
	ip addr flush dev "$interface" scope global
	ip addr add "$ip/24" dev "$interface"
	ip route add default via "$router" ;;
esac
"""


def mount(source, target, kind=None, flags=0, data=None):
    def encode(text):
        return text.encode() if text else None
    if libc.mount(encode(source), encode(target), encode(kind), flags, encode(data)):
        raise OSError(ctypes.get_errno(), "mount " + target)


def hashed(password):
    return subprocess.run(["openssl", "passwd", "-5", "-stdin"], input=password, capture_output=True, text=True,
                          check=True).stdout.strip()


class Agent:
    def __init__(self, directory, name):
        parameters = json.loads((pathlib.Path(directory) / "parameters.json").read_text())
        self.parameters = parameters
        self.seed = parameters["seed"]
        self.agency = topology.agency(parameters["scenario"], self.seed)
        self.host = self.agency.host(name)
        self.rng = random.Random("host/%s/%s" % (self.seed, name))
        self.start = None
        self.absence = self.plan_absence()
        self.log = None
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8",
                            "CURL_CA_BUNDLE": "/mnt/ca.pem"}

    def isolate(self, directory):
        libc.sethostname(self.host.name.encode(), len(self.host.name))
        mount(directory, "/mnt", flags=MS_BIND | MS_REC)
        self.folder = pathlib.Path("/mnt/hosts") / self.host.name
        self.folder.mkdir(parents=True)
        os.chdir("/mnt")
        passwd, shadow = pathlib.Path("/etc/passwd").read_text(), pathlib.Path("/etc/shadow").read_text()
        for n, (login, password) in enumerate(sorted(self.host.users.items())):
            passwd += "%s:x:%d:%d::/home/%s:/bin/bash\n" % (login, 30000 + n, 100, login)
            shadow += "%s:%s:19000::::::\n" % (login, hashed(password))
        resolver = "10.50.0.53" if self.host.internal else "198.51.100.53"
        etc = {"passwd": passwd, "shadow": shadow, "resolv.conf": "nameserver %s\noptions timeout:3 no-aaaa\n" % resolver,
               "hosts": "127.0.0.1 localhost %s\n" % self.host.name, "hostname": self.host.name + "\n"}
        for target in PRIVATE:
            mount("tmpfs", target, "tmpfs", data="size=64m,mode=755")
        # Not a bind mount for each file: one that the machine itself replaces meanwhile would fall away.
        os.makedirs("/run/etc/upper")
        os.makedirs("/run/etc/work")
        mount("overlay", "/etc", "overlay", data="lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work")
        for name, text in etc.items():
            path = pathlib.Path("/etc") / name
            path.unlink(missing_ok=True)
            path.write_text(text)
            os.chmod(path, 0o600 if name == "shadow" else 0o644)
        for shared in ("/tmp", "/var/tmp"):
            os.chmod(shared, 0o1777)
        os.makedirs("/var/lib/dpkg", exist_ok=True)
        self.log = open(self.folder / "agent.log", "a", buffering=1)
        os.dup2(self.log.fileno(), 1)
        os.dup2(self.log.fileno(), 2)
        os.makedirs("/root/.ssh", mode=0o700)
        for user in self.host.users:
            home = pathlib.Path("/home") / user
            (home / ".ssh").mkdir(parents=True, mode=0o700)
            for path in (home, home / ".ssh"):
                shutil.chown(path, user)
        for key in ("ops", "nightly"):
            self.key("/root/.ssh/" + key, key, "root")

    def key(self, path, name, owner):
        shutil.copy("/mnt/keys/" + name, path)
        os.chmod(path, 0o600)
        shutil.chown(path, owner)

    def authorize(self, user):
        if user in ("ops", "nightly"):
            path = pathlib.Path("/home") / user / ".ssh/authorized_keys"
            shutil.copy("/mnt/keys/%s.pub" % user, path)
            shutil.chown(path, user)

    def daemon(self, name, *command):
        output = open(self.folder / (name + ".log"), "ab")
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                env=self.environment, cwd="/")

    def tool(self, *command, **environment):
        """Runs one client of an ordinary user; what it prints and how it ends is nobody's concern."""
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                  env={**self.environment, **environment}, timeout=60, cwd="/tmp")
            if done.returncode:
                print("exit %d: %s: %s" % (done.returncode, " ".join(command)[:160], done.stderr[-160:]))
        except subprocess.TimeoutExpired:
            print("timeout: %s" % " ".join(command)[:160])

    def pause(self, low, high):
        time.sleep(self.rng.uniform(low, high))

    def attack_begun(self):
        return self.start is not None and time.time() >= self.start + self.parameters["baseline"] - 2

    def plan_absence(self):
        """Shares of the recording between which nobody sits at this desk; four in ten leave theirs for a while."""
        rng = random.Random("absence/%s/%s" % (self.seed, self.host.name))
        if not self.host.user or rng.random() > 0.4:
            return 1.0, 1.0
        leaves = rng.uniform(0.0, 0.7)
        return leaves, leaves + rng.uniform(0.2, 0.6)

    def absent(self):
        if "leaves-at-attack" in self.host.traits:
            return self.attack_begun()
        length = self.parameters["baseline"] + self.parameters["attack"]
        return self.absence[0] <= (time.time() - self.start) / length < self.absence[1]

    def lease(self):
        pathlib.Path("/run/udhcpc.sh").write_text(UDHCPC)
        os.chmod("/run/udhcpc.sh", 0o755)
        time.sleep(self.rng.uniform(0, 12))
        self.daemon("udhcpc", "/usr/sbin/udhcpc", "-f", "-i", "eth0", "-s", "/run/udhcpc.sh", "-x",
                    "hostname:" + self.host.name)
        time.sleep(3)

    def attempt(self, action):
        try:
            action(self)
        except Exception:
            traceback.print_exc()

    def live(self):
        length = self.parameters["baseline"] + self.parameters["attack"]
        queue = []
        for n, habit in enumerate(ordinary.habits(self.host)):
            heapq.heappush(queue, (time.time() + habit.first(self.rng, length, self.host.pace), n, habit))
        while queue:
            due, n, habit = heapq.heappop(queue)
            time.sleep(max(0.0, due - time.time()))
            if habit.kind != "often" or not self.absent():
                self.attempt(habit.action)
            if habit.kind != "once":
                pace = self.host.pace
                heapq.heappush(queue, (max(due, time.time() - 5) + habit.gap(self.rng) / pace, n, habit))
        signal.pause()


def main():
    directory, name = sys.argv[1:]
    agent = Agent(directory, name)
    agent.isolate(directory)
    try:
        for key in agent.host.servers:
            {**servers.START, **intruder.START}[key](agent)
        (agent.folder / "ready").touch()
    except Exception:
        traceback.print_exc()
        (agent.folder / "failed").touch()
        raise
    go = pathlib.Path("/mnt/go")
    while not go.exists():
        time.sleep(0.1)
    agent.start = float(go.read_text())
    time.sleep(max(0.0, agent.start - time.time()))
    if agent.host.dhcp:
        agent.lease()
    if agent.agency.scenario == "cloud":
        cloud.plant(agent)
    if "intruder" in agent.host.servers:
        intruder.operate(agent)
        signal.pause()
    agent.live()


if __name__ == "__main__":
    main()
