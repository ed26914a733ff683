#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs every fuzz target with libFuzzer, ten minutes each (FUZZ_SECONDS), two at a time, from its corpus; new inputs go to a scratch
# folder. Names each target and how it went; exit code 1 where one found something (its input lies in build-fuzz/findings/).
set -u
cd "$(dirname "$0")/../.." || exit 2
seconds=${FUZZ_SECONDS:-600}
[ -f build-fuzz/build.ninja ] || CC=clang meson setup build-fuzz -Dfuzz=true -Db_lundef=false >/dev/null || exit 2
ninja -C build-fuzz --quiet || exit 2
mkdir -p build-fuzz/findings

one() { # TARGET
	name=$(basename "$1")
	rest=${name#fuzz_}
	folder=${rest%%_*}
	corpus=tests/fuzz/$folder/corpus/${rest#*_}
	scratch=$(mktemp -d)
	log=build-fuzz/findings/$name.log
	if "$1" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=20 -artifact_prefix="build-fuzz/findings/$name-" "$scratch" "$corpus" \
		>"$log" 2>&1; then
		echo "fine   $name: $(sed -n 's/.*stat::number_of_executed_units: //p; s/^Done \([0-9]*\) runs.*/\1 runs/p' "$log" | tail -n 1)"
		rm -rf "$scratch"
		return 0
	fi
	echo "FOUND  $name: see $log"
	rm -rf "$scratch"
	return 1
}

if [ $# -eq 1 ]; then
	one "$1"
	exit
fi
find build-fuzz/tests -maxdepth 1 -type f -name 'fuzz_*' -perm -u+x | sort | xargs -n 1 -P 2 "$0"
