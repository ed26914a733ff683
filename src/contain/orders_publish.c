/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/vec.h"
#include "contain/orders_parts.h"

static struct wanted_cut wanted_of(const struct stand *at)
{
	return (struct wanted_cut){
	    .cut = at->cut, .until = -at->wants.top->key, .fail_closed = at->closed > 0};
}

/* What the marked stands want other than the last generation has, which they are no longer after this. */
static void collect(struct orders *s)
{
	size_t n_puts = 0, n_drops = 0;
	while (s->dirty) {
		struct stand *at = s->dirty;
		s->dirty = at->next_dirty;
		at->dirty = false;
		if (!at->wants.top) {
			if (at->told)
				s->drops[n_drops++] = at->cut;
			at->told = false;
			continue;
		}
		struct wanted_cut w = wanted_of(at);
		if (at->told && w.until == at->told_until && w.fail_closed == at->told_closed)
			continue;
		s->puts[n_puts++] = w;
		at->told = true;
		at->told_until = w.until;
		at->told_closed = w.fail_closed;
	}
	s->n_dirty = 0;
	s->delta = (struct orders_delta){
	    .puts = s->puts, .n_puts = n_puts, .drops = s->drops, .n_drops = n_drops};
}

static unsigned class_of(const struct orders *s, const struct order *o)
{
	uint16_t all = s->takers[ORDERS_TAKES_ALL];
	if (o->enforcers == all)
		return 0;
	return o->enforcers == (all | s->takers[ORDERS_TAKES_ONE_END]) ? 1 : 2;
}

int orders_publish(struct orders *s, bool *ret_changed)
{
	struct record *r;
	if (VEC_ROOM(s->puts, &s->cap_puts, s->n_dirty) < 0 ||
	    VEC_ROOM(s->drops, &s->cap_drops, s->n_dirty) < 0)
		return -ENOMEM;
	struct orders_delta last = s->delta;
	collect(s);
	if (s->delta.n_puts == 0 && s->delta.n_drops == 0 && TAILQ_EMPTY(&s->fresh)) {
		s->delta.base = last.base;
		s->delta.generation = last.generation;
		*ret_changed = false;
		return 0;
	}
	s->delta.base = s->generation;
	s->delta.generation = ++s->generation;
	while ((r = TAILQ_FIRST(&s->fresh))) {
		TAILQ_REMOVE(&s->fresh, r, waiting);
		r->order.generation = s->generation;
		r->queue = &s->waiting[class_of(s, &r->order)];
		TAILQ_INSERT_TAIL(r->queue, r, waiting);
	}
	*ret_changed = true;
	return 0;
}

const struct orders_delta *orders_delta(const struct orders *s)
{
	return &s->delta;
}

uint64_t orders_generation(const struct orders *s)
{
	return s->generation;
}

static int compare(const void *a, const void *b)
{
	const struct wanted_cut *x = a, *y = b;
	return cut_compare(&x->cut, &y->cut);
}

int orders_whole(const struct orders *s, unsigned enforcer, struct wanted_cut **ret_cuts, size_t *ret_n)
{
	struct wanted_cut *v = calloc(table_count(s->by_cut) + 1, sizeof(*v));
	size_t n = 0, pos = 0;
	const struct stand *at;
	if (!v)
		return -ENOMEM;
	while ((at = table_next(s->by_cut, &pos, NULL)))
		if (at->told && orders_carries(s, enforcer, &at->cut))
			v[n++] = (struct wanted_cut){
			    .cut = at->cut, .until = at->told_until, .fail_closed = at->told_closed};
	qsort(v, n, sizeof(*v), compare);
	*ret_cuts = v;
	*ret_n = n;
	return 0;
}

/* The generation that all of these enforcers have in force. */
static uint64_t in_force_of(const struct orders *s, uint16_t enforcers)
{
	uint64_t least = UINT64_MAX;
	for (size_t i = 0; i < s->n_enforcers; i++)
		if (enforcers >> i & 1 && s->in_force[i] < least)
			least = s->in_force[i];
	return least;
}

size_t orders_in_force(struct orders *s, unsigned enforcer, uint64_t generation, int64_t now)
{
	size_t changed = 0;
	if (enforcer >= s->n_enforcers)
		return 0;
	s->in_force[enforcer] = generation <= s->generation ? generation : 0;
	for (size_t i = 0; i < ORDERS_CLASSES; i++) {
		struct record *r;
		while ((r = TAILQ_FIRST(&s->waiting[i]))) {
			uint64_t all = in_force_of(s, r->order.enforcers);
			if (r->order.generation > all || !order_in_force(&r->order, all, now))
				break;
			orders_follow(s, r);
			changed++;
		}
	}
	return changed;
}

uint64_t orders_enforced(const struct orders *s, unsigned enforcer)
{
	return enforcer < s->n_enforcers ? s->in_force[enforcer] : 0;
}

uint16_t orders_confirmed_by(const struct orders *s, const struct order *o)
{
	uint16_t by = 0;
	for (size_t i = 0; i < s->n_enforcers; i++)
		if (o->enforcers >> i & 1 && o->generation && s->in_force[i] >= o->generation)
			by |= (uint16_t)(1u << i);
	return by;
}

/* Whether this generation, or one that the enforcer missed before it, brought the order. */
static bool is_behind(const struct orders *s, const struct record *r, unsigned enforcer, uint64_t generation)
{
	const struct order *o = &r->order;
	return o->state == ORDER_APPROVED && o->ends == ORDER_STANDS && o->generation &&
	       o->generation <= generation && o->generation > s->in_force[enforcer] &&
	       (o->enforcers >> enforcer & 1);
}

static struct record *pick_of_cut(
    const struct orders *s, unsigned enforcer, uint64_t generation, const struct cut *c)
{
	const struct stand *at = table_get(s->by_cut, c);
	struct record *behind = NULL, *all = NULL;
	for (struct pairing_node *node = at ? at->wants.top : NULL; node; node = pairing_next(node)) {
		struct record *r = want_of(node)->record;
		if (is_behind(s, r, enforcer, generation)) {
			r->picked = behind;
			behind = r;
		} else if (!behind) {
			r->picked = all;
			all = r;
		}
	}
	return behind ? behind : all;
}

static struct record *pick_of_generation(const struct orders *s, unsigned enforcer, uint64_t generation)
{
	struct record *behind = NULL, *r = NULL;
	for (size_t i = 0; i < ORDERS_CLASSES; i++)
		TAILQ_FOREACH(r, &s->waiting[i], waiting)
		{
			if (r->order.generation > generation)
				break;
			if (is_behind(s, r, enforcer, generation)) {
				r->picked = behind;
				behind = r;
			}
		}
	return behind;
}

size_t orders_refused(struct orders *s, unsigned enforcer, uint64_t generation, const struct cut *c,
    const char *why, int64_t now)
{
	size_t refused = 0;
	if (enforcer >= s->n_enforcers || generation > s->generation)
		return 0;
	struct record *r = c ? pick_of_cut(s, enforcer, generation, c)
	                     : pick_of_generation(s, enforcer, generation);
	for (struct record *next; r; r = next) {
		next = r->picked;
		if (order_refuse(&r->order, now, why) == ORDER_OK) {
			orders_follow(s, r);
			refused++;
		}
	}
	return refused;
}
