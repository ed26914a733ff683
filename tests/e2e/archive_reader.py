# SPDX-License-Identifier: GPL-2.0-or-later
"""A second reader of archives, written from doc/archive-format.md and src/msg/records.schema and from nothing else, so that the
page and the program check each other. It believes nothing: every checksum, bound, order and sum that the page states is
checked, and Bad is raised where one doesn't hold. Slow and simple; whole files in memory.
"""
import pathlib
import re
import struct

from archive_forms import (FIELDS_MAX, LIST_MAX, MASK, NOTHING, SIZES, TEXT_MAX, Bad, Cursor, as_real, checksum, cut, decode_record,
                           encode_record, integers, lists, name_key, need, read_fields, read_schema, read_span, signed, span_of,
                           texts, unpacked, unzigzag)

ROWS_MAX, BLOCKS_MAX, SEGMENT_ROWS_MAX, RUNS_MAX = 2048, 1 << 20, 1 << 24, 1 << 16
RAW_MAX, TABLE_MAX, COMPANIONS_MAX = 32 << 20, 2048, 256 << 20
JOURNAL_RECORDS, JOURNAL_BYTES, FRAME_MAX = 262144, 64 << 20, (256 << 10) + (1 << 20)
PLAIN, NEAR, TUPLES, BY_TUPLE = range(4)
ADDRS, NAMES, VALUES = range(3)
SALTS = [int(s, 16) for s in "47b6137b 44974d91 8824ad5b a2b7289d 705495c7 2df1424b 9efc4947 5c6bfb31".split()]
BASES = {"flow": {"first": "last", "established": "first", "wire_out": "payload_out", "wire_in": "payload_in"},
         "detection": {"last": "time"}, "binding": {"last": "first"}, "coverage": {"to": "from"}}
LEADERS = {"flow": {**dict.fromkeys(["protocol", "responder_port", "tcp_flags_out", "tcp_flags_in", "tcp_state", "end", "flags", "app"],
                                    "protocol"),
                    "packets_out": "packets_out", "wire_out": "packets_out", "packets_in": "packets_in", "wire_in": "packets_in"}}
COMPANIONS = {"flow": {"initiator_mac": "initiator", "responder_mac": "responder", "vlan": "initiator"}, "binding": {"mac": "addr"}}
NAME_COLUMNS = {("flow", "name"), ("binding", "name")}
KEYED = [{"dns.answers.addr", "dhcp.assigned_ip"},
         {"dns.rrname", "dns.answers.rdata", "http.hostname", "tls.sni", "ntlmssp.domain", "ntlmssp.host", "krb5.realm", "smtp.helo",
          "dhcp.hostname"},
         {"auth.user", "file.sha256", "tls.ja3", "tls.ja3s", "tls.ja4", "tls.sha256", "tls.serial", "ssh.client.hassh",
          "ssh.server.hassh", "krb5.cname"}]


# --- dictionaries ------------------------------------------------------------

class Dictionary:
    """One of a segment's three, decoded whole; looking up goes the way of the page all the same."""

    def __init__(self, segment, which):
        self.segment, self.which, self.n = segment, which, segment.entries[which]
        self.groups, self.index, self.filter = (segment.section(2 + 3 * which + part) for part in range(3))
        self.n_groups = (self.n + 63) // 64
        self.texts, self.keys, self.postings = [], [], []
        need(len(self.filter) % 32 == 0 and (len(self.filter) > 0) == (self.n > 0), "a filter's size")
        self.read_index()
        for group in range(self.n_groups):
            self.read_group(group)
        pairs = list(zip(self.keys, self.texts))
        need(all(a < b for a, b in zip(pairs, pairs[1:])), "entries out of order")
        for group, separator in enumerate(self.separators[1:], 1):
            need(self.keys[64 * group - 1] <= separator <= self.keys[64 * group], "a separator that doesn't part")

    def read_index(self):
        step = 24 if self.which == ADDRS else 12
        table = [self.index[i * step:(i + 1) * step] for i in range(self.n_groups)]
        rest = self.index[self.n_groups * step:]
        need(all(len(t) == step for t in table), "an index that is too short")
        places = [int.from_bytes(t[step - 8:step - 4], "little") for t in table] + [len(self.groups)]
        need(places[0] == 0 and all(a < b for a, b in zip(places, places[1:])), "groups that don't follow each other")
        self.at = list(zip(places, places[1:]))
        self.sums = [int.from_bytes(t[step - 4:], "little") for t in table]
        if self.which == ADDRS:
            need(not rest, "an index that is too long")
            self.firsts = [t[:16] for t in table]
            self.separators = self.firsts
        else:
            ends = [0] + [int.from_bytes(t[:4], "little") for t in table]
            need(all(a <= b for a, b in zip(ends, ends[1:])) and ends[-1] == len(rest), "separators that don't follow each other")
            self.separators = [rest[a:b] for a, b in zip(ends, ends[1:])]
            need(not self.separators or self.separators[0] == b"", "a first separator")

    def read_group(self, group):
        begin, end = self.at[group]
        data = self.groups[begin:end]
        need(checksum(data, self.segment.seed + self.segment.places[2 + 3 * self.which] + begin) & 0xffffffff == self.sums[group],
             "a group's checksum")
        count = min(64, self.n - 64 * group)
        cursor = Cursor(data)
        entries = Cursor(cursor.take(cursor.varint()))
        if self.which == ADDRS:
            self.read_addresses(entries, group, count)
        else:
            for i in range(count):
                self.read_text(entries, i == 0)
        entries.finish()
        for _ in range(count):
            self.postings.append(self.read_postings(cursor))
        cursor.finish()

    def read_addresses(self, cursor, group, count):
        value = int.from_bytes(self.firsts[group], "big")
        for i in range(count):
            if i:
                more = cursor.varint(19)
                need(more and value + more < 1 << 128, "an address that doesn't rise")
                value += more
            self.texts.append(value.to_bytes(16, "big"))
            self.keys.append(self.texts[-1])

    def read_text(self, cursor, first):
        head = cursor.varint()
        shared = 0 if first else cursor.varint()
        need(shared <= (0 if first else len(self.keys[-1])), "more shared than there is")
        key = (b"" if first else self.keys[-1][:shared]) + cursor.take(head >> 1)
        need(len(key) <= TEXT_MAX, "a key that is too long")
        if head & 1:
            text = cursor.take(cursor.varint())
        else:
            text = b".".join(reversed(key.split(b"\0"))) if self.which == NAMES else key
        need(len(text) <= TEXT_MAX and key == (name_key(text) if self.which == NAMES else text), "a key that isn't the text's")
        self.keys.append(key)
        self.texts.append(text)

    def read_postings(self, cursor):
        blocks = self.segment.n_blocks
        h = cursor.varint()
        need(h <= 2 * blocks, "a form of postings")
        if h < blocks:
            return {h}
        if h == 2 * blocks:
            bits = int.from_bytes(cursor.take((blocks + 7) // 8), "little")
            need(bits >> blocks == 0, "a block beyond the last")
            return {b for b in range(blocks) if bits >> b & 1}
        found = [cursor.varint()]
        for _ in range(h - blocks + 1):
            found.append(found[-1] + cursor.varint() + 1)
        need(found[-1] < blocks, "a block beyond the last")
        return set(found)

    def passes(self, key):
        """What the filter says."""
        if not self.n:
            return False
        h = checksum(key)
        block = ((h >> 32) * (len(self.filter) // 32) >> 32) * 32
        words = struct.unpack("<8I", self.filter[block:block + 32])
        return all(word >> ((h & 0xffffffff) * salt % (1 << 32) >> 27) & 1 for word, salt in zip(words, SALTS))

    def find(self, key, below=False):
        """{entry: blocks} of the entries of that key, by the filter and the index; `below`: also those of a domain below it."""
        found = {}
        if not self.passes(key):
            return found
        low, high = 0, self.n_groups
        while high - low > 1:
            middle = (low + high) // 2
            before = self.separators[middle] <= key if self.which == ADDRS else self.separators[middle] < key
            low, high = (middle, high) if before else (low, middle)
        for group in range(low, self.n_groups):
            mine = self.separators[group]
            if group > low and mine > key and not (below and mine.startswith(key + b"\0")):
                break
            for i in range(64 * group, min(64 * group + 64, self.n)):
                same = self.keys[i] == key or (below and self.keys[i].startswith(key + b"\0"))
                if same and not (below and b"\0" in self.texts[i]):
                    found[i] = self.postings[i]
        return found


# --- segments ----------------------------------------------------------------

class Segment:
    def __init__(self, data, schema, kind, first, last, fields=()):
        self.data, self.schema, self.kind, self.first, self.last = data, schema, kind, first, last
        self.field_names = [name for name, _ in fields]
        self.number, self.columns = schema[kind]
        need(len(data) >= 48 + 384, "a segment that is too short")
        self.read_trailer()
        self.read_directory()
        self.runs = [read_span(s) for s in self.cut(self.section(1), 48)]
        need(len(self.runs) == last - first + 1, "a table of runs of another length")
        self.dictionaries = [Dictionary(self, d) for d in (ADDRS, NAMES, VALUES)]
        self.read_companions()
        self.records = []
        for block in range(self.n_blocks):
            self.records += self.read_block(block)
        self.check_runs()

    @staticmethod
    def cut(data, size):
        need(len(data) % size == 0, "a table that ends within an entry")
        return [data[i:i + size] for i in range(0, len(data), size)]

    def read_trailer(self):
        at = len(self.data) - 384
        trailer = self.data[at:]
        self.n_columns, version = struct.unpack_from("<HH", trailer, 352)
        need(trailer[368:376] == b"BHsegEND" and not any(trailer[356:368]) and version == 2, "a trailer")
        header = b"BHseg\r\n\x1a" + struct.pack("<HHHHQQQ", 2, self.number, self.n_columns, 0, self.first, self.last, 0)
        self.seed = checksum(header)
        need(self.data[:48] == header + self.seed.to_bytes(8, "little"), "a header")
        need(int.from_bytes(trailer[376:], "little") == checksum(trailer[:376], self.seed + at), "the trailer's checksum")
        sections = [struct.unpack_from("<QQQ", trailer, 24 * i) for i in range(12)]
        self.places, self.sizes, self.sums = zip(*sections)
        order = [2, 5, 8, 3, 6, 9, 11, 0, 1, 4, 7, 10]
        self.blocks_end = place = self.places[order[0]]
        for i in order:
            need(self.places[i] == place and self.sizes[i] <= 1 << 30, "sections that don't follow each other")
            place += self.sizes[i]
        need(place == at and self.blocks_end >= 48, "sections that don't end at the trailer")
        self.span = read_span(trailer[288:336])
        self.n_blocks, *self.entries = struct.unpack_from("<4I", trailer, 336)
        need(1 <= self.n_blocks <= BLOCKS_MAX and self.span[0] <= SEGMENT_ROWS_MAX, "the trailer's numbers")
        need(self.last - self.first < RUNS_MAX, "too many runs")

    def section(self, i):
        data = self.data[self.places[i]:self.places[i] + self.sizes[i]]
        need(self.sums[i] == (0 if i in (2, 5, 8) else checksum(data, self.seed + self.places[i])), f"checksum of section {i}")
        return data

    def read_directory(self):
        place, self.blocks = 48, []
        for entry in self.cut(self.section(0), 80):
            at, size, table, check, rows, untimed, id_min, id_max, first, last, least, most = struct.unpack("<QIIQIIQQqqQQ", entry)
            need(at == place and table <= min(size, TABLE_MAX) and 1 <= rows <= ROWS_MAX, "a block's entry")
            need(check == checksum(self.data[at:at + table], self.seed + at), "a table's checksum")
            self.blocks.append((at, size, table, (rows, untimed, id_min, id_max, first, last), (least, most)))
            place += size
        need(place == self.blocks_end and len(self.blocks) == self.n_blocks, "blocks that don't end at the sections")

    def read_companions(self):
        self.companions, cursor = {}, Cursor(self.section(11))
        for _, name in self.columns[:self.n_columns]:
            if name not in COMPANIONS.get(self.kind, {}):
                continue
            both = []
            for _ in range(2):
                stored, raw = cursor.varint(), cursor.varint()
                values = Cursor(unpacked(cursor.take(stored), raw, COMPANIONS_MAX))
                both.append(integers(values, self.entries[ADDRS]))
                values.finish()
            self.companions[name] = both
        cursor.finish()

    def read_block(self, number):
        return Block(self, number).records()

    def check_runs(self):
        """What all spans say is so of the rows; and they add up."""
        row = 0
        for block, (_, _, _, span, references) in enumerate(self.blocks):
            rows = self.records[row:row + span[0]]
            need(span == span_of(rows, self.kind), f"block {block}: its span")
            flows = [r["flow"] for r in rows] if self.kind == "transaction" else [0]
            need(references == (min(flows), max(flows)), f"block {block}: its references")
            row += span[0]
        row = 0
        for span in self.runs:
            need(span == span_of(self.records[row:row + span[0]], self.kind), "a run's span")
            row += span[0]
        need(row == len(self.records) and self.span == span_of(self.records, self.kind), "the trailer's span")

    def leaves(self):
        """{run: its records' encodings}"""
        row, result = 0, {}
        for run, span in enumerate(self.runs, self.first):
            result[run] = [encode_record(r, self.schema, self.kind, self.n_columns) for r in self.records[row:row + span[0]]]
            row += span[0]
        return result

    def check_dictionaries(self):
        """Every key of every row is let through by the filter, found by the index, and posted in the row's block. Gives how
        many were looked up."""
        wanted = [set(), set(), set()]
        row = 0
        for block, (_, _, _, span, _) in enumerate(self.blocks):
            for record in self.records[row:row + span[0]]:
                for which, text in self.keys_of(record):
                    wanted[which].add((text, block))
            row += span[0]
        for which, pairs in enumerate(wanted):
            self.check_keys(self.dictionaries[which], pairs)
        return sum(len(pairs) for pairs in wanted)

    def keys_of(self, record):
        for t, name in self.columns[:self.n_columns]:
            if t == "addr":
                yield ADDRS, record[name]
            elif (self.kind, name) in NAME_COLUMNS:
                yield NAMES, record[name]
            elif t == "fields":
                for field, value in record[name]:
                    for which in (ADDRS, NAMES, VALUES):
                        known = field < len(self.field_names) and self.field_names[field] in KEYED[which]
                        if known and (len(value) == 16 if which == ADDRS else value):
                            yield which, value

    @staticmethod
    def check_keys(dictionary, pairs):
        posted = {}
        for text, block in pairs:
            posted.setdefault(text, set()).add(block)
        for text, blocks in posted.items():
            found = dictionary.find(name_key(text) if dictionary.which == NAMES else text)
            mine = [b for i, b in found.items() if dictionary.texts[i] == text]
            need(mine == [blocks], f"{text!r} is in blocks {blocks}, and found in {mine}")
        if dictionary.which == NAMES:
            Segment.check_domains(dictionary, posted)
        need(set(dictionary.texts) == set(posted), "entries that no row has")

    @staticmethod
    def check_domains(dictionary, posted):
        """Every domain that a name stands in leads to just the names that stand in it."""
        domains = {}
        for text in posted:
            labels = [] if b"\0" in text else name_key(text).split(b"\0")
            for domain in (b"\0".join(labels[:n]) for n in range(1, len(labels) + 1)):
                if domain:
                    domains.setdefault(domain, set()).add(text)
        for domain, names in domains.items():
            found = {dictionary.texts[i]: blocks for i, blocks in dictionary.find(domain, below=True).items()}
            need(found == {name: posted[name] for name in names}, f"{domain!r} leads to {found}")


class Block:
    """The chunks of one block and what they hold."""

    def __init__(self, segment, number):
        self.segment = segment
        at, size, table, span, _ = segment.blocks[number]
        self.rows, self.columns, self.tuples, self.done = span[0], {}, {}, {}
        self.types = {name: t for t, name in segment.columns}
        names = [name for _, name in segment.columns]
        cursor, place, raw_sum = Cursor(segment.data, at, at + table), at + table, 0
        while cursor.left():
            what, stored, raw, check = cursor.number(1), cursor.varint(), cursor.varint(), cursor.number(4)
            column = what & 63
            need(place + stored <= at + size, "a chunk beyond the block")
            data = segment.data[place:place + stored]
            need(check == checksum(data, segment.seed + place) & 0xffffffff, f"checksum of column {column}")
            raw_sum += raw or stored
            need(raw_sum <= RAW_MAX and column not in self.columns, "a block's chunks")
            self.columns[names[column] if column < len(names) else column] = (what >> 6, unpacked(data, raw, RAW_MAX))
            place += stored
        need(place == at + size, "chunks that don't end with the block")

    def records(self):
        columns = [(name, self.column(name)) for _, name in self.segment.columns]
        return [{name: values[i] for name, values in columns} for i in range(self.rows)]

    def column(self, name):
        if name not in self.done:
            t = self.types[name]
            if name in self.columns:
                self.done[name] = self.typed(name, t)
            else:
                self.done[name] = [NOTHING.get(t, 0)] * self.rows
        return self.done[name]

    def numbers(self, name):
        """A column of numbers as unsigned ones, by its form."""
        form, data = self.columns[name]
        kind, cursor = self.segment.kind, Cursor(data)
        base, leader, by = (table.get(kind, {}).get(name) for table in (BASES, LEADERS, COMPANIONS))
        need(form == PLAIN or form == NEAR and (base or by) or form == TUPLES and leader == name or
             form == BY_TUPLE and leader not in (None, name), f"{name}: a form that it doesn't have")
        if form == NEAR and by:
            values = self.accompany(name, by, cursor)
        else:
            if form == TUPLES:
                self.read_tuples(name, cursor)
            near = (unzigzag(cursor.varint()), unzigzag(cursor.varint())) if base and form != PLAIN else None
            if form in (TUPLES, BY_TUPLE):
                values = self.by_tuple(leader, cursor)
            else:
                values = integers(cursor, self.rows)
            if near:
                bases = self.unsigned(base)
                values = [b + near[0] + near[1] * (x - 1) & MASK if x else 0 for x, b in zip(values, bases)]
        cursor.finish()
        return values

    def read_tuples(self, name, cursor):
        count = cursor.varint()
        need(1 <= count <= self.rows, "so many tuples")
        self.tuples[name] = count, integers(cursor, self.rows)
        need(all(x < count for x in self.tuples[name][1]), "a tuple that isn't there")

    def by_tuple(self, leader, cursor):
        if leader not in self.tuples:
            need(self.columns.get(leader, (PLAIN,))[0] == TUPLES, "a leader without tuples")
            self.column(leader)
        count, rows = self.tuples[leader]
        values = integers(cursor, count)
        return [values[x] for x in rows]

    def accompany(self, name, by, cursor):
        codes = integers(cursor, self.rows)
        need(all(c < 3 for c in codes) and cursor.varint() == codes.count(2), f"{name}: codes")
        others = iter(integers(cursor, codes.count(2)))
        entries = self.entries(by, ADDRS)
        both = self.segment.companions[name]
        return [next(others) if c == 2 else both[c][e] for c, e in zip(codes, entries)]

    def unsigned(self, name):
        """A column of numbers that others are near to."""
        return [v & MASK for v in self.column(name)]

    def entries(self, name, which):
        form, data = self.columns[name]
        cursor = Cursor(data)
        need(form == PLAIN, f"{name}: a form that it doesn't have")
        numbers = integers(cursor, self.rows)
        cursor.finish()
        need(all(x < self.segment.entries[which] for x in numbers), f"{name}: an entry that isn't there")
        return numbers

    def typed(self, name, t):
        which = ADDRS if t == "addr" else NAMES if (self.segment.kind, name) in NAME_COLUMNS else None
        if which is not None:
            return [self.segment.dictionaries[which].texts[e] for e in self.entries(name, which)]
        if t in ("text", "u64s", "fields"):
            need(self.columns[name][0] == PLAIN, f"{name}: a form that it doesn't have")
            return self.listed(t, Cursor(self.columns[name][1]))
        values = self.numbers(name)
        need(all(v >> 8 * SIZES[t] == 0 for v in values), f"{name}: a value beyond its size")
        if t == "time":
            return [signed(v) for v in values]
        if t == "real":
            return [as_real(v) for v in values]
        return [v.to_bytes(6, "big") for v in values] if t == "mac" else values

    def listed(self, t, cursor):
        if t == "text":
            return texts(cursor, self.rows)
        counts, total = lists(cursor, self.rows, LIST_MAX if t == "u64s" else FIELDS_MAX)
        items = integers(cursor, total)
        if t == "u64s":
            cursor.finish()
            return cut(items, counts)
        need(all(f <= 0xffff for f in items), "a field number")
        return cut(zip(items, texts(cursor, total)), counts)


# --- journals ----------------------------------------------------------------

class Journal:
    """`records` up to the last commit; `torn` bytes behind the last good frame; `damaged` bytes before it."""

    def __init__(self, data, schema, kind, number):
        self.data, self.schema, self.kind, self.number = data, schema, kind, number
        self.record, self.columns = schema[kind]
        self.records, self.torn, self.damaged = [], 0, 0
        sound = len(data) >= 40 and data[:8] == b"BHjnl\r\n\x1a" and int.from_bytes(data[32:40], "little") == checksum(data[:32])
        self.n_columns = int.from_bytes(data[12:14], "little") if sound else len(self.columns)
        need(not sound or int.from_bytes(data[8:10], "little") == 2, "a journal of another version")
        head = b"BHjnl\r\n\x1a" + struct.pack("<HHHHQQ", 2, self.record, self.n_columns, 0, number, 0)
        self.seed = checksum(head)
        self.bad_header = data[:40] != head + self.seed.to_bytes(8, "little")
        self.read_frames()

    def frame(self, at):
        """(flags, records, end) of a good frame."""
        if len(self.data) - at < 32 or self.data[at:at + 4] != b"BFrm":
            return None
        flags, length, count, check, own = struct.unpack_from("<IIIQQ", self.data, at + 4)
        if own != checksum(self.data[at:at + 24], self.seed + at) or length > min(FRAME_MAX, len(self.data) - at - 32):
            return None
        body = self.data[at + 32:at + 32 + length]
        if check != checksum(body):
            return None
        cursor, records = Cursor(body), []
        try:
            while cursor.left():
                records.append(decode_record(cursor, self.schema, self.kind))
        except Bad:
            return None
        return (flags, records, at + 32 + length) if len(records) == count else None

    def read_frames(self):
        at, good, pending, any_good = 40, 40, [], False
        while at < len(self.data):
            frame = self.frame(at)
            if frame is None:
                at = self.data.find(b"BFrm", at + 1)
                if at < 0:
                    break
                continue
            self.damaged += at - good
            flags, records, good = frame
            pending += records
            any_good = True
            if flags & 1:
                self.records += pending
                pending = []
            at = good
        if any_good:
            self.damaged += 40 if self.bad_header else 0
            self.torn = len(self.data) - good
        else:
            self.torn = len(self.data) - (0 if self.bad_header else 40)
        need(len(self.records) <= JOURNAL_RECORDS, "too many records in a journal")


# --- the folder --------------------------------------------------------------

class Archive:
    """An archive that nobody writes. `problems` tells what is missing or bad; records() gives the others."""

    def __init__(self, folder, source):
        self.folder = pathlib.Path(folder)
        self.schema, self.fields = read_schema(source), read_fields(source)
        need((self.folder / "FORMAT").read_bytes() == b"bulkhead-archive 2\n", "a format")
        self.problems, self.segments, self.journals = [], {}, {}
        self.expired, self.batch = self.read_expired(), self.read_batch()
        for kind in self.schema:
            self.load(kind)

    def read_expired(self):
        path = self.folder / "ledger"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        words = [line.split() for line in lines]
        return {(w[1], run) for w in words if w[0] == "expire" for run in range(int(w[2]), int(w[3]) + 1)}

    def read_batch(self):
        """{kind: the first run that is part of something unfinished}"""
        path = self.folder / "batch"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        firsts = {kind: int(number) for kind, number in (line.split(" ") for line in lines)}
        need(not lines or set(firsts) == set(self.schema), "a batch of other kinds")
        return firsts

    def names(self, kind):
        segments, journals, end = [], [], self.batch.get(kind, 10**10)
        for path in self.folder.iterdir():
            match = re.fullmatch(rf"{kind}-(\d{{10}})(?:-(\d{{10}}))?\.(seg|journal)", path.name)
            if match and int(match[2] or match[1]) >= end:
                continue
            if match and match[3] == "seg":
                segments.append((int(match[1]), -int(match[2] or match[1])))
            elif match:
                journals.append(int(match[1]))
        return [(first, -last) for first, last in sorted(segments)], sorted(journals)

    def load(self, kind):
        segments, journals = self.names(kind)
        self.segments[kind], self.journals[kind] = [], None
        following, bad = 1, None
        for i, (first, last) in enumerate(segments):
            if first < following:
                continue
            parts = i + 1 < len(segments) and segments[i + 1][0] <= last
            segment = self.open(kind, first, last)
            if segment is None and parts:
                continue
            self.miss(kind, following, first)
            following = last + 1
            bad = (first, last) if segment is None else None
            if segment:
                self.segments[kind].append(segment)
        newest = journals[-1] if journals else 0
        if bad == (newest, newest):
            following = newest
        elif bad:
            self.problems.append(f"{kind}: runs {bad[0]} to {bad[1]} are bad")
        if newest >= following:
            self.miss(kind, following, newest)
            name = f"{kind}-{newest:010}.journal"
            self.journals[kind] = Journal((self.folder / name).read_bytes(), self.schema, kind, newest)
            if self.journals[kind].damaged:
                self.problems.append(f"{name} is damaged")

    def miss(self, kind, first, end):
        lost = [run for run in range(first, end) if (kind, run) not in self.expired]
        if lost:
            self.problems.append(f"{kind}: runs {lost} are missing")

    def open(self, kind, first, last):
        name = f"{kind}-{first:010}.seg" if first == last else f"{kind}-{first:010}-{last:010}.seg"
        try:
            return Segment((self.folder / name).read_bytes(), self.schema, kind, first, last, self.fields)
        except Bad as wrong:
            self.problems.append(f"{name}: {wrong}")
            return None

    def records(self, kind):
        journal = self.journals[kind]
        return [r for s in self.segments[kind] for r in s.records] + (journal.records if journal else [])
