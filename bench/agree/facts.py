# SPDX-License-Identifier: GPL-2.0-or-later
"""Names that a capture's applications told, of both sides in one form: kind -> {(ends of the flow, what was told): where}.

A fact counts once however often it was sent: a question asked again under the same id, the same host in each request of a connection.
DNS: id, name, type of each question, of queries and responses. SNI and JA3: of TLS and QUIC. Host: of HTTP/1 requests, without the port.
SMB: names that files were opened, deleted, or renamed by.
"""
import re

from agree import layers, ours

KINDS = {"dns": "DNS questions", "sni": "TLS and QUIC server names", "ja3": "JA3", "host": "HTTP hosts", "smb": "SMB file names"}
DNS_TYPES = {1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 10: "NULL", 11: "WKS", 12: "PTR", 13: "HINFO", 15: "MX", 16: "TXT", 17: "RP", 18: "AFSDB",
             24: "SIG", 25: "KEY", 28: "AAAA", 29: "LOC", 33: "SRV", 35: "NAPTR", 36: "KX", 37: "CERT", 39: "DNAME", 41: "OPT", 43: "DS",
             44: "SSHFP", 46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 50: "NSEC3", 51: "NSEC3PARAM", 52: "TLSA", 99: "SPF", 249: "TKEY",
             250: "TSIG", 251: "IXFR", 252: "AXFR", 255: "ANY", 256: "URI", 257: "CAA"}  # IANA, DNS parameters
DNS_APPS = ("dns", "mdns", "llmnr")
SMB_OPENS = {0x02, 0x03, 0x0f, 0x2d, 0xa2, 0x06}  # [MS-CIFS] 2.2.2.1: OPEN, CREATE, CREATE_NEW, OPEN_ANDX, NT_CREATE_ANDX, DELETE
SMB_NO_MORE = 0xff
SMB2_CREATE = 5


def plain(name):
    """What both sides show alike: small letters, and one ? for each run of bytes that either has to write in its own way."""
    name = re.sub(r"\\x[0-9a-fA-F]{2}|\\[0-7]{3}|\\[abfnrtv]|[^\x20-\x7e]", "?", name)
    name = re.sub(r"\\(.)", r"\1", name)
    return re.sub(r"\?+", "?", name).lower()


def dns_name(name):
    name = plain(name)
    return "." if name in ("<root>", "", ".") else name


def host(name):
    """Without port and the last dot."""
    name = plain(name).strip()
    return re.sub(r":\d*$", "", name).rstrip(".")


def path(name):
    """SMB: from the share's root."""
    name = re.sub(r"\\x[0-9a-fA-F]{2}|[^\x20-\x7e]", "?", name)
    return re.sub(r"\?+", "?", name.replace("/", "\\")).lower().strip("\\").removesuffix("\\")


class Facts:
    """Facts of one capture by kind; `where` is the frame, or our record. `mentioned`: names of files that tshark shows anywhere."""

    def __init__(self):
        self.of = {kind: {} for kind in KINDS}
        self.mentioned = set()

    def add(self, kind, ends, told, where):
        if told:
            self.of[kind].setdefault((ends, told), where)


def _shark_dns(facts, frame, ends):
    names, types = list(map(dns_name, frame["dns.qry.name"])), frame["dns.qry.type"]
    at = 0
    for ident, count in zip(frame["dns.id"], frame["dns.count.queries"]):
        for name, number in list(zip(names, types))[at:at + int(count)]:
            number = int(number, 0)
            facts.add("dns", ends, (int(ident, 0), name, DNS_TYPES.get(number, f"TYPE{number}")), frame)
        at += int(count)


def _shark_smb(facts, frame, ends):
    """Only where each name of the frame is one that was opened: tshark shows names that it remembers with any other message, too."""
    commands = [int(c, 0) for c in frame["smb2.cmd"]]
    requests = [r in ("0", "False") for r in frame["smb2.flags.response"]]
    names = frame["smb2.filename"]
    if commands.count(SMB2_CREATE) == len(names) and all(requests):
        for name in names:
            facts.add("smb", ends, path(name), frame)
    commands = [c for c in (int(c, 0) for c in frame["smb.cmd"]) if c != SMB_NO_MORE]
    asked = all(r in ("0", "False") for r in frame["smb.flags.response"])
    if len(commands) == len(frame["smb.file"]) and all(c in SMB_OPENS for c in commands) and asked:
        for name in frame["smb.file"]:
            facts.add("smb", ends, path(name), frame)
    for name in (*frame["smb2.filename"], *frame["smb.file"], *frame["smb.path"]):
        facts.mentioned.add((ends, path(name)))


def of_tshark(frames):
    facts = Facts()
    for frame in frames:
        protocols = frame.first("frame.protocols").split(":")
        for kind, columns, until in (("dns", ("dns.qry.name",), DNS_APPS), ("host", ("http.host",), ("http",)),
                                     ("sni", ("tls.handshake.extensions_server_name", "gquic.tag.sni"), ("tls", "quic", "gquic")),
                                     ("ja3", ("tls.handshake.ja3",), ("tls", "quic")), ("smb", ("smb.file", "smb2.filename"), ("smb", "smb2"))):
            if not any(frame[c] for c in columns) or (kind == "host" and "ssdp" in protocols):
                continue
            found = layers.read(frame, until)
            if not found:
                continue
            ends = found[-1].ends()
            if kind == "dns":
                _shark_dns(facts, frame, ends)
            elif kind == "smb":
                _shark_smb(facts, frame, ends)
            else:
                form = {"host": host, "sni": plain, "ja3": str.lower}[kind]
                for column in columns:
                    for value in frame[column]:
                        facts.add(kind, ends, form(value), frame)
    return facts


def of_ours(flows, transactions):
    facts = Facts()
    for t in transactions:
        flow = flows[t["flow"]]
        ends, values = ours.ends(flow), {}
        for name, value in t["fields"]:
            values.setdefault(name, []).append(value)
        ident = int(values.get("dns.id", ["0"])[0])
        for name, kind in zip(values.get("dns.rrname", []), values.get("dns.rrtype", [])):
            facts.add("dns", ends, (ident, dns_name(name), kind), t)
        for column, kind, form in (("tls.sni", "sni", plain), ("tls.ja3", "ja3", str.lower), ("http.hostname", "host", host),
                                   ("smb.filename", "smb", path)):
            for value in values.get(column, []):
                facts.add(kind, ends, form(value), t)
    return facts
