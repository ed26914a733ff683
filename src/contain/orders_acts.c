/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>

#include "contain/orders_parts.h"

static void stand_touch(struct orders *s, struct stand *at)
{
	if (at->dirty)
		return;
	at->dirty = true;
	at->next_dirty = s->dirty;
	s->dirty = at;
	s->n_dirty++;
}

/* Its cuts are wanted until another time than before, or no more. */
static void wants_follow(struct orders *s, struct record *r)
{
	bool wanted = order_is_wanted(&r->order);
	int64_t until = wanted ? order_wanted_until(&r->order) : 0;
	if (wanted == r->is_wanted && until == r->until)
		return;
	for (size_t i = 0; i < r->order.n_cuts; i++) {
		struct stand *at = r->wants[i].stand;
		bool before = at->wants.top != NULL;
		pairing_remove(&at->wants, &r->wants[i].node);
		if (wanted)
			pairing_put(&at->wants, &r->wants[i].node, -until);
		if (r->order.fail_closed)
			at->closed += (uint32_t)wanted - (uint32_t)r->is_wanted;
		s->n_wanted += (size_t)(at->wants.top != NULL) - (size_t)before;
		stand_touch(s, at);
	}
	r->is_wanted = wanted;
	r->until = until;
}

static void queue_follow(struct orders *s, struct record *r)
{
	const struct order *o = &r->order;
	bool ends = o->ends != ORDER_STANDS && o->state != ORDER_ENDED;
	bool waits = ends || o->state == ORDER_APPROVED;
	if (waits && o->generation && r->queue)
		return;
	if (r->queue)
		TAILQ_REMOVE(r->queue, r, waiting);
	r->queue = waits ? &s->fresh : NULL;
	if (waits)
		TAILQ_INSERT_TAIL(&s->fresh, r, waiting);
}

void orders_follow(struct orders *s, struct record *r)
{
	wants_follow(s, r);
	queue_follow(s, r);
	int64_t deadline = order_deadline(&r->order);
	if (deadline != r->deadline.key || !pairing_has(&r->deadline)) {
		pairing_remove(&s->deadlines, &r->deadline);
		if (deadline != INT64_MAX)
			pairing_put(&s->deadlines, &r->deadline, deadline);
	}
	if (!r->is_changed)
		TAILQ_INSERT_TAIL(&s->changed, r, changed);
	r->is_changed = true;
}

/* Time passes for it first, as in every act. NULL: there is none. */
static struct record *begin_act(struct orders *s, uint64_t id, int64_t now)
{
	struct record *r = orders_record(s, id);
	if (r && order_tick(&r->order, now))
		orders_follow(s, r);
	return r;
}

static enum order_answer end_act(struct orders *s, struct record *r, enum order_answer answer)
{
	if (answer == ORDER_OK)
		orders_follow(s, r);
	return answer;
}

enum order_answer orders_approve(struct orders *s, uint64_t id, int64_t now, const char *who)
{
	struct record *r = begin_act(s, id, now);
	return r ? end_act(s, r, order_approve(&r->order, now, who)) : ORDER_UNKNOWN;
}

enum order_answer orders_reject(struct orders *s, uint64_t id, int64_t now, const char *who, const char *why)
{
	struct record *r = begin_act(s, id, now);
	return r ? end_act(s, r, order_reject(&r->order, now, who, why)) : ORDER_UNKNOWN;
}

enum order_answer orders_confirm(struct orders *s, uint64_t id, int64_t now, const char *who)
{
	struct record *r = begin_act(s, id, now);
	return r ? end_act(s, r, order_confirm(&r->order, now, who)) : ORDER_UNKNOWN;
}

enum order_answer orders_release(struct orders *s, uint64_t id, int64_t now, const char *who, const char *why)
{
	struct record *r = begin_act(s, id, now);
	return r ? end_act(s, r, order_release(&r->order, now, who, why)) : ORDER_UNKNOWN;
}

enum order_answer orders_refuse(struct orders *s, uint64_t id, int64_t now, const char *why)
{
	struct record *r = begin_act(s, id, now);
	return r ? end_act(s, r, order_refuse(&r->order, now, why)) : ORDER_UNKNOWN;
}

enum order_answer orders_prolong(struct orders *s, uint64_t id, int64_t now, int64_t lease_ns)
{
	struct record *r = begin_act(s, id, now);
	return r ? end_act(s, r, order_prolong(&r->order, now, lease_ns)) : ORDER_UNKNOWN;
}

enum order_answer orders_checked(
    struct orders *s, uint64_t id, int64_t now, enum order_check check, const char *why)
{
	struct record *r = begin_act(s, id, now);
	return r ? end_act(s, r, order_checked(&r->order, check, why)) : ORDER_UNKNOWN;
}

size_t orders_tick(struct orders *s, int64_t now)
{
	size_t changed = 0;
	while (s->deadlines.top && s->deadlines.top->key <= now) {
		struct record *r = record_of(s->deadlines.top);
		bool ticked = order_tick(&r->order, now);
		assert(ticked);
		orders_follow(s, r);
		changed++;
	}
	return changed;
}

int64_t orders_deadline(const struct orders *s)
{
	return s->deadlines.top ? s->deadlines.top->key : INT64_MAX;
}
