#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What happens to a running gateway meanwhile, and what of it may show: nothing. Each fault is a test; live_watch.py is the witness.

The bounds that are tested: a cut is gone within 1 s after its order's end while engine and enforcer live; what others did to our table is put right
within 1 s (some milliseconds on a quiet machine); a leased cut ends within a second of the lease when everybody is dead. To each is added what a busy
machine may take (live_watch.Bounds.slow); bench/faults.py tells what they are on a quiet one.
"""
import calendar
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import time
import unittest

import lib
import live
import live_load
import live_watch

LACKS = live.have_namespaces()
SHIM = os.environ.get("LIVE_SHIM", "")
GARBAGE = os.environ.get("LIVE_GARBAGE", "")
UNCONFIRMED = live.AUTOMATIC.replace("confirm: none", "confirm: 10s")
CLOSED = live.AUTOMATIC.replace("confirm: none", "confirm: none\n    fail: closed")
BAD = [f"198.51.100.{i}" for i in range(1, 255)] + [f"192.0.2.{i}" for i in range(1, 255)]
# Each packet another flow: a record of each waits for the engine.
FLOODED = 150000
FLOOD = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range({packets}):
    try:
        s.sendto(b"x", (f"192.0.2.{{1 + i % 254}}", 1 + i // 254))
    except OSError:  # "port unreachable" came back
        pass
"""


def end_of(order):
    """When it ends by itself, in seconds since the epoch."""
    head, _, rest = order["until"].partition(".")
    return calendar.timegm(time.strptime(head, "%Y-%m-%dT%H:%M:%S")) + float("0." + rest.rstrip("Z"))


@unittest.skipIf(LACKS, LACKS)
class Live(lib.Test):
    """A gateway per test, watched from its beginning."""

    def setUp(self):
        super().setUp()
        self.network = live.Network()
        self.addCleanup(self.network.close)
        self.network.beyond("198.51.100.0/24", "192.0.2.0/24")

    def begin(self, watch=True, **settings):
        self.daemon = live.Daemon(self.network, **{"bad": BAD, **settings})
        self.addCleanup(self.daemon.close)
        self.daemon.start()
        self.watcher = None
        if watch:
            self.watcher = live_watch.Watcher(self.daemon).start()
            self.addCleanup(self.watcher.over.set)
        return self.daemon

    def hit(self, address):
        """A packet from inside to a bad one."""
        self.network.run(self.network.inside, "bash", "-c", f"echo x > /dev/udp/{address}/9")

    def cut(self, address):
        """Policy cuts it off: the order, once it is in force."""
        def there():
            nonlocal again
            if time.monotonic() > again:  # a sensor that begins just then may miss it, as any may miss a packet
                self.hit(address)
                again = time.monotonic() + 2
            return next((o for o in self.daemon.orders() if o["in_force_since"] and any(c["to"] == address for c in o["cuts"])), None)
        again = 0
        return self.daemon.until(there, 40, f"{address} is cut")

    def reload(self):
        answer = self.daemon.ask("reload")
        self.assertEqual(answer.returncode, 0, answer.stderr + self.daemon.said())

    def standing(self):
        """The addresses that the kernel cuts off from everybody."""
        return self.kernel()[0]

    def kernel(self):
        listed = self.network.run(self.network.gateway, "nft", "-j", "list", "table", "inet", "bulkhead", check=False)
        if listed.returncode:
            return set(), 0, 0
        cuts, lease, rules = live_watch.kernel_of(json.loads(listed.stdout))
        return {str(next(e for e in c if e).network_address) for c in cuts if None in c}, lease, rules

    def judge(self, **bounds):
        self.watcher.stop()
        broken, figures = self.watcher.judge(live_watch.Bounds(**bounds))
        self.assertEqual(broken[:6], [], f"{len(broken)} in all; {figures}\n{self.daemon.said()[-3000:]}")
        self.assertGreater(figures["samples"], 3)
        return figures

    def store(self):
        """The database of a daemon that has ended."""
        return live_watch.read_store(self.daemon.folder / "state", self.folder)

    def ledger(self):
        return live_load.acts_of_ledger(self.daemon.folder / "archive")


class Killed(Live):
    def test_whoever_is_killed_the_cuts_stay_and_nothing_acknowledged_is_lost(self):
        daemon = self.begin(automatic=UNCONFIRMED)
        rng = random.Random(4)
        load = live_load.Load(daemon, BAD, bad_each=1.0).people(1).people(2)
        self.addCleanup(load.traffic.kill)
        killer = live_load.Killer(daemon, self.watcher, 4)
        for _ in range(int(os.environ.get("BULKHEAD_KILLS", "40"))):
            time.sleep(rng.uniform(0.1, 0.8))
            killer.kill_one()
        killer.done()
        time.sleep(2)
        load.stop()
        self.judge()
        self.assertGreater(len(load.acked), 5)
        self.assertEqual(daemon.stop(), 0)
        orders, _ = self.store()
        self.assertEqual(live_load.lost(load.acked, orders, daemon.folder / "archive"), [])
        self.assertEqual(lib.run("verify", daemon.folder / "archive").returncode, 0)

    def test_a_new_parent_goes_on_with_the_time_that_was_left(self):
        daemon = self.begin()
        before = self.cut(BAD[0])
        os.kill(daemon.parent_pid(), signal.SIGKILL)
        daemon.process.wait(10)
        self.assertEqual(self.standing(), {BAD[0]}, "the cut is there while nobody is")
        time.sleep(1.5)
        self.assertEqual(daemon.pids(), {}, "its children went with the parent")
        daemon.start()
        after = daemon.order(before["id"])
        self.assertAlmostEqual(end_of(after), end_of(before), delta=0.2)
        self.assertEqual(after["state"], "confirmed")
        self.judge()

    def test_with_everybody_dead_cuts_end_with_the_lease_but_for_those_that_fail_closed(self):
        daemon = self.begin(watch=False, lease="5s")
        self.cut(BAD[0])
        daemon.configure(automatic=CLOSED)
        self.reload()
        self.cut(BAD[1])
        time.sleep(1)
        daemon.stop(signal.SIGKILL)
        begin = time.monotonic()
        self.assertTrue(self.passes_after(BAD[0], 40), "the lease ends")
        took = time.monotonic() - begin
        self.assertLess(took, 5 + 5)
        self.assertGreater(took, 5 * 2 / 3 - 1.5, "but not before")
        self.assertFalse(self.passes(BAD[1]), "what fails closed stays")
        self.assertIn(BAD[1], self.standing())
        daemon.start()
        daemon.until(lambda: not self.passes(BAD[0]), 40, "it is cut again")

    def passes(self, address):
        """Whether the outside gets a packet that inside sends to the address: asked of the counter of its interface."""
        listen = self.network.start(self.network.outside, "/usr/bin/python3", "-c",
                                    f"import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('{address}', 9)); s.settimeout(0.4)\n"
                                    "print('ready', flush=True)\ntry: s.recv(10); print('got')\nexcept OSError: print('none')", stdout=subprocess.PIPE)
        listen.stdout.readline()
        self.hit(address)
        said = listen.communicate(timeout=20)[0]
        return b"got" in said

    def passes_after(self, address, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.passes(address):
                return True
        return False

    def test_what_nobody_confirms_rolls_back_on_time_whoever_is_dead(self):
        daemon = self.begin(watch=False, automatic=UNCONFIRMED, lease="1h")
        end = end_of(self.cut(BAD[0]))
        daemon.until(lambda: not self.standing(), 40, "it rolls back")
        self.assertTrue(-0.2 < time.time() - end < 5, time.time() - end)
        self.assertEqual(daemon.order(1)["ends"], "rolled back")
        second = self.cut(BAD[1])
        for pid, (name, _) in daemon.pids().items():
            if name == "engine":
                os.kill(pid, signal.SIGSTOP)  # dead, and not started again
        daemon.stop(signal.SIGKILL)
        self.assertEqual(self.standing(), {BAD[1]})
        left = end_of(second) - time.time()
        self.assertGreater(left, 2)
        time.sleep(left - 1)
        self.assertEqual(self.standing(), {BAD[1]}, "not early")
        daemon.until(lambda: not self.standing(), 6, "the kernel itself ends it")
        daemon.start()
        self.assertEqual(daemon.order(2)["ends"], "rolled back")


class Meddled(Live):
    """Others are at our table."""

    def nft(self, *words):
        return self.network.run(self.network.gateway, "nft", *words)

    def right(self):
        cuts, lease, rules = self.kernel()
        return cuts == {BAD[0]} and lease > 0 and rules >= 4 and "198.51.100.250" not in self.daemon.table()

    def test_what_others_do_to_the_table_is_put_right_and_told(self):
        daemon = self.begin(lease="30s")
        self.cut(BAD[0])
        daemon.until(self.right, 40, "the cut stands")
        time.sleep(2.5)  # what the change did was read back
        took = {}
        for number, words in enumerate((("flush", "table", "inet", "bulkhead"), ("delete", "table", "inet", "bulkhead"), ("flush", "ruleset"),
                                        ("delete", "element", "inet", "bulkhead", "leased_ip_any_32", "{", BAD[0], "}"),
                                        ("add", "element", "inet", "bulkhead", "leased_ip_any_32", "{", "198.51.100.250", "}"),
                                        ("insert", "rule", "inet", "bulkhead", "forward", "ip", "daddr", "198.51.100.250", "accept"),
                                        ("flush", "set", "inet", "bulkhead", "lease"), ("flush", "chain", "inet", "bulkhead", "leased_ip"))):
            drifts = daemon.status()["enforcers"][0]["drift"]["times"]
            self.watcher.flushed()
            begin = time.monotonic()
            self.nft(*words)
            daemon.until(self.right, 40, f"it is right after {' '.join(words)}")
            took[" ".join(words)] = time.monotonic() - begin
            daemon.until(lambda d=drifts: daemon.status()["enforcers"][0]["drift"]["times"] > d, 40, f"{' '.join(words)} is told")
            self.assertGreaterEqual(daemon.said().count("order 1: "), 1, number)
        self.assertLess(max(took.values()), 1.0 + live_watch.Bounds.slow, took)
        self.judge()
        daemon.stop()
        self.assertGreaterEqual(self.ledger()[(0, "drift-repaired", "enforcer")], 8)
        print("repaired after, ms:", {k: round(v * 1000) for k, v in took.items()}, flush=True)

    def test_release_gives_back_what_was_there_and_other_tables_are_untouched(self):
        self.nft("add", "table", "inet", "theirs")
        self.nft("add", "set", "inet", "theirs", "mine", "{ type ipv4_addr; elements = { 198.51.100.1 } }")
        self.nft("add", "chain", "inet", "theirs", "forward", "{ type filter hook forward priority 10; }")
        self.nft("add", "rule", "inet", "theirs", "forward", "ip", "daddr", "@mine", "accept")
        theirs = self.nft("list", "table", "inet", "theirs").stdout
        alone = self.nft("list", "ruleset").stdout
        daemon = self.begin(persons=2, automatic="", confirm="10m")
        before = self.shape()
        order = self.proposal()
        self.assertEqual(daemon.ask("approve", order).returncode, 0)
        again = daemon.ask("approve", order)
        self.assertEqual(again.returncode, 1)
        self.assertIn("has approved it already", again.stderr)
        self.assertEqual(daemon.order(order)["state"], "proposed")
        self.assertEqual(self.standing(), set(), "one person doesn't suffice")
        self.assertEqual(daemon.ask("approve", order, user="daemon").returncode, 0)
        daemon.until(lambda: daemon.order(order)["in_force_since"], 40, "it is in force")
        self.assertIn("203.0.113.2", self.standing())
        self.assertEqual(daemon.ask("confirm", order).returncode, 0)
        self.assertEqual(daemon.ask("release", order, "--why", "a mistake").returncode, 0)
        daemon.until(lambda: daemon.order(order)["state"] == "released", 40, "it has ended")
        daemon.until(lambda: self.shape() == before, 40, "our table is as it was")
        self.assertEqual(self.nft("list", "table", "inet", "theirs").stdout, theirs)
        self.judge()
        daemon.stop()
        self.nft("delete", "table", "inet", "bulkhead")
        self.assertEqual(self.nft("list", "ruleset").stdout, alone, "but for our table nothing is left")

    def shape(self):
        """Our table without what runs: the lease's time."""
        return [line for line in self.daemon.table().splitlines() if "expires" not in line]

    def proposal(self):
        """Two people's order: inside talks to a bad place beyond, which makes an incident, whose plan is proposed."""
        self.daemon.configure(bad=("203.0.113.2", ))
        self.reload()
        self.talk("203.0.113.2")
        status = self.daemon.until(lambda: (s := self.daemon.status()) and s["incidents"] and s, 40, "there is an incident")
        code, plans = self.daemon.ask_raw("plan", status["incidents"][0]["id"])
        self.assertIn(code, (0, 1))
        return next(p["order"] for p in plans if p["order"])

    def talk(self, address):
        """Bytes both ways with a server there."""
        server = self.network.start(self.network.outside, "/usr/bin/python3", "-c",
                                    f"import socket; s = socket.create_server(('{address}', 80)); print('ready', flush=True); c, _ = s.accept(); c.recv(9); "
                                    "c.sendall(b'hello'); c.recv(9)", stdout=subprocess.PIPE)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        server.stdout.readline()
        self.network.run(self.network.inside, "/usr/bin/python3", "-c",
                         f"import socket; s = socket.create_connection(('{address}', 80), 5); s.sendall(b'hi'); s.recv(9)")


@unittest.skipUnless(SHIM, "needs the shim to be preloaded (LIVE_SHIM)")
class Shimmed(Live):
    """What can't be done to this machine is done to the processes alone."""

    def shimmed(self, **settings):
        self.folder.chmod(0o755)
        # a sanitizer wants to be loaded before anything else
        options = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        return self.begin(sandbox="none", environment={"LD_PRELOAD": SHIM, "BULKHEAD_SHIM": str(self.folder), "ASAN_OPTIONS": options}, **settings)

    def set_clock(self, seconds):
        self.write("clock.new", str(seconds)).rename(self.folder / "clock")

    def test_a_wall_clock_that_jumps_ends_nothing_early_and_nothing_late(self):
        daemon = self.shimmed(automatic=UNCONFIRMED)
        order = self.cut(BAD[0])
        self.assertEqual(daemon.ask("confirm", order["id"]).returncode, 0)
        until = end_of(daemon.order(order["id"]))
        for offset in (3600, -3600):
            self.set_clock(offset)
            second = self.cut(BAD[1 if offset > 0 else 2])
            # told as the clock stands now, the time that is left is the same
            self.assertAlmostEqual(end_of(daemon.order(order["id"])) - offset, until, delta=1)
            left = end_of(second) - offset - time.time()
            self.assertTrue(4 < left <= 10.1, left)
            time.sleep(3)
            self.assertIn(BAD[0], self.standing())
            self.assertEqual(daemon.order(order["id"])["state"], "confirmed")
        os.kill(daemon.parent_pid(), signal.SIGKILL)
        daemon.process.wait(10)
        daemon.start()
        self.assertAlmostEqual(end_of(daemon.order(order["id"])) + 3600, until, delta=1, msg="nor does it with a new parent")
        daemon.until(lambda: self.standing() == {BAD[0]}, 40, "those that nobody confirmed roll back in their time")
        self.set_clock(0)
        self.assertEqual(daemon.ask("release", order["id"]).returncode, 0)
        daemon.until(lambda: self.standing() == set(), 40, "and release is at once")
        self.judge()

    def test_an_enforcer_that_cannot_reach_the_kernel_says_so_and_catches_up(self):
        daemon = self.shimmed(lease="30s")
        self.cut(BAD[0])
        begin = time.monotonic()
        self.write("netlink", "")
        daemon.until(lambda: not daemon.status()["enforcers"][0]["ready"], 40, "it is told")
        self.assertIn("nftables", daemon.status()["enforcers"][0]["why_not"])
        self.hit(BAD[1])
        waiting = daemon.until(lambda: next((o for o in daemon.orders() if o["cuts"][0]["to"] == BAD[1]), None), 40, "it is ordered all the same")
        self.assertEqual(waiting["state"], "approved", "but nobody says that it is in force")
        time.sleep(max(0, begin + 10 - time.monotonic()))
        self.assertEqual(self.standing(), {BAD[0]}, "what was in force stands")
        self.assertEqual(daemon.order(waiting["id"])["state"], "approved")
        (self.folder / "netlink").unlink()
        daemon.until(lambda: self.standing() == {BAD[0], BAD[1]}, 40, "it catches up")
        daemon.until(lambda: daemon.status()["enforcers"][0]["ready"] and daemon.order(waiting["id"])["in_force_since"], 40, "and says so")
        self.judge()


class Stopped(Live):
    def test_an_enforcer_that_stands_still_is_told_of_and_catches_up(self):
        daemon = self.begin(lease="30s")
        self.cut(BAD[0])
        pid = next(p for p, what in daemon.pids().items() if what[0] == "enforcer")
        begin = live_watch.boottime()
        os.kill(pid, signal.SIGSTOP)
        try:
            daemon.until(lambda: not daemon.status()["enforcers"][0]["ready"], 40, "it is told")
            self.hit(BAD[1])
            time.sleep(max(0, begin + 10 - live_watch.boottime()))
            self.assertEqual(self.standing(), {BAD[0]}, "what was in force stands")
        finally:
            os.kill(pid, signal.SIGCONT)
        self.watcher.died(begin, live_watch.boottime() + 1)
        daemon.until(lambda: self.standing() == {BAD[0], BAD[1]}, 40, "it catches up")
        daemon.until(lambda: daemon.status()["enforcers"][0]["ready"], 40, "and is counted upon again")
        self.judge()

    def test_what_waits_for_an_engine_that_stands_still_is_bounded_and_the_loss_is_counted(self):
        daemon = self.begin(watch=False, bad=["203.0.113.66"])
        pid = next(p for p, what in daemon.pids().items() if what[0] == "engine")
        sensor = next(p for p, what in daemon.pids().items() if what[0] == "sensor")
        os.kill(pid, signal.SIGSTOP)
        try:
            self.network.run(self.network.inside, "/usr/bin/python3", "-c", FLOOD.format(packets=FLOODED))
            peak = max(int(line.split()[1]) for line in pathlib.Path(f"/proc/{sensor}/status").read_text().splitlines() if line.startswith("VmHWM"))
        finally:
            os.kill(pid, signal.SIGCONT)

        def counted():
            told = (daemon.status() or {}).get("sensors", [{}])[0]
            return told if told.get("packets", 0) + told.get("lost_packets", 0) >= FLOODED else None
        told = daemon.until(counted, 40, "what was sent is seen or lost")
        self.assertGreater(told["lost_packets"], 0)
        self.assertLess(peak, (1000 if lib.NO_SANDBOX else 400) << 10)
        self.assertEqual([p["restarts"] for p in daemon.status()["processes"]], [0] * len(daemon.status()["processes"]))
        daemon.stop()
        out = subprocess.run([lib.BULKHEAD, "archive", "export", "--format", "json", "--kind", "coverage", str(daemon.folder / "archive")], capture_output=True,
                             check=True, timeout=60).stdout
        rows = [json.loads(line) for line in out.splitlines()]
        self.assertGreaterEqual(sum(r["packets"] + r["dropped"] for r in rows), FLOODED)
        self.assertGreaterEqual(sum(r["dropped"] for r in rows), told["lost_packets"])


class Full(Live):
    """Archive and state lie on small file systems of the test's own."""

    def begin_small(self, **settings):
        mounts = " && ".join(f"mkdir -p {x} && mount -t tmpfs -o size=2m,mode=755 tmpfs {x}" for x in ("archive", "state"))
        return self.begin(wrap=["unshare", "-m", "--propagation", "private", "sh", "-c", f'{mounts} && exec "$@"', "sh"], **settings)

    def inside(self, name):
        """A folder as the daemon sees it."""
        return pathlib.Path(f"/proc/{self.daemon.parent_pid()}/root") / str(self.daemon.folder / name).lstrip("/")

    def fill(self, name):
        size = 1 << 20
        with (self.inside(name) / "ballast").open("ab", buffering=0) as f:
            while size:
                try:
                    f.write(b"\0" * size)
                except OSError:
                    size //= 2

    def test_where_the_disk_is_full_cutting_goes_on_and_nothing_is_claimed(self):
        daemon = self.begin_small(watch=False)
        order = self.cut(BAD[0])
        self.assertEqual(daemon.ask("confirm", order["id"]).returncode, 1, "policy's orders need none")
        for name in ("archive", "state"):
            self.fill(name)
        # so many that what room the files have in themselves is used up
        others = set(BAD[1:25])
        for address in sorted(others):
            self.hit(address)
        daemon.until(lambda: self.standing() == others | {BAD[0]}, 40, "they are seen and cut without room")
        daemon.until(lambda: daemon.status()["store_failing"], 40, "it is told")
        refused = daemon.ask("release", order["id"], "--why", "no room")
        self.assertEqual(refused.returncode, 4, refused.stdout)
        self.assertIn("counts", refused.stderr)
        daemon.until(lambda: self.standing() == others, 40, "but it is done")
        for name in ("archive", "state"):
            (self.inside(name) / "ballast").unlink()
        daemon.until(lambda: not daemon.status()["store_failing"] and not daemon.status()["archive"]["failing"], 40, "there is room again")
        third = self.cut(BAD[30])
        released = daemon.ask("release", third["id"])
        self.assertEqual(released.returncode, 0, released.stderr)
        generation = daemon.status()["generation"]
        engine = next(pid for pid, what in daemon.pids().items() if what[0] == "engine")
        os.kill(engine, signal.SIGKILL)
        daemon.until(lambda: engine not in daemon.pids() and (s := daemon.status()) and s["enforcers"][0]["ready"], 40, "there is another engine")
        self.assertGreaterEqual(daemon.status()["generation"], generation, "and it knows the latest generation")
        self.assertEqual(self.standing(), others)
        self.assertEqual(daemon.order(order["id"])["ends"], "released")
        archive = self.folder / "copy"
        daemon.until(lambda: daemon.status()["archive"]["durable"] == daemon.status()["archive"]["sent"], 40, "all is in the archive")
        shutil.copytree(self.inside("archive"), archive)
        acts = live_load.acts_of_ledger(archive)
        self.assertIn((order["id"], "release", "root"), acts)
        self.assertIn((third["id"], "release", "root"), acts)


class Orphan(unittest.TestCase):
    def test_a_child_that_finds_out_by_writing_that_its_parent_is_gone_ends(self):
        ours, theirs = socket.socketpair()
        child = subprocess.Popen(["sh", "-c", f'exec "$0" process engine 0 3<&{theirs.fileno()}', lib.BULKHEAD], pass_fds=[theirs.fileno()])
        theirs.close()
        with ours:
            ours.shutdown(socket.SHUT_RD)
            try:
                child.wait(40)
            finally:
                child.kill()
                child.wait()


@unittest.skipUnless(GARBAGE, "needs a driver that plays the parent (LIVE_GARBAGE)")
class Garbage(lib.Test):
    """The engine as a sensor finds it that was taken over."""

    def drive(self, mode):
        self.folder.chmod(0o755)
        self.write("site.yaml", live.SITE.format(never_cut=""))
        self.write("bulkhead.yaml", live.DAEMON.format(sensors=2, backend="nftables", lease="10s", persons=1, confirm="10m", fail="open", pace=64,
                                                       automatic=live.AUTOMATIC + "  - name: machines\n    detection: \"*\"\n    confidence: 0.1\n"
                                                       "    cut: asset\n    lease: 10m\n    confirm: none\n"))
        self.write("bad.txt", "203.0.113.66\n203.0.113.67\n")
        result = subprocess.run([GARBAGE, lib.BULKHEAD, mode, os.environ.get("BULKHEAD_GARBAGE", "1")], cwd=self.folder, capture_output=True, timeout=280,
                                text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stdout[-2000:] + result.stderr[-4000:])
        self.assertNotIn("Sanitizer", result.stderr)
        self.assertNotIn("runtime error", result.stderr)
        return dict(word.split("=") for word in result.stdout.split())

    def test_one_that_is_told_to_end_before_it_began_does(self):
        self.drive("unswapped")

    def test_bytes_that_make_no_sense_end_their_channel_and_nothing_else(self):
        told = self.drive("fuzz")
        self.assertGreater(int(told["ended"]), 0)
        self.assertEqual(told["good"], "1", "another sensor is heard as before")

    def test_records_that_cannot_be_true_order_nothing_against_machines_and_take_no_room(self):
        told = self.drive("absurd")
        self.assertEqual(told["good"], "1")
        self.assertEqual(told["inside"], "0", "none of our own is cut off upon flows that prove nothing")
        self.assertLess(int(told["grown_mb"]), 700 if lib.NO_SANDBOX else 300)

    def test_detections_are_not_a_sensors_to_tell(self):
        told = self.drive("forged")
        self.assertEqual(told["ended"], "1")
        self.assertEqual(told["good"], "1")

    def test_a_million_flows_take_bounded_room(self):
        told = self.drive("flood")
        self.assertEqual(told["good"], "1")
        self.assertLess(int(told["grown_mb"]), 1500 if lib.NO_SANDBOX else 700)


class Reloaded(Live):
    def refused(self, *words):
        """A reload that fails, with these words as the reason; and the old configuration counts."""
        answer = self.daemon.ask("reload")
        self.assertEqual(answer.returncode, 1, answer.stdout + answer.stderr)
        for word in words:
            self.assertIn(word, answer.stderr + self.daemon.said())
        self.assertTrue(self.daemon.status()["enforcers"][0]["ready"])
        self.assertEqual(self.standing(), {BAD[0]})

    def test_a_broken_configuration_changes_nothing(self):
        daemon = self.begin()
        self.cut(BAD[0])
        pids, indicators = daemon.pids(), daemon.status()["indicators"]
        site, conf = daemon.folder / "site.yaml", daemon.folder / "bulkhead.yaml"
        good_site, good_conf = site.read_text(), conf.read_text()
        conf.write_text(good_conf + "nonsense: 1\n")
        self.refused("nonsense")
        conf.write_text(good_conf.replace("version: 1", "version: [", 1))
        self.refused("bulkhead.yaml:")
        conf.write_text(good_conf.replace("run_as: nobody", "run_as: nobody-at-all"))
        self.refused("nobody-at-all")
        conf.write_text(good_conf.replace("gw-out]", "not-there]"))
        self.refused("not-there")
        conf.unlink()
        self.refused("bulkhead.yaml")
        conf.write_text(good_conf)
        site.write_text(good_site.replace("10.77.0.0/16", "10.77.0.0/33"))
        self.refused("10.77.0.0/33")
        (daemon.folder / "more.txt").write_text("192.0.2.254\n198.18.7.7\n")
        site.write_text(good_site.replace("file: bad.txt", "file: more.txt\n  - file: missing.txt"))
        self.refused("missing.txt")
        site.write_text(good_site)
        self.reload()
        self.assertEqual(daemon.status()["indicators"], indicators, "without anything of those that weren't")
        self.assertEqual(daemon.pids(), pids, "and nobody had to be started anew")
        self.judge()

    def test_a_good_one_changes_what_it_says_and_drops_no_cut(self):
        daemon = self.begin()
        first = self.cut(BAD[0])
        daemon.configure(never_cut=f"never_cut: [{BAD[1]}/32]")
        self.reload()
        self.hit(BAD[1])
        self.cut(BAD[2])
        self.assertEqual(self.standing(), {BAD[0], BAD[2]}, "a guardrail of now")
        daemon.configure(automatic="")
        self.reload()
        self.hit(BAD[3])
        time.sleep(0.5)
        self.assertEqual(self.standing(), {BAD[0], BAD[2]}, "no policy any more")
        daemon.configure(automatic=live.AUTOMATIC, sensors=2)
        self.reload()
        daemon.until(lambda: (s := daemon.status()) and len(s["sensors"]) == 2 and all(x["connected"] for x in s["sensors"]) and s["enforcers"][0]["ready"],
                     20, "there are two sensors")
        self.cut(BAD[4])
        self.assertEqual(self.standing(), {BAD[0], BAD[2], BAD[4]})
        self.assertAlmostEqual(end_of(daemon.order(first["id"])), end_of(first), delta=0.2)
        self.judge()

    def test_who_dies_while_a_new_one_is_taken_comes_back_with_it(self):
        daemon = self.begin()
        self.cut(BAD[0])
        for name in ("gateway", "sensor", "enforcer", "archivist"):
            killed = next(p for p, what in daemon.pids().items() if what[0] == name)
            os.kill(killed, signal.SIGKILL)
            os.kill(daemon.parent_pid(), signal.SIGHUP)
            daemon.until(lambda n=name, k=killed: n in [what[0] for p, what in daemon.pids().items() if p != k] and (s := daemon.status()) and
                         all(p["runs"] for p in s["processes"]) and s["enforcers"][0]["ready"] and s["sensors"][0]["connected"], 40, f"{name} is back")
        self.cut(BAD[1])
        self.judge()


class Levels(Live):
    def test_it_works_at_each_level_of_the_sandbox(self):
        for number, level in enumerate(["none"] if lib.NO_SANDBOX else ["all", "no-landlock", "no-seccomp", "none"]):
            with self.subTest(level=level):
                daemon = self.begin(watch=False, sandbox=level)
                order = self.cut(BAD[number])
                daemon.until(lambda d=daemon, o=order: "verified" in d.said() and d.order(o["id"])["in_force_since"], 40, "it is verified")
                self.assertEqual(daemon.ask("release", order["id"]).returncode, 0)
                daemon.until(lambda: self.standing() == set(), 40, "it is released")
                self.assertEqual(daemon.stop(), 0)
                for line in daemon.said().splitlines():
                    self.assertRegex(line, r"^bulkhead: (order \d+: |running: |stopping; |warning: incident |\d+ connections were ended)", daemon.said())


if __name__ == "__main__":
    lib.main()
