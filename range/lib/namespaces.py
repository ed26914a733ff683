# SPDX-License-Identifier: GPL-2.0-or-later
"""Network namespaces of the range: a router with a bridge per zone, hosts on veths.

A `Range` owns every namespace whose name starts with bhr-<scenario>-, so that two
scenarios can be recorded at once. `build` makes them, `remove` ends what still runs
inside them (found by pid, inside them alone) and deletes them. `enter` gives the command line that runs a program as the first
process of a host, with its own network, mount, host name and pid namespaces,
so that killing it ends all that the host ever started.
"""

import os
import signal
import subprocess
import time

from . import topology

OFFLOADS = ("tx", "off", "rx", "off", "sg", "off", "tso", "off", "gso", "off", "gro", "off")
REACHABLE = 300 * 1000      # ms for which a neighbour is known: fewer ARP packets than with the kernel's 30 s


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError("%s: %s" % (" ".join(command), done.stderr.strip()))


def batch(lines, namespace=None):
    """Many ip commands in one process: sixty hosts would cost a thousand otherwise."""
    command = ["ip"] + (["-n", namespace] if namespace else []) + ["-batch", "-"]
    done = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError("ip -batch: " + done.stderr.strip())


def inside(namespace, *command):
    return ["nsenter", "--net=/run/netns/" + namespace, *command]


class Range:
    def __init__(self, scenario):
        self.prefix = "bhr-%s-" % scenario
        self.router = self.prefix + "router"

    def enter(self, host, *command):
        return inside(self.prefix + host.name, "unshare", "--mount", "--uts", "--pid", "--fork", "--mount-proc",
                      "--kill-child=SIGKILL", *command)

    def build(self, agency):
        self.remove()
        batch(["netns add " + self.router] + ["netns add %s%s" % (self.prefix, h.name) for h in agency.hosts])
        run(*inside(self.router, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.disable_ipv6=1",
                    "net.ipv6.conf.default.disable_ipv6=1", "net.ipv4.conf.all.send_redirects=0",
                    "net.ipv4.conf.default.send_redirects=0", "net.ipv4.conf.all.rp_filter=0"))
        lines = ["link set lo up"]
        for zone in topology.ZONES.values():
            lines += ["link add %s type bridge forward_delay 0 mcast_snooping 0" % zone.bridge,
                      "link set %s up" % zone.bridge]
            lines += ["addr add %s dev %s" % (gateway, zone.bridge) for gateway in zone.gateways]
        batch(lines, self.router)
        run(*inside(self.router, "sysctl", "-qw", *["net.ipv4.neigh.%s.base_reachable_time_ms=%d" % (z.bridge, REACHABLE)
                                                    for z in topology.ZONES.values()]))
        for host in agency.hosts:
            self.attach(host)

    def attach(self, host):
        namespace, port = self.prefix + host.name, "p-" + host.name
        zone = topology.ZONES[host.zone]
        run("ip", "-n", self.router, "link", "add", port, "type", "veth", "peer", "name", "eth0",
            "address", host.mac, "netns", namespace)
        run(*inside(namespace, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1",
                    "net.ipv4.ip_unprivileged_port_start=0", "net.ipv4.tcp_timestamps=0",
                    "net.ipv4.neigh.eth0.base_reachable_time_ms=%d" % REACHABLE))
        run(*inside(self.router, "ethtool", "-K", port, *OFFLOADS))
        run(*inside(namespace, "ethtool", "-K", "eth0", *OFFLOADS))
        batch(["link set %s master %s" % (port, zone.bridge), "link set %s up" % port], self.router)
        lines = ["link set lo up", "link set eth0 up"]
        if not host.dhcp:
            lines += ["addr add %s/24 dev eth0" % host.address, "route add default via " + host.gateway]
        batch(lines, namespace)

    def existing(self):
        listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout
        return [line.split()[0] for line in listed.splitlines() if line.startswith(self.prefix)]

    def remove(self):
        namespaces = self.existing()
        for attempt in range(20):
            pids = set()
            for namespace in namespaces:
                found = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True).stdout
                pids.update(int(pid) for pid in found.split())
            pids.discard(os.getpid())
            if not pids:
                break
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.1 * (attempt + 1))
        for namespace in namespaces:
            subprocess.run(["ip", "netns", "delete", namespace], capture_output=True)
