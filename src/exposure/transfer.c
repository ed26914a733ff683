/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exposure/transfer.h"

#include <errno.h>
#include <stdlib.h>

#include "base/vec.h"

/* How coarse the places are: as they are; the zone and the outside one each; and everything inside one too.
 */
enum level { LEVEL_PLACES, LEVEL_BORDERS, LEVEL_ONE_INSIDE };

void transfers_free(struct transfers *t)
{
	free(t->v);
	*t = (struct transfers){0};
}

static uint32_t place_coarse(const struct places *p, uint32_t place, unsigned level)
{
	switch (place_kind_of(p, place)) {
	case PLACE_ZONE: return level >= LEVEL_BORDERS ? place_zone(p) : place;
	case PLACE_OUTSIDE: return level >= LEVEL_BORDERS ? place_outside(p) : place;
	case PLACE_INSIDE: return level >= LEVEL_ONE_INSIDE ? place_somebody(p) : place;
	}
	return place;
}

static int transfer_compare_pair(const struct transfer *x, const struct transfer *y)
{
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->to != y->to)
		return x->to < y->to ? -1 : 1;
	/* what is nobody's stays apart from what an intruder can have moved */
	return (int)(x->intruder_first == INT64_MAX) - (int)(y->intruder_first == INT64_MAX);
}

static int transfer_compare(const void *a, const void *b)
{
	const struct transfer *x = a, *y = b;
	int order = transfer_compare_pair(x, y);
	if (order == 0 && x->first != y->first)
		order = x->first < y->first ? -1 : 1;
	if (order == 0 && x->last != y->last)
		order = x->last < y->last ? -1 : 1;
	return order ? order : x->flow < y->flow ? -1 : x->flow > y->flow;
}

static void transfer_join(struct transfer *kept, const struct transfer *other)
{
	if (other->bytes > kept->bytes)
		kept->flow = other->flow; /* the larger one is cited */
	kept->bytes = bytes_sum(kept->bytes, other->bytes);
	kept->first = other->first < kept->first ? other->first : kept->first;
	kept->last = other->last > kept->last ? other->last : kept->last;
	if (other->intruder_first < kept->intruder_first)
		kept->intruder_first = other->intruder_first;
}

/* Joins neighbours in order of time two by two. */
static void transfers_halve(struct transfers *t)
{
	size_t n = 0;
	bool single = false; /* the last one kept has not taken another in yet */
	qsort(t->v, t->n, sizeof(*t->v), transfer_compare);
	for (size_t i = 0; i < t->n; i++) {
		if (single && transfer_compare_pair(&t->v[n - 1], &t->v[i]) == 0) {
			transfer_join(&t->v[n - 1], &t->v[i]);
			single = false;
		} else {
			t->v[n++] = t->v[i];
			single = true;
		}
	}
	t->n = n;
}

static void places_coarsen(struct transfers *t, const struct places *p)
{
	size_t n = 0;
	t->level++;
	for (size_t i = 0; i < t->n; i++) {
		struct transfer x = t->v[i];
		x.from = place_coarse(p, x.from, t->level);
		x.to = place_coarse(p, x.to, t->level);
		if (x.from != x.to)
			t->v[n++] = x;
	}
	t->n = n;
}

void transfers_merge(struct transfers *t, const struct places *p)
{
	size_t before = t->n;
	if (before == 0)
		return;
	t->coarse = true;
	transfers_halve(t);
	/* pairs that are nearly all different don't halve: then the places are too fine */
	if (t->n > before - before / 4 && t->level < LEVEL_ONE_INSIDE) {
		places_coarsen(t, p);
		transfers_halve(t);
	}
}

int transfers_add(struct transfers *t, const struct places *p, const struct transfer *transfer)
{
	struct transfer x = *transfer;
	x.from = place_coarse(p, x.from, t->level);
	x.to = place_coarse(p, x.to, t->level);
	if (x.from == x.to || x.bytes == 0)
		return 0;
	while (t->n == t->max)
		transfers_merge(t, p);
	int error = VEC_RESERVE(t->v, &t->cap, t->n, t->max);
	if (error < 0)
		return error;
	t->v[t->n++] = x;
	return 0;
}
