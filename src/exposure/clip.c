/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A byte of the zone on its way out passes through arcs at times that don't decrease. So it can't be at a
 * machine before the earliest time that any such path arrives there, and what isn't there by the latest time
 * from which a path still leads out never leaves. Both are found by label-setting, and no arc can matter
 * outside of them.
 */

#include <errno.h>
#include <stdlib.h>

#include "exposure/network.h"
#include "spread/heap.h"

/* Arcs by one of their ends: those of vertex x are order[start[x]] .. order[start[x + 1] - 1]. */
struct arc_index {
	uint32_t *order;
	uint32_t *start;
};

static void index_free(struct arc_index *x)
{
	free(x->order);
	free(x->start);
	*x = (struct arc_index){0};
}

static int index_new(struct arc_index *x, const struct arcs *a, bool by_head)
{
	size_t vertices = ARC_MACHINE + a->n_places;
	x->order = calloc(a->n + 1, sizeof(*x->order));
	x->start = calloc(vertices + 2, sizeof(*x->start));
	if (!x->order || !x->start) {
		index_free(x);
		return -ENOMEM;
	}
	for (size_t i = 0; i < a->n; i++)
		x->start[(by_head ? a->v[i].to : a->v[i].from) + 2]++;
	for (size_t i = 2; i < vertices + 2; i++)
		x->start[i] += x->start[i - 1];
	for (size_t i = 0; i < a->n; i++)
		x->order[x->start[(by_head ? a->v[i].to : a->v[i].from) + 1]++] = (uint32_t)i;
	return 0;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* time[x]: the earliest at which the zone's data can be at x; INT64_MAX: never. */
static void search_earliest(const struct arcs *a, const struct arc_index *x, struct heap *h, int64_t *time)
{
	for (size_t i = 0; i < ARC_MACHINE + a->n_places; i++)
		time[i] = INT64_MAX;
	time[ARC_SOURCE] = INT64_MIN;
	heap_put(h, (struct heap_item){.time = INT64_MIN, .node = ARC_SOURCE});
	for (struct heap_item at; heap_take(h, &at);) {
		for (uint32_t i = x->start[at.node]; i < x->start[at.node + 1]; i++) {
			const struct arc *arc = &a->v[x->order[i]];
			int64_t arrival = later(arc->first, at.time);
			if (arc->last < at.time || arrival >= time[arc->to])
				continue;
			time[arc->to] = arrival;
			heap_put(h, (struct heap_item){.time = arrival, .node = arc->to});
		}
	}
}

/* time[x]: the latest at which data must be at x to get out; INT64_MIN: never. */
static void search_latest(const struct arcs *a, const struct arc_index *x, struct heap *h, int64_t *time)
{
	for (size_t i = 0; i < ARC_MACHINE + a->n_places; i++)
		time[i] = INT64_MIN;
	time[ARC_SINK] = INT64_MAX;
	heap_put(h, (struct heap_item){.time = ~INT64_MAX, .node = ARC_SINK});
	for (struct heap_item at; heap_take(h, &at);) {
		int64_t by = ~at.time;
		for (uint32_t i = x->start[at.node]; i < x->start[at.node + 1]; i++) {
			const struct arc *arc = &a->v[x->order[i]];
			int64_t there = sooner(arc->last, by);
			if (arc->first > by || there <= time[arc->from])
				continue;
			time[arc->from] = there;
			heap_put(h, (struct heap_item){.time = ~there, .node = arc->from});
		}
	}
}

static void arcs_narrow(struct arcs *a, const int64_t *earliest, const int64_t *latest)
{
	size_t n = 0;
	for (size_t i = 0; i < a->n; i++) {
		struct arc x = a->v[i];
		if (earliest[x.from] == INT64_MAX || latest[x.to] == INT64_MIN)
			continue;
		x.first = later(x.first, earliest[x.from]);
		x.last = sooner(x.last, latest[x.to]);
		if (x.first <= x.last)
			a->v[n++] = x;
	}
	a->n = n;
}

static int clip_once(struct arcs *a, struct heap *h, int64_t *earliest, int64_t *latest)
{
	struct arc_index by_tail = {0}, by_head = {0};
	int error = index_new(&by_tail, a, false);
	if (error < 0)
		return error;
	error = index_new(&by_head, a, true);
	if (error == 0) {
		search_earliest(a, &by_tail, h, earliest);
		search_latest(a, &by_head, h, latest);
		arcs_narrow(a, earliest, latest);
		index_free(&by_head);
	}
	index_free(&by_tail);
	return error;
}

int arcs_clip(struct arcs *a)
{
	/* narrower spans narrow those around them once more; each round is sound, and after two little is
	 * left to gain */
	enum { ROUNDS = 2 };
	size_t vertices = ARC_MACHINE + a->n_places;
	struct heap h = {0};
	int64_t *earliest = calloc(vertices, sizeof(*earliest)), *latest = calloc(vertices, sizeof(*latest));
	int error = earliest && latest ? heap_new(&h, vertices) : -ENOMEM;
	for (int i = 0; i < ROUNDS && error == 0; i++)
		error = clip_once(a, &h, earliest, latest);
	heap_free(&h);
	free(earliest);
	free(latest);
	return error;
}
