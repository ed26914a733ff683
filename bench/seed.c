/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Spread from one seed over an archive: seed [--runs N] ARCHIVE ADDRESS TIME. The machines are those that the
 * archive's bindings name, the zones RFC 1918's networks against all else. TIME as RFC 3339. One JSON line.
 */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "archive/archive.h"
#include "base/err.h"
#include "base/num.h"
#include "base/timefmt.h"
#include "incident/asset.h"
#include "spread/spread.h"

enum { RUNS_MAX = 100 };

struct ground {
	struct archive *archive;
	struct net_zone_map *zones;
	struct asset_map *assets;
};

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int make_zones(struct net_zone_map **ret_map)
{
	static const char *const inside[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"};
	struct net_zone_map *m;
	struct net_prefix prefix;
	uint16_t zone;
	int r = net_zone_map_new(&m);
	if (r < 0)
		return r;
	r = net_zone_map_add(m, "inside", NET_ZONE_INTERNAL, &zone);
	for (size_t i = 0; r == 0 && i < sizeof(inside) / sizeof(inside[0]); i++) {
		r = net_prefix_parse(text_of(inside[i]), &prefix);
		if (r == 0)
			r = net_zone_map_add_prefix(m, zone, prefix);
	}
	if (r < 0) {
		net_zone_map_free(m);
		return r;
	}
	*ret_map = m;
	return 0;
}

static int each_binding(void *context, const struct msg_binding *b)
{
	return asset_map_binding(context, b);
}

static int open_ground(struct ground *w, const char *path)
{
	int r = archive_open(&w->archive, path, false);
	if (r == 0)
		r = make_zones(&w->zones);
	if (r == 0)
		r = asset_map_new(&w->assets, w->zones, 1);
	if (r == 0)
		r = archive_scan_bindings(w->archive, each_binding, w->assets);
	return r == 0 ? asset_map_build(w->assets) : r;
}

static void close_ground(struct ground *w)
{
	asset_map_free(w->assets);
	net_zone_map_free(w->zones);
	if (w->archive)
		archive_close(w->archive);
}

static int measure(const struct ground *w, struct spread_seed seed, uint64_t runs)
{
	struct spread_input in = {
	    .assets = w->assets, .zones = w->zones, .archive = w->archive, .seeds = &seed, .n_seeds = 1};
	printf("{\"ms\":[");
	for (uint64_t i = 0; i < runs; i++) {
		struct arena arena = {0};
		struct spread spread;
		double start = now_ms();
		int r = spread_compute(&in, &arena, &spread);
		double took = now_ms() - start;
		if (r < 0) {
			arena_free(&arena);
			return r;
		}
		printf("%s%.3f", i ? "," : "", took);
		if (i + 1 == runs) {
			printf("],\"machines\":%zu,\"edges\":%llu,\"coarse\":%s", spread.n_assets,
			    (unsigned long long)spread.edges, spread.coarse ? "true" : "false");
			for (int g = 0; g <= SPREAD_CLEARED; g++)
				printf(",\"%s\":%zu", spread_grade_name((enum spread_grade)g),
				    spread.by_grade[g]);
			printf("}\n");
		}
		arena_free(&arena);
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"runs", 1, NULL, 'r'}, {0}};
	struct ground w = {0};
	struct net_addr addr;
	struct spread_seed seed = {.confirmed = true};
	uint64_t runs = 5;
	bool good = true;
	for (int c; good && (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
		good = c == 'r' && num_parse_u64(text_of(optarg), RUNS_MAX, &runs) == 0 && runs;
	if (!good || optind + 3 != argc || net_addr_parse(text_of(argv[optind + 1]), &addr) < 0 ||
	    time_parse(text_of(argv[optind + 2]), &seed.time) < 0) {
		fputs("usage: seed [--runs N] ARCHIVE ADDRESS TIME\n", stderr);
		return 2;
	}
	int r = open_ground(&w, argv[optind]);
	if (r == 0) {
		seed.asset = asset_of(w.assets, addr);
		if (seed.asset == ASSET_NONE)
			fprintf(stderr, "seed: %s: no machine of this archive\n", argv[optind + 1]);
		r = seed.asset == ASSET_NONE ? -ERR_INVALID : measure(&w, seed, runs);
	}
	close_ground(&w);
	if (r < 0)
		fprintf(stderr, "seed: %s\n", err_text(r));
	return r < 0;
}
