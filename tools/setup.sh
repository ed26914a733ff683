#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Installs what Bulkhead is built and tested with, from Debian 12's own packages. Run as root, or where sudo is.
set -eu

build="gcc libc6-dev ninja-build meson pkg-config python3 libxxhash-dev libyaml-dev libjansson-dev libyajl-dev libssl-dev libzstd-dev zlib1g-dev
nettle-dev libcurl4-openssl-dev libmicrohttpd-dev libhtp-dev libigraph-dev libmnl-dev libseccomp-dev libcap-ng-dev libcmocka-dev libsqlite3-dev clang libbpf-dev linux-libc-dev"
check="git clang clang-format clang-tidy cppcheck libclang-rt-14-dev libpcap-dev  valgrind shellcheck nftables bird2 exabgp
python3-jsonschema python3-yaml python3-xxhash python3-zstandard iproute2 ethtool wireshark-common"
bench="softflowd nfdump libndpi-bin argus-server tshark linux-perf" # bench/sensor.py measures beside them

wanted="$build"
[ "${1:-all}" = "build" ] || wanted="$build $check"
[ "${1:-all}" != "bench" ] || wanted="$wanted $bench"

missing=""
for package in $wanted; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || { echo "setup: not root and no sudo; as root, install:$missing" >&2; exit 1; }
	as_root="sudo"
fi
echo "setup: installing$missing"
# shellcheck disable=SC2086
$as_root apt-get update -q >/dev/null
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -q --no-install-recommends $missing >/dev/null
