# SPDX-License-Identifier: GPL-2.0-or-later
"""What archive_reader.py is made of: bytes, checksums, streams of integers and records, as doc/archive-format.md has them.

It needs XXH3 and zstd: Debian's python3-xxhash and python3-zstandard. MISSING names what isn't there.
"""
import pathlib
import re
import struct

try:
    import xxhash
    import zstandard
    MISSING = None
except ImportError as error:
    MISSING = f"{error.name} (Debian: python3-xxhash, python3-zstandard)"

MASK = (1 << 64) - 1
STREAM_MAX, ITEMS_MAX = 1 << 24, 1 << 20
TEXT_MAX, LIST_MAX, FIELDS_MAX, RECORD_MAX = 65536, 4096, 64, 1 << 20
SPANS = {"flow": ("first", "last"), "transaction": ("time", "time"), "detection": ("time", "last"), "binding": ("first", "last"),
         "coverage": ("from", "to")}
SIZES = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "time": 8, "real": 8, "addr": 16, "mac": 6}


class Bad(Exception):
    """The bytes break the page."""


def need(true, what):
    if not true:
        raise Bad(what)


def checksum(data, seed=0):
    return xxhash.xxh3_64_intdigest(bytes(data), seed=seed & MASK)


def unzigzag(z):
    return (z >> 1) ^ -(z & 1)


def read_schema(source):
    """{kind: (number, [(type, field)])}"""
    kinds, fields = {}, None
    for line in (pathlib.Path(source) / "src/msg/records.schema").read_text(encoding="utf-8").splitlines():
        words = line.partition("#")[0].split()
        if words[:1] == ["record"]:
            fields = []
            kinds[words[1]] = (int(words[2]), fields)
        elif words:
            fields.append((words[0], words[1]))
    return kinds


def read_fields(source):
    """The names of metadata fields by number, and of each how it is shown."""
    text = (pathlib.Path(source) / "src/net/field.h").read_text(encoding="utf-8")
    return re.findall(r'X\(\w+, "([^"]*)", (\w+)\)', text)


class Cursor:
    def __init__(self, data, at=0, end=None):
        self.data, self.at, self.end = data, at, len(data) if end is None else end

    def take(self, n):
        need(n <= self.end - self.at, "it ends within something")
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self, size):
        return int.from_bytes(self.take(size), "little")

    def varint(self, most=10):
        value = 0
        for i in range(most):
            byte = self.number(1)
            value |= (byte & 127) << 7 * i
            if byte < 128:
                return value & (MASK if most == 10 else -1)
        raise Bad("a varint without an end")

    def left(self):
        return self.end - self.at

    def finish(self):
        need(self.at == self.end, f"{self.left()} bytes too many")


# --- streams of integers -----------------------------------------------------

def unpack(cursor, count, width):
    """Fields of `width` bits."""
    need(width <= 64, "a width beyond 64")
    data = cursor.take((count * width + 7) // 8)
    if width == 0:
        return [0] * count
    result, mask = [], (1 << width) - 1
    for at in range(0, len(data), width):  # eight fields are `width` bytes
        eight = int.from_bytes(data[at:at + width], "little")
        result += [eight >> width * i & mask for i in range(8)]
    return result[:count]


def unpack_classes(cursor, count):
    n = cursor.number(1)
    need(2 <= n <= 64, "so many classes")
    table = [(cursor.number(1), cursor.number(1)) for _ in range(n)]
    need(all(low <= 64 and width <= 64 for low, width in table), "a class beyond 64 bits")
    of = unpack(cursor, count, (n - 1).bit_length())
    need(all(k < n for k in of), "a class that isn't there")
    bits = sum(table[k][1] for k in of)
    data = cursor.take((bits + 7) // 8)
    result, held, have, at = [], 0, 0, 0
    for k in of:
        low, width = table[k]
        while have < width:
            held |= int.from_bytes(data[at:at + 8], "little") << have
            at, have = at + 8, have + 64
        result.append(((held & (1 << width) - 1) + (1 << low - 1 if low else 0)) & MASK)
        held, have = held >> width, have - width
    return result


def unpack_planes(cursor, count):
    width = cursor.number(1)
    need(width <= 8, "so many planes")
    planes = [cursor.take(count) for _ in range(width)]
    return [sum(plane[i] << 8 * k for k, plane in enumerate(planes)) for i in range(count)]


def integers(cursor, n):
    form, sizes = cursor.number(1), cursor.number(1)
    packing, dictionary, differences, scaled = form & 3, form & 4, form >> 3 & 1, form & 16
    need(form < 32 and packing < 3 and sizes & 15 <= 8 and sizes >> 4 <= 8, "a form of integers")
    need(n <= STREAM_MAX and (differences and n or not differences and sizes >> 4 == 0), "differences of nothing")
    base, first = cursor.number(sizes & 15), cursor.number(sizes >> 4)
    scale = cursor.number(8) if scaled else 1
    values = None
    if dictionary:
        count, width = cursor.number(2), cursor.number(1)
        need(count, "a dictionary of none")
        values = unpack(cursor, count, width)
    count = n - differences
    if packing == 0:
        numbers = unpack(cursor, count, cursor.number(1))
    else:
        numbers = unpack_classes(cursor, count) if packing == 1 else unpack_planes(cursor, count)
    if values is not None:
        need(all(x < len(values) for x in numbers), "a number beyond the dictionary")
        numbers = [values[x] for x in numbers]
    results = [base + scale * x & MASK for x in numbers]
    if differences:
        results.insert(0, first)
        for i in range(1, n):
            results[i] = results[i - 1] + results[i] & MASK
    return results


def texts(cursor, n):
    distinct = cursor.number(4)
    need(distinct <= n, "more distinct texts than texts")
    numbers, lengths = integers(cursor, n), integers(cursor, distinct)
    need(all(x < distinct for x in numbers) and all(length <= TEXT_MAX for length in lengths), "a text that isn't there or too long")
    parts = [cursor.take(length) for length in lengths]
    cursor.finish()
    return [parts[x] for x in numbers]


def lists(cursor, rows, most):
    counts = integers(cursor, rows)
    need(all(c <= most for c in counts) and sum(counts) <= ITEMS_MAX, "a list that is too long")
    return counts, sum(counts)


def cut(items, counts):
    items = iter(items)
    return [[next(items) for _ in range(c)] for c in counts]


def unpacked(stored, raw, most):
    if raw == 0:
        return stored
    need(raw <= most, "so many bytes decompressed")
    size = zstandard.frame_content_size(stored)
    need(size in (-1, raw), "a frame of another size")
    data = zstandard.ZstdDecompressor().decompress(stored, max_output_size=raw)
    need(len(data) == raw, "not as many bytes as it says")
    return data


# --- records -----------------------------------------------------------------

def signed(value):
    return value - (1 << 64) if value >> 63 else value


def as_real(bits):
    value = struct.unpack("<d", struct.pack("<Q", bits))[0]
    return value if value == value else 0.0


def decode_field(cursor, kind):
    if kind in ("u8", "u16", "u32", "u64"):
        return cursor.number(SIZES[kind])
    if kind == "time":
        return signed(cursor.number(8))
    if kind == "real":
        return as_real(cursor.number(8))
    if kind in ("addr", "mac"):
        return cursor.take(SIZES[kind])
    count = cursor.number(4)
    need(count <= {"text": TEXT_MAX, "u64s": LIST_MAX, "fields": FIELDS_MAX}[kind], "a count beyond its bound")
    if kind == "text":
        return cursor.take(count)
    if kind == "u64s":
        return [cursor.number(8) for _ in range(count)]
    return [(cursor.number(2), decode_field(cursor, "text")) for _ in range(count)]


NOTHING = {"real": 0.0, "addr": bytes(16), "mac": bytes(6), "text": b"", "u64s": [], "fields": []}


def decode_record(cursor, schema, kind):
    number, fields = schema[kind]
    need(cursor.number(2) == number, "a record of another kind")
    length = cursor.number(4)
    need(length + 6 <= RECORD_MAX, "a record that is too long")
    body = Cursor(cursor.take(length))
    return {name: decode_field(body, t) if body.left() else NOTHING.get(t, 0) for t, name in fields}


def encode_field(t, value):
    if t in ("addr", "mac"):
        return value
    if t == "real":
        return struct.pack("<d", value)
    if t == "text":
        return len(value).to_bytes(4, "little") + value
    if t == "u64s":
        return len(value).to_bytes(4, "little") + b"".join(v.to_bytes(8, "little") for v in value)
    if t == "fields":
        return len(value).to_bytes(4, "little") + b"".join(f.to_bytes(2, "little") + encode_field("text", v) for f, v in value)
    return (value & MASK).to_bytes(SIZES[t], "little")


def encode_record(record, schema, kind, n_columns):
    """A leaf of its run's tree."""
    number, fields = schema[kind]
    body = b"".join(encode_field(t, record[name]) for t, name in fields[:n_columns])
    return number.to_bytes(2, "little") + len(body).to_bytes(4, "little") + body


def span_of(records, kind):
    first, last = SPANS[kind]
    times = [(r[first], max(r[first], r[last])) for r in records if r[first] or r[last]]
    return (len(records), len(records) - len(times), min(r["id"] for r in records), max(r["id"] for r in records),
            min((t[0] for t in times), default=0), max((t[1] for t in times), default=0))


def read_span(data):
    return struct.unpack("<QQQQqq", data)


LOWER = bytes(c | 32 if 65 <= c <= 90 else c for c in range(256))


def name_key(name):
    """What a name is sorted by."""
    if b"\0" in name:
        return name
    labels = (name[:-1] if name.endswith(b".") else name).split(b".")
    return b"\0".join(reversed(labels)).translate(LOWER)
