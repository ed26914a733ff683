/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exposure/transfer.h"

#include <errno.h>
#include <stdlib.h>

#include "base/vec.h"

void transfers_free(struct transfers *t)
{
	free(t->v);
	free(t->folded);
	*t = (struct transfers){0};
}

static uint32_t place_coarse(const struct transfers *t, const struct places *p, uint32_t place)
{
	switch (place_kind_of(p, place)) {
	case PLACE_ZONE: return t->borders ? place_zone(p) : place;
	case PLACE_OUTSIDE: return t->borders ? place_outside(p) : place;
	case PLACE_INSIDE:
		return t->folded && place < p->n_assets && t->folded[place] ? place_somebody(p) : place;
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
	if (t->n == 0)
		return;
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

/* Gives every transfer the places of today; those that begin and end at one place are no transfers any more.
 */
static void places_apply(struct transfers *t, const struct places *p)
{
	size_t n = 0;
	for (size_t i = 0; i < t->n; i++) {
		struct transfer x = t->v[i];
		x.from = place_coarse(t, p, x.from);
		x.to = place_coarse(t, p, x.to);
		if (x.from != x.to)
			t->v[n++] = x;
	}
	t->n = n;
}

/* What a machine got and gave: the less of both is the most that it can have passed on. */
struct relay {
	uint64_t in, out;
	uint32_t place;
};

static uint64_t relay_bytes(const struct relay *r)
{
	return r->in < r->out ? r->in : r->out;
}

static int relay_compare(const void *a, const void *b)
{
	const struct relay *x = a, *y = b;
	if (relay_bytes(x) != relay_bytes(y))
		return relay_bytes(x) < relay_bytes(y) ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

/* Folds the lesser half of the machines that still stand for themselves into place_somebody. */
static int places_fold(struct transfers *t, const struct places *p)
{
	size_t n = 0;
	struct relay *relays = calloc((size_t)p->n_assets + 1, sizeof(*relays));
	if (relays && !t->folded)
		t->folded = calloc((size_t)p->n_assets + 1, 1);
	if (!relays || !t->folded) {
		free(relays);
		return -ENOMEM;
	}
	for (size_t i = 0; i < t->n; i++) {
		const struct transfer *x = &t->v[i];
		if (x->from < p->n_assets)
			relays[x->from].out = bytes_sum(relays[x->from].out, x->bytes);
		if (x->to < p->n_assets)
			relays[x->to].in = bytes_sum(relays[x->to].in, x->bytes);
	}
	for (uint32_t i = 0; i < p->n_assets; i++)
		if (!t->folded[i] && place_kind_of(p, i) == PLACE_INSIDE) {
			relays[n] = relays[i]; /* n <= i */
			relays[n++].place = i;
		}
	qsort(relays, n, sizeof(*relays), relay_compare);
	for (size_t i = 0; i < (n + 1) / 2; i++)
		t->folded[relays[i].place] = 1;
	free(relays);
	places_apply(t, p);
	return 0;
}

int transfers_merge(struct transfers *t, const struct places *p)
{
	size_t before = t->n;
	int error = 0;
	if (before == 0)
		return 0;
	t->coarse = true;
	transfers_halve(t);
	/* pairs that are nearly all different don't halve: then the places are too fine */
	if (t->n > before - before / 4) {
		if (t->borders)
			error = places_fold(t, p);
		t->borders = true;
		places_apply(t, p);
		transfers_halve(t);
	}
	return error;
}

int transfers_add(struct transfers *t, const struct places *p, const struct transfer *transfer)
{
	struct transfer x = *transfer;
	int error = 0;
	while (t->n == t->max && error == 0)
		error = transfers_merge(t, p);
	x.from = place_coarse(t, p, x.from);
	x.to = place_coarse(t, p, x.to);
	if (error < 0 || x.from == x.to || x.bytes == 0)
		return error;
	error = VEC_RESERVE(t->v, &t->cap, t->n, t->max);
	if (error < 0)
		return error;
	t->v[t->n++] = x;
	return 0;
}
