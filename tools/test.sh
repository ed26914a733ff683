#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs every test in every lane and closes with "N passed, N failed". Skipped tests say why and count as skipped.
set -u
cd "$(dirname "$0")/.." || exit 2

passed=0 failed=0 skipped=0

check() { # NAME COMMAND...
	name=$1
	shift
	log=$(mktemp)
	if "$@" >"$log" 2>&1; then
		echo "ok    $name"
		passed=$((passed + 1))
	else
		echo "FAIL  $name"
		sed 's/^/      /' "$log" | tail -n 60
		failed=$((failed + 1))
	fi
	rm -f "$log"
}

lane() { # NAME FOLDER SETUP-ARGUMENTS...
	name=$1 folder=$2
	shift 2
	log=$(mktemp)
	if [ ! -f "$folder/build.ninja" ] && ! "$@" meson setup "$folder" $lane_options >"$log" 2>&1 || ! ninja -C "$folder" --quiet >>"$log" 2>&1; then
		echo "FAIL  $name: doesn't build"
		tail -n 40 "$log" | sed 's/^/      /'
		failed=$((failed + 1))
		rm -f "$log"
		return
	fi
	meson test -C "$folder" --no-rebuild --print-errorlogs --num-processes 2 >"$log" 2>&1
	grep -E '(FAIL|TIMEOUT|ERROR|SKIP)' "$log" | sed 's/^/      /'
	grep -qE '(FAIL|TIMEOUT|ERROR)' "$log" && tail -n 80 "$log" | sed 's/^/      /'
	count() { sed -n "s/^$1: *\([0-9]*\).*/\1/p" "$log" | tail -n 1; }
	ok=$(count Ok) bad=$(($(count Fail) + $(count Timeout) + $(count 'Unexpected Pass'))) out=$(count Skipped)
	[ -n "$ok" ] || { ok=0 bad=1; tail -n 20 "$log"; }
	echo "lane  $name: $ok passed, $bad failed, $out skipped"
	passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + out))
	rm -f "$log"
}

check "module order" tools/check-layers
check "house style" tools/check-style

lane_options="--buildtype=release"
lane "gcc, release" build env CC=gcc
lane_options="--buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false"
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
lane "clang, address and undefined-behaviour sanitizers" build-asan env CC=clang

check "static analysis: cppcheck" tools/check-cppcheck
check "static analysis: clang-tidy" tools/check-tidy
check "valgrind: one analysis" tools/check-valgrind

[ $skipped -eq 0 ] || echo "$skipped skipped"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
