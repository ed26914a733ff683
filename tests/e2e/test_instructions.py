#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a packet costs, in instructions: on a busy machine seconds say little, but these stay the same to a few in 100,000.

Two small captures of the benchmark's makers go through bench_sensor under callgrind; what bench_sensor_work and all that it calls execute,
divided by the packets, stands in instructions.json. More by 10 % fails. Recorded anew, after a change that was meant, by
    tests/e2e/test_instructions.py --record
Another compiler or library makes other code, so counts are held against a record of the same only.

BENCH names the folder of bench_sensor and the makers, BUILT_BY the compiler.
"""
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys

import lib

BENCH = pathlib.Path(os.environ.get("BENCH", lib.ROOT / "build" / "bench"))
RECORD = pathlib.Path(__file__).resolve().parent / "instructions.json"
RECORDINGS = lib.ROOT / "range" / "recordings"
MARGIN = 0.10
MIXED, SHORT = ["3", "120"], ["3000", "10", "ended"]  # megabytes and seconds; flows and seconds
# what libraries choose by the processor is chosen alike everywhere
ALIKE = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX2,-AVX,-ERMS,-FSRM", "OPENSSL_ia32cap": "0:0", "MALLOC_PERTURB_": "0"}


def machine():
    """Whose code it is that was counted."""
    compiler = os.environ.get("BUILT_BY")
    if not compiler:
        compiler = "gcc " + subprocess.run(["gcc", "-dumpfullversion"], capture_output=True, text=True, check=True).stdout.strip()
    return f"{compiler}, glibc {platform.libc_ver()[1]}, {platform.machine()}"


def run(command, **more):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, timeout=300, **more)
    if done.returncode:
        raise AssertionError(f"{command[0]}: {done.returncode}\n{done.stderr}")
    return done


def make(folder):
    recordings = "".join(f"{p}\n" for p in sorted(RECORDINGS.glob("*.pcapng")))
    run([BENCH / "bench_sensor_mixed", *MIXED, folder / "mixed.pcap"], input=recordings)
    run([BENCH / "bench_sensor_short", *SHORT, folder / "short.pcap"])


def count(folder, name):
    """Instructions and packets."""
    done = run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder / 'callgrind'}", "--toggle-collect=bench_sensor_work",
                BENCH / "bench_sensor", folder / f"{name}.pcap", folder / f"case-{name}"], env={**os.environ, **ALIKE})
    instructions = re.search(r"Collected : (\d+)", done.stderr)
    if not instructions or int(instructions.group(1)) == 0:
        raise AssertionError("callgrind counted nothing: " + done.stderr)
    return int(instructions.group(1)), json.loads(done.stdout)["packets"]


def missing():
    if not list(RECORDINGS.glob("*.pcapng")):
        return f"no recordings in {RECORDINGS}"
    return None if shutil.which("valgrind") else "valgrind is not installed"


class Instructions(lib.Test):
    def setUp(self):
        super().setUp()
        if why := missing():
            self.skipTest(why)
        self.record = json.loads(RECORD.read_text(encoding="ascii"))
        if self.record["machine"] != machine():
            self.skipTest(f"recorded with {self.record['machine']}; this is {machine()}")
        make(self.folder)

    def check(self, name):
        was = self.record[name]
        instructions, packets = count(self.folder, name)
        self.assertEqual(packets, was["packets"], "another capture than the one that was recorded; record anew")
        now = instructions / packets
        change = now / was["instructions_a_packet"] - 1
        told = f"{name}: {now:.0f} instructions a packet, {change:+.1%} of what was recorded ({was['instructions_a_packet']})"
        print(told)
        self.assertLessEqual(change, MARGIN, told)
        if change < -MARGIN:
            print(f"{name}: faster; hold on to it: tests/e2e/test_instructions.py --record")

    def test_a_packet_of_mixed_traffic_costs_no_more_than_it_did(self):
        self.check("mixed")

    def test_a_packet_of_short_flows_costs_no_more_than_it_did(self):
        self.check("short")


def record():
    if why := missing():
        sys.exit(f"can't be recorded: {why}")
    run(["ninja", "-C", BENCH.parent, "bench/bench_sensor", "bench/bench_sensor_mixed", "bench/bench_sensor_short"])
    result = {"machine": machine()}
    with lib.tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make(folder)
        for capture in ("mixed", "short"):
            instructions, packets = count(folder, capture)
            result[capture] = {"packets": packets, "instructions_a_packet": round(instructions / packets)}
    RECORD.write_text(json.dumps(result, indent=2) + "\n", encoding="ascii")
    print(RECORD.read_text(encoding="ascii"), end="")


if __name__ == "__main__":
    if sys.argv[1:] == ["--record"]:
        record()
    else:
        lib.main()
