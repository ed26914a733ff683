/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Every interleaving, up to the bounds below, of what persons, time, the engine, the enforcer, the kernel,
 * crashes and others do to two orders. The life cycle, the generations and the reconciling are the real code;
 * around them stands a model of what is stored, what is under way and what the kernel holds. In each state
 * that is reached:
 *
 * - the kernel holds no cut that wasn't approved, and what is stored says so;
 * - it holds none beyond the end of all orders that want it: so every cut ends, whoever is dead by then;
 * - it holds none that the guardrails forbid;
 * - what is stored as ended is gone, unless another order stands that wants it;
 * - let the engine and the enforcer live and talk, and the kernel holds what is wanted, and what ends has
 * ended.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/table.h"
#include "base/vec.h"
#include "enforce/reconcile.h"

enum { ORDERS = 2, CUTS = 3, FORBIDDEN = 2, TIME_END = 6, CRASHES = 2, FLUSHES = 1, STATES_MAX = 1 << 23 };

static const int64_t second = 1000000000;
static const int64_t kernel_lease = 2 * INT64_C(1000000000);

/* Of an order, what its life changes. Times in seconds. */
struct life {
	uint8_t state, ends, approved_at, applied_at, generation;
};

struct memory {
	struct life orders[ORDERS];
	uint8_t generation;
	uint8_t wanted[CUTS]; /* until when; 0: not */
};

struct world {
	struct memory engine, stored;
	uint8_t time, crashes, flushes;
	uint8_t engine_lives, enforcer_lives;
	uint8_t desired_generation, desired[CUTS]; /* under way to the enforcer; 0: nothing is */
	uint8_t enforced_generation,
	    enforced[CUTS];   /* what the enforcer was told; 0: nothing since it began */
	uint8_t told;         /* under way to the engine: what is in force; 0: nothing */
	uint8_t kernel[CUTS]; /* until when; 0: not there */
};

static struct cut cuts[CUTS];
/* The first order wants the first cut and must be confirmed; the other wants all, one of which is forbidden,
 * and is to fail closed. */
static const size_t cuts_of[ORDERS] = {1, 3};
static const uint8_t lease_of[ORDERS] = {4, 3}, confirm_of[ORDERS] = {2, 0};
static const bool closed_of[ORDERS] = {false, true};

static struct net_prefix never_cut;
static const struct guardrails rules = {.never_cut = &never_cut, .n_never_cut = 1};

static void cuts_make(void)
{
	for (uint8_t i = 0; i < CUTS; i++)
		cuts[i].from = (struct net_prefix){
		    .addr = net_addr_v4((const uint8_t[]){10, 0, 0, i}), .bits = 128};
	never_cut = cuts[FORBIDDEN].from;
}

static struct order order_of(const struct life *l, unsigned i)
{
	struct order o = {.id = i + 1,
	    .state = (enum order_state)l->state,
	    .ends = (enum order_end)l->ends,
	    .proposed = {.time = second},
	    .approvals = 1,
	    .fail_closed = closed_of[i],
	    .approve_ns = TIME_END * second,
	    .confirm_ns = confirm_of[i] * second,
	    .lease_ns = lease_of[i] * second,
	    .approved_at = l->approved_at * second,
	    .applied_at = l->applied_at * second,
	    .generation = l->generation,
	    .cuts = cuts,
	    .n_cuts = cuts_of[i]};
	return o;
}

static struct life life_of(const struct order *o)
{
	return (struct life){.state = (uint8_t)o->state,
	    .ends = (uint8_t)o->ends,
	    .approved_at = (uint8_t)(o->approved_at / second),
	    .applied_at = o->state == ORDER_APPLIED ? (uint8_t)(o->applied_at / second) : 0,
	    .generation = (uint8_t)o->generation};
}

static size_t cut_number(const struct cut *c)
{
	return c->from.addr.b[15];
}

static size_t wanted_of(const uint8_t until[CUTS], struct wanted_cut *v)
{
	size_t n = 0;
	for (size_t i = 0; i < CUTS; i++)
		if (until[i])
			v[n++] = (struct wanted_cut){.cut = cuts[i],
			    .until = (until[i] & 0x7f) * second,
			    .fail_closed = until[i] >> 7};
	return n;
}

static void load(struct orders *s, const struct memory *m)
{
	struct order *ignored;
	*s = (struct orders){.generation = m->generation, .wanted = calloc(CUTS, sizeof(struct wanted_cut))};
	for (unsigned i = 0; i < ORDERS; i++) {
		struct order o = order_of(&m->orders[i], i);
		assert_int_equal(orders_add(s, &o, &ignored), 0);
	}
	s->n_wanted = wanted_of(m->wanted, s->wanted);
}

/* What the engine does after each act: lets time pass, makes a generation if there is anything new, stores
 * all, and only then tells the enforcer. It may die between the two. */
static void settle(struct world *w, struct orders *s, bool dies)
{
	bool changed;
	(void)orders_tick(s, w->time * second);
	assert_int_equal(orders_publish(s, &changed), 0);
	memset(&w->engine, 0, sizeof(w->engine));
	for (unsigned i = 0; i < ORDERS; i++)
		w->engine.orders[i] = life_of(&s->v[i]);
	w->engine.generation = (uint8_t)s->generation;
	for (size_t i = 0; i < s->n_wanted; i++)
		w->engine.wanted[cut_number(&s->wanted[i].cut)] = (uint8_t)(s->wanted[i].until / second |
		                                                            s->wanted[i].fail_closed << 7);
	w->stored = w->engine;
	orders_free(s);
	if (changed && !dies && w->enforcer_lives) {
		w->desired_generation = w->engine.generation;
		memcpy(w->desired, w->engine.wanted, CUTS);
	}
}

static void connect(struct world *w)
{
	if (!w->engine_lives || !w->enforcer_lives || w->engine.generation == 0)
		return;
	w->desired_generation = w->engine.generation;
	memcpy(w->desired, w->engine.wanted, CUTS);
}

enum act {
	APPROVE_1,
	APPROVE_2,
	RELEASE_1,
	RELEASE_2,
	CONFIRM_1,
	TIME_PASSES,
	ENGINE_TICKS,
	DESIRED_ARRIVES,
	ENFORCER_RECONCILES,
	TOLD_ARRIVES,
	ENGINE_DIES,
	ENGINE_DIES_HAVING_STORED, /* time's doing, before it could tell */
	ENGINE_BEGINS,
	ENFORCER_DIES,
	ENFORCER_BEGINS,
	SOMEBODY_FLUSHES,
	ACTS
};

static bool engine_acts(struct world *w, enum act a)
{
	struct orders s;
	int64_t now = w->time * second;
	enum order_answer done = ORDER_OK;
	if (!w->engine_lives)
		return false;
	load(&s, &w->engine);
	switch (a) {
	case APPROVE_1: done = order_approve(&s.v[0], now, "ada"); break;
	case APPROVE_2: done = order_approve(&s.v[1], now, "ada"); break;
	case RELEASE_1: done = order_release(&s.v[0], now, "ada", ""); break;
	case RELEASE_2: done = order_release(&s.v[1], now, "ada", ""); break;
	case CONFIRM_1: done = order_confirm(&s.v[0], now, "ada"); break;
	case TOLD_ARRIVES:
		if (w->told == 0)
			done = ORDER_TOO_EARLY;
		(void)orders_in_force(&s, w->told, now);
		w->told = 0;
		break;
	default: break;
	}
	if (done != ORDER_OK) {
		orders_free(&s);
		return false;
	}
	settle(w, &s, a == ENGINE_DIES_HAVING_STORED);
	return true;
}

/* Guardrails are the enforcer's own: a cut that breaks one is left out, whoever wants it. */
static bool desired_arrives(struct world *w)
{
	if (!w->enforcer_lives || w->desired_generation == 0)
		return false;
	w->enforced_generation = w->desired_generation;
	for (size_t i = 0; i < CUTS; i++)
		w->enforced[i] = guardrail_of_cut(&rules, &cuts[i]) == GUARDRAIL_NONE ? w->desired[i] : 0;
	w->desired_generation = 0;
	memset(w->desired, 0, CUTS);
	return true;
}

static bool enforcer_reconciles(struct world *w)
{
	struct wanted_cut wanted[CUTS];
	struct kernel_cut kernel[CUTS];
	struct reconcile_step *steps;
	size_t n_kernel = 0, n;
	if (!w->enforcer_lives || w->enforced_generation == 0)
		return false;
	for (size_t i = 0; i < CUTS; i++)
		if (w->kernel[i])
			kernel[n_kernel++] = (struct kernel_cut){
			    .cut = cuts[i], .until = w->kernel[i] * second};
	size_t n_wanted = wanted_of(w->enforced, wanted);
	assert_int_equal(
	    reconcile(wanted, n_wanted, kernel, n_kernel, w->time * second, kernel_lease, &steps, &n), 0);
	for (size_t i = 0; i < n; i++)
		w->kernel[cut_number(&steps[i].cut)] = steps[i].act == RECONCILE_REMOVE
		                                           ? 0
		                                           : (uint8_t)(steps[i].until / second);
	free(steps);
	w->told = w->engine_lives ? w->enforced_generation : 0;
	return true;
}

static bool time_passes(struct world *w)
{
	if (w->time == TIME_END)
		return false;
	w->time++;
	for (size_t i = 0; i < CUTS; i++)
		if (w->kernel[i] <= w->time)
			w->kernel[i] = 0;
	return true;
}

static bool engine_dies(struct world *w, bool having_stored)
{
	if (w->crashes == CRASHES || (having_stored && !engine_acts(w, ENGINE_DIES_HAVING_STORED)))
		return false;
	if (!w->engine_lives)
		return false;
	w->crashes++;
	w->engine_lives = w->told = 0;
	memset(&w->engine, 0, sizeof(w->engine));
	return true;
}

static bool enforcer_dies(struct world *w)
{
	if (w->crashes == CRASHES || !w->enforcer_lives)
		return false;
	w->crashes++;
	w->enforcer_lives = w->enforced_generation = w->desired_generation = 0;
	memset(w->enforced, 0, CUTS);
	memset(w->desired, 0, CUTS);
	return true;
}

/* False: that can't happen here. */
static bool happens(struct world *w, enum act a)
{
	switch (a) {
	case TIME_PASSES: return time_passes(w);
	case DESIRED_ARRIVES: return desired_arrives(w);
	case ENFORCER_RECONCILES: return enforcer_reconciles(w);
	case ENGINE_DIES: return engine_dies(w, false);
	case ENGINE_DIES_HAVING_STORED: return engine_dies(w, true);
	case ENGINE_BEGINS:
		if (w->engine_lives)
			return false;
		w->engine = w->stored;
		w->engine_lives = 1;
		connect(w);
		return true;
	case ENFORCER_DIES: return enforcer_dies(w);
	case ENFORCER_BEGINS:
		if (w->enforcer_lives)
			return false;
		w->enforcer_lives = 1;
		connect(w);
		return true;
	case SOMEBODY_FLUSHES:
		if (w->flushes == FLUSHES)
			return false;
		w->flushes++;
		memset(w->kernel, 0, CUTS);
		return true;
	default: return engine_acts(w, a);
	}
}

static void check_kernel(const struct world *w)
{
	for (size_t c = 0; c < CUTS; c++) {
		bool approved = false, standing = false;
		unsigned end = 0;
		if (w->kernel[c] == 0)
			continue;
		for (size_t i = 0; i < ORDERS; i++) {
			const struct life *l = &w->stored.orders[i];
			if (c >= cuts_of[i] || l->approved_at == 0)
				continue;
			approved = true;
			standing |= l->state != ORDER_ENDED;
			end = l->approved_at + lease_of[i] > end ? l->approved_at + lease_of[i] : end;
		}
		assert_true(approved);
		assert_true(standing);
		assert_true(w->kernel[c] <= end);
		assert_int_not_equal(c, FORBIDDEN);
	}
}

/* Both live and talk until nothing is under way. */
static void check_settled(struct world w)
{
	if (!w.engine_lives)
		assert_true(happens(&w, ENGINE_BEGINS));
	if (!w.enforcer_lives)
		assert_true(happens(&w, ENFORCER_BEGINS));
	for (int round = 0; round < 3; round++) {
		(void)happens(&w, ENGINE_TICKS);
		(void)happens(&w, DESIRED_ARRIVES);
		(void)happens(&w, ENFORCER_RECONCILES);
		(void)happens(&w, TOLD_ARRIVES);
		check_kernel(&w);
	}
	for (size_t c = 0; c < CUTS; c++)
		if (c != FORBIDDEN)
			assert_int_equal(w.kernel[c] != 0, w.engine.wanted[c] != 0);
	for (size_t i = 0; i < ORDERS; i++) {
		const struct life *l = &w.engine.orders[i];
		assert_true(l->ends == ORDER_STANDS || l->state == ORDER_ENDED);
		assert_int_not_equal(l->state, ORDER_APPROVED);
	}
}

static void test_no_interleaving_breaks_a_promise(void **unused)
{
	struct table *seen;
	struct world *open = NULL, begin;
	size_t cap = 0, n = 0, states = 0, acts = 0;
	int fresh;
	(void)unused;
	cuts_make();
	memset(&begin, 0, sizeof(begin));
	begin.time = 1;
	begin.engine_lives = begin.enforcer_lives = 1;
	assert_int_equal(table_new(&seen, sizeof(begin), 1, STATES_MAX, 1), 0);
	assert_int_equal(VEC_RESERVE(open, &cap, n, STATES_MAX), 0);
	open[n++] = begin;
	assert_non_null(table_put(seen, &begin, &fresh));
	while (n) {
		struct world at = open[--n];
		states++;
		check_kernel(&at);
		check_settled(at);
		for (int a = 0; a < ACTS; a++) {
			struct world next = at;
			if (!happens(&next, (enum act)a))
				continue;
			acts++;
			assert_non_null(table_put(seen, &next, &fresh));
			if (!fresh)
				continue;
			assert_int_equal(VEC_RESERVE(open, &cap, n, STATES_MAX), 0);
			open[n++] = next;
		}
	}
	print_message("%zu states, %zu acts\n", states, acts);
	assert_true(states > 10000);
	table_free(seen);
	free(open);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_no_interleaving_breaks_a_promise),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
