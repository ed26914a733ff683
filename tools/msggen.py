#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes NAME.h and NAME.c from msg/NAME.schema: msggen.py SCHEMA HEADER SOURCE."""
import os
import re
import sys

C_TYPES = {
    "u8": "uint8_t", "u16": "uint16_t", "u32": "uint32_t", "u64": "uint64_t", "time": "int64_t", "real": "double",
    "addr": "struct net_addr", "mac": "struct net_mac", "prefix": "struct net_prefix", "text": "struct text",
    "u64s": "struct msg_u64s", "fields": "struct msg_fields",
}
# Bytes of the types that always take the same.
SIZES = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "time": 8, "real": 8, "addr": 16, "mac": 6, "prefix": 17}


def fail(path, line, column, what):
    sys.exit(f"{path}:{line}:{column}: {what}")


def parse(path):
    """The records of the schema and the word that each begins with: "record" or "message"."""
    records = []
    word = None
    numbers = set()
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            code, _, comment = line.partition("#")
            words = code.split()
            comment = comment.strip()
            if not words:
                if records and not records[-1]["fields"] and comment:
                    records[-1]["doc"].append(comment)
                continue
            if words[0] in ("record", "message"):
                if len(words) != 3 or not words[2].isdigit() or words[2] in numbers or word not in (None, words[0]):
                    fail(path, number, 1, "expected: record NAME NUMBER or message NAME NUMBER, one word in a file, the number "
                         "unused so far")
                word = words[0]
                numbers.add(words[2])
                records.append({"name": words[1], "number": int(words[2]), "fields": [], "doc": []})
                continue
            if len(words) != 2 or not records:
                fail(path, number, 1, "expected: TYPE NAME, inside a record")
            if words[0] not in C_TYPES:
                fail(path, number, 1, f"unknown type {words[0]}; known: {' '.join(C_TYPES)}")
            if not re.fullmatch(r"[a-z][a-z0-9_]*", words[1]) or words[1] in [n for _, n, _ in records[-1]["fields"]]:
                fail(path, number, 1 + code.index(words[1]), f"{words[1]} is no name, or is there already")
            records[-1]["fields"].append((words[0], words[1], comment))
    return records, word


def made(name):
    return ["/* SPDX-License-Identifier: GPL-2.0-or-later */", f"/* Made from msg/{name}.schema by tools/msggen.py. */"]


def header(records, word, file):
    guard = f"MSG_{file.upper()}_H"
    out = made(file) + [f"#ifndef {guard}", f"#define {guard}", ""]
    if word == "message":
        out += ['#include "msg/msg.h"', ""]
    out += [f"enum msg_{word} {{"]
    out += [f"\tMSG_{r['name'].upper()} = {r['number']}," for r in records]
    out += ["};", "", f"#define MSG_{word.upper()}_LIST(X) \\"]
    out += [" \\\n".join(f"\tX({r['name'].upper()}, {r['name']})" for r in records), ""]
    for r in records:
        for line in r["doc"]:
            out.append(f"/* {line} */")
        out.append(f"struct msg_{r['name']} {{")
        for kind, name, comment in r["fields"]:
            out.append(f"\t{C_TYPES[kind]} {name};" + (f" /* {comment} */" if comment else ""))
        out += ["};", "", "/* Fields by their place in the record. */", f"enum msg_{r['name']}_field {{"]
        out += [f"\tMSG_{r['name'].upper()}_FIELD_{field.upper()}," for _, field, _ in r["fields"]]
        out += ["};", "",
                "/* Appends the record, envelope included. Returns 0, -ERR_LIMIT (a list or text beyond its bound) or -ENOMEM. */",
                f"int msg_{r['name']}_encode(struct dynbuf *out, const struct msg_{r['name']} *m);",
                "/* Decodes a whole record. 0, -ERR_MALFORMED, -ERR_TRUNCATED or -ENOMEM. */",
                f"int msg_{r['name']}_decode(const void *p, size_t n, struct arena *arena, struct msg_{r['name']} *ret_m);", ""]
    out += ["#endif", ""]
    return "\n".join(out)


def runs(fields):
    """Fields of fixed size that follow each other, with their places; any other field by itself, without."""
    run, at = [], 0
    for kind, field, _ in fields:
        if kind in SIZES:
            run.append((kind, field, at))
            at += SIZES[kind]
            continue
        if run:
            yield run, at
        yield [(kind, field, None)], 0
        run, at = [], 0
    if run:
        yield run, at


def encode(record):
    out = [f"\tsize_t at = msg_begin(out, MSG_{record['name'].upper()});", "\tuint8_t *p;"]
    for run, size in runs(record["fields"]):
        if size == 0:
            out += [f"\tmsg_put_{kind}(out, m->{field});" for kind, field, _ in run]
            continue
        out += [f"\tp = dynbuf_grow(out, {size});", "\tif (p) {"]
        out += [f"\t\tmsg_store_{kind}(p + {at}, m->{field});" for kind, field, at in run]
        out += ["\t}"]
    return out


def decode(record):
    out = []
    for run, size in runs(record["fields"]):
        if size == 0:
            out += [f"\tm.{field} = msg_get_{kind}(&r);" for kind, field, _ in run]
            continue
        out += [f"\tp = msg_take(&r, {size});", "\tif (p) {"]
        out += [f"\t\tm.{field} = msg_load_{kind}(p + {at});" for kind, field, at in run]
        out += ["\t} else {"]
        out += [f"\t\tm.{field} = msg_get_{kind}(&r);" for kind, field, _ in run]
        out += ["\t}"]
    return out


def source(records, file):
    out = made(file) + [f'#include "msg/{"msg" if file == "records" else file}.h"', "", '#include "msg/codec.h"', ""]
    for r in records:
        name = r["name"]
        out += [f"int msg_{name}_encode(struct dynbuf *out, const struct msg_{name} *m)", "{"]
        out += encode(r)
        out += ["\treturn msg_finish(out, at);", "}", "",
                f"int msg_{name}_decode(const void *bytes, size_t n, struct arena *arena, struct msg_{name} *ret_m)", "{",
                "\tstruct msg_reader r;", f"\tstruct msg_{name} m = {{0}};", "\tconst uint8_t *p;",
                f"\tint error = msg_open(&r, bytes, n, MSG_{name.upper()}, arena);",
                "\tif (error < 0)", "\t\treturn error;"]
        out += decode(r)
        out += ["\terror = msg_close(&r);", "\tif (error < 0)", "\t\treturn error;", "\t*ret_m = m;", "\treturn 0;", "}", ""]
    return "\n".join(out)


def main():
    records, word = parse(sys.argv[1])
    file = os.path.basename(sys.argv[1]).removesuffix(".schema")
    for path, text in ((sys.argv[2], header(records, word, file)), (sys.argv[3], source(records, file))):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)


if __name__ == "__main__":
    main()
