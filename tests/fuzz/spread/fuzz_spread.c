/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Any network, any seeds: the grades and times are those of a plain fixed point over the flows, every path
 * can be walked, and room for few edges only widens the spread. Entries are ones that lead forward to the
 * asset.
 */
#include "../incident/memory_archive.h"

#include "base/err.h"
#include "spread/edges.h"
#include "spread/spread.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ASSETS = FUZZ_SITES };

/* The earliest arrival over hops of at most that grade, by going over all edges until nothing changes. */
static void fixed_point(
    const struct spread_edges *e, const struct spread_input *in, int grade, int64_t *arrival)
{
	for (size_t i = 0; i < ASSETS; i++)
		arrival[i] = INT64_MAX;
	for (size_t i = 0; i < in->n_seeds; i++) {
		const struct spread_seed *s = &in->seeds[i];
		if ((s->confirmed || grade >= SPREAD_LIKELY) && s->time < arrival[s->asset])
			arrival[s->asset] = s->time;
	}
	for (bool changed = true; changed;) {
		changed = false;
		for (size_t i = 0; i < e->n; i++) {
			const struct spread_edge *x = &e->v[i];
			if (x->grade > grade || arrival[x->from] == INT64_MAX || x->last <= arrival[x->from])
				continue;
			int64_t t = x->first > arrival[x->from] ? x->first : arrival[x->from];
			changed |= t < arrival[x->to];
			arrival[x->to] = t < arrival[x->to] ? t : arrival[x->to];
		}
	}
}

static void path_check(const struct spread_input *in, const struct spread_asset *a)
{
	for (size_t i = 0; i < a->n_path; i++) {
		const struct spread_hop *h = &a->path[i];
		CHECK(h->grade <= a->grade && h->from != h->to);
		CHECK(i == 0 || (a->path[i - 1].to == h->from && a->path[i - 1].time <= h->time));
		bool found = false;
		for (size_t k = 0; k < in->archive->n_flows && !found; k++) {
			const struct msg_flow *f = &in->archive->flows[k];
			found = f->id == h->flow && f->first <= h->time &&
			        (i == 0 || f->last > a->path[i - 1].time);
		}
		CHECK(found);
	}
	if (a->n_path)
		CHECK(a->path[a->n_path - 1].to == a->asset && a->path[a->n_path - 1].time == a->arrival);
}

static void spread_check(const struct spread_input *in, const struct spread *s)
{
	int64_t arrival[SPREAD_POSSIBLE + 1][ASSETS];
	struct spread_edges e;
	CHECK(spread_edges_read(&e, in) == 0);
	for (int g = 0; g <= SPREAD_POSSIBLE; g++)
		fixed_point(&e, in, g, arrival[g]);
	spread_edges_free(&e);
	size_t sum = 0;
	for (int g = 0; g <= SPREAD_CLEARED; g++)
		sum += s->by_grade[g];
	CHECK(sum == s->n_assets && s->n_assets == asset_count(in->assets));
	for (size_t i = 0; i < s->n_assets; i++) {
		const struct spread_asset *a = &s->assets[i];
		int g = 0;
		while (g <= SPREAD_POSSIBLE && arrival[g][a->asset] == INT64_MAX)
			g++;
		CHECK(g <= SPREAD_POSSIBLE ? (int)a->grade == g : a->grade == SPREAD_CLEARED);
		if (g <= SPREAD_POSSIBLE)
			CHECK(a->arrival == arrival[g][a->asset] &&
			      a->earliest == arrival[SPREAD_POSSIBLE][a->asset]);
		CHECK(i == 0 || s->assets[i - 1].grade <= a->grade);
		path_check(in, a);
	}
}

/* With few edges every asset is reached at least as early and as surely. */
static void coarse_check(struct spread_input in, const struct spread *exact, struct arena *arena)
{
	struct spread coarse;
	in.config.edges_max = 16;
	int error = spread_compute(&in, arena, &coarse);
	CHECK(error == 0 || error == -ERR_LIMIT);
	if (error)
		return;
	for (size_t i = 0; i < exact->n_assets; i++)
		for (size_t k = 0; k < coarse.n_assets; k++)
			if (coarse.assets[k].asset == exact->assets[i].asset) {
				CHECK(coarse.assets[k].grade <= exact->assets[i].grade);
				CHECK(exact->assets[i].grade > SPREAD_POSSIBLE ||
				      coarse.assets[k].earliest <= exact->assets[i].earliest);
			}
}

/* Whoever is an entry inside, held from the beginning of time, reaches the asset in time. */
static void entries_check(struct spread_input in, uint32_t asset, int64_t time, struct arena *arena)
{
	struct spread_entry *entries;
	size_t n;
	CHECK(spread_entries(&in, asset, time, 16, arena, &entries, &n) == 0);
	for (size_t i = 0; i < n; i++) {
		struct spread_seed seed = {.asset = entries[i].asset, .time = -1, .confirmed = true};
		struct spread s;
		CHECK(entries[i].rank >= 0 && entries[i].rank <= 1);
		CHECK(i == 0 || entries[i - 1].rank >= entries[i].rank);
		in.seeds = &seed;
		in.n_seeds = 1;
		CHECK(spread_compute(&in, arena, &s) == 0);
		for (size_t k = 0; k < s.n_assets; k++)
			if (s.assets[k].asset == asset)
				CHECK(s.assets[k].grade <= SPREAD_POSSIBLE && s.assets[k].earliest <= time);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct archive a;
	struct cursor c = cursor_of(data, size);
	struct arena arena = {0};
	struct spread_seed seeds[3];
	struct spread_input in = {.archive = &a, .seeds = seeds};
	struct spread spread;
	uint8_t how = cursor_u8(&c), time = cursor_u8(&c), who = cursor_u8(&c);
	fuzz_network(&a, &c);
	in.assets = a.assets;
	in.zones = a.zones;
	in.detections = a.detections;
	in.n_detections = a.n_detections;
	in.config.backflow = how & 1;
	size_t n = asset_count(a.assets);
	for (size_t i = 0; n && i < (how >> 1) % 4; i++)
		seeds[in.n_seeds++] = (struct spread_seed){
		    .asset = (uint32_t)((who + 5 * i) % n), .time = time + (int64_t)i, .confirmed = how & 8};
	CHECK(spread_compute(&in, &arena, &spread) == 0);
	spread_check(&in, &spread);
	coarse_check(in, &spread, &arena);
	if (n)
		entries_check(in, (uint32_t)(who % n), 100 + time, &arena);
	arena_free(&arena);
	fuzz_network_free(&a);
	return 0;
}
