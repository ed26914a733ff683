# SPDX-License-Identifier: GPL-2.0-or-later
"""The documents of the protected zones: invented text, different for each seed.

Every line is unlike every other, so that a fragment found anywhere can be
assigned to its document. Nothing in them means anything.
"""

import random

SUBJECTS = ("upper stage", "payload fairing", "reaction wheel", "star tracker", "propellant line", "ground antenna",
            "battery string", "thermal blanket", "umbilical mast", "flight computer", "gyro package", "pressure vessel",
            "telemetry encoder", "range safety receiver", "separation bolt", "solar wing", "helium valve")
VERBS = ("holds", "exceeds", "drifts below", "was trimmed to", "recovers at", "settles near", "is limited to",
         "was requalified for", "saturates at", "must stay under")
UNITS = ("kPa", "mrad/s", "K", "V", "dBm", "g rms", "N m", "mA", "kg/s", "mm")
CLAUSES = ("before the second burn", "during eclipse entry", "after the valve cycle", "with the heater off",
           "as seen from the southern station", "in the redundant branch", "under worst-case spin",
           "at the end of the countdown hold", "until the next review", "on the qualification model")

MISSION = (("ascent-guidance-notes.txt", 108), ("payload-interface-control.txt", 151), ("orbit-insertion-budget.csv", 88),
           ("ground-station-handover.txt", 131), ("anomaly-review-board-17.txt", 118), ("command-dictionary-extract.csv", 121))
MISSION_SECRET = ("uplink-authentication.txt", 8)
LAUNCH = (("range-safety-corridors.csv", 126), ("tanking-procedure-rev9.txt", 148), ("pad-abort-analysis.txt", 172),
          ("vehicle-acceptance-data.csv", 138), ("flight-termination-codes.txt", 84), ("countdown-constraints.txt", 92))


def text(rng, kilobytes):
    lines, size = [], 0
    while size < kilobytes * 1024:
        line = "%05d  The %s %s %.3f %s %s; see item %s.\n" % (
            len(lines) + 1, rng.choice(SUBJECTS), rng.choice(VERBS), rng.uniform(0.1, 9000), rng.choice(UNITS),
            rng.choice(CLAUSES), "%04x-%03d" % (rng.randrange(65536), rng.randrange(1000)))
        lines.append(line)
        size += len(line)
    return "".join(lines).encode()


def table(rng, kilobytes):
    lines, size = ["time,channel,value,unit,flag\n"], 0
    while size < kilobytes * 1024:
        line = "%.3f,%s-%02d,%.6f,%s,%d\n" % (rng.uniform(0, 86400), rng.choice(SUBJECTS).replace(" ", "_"),
                                            rng.randrange(40), rng.gauss(0, 500), rng.choice(UNITS), rng.randrange(4))
        lines.append(line)
        size += len(line)
    return "".join(lines).encode()


def document(seed, name, kilobytes):
    rng = random.Random("document/%s/%s" % (seed, name))
    return (table if name.endswith(".csv") else text)(rng, kilobytes)


def write(folder, seed, catalogue):
    for name, kilobytes in catalogue:
        (folder / name).write_bytes(document(seed, name, kilobytes))


def filler(seed, name, size):
    """Bytes that don't compress, for backups and large ordinary copies."""
    return random.Random("filler/%s/%s" % (seed, name)).randbytes(size)
