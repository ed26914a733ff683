# SPDX-License-Identifier: GPL-2.0-or-later
"""Who else reads captures, and how each is told to: one thread, results to a file where it writes any, defaults but for what is named."""
import pathlib
import re
import subprocess


class Peer:
    """One of them. `packets`: it takes so long that it gets the beginning of a capture only, and its time is reckoned up."""

    def __init__(self, name, program, what, arguments, note="", version=(), slow=False, packets=0, debian=True):
        self.name, self.program, self.what, self.arguments, self.note = name, program, what, arguments, note
        self.asked, self.slow, self.packets, self.debian = version, slow, packets, debian

    def command(self, capture, folder):
        return [self.program, *(a.format(capture=capture, folder=folder) for a in self.arguments)]

    @property
    def shown(self):
        return " ".join([self.program, *self.arguments]).format(capture="FILE", folder="DIR")

    def version(self):
        asked = subprocess.run([self.program, *self.asked], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        found = re.search(r"\d+\.\d+(\.\d+)*", asked.stdout + asked.stderr)
        return found.group() if found else "of unknown version"


PEERS = [
    Peer("nfpcapd", "nfpcapd", "flows", ["-r", "{capture}", "-w", "{folder}"], "Flow files, one way each.", ("-V",)),
    Peer("softflowd", "softflowd", "flows", ["-r", "{capture}", "-d", "-6", "-m", "4000000", "-v", "9", "-n", "127.0.0.1:9", "-p", "{folder}/pid", "-c", "none"],
         "Room for all flows; NetFlow to a port where nobody listens.", ("-h",)),
    Peer("argus", "argus", "flows with round-trip times and losses", ["-F", "/dev/null", "-r", "{capture}", "-w", "{folder}/out"], "", ("-h",)),
    Peer("ndpiReader", "ndpiReader", "flows, protocols' names and metadata, risks", ["-q", "-i", "{capture}"], "Nothing written but a summary.", ("-h",), slow=True),
    Peer("suricata", "suricata", "flows, protocols, EVE; no rules", ["-r", "{capture}", "-k", "none", "-S", "/dev/null", "-l", "{folder}", "--runmode", "single"],
         "Its package's configuration.", ("-V",), slow=True, debian=False),
    Peer("zeek", "zeek", "flows, protocols, logs", ["-C", "-r", "{capture}", "Log::default_logdir={folder}"], "", ("--version",), slow=True, debian=False),
    Peer("snort", "snort", "flows, protocols; no rules", ["-r", "{capture}", "-q", "-k", "none", "-l", "{folder}"], "", ("-V",), slow=True, debian=False),
    Peer("tshark", "tshark", "dissection of everything, conversations", ["-n", "-r", "{capture}", "-q", "-z", "conv,tcp", "-z", "conv,udp"],
         "The first 200,000 packets, the time reckoned up to the whole; the memory isn't.", ("-v",), slow=True, packets=200_000),
]


def head(work, capture, packets):
    """The first packets of a capture, made once."""
    path = pathlib.Path(work) / f"{capture.stem}-head.pcap"
    if not path.exists():
        with open(capture, "rb") as f, open(path, "wb") as out:
            out.write(f.read(24))
            for _ in range(packets):
                record = f.read(16)
                out.write(record + f.read(int.from_bytes(record[8:12], "little")))
    return path
