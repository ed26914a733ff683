/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "contain/order.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static void act(struct order_act *a, int64_t now, const char *who)
{
	a->time = now;
	snprintf(a->who, sizeof(a->who), "%s", who);
}

static void say(struct order *o, const char *why)
{
	snprintf(o->why, sizeof(o->why), "%s", why);
}

static int64_t after(int64_t time, int64_t span)
{
	int64_t sum;
	return __builtin_add_overflow(time, span, &sum) ? INT64_MAX : sum;
}

/* The way to its end: at once if nothing of it was ever wanted, else when its cuts are gone. */
static void end(struct order *o, enum order_end how, int64_t now, const char *who, const char *why)
{
	assert(o->ends == ORDER_STANDS && o->state != ORDER_ENDED);
	o->ends = how;
	act(&o->ended_by, now, who);
	say(o, why);
	o->generation = 0;
	if (o->state == ORDER_PROPOSED) {
		o->state = ORDER_ENDED;
		o->ended_at = now;
	}
}

static bool is_over(const struct order *o)
{
	return o->ends != ORDER_STANDS;
}

enum order_answer order_approve(struct order *o, int64_t now, const char *who)
{
	size_t n = 0;
	(void)order_tick(o, now);
	if (is_over(o) || o->state != ORDER_PROPOSED)
		return ORDER_TOO_LATE;
	while (n < ORDER_APPROVALS_MAX && o->approved[n].time) {
		if (strcmp(o->approved[n].who, who) == 0)
			return ORDER_SAME_PERSON;
		n++;
	}
	if (n < ORDER_APPROVALS_MAX)
		act(&o->approved[n++], now, who);
	if (n < o->approvals)
		return ORDER_OK;
	o->state = ORDER_APPROVED;
	o->approved_at = now;
	o->generation = 0;
	return ORDER_OK;
}

enum order_answer order_reject(struct order *o, int64_t now, const char *who, const char *why)
{
	(void)order_tick(o, now);
	if (is_over(o) || o->state != ORDER_PROPOSED)
		return ORDER_TOO_LATE;
	end(o, ORDER_REJECTED, now, who, why);
	return ORDER_OK;
}

enum order_answer order_confirm(struct order *o, int64_t now, const char *who)
{
	(void)order_tick(o, now);
	if (is_over(o) || o->state == ORDER_CONFIRMED)
		return ORDER_TOO_LATE;
	if (o->state != ORDER_APPLIED)
		return ORDER_TOO_EARLY;
	act(&o->confirmed, now, who);
	o->state = ORDER_CONFIRMED;
	return ORDER_OK;
}

enum order_answer order_release(struct order *o, int64_t now, const char *who, const char *why)
{
	(void)order_tick(o, now);
	if (is_over(o))
		return ORDER_TOO_LATE;
	if (o->state == ORDER_PROPOSED)
		return ORDER_TOO_EARLY;
	end(o, ORDER_RELEASED, now, who, why);
	return ORDER_OK;
}

enum order_answer order_refuse(struct order *o, int64_t now, const char *why)
{
	if (is_over(o))
		return ORDER_TOO_LATE;
	end(o, ORDER_REFUSED, now, "enforcer", why);
	return ORDER_OK;
}

enum order_answer order_checked(struct order *o, enum order_check check, const char *why)
{
	if (is_over(o))
		return ORDER_TOO_LATE;
	if (o->state != ORDER_APPLIED && o->state != ORDER_CONFIRMED)
		return ORDER_TOO_EARLY;
	o->check = check;
	say(o, why);
	return ORDER_OK;
}

enum order_answer order_prolong(struct order *o, int64_t now, int64_t lease_ns)
{
	(void)order_tick(o, now);
	if (is_over(o))
		return ORDER_TOO_LATE;
	if (o->state == ORDER_PROPOSED)
		return ORDER_TOO_EARLY;
	int64_t longer;
	if (!__builtin_sub_overflow(after(now, lease_ns), o->approved_at, &longer) && longer > o->lease_ns)
		o->lease_ns = longer;
	return ORDER_OK;
}

static int64_t end_of_lease(const struct order *o)
{
	return after(o->approved_at, o->lease_ns);
}

int64_t order_wanted_until(const struct order *o)
{
	int64_t end = end_of_lease(o);
	int64_t confirm = o->state != ORDER_CONFIRMED && o->confirm_ns ? after(o->approved_at, o->confirm_ns)
	                                                               : INT64_MAX;
	return confirm < end ? confirm : end;
}

int64_t order_deadline(const struct order *o)
{
	if (is_over(o))
		return INT64_MAX;
	return o->state == ORDER_PROPOSED ? after(o->proposed.time, o->approve_ns) : order_wanted_until(o);
}

bool order_tick(struct order *o, int64_t now)
{
	if (is_over(o) || now < order_deadline(o))
		return false;
	if (o->state == ORDER_PROPOSED)
		end(o, ORDER_WITHDRAWN, now, "", "nobody approved it in time");
	else if (now >= end_of_lease(o))
		end(o, ORDER_EXPIRED, now, "", "its time was over");
	else
		end(o, ORDER_ROLLED_BACK, now, "", "nobody confirmed it in time");
	return true;
}

bool order_is_wanted(const struct order *o)
{
	return !is_over(o) &&
	       (o->state == ORDER_APPROVED || o->state == ORDER_APPLIED || o->state == ORDER_CONFIRMED);
}

bool order_in_force(struct order *o, uint64_t generation, int64_t now)
{
	if (o->generation == 0 || generation < o->generation || o->state == ORDER_ENDED)
		return false;
	if (is_over(o)) {
		o->state = ORDER_ENDED;
		o->ended_at = now;
		return true;
	}
	if (o->state != ORDER_APPROVED)
		return false;
	o->state = ORDER_APPLIED;
	o->applied_at = now;
	if (!o->confirm_ns) {
		o->confirmed.time = now;
		o->state = ORDER_CONFIRMED;
	}
	return true;
}

const char *order_state_name(const struct order *o)
{
	static const char *const names[] = {[ORDER_PROPOSED] = "proposed",
	    [ORDER_APPROVED] = "approved",
	    [ORDER_APPLIED] = "applied",
	    [ORDER_CONFIRMED] = "confirmed"};
	if (o->state == ORDER_ENDED)
		return order_end_name(o->ends);
	if (is_over(o))
		return "ending";
	if (o->check == ORDER_LEAKING)
		return "leaking";
	if (o->state == ORDER_APPLIED && o->check == ORDER_VERIFIED)
		return "verified";
	return names[o->state];
}

const char *order_end_name(enum order_end e)
{
	switch (e) {
	case ORDER_STANDS: return "stands";
	case ORDER_REJECTED: return "rejected";
	case ORDER_WITHDRAWN: return "withdrawn";
	case ORDER_REFUSED: return "refused";
	case ORDER_ROLLED_BACK: return "rolled back";
	case ORDER_EXPIRED: return "expired";
	case ORDER_RELEASED: return "released";
	}
	return "unknown";
}
