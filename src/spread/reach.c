/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spread/reach.h"

#include <errno.h>
#include <stdlib.h>

#include "spread/heap.h"

int reach_new(struct reach *r, size_t n_assets)
{
	struct reach made = {.n_assets = n_assets};
	for (int g = 0; g < REACH_LEVELS; g++) {
		made.levels[g] = calloc(n_assets + 1, sizeof(*made.levels[g]));
		if (!made.levels[g]) {
			reach_free(&made);
			return -ENOMEM;
		}
	}
	*r = made;
	return 0;
}

void reach_free(struct reach *r)
{
	for (int g = 0; g < REACH_LEVELS; g++)
		free(r->levels[g]);
	*r = (struct reach){0};
}

enum spread_grade reach_grade(const struct reach *r, uint32_t asset)
{
	for (int g = 0; g < REACH_LEVELS; g++)
		if (r->levels[g][asset].reached)
			return (enum spread_grade)g;
	return SPREAD_CLEARED;
}

/*
 * Takes the new label where it is better: sooner, then by fewer hops, then by the earlier record. `key` is
 * the time as the heap orders it. Whoever is settled can't become better, as times and hops only grow along a
 * path.
 */
static void label_offer(struct reach_label *label, const struct spread_edges *e, struct heap *h, int64_t key,
    int64_t label_key, struct reach_label offered, uint32_t node)
{
	bool better = !label->reached || key < label_key || (key == label_key && offered.hops < label->hops);
	bool tie = label->reached && key == label_key && offered.hops == label->hops &&
	           label->edge != REACH_EDGE_NONE && offered.edge != REACH_EDGE_NONE &&
	           e->v[offered.edge].flow < e->v[label->edge].flow;
	if (better || tie)
		*label = offered;
	if (better)
		heap_put(h, (struct heap_item){.time = key, .hops = offered.hops, .node = node});
}

static void forward_level(struct reach_label *labels, const struct spread_edges *e,
    const struct spread_index *x, enum spread_grade grade, struct heap *h)
{
	for (struct heap_item at; heap_take(h, &at);) {
		for (uint32_t i = x->start[at.node]; i < x->start[at.node + 1]; i++) {
			const struct spread_edge *edge = &e->v[x->order[i]];
			if (edge->grade > grade || edge->last <= at.time)
				continue;
			int64_t arrival = edge->first > at.time ? edge->first : at.time;
			struct reach_label offered = {
			    .time = arrival, .edge = x->order[i], .hops = at.hops + 1, .reached = true};
			struct reach_label *label = &labels[edge->to];
			label_offer(label, e, h, arrival, label->time, offered, edge->to);
		}
	}
}

int reach_forward(struct reach *r, const struct spread_edges *e, const struct spread_index *x,
    const struct spread_seed *seeds, size_t n_seeds, int64_t until)
{
	struct heap h;
	int error = heap_new(&h, r->n_assets);
	if (error < 0)
		return error;
	for (int g = 0; g < REACH_LEVELS; g++) {
		for (size_t i = 0; i < n_seeds; i++) {
			const struct spread_seed *s = &seeds[i];
			if (s->asset >= r->n_assets || (!s->confirmed && g == SPREAD_CONFIRMED) ||
			    (until && s->time >= until))
				continue;
			struct reach_label seed = {.time = s->time, .edge = REACH_EDGE_NONE, .reached = true};
			struct reach_label *label = &r->levels[g][s->asset];
			label_offer(label, e, &h, s->time, label->time, seed, s->asset);
		}
		forward_level(r->levels[g], e, x, (enum spread_grade)g, &h);
	}
	heap_free(&h);
	return 0;
}

/*
 * A hop u -> v gives v control by `by` when it began by then and u was held by then and before the flow's
 * last packet: so u must be held at min(by, last - 1). The latest such time is what is searched; ~time makes
 * it a least one.
 */
static void backward_level(struct reach_label *labels, const struct spread_edges *e,
    const struct spread_index *x, enum spread_grade grade, struct heap *h)
{
	for (struct heap_item at; heap_take(h, &at);) {
		int64_t by = ~at.time;
		for (uint32_t i = x->start[at.node]; i < x->start[at.node + 1]; i++) {
			const struct spread_edge *edge = &e->v[x->order[i]];
			if (edge->grade > grade || edge->first > by || edge->last == INT64_MIN)
				continue;
			int64_t held = edge->last - 1 < by ? edge->last - 1 : by;
			struct reach_label offered = {
			    .time = held, .edge = x->order[i], .hops = at.hops + 1, .reached = true};
			struct reach_label *label = &labels[edge->from];
			label_offer(label, e, h, ~held, ~label->time, offered, edge->from);
		}
	}
}

int reach_backward(
    struct reach *r, const struct spread_edges *e, const struct spread_index *x, uint32_t asset, int64_t time)
{
	struct heap h;
	int error = heap_new(&h, r->n_assets);
	if (error < 0)
		return error;
	for (int g = 0; g < REACH_LEVELS; g++) {
		struct reach_label held = {.time = time, .edge = REACH_EDGE_NONE, .reached = true};
		r->levels[g][asset] = held;
		heap_put(&h, (struct heap_item){.time = ~time, .node = asset});
		backward_level(r->levels[g], e, x, (enum spread_grade)g, &h);
	}
	heap_free(&h);
	return 0;
}
