/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "contain/orders_parts.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

int orders_new(struct orders **ret_orders, const enum orders_takes *enforcers, size_t n_enforcers,
    uint64_t generation, uint64_t seed)
{
	if (n_enforcers > ORDERS_ENFORCERS_MAX)
		return -EINVAL;
	struct orders *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->generation = s->delta.base = s->delta.generation = generation;
	s->n_enforcers = n_enforcers;
	for (size_t i = 0; i < n_enforcers; i++)
		s->takers[enforcers[i]] |= (uint16_t)(1u << i);
	TAILQ_INIT(&s->fresh);
	TAILQ_INIT(&s->changed);
	for (size_t i = 0; i < ORDERS_CLASSES; i++)
		TAILQ_INIT(&s->waiting[i]);
	int r = table_new(&s->by_id, sizeof(uint64_t), sizeof(struct record *), ORDERS_MAX, seed);
	if (r == 0)
		r = table_new(&s->by_cut, sizeof(struct cut), sizeof(struct stand), ORDERS_CUTS_MAX, seed);
	if (r < 0) {
		orders_free(s);
		return r;
	}
	*ret_orders = s;
	return 0;
}

static void record_free(struct record *r)
{
	free(r->cuts);
	free(r->wants);
	free(r);
}

void orders_free(struct orders *s)
{
	size_t pos = 0;
	struct record **r;
	if (!s)
		return;
	while (s->by_id && (r = table_next(s->by_id, &pos, NULL)))
		record_free(*r);
	table_free(s->by_id);
	table_free(s->by_cut);
	free(s->puts);
	free(s->drops);
	free(s);
}

uint16_t orders_carriers(const struct orders *s, const struct cut *c)
{
	bool one_end = c->from.bits == 0 || c->to.bits == 0;
	bool one_address = one_end && (c->from.bits == 128 || c->to.bits == 128);
	return (uint16_t)(s->takers[ORDERS_TAKES_ALL] | (one_end ? s->takers[ORDERS_TAKES_ONE_END] : 0) |
	                  (one_address ? s->takers[ORDERS_TAKES_ONE_ADDRESS] : 0));
}

bool orders_carries(const struct orders *s, unsigned enforcer, const struct cut *c)
{
	return enforcer < s->n_enforcers && (orders_carriers(s, c) >> enforcer & 1);
}

/* Whether the cuts are as order.h says; and who carries them. */
static int look_at_cuts(const struct orders *s, const struct order *o, uint16_t *ret_enforcers)
{
	uint16_t enforcers = 0;
	for (size_t i = 0; i < o->n_cuts; i++) {
		uint16_t carriers = orders_carriers(s, &o->cuts[i]);
		if (!cut_is_sound(&o->cuts[i]) || (i && cut_compare(&o->cuts[i - 1], &o->cuts[i]) >= 0))
			return -EINVAL;
		if (!carriers)
			return -ENOTSUP;
		enforcers |= carriers;
	}
	*ret_enforcers = enforcers;
	return 0;
}

static void stand_release(struct orders *s, struct stand *at)
{
	if (--at->refs)
		return;
	/* its order ended when a generation without it was in force */
	assert(!at->told && !at->dirty && !at->wants.top);
	struct cut key = at->cut;
	(void)table_remove(s->by_cut, &key);
}

static void wants_release(struct orders *s, struct record *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		stand_release(s, r->wants[i].stand);
	s->n_cuts -= n;
}

/* All memory that its life will need is taken here, so that no act can fail for want of it. */
static int wants_take(struct orders *s, struct record *r)
{
	for (size_t i = 0; i < r->order.n_cuts; i++) {
		int fresh;
		struct stand *at = table_put(s->by_cut, &r->cuts[i], &fresh);
		if (!at) {
			wants_release(s, r, i);
			return -ENOMEM;
		}
		if (fresh)
			at->cut = r->cuts[i];
		at->refs++;
		s->n_cuts++;
		r->wants[i] = (struct want){.stand = at, .record = r};
	}
	return 0;
}

static int record_new(struct record **ret_record, const struct order *o)
{
	struct record *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->order = *o;
	r->cuts = calloc(o->n_cuts + 1, sizeof(*r->cuts));
	r->wants = calloc(o->n_cuts + 1, sizeof(*r->wants));
	if (!r->cuts || !r->wants) {
		record_free(r);
		return -ENOMEM;
	}
	if (o->n_cuts)
		memcpy(r->cuts, o->cuts, o->n_cuts * sizeof(*r->cuts));
	r->order.cuts = r->cuts;
	*ret_record = r;
	return 0;
}

int orders_add(struct orders *s, const struct order *o, const struct order **ret_order)
{
	struct record *r, **slot;
	uint16_t enforcers;
	int fresh, result = look_at_cuts(s, o, &enforcers);
	if (result < 0 || o->n_cuts == 0 || o->state == ORDER_ENDED)
		return result < 0 ? result : -EINVAL;
	if (table_get(s->by_id, &o->id))
		return -EEXIST;
	if (table_count(s->by_id) == ORDERS_MAX || o->n_cuts > ORDERS_CUTS_MAX - s->n_cuts)
		return -ERR_LIMIT;
	result = record_new(&r, o);
	if (result < 0)
		return result;
	result = wants_take(s, r);
	slot = result == 0 ? table_put(s->by_id, &o->id, &fresh) : NULL;
	if (!slot) {
		if (result == 0)
			wants_release(s, r, o->n_cuts);
		record_free(r);
		return -ENOMEM;
	}
	*slot = r;
	r->order.enforcers = enforcers;
	r->order.generation = 0;
	orders_follow(s, r);
	if (ret_order)
		*ret_order = &r->order;
	return 0;
}

struct record *orders_record(const struct orders *s, uint64_t id)
{
	struct record **r = table_get(s->by_id, &id);
	return r ? *r : NULL;
}

const struct order *orders_find(const struct orders *s, uint64_t id)
{
	struct record *r = orders_record(s, id);
	return r ? &r->order : NULL;
}

const struct order *orders_next(const struct orders *s, size_t *pos)
{
	struct record **r = table_next(s->by_id, pos, NULL);
	return r ? &(*r)->order : NULL;
}

size_t orders_count(const struct orders *s)
{
	return table_count(s->by_id);
}

const struct order *orders_wanting(const struct orders *s, const struct cut *c)
{
	const struct stand *at = table_get(s->by_cut, c);
	return at && at->wants.top ? &want_of(at->wants.top)->record->order : NULL;
}

size_t orders_standing(const struct orders *s, const struct cut *cuts, size_t n)
{
	size_t known = 0;
	for (size_t i = 0; i < n; i++) {
		const struct stand *at = table_get(s->by_cut, &cuts[i]);
		known += at && at->wants.top;
	}
	return s->n_wanted - known;
}

const struct order *orders_changed(const struct orders *s)
{
	const struct record *r = TAILQ_FIRST(&s->changed);
	return r ? &r->order : NULL;
}

const struct order *orders_changed_after(const struct orders *s, const struct order *o)
{
	if (!o)
		return orders_changed(s);
	const struct record *r = orders_record(s, o->id);
	assert(r && r->is_changed);
	r = TAILQ_NEXT(r, changed);
	return r ? &r->order : NULL;
}

void orders_stored(struct orders *s, const struct order *o)
{
	struct record *r = orders_record(s, o->id);
	assert(r && &r->order == o);
	if (r->is_changed)
		TAILQ_REMOVE(&s->changed, r, changed);
	r->is_changed = false;
	if (r->order.state != ORDER_ENDED)
		return;
	assert(!r->queue && !r->is_wanted && !pairing_has(&r->deadline));
	(void)table_remove(s->by_id, &r->order.id);
	wants_release(s, r, r->order.n_cuts);
	record_free(r);
}
