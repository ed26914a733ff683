#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""doc/archive-format.md is true: a second reader, written from it alone (archive_reader.py), gives every record and field that
`bulkhead archive export` gives, of archives made in every way; it finds every row by dictionaries, postings and filters; and
the ledger's roots and digests are those of what it read. The page's own examples are read too.

BENCH names the folder of bench_history, which makes a history.
"""
import hashlib
import ipaddress
import json
import os
import pathlib
import random
import re
import struct
import subprocess
import unittest

import archive_forms as forms
import archive_reader as reader
import lib

PAGE = lib.ROOT / "doc" / "archive-format.md"
RECORDINGS = lib.ROOT / "range" / "recordings"
BENCH = pathlib.Path(os.environ.get("BENCH", lib.ROOT / "build" / "bench"))
APPS = re.findall(r'X\(\w+, "([^"]+)", \w+, \(', (lib.ROOT / "src/net/app.h").read_text(encoding="utf-8"))
ROLES = "none actor victim target c2 exfiltration delivery scanner attacker".split()
NAMED = {"app": APPS, "tcp_state": "none syn_sent syn_recv established closing closed reset refused midstream".split(),
         "end": "none fin rst timeout evicted capture".split(),
         "source": "indicator behaviour rule fingerprint tool".split(), "asset_role": ROLES, "peer_role": ROLES,
         "tlp": ["", "TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"]}
WITH_NAMES = {("flow", "tcp_state"), ("flow", "end"), ("flow", "app"), ("transaction", "app"), ("detection", "source"),
              ("detection", "asset_role"), ("detection", "peer_role"), ("detection", "tlp")}
SCHEMA, FIELDS = forms.read_schema(lib.ROOT), forms.read_fields(lib.ROOT)
FIELD_NUMBERS = {name: number for number, (name, _) in enumerate(FIELDS) if name}
REFERENCES = {"duplicate_of", "parent", "related", "flow"}  # importing refuses ids that leave no room behind them
SECONDS = {}  # of dates that were read before


def time_of(text):
    if text is None or text == "":
        return 0
    if text.startswith("ns:"):
        return int(text[3:])
    date, clock = text[:10], text[11:].rstrip("Z").split(":")
    if date not in SECONDS:
        y, m, d = map(int, date.split("-"))
        y, m = (y - 1, m + 12) if m < 3 else (y, m)  # days by the civil calendar, years beginning in March
        SECONDS[date] = 86400 * (365 * y + y // 4 - y // 100 + y // 400 + (153 * (m - 3) + 2) // 5 + d - 719469)
    seconds, _, fraction = clock[2].partition(".")
    return (SECONDS[date] + 3600 * int(clock[0]) + 60 * int(clock[1]) + int(seconds)) * 10**9 + int(fraction.ljust(9, "0"))


def addr_of(text):
    if not text:
        return bytes(16)
    address = ipaddress.ip_address(text)
    return bytes(10) + b"\xff\xff" + address.packed if address.version == 4 else address.packed


def text_of(text):
    return re.sub(rb"\\x([0-9a-fA-F]{2})", lambda m: bytes([int(m[1], 16)]), text.encode("utf-8"))


def kind_of(number):
    """How a metadata field's value is shown; one that nobody knows as hexadecimal digits."""
    return FIELDS[number][1] if number < len(FIELDS) else "HEX"


def field_of(field):
    number = FIELD_NUMBERS.get(field["name"]) or int(field["name"])
    kind, value = kind_of(number), field["value"]
    if kind == "HEX":
        return number, bytes.fromhex(value)
    if kind == "ADDR" and value and not value.startswith("\\"):
        return number, addr_of(value)
    return number, text_of(value)


def value_of(kind, t, name, value):
    """What stands in JSON lines, as archive_reader.py has it."""
    if (kind, name) in WITH_NAMES:
        return NAMED[name].index(value) if value in NAMED[name] else int(value)
    if t in ("u8", "u16", "u32", "u64"):
        return int(value)
    if t == "time":
        return time_of(value)
    if t == "real":
        return float(value)
    if t == "addr":
        return addr_of(value)
    if t == "mac":
        return bytes.fromhex(value.replace(":", "")) if value else bytes(6)
    if t == "text":
        return text_of(value)
    return [int(v) for v in value] if t == "u64s" else [field_of(f) for f in value]


def merkle_root(leaves):
    """RFC 6962, section 2.1, of the leaves' hashes."""
    if not leaves:
        return hashlib.sha256().digest()
    while len(leaves) > 1:  # a last one without a pair goes up as it is
        pairs = [hashlib.sha256(b"\1" + a + b).digest() for a, b in zip(leaves[::2], leaves[1::2])]
        leaves = pairs + leaves[len(pairs) * 2:]
    return leaves[0]


class Odd:
    """Records of every kind with values at and around every bound, from a seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.names = [self.name() for _ in range(300)] + [b"", b".", b"..", b"com", b"a.com", b"A.Com.", b"a.com\0x", b"\xff\xfe", b"x" * 700]

    def name(self):
        r = self.random
        labels = [bytes(r.choice(b"abcxyzABC019-_") for _ in range(r.randint(1, 8))) for _ in range(r.randint(1, 4))]
        return b".".join(labels + [r.choice([b"example", b"Example", b"org"])]) + r.choice([b"", b"", b"."])

    def number(self, bits):
        r = self.random
        top = (1 << bits) - 1
        which = r.getrandbits(3)
        if which < 4:
            return (0, 0, 1, top)[which]
        return r.randint(0, 9) if which == 4 else top - r.randint(0, 3) if which == 5 else r.getrandbits(r.randint(1, bits))

    def time(self):
        r = self.random
        return r.choice([0, 1, -1, 1767225600 * 10**9 + r.randint(0, 10**15), 1767225600 * 10**9 + r.randint(0, 10**6) * 1000,
                         -(1 << 63), (1 << 63) - 1, r.randint(-(1 << 63), (1 << 63) - 1)])

    def text(self):
        r = self.random
        return r.choice([b"", r.choice(self.names), r.randbytes(r.randint(0, 40)), "naïve ☂ \\x41 \\".encode(),
                         b"a sentence that comes again and again and is worth compressing"])

    def addr(self):
        r = self.random
        v4 = bytes(10) + b"\xff\xff"
        return r.choice([bytes(16), v4 + bytes([10, 0, r.randint(0, 1), r.randint(0, 255)]), v4 + bytes(4), b"\xff" * 16, v4 + b"\xff" * 4,
                         b"\x20\x01\x0d\xb8" + bytes(11) + bytes([r.randint(0, 9)]), r.randbytes(16)])

    def field(self):
        r = self.random
        number = r.choice([r.randrange(1, len(FIELDS)), r.randrange(1, len(FIELDS)), 0, 300, 65535])
        kind = kind_of(number)
        value = r.choice([self.addr(), r.randbytes(r.choice([0, 4, 15, 17]))]) if kind == "ADDR" else self.text()
        return number, value

    def record(self, kind, ident):
        result = {}
        for t, name in SCHEMA[kind][1]:
            if name in REFERENCES:
                result[name] = self.number(62)
            elif name == "vantage":
                result[name] = self.random.randint(0, 900)
            elif t in ("u8", "u16", "u32", "u64"):
                result[name] = self.number(int(t[1:]))
            elif t == "time":
                result[name] = self.time()
            elif t == "real":
                result[name] = self.random.choice([0.0, 1.0, 0.5, -0.0, 1e300, 5e-324, float("inf"), self.random.random()])
            elif t in ("addr", "mac", "text"):
                result[name] = {"addr": self.addr, "mac": lambda: self.random.choice([bytes(6), b"\xff" * 6, self.random.randbytes(6)]),
                                "text": self.text}[t]()
            elif t == "u64s":
                result[name] = [self.number(62) for _ in range(self.random.choice([0, 0, 1, 3, 64]))]
            else:
                result[name] = [self.field() for _ in range(self.random.choice([0, 1, 1, 2, 4, 64]))]
        result["id"] = ident
        return result


def shown(t, value):
    """The value as JSON lines may have it."""
    if t == "time":
        return f"ns:{value}"
    if t == "real":
        return "inf" if value == float("inf") else value
    if t == "addr":
        return str(ipaddress.IPv6Address(value)) if value[:12] != bytes(10) + b"\xff\xff" else ".".join(map(str, value[12:]))
    if t == "mac":
        return value.hex(":")
    if t == "text":
        return "".join(f"\\x{b:02x}" for b in value)
    if t != "fields":
        return value
    return [{"name": FIELDS[n][0] if 0 < n < len(FIELDS) else str(n),
             "value": v.hex() if kind_of(n) == "HEX" else shown("addr", v) if kind_of(n) == "ADDR" and len(v) == 16 else shown("text", v)}
            for n, v in value]


def line_of(kind, record):
    return json.dumps({"record": kind, **{name: shown(t, record[name]) for t, name in SCHEMA[kind][1]}}) + "\n"


@unittest.skipIf(forms.MISSING, f"Python has no {forms.MISSING}")
class Page(unittest.TestCase):
    """The examples of the page."""

    def setUp(self):
        self.text = PAGE.read_text(encoding="utf-8")

    def block(self, word):
        parts = re.findall(rf"^```{word} \S+\n(.*?)^```", self.text, re.M | re.S)
        return bytes.fromhex("".join(parts))

    def table(self, first):
        """The rows of the table that begins with that one."""
        rows = self.text[self.text.index(first):].split("\n\n")[0].splitlines()[2:]
        return [[cell.strip().strip("`") for cell in row.strip("|").split("|")] for row in rows]

    def test_integers(self):
        rows = self.table("| n | bytes | values |")
        self.assertGreater(len(rows), 5)
        for n, data, values in rows:
            cursor = forms.Cursor(bytes.fromhex(data))
            self.assertEqual(forms.integers(cursor, int(n)), [int(v) for v in values.split()], data)
            cursor.finish()

    def test_varints(self):
        self.assertEqual(forms.Cursor(bytes.fromhex("ac02")).varint(), 300)
        self.assertEqual([forms.unzigzag(z) for z in range(5)], [0, -1, 1, -2, 2])
        self.assertEqual(forms.name_key(b"www.Example.org."), b"org\0example\0www")

    def test_the_journal(self):
        journal = reader.Journal(self.block("journal"), SCHEMA, "binding", 1)
        self.assertEqual((journal.torn, journal.damaged, len(journal.records)), (0, 0, 1))
        self.assertEqual(journal.records[0], {"id": 9, "first": 10**9, "last": 2 * 10**9, "addr": addr_of("10.0.0.7"), "mac": bytes(6),
                                              "name": b"a", "source": 3, "vantage": 1})

    def test_the_segment(self):
        segment = reader.Segment(self.block("segment"), SCHEMA, "binding", 1, 1, FIELDS)
        rows = self.table("| id | first | last | addr | mac | name |")
        wanted = [{"id": int(i), "first": int(a[:-2]) * 10**9, "last": int(b[:-2]) * 10**9, "addr": addr_of(addr),
                   "mac": bytes.fromhex(mac.replace(":", "")), "name": name.encode(), "source": 3, "vantage": 0}
                  for i, a, b, addr, mac, name in rows]
        self.assertEqual(segment.records, wanted)
        segment.check_dictionaries()

    def test_every_byte_of_the_segment_counts(self):
        whole = self.block("segment")
        for at in range(len(whole)):
            with self.assertRaises(reader.Bad, msg=f"byte {at}"):
                reader.Segment(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1:], SCHEMA, "binding", 1, 1, FIELDS)
            with self.assertRaises(reader.Bad, msg=f"cut at {at}"):
                reader.Segment(whole[:at], SCHEMA, "binding", 1, 1, FIELDS)
        for first, last in ((2, 2), (1, 2)):
            with self.assertRaises(reader.Bad):
                reader.Segment(whole, SCHEMA, "binding", first, last, FIELDS)

    def test_the_journal_cut_anywhere_has_its_record_or_none(self):
        whole = self.block("journal")
        for at in range(len(whole)):
            self.assertEqual(reader.Journal(whole[:at], SCHEMA, "binding", 1).records, [], f"cut at {at}")
            flipped = reader.Journal(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:], SCHEMA, "binding", 1)
            self.assertEqual(len(flipped.records), at < 40, f"byte {at}")


@unittest.skipIf(forms.MISSING, f"Python has no {forms.MISSING}")
class Format(lib.Test):
    """Archives made by the program."""

    def bulkhead(self, *arguments):
        result = lib.run(*arguments)
        self.assertEqual(result.returncode, 0, f"{arguments}\n{result.stderr}")
        return result

    def exported(self, archive):
        records = {kind: [] for kind in SCHEMA}
        path = self.folder / "export.json"
        self.bulkhead("archive", "export", "--format", "json", "--output", path, archive)
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                fields = json.loads(line)
                kind = fields.pop("record")
                self.assertEqual(list(fields), [name for _, name in SCHEMA[kind][1]])
                records[kind].append({name: value_of(kind, t, name, fields[name]) for t, name in SCHEMA[kind][1]})
        path.unlink()
        return records

    def check(self, archive, kinds=None, segments=None):
        """Reads the archive both ways and compares. Gives the second reader's."""
        mine, theirs = reader.Archive(archive, lib.ROOT), self.exported(archive)
        self.assertEqual(mine.problems, [])
        for kind in SCHEMA:
            records = mine.records(kind)
            self.assertEqual(len(records), len(theirs[kind]), kind)
            for a, b in zip(records, theirs[kind]):
                if a != b:
                    self.assertEqual(a, b, kind)
            for segment in mine.segments[kind]:
                segment.check_dictionaries()
        if kinds is not None:
            self.assertEqual({k for k in SCHEMA if theirs[k]}, set(kinds))
        if segments is not None:
            self.assertEqual({k: len(s) for k, s in mine.segments.items() if s}, segments)
        self.check_ledger(mine, archive)
        return mine

    def check_ledger(self, mine, archive):
        """doc/evidence.md: roots of runs, digests of files."""
        leaves = {}
        for kind in SCHEMA:
            runs = {run: records for s in mine.segments[kind] for run, records in s.leaves().items()}
            journal = mine.journals[kind]
            if journal:
                runs[journal.number] = [forms.encode_record(r, SCHEMA, kind, journal.n_columns) for r in journal.records]
            for run, records in runs.items():
                leaves[kind, run] = [hashlib.sha256(b"\0" + r).digest() for r in records]
        entered, files = {}, {}
        for words in (line.split() for line in (archive / "ledger").read_text(encoding="utf-8").splitlines()):
            if words[0] == "run" and (words[1], int(words[2])) in leaves:
                mine_then = leaves[words[1], int(words[2])][:int(words[3])]
                self.assertEqual((len(mine_then), merkle_root(mine_then).hex()), (int(words[3]), words[4]), words)
                entered[words[1], int(words[2])] = int(words[3])
            elif words[0] == "file":
                files[words[1], int(words[2]), int(words[3])] = words[4]
        self.assertEqual(entered, {run: len(records) for run, records in leaves.items() if records})
        for kind in SCHEMA:
            for segment in mine.segments[kind]:
                self.assertEqual(hashlib.sha256(segment.data).hexdigest(), files[kind, segment.first, segment.last])

    def test_an_analysis(self):
        case = self.intrusion()
        self.check(case / "archive", kinds=["flow", "transaction", "detection", "coverage", "binding"], segments={})

    def test_a_recording(self):
        recording = RECORDINGS / "breakin.pcapng"
        if not recording.exists() or lib.NO_SANDBOX:
            self.skipTest("no recording, or a sanitizer's build, which takes long")
        case = self.folder / "case"
        lib.run("analyze", recording, "--site", lib.ROOT / "range" / "site.yaml", "--quiet", "--out", case)
        mine = self.check(case / "archive")
        self.assertTrue(mine.segments["flow"])

    def test_a_history(self):
        if not (BENCH / "bench_history").exists():
            self.skipTest(f"no bench_history in {BENCH}")
        archive = self.folder / "archive"
        done = subprocess.run([BENCH / "bench_history", "--flows", "9000", "--days", "2", "--assets", "150", "--names", "900", "--archive",
                               archive], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        mine = self.check(archive)
        segment = mine.segments["flow"][0]
        forms_used = {form for b in range(segment.n_blocks) for form, _ in reader.Block(segment, b).columns.values()}
        self.assertEqual(forms_used, {reader.PLAIN, reader.NEAR, reader.TUPLES, reader.BY_TUPLE})
        self.assertGreater(segment.n_blocks, 3)
        self.assertGreater(sum(len(p) > 1 for d in segment.dictionaries for p in d.postings), 100)
        # a filter lets few others through
        others = random.Random(7)
        keys = [others.randbytes(16) for _ in range(5000)]
        self.assertLess(sum(segment.dictionaries[0].passes(k) for k in keys), 100)

    def test_every_odd_value_in_every_kind(self):
        """Imported in parts, so that there are segments and journals; then merged; then some of it dropped."""
        archive, odd, made = self.folder / "archive", Odd(1), {kind: [] for kind in SCHEMA}
        sizes = {"flow": 2100, "transaction": 1030, "detection": 1030, "binding": 1030, "coverage": 1030}
        for part in range(3):
            lines = []
            for kind, size in sizes.items():
                first = len(made[kind]) + 1
                records = [odd.record(kind, first + i) for i in range(size if part < 2 else 40)]
                made[kind] += records
                lines += [line_of(kind, r) for r in records]
            self.bulkhead("archive", "import", "--format", "json", archive, self.write("records.json", "".join(lines)))
            if part == 0:
                self.compare_made(reader.Archive(archive, lib.ROOT), made, sizes)
        self.check(archive, kinds=sizes, segments=dict.fromkeys(sizes, 2))
        self.bulkhead("archive", "compact", archive)
        mine = self.check(archive, kinds=sizes, segments=dict.fromkeys(sizes, 1))
        self.assertEqual({(s.first, s.last) for k in sizes for s in mine.segments[k]}, {(1, 2)})
        self.assertTrue(all(mine.journals[k].records for k in sizes))

    def compare_made(self, mine, made, sizes):
        """What was imported came whole, where importing changes nothing: ids, vantages and the import's own record apart."""
        for kind in sizes:
            records = mine.records(kind)
            theirs = records[:-1] if kind == "coverage" else records
            self.assertEqual(len(theirs), len(made[kind]), kind)
            for a, b in zip(theirs, made[kind]):
                for t, name in SCHEMA[kind][1]:
                    if (t, name) == ("real", "confidence"):
                        self.assertEqual(struct.pack("<d", a[name]), struct.pack("<d", b[name]))
                    elif name not in ("vantage",):
                        self.assertEqual(a[name], b[name], f"{kind} {b['id']}: {name}")

    def test_postings_of_every_form(self):
        """Names and addresses in one of 18 blocks, in two or three, in many and in all."""
        archive, n = self.folder / "archive", 35000
        hosts = ("all" if i % 5 == 0 else i if i % 997 == 0 else i // 2 % 9000 for i in range(n))
        lines = [json.dumps({"record": "binding", "id": i + 1, "first": f"ns:{i}", "addr": f"10.{i % 40}.{i % 7}.{i // 5 % 100}",
                             "name": f"{host}.{i % 3}.example"}) + "\n" for i, host in enumerate(hosts)]
        self.bulkhead("archive", "import", "--format", "json", archive, self.write("records.json", "".join(lines)))
        mine = self.check(archive, segments={"binding": 1})
        segment = mine.segments["binding"][0]
        posted = {len(p) for d in segment.dictionaries for p in d.postings}
        self.assertEqual(segment.n_blocks, 18)
        self.assertTrue({1, 2, 18} <= posted, posted)

    def test_what_was_dropped_is_not_missing(self):
        archive = self.folder / "archive"
        for day in (1, 2, 3):
            flows = [{"record": "flow", "id": day * 10000 + i, "initiator": "10.0.0.1", "responder": f"192.0.2.{i % 256}", "protocol": 6,
                      "first": f"2026-01-{day:02}T00:00:00Z", "last": f"2026-01-{day:02}T00:00:01Z"} for i in range(1100)]
            lines = "".join(json.dumps(f) + "\n" for f in flows)
            self.bulkhead("archive", "import", "--format", "json", archive, self.write("flows.json", lines))
        self.bulkhead("archive", "expire", "--before", "2026-01-02T12:00:00Z", "--kind", "flow", archive)
        mine = self.check(archive, segments={"flow": 1, "coverage": 2})
        self.assertEqual(mine.segments["flow"][0].first, 3)
        lines = (archive / "ledger").read_text(encoding="utf-8").splitlines(True)
        (archive / "ledger").write_text("".join(line for line in lines if not line.startswith("expire")))
        self.assertEqual(reader.Archive(archive, lib.ROOT).problems, ["flow: runs [1, 2] are missing"])

    def test_what_is_between_a_merge_and_its_end_counts_once(self):
        """Parts beside what was merged of them, good and bad; a journal beside its segment, good and bad."""
        archive, odd = self.folder / "archive", Odd(2)
        for part in range(2):
            lines = "".join(line_of("binding", odd.record("binding", part * 1100 + i + 1)) for i in range(1100))
            self.bulkhead("archive", "import", "--format", "json", archive, self.write("records.json", lines))
        whole = reader.Archive(archive, lib.ROOT).records("binding")
        parts = {p.name: p.read_bytes() for p in archive.glob("binding-*.seg")}
        self.bulkhead("archive", "compact", archive)
        merged = archive / "binding-0000000001-0000000002.seg"
        content = merged.read_bytes()
        for name, data in parts.items():
            (archive / name).write_bytes(data)
        for at in (None, 5, 60, len(content) // 2, len(content) - 100):
            broken = bytearray(content)
            if at is not None:
                broken[at] ^= 1
            merged.write_bytes(broken)
            mine = reader.Archive(archive, lib.ROOT)
            self.assertEqual(mine.records("binding"), whole)
            self.assertEqual([(s.first, s.last) for s in mine.segments["binding"]], [(1, 2)] if at is None else [(1, 1), (2, 2)])
            self.assertEqual(self.exported(archive)["binding"], whole)

    def test_what_is_part_of_something_unfinished_does_not_count(self):
        archive, odd = self.folder / "archive", Odd(3)
        for part in range(3):
            lines = "".join(line_of("binding", odd.record("binding", part * 1100 + i + 1)) for i in range(1100 if part < 2 else 9))
            self.bulkhead("archive", "import", "--format", "json", archive, self.write("records.json", lines))
        whole = reader.Archive(archive, lib.ROOT).records("binding")
        self.assertEqual(len(whole), 2209)
        for first, count in ((1, 0), (2, 1100), (3, 2200), (4, 2209)):
            (archive / "batch").write_text("".join(f"{kind} {first if kind == 'binding' else 1}\n" for kind in SCHEMA), encoding="ascii")
            self.assertEqual(reader.Archive(archive, lib.ROOT).records("binding"), whole[:count])
            exported = self.exported(archive)
            self.assertEqual((exported["binding"], exported["coverage"]), (whole[:count], []))


if __name__ == "__main__":
    lib.main()
