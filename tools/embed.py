#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes a C file that holds a text file's bytes as a string: embed.py NAME INPUT OUTPUT."""
import sys

name, path, output = sys.argv[1:4]
with open(path, "rb") as f:
    data = f.read()
with open(output, "w", encoding="ascii") as f:
    f.write("/* SPDX-License-Identifier: GPL-2.0-or-later */\n/* Made from a file of web/ by tools/embed.py. */\n")
    f.write(f"extern const char {name}[];\nconst char {name}[] = {{")
    for at in range(0, len(data), 24):
        f.write("\n\t" + " ".join(f"{b}," for b in data[at:at + 24]))
    f.write("\n\t0};\n")
