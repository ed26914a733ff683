/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "contain/orders.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/vec.h"

void orders_free(struct orders *s)
{
	free(s->v);
	free(s->wanted);
	*s = (struct orders){0};
}

struct order *orders_find(struct orders *s, uint64_t id)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].id == id)
			return &s->v[i];
	return NULL;
}

int orders_add(struct orders *s, const struct order *o, struct order **ret_order)
{
	if (orders_find(s, o->id))
		return -EEXIST;
	int r = VEC_RESERVE(s->v, &s->cap, s->n, ORDERS_MAX);
	if (r < 0)
		return r;
	s->v[s->n] = *o;
	*ret_order = &s->v[s->n++];
	return 0;
}

size_t orders_tick(struct orders *s, int64_t now)
{
	size_t changed = 0;
	for (size_t i = 0; i < s->n; i++)
		changed += order_tick(&s->v[i], now);
	return changed;
}

int64_t orders_deadline(const struct orders *s)
{
	int64_t first = INT64_MAX;
	for (size_t i = 0; i < s->n; i++) {
		int64_t deadline = order_deadline(&s->v[i]);
		first = deadline < first ? deadline : first;
	}
	return first;
}

static int compare(const void *a, const void *b)
{
	const struct wanted_cut *x = a, *y = b;
	return cut_compare(&x->cut, &y->cut);
}

/* One of each cut, for as long as the longest order wants it. */
static size_t fold(struct wanted_cut *v, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		struct wanted_cut *last = kept ? &v[kept - 1] : NULL;
		if (!last || compare(last, &v[i]) != 0) {
			v[kept++] = v[i];
			continue;
		}
		last->until = v[i].until > last->until ? v[i].until : last->until;
		last->fail_closed |= v[i].fail_closed;
	}
	return kept;
}

static int gather(const struct orders *s, struct wanted_cut **ret_wanted, size_t *ret_n)
{
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		n += order_is_wanted(&s->v[i]) ? s->v[i].n_cuts : 0;
	if (n > ORDERS_CUTS_MAX)
		return -ERR_LIMIT;
	struct wanted_cut *v = calloc(n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct order *o = &s->v[i];
		for (size_t k = 0; order_is_wanted(o) && k < o->n_cuts; k++)
			v[n++] = (struct wanted_cut){
			    .cut = o->cuts[k], .until = order_wanted_until(o), .fail_closed = o->fail_closed};
	}
	qsort(v, n, sizeof(*v), compare);
	*ret_n = fold(v, n);
	*ret_wanted = v;
	return 0;
}

static bool same(const struct wanted_cut *a, size_t n_a, const struct wanted_cut *b, size_t n_b)
{
	if (n_a != n_b)
		return false;
	for (size_t i = 0; i < n_a; i++)
		if (compare(&a[i], &b[i]) != 0 || a[i].until != b[i].until ||
		    a[i].fail_closed != b[i].fail_closed)
			return false;
	return true;
}

/* Whether an order waits for a generation: its cuts are wanted or to go, and no generation says so yet. */
static bool waits(const struct order *o)
{
	return o->generation == 0 && o->state != ORDER_PROPOSED && o->state != ORDER_ENDED;
}

int orders_publish(struct orders *s, bool *ret_changed)
{
	struct wanted_cut *wanted;
	size_t n;
	int r = gather(s, &wanted, &n);
	if (r < 0)
		return r;
	bool changed = !same(wanted, n, s->wanted, s->n_wanted);
	for (size_t i = 0; i < s->n; i++)
		changed |= waits(&s->v[i]);
	if (changed)
		s->generation++;
	for (size_t i = 0; i < s->n; i++)
		if (waits(&s->v[i]))
			s->v[i].generation = s->generation;
	free(s->wanted);
	s->wanted = wanted;
	s->n_wanted = n;
	*ret_changed = changed;
	return 0;
}

size_t orders_in_force(struct orders *s, uint64_t generation, int64_t now)
{
	size_t changed = 0;
	for (size_t i = 0; i < s->n; i++)
		changed += order_in_force(&s->v[i], generation, now);
	return changed;
}

size_t orders_standing(const struct orders *s, const struct order *but)
{
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		if (&s->v[i] != but && s->v[i].state != ORDER_PROPOSED && s->v[i].state != ORDER_ENDED)
			n += s->v[i].n_cuts;
	return n;
}
