# SPDX-License-Identifier: GPL-2.0-or-later
"""An independent witness of what a running gateway does: the kernel's table as nft lists it, and the orders' database as it lies on disk.

Both are looked at all the time, whatever lives or is dead; judge() then says what was broken of
  foreign   a cut stood in the kernel that no order wanted
  lapsed    a cut that an order has in force was not there, or its lease was over
  late      a cut stood for longer after its order's end than Bounds.late, time in which engine or enforcer were dead not counted
  backward  a generation was less than one before
It knows nothing of how the program does it: cuts are read out of the database's rows and out of the names and elements of sets.
"""
import ipaddress
import json
import os
import pathlib
import re
import shutil
import sqlite3
import tempfile
import threading
import time
from dataclasses import dataclass, field

SET = re.compile(r"^(leased|closed)_ip6?_(any|\d+)_(\d+)")
PROPOSED, APPROVED, APPLIED, CONFIRMED, ENDED = range(5)
NS = 10 ** 9


def boottime():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def end_of(address, bits):
    """One end of a cut: None is anywhere."""
    return None if bits is None else ipaddress.ip_network((address, bits), strict=False)


def cut_of_row(row):
    """34 octets of two prefixes and one of the direction: the same form whichever end stands first."""
    ends = []
    for at in (0, 17):
        address, bits = row[at:at + 16], row[at + 16]
        if bits == 0:
            ends.append(None)
        elif address.startswith(b"\0" * 10 + b"\xff\xff") and bits >= 96:
            ends.append(end_of(address[12:], bits - 96))
        else:
            ends.append(end_of(address, bits))
    return frozenset(ends)


@dataclass
class Order:
    number: int
    state: int
    ends: int
    generation: int
    fail_closed: bool
    applied_at: float
    until: float  # CLOCK_BOOTTIME, seconds; when it ends by itself
    who: dict
    cuts: frozenset

    def wanted(self, now):
        return self.state in (APPROVED, APPLIED, CONFIRMED) and self.ends == 0 and self.until > now


def read_store(folder, scratch):
    """The orders and the generation as they are on disk, or None while they are being moved from one file to the other."""
    files = [folder / "orders.db", folder / "orders.db-wal"]

    def mark():
        with files[1].open("rb") as f:
            return f.read(32), files[0].stat().st_mtime_ns
    try:
        before = mark()
        for f in files:
            shutil.copyfile(f, scratch / f.name)
        if mark() != before:
            return None
        with sqlite3.connect(scratch / "orders.db") as db:
            db.row_factory = sqlite3.Row
            clock = db.execute("SELECT * FROM clock").fetchone()
            cuts = {r["id"]: frozenset(cut_of_row(r["cuts"][i:i + 35]) for i in range(0, len(r["cuts"]), 35)) for r in db.execute("SELECT * FROM cuts")}
            orders = {r["id"]: order_of(r, clock["offset"], cuts[r["id"]]) for r in db.execute("SELECT * FROM orders")}
        db.close()
        return orders, clock["generation"]
    except (OSError, sqlite3.Error, KeyError, TypeError):
        return None
    finally:
        (scratch / "orders.db-shm").unlink(missing_ok=True)


def order_of(r, offset, cuts):
    own = r["confirm_ns"] if r["state"] < CONFIRMED and r["confirm_ns"] else r["lease_ns"]
    return Order(r["id"], r["state"], r["ends"], r["generation"], bool(r["fail_closed"]), (r["applied_at"] - offset) / NS if r["applied_at"] else 0,
                 (r["approved_at"] - offset + own) / NS if r["approved_at"] else 0,
                 {k: r[k + "_who"] for k in ("approved_1", "approved_2", "confirmed", "ended_by")}, cuts)


def kernel_of(listing):
    """Cuts (with whether they fail closed) and the seconds that the lease still lasts, of nft's JSON."""
    cuts, lease, rules = {}, 0, 0
    for item in listing.get("nftables", ()):
        rules += "rule" in item
        s = item.get("set")
        if not s:
            continue
        elements = [e["elem"] if isinstance(e, dict) and "elem" in e else {"val": e} for e in s.get("elem", ())]
        if s["name"] == "lease":
            lease = max((e.get("expires", 0) + 1 for e in elements), default=0)
        name = SET.match(s["name"])
        for e in elements if name else ():
            values = e["val"]["concat"] if isinstance(e["val"], dict) and "concat" in e["val"] else [e["val"]]
            values = [v["prefix"]["addr"] if isinstance(v, dict) else v for v in values]
            bits = [None if b == "any" else int(b) for b in name.groups()[1:]]
            values = [None] * (2 - len(values)) + values
            cuts[frozenset(end_of(v, b) for v, b in zip(values, bits))] = name.group(1) == "closed"
    return cuts, lease, rules


@dataclass
class Sample:
    begin: float
    end: float
    cuts: dict = field(default_factory=dict)
    lease: float = 0
    rules: int = 0
    orders: dict = field(default_factory=dict)
    generation: int = 0


@dataclass
class Bounds:
    late: float = 1.0     # after an order's end, with engine and enforcer alive
    repair: float = 1.0   # after a flush that the test did on purpose
    slow: float = 3.0     # what a busy machine adds to any of these


class Watcher:
    """Looks in threads of its own from start() to stop()."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="bulkhead-watch-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
        self.kernel, self.stores, self.flushes, self.dead = [], [], [], []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.watch, args=(look, out), daemon=True)
                        for look, out in ((self.look_kernel, self.kernel), (self.look_store, self.stores))]

    def start(self):
        for t in self.threads:
            t.start()
        return self

    def watch(self, look, out):
        while not self.over.wait(0.05):
            sample = look()
            if sample:
                out.append(sample)

    def look_kernel(self):
        begin = boottime()
        network = self.daemon.network
        listed = network.run(network.gateway, "nft", "-j", "list", "table", "inet", "bulkhead", check=False)
        sample = Sample(begin, boottime())
        if listed.returncode == 0:
            sample.cuts, sample.lease, sample.rules = kernel_of(json.loads(listed.stdout))
        return sample

    def look_store(self):
        begin = boottime()
        got = read_store(self.daemon.folder / "state", self.scratch)
        return Sample(begin, boottime(), orders=got[0], generation=got[1]) if got else None

    def flushed(self):
        """The test is about to meddle: what it puts there, or takes away, is to be put right."""
        self.flushes.append(boottime())

    def died(self, begin, end):
        """Engine or enforcer were dead meanwhile."""
        self.dead.append((begin, end))

    def stop(self):
        self.over.set()
        for t in self.threads:
            t.join(10)
        shutil.rmtree(self.scratch, ignore_errors=True)

    def dead_within(self, begin, end):
        total, at = 0, begin
        for b, e in sorted(self.dead):
            b = max(b, at)
            if min(e, end) > b:
                total += min(e, end) - b
                at = min(e, end)
        return total

    def excused(self, begin, end, bounds):
        return any(f - 0.2 <= end and begin <= f + bounds.repair + bounds.slow for f in self.flushes)

    def judge(self, bounds=None):
        """What was broken, as sentences; and figures."""
        bounds = bounds or Bounds()
        broken, figures = [], {"samples": len(self.kernel), "stores": len(self.stores), "late_s": 0.0}
        wanted_last = {}  # cut -> the end of the last look at the database that wanted it
        deadlines = {}  # order -> the time by which it had to be confirmed
        at = 0
        for a, b in zip(self.stores, self.stores[1:]):
            if b.generation < a.generation:
                broken.append(f"backward: generation {b.generation} after {a.generation}")
        for k in self.kernel:
            while at < len(self.stores) and self.stores[at].end <= k.begin:
                for o in self.stores[at].orders.values():
                    if o.state == APPLIED:
                        deadlines[o.number] = o.until
                    for c in o.cuts if o.wanted(self.stores[at].begin) else ():
                        wanted_last[c] = min(self.stores[at].end, o.until)
                at += 1
            if at == 0 or at == len(self.stores):
                continue
            after = next((s for s in self.stores[at:] if s.begin >= k.end), None)
            if after:
                broken += self.judge_one(k, self.stores[at - 1], after, wanted_last, deadlines, bounds, figures)
        return broken, figures

    def word_is_under_way(self, k, order, deadlines, bounds):
        """A cut that is confirmed in the last moment may lapse until the enforcer has heard of it (doc/orders.md)."""
        deadline = deadlines.get(order.number)
        return (order.state == CONFIRMED and deadline is not None and
                deadline - 0.1 <= k.end and k.begin <= deadline + bounds.slow + self.dead_within(deadline - bounds.slow, k.begin))

    def judge_one(self, k, before, after, wanted_last, deadlines, bounds, figures):
        broken = []
        now = {c for o in after.orders.values() if o.wanted(k.end) for c in o.cuts} | {c for o in before.orders.values() if o.wanted(k.begin) for c in o.cuts}
        for c in k.cuts:
            if c in now:
                continue
            if c not in wanted_last:
                # told before it is on disk for the watcher to see: the next look has it
                if not any(c in o.cuts for o in after.orders.values()) and not self.excused(k.begin, k.end, bounds):
                    broken.append(f"foreign: {text(c)} at {k.begin:.3f}, which no order ever named")
                continue
            late = k.begin - wanted_last[c] - self.dead_within(wanted_last[c], k.begin)
            figures["late_s"] = max(figures["late_s"], late)
            if late > bounds.late + bounds.slow:
                broken.append(f"late: {text(c)} {late:.2f} s after its order's end")
        if self.excused(k.begin, k.end, bounds):
            return broken
        for o in before.orders.values():
            o2 = after.orders.get(o.number)
            if not o2 or o.state not in (APPLIED, CONFIRMED) or not (o.wanted(k.end + 1) and o2.wanted(k.end + 1)):
                continue
            gone = [c for c in o.cuts if c not in k.cuts]
            if gone and self.word_is_under_way(k, o2, deadlines, bounds):
                continue
            if gone:
                broken.append(f"lapsed: {text(gone[0])} (and {len(gone) - 1} more) of order {o.number}, at {k.begin:.3f}")
            elif k.lease <= 0 and not o.fail_closed:
                broken.append(f"lapsed: the lease is over while order {o.number} stands, at {k.begin:.3f}")
            elif k.rules == 0:
                broken.append(f"lapsed: there are no rules while order {o.number} stands, at {k.begin:.3f}")
        return broken


def text(cut):
    return " <-> ".join(sorted("any" if e is None else str(e) for e in cut))
