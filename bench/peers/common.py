# SPDX-License-Identifier: GPL-2.0-or-later
"""What the peers of bench/archive.py share. A peer is a class with

name, available() (why not, or None), load(source) and hunt(lists, runs, cold, answers).

load gives {seconds, processor, bytes, flows, note}; hunt gives {list name: {warm_ms, cold_ms, form}} and leaves the answers as
FOLDER/LIST.PEER.csv: indicator, flows, wire bytes out and in, first, last.
"""
import ipaddress
import os
import pathlib
import subprocess

# The columns of bench_history --csv, each with its smallest type: bytes of an unsigned number, "time" or "text".
COLUMNS = [("id", 8), ("duplicate_of", 8), ("vantage", 2), ("protocol", 1), ("initiator", 4), ("responder", 4), ("initiator_port", 2),
           ("responder_port", 2), ("first", "time"), ("last", "time"), ("packets_out", 8), ("packets_in", 8), ("wire_out", 8), ("wire_in", 8),
           ("payload_out", 8), ("payload_in", 8), ("retransmitted_out", 8), ("retransmitted_in", 8), ("tcp_flags_out", 1), ("tcp_flags_in", 1),
           ("tcp_state", 1), ("end", 1), ("app", "text"), ("name", "text")]
DROP = pathlib.Path("/proc/sys/vm/drop_caches")


class List:
    """A list of indicators that bench_history wrote."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.name = self.path.name
        self.domains = self.name.startswith("domains")
        self.kind, size = self.path.stem.split("-")[1:]
        self.size = int(size)

    def values(self):
        return sorted(set(self.path.read_text(encoding="ascii").split()))

    def keys(self):
        return self.values() if self.domains else [int(ipaddress.IPv4Address(v)) for v in self.values()]


def drop_pages():
    os.sync()
    DROP.write_text("3\n", encoding="ascii")


def can_drop():
    return os.access(DROP, os.W_OK)


def size_of(path):
    return sum(p.lstat().st_size for p in pathlib.Path(path).rglob("*") if p.is_file())


def read_answer(path, domains):
    """{indicator: numbers}; a peer may write addresses as numbers."""
    answer = {}
    for line in pathlib.Path(path).read_text(encoding="ascii").splitlines():
        key, *numbers = line.replace('"', "").split(",")
        if not domains and key.isdigit():
            key = str(ipaddress.IPv4Address(int(key)))
        answer[key] = tuple(int(n) for n in numbers)
    return answer


def processor_of(pid):
    """Processor seconds that a process has used."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(command, **more):
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True, **more).stdout
