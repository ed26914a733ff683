#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Analyzes the break-in that the repository ships and says where the report lies.
set -u
cd "$(dirname "$0")/.." || exit 2
out=build/demo
rm -rf "$out"
build/bulkhead analyze range/recordings/breakin.pcapng --site range/site.yaml --out "$out"
code=$?
# 1 means that an incident was found, which is what the demonstration is about
[ $code -eq 1 ] || { echo "demo: exit code $code, expected 1" >&2; exit 1; }
echo "Plans:  $out/plan-surgical.nft, $out/plan-guarded.nft, $out/plan-shutdown.nft"
echo "Ask on: build/bulkhead spread $out    (also: incidents, plan, exposure; --json)"
