# SPDX-License-Identifier: GPL-2.0-or-later
#
# make demo    install what is needed, build, analyze the break-in that the repository ships
# make test    install what is needed, build, run every test; the last line reads "N passed, N failed"
# make install honours PREFIX and DESTDIR
# make range   record the range's break-ins anew (root; half an hour)
# make bench   print the figures of bench/RESULTS.md but for the archive's
# make bench-archive [FLOWS=100000000] [WORK=/tmp]
#              print the archive's, beside other systems that are installed; about an hour, 300 bytes of disk a flow
# make bench-sensor [WORK=/tmp] [BULKHEAD_DATA=folder of public captures]
#              print the sensor's, beside every peer that Debian has; half an hour, 5 GB of disk
# make bench-live
#              print the live ones (root: it works in network namespaces); about two hours
# make fuzz    every fuzz target, ten minutes each

PREFIX ?= /usr/local
DESTDIR ?=

.PHONY: all demo test setup build install range bench bench-archive bench-sensor bench-live fuzz clean

all: build

setup:
	@tools/setup.sh

build/build.ninja:
	@tools/setup.sh build
	@meson setup build --buildtype=release --prefix=$(PREFIX) >/dev/null

build: build/build.ninja
	@ninja -C build --quiet bulkhead

demo: build
	@tools/demo.sh

test: setup
	@tools/test.sh

install: build
	@meson setup --reconfigure build -Dprefix=$(PREFIX) >/dev/null
	@ninja -C build --quiet bulkhead
	DESTDIR=$(DESTDIR) meson install -C build --no-rebuild --quiet

range:
	range/setup
	range/range record all

bench: setup build
	bench/run.sh

FLOWS ?= 100000000
WORK ?= /tmp

bench-archive: setup build
	@ninja -C build --quiet bench/bench_history bench/bench_hunts bench/bench_seed
	@bench/archive.py --flows $(FLOWS) --work $(WORK)

bench-sensor:
	@tools/setup.sh bench
	@$(MAKE) --no-print-directory build
	@ninja -C build --quiet bench/bench_sensor bench/bench_sensor_mixed bench/bench_sensor_short bench/bench_sensor_split
	@bench/sensor.py --work $(WORK)

bench-live:
	@[ "$$(id -u)" -eq 0 ] || { echo "make bench-live: needs root, for network namespaces and nftables" >&2; exit 2; }
	@$(MAKE) --no-print-directory setup build
	@range/setup
	@ninja -C build --quiet bench/bench_react bench/bench_ring bench/bench_blast bench/bench_cuts
	@if ninja -C build -t query bench/bench_xdp >/dev/null 2>&1; then ninja -C build --quiet bench/bench_xdp; fi
	@bench/live.sh build

fuzz: setup
	tests/fuzz/run.sh

clean:
	rm -rf build build-asan build-fuzz
