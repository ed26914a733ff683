#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs every test in every lane and closes with "N passed, N failed". Skipped tests say why and count as skipped.
#
# What waits and what works go on beside each other. The live tests stand still most of the time, so more of them run at once than there
# are processors, and before all else where they want one; static analysis takes what the rest leaves.
set -u
cd "$(dirname "$0")/.." || exit 2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'trap "" TERM && kill 0; exit 130' INT TERM # what goes on in the background too
processors=$(nproc)
waiting=$((2 * processors + 1))
nice="" # a word before the commands of what may be late
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

# For the last line.
count() { # PASSED FAILED SKIPPED
	echo "$1 $2 $3" >>"$work/counts"
}

since() { # SECONDS
	echo "$(($(date +%s) - $1)) s"
}

# Shows all at once what is told of one thing: others go on meanwhile.
tell() {
	cat >"$log.told"
	cat "$log.told"
}

check() { # NAME COMMAND...
	name=$1 begin=$(date +%s)
	log=$(mktemp -p "$work")
	shift
	if $nice "$@" >"$log" 2>&1; then
		echo "ok    $name ($(since "$begin"))"
		count 1 0 0
	else
		{ echo "FAIL  $name" && tail -n 60 "$log" | sed 's/^/      /'; } | tell
		count 0 1 0
	fi
}

build() { # FOLDER COMPILER OPTIONS...
	folder=$1 compiler=$2 begin=$(date +%s)
	log=$(mktemp -p "$work")
	shift 2
	if { [ -f "$folder/build.ninja" ] || CC=$compiler meson setup "$folder" "$@"; } >"$log" 2>&1 &&
		$nice ninja -C "$folder" --quiet >>"$log" 2>&1; then
		echo "built $folder ($(since "$begin"))"
		return 0
	fi
	{ echo "FAIL  $folder: doesn't build" && tail -n 40 "$log" | sed 's/^/      /'; } | tell
	count 0 1 0
	return 1
}

# Some suites of a lane, so many tests at a time.
lane() { # NAME FOLDER PROCESSES MESON-ARGUMENTS...
	name=$1 folder=$2 processes=$3 begin=$(date +%s)
	log=$(mktemp -p "$work")
	shift 3
	base=$(basename "$log")
	$nice meson test -C "$folder" --no-rebuild --print-errorlogs --num-processes "$processes" --logbase "$base" "$@" >"$log" 2>&1
	told() { sed -n "s/^$1: *\([0-9]*\).*/\1/p" "$log" | tail -n 1; }
	ok=$(told Ok) bad=$(($(told Fail) + $(told Timeout) + $(told 'Unexpected Pass'))) out=$(told Skipped)
	[ -n "$ok" ] || ok=0 bad=1 out=0
	{
		grep -E '^ *[0-9]+/[0-9]+ .*SKIP' "$log" | sed 's/^/      /'
		[ "$bad" -eq 0 ] || tail -n 200 "$log" | sed 's/^/      /'
		echo "lane  $name: $ok passed, $bad failed, $out skipped ($(since "$begin"))"
	} | tell
	count "$ok" "$bad" "$out"
}

live() { # NAME FOLDER
	lane "$1, live" "$2" "$waiting" --suite live
}

released() {
	lane "gcc, release" build "$processors" --no-suite live
	check "valgrind: one analysis" tools/check-valgrind
}

sanitized() {
	lane "clang, sanitizers" build-asan "$processors" --no-suite live
}

check "module order" tools/check-layers
check "house style" tools/check-style

# each of these waits for nothing but what it needs
first="" second=""
if build build gcc --buildtype=release; then
	live "gcc, release" build &
	first=$!
	# generated sources are there from now on
	(nice="nice -n 15" && check "static analysis: cppcheck" tools/check-cppcheck) &
	second=$!
fi
nice="nice -n 5"
if build build-asan clang --buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false; then
	(nice="nice -n 15" && check "static analysis: clang-tidy" tools/check-tidy) &
	second="$second $!"
	[ -z "$first" ] || wait "$first"
	(nice="" && live "clang, address and undefined-behaviour sanitizers" build-asan) &
	second="$second $!"
	[ -z "$first" ] || released
	sanitized
elif [ -n "$first" ]; then
	released
	wait "$first"
fi
# shellcheck disable=SC2086
[ -z "$second" ] || wait $second

awk '{ passed += $1; failed += $2; skipped += $3 }
	END {
		if (skipped)
			print skipped " skipped"
		print passed + 0 " passed, " failed + 0 " failed"
		exit failed > 0
	}' "$work/counts"
