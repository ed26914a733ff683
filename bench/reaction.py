#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How long from the first malicious packet to the first that is dropped, in namespaces of its own.

bench/reaction.py BUILD [--trials 200] [--background 200000] [--peers]   BUILD holds bulkhead and bench/bench_react.
For an indicator's address, and for a scan of one machine's ports from outside (which is one at the fifth refusal, and 100 us pass between two probes).
Prints p50, p99 and the worst, and with --peers the same of a shell loop (tcpdump | nft) and of fail2ban in the same run, with ratios.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
FIRST = "198.51.100.1"
MACHINE = "10.77.1.2"
SCAN = """\
automatic:
  - {name: scanners, detection: "scan.*", confidence: 0.15, cut: peer, lease: 10m, confirm: none}
"""
PEERS = 20  # trials of a peer: each takes long


def addresses(n):
    return [f"198.51.100.{1 + i}" for i in range(n)]


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p / 100))]


def react(build, network, trials, pause_ms, background, *scanned):
    """What bench_react printed: microseconds (None: never), and packets that arrived after the first drop."""
    out = subprocess.run([str(build / "bench" / "bench_react"), network.inside, network.outside, str(trials), str(pause_ms), str(background), FIRST, *scanned],
                         check=True, capture_output=True, text=True, timeout=1500).stdout
    rows = [line.split() for line in out.splitlines()]
    return [None if r[1] == "never" else int(r[1]) for r in rows], sum(int(r[3]) for r in rows if r[1] != "never")


def tell(name, times, leaks, base=None):
    good = [t for t in times if t is not None]
    if not good:
        print(f"{name:22} never in {len(times)} trials")
        return None
    p50, p99 = percentile(good, 50), percentile(good, 99)
    print(f"{name:22} {len(good):4} of {len(times)} trials   p50 {p50 / 1000:9.2f} ms   p99 {p99 / 1000:9.2f} ms   worst {max(good) / 1000:9.2f} ms   "
          f"{leaks} packets after the first drop" + (f"   {p50 / base:.0f} times ours" if base else ""), flush=True)
    return p50


def network_with_bad(live, n):
    network = live.Network()
    network.ip("-n", network.gateway, "route", "add", "198.51.100.0/24", "via", "203.0.113.2")
    network.ip("-n", network.outside, "route", "add", "local", "198.51.100.0/24", "dev", "lo")
    return network


SHELL = """nft add table inet peer
nft add set inet peer bad '{ type ipv4_addr; }'
nft add chain inet peer f '{ type filter hook forward priority 0; }'
nft add rule inet peer f ip daddr @bad drop
tcpdump -l -n -i gw-in 'udp and dst net 198.51.100.0/24' 2>/dev/null | while read -r _ _ _ _ to _; do
	a="${to%.*}"
	case " $seen " in *" $a "*) continue ;; esac
	seen="$seen $a"
	nft add element inet peer bad "{ $a }"
done
"""

# the first packet to each, as a line of a log (awk would wait for a buffer of them)
WRITER = """tcpdump -l -n -tt -i gw-in 'udp and dst net 198.51.100.0/24' 2>/dev/null | while read -r at _ _ _ to _; do
	a="${{to%.*}}"
	case " $seen " in *" $a "*) continue ;; esac
	seen="$seen $a"
	echo "$at to $a"
done >>{log}
"""

JAIL = """[DEFAULT]
action = peer
bantime = 600
findtime = 600
maxretry = 1
[peer]
enabled = true
filter = peer
logpath = {folder}/log
backend = auto
"""
FILTER = """[Definition]
failregex = ^.* to <HOST>$
datepattern = {^LN-BEG}Epoch
"""
ACTION = """[Definition]
actionstart = nft add table inet peer
  nft add set inet peer bad '{ type ipv4_addr; }'
  nft add chain inet peer f '{ type filter hook forward priority 0; }'
  nft add rule inet peer f ip daddr @bad drop
actionstop = nft delete table inet peer
actionban = nft add element inet peer bad '{ <ip> }'
actionunban = true
"""


def run_shell(network, folder):
    return [network.start(network.gateway, "sh", "-c", SHELL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)]


def run_fail2ban(network, folder):
    for name, text in (("jail.conf", JAIL.format(folder=folder)), ("filter.d/peer.conf", FILTER), ("action.d/peer.conf", ACTION),
                       ("fail2ban.conf", f"[DEFAULT]\nloglevel = INFO\nlogtarget = {folder}/f2b.log\nsyslogsocket = auto\nsocket = {folder}/sock\n"
                        f"pidfile = {folder}/pid\ndbfile = None\nallowipv6 = no\n[Definition]\n")):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    (folder / "log").write_text("")
    writer = WRITER.format(log=folder / "log")
    return [network.start(network.gateway, "sh", "-c", writer, start_new_session=True),
            network.start(network.gateway, "fail2ban-server", "-f", "-x", "-c", folder, "start", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          start_new_session=True)]


def peers(live, build, background, base):
    for name, program, begin in (("tcpdump | nft", "tcpdump", run_shell), ("fail2ban", "fail2ban-server", run_fail2ban)):
        if not shutil.which(program):
            print(f"{name:22} not installed")
            continue
        network = network_with_bad(live, PEERS)
        folder = pathlib.Path(f"/tmp/bh-peer-{os.getpid()}")
        folder.mkdir()
        started = begin(network, folder)
        try:
            time.sleep(4)
            times, leaks = react(build, network, PEERS, 1200, background)
            tell(name, times, leaks, base)
        finally:
            for process in started:
                os.killpg(process.pid, 15)
                process.wait(20)
            network.close()
            shutil.rmtree(folder)


def ours(live, o, name, settings, *scanned):
    """One row of our own; its p50."""
    network = network_with_bad(live, o.trials)
    daemon = live.Daemon(network, **settings)
    try:
        daemon.start()
        times, leaks = react(o.build, network, o.trials, 1000, o.background, *scanned)
        base = tell(name, times, leaks)
        status = daemon.status()
        print(f"{'':22} {status['sensors'][0]['packets']} packets seen, {status['sensors'][0]['lost_packets']} lost; "
              f"{status['enforcers'][0]['cuts']} cuts in force", flush=True)
    finally:
        daemon.close()
        network.close()
    return base


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--background", type=int, default=200000)
    parser.add_argument("--peers", action="store_true")
    o = parser.parse_args()
    os.environ["BULKHEAD"] = str(o.build.resolve() / "bulkhead")
    import live
    why = live.have_namespaces()
    if why:
        sys.exit(why)
    base = ours(live, o, "bulkhead, indicator", {"bad": addresses(o.trials)})
    ours(live, o, "bulkhead, scan", {"automatic": SCAN}, MACHINE)
    if o.peers:
        peers(live, o.build, o.background, base)


if __name__ == "__main__":
    main()
