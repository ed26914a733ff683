# SPDX-License-Identifier: GPL-2.0-or-later
"""What Bulkhead says of a capture: its records, as `archive export` gives them."""
import json
import pathlib
import shutil
import subprocess
import tempfile

TIMEOUT_S = 120


class Failed(Exception):
    """The program failed; the reason in one line."""


def _run(command, codes):
    try:
        done = subprocess.run(list(map(str, command)), capture_output=True, check=False, timeout=TIMEOUT_S)
    except (subprocess.TimeoutExpired, OSError) as e:
        raise Failed(f"{command[1]}: {e}") from None
    if done.returncode not in codes:
        raise Failed(f"{command[1]}: exit code {done.returncode}: {done.stderr.decode('utf-8', 'replace').strip()[-300:]}")
    return done


def records(capture, bulkhead, extra=()):
    """Flows by id, and transactions, each with its fields as a list of (name, value)."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bulkhead-agree-"))
    try:
        _run([bulkhead, "analyze", "--quiet", *extra, capture, "--out", folder / "case"], (0, 1, 3))
        out = _run([bulkhead, "archive", "export", "--format", "json", "--kind", "flow,transaction", folder / "case" / "archive"], (0,)).stdout
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    flows, transactions = {}, []
    for line in out.decode("utf-8").splitlines():
        record = json.loads(line)
        if record["record"] == "flow":
            flows[record["id"]] = record
        else:
            record["fields"] = [(f["name"], f["value"]) for f in record["fields"]]
            transactions.append(record)
    return flows, transactions


def ends(flow):
    """As layers.Layer.ends()."""
    return flow["protocol"], *sorted(((flow["initiator"], flow["initiator_port"]), (flow["responder"], flow["responder_port"])))
