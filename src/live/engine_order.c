/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/log.h"
#include "base/table.h"
#include "base/timefmt.h"
#include "live/engine.h"

enum { BATCH = 256 };

/* An automatic order is told to the enforcers first and made durable after this. */
#define SYNC_NS  (20 * NS_PER_MS)
#define CLOCK_NS (5 * NS_PER_S)
/* How often it is looked for orders that are to be forgotten; so many go at one go, and others wait. */
#define FORGET_NS (600 * NS_PER_S)
enum { FORGOTTEN_AT_ONCE = 64 };

struct order_store_clock engine_clock(const struct engine *e)
{
	struct order_store_clock c = {.boottime = loop_now()};
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	c.realtime = (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
	memcpy(c.boot, e->boot, sizeof(c.boot));
	return c;
}

static int load_one(void *context, const struct order *o, const char *what)
{
	struct engine *e = context;
	const struct order *added;
	(void)what;
	int r = orders_add(e->orders, o, &added);
	/* an enforcer that took such cuts is gone from the configuration: nobody can carry it out any more */
	if (r == -ENOTSUP) {
		log_error(
		    "order %" PRIu64 " has cuts that no enforcer takes any more; it is left out", o->id);
		return 0;
	}
	struct engine_watch *w = r == 0 ? table_put(e->watches, &o->id, NULL) : NULL;
	if (w)
		*w = (struct engine_watch){
		    .state = (uint8_t)o->state, .check = (uint8_t)o->check, .ends = (uint8_t)o->ends};
	return r;
}

static int make_orders(struct engine *e, const struct daemon_conf *conf)
{
	enum orders_takes takes[DAEMON_ENFORCERS_MAX];
	for (size_t i = 0; i < conf->n_enforcers; i++) {
		const struct daemon_enforcer *d = &conf->enforcers[i];
		bool blackhole = d->backend == DAEMON_BACKEND_BGP && d->bgp.announce == DAEMON_BGP_BLACKHOLE;
		takes[i] = d->is_remote                       ? ORDERS_TAKES_ALL
		           : blackhole                        ? ORDERS_TAKES_ONE_ADDRESS
		           : d->backend == DAEMON_BACKEND_XDP ? ORDERS_TAKES_ONE_END
		                                              : ORDERS_TAKES_ALL;
	}
	/* there is a generation from the beginning, if only of nothing: what an enforcer finds is held
	 * against it */
	uint64_t generation = order_store_generation(e->store);
	return orders_new(
	    &e->orders, takes, conf->n_enforcers, generation ? generation : 1, e->process->seed);
}

int engine_orders_open(
    struct engine *e, const char *folder, const struct daemon_conf *conf, struct dynbuf *why)
{
	char path[PATH_MAX], reason[ORDER_STORE_WHY_SIZE] = "";
	struct order_store_clock now = engine_clock(e);
	uint64_t seed = e->process->seed;
	snprintf(path, sizeof(path), "%s/orders.db", folder);
	int r = order_store_open(&e->store, path, &now, reason);
	if (r == 0)
		r = table_new(&e->watches, sizeof(uint64_t), sizeof(struct engine_watch), ORDERS_MAX, seed);
	if (r == 0)
		r = table_new(&e->counters, sizeof(struct cut) + 1, sizeof(struct engine_stopped),
		    ORDERS_CUTS_MAX, seed);
	if (r == 0)
		r = make_orders(e, conf);
	if (r == 0)
		r = order_store_load(e->store, load_one, e);
	if (r < 0)
		dynbuf_printf(why, "%s: %s\n", path, reason[0] ? reason : err_text(r));
	else
		e->next_order = order_store_next_id(e->store);
	return r;
}

void engine_orders_close(struct engine *e)
{
	if (e->orders)
		orders_free(e->orders);
	order_store_close(e->store);
	table_free(e->watches);
	table_free(e->counters);
	free(e->told);
}

/* What stood when we ended stands again, and what went by meanwhile has. */
void engine_orders_begin(struct engine *e, int64_t now)
{
	size_t pos = 0;
	e->clock_at = now + CLOCK_NS;
	orders_tick(e->orders, now);
	engine_orders_changed(e, false);
	for (const struct order *o; (o = orders_next(e->orders, &pos));)
		if (o->state == ORDER_APPLIED || o->state == ORDER_CONFIRMED)
			engine_watch_order(e, o);
}

/* The word for what an order has become, where that is new; NULL: nothing to be told. */
static const char *news_of(const struct order *o, const struct engine_watch *w)
{
	if (o->state == ORDER_ENDED && w->state != ORDER_ENDED)
		return order_end_name(o->ends);
	if (o->ends != ORDER_STANDS && w->ends == ORDER_STANDS)
		return "ending";
	if (o->state != w->state)
		return order_state_name(o);
	if (o->check != w->check && o->check != ORDER_UNCHECKED)
		return o->check == ORDER_LEAKING ? "leaking" : "verified";
	return NULL;
}

/* The same of an order that may be new. */
static const char *news(const struct engine *e, const struct order *o)
{
	static const struct engine_watch fresh;
	const struct engine_watch *w = table_get(e->watches, &o->id);
	return !w && o->state == ORDER_PROPOSED ? "proposed" : news_of(o, w ? w : &fresh);
}

static void tell_news(struct engine *e, const struct order *o, const char *news)
{
	struct dynbuf body = {0};
	char line[128];
	snprintf(line, sizeof(line), "%s", news);
	for (char *p = line; *p; p++)
		*p = *p == ' ' ? '-' : *p;
	log_info("order %" PRIu64 ": %s%s%s", o->id, news, o->why[0] ? ": " : "", o->why);
	engine_act(e, o->id, line, "bulkhead", o->why);
	if (e->process->conf->n_webhooks && engine_json_order_event(e, o, &body) == 0)
		engine_post(e, false, dynbuf_view(&body));
	dynbuf_free(&body);
}

/* After it is stored: who must know is told, and who looks after it. */
static void follow(struct engine *e, const struct order *o)
{
	int fresh = 0;
	struct engine_watch *w = table_put(e->watches, &o->id, &fresh);
	if (!w)
		return;
	if (fresh)
		w->state = ORDER_PROPOSED;
	const char *what = fresh && o->state == ORDER_PROPOSED ? "proposed" : news_of(o, w);
	w->state = (uint8_t)o->state;
	w->check = (uint8_t)o->check;
	w->ends = (uint8_t)o->ends;
	if (what)
		tell_news(e, o, what);
	if ((o->state == ORDER_APPLIED || o->state == ORDER_CONFIRMED) && o->ends == ORDER_STANDS)
		engine_watch_order(e, o);
	else if (w->since) {
		engine_unwatch_order(e, o);
		w->since = 0;
	}
	if (o->state == ORDER_ENDED) {
		engine_policy_spare(e, o);
		engine_forget_counts(e, o);
		table_remove(e->watches, &o->id);
	}
}

/* What is stored as done to it: by a person, else what it has become. */
static bool deed_of(const struct engine *e, const struct order *o, struct order_store_act *ret_act)
{
	const char *what = news(e, o);
	bool proposed = o->state == ORDER_PROPOSED && o->ends == ORDER_STANDS;
	if (e->deed_order == o->id)
		*ret_act = e->deed;
	else if (what)
		*ret_act = (struct order_store_act){
		    .what = what, .who = proposed ? o->proposed.who : "bulkhead", .why = o->why};
	return what || e->deed_order == o->id;
}

static void note_store(struct engine *e, int error)
{
	if (error < 0 && !e->store_failed)
		log_error("orders can't be stored: %s; they count as they are in memory", err_text(error));
	if (error == 0 && e->store_failed)
		log_info("orders can be stored again");
	e->store_failed = error < 0;
	snprintf(e->store_why, sizeof(e->store_why), "%s", error < 0 ? err_text(error) : "");
}

/* What changed, as one transaction; at most BATCH orders of it. */
static int store_changed(struct engine *e, bool generation, const struct order **changed, size_t *ret_n)
{
	struct order_store_clock now = engine_clock(e);
	size_t n = 0;
	int r = order_store_begin(e->store);
	if (r == 0 && generation)
		r = order_store_put_generation(e->store, &now, orders_generation(e->orders));
	for (const struct order *o = NULL; r == 0 && n < BATCH && (o = orders_changed_after(e->orders, o));) {
		struct order_store_act act;
		bool deed = deed_of(e, o, &act);
		r = order_store_put(
		    e->store, &now, o, e->proposing == o->id ? e->proposing_what : NULL, deed ? &act : NULL);
		changed[n++] = o;
	}
	int committed = order_store_commit(e->store, &now);
	r = r < 0 ? r : committed;
	note_store(e, r);
	e->generation_owed = r < 0 && (generation || e->generation_owed);
	*ret_n = n;
	return r;
}

/* Enforcers are told as soon as it is stored; what else is to be done about it comes after. What could not be
 * stored is told all the same (daemon/order_store.h). */
static int settle(struct engine *e, bool generation)
{
	const struct order *changed[BATCH];
	size_t n;
	int r = store_changed(e, generation, changed, &n);
	if (generation)
		engine_tell_enforcers(e);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (e->deed_order == changed[i]->id)
			e->deed_order = 0;
		follow(e, changed[i]);
		orders_stored(e->orders, changed[i]);
	}
	return r;
}

int engine_orders_changed(struct engine *e, bool durable)
{
	bool generation = false;
	int r = orders_publish(e->orders, &generation);
	generation = generation || e->generation_owed;
	if (r == 0 && generation)
		r = settle(e, true);
	while (r == 0 && orders_changed(e->orders))
		r = settle(e, false);
	struct order_store_clock now = engine_clock(e);
	if (r == 0 && durable) {
		r = order_store_sync(e->store, &now);
		note_store(e, r);
	} else if (!durable && now.boottime + SYNC_NS < e->sync_at) {
		e->sync_at = now.boottime + SYNC_NS;
	}
	return r;
}

static int forget(struct engine *e, int64_t now, const struct order_store_clock *clock)
{
	const struct daemon_conf *conf = e->process->conf;
	size_t n = 0;
	if (now < e->forget_at)
		return 0;
	int r = order_store_forget(
	    e->store, clock, conf->ended_keep_ns, conf->ended_most, FORGOTTEN_AT_ONCE, &n);
	e->forget_at = now + (n == FORGOTTEN_AT_ONCE ? 0 : FORGET_NS);
	return r;
}

void engine_orders_tick(struct engine *e, int64_t now)
{
	struct order_store_clock clock = engine_clock(e);
	if (orders_deadline(e->orders) <= now && orders_tick(e->orders, now) > 0)
		engine_orders_changed(e, false);
	if (now >= e->sync_at) {
		e->sync_at = INT64_MAX;
		note_store(e, order_store_sync(e->store, &clock));
	}
	if (now >= e->clock_at) {
		e->clock_at = now + CLOCK_NS;
		int r = order_store_tick(e->store, &clock);
		if (r == 0)
			r = forget(e, now, &clock);
		if (e->store_failed)
			r = engine_orders_changed(e, false);
		note_store(e, r);
	}
}

int64_t engine_orders_deadline(const struct engine *e)
{
	int64_t at = orders_deadline(e->orders);
	at = e->sync_at < at ? e->sync_at : at;
	return e->clock_at < at ? e->clock_at : at;
}

static const struct order *same_proposal(const struct engine *e, const struct cut *cuts, size_t n)
{
	size_t pos = 0;
	for (const struct order *o; (o = orders_next(e->orders, &pos));)
		if (o->state == ORDER_PROPOSED && o->ends == ORDER_STANDS && o->n_cuts == n &&
		    memcmp(o->cuts, cuts, n * sizeof(*cuts)) == 0)
			return o;
	return NULL;
}

/* The rule that it breaks, in words; "" where none. */
static bool breaks(struct engine *e, const struct order *o, char *why, size_t size)
{
	const struct guardrails *g = &e->rules.guardrails;
	char from[NET_PREFIX_TEXT_SIZE], to[NET_PREFIX_TEXT_SIZE];
	size_t at = 0;
	enum guardrail rule = guardrail_of_order(
	    g, o->cuts, o->n_cuts, o->lease_ns, orders_standing(e->orders, o->cuts, o->n_cuts), &at);
	if (rule == GUARDRAIL_NONE)
		return false;
	if (at < o->n_cuts)
		snprintf(why, size, "guardrail %s: %s to %s", guardrail_name(rule),
		    net_prefix_text(o->cuts[at].from, from), net_prefix_text(o->cuts[at].to, to));
	else
		snprintf(why, size, "guardrail %s", guardrail_name(rule));
	return true;
}

int engine_add_order(
    struct engine *e, struct order *o, const char *what, uint64_t *ret_id, struct dynbuf *why)
{
	char reason[ORDER_WHY_SIZE];
	o->id = e->next_order;
	if (breaks(e, o, reason, sizeof(reason))) {
		dynbuf_str(why, reason);
		return -EPERM;
	}
	int r = orders_add(e->orders, o, NULL);
	if (r < 0) {
		dynbuf_str(why, r == -ENOTSUP ? "no enforcer takes such a cut" : err_text(r));
		return r;
	}
	e->next_order++;
	e->proposing = o->id;
	snprintf(e->proposing_what, sizeof(e->proposing_what), "%s", what);
	*ret_id = o->id;
	return 0;
}

int engine_propose(struct engine *e, const struct cut *cuts, size_t n, const char *who, const char *what,
    uint64_t *ret_id, struct dynbuf *why)
{
	const struct daemon_approval *a = &e->process->conf->approval;
	const struct order *same = same_proposal(e, cuts, n);
	if (same) {
		*ret_id = same->id;
		return 0;
	}
	struct order o = {.approvals = a->persons,
	    .fail_closed = a->fail_closed,
	    .approve_ns = a->wait_ns,
	    .confirm_ns = a->confirm_ns,
	    .lease_ns = a->lease_ns,
	    .cuts = cuts,
	    .n_cuts = n,
	    .proposed = {.time = loop_now()}};
	snprintf(o.proposed.who, sizeof(o.proposed.who), "%s", who);
	char reason[ORDER_WHY_SIZE];
	if (!engine_is_able(e, &o, reason, sizeof(reason))) {
		dynbuf_str(why, reason);
		return -ENOTSUP;
	}
	int r = engine_add_order(e, &o, what, ret_id, why);
	return r == 0 ? engine_orders_changed(e, false) : r;
}

enum order_answer engine_approve(struct engine *e, uint64_t id, int64_t now, const char *who)
{
	const struct order *o = orders_find(e->orders, id);
	size_t approvals = 0;
	e->refused_why[0] = '\0';
	for (size_t i = 0; o && i < ORDER_APPROVALS_MAX; i++)
		approvals += o->approved[i].time != 0;
	if (o && o->state == ORDER_PROPOSED &&
	    (breaks(e, o, e->refused_why, sizeof(e->refused_why)) ||
	        !engine_is_able(e, o, e->refused_why, sizeof(e->refused_why))))
		return ORDER_TOO_LATE;
	if (o && o->state == ORDER_PROPOSED && approvals + 1 >= o->approvals &&
	    !guardrail_pace_take(&e->pace, &e->rules.guardrails, now)) {
		snprintf(e->refused_why, sizeof(e->refused_why), "guardrail %s: try again in a minute",
		    guardrail_name(GUARDRAIL_MOST_ORDERS));
		return ORDER_TOO_LATE;
	}
	return orders_approve(e->orders, id, now, who);
}

static int keep_what(void *context, const struct order *o, const char *what)
{
	struct engine *e = context;
	(void)o;
	snprintf(e->what, sizeof(e->what), "%s", what ? what : "");
	return 0;
}

const char *engine_order_what(struct engine *e, uint64_t id)
{
	e->what[0] = '\0';
	if (e->proposing == id)
		return e->proposing_what;
	order_store_find(e->store, id, keep_what, e);
	return e->what;
}
