/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Every interleaving, up to each scenario's bounds, of what persons, time, the engine, the enforcers, the
 * kernel, crashes and others do to two orders (model.h). In each state that is reached:
 *
 * - the kernel holds no cut that wasn't approved, and what is stored says so;
 * - it holds none beyond the end of the orders that stand and want it, nor, where nobody confirmed, beyond
 * the time for that: so every cut ends, and what isn't confirmed rolls back, whoever is dead by then;
 * - neither the engine nor an enforcer ever takes away a cut that an order in force wants;
 * - it holds none that the guardrails forbid;
 * - what is stored as ended is gone from every kernel, unless another order stands that wants it;
 * - nothing fails closed but what an order that stands says;
 * - with the enforcer dead for as long as its lease, only what fails closed is dropped;
 * - let all live and talk, and each kernel holds what is wanted of it, and what ends has ended.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/table.h"
#include "base/vec.h"
#include "model.h"

enum { STATES_MAX = 1 << 24, ONE = 1, TWO = 2, THREE = 4 };

/* Instrumented code takes ten times as long: there the bounds are nearer, and memory is what is looked at. */
#if defined(__SANITIZE_ADDRESS__)
enum { ENOUGH = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { ENOUGH = 1 };
#else
enum { ENOUGH = 2 };
#endif
#else
enum { ENOUGH = 2 };
#endif

static const struct scenario scenarios[] = {
    {.name = "two orders share a cut, one fails closed",
        .n_enforcers = 1,
        .time_end = 3,
        .crashes = ENOUGH,
        .flushes = 1,
        .orders = {{.cuts = ONE, .lease = 3, .confirm = 1}, {.cuts = ONE | TWO, .lease = 2, .closed = true}}},
    {.name = "one holds a cut that guardrails forbid, and the kernel says no once",
        .n_enforcers = 1,
        .time_end = 3,
        .crashes = 1,
        .kernel_refusals = 1,
        .orders = {{.cuts = ONE, .lease = 2, .confirm = 1}, {.cuts = ONE | THREE, .lease = 2}},
        .forbidden = THREE},
    {.name = "two enforcers, of which one takes cuts with one end only",
        .n_enforcers = 2,
        .time_end = ENOUGH,
        .crashes = 1,
        .orders = {{.cuts = ONE, .lease = 1}, {.cuts = TWO | THREE, .lease = 1}}},
    {.name = "two enforcers, of which one's kernel says no once",
        .n_enforcers = 2,
        .time_end = 2,
        .kernel_refusals = 1,
        .orders = {{.cuts = ONE | TWO, .lease = 2, .confirm = 1}, {.cuts = ONE, .lease = 1}}},
};

enum act {
	APPROVE_1,
	APPROVE_2,
	RELEASE_1,
	RELEASE_2,
	CONFIRM_1,
	ENGINE_TICKS,
	ANSWER_ARRIVES,
	ENGINE_DIES_HAVING_STORED = ANSWER_ARRIVES + ENFORCERS, /* any of those above, before it could tell */
	ENGINE_DIES = ENGINE_DIES_HAVING_STORED + ANSWER_ARRIVES,
	ENGINE_BEGINS,
	TIME_PASSES,
	GENERATION_ARRIVES,
	KERNEL_REFUSES = GENERATION_ARRIVES + ENFORCERS,
	ENFORCER_RECONCILES = KERNEL_REFUSES + ENFORCERS,
	ENFORCER_DIES = ENFORCER_RECONCILES + ENFORCERS,
	ENFORCER_BEGINS = ENFORCER_DIES + ENFORCERS,
	SOMEBODY_FLUSHES = ENFORCER_BEGINS + ENFORCERS,
	ACTS = SOMEBODY_FLUSHES + ENFORCERS
};

/* What the enforcer answered. False: nothing is under way. */
static bool answer_arrives(struct world *w, unsigned e)
{
	struct enforcer *from = &w->enforcers[e];
	struct cut c = cut_at(from->about ? from->about - 1u : 0);
	switch ((enum answer)from->answer) {
	case NOTHING: return false;
	case IN_FORCE: (void)orders_in_force(engine, e, from->answered, now_of(w)); break;
	case REFUSED:
		(void)orders_refused(engine, e, from->answered, from->about ? &c : NULL, "", now_of(w));
		w->sent[e] = 0;
		break;
	case RESYNC: w->sent[e] = 0; break;
	}
	from->answer = NOTHING;
	from->answered = from->about = 0;
	return true;
}

static bool engine_acts(struct world *w, int a, bool dies)
{
	int64_t now = now_of(w);
	enum order_answer done = ORDER_OK;
	if (!w->engine_lives || (a >= ANSWER_ARRIVES && a < ANSWER_ARRIVES + ENFORCERS &&
	                            w->enforcers[a - ANSWER_ARRIVES].answer == NOTHING))
		return false;
	engine_load(w);
	switch (a) {
	case APPROVE_1: done = orders_approve(engine, 1, now, "ada"); break;
	case APPROVE_2: done = orders_approve(engine, 2, now, "ada"); break;
	case RELEASE_1: done = orders_release(engine, 1, now, "ada", ""); break;
	case RELEASE_2: done = orders_release(engine, 2, now, "ada", ""); break;
	case CONFIRM_1: done = orders_confirm(engine, 1, now, "ada"); break;
	case ENGINE_TICKS: break;
	default: done = answer_arrives(w, (unsigned)(a - ANSWER_ARRIVES)) ? ORDER_OK : ORDER_TOO_EARLY; break;
	}
	if (done != ORDER_OK)
		return false;
	engine_settles(w, dies);
	return true;
}

/* having: what it does last; ACTS: nothing. */
static bool engine_dies(struct world *w, int having)
{
	if (w->crashes == scene->crashes || !w->engine_lives)
		return false;
	if (having != ACTS && !engine_acts(w, having, true))
		return false;
	w->crashes++;
	w->engine_lives = 0;
	memset(w->in_force, 0, sizeof(w->in_force));
	memset(w->sent, 0, sizeof(w->sent));
	for (size_t e = 0; e < ENFORCERS; e++)
		w->enforcers[e].answer = w->enforcers[e].answered = w->enforcers[e].about = 0;
	return true;
}

static bool enforcer_dies(struct world *w, unsigned e)
{
	struct enforcer *dead = &w->enforcers[e];
	if (w->crashes == scene->crashes || !dead->lives)
		return false;
	w->crashes++;
	struct enforcer left = {.gate = dead->gate};
	memcpy(left.kernel, dead->kernel, sizeof(left.kernel));
	*dead = left;
	w->sent[e] = 0;
	return true;
}

static bool enforcer_begins(struct world *w, unsigned e)
{
	if (w->enforcers[e].lives)
		return false;
	w->enforcers[e].lives = 1;
	if (w->engine_lives) {
		engine_load(w);
		(void)orders_in_force(engine, e, 0, now_of(w));
		engine_settles(w, false);
	}
	return true;
}

static bool time_passes(struct world *w)
{
	if (w->time == scene->time_end)
		return false;
	w->time++;
	for (size_t e = 0; e < scene->n_enforcers; e++) {
		struct enforcer *at = &w->enforcers[e];
		if (at->lives && at->generation && at->gate)
			at->gate = (uint8_t)(w->time + GATE);
		if (at->gate <= w->time)
			at->gate = 0;
		for (size_t i = 0; i < CUTS; i++)
			if ((at->kernel[i] & UNTIL) <= w->time)
				at->kernel[i] = 0;
	}
	return true;
}

static bool somebody_flushes(struct world *w, unsigned e)
{
	if (w->flushes == scene->flushes)
		return false;
	w->flushes++;
	memset(w->enforcers[e].kernel, 0, CUTS);
	w->enforcers[e].gate = 0;
	return true;
}

static bool kernel_refuses(struct world *w, unsigned e)
{
	if (w->kernel_refusals == scene->kernel_refusals || !generation_arrives(w, &w->enforcers[e], true))
		return false;
	w->kernel_refusals++;
	return true;
}

static bool is_of(int a, int first)
{
	return a >= first && a < first + scene->n_enforcers;
}

/* False: that can't happen here. */
static bool happens(struct world *w, int a)
{
	if (a < ANSWER_ARRIVES || is_of(a, ANSWER_ARRIVES))
		return engine_acts(w, a, false);
	if (a >= ENGINE_DIES_HAVING_STORED && a < ENGINE_DIES)
		return engine_dies(w, a - ENGINE_DIES_HAVING_STORED);
	if (is_of(a, GENERATION_ARRIVES))
		return generation_arrives(w, &w->enforcers[a - GENERATION_ARRIVES], false);
	if (is_of(a, KERNEL_REFUSES))
		return kernel_refuses(w, (unsigned)(a - KERNEL_REFUSES));
	if (is_of(a, ENFORCER_RECONCILES))
		return enforcer_reconciles(w, &w->enforcers[a - ENFORCER_RECONCILES]);
	if (is_of(a, ENFORCER_DIES))
		return enforcer_dies(w, (unsigned)(a - ENFORCER_DIES));
	if (is_of(a, ENFORCER_BEGINS))
		return enforcer_begins(w, (unsigned)(a - ENFORCER_BEGINS));
	if (is_of(a, SOMEBODY_FLUSHES))
		return somebody_flushes(w, (unsigned)(a - SOMEBODY_FLUSHES));
	if (a == ENGINE_BEGINS && !w->engine_lives) {
		engine_begins(w);
		return true;
	}
	return a == TIME_PASSES ? time_passes(w) : a == ENGINE_DIES ? engine_dies(w, ACTS) : false;
}

/* Only which generation is later matters: their ranks stand for them, so that states meet again. */
static void rank_generations(struct world *w)
{
	uint8_t *all[ORDERS + 1 + ENFORCERS * 6], rank[256] = {0};
	bool used[256] = {false};
	size_t n = 0;
	all[n++] = &w->generation;
	for (size_t i = 0; i < ORDERS; i++)
		all[n++] = &w->orders[i].generation;
	for (size_t e = 0; e < ENFORCERS; e++) {
		struct enforcer *at = &w->enforcers[e];
		uint8_t *own[] = {
		    &w->in_force[e], &w->sent[e], &at->generation, &at->next, &at->base, &at->answered};
		for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
			all[n++] = own[i];
	}
	for (size_t i = 0; i < n; i++)
		used[*all[i]] = true;
	for (unsigned g = 1, next = 0; g < 256; g++)
		rank[g] = (uint8_t)(used[g] ? ++next : 0);
	for (size_t i = 0; i < n; i++)
		*all[i] = rank[*all[i]];
}

static uint8_t end_of(const struct life *l, size_t i)
{
	bool confirmed = l->confirmed || scene->orders[i].confirm == 0;
	uint8_t span = scene->orders[i].lease;
	if (!confirmed && scene->orders[i].confirm < span)
		span = scene->orders[i].confirm;
	return (uint8_t)(l->approved_at + span);
}

static void check_cut(const struct world *w, const struct enforcer *e, size_t c)
{
	bool approved = false, standing = false, closed = false;
	unsigned end = 0;
	for (size_t i = 0; i < ORDERS; i++) {
		const struct life *l = &w->orders[i];
		if (!(scene->orders[i].cuts >> c & 1) || l->approved_at == 0)
			continue;
		approved = true;
		if (l->state == ORDER_ENDED)
			continue;
		standing = true;
		closed |= scene->orders[i].closed;
		end = end_of(l, i) > end ? end_of(l, i) : end;
	}
	assert_true(approved);
	assert_true(standing);
	assert_true((e->kernel[c] & UNTIL) <= end);
	assert_false(scene->forbidden >> c & 1);
	assert_true(closed || !(e->kernel[c] & CLOSED));
}

static void check_kernels(const struct world *w)
{
	for (size_t e = 0; e < scene->n_enforcers; e++)
		for (size_t c = 0; c < CUTS; c++)
			if (w->enforcers[e].kernel[c])
				check_cut(w, &w->enforcers[e], c);
}

static bool is_past(element told, const struct world *w)
{
	return told && told != DROPPED && (told & UNTIL) <= w->time;
}

/* Nothing of ours takes a cut away that an order in force wants, but at the end that the enforcer is told:
 * what is confirmed at the last moment may lapse until word of that has come. */
static void check_kept(const struct world *before, const struct world *after)
{
	for (size_t e = 0; e < scene->n_enforcers; e++)
		for (size_t c = 0; c < CUTS; c++) {
			const struct enforcer *at = &before->enforcers[e];
			if (!at->kernel[c] || after->enforcers[e].kernel[c] ||
			    is_past(at->desired[c], before) || is_past(at->says[c], before))
				continue;
			for (size_t i = 0; i < ORDERS; i++) {
				const struct life *l = &after->orders[i];
				bool in_force = l->state == ORDER_APPLIED || l->state == ORDER_CONFIRMED;
				assert_false((scene->orders[i].cuts >> c & 1) && in_force &&
				             l->ends == ORDER_STANDS && end_of(l, i) > after->time);
			}
		}
}

/* The enforcers die and nobody comes back: what drops packets after the lease fails closed. */
static void check_dead_man(struct world w)
{
	for (unsigned e = 0; e < scene->n_enforcers; e++) {
		struct enforcer *dead = &w.enforcers[e];
		dead->lives = 0;
		for (uint8_t last = w.time; w.time < last + GATE;) {
			w.time++;
			for (size_t c = 0; c < CUTS; c++)
				if ((dead->kernel[c] & UNTIL) <= w.time)
					dead->kernel[c] = 0;
		}
		for (size_t c = 0; c < CUTS; c++)
			assert_int_equal(is_dropped(&w, dead, c), (dead->kernel[c] & CLOSED) != 0);
	}
}

/* What is wanted of an enforcer, worked out from the orders alone. */
static element wanted_of_cut(const struct world *w, unsigned e, size_t c)
{
	unsigned until = 0;
	bool closed = false;
	for (size_t i = 0; i < ORDERS; i++) {
		const struct life *l = &w->orders[i];
		if (!(scene->orders[i].cuts >> c & 1) || (e == 1 && c == 1) || l->ends != ORDER_STANDS ||
		    l->state == ORDER_PROPOSED)
			continue;
		until = end_of(l, i) > until ? end_of(l, i) : until;
		closed |= scene->orders[i].closed;
	}
	return (element)(until | (closed ? CLOSED : 0));
}

/* All live and talk until nothing is under way. */
static void check_settled(struct world w)
{
	if (!w.engine_lives)
		assert_true(happens(&w, ENGINE_BEGINS));
	for (int e = 0; e < scene->n_enforcers; e++)
		if (!w.enforcers[e].lives)
			assert_true(happens(&w, ENFORCER_BEGINS + e));
	for (int round = 0; round < 3; round++) {
		(void)happens(&w, ENGINE_TICKS);
		for (int e = 0; e < scene->n_enforcers; e++) {
			(void)happens(&w, ANSWER_ARRIVES + e);
			(void)happens(&w, GENERATION_ARRIVES + e);
			(void)happens(&w, ENFORCER_RECONCILES + e);
			(void)happens(&w, ANSWER_ARRIVES + e);
		}
		check_kernels(&w);
	}
	for (unsigned e = 0; e < scene->n_enforcers; e++)
		for (size_t c = 0; c < CUTS; c++) {
			assert_int_equal(w.enforcers[e].kernel[c], wanted_of_cut(&w, e, c));
			assert_int_equal(is_dropped(&w, &w.enforcers[e], c), w.enforcers[e].kernel[c] != 0);
		}
	for (size_t i = 0; i < ORDERS; i++) {
		assert_true(w.orders[i].ends == ORDER_STANDS || w.orders[i].state == ORDER_ENDED);
		assert_int_not_equal(w.orders[i].state, ORDER_APPROVED);
	}
}

/* What may yet happen by ill luck makes no difference to that: states that differ in it alone are one. */
static void settle_once(struct table *settled, struct world w)
{
	int fresh;
	w.crashes = w.flushes = w.kernel_refusals = 0;
	assert_non_null(table_put(settled, &w, &fresh));
	if (fresh)
		check_settled(w);
}

static void explore(void **state)
{
	struct table *seen, *settled;
	struct world *open = NULL, begin;
	size_t cap = 0, n = 0, states = 0, acts = 0;
	int fresh;
	scene = *state;
	orders_free(engine);
	engine = NULL;
	memset(&begin, 0, sizeof(begin));
	begin.time = begin.engine_lives = 1;
	for (size_t e = 0; e < scene->n_enforcers; e++)
		begin.enforcers[e].lives = 1;
	enforcers_forget();
	assert_int_equal(table_new(&seen, sizeof(begin), 1, STATES_MAX, 1), 0);
	assert_int_equal(table_new(&settled, sizeof(begin), 1, STATES_MAX, 1), 0);
	assert_int_equal(VEC_RESERVE(open, &cap, n, STATES_MAX), 0);
	open[n++] = begin;
	assert_non_null(table_put(seen, &begin, &fresh));
	while (n) {
		struct world at = open[--n];
		states++;
		check_kernels(&at);
		check_dead_man(at);
		settle_once(settled, at);
		for (int a = 0; a < ACTS; a++) {
			struct world next = at;
			if (!happens(&next, a))
				continue;
			acts++;
			if (a != TIME_PASSES && !is_of(a, SOMEBODY_FLUSHES))
				check_kept(&at, &next);
			rank_generations(&next);
			assert_non_null(table_put(seen, &next, &fresh));
			if (!fresh)
				continue;
			assert_int_equal(VEC_RESERVE(open, &cap, n, STATES_MAX), 0);
			open[n++] = next;
		}
	}
	print_message("%s: %zu states, %zu acts\n", scene->name, states, acts);
	assert_true(states > 10000);
	table_free(seen);
	table_free(settled);
	free(open);
	orders_free(engine);
	engine = NULL;
	desired_free(told_nothing);
	desired_free(told_something);
	told_nothing = told_something = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_prestate(explore, (void *)&scenarios[0]),
	    cmocka_unit_test_prestate(explore, (void *)&scenarios[1]),
	    cmocka_unit_test_prestate(explore, (void *)&scenarios[2]),
	    cmocka_unit_test_prestate(explore, (void *)&scenarios[3]),
	};
	return cmocka_run_group_tests_name("no interleaving breaks a promise", tests, NULL, NULL);
}
