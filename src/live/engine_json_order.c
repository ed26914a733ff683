/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Orders as people and webhooks get to see them. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/num.h"
#include "base/timefmt.h"
#include "live/engine_json.h"

/* Of the cuts of one order so many are listed, the whole is in the store: where it is asked for alone, in a
 * list or event, and in the status. */
enum { CUTS_ALONE = 1000, CUTS_LISTED = 16, CUTS_STATUS = 4 };
enum { ORDERS_TOLD = 1000, STANDING_TOLD = 64, ACTS_TOLD = 1000 };
/* Of orders that have ended no more cuts are read from the store at one go: the engine has other work. */
enum { CUTS_READ = 1 << 18, ENOUGH = 1 };

/* Counters of an order with more cuts are summed up only so often. */
enum { CUTS_COUNTED = 256 };
#define COUNT_NS (10 * NS_PER_S)

struct engine_told {
	uint64_t id; /* 0: of none */
	char what[ORDER_STORE_WHAT_SIZE];
	struct engine_stopped stopped;
	int64_t counted_at;
};

/* What is kept of a standing order; NULL when memory ends. */
static struct engine_told *told_of(struct engine *e, const struct order *o)
{
	if (!e->told)
		e->told = calloc(ENGINE_TOLD_MAX, sizeof(*e->told));
	struct engine_told *t = e->told ? &e->told[o->id % ENGINE_TOLD_MAX] : NULL;
	if (t && t->id != o->id) {
		*t = (struct engine_told){.id = o->id, .counted_at = INT64_MIN};
		snprintf(t->what, sizeof(t->what), "%s", engine_order_what(e, o->id));
	}
	int64_t now = loop_now();
	if (t && (o->n_cuts <= CUTS_COUNTED || t->counted_at < now - COUNT_NS)) {
		t->stopped = engine_stopped(e, o);
		t->counted_at = now;
	}
	return t;
}

static json_t *prefix_json(struct net_prefix p)
{
	char text[NET_PREFIX_TEXT_SIZE];
	if (p.bits == 0)
		return json_string("any");
	return json_string(p.bits == 128 ? net_addr_text(p.addr, text) : net_prefix_text(p, text));
}

static json_t *act_json(const struct engine *e, const struct order_act *a)
{
	return a->time ? json_pack("{s:o,s:o}", "time", engine_json_moment(e, a->time), "who",
	                     engine_json_string(a->who))
	               : json_null();
}

static json_t *cuts_json(const struct order *o, size_t most)
{
	json_t *list = json_array();
	for (size_t i = 0; i < o->n_cuts && i < most; i++)
		json_array_append_new(list, json_pack("{s:o,s:o,s:s}", "from", prefix_json(o->cuts[i].from),
		                                "to", prefix_json(o->cuts[i].to), "direction",
		                                o->cuts[i].direction == CUT_BOTH ? "both" : "from"));
	return list;
}

static const char *check_name(enum order_check c)
{
	switch (c) {
	case ORDER_UNCHECKED: return "unchecked";
	case ORDER_VERIFIED: return "verified";
	case ORDER_LEAKING: return "leaking";
	}
	return "unknown";
}

static int64_t after(int64_t time, int64_t span)
{
	int64_t sum;
	return __builtin_add_overflow(time, span, &sum) ? INT64_MAX : sum;
}

/* What time alone will bring it, each where that is still to come. */
static void add_deadlines(const struct engine *e, const struct order *o, json_t *j)
{
	bool wanted = order_is_wanted(o), proposed = o->state == ORDER_PROPOSED && o->ends == ORDER_STANDS;
	bool unconfirmed = wanted && o->state != ORDER_CONFIRMED && o->confirm_ns;
	json_object_set_new(j, "until", wanted ? engine_json_moment(e, order_wanted_until(o)) : json_null());
	json_object_set_new(
	    j, "approve_by", proposed ? engine_json_moment(e, order_deadline(o)) : json_null());
	json_object_set_new(j, "confirm_by",
	    unconfirmed ? engine_json_moment(e, after(o->approved_at, o->confirm_ns)) : json_null());
	json_object_set_new(j, "lease_until",
	    wanted ? engine_json_moment(e, after(o->approved_at, o->lease_ns)) : json_null());
	json_object_set_new(j, "lease_s", engine_json_seconds(o->lease_ns));
	json_object_set_new(j, "confirm_s", o->confirm_ns ? engine_json_seconds(o->confirm_ns) : json_null());
}

/* Who must carry its cuts, and who has done what it waits for. */
static json_t *enforcers_json(const struct engine *e, const struct order *o)
{
	json_t *list = json_array();
	uint16_t there = orders_find(e->orders, o->id) ? orders_confirmed_by(e->orders, o) : 0;
	for (size_t i = 0; i < e->process->conf->n_enforcers; i++)
		if (o->enforcers & (1U << i))
			json_array_append_new(
			    list, json_pack("{s:o,s:b}", "name",
			              engine_json_string(e->process->conf->enforcers[i].name), "done",
			              (there >> i) & 1));
	return list;
}

static json_t *order_json(
    const struct engine *e, const struct order *o, const struct engine_told *told, size_t cuts)
{
	json_t *j = json_object(), *approved = json_array();
	for (size_t i = 0; i < ORDER_APPROVALS_MAX; i++)
		if (o->approved[i].time)
			json_array_append_new(approved, act_json(e, &o->approved[i]));
	json_object_set_new(j, "id", engine_json_count(o->id));
	json_object_set_new(j, "state", json_string(order_state_name(o)));
	json_object_set_new(j, "check", json_string(check_name(o->check)));
	json_object_set_new(j, "ends", o->ends ? json_string(order_end_name(o->ends)) : json_null());
	json_object_set_new(j, "why", engine_json_string(o->why));
	json_object_set_new(j, "what", engine_json_string(told->what));
	json_object_set_new(j, "proposed", act_json(e, &o->proposed));
	json_object_set_new(j, "approved", approved);
	json_object_set_new(j, "approvals_wanted", json_integer(o->approvals));
	json_object_set_new(j, "confirmed", act_json(e, &o->confirmed));
	json_object_set_new(j, "ended_by", act_json(e, &o->ended_by));
	json_object_set_new(j, "ended", engine_json_moment(e, o->ended_at));
	json_object_set_new(j, "in_force_since", engine_json_moment(e, o->applied_at));
	add_deadlines(e, o, j);
	json_object_set_new(j, "fail", json_string(o->fail_closed ? "closed" : "open"));
	json_object_set_new(j, "generation", engine_json_count(o->generation));
	json_object_set_new(j, "enforcers", enforcers_json(e, o));
	json_object_set_new(j, "n_cuts", engine_json_count(o->n_cuts));
	json_object_set_new(j, "cuts", cuts_json(o, cuts));
	/* cuts are counted as long as the order stands */
	bool known = o->state != ORDER_ENDED;
	json_object_set_new(
	    j, "stopped_packets", known ? engine_json_count(told->stopped.packets) : json_null());
	json_object_set_new(j, "stopped_bytes", known ? engine_json_count(told->stopped.bytes) : json_null());
	return j;
}

json_t *engine_json_order(struct engine *e, const struct order *o, size_t cuts)
{
	static const struct engine_told nothing;
	const struct engine_told *told = told_of(e, o);
	return order_json(e, o, told ? told : &nothing, cuts);
}

static int add_act(void *context, int64_t realtime, const struct order_store_act *act)
{
	json_t *list = context;
	char time[TIME_TEXT_SIZE];
	if (json_array_size(list) < ACTS_TOLD)
		json_array_append_new(
		    list, json_pack("{s:s,s:o,s:o,s:o}", "time", time_rfc3339(realtime, time), "what",
		              engine_json_string(act->what), "who", engine_json_string(act->who), "why",
		              engine_json_string(act->why)));
	return 0;
}

/* Everything that was done to it, from the store. */
static void add_acts(struct engine *e, uint64_t id, json_t *j)
{
	json_t *acts = json_array();
	order_store_acts(e->store, id, add_act, acts);
	json_object_set_new(j, "acts", acts);
}

/* Orders that have ended, as the store reads them out. It isn't asked anything else meanwhile. */
struct past {
	struct engine *e;
	size_t cuts, read;
	json_t *list;
};

static int keep_past(void *context, const struct order *o, const char *what)
{
	struct past *p = context;
	struct engine_told told = {0};
	snprintf(told.what, sizeof(told.what), "%s", what ? what : "");
	p->read += o->n_cuts;
	if (json_array_append_new(p->list, order_json(p->e, o, &told, p->cuts)) < 0)
		return -ENOMEM;
	return p->read > CUTS_READ ? ENOUGH : 0;
}

static int one_order(struct engine *e, uint64_t id, struct dynbuf *out)
{
	struct past past = {.e = e, .cuts = CUTS_ALONE, .list = json_array()};
	const struct order *o = orders_find(e->orders, id);
	int r = 0;
	if (o)
		json_array_append_new(past.list, engine_json_order(e, o, CUTS_ALONE));
	else
		r = order_store_find(e->store, id, keep_past, &past);
	if (r < 0) {
		json_decref(past.list);
		return r;
	}
	add_acts(e, id, json_array_get(past.list, 0));
	return engine_json_print(past.list, out);
}

int engine_json_orders(struct engine *e, const char *subject, size_t ended, struct dynbuf *out)
{
	struct past past = {.e = e, .cuts = CUTS_LISTED, .list = json_array()};
	uint64_t id;
	size_t pos = 0;
	engine_json_clock(e);
	if (*subject) {
		json_decref(past.list);
		return num_parse_u64(text_of(subject), UINT64_MAX, &id) == 0 ? one_order(e, id, out)
		                                                             : -ENOENT;
	}
	for (const struct order *o;
	     json_array_size(past.list) < ORDERS_TOLD && (o = orders_next(e->orders, &pos));)
		json_array_append_new(past.list, engine_json_order(e, o, CUTS_LISTED));
	ended = ended < ORDERS_TOLD ? ended : ORDERS_TOLD;
	int r = ended ? order_store_ended(e->store, UINT64_MAX, ended, keep_past, &past) : 0;
	if (r < 0)
		json_decref(past.list);
	return r < 0 ? r : engine_json_print(past.list, out);
}

/* Leaking ones come first, then what ends by itself the soonest. */
static bool more_urgent(const struct order *a, const struct order *b)
{
	bool leaks = a->check == ORDER_LEAKING, other_leaks = b->check == ORDER_LEAKING;
	int64_t until = order_deadline(a), other_until = order_deadline(b);
	if (leaks != other_leaks)
		return leaks;
	return until != other_until ? until < other_until : a->id < b->id;
}

json_t *engine_json_standing(struct engine *e)
{
	const struct order *first[STANDING_TOLD];
	json_t *list = json_array();
	size_t n = 0, pos = 0;
	for (const struct order *o; (o = orders_next(e->orders, &pos));) {
		size_t at = n;
		if (o->state == ORDER_ENDED)
			continue;
		while (at > 0 && more_urgent(o, first[at - 1]))
			at--;
		if (at == STANDING_TOLD)
			continue;
		n += n < STANDING_TOLD;
		memmove(first + at + 1, first + at, (n - at - 1) * sizeof(*first));
		first[at] = o;
	}
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, engine_json_order(e, first[i], CUTS_STATUS));
	return list;
}

int engine_json_order_event(struct engine *e, const struct order *o, struct dynbuf *out)
{
	json_t *j = json_object();
	engine_json_clock(e);
	json_object_set_new(j, "event", json_string("order"));
	json_object_set_new(j, "version", json_integer(1));
	json_object_set_new(j, "time", engine_json_moment(e, loop_now()));
	json_object_set_new(j, "order", engine_json_order(e, o, CUTS_LISTED));
	return engine_json_print(j, out);
}

/* The names of those enforcers. */
static json_t *names_json(const struct engine *e, uint16_t enforcers)
{
	json_t *list = json_array();
	for (size_t i = 0; i < e->process->conf->n_enforcers; i++)
		if (enforcers & (1U << i))
			json_array_append_new(list, engine_json_string(e->process->conf->enforcers[i].name));
	return list;
}

int engine_json_plans(const struct engine *e, struct text plans, const char *incident,
    const struct engine_proposal *proposals, struct dynbuf *out)
{
	json_t *list = json_loadb(plans.p, plans.n, 0, NULL), *plan;
	size_t i;
	json_array_foreach(list, i, plan)
	{
		const char *name = json_string_value(json_object_get(plan, "name"));
		for (size_t k = 0; name && k < ENGINE_PLANS; k++) {
			const struct engine_proposal *p = &proposals[k];
			struct text why = dynbuf_view(&p->why);
			if (strcmp(name, p->name) != 0)
				continue;
			json_object_set_new(plan, "incident", engine_json_string(incident));
			json_object_set_new(plan, "order", p->id ? engine_json_count(p->id) : json_null());
			json_object_set_new(plan, "enforceable", json_boolean(p->id != 0));
			json_object_set_new(plan, "prefix_pairs", engine_json_count(p->cuts));
			json_object_set_new(plan, "enforcers", names_json(e, p->enforcers));
			json_object_set_new(plan, "no_order_because",
			    p->id ? json_null() : json_stringn(why.n ? why.p : "", why.n));
		}
	}
	return list ? engine_json_print(list, out) : -ERR_MALFORMED;
}
