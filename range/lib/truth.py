# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the truth of a recording, from what the tools did and what receivers got.

Sources: the records of `rec` (tools.jsonl), the intruder's notes (notes.jsonl),
nmap's own output, and the files that arrived at the intruder's end. Never a capture.
"""

import datetime
import hashlib
import ipaddress
import json
import pathlib
import re

from . import breakin, cloud, documents

SLACK = 1.0     # seconds that a connection may outlive its tool (the last FIN and ACK)


def rfc3339(seconds):
    whole, nanoseconds = divmod(round(seconds * 1e9), 10**9)
    return datetime.datetime.fromtimestamp(whole, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S") + ".%09dZ" % nanoseconds


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def invocations(rows, ended):
    """Begin and end records joined; a tool that was still at work ends with the recording."""
    open_, done = {}, []
    for row in rows:
        if "from" in row:
            open_[row["id"]] = row
        else:
            done.append({**open_.pop(row["id"]), **row})
    return done + [{**row, "to": ended, "exit": None} for row in open_.values()]


def endpoints(targets):
    for target in targets.split(","):
        where, ports = target.split(":")
        network = ipaddress.ip_network(where)
        for address in network:
            for port in ports.split("+"):
                yield str(address), int(port)


def tunnel_port(folder):
    """The local port of the DNS tunnel's socket, as ss listed it."""
    try:
        return int(re.search(r":(\d+) .*dns2tcpc", (folder / "tunnel-socket").read_text()).group(1))
    except (OSError, AttributeError):
        return None


def attack_flows(agency, tools, notes, folder, begin, ended):
    rows = []

    def add(since, until, src, dst, dport, proto, what, sport=None):
        row = {"from": rfc3339(since), "to": rfc3339(min(until + SLACK, ended)), "src": src, "dst": dst,
               "dport": dport, "proto": proto, "what": what}
        rows.append({**row, "sport": sport} if sport else row)

    for tool in tools:
        sport = tunnel_port(folder) if tool["sport"] == "tunnel" else int(tool["sport"]) if tool["sport"] != "-" else None
        for address, port in endpoints(tool["targets"]):
            if address != agency.address(tool["host"]):
                add(tool["from"] - 0.02, tool["to"], agency.address(tool["host"]), address, port, tool["proto"],
                    tool["what"], sport)
        if tool["what"] == "theft dns":
            add(tool["from"], tool["to"], agency.address("dns1"), breakin.TUNNEL, 53, "udp", "theft dns, by the resolver")
    for note in notes:
        if "flow" in note:
            flow = note["flow"]
            add(begin, ended, flow["src"], flow["dst"], flow["dport"], flow["proto"], flow["what"], note.get("sport"))
    return sorted(rows, key=lambda row: (row["from"], row["dst"], row["dport"]))


def answered_scans(folder):
    """Who accepted or refused a connection of nmap's. Where nothing answered, its output says filtered."""
    found = set()
    for path in folder.glob("*.gnmap"):
        for line in path.read_text().splitlines():
            match = re.match(r"Host: (\S+) .*Ports: (.*)", line)
            if match and re.search(r"/open/|/closed/|Ignored State: closed", match.group(2)):
                found.add(match.group(1))
    return found


def arrived(folder, prefix, catalogue, seed):
    """Bytes of each document among the pieces named <prefix><document>.<number>, checked against the original."""
    found = {}
    for name, kilobytes in catalogue:
        original = documents.document(seed, name, kilobytes)
        pieces = sorted(folder.glob("%s%s.*" % (prefix, name)))
        got = b"".join(piece.read_bytes() for piece in pieces)
        if got:
            if not original.startswith(got):
                raise RuntimeError("what arrived of %s is not a part of it" % name)
            found[name] = (original, len(got))
    return found


def listed(found):
    return [{"name": name, "sha256": hashlib.sha256(original).hexdigest(), "bytes": len(original), "bytes_left": size}
            for name, (original, size) in found.items()]


def stolen(scenario, seed, received):
    if scenario == "breakin":
        by_https = arrived(received / "x-drop" / "v", "", documents.MISSION, seed)
        secret, size = documents.MISSION_SECRET
        original = documents.document(seed, secret, size)
        got = b"".join(path.read_bytes() for path in sorted((received / "x-ns").glob("stream-*")))
        if not original.startswith(got):
            raise RuntimeError("what came through the tunnel is not a part of " + secret)
        by_dns = {secret: (original, len(got))} if got else {}
        channels = [{"channel": "https", "from": breakin.STAGE, "to": breakin.DROP, "bytes": sum(n for _, n in by_https.values())},
                    {"channel": "dns", "from": breakin.STAGE, "to": breakin.TUNNEL, "bytes": len(got)}]
        return {"mission-control": {"documents": listed({**by_https, **by_dns}),
                                    "bytes_left": sum(c["bytes"] for c in channels), "channels": channels}}
    if scenario == "cloud":
        found = arrived(received / "cloudstore" / "u", cloud.ACCOUNT + "-", documents.LAUNCH, seed)
        total = sum(n for _, n in found.values())
        return {"launch-ops": {"documents": listed(found), "bytes_left": total, "channels": [
            {"channel": "https", "from": cloud.STAGE, "to": cloud.CLOUD, "bytes": total}]}}
    return {}


ATTACKERS = {
    "breakin": {"c2": [breakin.ADDRESS, breakin.SCANNER], "exfiltration": [breakin.DROP, breakin.TUNNEL],
                "scanner": [breakin.SCANNER], "domains": [breakin.NAME, breakin.DROP_NAME, breakin.TUNNEL_NAME]},
    "cloud": {"c2": [cloud.ADDRESS], "exfiltration": [cloud.CLOUD], "scanner": [], "delivery": [cloud.LURE],
              "domains": [cloud.NAME, cloud.LURE_NAME]},
    "quiet": {"c2": [], "exfiltration": [], "scanner": [], "domains": []},
}


def write(path, agency, seed, directory, started, attack_started, ended):
    folder = pathlib.Path(directory) / "truth"
    notes = lines(folder / "notes.jsonl")
    failures = [note["failed"] for note in notes if "failed" in note]
    if failures:
        raise RuntimeError("the intruder failed: " + failures[0])
    tools = invocations(lines(folder / "tools.jsonl"), ended)
    internal = {h.address: h for h in agency.hosts if h.internal}
    fallen = [{"address": agency.address(n["compromised"]), "name": n["compromised"], "since": rfc3339(n["since"]),
               "how": n["how"]} for n in notes if "compromised" in n]
    touched = {f["address"] for f in fallen}
    for tool in tools:
        if not tool["what"].startswith("nmap"):
            touched |= {address for address, _ in endpoints(tool["targets"])}
    truth = {
        "scenario": agency.scenario, "seed": seed, "started": rfc3339(started),
        "attack_started": rfc3339(attack_started) if fallen else None, "ended": rfc3339(ended),
        "hosts": [{"name": h.name, "addresses": [h.address], "zone": h.zone} for h in internal.values()],
        "entry": {"address": fallen[0]["address"], "name": fallen[0]["name"], "time": fallen[0]["since"]} if fallen else None,
        "compromised": fallen,
        "touched": sorted(touched & set(internal), key=ipaddress.ip_address),
        "probed": sorted(answered_scans(folder) & set(internal) - touched, key=ipaddress.ip_address),
        "attacker": ATTACKERS[agency.scenario],
        "attack_flows": attack_flows(agency, tools, notes, folder, attack_started, ended),
        "stolen": stolen(agency.scenario, seed, pathlib.Path(directory) / "received"),
        "last_new_compromise": fallen[-1]["since"] if fallen else None,
    }
    rows = truth.pop("attack_flows")
    text = json.dumps(truth, indent=1)
    flows = ",\n  ".join(json.dumps(row) for row in rows)
    path.write_text(text[:-2] + ',\n "attack_flows": [' + ("\n  " + flows + "\n ]" if rows else "]") + "\n}\n")
    return truth
