/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/timefmt.h"

struct refusal {
	struct engine *e;
	enum msg_ask_what act;
	uint64_t id;
	const char *who;
	char *buf;
	size_t size;
};

/* One that isn't in memory any more, if it ever was. */
static int explain_past(void *context, const struct order *o, const char *what)
{
	struct refusal *r = context;
	struct order_store_clock now = engine_clock(r->e);
	char time[TIME_TEXT_SIZE];
	(void)what;
	snprintf(r->buf, r->size,
	    "order %" PRIu64 " has ended: %s at %s%s%s. bulkhead orders %" PRIu64 " tells all", r->id,
	    order_end_name(o->ends),
	    time_human(now.realtime - now.boottime + (o->ended_at ? o->ended_at : o->ended_by.time), time),
	    o->ended_by.who[0] ? " by " : "", o->ended_by.who, r->id);
	return 0;
}

static void explain_ending(const struct refusal *r, const struct order *o)
{
	snprintf(r->buf, r->size,
	    "order %" PRIu64 " ends already: it was %s%s%s; its cuts are being taken back", r->id,
	    order_end_name(o->ends), o->ended_by.who[0] ? " by " : "", o->ended_by.who);
}

static void explain_approve(const struct refusal *r, const struct order *o, enum order_answer answer)
{
	if (r->e->refused_why[0])
		snprintf(r->buf, r->size, "order %" PRIu64 ": %s", r->id, r->e->refused_why);
	else if (answer == ORDER_SAME_PERSON)
		snprintf(r->buf, r->size,
		    "order %" PRIu64
		    ": %s has approved it already; it wants %u persons, so another approver must",
		    r->id, r->who, o->approvals);
	else if (o->state == ORDER_APPROVED)
		snprintf(r->buf, r->size,
		    "order %" PRIu64 " is approved already, and waits for its enforcers; see bulkhead status",
		    r->id);
	else
		snprintf(r->buf, r->size, "order %" PRIu64 " is in force already (%s)%s", r->id,
		    order_state_name(o), o->state == ORDER_APPLIED ? "; bulkhead confirm keeps it" : "");
}

static void explain_confirm(const struct refusal *r, const struct order *o)
{
	if (o->state == ORDER_PROPOSED)
		snprintf(r->buf, r->size, "order %" PRIu64 " isn't approved yet: bulkhead approve %" PRIu64,
		    r->id, r->id);
	else if (o->state == ORDER_APPROVED)
		snprintf(r->buf, r->size,
		    "order %" PRIu64 " isn't in force yet: it waits for its enforcers; see bulkhead status",
		    r->id);
	else
		snprintf(r->buf, r->size,
		    "order %" PRIu64 " needs no confirmation any more: it stays to its end", r->id);
}

static void explain_other(const struct refusal *r)
{
	if (r->act == MSG_ASK_REJECT)
		snprintf(r->buf, r->size,
		    "order %" PRIu64 " is approved already: bulkhead release %" PRIu64 " takes it back",
		    r->id, r->id);
	else
		snprintf(r->buf, r->size,
		    "order %" PRIu64 " was never in force: bulkhead reject %" PRIu64 " ends it", r->id,
		    r->id);
}

void engine_explain(struct engine *e, enum msg_ask_what act, uint64_t id, enum order_answer answer,
    const char *who, char *buf, size_t size)
{
	const struct order *o = orders_find(e->orders, id);
	struct refusal r = {.e = e, .act = act, .id = id, .who = who, .buf = buf, .size = size};
	if (!o && order_store_find(e->store, id, explain_past, &r) < 0)
		snprintf(buf, size, "there is no order %" PRIu64 "; bulkhead orders lists them", id);
	else if (o && o->ends != ORDER_STANDS)
		explain_ending(&r, o);
	else if (o && act == MSG_ASK_APPROVE)
		explain_approve(&r, o, answer);
	else if (o && act == MSG_ASK_CONFIRM)
		explain_confirm(&r, o);
	else if (o)
		explain_other(&r);
}
