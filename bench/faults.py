#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A running gateway whose processes are killed at random under load, with an independent witness beside it.

bench/faults.py BUILD [--kills 200] [--seed 1]   BUILD holds bulkhead.
Prints who was killed, for how long engine and enforcer were away at the most, and what was broken: nothing, or it ends with 1.
"""
import argparse
import os
import pathlib
import random
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    o = parser.parse_args()
    os.environ["BULKHEAD"] = str(o.build.resolve() / "bulkhead")
    import lib
    import live
    import live_load
    import live_watch
    why = live.have_namespaces()
    if why:
        sys.exit(why)
    network = live.Network()
    network.beyond("198.51.100.0/24", "192.0.2.0/24")
    bad = [f"{net}.{i}" for net in ("198.51.100", "192.0.2") for i in range(1, 255)]
    daemon = live.Daemon(network, bad=bad, automatic=live.AUTOMATIC.replace("confirm: none", "confirm: 10s"))
    rng = random.Random(o.seed)
    try:
        daemon.start()
        watcher = live_watch.Watcher(daemon).start()
        load = live_load.Load(daemon, bad, bad_each=1.0).people(o.seed).people(o.seed + 1)
        killer = live_load.Killer(daemon, watcher, o.seed)
        begin = time.monotonic()
        for _ in range(o.kills):
            time.sleep(rng.uniform(0.1, 1.0))
            killer.kill_one()
        killer.done()
        time.sleep(2)
        load.stop()
        watcher.stop()
        took = time.monotonic() - begin
        broken, figures = watcher.judge()
        code = daemon.stop()
        orders, generation = live_watch.read_store(daemon.folder / "state", daemon.folder)
        lost = live_load.lost(load.acked, orders, daemon.folder / "archive")
        whole = lib.run("verify", daemon.folder / "archive").returncode == 0
    finally:
        daemon.close()
        network.close()
    print(f"{sum(killer.kills.values())} kills in {took:.0f} s: " + ", ".join(f"{n} {name}" for name, n in sorted(killer.kills.items())))
    print("away at the most: " + ", ".join(f"{name} {s:.2f} s" for name, s in sorted(killer.away.items())))
    print(f"{len(orders)} orders, {generation} generations, {len(load.acked)} acts of people acknowledged, {len(load.refused)} refused")
    print(f"{figures['samples']} looks at the kernel, {figures['stores']} at the database; a cut stood {max(0, figures['late_s']):.2f} s after its order's end at the most")
    print(f"broken: {len(broken)}; acknowledged and lost: {len(lost)}; the archive is {'whole' if whole else 'NOT WHOLE'}; it ended with {code}")
    for line in (broken + lost)[:20]:
        print("  " + line)
    sys.exit(bool(broken or lost or not whole or code))


if __name__ == "__main__":
    main()
