#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Plays each golden case to the sensor and holds what comes of it against what must. GOLDEN_OUTCOME names the program.

test_golden.py [CASE]... runs; test_golden.py --write DIR writes the captures, test_golden.py --show CASE what came of one.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from cases import CASES  # noqa: E402
import cases_flood  # noqa: E402,F401
import cases_ip  # noqa: E402,F401
import cases_loss  # noqa: E402,F401
import cases_tcp  # noqa: E402,F401
from talk import Case  # noqa: E402


def run(name, path):
    options = CASES[name][1]
    command = [os.environ["GOLDEN_OUTCOME"]]
    for prefix, how in options.get("overlap", {}).items():
        command += ["--overlap", f"{prefix}={how}"]
    for key in ("flows", "fragments"):
        if key in options:
            command += [f"--{key}", str(options[key])]
    return json.loads(subprocess.run(command + [path], check=True, stdout=subprocess.PIPE, timeout=120).stdout)


def compare(what, want, got, wrong):
    if want != got:
        wrong.append(f"{what}: {got!r} instead of {want!r}")


def compare_flow(i, want, got, wrong):
    got = dict(got, flags=sorted(f for f in got["flags"] if f != "answered"), events=sorted(got["events"]))
    for key, value in want.items():
        if key not in ("out", "in"):
            compare(f"flow {i} {key}", value, got[key], wrong)
            continue
        for inner, number in value.items():
            if number is not None:
                compare(f"flow {i} {key} {inner}", number, got[key][inner], wrong)


def anomaly(fields):
    return tuple(fields.get("anomaly." + key, "") for key in ("event", "policy", "doubt", "kept", "other"))


def judge(want, got):
    wrong = []
    compare("flows", want["n_flows"], len(got["flows"]), wrong)
    for i, (w, g) in enumerate(zip(want["flows"], got["flows"])):
        compare_flow(i, w, g, wrong)
    plain = [t for t in got["transactions"] if "anomaly.event" not in t["fields"]]
    odd = [anomaly(t["fields"]) for t in got["transactions"] if "anomaly.event" in t["fields"]]
    compare("hosts", want["http"], [t["fields"].get("http.hostname") for t in plain if t["app"] == "http"], wrong)
    if want["dns"] is not None:
        compare("names", want["dns"], [t["fields"].get("dns.rrname") for t in plain if t["app"] == "dns"], wrong)
    compare("anomalies", [tuple(x.decode("latin-1") if isinstance(x, bytes) else x for x in a) for a in want["anomalies"]], odd, wrong)
    for part in ("coverage", "counts"):
        for key, value in want[part].items():
            compare(f"{part} {key}", value, got[part].get(key, 0), wrong)
    return wrong


def build(name):
    c = Case()
    return CASES[name][0](c), c.bytes()


def main(arguments):
    if arguments[:1] == ["--write"]:
        for name in CASES:
            pathlib.Path(arguments[1], name).write_bytes(build(name)[1])
        return 0
    failed = 0
    show = arguments[:1] == ["--show"]
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments[show:] or CASES:
            want, capture = build(name)
            path = os.path.join(folder, name + ".pcap")
            pathlib.Path(path).write_bytes(capture)
            got = run(name, path)
            wrong = judge(want, got)
            failed += bool(wrong)
            if show:
                json.dump(got, sys.stdout, indent=1)
            for line in wrong:
                print(f"{name}: {line}")
    print(f"{len(arguments[show:] or CASES)} cases, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
