#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes a C file that holds a file's bytes as a string, and its size: embed.py NAME INPUT OUTPUT."""
import sys

name, path, output = sys.argv[1:4]
with open(path, "rb") as f:
    data = f.read()
with open(output, "w", encoding="ascii") as f:
    f.write("/* SPDX-License-Identifier: GPL-2.0-or-later */\n/* Made by tools/embed.py. */\n#include <stddef.h>\n")
    f.write(f"extern const size_t {name}_size;\nconst size_t {name}_size = {len(data)};\n")
    f.write(f"extern const char {name}[];\n_Alignas(16) const char {name}[] = {{")
    for at in range(0, len(data), 24):
        f.write("\n\t" + " ".join(f"{b if b < 128 else b - 256}," for b in data[at:at + 24]))
    f.write("\n\t0};\n")
