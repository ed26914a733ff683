#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets a second that one live sensor takes without losing any, on a veth pair in network namespaces of its own.

bench/ring.py BUILD   where BUILD/bench holds bench_ring and bench_blast. Prints sent, seen and counted lost of every run: they
must add up, also where the reader is made too slow. Frames are handed over in blocks; in modes that begin with 1 one by one. One core sends (and carries what the kernel does for both), one reads.
"""
import json
import os
import pathlib
import subprocess
import sys

RUN_SECONDS = 2
LIMIT_SECONDS = 60
TRIES = 7


class World:
    """Two namespaces with a veth pair between them, gone with the block."""

    def __init__(self):
        self.names = [f"bh-ring-{os.getpid()}-{side}" for side in ("a", "b")]

    def __enter__(self):
        try:
            for name in self.names:
                ip("netns", "add", name)
            ip("link", "add", "left", "netns", self.names[0], "type", "veth", "peer", "name", "right", "netns", self.names[1])
            for name, link in zip(self.names, ("left", "right")):
                ip("-n", name, "link", "set", link, "arp", "off", "addrgenmode", "none", "mtu", "9000", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], check=False, stderr=subprocess.DEVNULL)


def ip(*words):
    subprocess.run(["ip", *words], check=True, timeout=20)


def measure(tools, world, mode, size, rate, count, mib=64, pause=0, hold=0, flows=10000):
    """One run: what was sent, seen, lost."""
    inside = [["ip", "netns", "exec", name] for name in world.names]
    reader = subprocess.Popen(
        [*inside[1], "taskset", "-c", "1", tools / "bench_ring", "right", str(mib), mode, str(pause), str(hold)],
        stdout=subprocess.PIPE, text=True)
    try:
        if reader.stdout.readline().strip() != "ready":
            raise RuntimeError("the reader didn't start")
        sent = json.loads(subprocess.run(
            [*inside[0], "taskset", "-c", "0", tools / "bench_blast", "left", str(count), str(rate), str(size), str(flows)],
            stdout=subprocess.PIPE, text=True, check=True, timeout=LIMIT_SECONDS).stdout)
        seen = json.loads(reader.communicate(timeout=LIMIT_SECONDS)[0])
    finally:
        reader.kill()
        reader.wait()
    return {"size": size, "mode": mode, "asked": rate, **sent, **seen,
            "adds_up": sent["sent"] == seen["seen"] + seen["lost"] and seen["reached"] == sent["sent"]}


def show(run):
    print(f"{run['mode']:5} {run['size']:5} B  sent {run['sent']:>9,} at {run['rate'] / 1e3:7.0f} k/s  seen {run['seen']:>9,}  "
          f"lost {run['lost']:>8,}  {run['ns_a_frame']:6.0f} ns/frame  {run['snapshots']:>7,} snapshots  "
          f"{'adds up' if run['adds_up'] else 'DOES NOT ADD UP'}", flush=True)
    return run


def best_rate(tools, world, mode, size):
    """The highest rate found at which nothing was lost."""
    full = show(measure(tools, world, mode, size, 0, 3_000_000 if size < 500 else 1_000_000))
    if full["lost"] == 0:
        return full
    low, high, best = 0, int(full["rate"]), None
    for _ in range(TRIES):
        rate = (low + high) // 2 if low else high // 2
        run = show(measure(tools, world, mode, size, rate, rate * RUN_SECONDS))
        if run["lost"] == 0:
            low, best = rate, run
        else:
            high = rate
    return best


def main():
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    tools = pathlib.Path(sys.argv[1]) / "bench"
    good = True
    with World() as world:
        print("as fast as one core reads: the ring is full before it begins")
        for mode in ("walk", "1walk", "all", "1all"):
            for size, count in ((64, 1_000_000), (1514, 200_000)):
                run = show(measure(tools, world, mode, size, 0, count, mib=512, hold=12000))
                good &= run["adds_up"] and run["lost"] == 0
                print(f"=> {mode}, {size} B: {run['seen'] / run['reading'] / 1e3:,.0f} k packets/s, "
                      f"{run['bytes'] * 8 / run['reading'] / 1e9:.2f} Gbit/s")
        print("a reader that sleeps, and a ring of 1 MiB: what is lost is counted")
        for mode in ("all", "1all"):
            slow = show(measure(tools, world, mode, 200, 200_000, 200_000, mib=1, pause=20000))
            good &= slow["adds_up"] and slow["lost"] > 0
        for mode in ("walk", "1walk", "all", "1all"):
            for size in (64, 1514):
                print(f"{mode}, {size} bytes")
                run = best_rate(tools, world, mode, size)
                if run:
                    good &= run["adds_up"]
                    print(f"=> {mode}, {size} B: {run['rate'] / 1e3:,.0f} k packets/s, "
                          f"{run['rate'] * size * 8 / 1e9:.2f} Gbit/s without loss, {run['ns_a_frame']:.0f} ns of the "
                          "reader's core a frame")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
