#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Speed and memory of `bulkhead analyze` beside an empty libpcap loop over the same file, in turn, in one run.

speed.py [--bulkhead PATH] [--runs N] [--quick]. Builds its captures itself (make_capture.c): bulk (600 MB of full segments), mixed (200 MB of
short exchanges), and a scan of a million flows. Prints medians of wall and processor seconds, Gbit/s, Mpps, the ratio, and the largest memory.
"""
import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

BENCH = pathlib.Path(__file__).resolve().parent
ROOT = BENCH.parent
# doc/analysis.md adds up the bounds; what a run may take at the most
MEMORY_BOUND_MB = 1536


def measure(command):
    """Wall seconds, processor seconds, largest resident size in MB, exit code."""
    start = time.monotonic()
    pid = os.fork()
    if pid == 0:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        os.execv(command[0], command)
    _, status, usage = os.wait4(pid, 0)
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)


def build(folder):
    for name, libraries in (("make_capture", []), ("empty_loop", ["-lpcap"])):
        subprocess.run(["gcc", "-O2", "-D_GNU_SOURCE", f"-I{ROOT / 'src'}", str(BENCH / f"{name}.c"), "-o", str(folder / name), *libraries],
                       check=True)


def compare(bulkhead, folder, kind, size, runs):
    capture = folder / f"{kind}.pcap"
    subprocess.run([str(folder / "make_capture"), kind, str(size), str(capture)], check=True)
    told = subprocess.run([str(folder / "empty_loop"), str(capture)], check=True, capture_output=True, text=True).stdout.split()
    packets, octets = int(told[0]), int(told[2])
    rows = {"loop": [], "bulkhead": []}
    for _ in range(runs):
        rows["loop"].append(measure([str(folder / "empty_loop"), str(capture)]))
        case = folder / "case"
        rows["bulkhead"].append(measure([bulkhead, "analyze", str(capture), "--quiet", "--out", str(case)]))
        shutil.rmtree(case, ignore_errors=True)
    if any(r[3] not in (0, 1) for r in rows["bulkhead"]):
        sys.exit(f"{kind}: analyze failed: {[r[3] for r in rows['bulkhead']]}")
    wall = {k: statistics.median(r[0] for r in v) for k, v in rows.items()}
    cpu = {k: statistics.median(r[1] for r in v) for k, v in rows.items()}
    memory = max(r[2] for r in rows["bulkhead"])
    print(f"{kind}: {packets} packets, {octets / 1e6:.0f} MB")
    for k in ("loop", "bulkhead"):
        print(f"  {k:9s} wall {wall[k]:.2f} s, processor {cpu[k]:.2f} s, {octets * 8 / wall[k] / 1e9:.2f} Gbit/s, {packets / wall[k] / 1e6:.2f} Mpps")
    print(f"  ratio     wall {wall['bulkhead'] / wall['loop']:.1f}, processor {cpu['bulkhead'] / cpu['loop']:.1f}; "
          f"memory {memory:.0f} MB (stated bound {MEMORY_BOUND_MB} MB)", flush=True)
    capture.unlink()
    return memory


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bulkhead", default=str(ROOT / "build" / "bulkhead"))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a tenth of the size")
    args = parser.parse_args()
    part = 10 if args.quick else 1
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        build(folder)
        memory = [compare(args.bulkhead, folder, "bulk", 600 // part, args.runs), compare(args.bulkhead, folder, "mixed", 200 // part, args.runs),
                  compare(args.bulkhead, folder, "scan", 1000000 // part, 1)]
    if max(memory) > MEMORY_BOUND_MB:
        sys.exit(f"memory: {max(memory):.0f} MB, more than the stated bound")


if __name__ == "__main__":
    main()
