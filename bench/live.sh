#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Prints the figures of bench/RESULTS.md, "Live", one script after the other. Needs root: everything is done in network namespaces that the scripts
# make and remove; nothing is sent beyond them. bench/live.sh BUILD, a meson build folder.
set -u
[ $# -eq 1 ] || { echo "usage: bench/live.sh BUILD" >&2; exit 2; }
[ "$(id -u)" -eq 0 ] || { echo "bench/live.sh: needs root, for network namespaces and nftables" >&2; exit 2; }
build=$(realpath "$1") || exit 2
cd "$(dirname "$0")/.." || exit 2
failed=""

run() { # NAME, and how it is measured
	name=$1
	shift
	echo "== $name"
	"$@" || failed="$failed $name"
}

run reaction bench/reaction.py "$build" --peers
run capture bench/ring.py "$build"
run cuts "$build/bench/bench_cuts"
if [ -x "$build/bench/bench_xdp" ]; then run xdp "$build/bench/bench_xdp"; else echo "== xdp: skipped, it isn't built"; fi
run collateral bench/collateral.py --bulkhead "$build/bulkhead" --check
if [ -x bench/faults.py ]; then run faults bench/faults.py "$build"; else echo "== faults: skipped, bench/faults.py isn't here"; fi
echo "These figures stand in bench/RESULTS.md, section \"Live\"."
[ -z "$failed" ] || { echo "failed, or missed an aim:$failed" >&2; exit 1; }
