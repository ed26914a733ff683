# SPDX-License-Identifier: GPL-2.0-or-later
"""Work for a running gateway while things go wrong with it: traffic through it, orders by policy and acts of people all the time, processes killed.

What was answered is remembered, so that it can be asked for afterwards: a command that ended with 0 was acknowledged.
"""
import contextlib
import os
import random
import signal
import threading
import time
from urllib.parse import unquote

import live_watch

TRAFFIC = """
import random, socket, sys, time
per_second, bad_each, bad, good = float(sys.argv[1]), float(sys.argv[2]), sys.argv[3].split(","), sys.argv[4]
s, at, next_bad = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), time.monotonic(), time.monotonic()
while True:
    now = time.monotonic()
    try:
        if bad and now >= next_bad:
            s.sendto(b"x", (bad.pop(0), 9))
            next_bad = now + bad_each
        s.sendto(b"y" * 200, (good, random.randrange(1000, 2000)))
    except OSError:
        pass
    at += 1 / per_second
    time.sleep(max(0, at - time.monotonic()))
"""


class Load:
    """Traffic from inside: a new bad address each `bad_each` seconds, and packets to good ones."""

    def __init__(self, daemon, bad, per_second=500, bad_each=0.5):
        self.daemon, self.acked, self.refused = daemon, [], []
        self.over = threading.Event()
        network = daemon.network
        self.traffic = network.start(network.inside, "/usr/bin/python3", "-c", TRAFFIC, per_second, bad_each, ",".join(bad), "203.0.113.2")
        self.threads = []
        self.failure = None

    def people(self, seed):
        """Confirms, releases and approves at random from now on."""
        self.threads.append(threading.Thread(target=self.act_on, args=(random.Random(seed), ), daemon=True))
        self.threads[-1].start()
        return self

    def act_on(self, rng):
        while not self.over.wait(rng.uniform(0.1, 0.4)):
            try:
                orders = self.daemon.orders()
                acts = [(o["id"], "release" if o["confirmed"] else "confirm") for o in orders
                        if o["ends"] is None and o["state"] in ("applied", "verified", "confirmed")]
                acts += [(o["id"], "approve") for o in orders if o["state"] == "proposed"]
                if acts:
                    self.act(*rng.choice(acts), who="root")
            except Exception as e:  # a test's own fault must not pass for a quiet minute
                self.failure = e
                return

    def act(self, number, what, who=None):
        done = self.daemon.ask(what, number)
        (self.acked if done.returncode == 0 else self.refused).append((number, what, who or "root", done.stderr.strip()))
        return done.returncode == 0

    def stop(self):
        self.over.set()
        for t in self.threads:
            t.join(30)
        self.traffic.kill()
        self.traffic.wait()
        if self.failure:
            raise self.failure


class Killer:
    """Ends processes as an outage would, and tells the watcher for how long engine and enforcer were away."""

    def __init__(self, daemon, watcher, seed):
        self.daemon, self.watcher, self.rng = daemon, watcher, random.Random(seed)
        self.kills, self.away = {}, {}
        self.waiting = []

    def kill_one(self, names=None):
        """One at random; the parent is started again, the others it starts itself."""
        pids = self.daemon.pids()
        parent = self.daemon.parent_pid()
        names = names or ("parent", "sensor", "engine", "archivist", "planner", "enforcer", "gateway")
        name = self.rng.choice([n for n in names if n == "parent" or any(n == p[0] for p in pids.values())] or ["parent"])
        begin = live_watch.boottime()
        pid = parent if name == "parent" else self.rng.choice([p for p, what in pids.items() if what[0] == name])
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        self.kills[name] = self.kills.get(name, 0) + 1
        if name == "parent":
            self.daemon.process.wait(10)
            self.daemon.start()
            self.watcher.died(begin, live_watch.boottime() + 1)
        elif name in ("engine", "enforcer"):
            self.wait_for(name, pid, begin)
        return name

    def wait_for(self, name, pid, begin):
        """In a thread: until there is another one, and a second for it to begin."""
        def look():
            end = time.monotonic() + 60
            while time.monotonic() < end and not any(what[0] == name and p != pid for p, what in self.daemon.pids().items()):
                time.sleep(0.02)
            self.away[name] = max(self.away.get(name, 0), live_watch.boottime() - begin)
            self.watcher.died(begin, live_watch.boottime() + 1)
        self.waiting.append(threading.Thread(target=look, daemon=True))
        self.waiting[-1].start()

    def done(self):
        for t in self.waiting:
            t.join(70)


def acts_of_ledger(archive):
    """(order, what, who) of every act in the ledger, with how often it stands there."""
    found = {}
    for line in (archive / "ledger").read_text().splitlines():
        words = line.split(" ")
        if words[0] == "act":
            key = (int(words[2]), unquote(words[3]), unquote(words[4]))
            found[key] = found.get(key, 0) + 1
    return found


def lost(acked, orders, archive):
    """Acknowledged acts that neither database nor ledger know of: sentences."""
    ledger = acts_of_ledger(archive)
    column = {"approve": ("approved_1", "approved_2"), "confirm": ("confirmed", ), "release": ("ended_by", )}
    missing = []
    for number, what, who, _ in acked:
        o = orders.get(number)
        if not o or who not in [o.who[c] for c in column[what]]:
            missing.append(f"{what} of order {number} by {who} isn't in the database")
        if (number, what, who) not in ledger:
            missing.append(f"{what} of order {number} by {who} isn't in the ledger")
    return missing
