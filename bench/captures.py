#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs Bulkhead over public captures of intrusions and prints a table: found, missed, false.

captures.py DATA [--bulkhead PATH]. DATA is a folder with otrf-lateral/, malcolm/ and corelight/ (see doc/detect.md for where they come from). What
is expected was written down from the captures' own descriptions and from tshark's conversations, never from Bulkhead's output: who acted,
who it was done to, which outside address took part.

found: each expected address stands in an incident (as a machine or an outside place). named: it stands in a detection that is too weak for an
incident. missed: in neither. false: machines of incidents (suspect or compromised) that nobody expected.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

W5, W6, DC = "172.18.39.5", "172.18.39.6", "172.18.38.5"
OTRF = {
    "covenant_copy_smb_CreateRequest": [W5, W6], "covenant_dcom_iertutil_dll_hijack": [W5, W6],
    "covenant_dcsync_dcerpc_drsuapi_DsGetNCChanges": [W5, DC], "covenant_getdomaingroup_ldap_searchrequest_domain_admins": [W5],
    "covenant_psremoting_command": [W5, W6], "covenant_sharpsc_create_dcerpc_smb_svcctl": [W5, W6],
    "covenant_wmi_wbemcomn_dll_hijack": [W5, W6], "empire_dcom_shellwindows": [W5, W6], "empire_msbuild_dcerpc_wmi_smb": [W5, W6],
    "empire_psremoting_stager": [W5, W6], "empire_smbexec_dcerpc_smb_svcctl": [W5, W6], "schtask_create": [W5, W6],
}
OTHERS = {
    "malcolm/445_scan.pcap": ["176.192.150.3"],
    "malcolm/multiport_scan.pcap": ["125.27.226.209"],
    "malcolm/port_scan.pcap": ["192.168.2.154"],
    "malcolm/scan_with_zero_windows.pcap": ["10.0.0.1"],
    "malcolm/Pingback_ICMP.pcap": ["192.168.38.131", "192.168.38.172"],
    "malcolm/Tunnels.pcap": ["192.168.5.208"],
    "malcolm/doublepulsar-backdoor-connect-win7.pcap": ["192.168.198.204", "192.168.198.203"],
    "malcolm/eternalblue-failed-patched-win7.pcap": [],
    "malcolm/eternalblue-success-unpatched-win7.pcap": ["192.168.198.204", "192.168.198.203"],
    "malcolm/log4j-attack.pcap": ["203.0.113.217"],
    "malcolm/log4j-dns_exfil.pcap": ["172.16.238.10"],
    "malcolm/log4j-user_agent.pcap": ["10.10.10.31", "172.16.238.10"],
    "malcolm/log4j-webapp.pcap": ["10.10.10.31", "172.16.238.10"],
    "corelight/agenttesla/0e328ab7-12b2-4843-8717-a5b3ebef33a8.pcap": ["192.168.100.134"],
    "corelight/agenttesla/a30789ce-1e1c-4f96-a097-78c34b9fb612.pcap": ["192.168.100.40", "43.255.154.57"],
    "corelight/agenttesla/db9f075c-7879-4957-923a-f79fac957a2d.pcap": ["192.168.100.122", "208.91.198.143"],
    "corelight/agenttesla/f9421792-7d2c-47d3-90e0-07eb54ae12fa.pcap": ["192.168.100.164", "143.95.79.226"],
    "corelight/asyncrat/30a385ed-171e-4f15-ac3f-08c96be7bfd1.pcap": ["192.168.100.20", "186.169.47.11"],
    "corelight/asyncrat/9596cf60-0da6-47a7-a375-1f25ae32d843.pcap": ["192.168.100.163", "94.156.71.237"],
    "corelight/asyncrat/cd010953-5faf-4054-86be-58c020c3a532.pcap": ["192.168.100.124", "181.131.218.39"],
    "corelight/caldera/ragdoll.pcap": ["172.18.0.3"],
    # PetitPotam makes the domain controller .80 log in elsewhere; .15 and .85 are the attacker's tool and relay
    "corelight/petitpotam/UnPatchedDCOpenFileRaw.pcapng": ["192.168.0.80", "192.168.0.85", "192.168.0.15"],
}


def cases(data):
    for name, expected in OTRF.items():
        files = sorted(p for p in (data / "otrf-lateral" / name).iterdir() if p.suffix in (".cap", ".pcap", ".pcapng"))
        for f in files:
            yield f"{name} {'/'.join(part for part in f.stem.split('_') if part.startswith('WORK'))}".strip(), [f], expected
        if len(files) > 1:
            yield f"{name} together", files, expected
    for name, expected in OTHERS.items():
        yield name.replace(".pcapng", "").replace(".pcap", ""), [data / name], expected


def run(bulkhead, files, folder):
    out = folder / "case"
    code = subprocess.run([bulkhead, "analyze", *map(str, files), "--out", str(out), "--quiet"], check=False,
                          stderr=subprocess.DEVNULL).returncode
    if code not in (0, 1, 3):
        return code, None, []
    case = json.loads((out / "incident.json").read_text(encoding="utf-8"))
    alerts = [json.loads(line) for line in (out / "eve.json").open(encoding="utf-8") if '"event_type":"alert"' in line]
    subprocess.run(["rm", "-rf", str(out)], check=True)
    return code, case, alerts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--bulkhead", default=str(pathlib.Path(__file__).resolve().parent.parent / "build" / "bulkhead"))
    args = parser.parse_args()
    if not (args.data / "malcolm").is_dir():
        sys.exit(f"{args.data}: no malcolm/ there")
    totals = {"found": 0, "named": 0, "missed": 0, "false": 0}
    print("| capture | found | named only | missed | false |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for name, files, expected in cases(args.data):
            code, case, alerts = run(args.bulkhead, files, pathlib.Path(folder))
            if case is None:
                print(f"| {name} | exit code {code} | | | |")
                totals["missed"] += len(expected)
                continue
            machines = {a for i in case["incidents"] for x in i["assets"] for a in x["addresses"]}
            places = {p["address"] for i in case["incidents"] for p in i["peers"]}
            spoken = {a for x in alerts for a in (x["src_ip"], x["dest_ip"])}
            found = [e for e in expected if e in machines | places]
            named = [e for e in expected if e not in found and e in spoken]
            missed = [e for e in expected if e not in found and e not in named]
            # a machine counts once, whatever addresses it had
            false = sorted(x["addresses"][0] for i in case["incidents"] for x in i["assets"] if not set(x["addresses"]) & set(expected))
            for key, v in (("found", found), ("named", named), ("missed", missed), ("false", false)):
                totals[key] += len(v)
            print(f"| {name} | {', '.join(found)} | {', '.join(named)} | {', '.join(missed)} | {', '.join(false)} |")
    print(f"\n{totals['found']} found, {totals['named']} named by a detection only, {totals['missed']} missed, {totals['false']} false")


if __name__ == "__main__":
    main()
