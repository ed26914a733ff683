/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TEST_ENFORCE_MODEL_H
#define TEST_ENFORCE_MODEL_H

/*
 * The world that test_model.c explores: two orders, an engine that holds them, one or two enforcers, each
 * with its kernel, and what is under way between them. Orders, generations, guardrails and reconciling are
 * the real code, loaded from the compact state before each act and written back after it.
 *
 * Generations are kept as ranks: only which is later matters.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "contain/orders_parts.h"
#include "enforce/desired.h"

enum { ORDERS = 2, CUTS = 3, ENFORCERS = 2, GATE = 1, UNTIL = 0x7f, CLOSED = 0x80, DROPPED = UNTIL };

static const int64_t second = 1000000000;

/* What is explored, and up to what. */
struct scenario {
	const char *name;
	uint8_t n_enforcers, time_end, crashes, flushes, kernel_refusals;
	struct {
		uint8_t cuts; /* a bit for each */
		uint8_t lease, confirm;
		bool closed;
	} orders[ORDERS];
	uint8_t forbidden; /* cuts that the enforcers' guardrails forbid */
};

/* Of an order, what its life changes. Times in seconds. */
struct life {
	uint8_t state, ends, approved_at, applied_at, confirmed, generation;
};

/* A time in its lower bits, whether it fails closed in the highest; 0: not there. */
typedef uint8_t element;

enum answer { NOTHING, IN_FORCE, REFUSED, RESYNC };

struct enforcer {
	uint8_t lives, synced; /* synced: it has read back since it began */
	uint8_t generation;
	element desired[CUTS];
	/* under way to it; 0: nothing. DROPPED: not the time */
	uint8_t next, base;
	element says[CUTS];
	/* under way from it */
	uint8_t answer, answered, about; /* about: 1 + the cut */
	element kernel[CUTS];
	uint8_t gate;
};

struct world {
	struct life orders[ORDERS]; /* stored; and in the engine's memory while it lives */
	uint8_t generation;
	uint8_t engine_lives;
	uint8_t in_force[ENFORCERS], sent[ENFORCERS]; /* the engine's memory */
	struct enforcer enforcers[ENFORCERS];
	uint8_t time, crashes, flushes, kernel_refusals;
};

static const struct scenario *scene;

/* Cut 1 has two ends: an enforcer that takes cuts of one end alone doesn't carry it. */
static struct cut cut_at(size_t i)
{
	struct cut c = {
	    .from = {.addr = net_addr_v4((const uint8_t[]){10, 0, 0, (uint8_t)(i + 1)}), .bits = 128}};
	if (i == 1)
		c.to = (struct net_prefix){.addr = net_addr_v4((const uint8_t[]){192, 0, 2, 1}), .bits = 128};
	return c;
}

static size_t cut_number(const struct cut *c)
{
	return c->from.addr.b[15] - 1u;
}

static int64_t now_of(const struct world *w)
{
	return w->time * second;
}

static element element_of(int64_t until, bool closed)
{
	return (element)(until / second | (closed ? CLOSED : 0));
}

/* --- the engine --- */

static size_t cuts_of(size_t order, struct cut cuts[CUTS])
{
	size_t n = 0;
	for (size_t i = 0; i < CUTS; i++)
		if (scene->orders[order].cuts >> i & 1)
			cuts[n++] = cut_at(i);
	return n;
}

static struct order order_of(const struct life *l, size_t i, const struct cut *cuts, size_t n)
{
	struct order o = {.id = i + 1,
	    .state = (enum order_state)l->state,
	    .ends = (enum order_end)l->ends,
	    .proposed = {.time = second},
	    .confirmed = {.time = l->confirmed * second},
	    .approvals = 1,
	    .fail_closed = scene->orders[i].closed,
	    .approve_ns = scene->time_end * second,
	    .confirm_ns = scene->orders[i].confirm * second,
	    .lease_ns = scene->orders[i].lease * second,
	    .approved_at = l->approved_at * second,
	    .applied_at = l->applied_at * second,
	    .cuts = cuts,
	    .n_cuts = n};
	return o;
}

/* Made once: its tables are large, and there are millions of states. */
static struct orders *engine;

static void engine_empty(void)
{
	static const enum orders_takes kinds[] = {ORDERS_TAKES_ALL, ORDERS_TAKES_ONE_END};
	size_t pos = 0;
	struct record **r;
	if (!engine) {
		assert_int_equal(orders_new(&engine, kinds, scene->n_enforcers, 0, 1), 0);
		return;
	}
	while ((r = table_next(engine->by_id, &pos, NULL))) {
		free((*r)->cuts);
		free((*r)->wants);
		free(*r);
	}
	table_clear(engine->by_id);
	table_clear(engine->by_cut);
	TAILQ_INIT(&engine->fresh);
	TAILQ_INIT(&engine->changed);
	for (size_t i = 0; i < ORDERS_CLASSES; i++)
		TAILQ_INIT(&engine->waiting[i]);
	engine->n_cuts = engine->n_wanted = engine->n_dirty = 0;
	engine->dirty = NULL;
	engine->deadlines.top = NULL;
	memset(engine->in_force, 0, sizeof(engine->in_force));
}

/* In the state after its last generation was published. Those that wait are added as they came. */
static void engine_load(const struct world *w)
{
	struct cut cuts[CUTS];
	bool ignored;
	engine_empty();
	engine->generation = w->generation;
	for (unsigned generation = 0; generation <= w->generation; generation++)
		for (size_t i = 0; i < ORDERS; i++) {
			if (w->orders[i].generation != generation || w->orders[i].state == ORDER_ENDED)
				continue;
			struct order o = order_of(&w->orders[i], i, cuts, cuts_of(i, cuts));
			assert_int_equal(orders_add(engine, &o, NULL), 0);
		}
	if (!w->engine_lives)
		return;
	assert_int_equal(orders_publish(engine, &ignored), 0);
	engine->generation = w->generation;
	for (size_t i = 0; i < ORDERS; i++) {
		struct record *r = orders_record(engine, i + 1);
		if (r)
			r->order.generation = w->orders[i].generation;
	}
	for (size_t e = 0; e < scene->n_enforcers; e++)
		engine->in_force[e] = w->in_force[e];
}

static void engine_write_back(struct world *w)
{
	for (size_t i = 0; i < ORDERS; i++) {
		const struct order *o = orders_find(engine, i + 1);
		if (!o)
			continue;
		w->orders[i] = (struct life){.state = (uint8_t)o->state,
		    .ends = (uint8_t)o->ends,
		    .approved_at = (uint8_t)(o->approved_at / second),
		    .applied_at = o->state == ORDER_APPLIED ? (uint8_t)(o->applied_at / second) : 0,
		    .confirmed = o->confirmed.time != 0,
		    .generation = o->state == ORDER_ENDED ? 0 : (uint8_t)o->generation};
	}
	w->generation = (uint8_t)engine->generation;
	for (size_t e = 0; e < scene->n_enforcers; e++)
		w->in_force[e] = (uint8_t)engine->in_force[e];
}

/* Tells an enforcer the difference where it can go on from there, and else the whole. */
static void tell(struct world *w, unsigned e, bool changed)
{
	struct enforcer *to = &w->enforcers[e];
	if (!to->lives || w->generation == 0 || (w->sent[e] == w->generation && !changed))
		return;
	const struct orders_delta *delta = orders_delta(engine);
	memset(to->says, 0, sizeof(to->says));
	if (changed && w->sent[e] == delta->base && delta->base && to->next == 0) {
		to->base = (uint8_t)delta->base;
		for (size_t i = 0; i < delta->n_puts; i++)
			if (orders_carries(engine, e, &delta->puts[i].cut))
				to->says[cut_number(&delta->puts[i].cut)] = element_of(
				    delta->puts[i].until, delta->puts[i].fail_closed);
		for (size_t i = 0; i < delta->n_drops; i++)
			if (orders_carries(engine, e, &delta->drops[i]))
				to->says[cut_number(&delta->drops[i])] = DROPPED;
	} else {
		struct wanted_cut *cuts;
		size_t n;
		assert_int_equal(orders_whole(engine, e, &cuts, &n), 0);
		to->base = 0;
		for (size_t i = 0; i < n; i++)
			to->says[cut_number(&cuts[i].cut)] = element_of(cuts[i].until, cuts[i].fail_closed);
		free(cuts);
	}
	to->next = w->generation;
	w->sent[e] = w->generation;
}

/* What the engine does after each act: lets time pass, makes a generation if there is anything new, stores
 * all, and only then tells the enforcers. It may die between the two. */
static void engine_settles(struct world *w, bool dies)
{
	bool changed;
	(void)orders_tick(engine, now_of(w));
	assert_int_equal(orders_publish(engine, &changed), 0);
	engine_write_back(w);
	for (unsigned e = 0; e < scene->n_enforcers && !dies; e++)
		tell(w, e, changed);
}

static void engine_begins(struct world *w)
{
	memset(w->in_force, 0, sizeof(w->in_force));
	memset(w->sent, 0, sizeof(w->sent));
	engine_load(w); /* all that is wanted counts as new */
	w->engine_lives = 1;
	for (size_t e = 0; e < ENFORCERS; e++)
		w->enforcers[e].next = w->enforcers[e].answer = NOTHING;
	engine_settles(w, false);
}

/* --- an enforcer --- */

static const struct guardrails *rules_of_scene(void)
{
	static struct net_prefix never[CUTS];
	static struct guardrails rules;
	rules = (struct guardrails){.never_cut = never};
	for (size_t i = 0; i < CUTS; i++)
		if (scene->forbidden >> i & 1)
			never[rules.n_never_cut++] = cut_at(i).from;
	return &rules;
}

static void put_all(struct desired *d, const element v[CUTS])
{
	for (size_t i = 0; i < CUTS; i++) {
		struct wanted_cut put = {
		    .cut = cut_at(i), .until = (v[i] & UNTIL) * second, .fail_closed = v[i] & CLOSED};
		if (v[i] == DROPPED)
			assert_int_equal(desired_drop(d, &put.cut), 0);
		else if (v[i])
			assert_int_equal(desired_put(d, &put), 0);
	}
}

/* Both made once. One that was told something is told the whole of something else. */
static struct desired *told_nothing, *told_something;

static void enforcers_forget(void)
{
	desired_free(told_nothing);
	desired_free(told_something);
	assert_int_equal(desired_new(&told_nothing, rules_of_scene(), 2 * CUTS, 1), 0);
	assert_int_equal(desired_new(&told_something, rules_of_scene(), 2 * CUTS, 1), 0);
}

static struct desired *enforcer_load(const struct enforcer *e, int64_t now)
{
	struct desired_refusal ignored;
	struct backend_step *steps;
	size_t n;
	if (!e->generation) {
		desired_abandon(told_nothing);
		if (desired_generation(told_nothing)) {
			desired_free(told_nothing);
			assert_int_equal(desired_new(&told_nothing, rules_of_scene(), 2 * CUTS, 1), 0);
		}
		return told_nothing;
	}
	assert_int_equal(desired_begin(told_something, 0, e->generation), 0);
	put_all(told_something, e->desired);
	assert_int_equal(desired_check(told_something, now, &ignored, &steps, &n), 0);
	free(steps);
	desired_commit(told_something);
	return told_something;
}

/* An element that is there keeps its time when it is added once more; what ended is gone. */
static void kernel_does(struct enforcer *e, const struct backend_step *steps, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		element *at = &e->kernel[cut_number(&steps[i].cut)];
		element new = element_of(steps[i].until, steps[i].fail_closed);
		switch ((enum backend_act)steps[i].act) {
		case BACKEND_ADD: *at = *at ? *at : new; break;
		case BACKEND_RENEW: *at = new; break;
		case BACKEND_REMOVE: *at = 0; break;
		}
	}
}

static void answer(struct world *w, struct enforcer *e, enum answer what, uint8_t generation, size_t about)
{
	if (!w->engine_lives)
		return;
	e->answer = (uint8_t)what;
	e->answered = generation;
	e->about = (uint8_t)about;
}

static void enforcer_write_back(struct enforcer *e, const struct desired *d)
{
	struct wanted_cut *list;
	size_t n;
	assert_int_equal(desired_list(d, 0, &list, &n), 0);
	memset(e->desired, 0, sizeof(e->desired));
	for (size_t i = 0; i < n; i++)
		e->desired[cut_number(&list[i].cut)] = element_of(list[i].until, list[i].fail_closed);
	free(list);
	e->generation = (uint8_t)desired_generation(d);
}

static void take_generation(struct world *w, struct enforcer *e, struct desired *d, bool kernel_refuses)
{
	struct desired_refusal refusal = {.has_cut = false};
	struct backend_step *steps = NULL;
	size_t n = 0;
	int r = desired_begin(d, e->base, e->next);
	if (r == 0) {
		put_all(d, e->says);
		r = desired_check(d, now_of(w), &refusal, &steps, &n);
	}
	if (r < 0) {
		answer(w, e, r == -EPERM ? REFUSED : RESYNC, e->next,
		    refusal.has_cut ? cut_number(&refusal.cut) + 1 : 0);
	} else if (kernel_refuses) {
		desired_abandon(d);
		answer(w, e, REFUSED, e->next, 0);
	} else {
		kernel_does(e, steps, n);
		desired_commit(d);
		e->gate = (uint8_t)(w->time + GATE);
		/* what it found in the kernel when it began may be more than this */
		if (e->synced)
			answer(w, e, IN_FORCE, e->next, 0);
	}
	free(steps);
}

/* The engine's next generation arrives. False: nothing can arrive now. */
static bool generation_arrives(struct world *w, struct enforcer *e, bool kernel_refuses)
{
	if (!e->lives || e->next == 0 || e->answer > IN_FORCE)
		return false;
	struct desired *d = enforcer_load(e, now_of(w));
	take_generation(w, e, d, kernel_refuses);
	enforcer_write_back(e, d);
	e->next = e->base = 0;
	memset(e->says, 0, sizeof(e->says));
	return true;
}

/* Reads back and puts right. */
static bool enforcer_reconciles(struct world *w, struct enforcer *e)
{
	struct backend_element there[CUTS];
	struct backend_step *steps;
	size_t n_there = 0, n;
	if (!e->lives || e->generation == 0 || e->answer > IN_FORCE)
		return false;
	for (size_t i = 0; i < CUTS; i++)
		if (e->kernel[i])
			there[n_there++] = (struct backend_element){.cut = cut_at(i),
			    .until = (e->kernel[i] & UNTIL) * second,
			    .fail_closed = e->kernel[i] & CLOSED};
	struct desired *d = enforcer_load(e, now_of(w));
	assert_int_equal(desired_reconcile(d, there, n_there, now_of(w), &steps, &n), 0);
	kernel_does(e, steps, n);
	free(steps);
	e->gate = (uint8_t)(w->time + GATE);
	e->synced = 1;
	answer(w, e, IN_FORCE, e->generation, 0);
	return true;
}

/* The kernel drops packets of this cut. */
static bool is_dropped(const struct world *w, const struct enforcer *e, size_t cut)
{
	return e->kernel[cut] && ((e->kernel[cut] & CLOSED) || e->gate > w->time);
}

#endif
