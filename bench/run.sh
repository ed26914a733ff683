#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Prints the figures of bench/RESULTS.md but for the archive's (bench/archive.py) and the live ones (bench/live.sh).
# BULKHEAD_DATA: a folder of public captures (otrf-lateral/, malcolm/, corelight/), left out where unset.
set -eu
cd "$(dirname "$0")/.."
echo "== against the range's truth"
bench/evaluate.py
echo "== public captures"
if [ -n "${BULKHEAD_DATA:-}" ]; then bench/captures.py "$BULKHEAD_DATA"; else echo "skipped: BULKHEAD_DATA isn't set"; fi
echo "== agreement with tshark"
if [ -z "${BULKHEAD_DATA:-}" ]; then echo "skipped: BULKHEAD_DATA isn't set"
elif ! command -v tshark > /dev/null; then echo "skipped: no tshark here"
else bench/agreement.py "$BULKHEAD_DATA"; fi
echo "== speed and memory"
bench/speed.py
