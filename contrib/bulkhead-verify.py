#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks a disclosure of Bulkhead without Bulkhead: one file, Python's standard library and the openssl command.

    bulkhead-verify.py FILE --key VKEY [--witness VKEY [--quorum N]] [--ca FILE] [--json]

FILE is what `bulkhead prove` wrote. VKEY is a verifier key (NAME+ID+BASE64), or a file of them, that came to you from
elsewhere; without that a disclosure is worth nothing. It was written from doc/evidence.md (the forms, the trees, the
signatures) and src/msg/records.schema (what a record says), not from the C program, so that the two check each other.

What it proves: each record is, byte by byte, what the archive held when the checkpoint was signed. What it doesn't: that
the record is true. doc/evidence.md says more.

Exit code: 0 all of it holds, 1 something doesn't, 2 usage, 4 it can't be read or judged.
"""

import argparse
import base64
import calendar
import hashlib
import json
import math
import pathlib
import re
import socket
import struct
import subprocess
import sys
import tempfile
import unicodedata

SIZE_MAX = 16 << 20
ELEMENTS_MAX = 1 << 20
RECORD_MAX = 1 << 20
STAMP_MAX = 1 << 16
NOTE_MAX = 1 << 20
SIGNATURES_MAX = 100
KEYS_MAX = 64
PATH_MAX = 65
NUMBER_MAX = (1 << 63) - 1
SIGNER, WITNESS = 1, 4


class Wrong(Exception):
    """Something that doesn't hold: nothing of the disclosure does."""


class Usage(Exception):
    """A mistake of the call."""


class Unjudged(Exception):
    """Something that this verifier can't judge."""


def need(true, why):
    if not true:
        raise Wrong(why)


# --- the forms that everything is made of -------------------------------------------------------------------------------


def unbase64(text, size=None):
    """Base 64 of RFC 4648, section 4, in the one form that the bytes have."""
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, UnicodeEncodeError):
        raise Wrong("base 64 is wanted") from None
    need(base64.b64encode(raw).decode() == text, "base 64 in another form than its bytes have")
    need(size is None or len(raw) == size, f"{size} bytes in base 64 are wanted")
    return raw


def number(text):
    """A number without leading zeros, up to 2^63 - 1."""
    need(re.fullmatch(r"0|[1-9][0-9]{0,18}", text), "a number in decimal is wanted")
    need(int(text) <= NUMBER_MAX, "a number is too large")
    return int(text)


class Key:
    """A verifier key: NAME+ID+BASE64."""

    def __init__(self, text):
        parts = text.split("+", 2)
        need(len(parts) == 3, "a verifier key is NAME+ID+BASE64")
        self.name = parts[0]
        need(re.fullmatch(r"[!-*,-~]{1,255}", self.name), "a key's name is 1 to 255 visible ASCII characters without '+'")
        typed = unbase64(parts[2], 33)
        self.type, self.public = typed[0], typed[1:]
        self.id = hashlib.sha256(self.name.encode() + b"\n" + typed).digest()[:4]
        need(self.type in (SIGNER, WITNESS), "a key of a type that is not known")
        need(parts[1] == self.id.hex(), "a key's ID isn't that of its bytes")

    def __eq__(self, other):
        return (self.type, self.name, self.public) == (other.type, other.name, other.public)


def split_note(data):
    """A signed note: its text, and (name, rest of the line after the name) of every signature."""
    need(len(data) <= NOTE_MAX, "a note over 1 MiB")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Wrong("a note that isn't UTF-8") from None
    need(not any(c < " " and c != "\n" for c in text), "a note with control characters")
    at = text.rfind("\n\n")
    need(at > 0, "a note without an empty line before its signatures")
    body, lines = text[:at + 1], text[at + 2:].split("\n")
    need(lines.pop() == "", "a note whose last line doesn't end")
    need(1 <= len(lines) <= SIGNATURES_MAX, "a note has 1 to 100 signatures")
    signatures = []
    for line in lines:
        match = re.fullmatch("\u2014 ([^ +]+) (.+)", line)
        need(match and not any(c.isspace() or unicodedata.category(c) in ("Zs", "Zl", "Zp") for c in match[1]),
             "a signature line that isn't one")
        # of keys that nobody asked about no more than the ID is looked at
        need(len(match[2]) >= 8, "a signature that is too short")
        signatures.append((match[1], unbase64(match[2][:8], 6)[:4], match[2]))
    return body.encode(), signatures


def checkpoint_of(body):
    """(origin, size, root) of a checkpoint's text."""
    lines = body.decode().split("\n")
    need(len(lines) >= 4 and lines[-1] == "", "a checkpoint has three lines")
    need(lines[0] and all(lines[3:-1]), "an empty line in a checkpoint")
    return lines[0], number(lines[1]), unbase64(lines[2], 32)


# --- trees (RFC 6962) ---------------------------------------------------------------------------------------------------


def leaf_hash(data):
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def check_inclusion(leaf, index, size, path, root, what):
    """RFC 9162, section 2.1.3.2."""
    need(index < size, f"{what}: its place is outside of the tree")
    fn, sn, r = index, size - 1, leaf
    for p in path:
        need(sn, f"{what}: the path is too long")
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0 and r == root, f"{what}: the path doesn't lead to the root")


# --- what the openssl command does --------------------------------------------------------------------------------------


class Openssl:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def write(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return str(path)

    @staticmethod
    def run(*arguments):
        try:
            return subprocess.run(["openssl", *arguments], capture_output=True, check=False)
        except OSError as e:
            raise Unjudged(f"the openssl command: {e.strerror}") from None

    def ed25519(self, public, message, signature):
        """Whether it is the key's signature."""
        key = self.write("key.der", bytes.fromhex("302a300506032b6570032100") + public)
        return self.run("pkeyutl", "-verify", "-pubin", "-inkey", key, "-keyform", "DER", "-rawin", "-in",
                        self.write("message", message), "-sigfile", self.write("signature", signature)).returncode == 0

    def read_stamp(self, response):
        """The time in a time stamp response, in words and in seconds since 1970."""
        text = self.run("ts", "-reply", "-in", response, "-text").stdout.decode("utf-8", "replace")
        need(re.search(r"^Hash Algorithm: sha256$", text, re.M), "timestamp: it isn't of SHA-256")
        match = re.search(r"^Time stamp: (\w{3}) +(\d+) (\d\d):(\d\d):(\d\d)(?:\.\d+)? (\d{4}) GMT$", text, re.M)
        need(match, "timestamp: it has no time")
        month = "JanFebMarAprMayJunJulAugSepOctNovDec".index(match[1]) // 3 + 1
        words = f"{match[6]}-{month:02}-{int(match[2]):02} {match[3]}:{match[4]}:{match[5]} UTC"
        return words, calendar.timegm((int(match[6]), month, *(int(match[i]) for i in (2, 3, 4, 5))))

    def check_stamp(self, stamp, text, ca):
        """That an authority that leads to the CA file stamped the text. A certificate is judged as of the stamp's time."""
        # one DER element and nothing behind it
        need(len(stamp) > 4 and stamp[0] == 0x30, "timestamp: it isn't DER")
        long = stamp[1] & 0x7f if stamp[1] & 0x80 else 0
        length = int.from_bytes(stamp[2:2 + long], "big") if long else stamp[1]
        need(long <= 4 and 2 + long + length == len(stamp), "timestamp: it isn't one element of DER")
        response = self.write("stamp.tsr", stamp)
        words, seconds = self.read_stamp(response)
        done = self.run("ts", "-verify", "-in", response, "-data", self.write("text", text), "-CAfile", ca, "-attime",
                        str(seconds))
        need(done.returncode == 0, "timestamp: openssl doesn't verify it")
        return words


# --- signatures ---------------------------------------------------------------------------------------------------------


def signers_of(openssl, body, signatures, keys):
    """Those of the keys that signed, and when they say so. A known key's signature that doesn't hold is no matter of taste."""
    found = {}
    for name, key_id, text in signatures:
        for i, key in enumerate(keys):
            if key.name != name or key.id != key_id:
                continue
            raw = unbase64(text, 4 + (64 if key.type == SIGNER else 72))[4:]
            message, time = body, 0
            if key.type == WITNESS:
                time = int.from_bytes(raw[:8], "big")
                need(time <= NUMBER_MAX, "a cosignature of no time")
                message, raw = b"cosignature/v1\ntime %d\n" % time + body, raw[8:]
            need(openssl.ed25519(key.public, message, raw), f"the signature of {name} doesn't fit the text")
            found[i] = max(time, found.get(i, 0))
    return found


def check_signed(openssl, body, signatures, keys, witnesses, quorum):
    """The key that signed, and the witnesses that cosigned."""
    signed = signers_of(openssl, body, signatures, keys)
    need(signed, "the checkpoint isn't signed by a trusted key")
    cosigned = {}
    for i, time in signers_of(openssl, body, signatures, witnesses).items():
        cosigned.setdefault(witnesses[i].public, (witnesses[i].name, time))
    need(len(cosigned) >= quorum, f"the checkpoint has {len(cosigned)} cosignatures of the witnesses, {quorum} are wanted")
    return keys[min(signed)], sorted(cosigned.values())


# --- the disclosure -----------------------------------------------------------------------------------------------------


def no_doubles(pairs):
    need(len({k for k, _ in pairs}) == len(pairs), "a member that stands there twice")
    return dict(pairs)


def no_constant(name):
    raise Wrong(f"{name} is not JSON")


def members(value, what, required, optional=None):
    """An object whose members are read by these functions."""
    optional = optional or {}
    need(isinstance(value, dict), f"{what} should be an object")
    for name in required:
        need(name in value, f"{what} lacks {name}")
    need(not set(value) - {*required, *optional}, f"{what} has a member that no disclosure has")
    return {name: read(value[name], f"{what}.{name}".lstrip("."))
            for name, read in {**required, **optional}.items() if name in value}


def a_text(value, what):
    need(isinstance(value, str), f"{what} should be a string")
    try:
        return value.encode("utf-8")
    except UnicodeEncodeError:
        raise Wrong(f"{what} isn't Unicode") from None


def an_index(value, what):
    need(type(value) is int and 0 <= value <= NUMBER_MAX, f"{what} should be a whole number")
    return value


def a_list(value, what, least, most, of):
    need(isinstance(value, list) and least <= len(value) <= most, f"{what} should be an array of {least} to {most}")
    return [of(v, f"{what}[{i}]") for i, v in enumerate(value)]


def some_bytes(value, what, most):
    raw = unbase64(a_text(value, what).decode())
    need(len(raw) <= most, f"{what} is too long")
    return raw


def a_hash(value, what):
    return unbase64(a_text(value, what).decode(), 32)


def a_path(value, what):
    return a_list(value, what, 0, PATH_MAX, a_hash)


def a_record(value, what):
    return members(value, what, {"index": an_index, "record": lambda v, w: some_bytes(v, w, RECORD_MAX), "path": a_path})


def a_run(value, what):
    return members(value, what, {"line": a_text, "index": an_index, "path": a_path,
                                 "records": lambda v, w: a_list(v, w, 1, ELEMENTS_MAX, a_record)})


def a_rotation(value, what):
    return members(value, what, {"line": a_text, "index": an_index, "path": a_path, "checkpoint": a_text})


def parse(data):
    """The disclosure as a dictionary of what its members mean: whether that is true is another matter."""
    need(len(data) <= SIZE_MAX and sum(map(data.count, (b"[", b"{", b","))) <= ELEMENTS_MAX, "larger than any disclosure")
    try:
        root = json.loads(data.decode("utf-8"), object_pairs_hook=no_doubles, parse_constant=no_constant)
    except (ValueError, RecursionError):
        raise Wrong("it isn't JSON") from None
    need(isinstance(root, dict) and root.get("format") == "bulkhead-disclosure", "its format isn't bulkhead-disclosure")
    if an_index(root.get("version"), "version") != 1:
        raise Unjudged("it is of another version than 1")
    return members(root, "", {"format": a_text, "version": an_index, "checkpoint": a_text,
                              "runs": lambda v, w: a_list(v, w, 1, ELEMENTS_MAX, a_run)},
                   {"timestamp": lambda v, w: some_bytes(v, w, STAMP_MAX),
                    "rotations": lambda v, w: a_list(v, w, 0, KEYS_MAX, a_rotation)})


RUN_LINE = re.compile(r"run ([a-z_]{1,16}) ([0-9]+) ([0-9]+) ([0-9a-f]{64})")


def check_rotations(openssl, rotations, origin, keys):
    """Each hands over from a key that is trusted by then to another; what others handed over is nothing to us."""
    for i, rotation in enumerate(rotations):
        what = f"rotations[{i}]"
        body, signatures = split_note(rotation["checkpoint"])
        there, size, tree = checkpoint_of(body)
        if not signers_of(openssl, body, signatures, keys):
            continue
        line = rotation["line"]
        need(there == origin, f"{what}: its checkpoint is of another log")
        need(line.startswith(b"key ") and len(line) < 512, f"{what}: its line is no `key` line")
        check_inclusion(leaf_hash(line), rotation["index"], size, rotation["path"], tree, what)
        key = Key(line[4:].decode("utf-8"))
        need(key.type == SIGNER, f"{what}: the key is of the wrong type")
        if key not in keys:
            need(len(keys) < KEYS_MAX, f"{what} is one key too many")
            keys.append(key)


def check_run(run, what, size, tree):
    """What the run's line says: (kind, number, count)."""
    match = RUN_LINE.fullmatch(run["line"].decode()) if len(run["line"]) < 512 else None
    need(match, f"{what}: its line is no `run` line")
    kind, numbered, count, root = match[1], number(match[2]), number(match[3]), bytes.fromhex(match[4])
    check_inclusion(leaf_hash(run["line"]), run["index"], size, run["path"], tree, what)
    for i, record in enumerate(run["records"]):
        check_inclusion(leaf_hash(record["record"]), record["index"], count, record["path"], root, f"{what}.records[{i}]")
    return kind, numbered, count


def check(openssl, data, keys, witnesses, quorum, ca):
    """All that doc/evidence.md asks for; what was proven."""
    root = parse(data)
    body, signatures = split_note(root["checkpoint"])
    origin, size, tree = checkpoint_of(body)
    keys = list(keys)
    check_rotations(openssl, root.get("rotations", []), origin, keys)
    signer, cosigned = check_signed(openssl, body, signatures, keys, witnesses, quorum)
    runs = [check_run(run, f"runs[{i}]", size, tree) for i, run in enumerate(root["runs"])]
    proven = []
    for (kind, numbered, count), run in zip(runs, root["runs"]):
        if kind not in KINDS:
            raise Unjudged(f"records of the kind {kind}")
        proven += [(kind, numbered, count, r["index"], decode(kind, r["record"])) for r in run["records"]]
    stamp, stamped = root.get("timestamp"), None
    if ca:
        need(stamp, "timestamp: there is none")
        stamped = openssl.check_stamp(stamp, body, ca)
    return {"origin": origin, "size": size, "signer": signer, "cosigned": cosigned, "has_stamp": bool(stamp),
            "stamped": stamped, "records": proven}


# --- what a record says (src/msg/records.schema) ------------------------------------------------------------------------

KINDS = {
    "flow": (1, "u64 id, u64 duplicate_of, u64s also, u64 parent, u64 related, u16 vantage, u8 protocol, addr initiator, "
                "addr responder, u16 initiator_port, u16 responder_port, mac initiator_mac, mac responder_mac, u16 vlan, "
                "time first, time last, time established, u64 packets_out, u64 packets_in, u64 wire_out, u64 wire_in, "
                "u64 payload_out, u64 payload_in, u64 retransmitted_out, u64 retransmitted_in, u64 missing_out, "
                "u64 missing_in, u8 tcp_flags_out, u8 tcp_flags_in, u8 tcp_state, u8 end, u32 flags, u64 events, app app, "
                "text name"),
    "transaction": (2, "u64 id, u64 flow, app app, time time, fields fields"),
    "detection": (3, "u64 id, time time, time last, u8 source, text name, text technique, real confidence, addr asset, "
                     "addr peer, u8 asset_role, u8 peer_role, u64 count, text why, text indicator, u8 tlp, u64s flows"),
    "binding": (4, "u64 id, time first, time last, addr addr, mac mac, text name, u8 source, u16 vantage"),
    "coverage": (5, "u64 id, u16 vantage, text name, text origin, time from, time to, u64 packets, u64 bytes, u64 dropped, "
                    "u64 cut, u64 malformed, u64 unreadable, u64 evicted, u8 end, text why, u64 missing"),
}
APPS = """unknown dns http tls quic ssh smb dcerpc krb5 ldap rdp rfb winrm ftp ftp-data smtp sip telnet ntp dhcp tftp snmp
syslog netbios-ns netbios-dgm mysql pgsql tds tns mongodb redis nfs rsync imap pop3 irc mqtt modbus dnp3 enip
bittorrent-dht stun rtp ssdp radius ike openvpn wireguard socks gre ipip vxlan geneve teredo erspan gtp esp icmp""".split()
# the metadata of transactions by number; ":x" is shown as hexadecimal digits, ":a" is an address
FIELDS = """- auth.user auth.result auth.method file.name file.size file.sha256:x anomaly dns.rrname dns.rrtype dns.rcode
dns.answers.addr:a dns.answers.rdata dns.id http.http_method http.hostname http.url http.http_user_agent http.http_refer
http.status http.request_content_type http.http_content_type http.request_length http.length http.server tls.sni tls.alpn
tls.version tls.cipher tls.ja3:x tls.ja3s:x tls.ja4 tls.subject tls.issuerdn tls.sha256:x tls.notbefore tls.notafter
tls.serial:x quic.version ssh.client.software_version ssh.server.software_version ssh.client.hassh:x ssh.server.hassh:x
smb.command smb.dialect smb.share smb.filename smb.status smb.direction dcerpc.interface.uuid dcerpc.interface.name
dcerpc.opnum dcerpc.operation dcerpc.pipe ntlmssp.domain ntlmssp.host krb5.msg_type krb5.cname krb5.realm krb5.sname
krb5.encryption krb5.error_code ldap.request.operation ldap.request.dn ldap.request.filter ldap.responses.result_code
rdp.cookie rdp.protocol rfb.client_protocol_version rfb.server_protocol_version rfb.authentication.security_type
ftp.command ftp.command_data ftp.completion_code smtp.helo smtp.mail_from smtp.rcpt_to email.subject sip.method sip.uri
sip.code dhcp.hostname dhcp.assigned_ip:a dhcp.dhcp_type icmp.echo_entropy icmp.echo_distinct icmp.echo_bytes
icmp.echo_mismatch anomaly.event anomaly.direction anomaly.offset anomaly.policy anomaly.doubt anomaly.kept
anomaly.other""".split()
INTEGERS = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "app": 2, "time": 8}
TEXT_MAX, LIST_MAX, FIELDS_MAX = 65536, 4096, 64


class Reader:
    """The fields of one record. An older program's record ends before fields that it didn't know: those are zero."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        need(n <= len(self.data) - self.at, "a record that ends within a field")
        self.at += n
        return self.data[self.at - n:self.at]

    def integer(self, n):
        return int.from_bytes(self.take(n), "little")

    def count(self, most):
        n = self.integer(4)
        need(n <= most, "a record with a longer list or text than any has")
        return n

    def read(self, kind):
        older = self.at == len(self.data)
        if kind in INTEGERS:
            return 0 if older else self.integer(INTEGERS[kind])
        if kind == "real":
            return 0.0 if older else struct.unpack("<d", self.take(8))[0]
        if kind in ("addr", "mac"):
            size = 16 if kind == "addr" else 6
            return bytes(size) if older else self.take(size)
        if kind == "text":
            return b"" if older else self.take(self.count(TEXT_MAX))
        if kind == "u64s":
            return [] if older else [self.integer(8) for _ in range(self.count(LIST_MAX))]
        return [] if older else [(self.integer(2), self.take(self.count(TEXT_MAX))) for _ in range(self.count(FIELDS_MAX))]


def printable(data):
    """Clean text: control characters, what reorders or hides, and bytes that aren't UTF-8 stand as \\xNN."""
    out = []
    for c in data.decode("utf-8", "surrogateescape"):
        p = ord(c)
        if 0xdc80 <= p <= 0xdcff:
            out.append(f"\\x{p - 0xdc00:02x}")
        elif (p < 0x20 or 0x7f <= p < 0xa0 or 0x200b <= p <= 0x200f or 0x2028 <= p <= 0x202e or 0x2060 <= p <= 0x206f
              or p in (0x061c, 0xfeff)):
            out.append("".join(f"\\x{b:02x}" for b in c.encode()))
        else:
            out.append(c)
    return "".join(out)


def address(raw):
    if raw == bytes(16):
        return None
    if raw[:12] == bytes(10) + b"\xff\xff":
        return socket.inet_ntop(socket.AF_INET, raw[12:])
    return socket.inet_ntop(socket.AF_INET6, raw)


def time_text(ns):
    """RFC 3339 in UTC with nanoseconds, for any signed 64-bit number."""
    ns -= (ns >> 63) << 64
    if not ns:
        return None
    seconds, ns = divmod(ns, 10 ** 9)
    days, seconds = divmod(seconds, 86400)
    # civil date from days (proleptic Gregorian), so that no platform's range matters
    z = days + 719468
    era, doe = divmod(z, 146097)
    yoe = (doe - doe // 1460 + doe // 36524 - doe // 146096) // 365
    doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    mp = (5 * doy + 2) // 153
    month = mp + 3 if mp < 10 else mp - 9
    year = yoe + era * 400 + (month <= 2)
    return (f"{year:04}-{month:02}-{doy - (153 * mp + 2) // 5 + 1:02}T{seconds // 3600:02}:{seconds // 60 % 60:02}:"
            f"{seconds % 60:02}.{ns:09}Z")


def field(numbered, raw):
    name, _, shown = (FIELDS[numbered] if numbered < len(FIELDS) else ":x").partition(":")
    if shown == "a" and len(raw) == 16:
        value = address(raw)
    else:
        value = raw.hex() if shown == "x" else printable(raw)
    return {"field": numbered, "name": "" if name == "-" else name, "value": value}


def show(kind, value):
    if kind == "time":
        return time_text(value)
    if kind == "app" and value < len(APPS):
        return APPS[value]
    if kind == "real":
        return 0.0 if math.isnan(value) else None if math.isinf(value) else value
    if kind == "addr":
        return address(value)
    if kind == "mac":
        return value.hex(":")
    if kind == "text":
        return printable(value)
    if kind == "u64s":
        return [show("u64", v) for v in value]
    if kind == "fields":
        return [field(*f) for f in value]
    return value if value <= NUMBER_MAX else str(value)


def decode(kind, raw):
    """A record as a dictionary: six bytes of number and length, then the fields."""
    numbered, schema = KINDS[kind]
    need(len(raw) >= 6 and struct.unpack("<HI", raw[:6]) == (numbered, len(raw) - 6),
         f"a record that isn't a {kind}, though its run's line says so")
    reader = Reader(raw[6:])
    return {"kind": kind, **{name: show(of, reader.read(of)) for of, name in map(str.split, schema.split(","))}}


# --- for people ---------------------------------------------------------------------------------------------------------


def utc(seconds):
    return time_text(seconds * 10 ** 9) if seconds else None


def print_proven(path, proven):
    n = len(proven["records"])
    print(f"{path}: {n} record{' is' if n == 1 else 's are'} proven")
    print(f"  checkpoint  {proven['size']} entries of {proven['origin']}, signed by {proven['signer'].name} "
          f"({proven['signer'].id.hex()})")
    for name, time in proven["cosigned"]:
        print(f"  cosigned    by {name}, {utc(time)}")
    if proven["stamped"]:
        print(f"  stamped     {proven['stamped']}")
    elif proven["has_stamp"]:
        print("  stamped     not checked: no --ca was given")
    for kind, run, count, index, record in proven["records"]:
        print(f"\n{kind} {record['id']} (record {index} of {count} of {kind} run {run}):")
        for name, value in record.items():
            if name == "fields":
                for f in value:
                    print(f"  {f['name'] or f['field']}: {f['value']}")
            elif name not in ("kind", "id") and value not in (0, "", None, [], "00:00:00:00:00:00"):
                print(f"  {name}: {value}")
    print("\nNot proven: that these records are true, or that others don't say otherwise.")


def print_json(path, proven):
    json.dump({"disclosure": path, "fits": True, "checkpoint": {"origin": proven["origin"], "entries": proven["size"]},
               "key": {"name": proven["signer"].name, "id": proven["signer"].id.hex()},
               "cosigners": [{"name": name, "time": utc(time)} for name, time in proven["cosigned"]],
               "has_stamp": proven["has_stamp"],
               "records": [{"run": run, "index": index, "record": record}
                           for _, run, _, index, record in proven["records"]]}, sys.stdout, indent=2)
    print()


def read_keys(arguments, of):
    keys = []
    for argument in arguments:
        path = pathlib.Path(argument)
        try:
            lines = path.read_text("ascii").split("\n") if path.exists() else [argument]
            found = [Key(line.strip()) for line in lines if line.strip() and not line.strip().startswith("#")]
        except (OSError, UnicodeDecodeError, Wrong) as e:
            raise Usage(f"{argument}: {e}") from None
        if not found or any(key.type != of for key in found):
            raise Usage(f"{argument}: a verifier key of {'a log' if of == SIGNER else 'a witness'} is wanted")
        keys += found
    if len(keys) > KEYS_MAX:
        raise Usage(f"more than {KEYS_MAX} keys")
    return keys


def main():
    parser = argparse.ArgumentParser(description="Checks a disclosure of Bulkhead without Bulkhead.",
                                     epilog="Exit code: 0 all of it holds, 1 something doesn't, 2 usage, 4 can't be read.")
    parser.add_argument("file", help="what `bulkhead prove` wrote")
    parser.add_argument("--key", action="append", required=True, metavar="VKEY", help="the log's verifier key, or a file")
    parser.add_argument("--witness", action="append", default=[], metavar="VKEY", help="a witness's verifier key, or a file")
    parser.add_argument("--quorum", type=int, metavar="N", help="so many witnesses must have cosigned; default: all")
    parser.add_argument("--ca", metavar="FILE", help="there must be a time stamp, and it must lead to these certificates")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        keys, witnesses = read_keys(options.key, SIGNER), read_keys(options.witness, WITNESS)
        quorum = len(witnesses) if options.quorum is None else options.quorum
        if not 0 <= quorum <= len(witnesses):
            raise Usage(f"a quorum of {quorum} can't be had from {len(witnesses)} witnesses")
    except Usage as e:
        parser.error(str(e))
    try:
        with open(options.file, "rb") as f:
            data = f.read(SIZE_MAX + 1)
        with tempfile.TemporaryDirectory(prefix="bulkhead-verify-") as folder:
            proven = check(Openssl(folder), data, keys, witnesses, quorum, options.ca)
    except OSError as e:
        print(f"{options.file}: {e.strerror}", file=sys.stderr)
        return 4
    except Unjudged as e:
        print(f"{options.file}: can't be judged: {e}", file=sys.stderr)
        return 4
    except Wrong as e:
        if options.json:
            print(json.dumps({"disclosure": options.file, "fits": False, "why": str(e)}))
        else:
            print(f"{options.file}: nothing is proven\n  {e}")
        return 1
    (print_json if options.json else print_proven)(options.file, proven)
    return 0


if __name__ == "__main__":
    sys.exit(main())
