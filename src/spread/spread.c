/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spread/spread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spread/search.h"

const char *spread_grade_name(enum spread_grade g)
{
	static const char *const names[] = {"confirmed", "likely", "possible", "unseen", "cleared"};
	return names[g];
}

static int asset_compare(const void *a, const void *b)
{
	const struct spread_asset *x = a, *y = b;
	if (x->grade != y->grade)
		return x->grade < y->grade ? -1 : 1;
	if (x->arrival != y->arrival)
		return x->arrival < y->arrival ? -1 : 1;
	return x->asset < y->asset ? -1 : x->asset > y->asset;
}

static struct spread_hop hop_of(const struct spread_edge *e, const struct reach_label *arrived)
{
	return (struct spread_hop){.from = e->from,
	    .to = e->to,
	    .time = arrived->time,
	    .app = e->app,
	    .flow = e->flow,
	    .grade = (enum spread_grade)e->grade};
}

/*
 * The path to a->asset at its grade, walked back hop by hop. A chain as long as the network would cost its
 * square in hops if every asset had its whole path: hence the two bounds. *left is what SPREAD_HOPS_MAX
 * leaves.
 */
static int path_make(struct spread_asset *a, const struct reach_label *labels, const struct spread_edges *e,
    struct arena *arena, size_t *left, bool *cut)
{
	size_t n = labels[a->asset].hops;
	size_t most = *left < SPREAD_PATH_MAX ? 1 : SPREAD_PATH_MAX;
	if (n > most) {
		n = most;
		*cut = true;
	}
	if (n == 0)
		return 0;
	a->path = arena_array(arena, n, sizeof(*a->path));
	if (!a->path)
		return -ENOMEM;
	a->n_path = n;
	*left -= n < *left ? n : *left;
	uint32_t at = a->asset;
	while (n-- > 0) {
		const struct spread_edge *edge = &e->v[labels[at].edge];
		a->path[n] = hop_of(edge, &labels[at]);
		at = edge->from;
	}
	return 0;
}

/* Every asset with its grade and times, in order of the map. */
static void assets_grade(const struct spread_input *in, const struct reach *r, struct spread *s)
{
	for (uint32_t i = 0; i < s->n_assets; i++) {
		struct spread_asset *a = &s->assets[i];
		a->asset = i;
		a->grade = reach_grade(r, i);
		if (a->grade <= SPREAD_POSSIBLE) {
			a->arrival = r->levels[a->grade][i].time;
			a->earliest = r->levels[SPREAD_POSSIBLE][i].time;
		} else if (in->covered && in->covered[i] == 0) {
			a->grade = SPREAD_UNSEEN;
		}
		s->by_grade[a->grade]++;
	}
}

static int spread_make(const struct spread_input *in, const struct spread_edges *e, const struct reach *r,
    struct arena *arena, struct spread *ret_spread)
{
	size_t left = SPREAD_HOPS_MAX;
	struct spread s = {.n_assets = asset_count(in->assets), .edges = e->n, .coarse = e->coarse};
	s.assets = arena_array(arena, s.n_assets, sizeof(*s.assets));
	if (!s.assets)
		return -ENOMEM;
	assets_grade(in, r, &s);
	qsort(s.assets, s.n_assets, sizeof(*s.assets), asset_compare);
	for (size_t i = 0; i < s.n_assets && s.assets[i].grade <= SPREAD_POSSIBLE; i++) {
		int error = path_make(
		    &s.assets[i], r->levels[s.assets[i].grade], e, arena, &left, &s.paths_cut);
		if (error < 0)
			return error;
	}
	*ret_spread = s;
	return 0;
}

int spread_compute(const struct spread_input *in, struct arena *arena, struct spread *ret_spread)
{
	struct spread_edges edges;
	struct spread_index index = {0};
	struct reach reach = {0};
	uint64_t looked;
	size_t n = asset_count(in->assets);
	int error = spread_search(&edges, in, &looked);
	if (error < 0)
		return error;
	error = spread_index_new(&index, &edges, n, false);
	if (error == 0)
		error = reach_new(&reach, n);
	if (error == 0)
		error = reach_forward(&reach, &edges, &index, in->seeds, in->n_seeds, in->config.until);
	if (error == 0)
		error = spread_make(in, &edges, &reach, arena, ret_spread);
	if (error == 0)
		ret_spread->looked = looked;
	reach_free(&reach);
	spread_index_free(&index);
	spread_edges_free(&edges);
	return error;
}
