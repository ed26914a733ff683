/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The enforcer's side of generations: differences, guardrails of its own, and that nothing is half done. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "enforce/desired.h"

enum { NOW = 1000, MAX = 8 };

static const int64_t second = 1000000000;

static struct cut host_cut(uint32_t i)
{
	return (struct cut){.from = {.addr = net_addr_v4((const uint8_t[]){
	                                 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}),
	                        .bits = 128}};
}

static struct wanted_cut wanted(uint32_t i, int64_t until, bool fail_closed)
{
	return (struct wanted_cut){.cut = host_cut(i), .until = until, .fail_closed = fail_closed};
}

static struct desired *made(const struct guardrails *rules, size_t max)
{
	struct desired *d;
	assert_int_equal(desired_new(&d, rules, max, 1), 0);
	return d;
}

/* Puts cuts from..to-1 as a generation: what desired_check says. */
static int told(struct desired *d, uint64_t base, uint64_t generation, uint32_t from, uint32_t to,
    int64_t now, struct desired_refusal *ret_refusal, size_t *ret_steps)
{
	struct backend_step *steps;
	int r = desired_begin(d, base, generation);
	for (uint32_t i = from; i < to && r == 0; i++) {
		struct wanted_cut w = wanted(i, now + 100 * second, false);
		r = desired_put(d, &w);
	}
	if (r == 0)
		r = desired_check(d, now, ret_refusal, &steps, ret_steps);
	if (r == 0) {
		free(steps);
		desired_commit(d);
	}
	return r;
}

static void test_each_rule_refuses_the_generation_and_names_the_cut(void **unused)
{
	const struct net_prefix never = host_cut(7).from, control = host_cut(9).from;
	const struct guardrails rules = {.never_cut = &never,
	    .n_never_cut = 1,
	    .control = &control,
	    .n_control = 1,
	    .widest_v4 = 24,
	    .most_cuts = 5,
	    .longest_lease_ns = 200 * second,
	    .most_orders_a_minute = 3};
	const struct {
		const char *rule;
		uint32_t from, to;
		uint8_t bits; /* of the last */
		int64_t lease_s;
		bool has_cut;
	} cases[] = {
	    {"none", 1, 4, 128, 200, false},
	    {"never-cut", 5, 8, 128, 10, true},
	    {"control-path", 8, 10, 128, 10, true},
	    {"widest-prefix", 70000, 70001, 119, 10, true},
	    {"longest-lease", 11, 12, 128, 201, true},
	    {"anywhere", 11, 12, 0, 10, true},
	    {"most-cuts", 11, 14, 128, 10, false},
	};
	struct desired *d = made(&rules, 100);
	uint64_t generation = 0;
	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct desired_refusal refusal = {.rule = GUARDRAIL_NONE};
		struct backend_step *steps = NULL;
		struct wanted_cut last = {.until = 0};
		size_t n;
		assert_int_equal(desired_begin(d, generation, generation + 1), 0);
		for (uint32_t k = cases[i].from; k < cases[i].to; k++) {
			last = wanted(k, NOW + cases[i].lease_s * second, false);
			if (k == cases[i].to - 1)
				last.cut.from = net_prefix_of(last.cut.from.addr, cases[i].bits);
			assert_int_equal(desired_put(d, &last), 0);
		}
		int r = desired_check(d, NOW, &refusal, &steps, &n);
		assert_string_equal(guardrail_name(refusal.rule), cases[i].rule);
		assert_int_equal(r, refusal.rule == GUARDRAIL_NONE ? 0 : -EPERM);
		assert_int_equal(refusal.has_cut, cases[i].has_cut);
		if (refusal.has_cut)
			assert_int_equal(cut_compare(&refusal.cut, &last.cut), 0);
		if (r == 0) {
			free(steps);
			desired_commit(d);
			generation++;
		}
		assert_int_equal(desired_count(d), 3);
		assert_int_equal(desired_generation(d), 1);
	}
	desired_free(d);
}

static void test_additions_keep_a_pace_and_endings_need_none(void **unused)
{
	const struct guardrails rules = {.most_orders_a_minute = 2};
	struct desired_refusal refusal;
	struct desired *d = made(&rules, 100);
	struct backend_step *steps;
	struct cut c = host_cut(1);
	size_t n;
	(void)unused;
	assert_int_equal(told(d, 0, 1, 1, 2, NOW, &refusal, &n), 0);
	assert_int_equal(told(d, 1, 2, 2, 3, NOW, &refusal, &n), 0);
	assert_int_equal(told(d, 2, 3, 3, 4, NOW + 1, &refusal, &n), -EPERM);
	assert_int_equal(refusal.rule, GUARDRAIL_MOST_ORDERS);
	assert_false(refusal.has_cut);
	assert_int_equal(told(d, 2, 3, 1, 3, NOW + 1, &refusal, &n), 0); /* prolongs */
	assert_int_equal(n, 2);
	assert_int_equal(desired_begin(d, 3, 4), 0);
	assert_int_equal(desired_drop(d, &c), 0);
	assert_int_equal(desired_check(d, NOW + 2, &refusal, &steps, &n), 0);
	assert_int_equal(steps[0].act, BACKEND_REMOVE);
	free(steps);
	desired_commit(d);
	assert_int_equal(told(d, 4, 5, 3, 4, NOW + 60 * second, &refusal, &n), 0);
	desired_free(d);
}

static void test_a_wrong_base_asks_for_the_whole(void **unused)
{
	const struct guardrails rules = {.most_cuts = 0};
	struct desired_refusal refusal;
	struct desired *d = made(&rules, 100);
	struct wanted_cut w = wanted(1, NOW + second, false);
	struct backend_step *steps;
	size_t n;
	(void)unused;
	assert_int_equal(desired_put(d, &w), -ESTALE); /* nothing was begun */
	assert_int_equal(desired_begin(d, 4, 5), -ESTALE);
	assert_int_equal(desired_put(d, &w), -ESTALE);
	assert_int_equal(desired_drop(d, &w.cut), -ESTALE);
	assert_int_equal(desired_check(d, NOW, &refusal, &steps, &n), -ESTALE);
	assert_int_equal(told(d, 0, 5, 1, 4, NOW, &refusal, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(desired_begin(d, 5, 5), -EINVAL);
	assert_int_equal(desired_begin(d, 0, 0), -EINVAL);
	/* the whole, which lacks 1 and has 4, prolonged ones are in both */
	assert_int_equal(told(d, 0, 9, 2, 5, NOW + 1, &refusal, &n), 0);
	assert_int_equal(n, 4);
	assert_int_equal(desired_count(d), 3);
	/* the same again is nothing to do; a restarted engine may count anew */
	assert_int_equal(told(d, 0, 3, 2, 5, NOW + 1, &refusal, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(desired_generation(d), 3);
	desired_free(d);
}

static void test_other_guardrails_hold_for_what_is_told_next(void **unused)
{
	const struct net_prefix never = host_cut(1).from;
	const struct guardrails lax = {.most_cuts = 0}, strict = {.never_cut = &never, .n_never_cut = 1};
	struct desired_refusal refusal;
	struct desired *d = made(&lax, 100);
	size_t n;
	(void)unused;
	assert_int_equal(told(d, 0, 1, 1, 3, NOW, &refusal, &n), 0);
	assert_int_equal(desired_rules(d, &strict), 0);
	assert_int_equal(desired_count(d), 2);
	assert_int_equal(told(d, 1, 2, 3, 4, NOW, &refusal, &n), 0);
	assert_int_equal(told(d, 0, 3, 1, 4, NOW, &refusal, &n), -EPERM);
	assert_int_equal(refusal.rule, GUARDRAIL_NEVER_CUT);
	assert_int_equal(told(d, 0, 3, 2, 4, NOW, &refusal, &n), 0);
	desired_free(d);
}

static void test_the_kernel_refuses_and_the_old_one_stands(void **unused)
{
	const struct guardrails rules = {.most_cuts = 0};
	struct desired_refusal refusal;
	struct desired *d = made(&rules, 100);
	struct backend_step *steps;
	struct wanted_cut w = wanted(9, NOW + second, false), *list;
	struct cut c = host_cut(1);
	size_t n;
	(void)unused;
	assert_int_equal(told(d, 0, 1, 1, 3, NOW, &refusal, &n), 0);
	assert_int_equal(desired_begin(d, 1, 2), 0);
	assert_int_equal(desired_put(d, &w), 0);
	assert_int_equal(desired_drop(d, &c), 0);
	assert_int_equal(desired_check(d, NOW, &refusal, &steps, &n), 0);
	assert_int_equal(n, 2);
	free(steps);
	desired_abandon(d);
	assert_int_equal(desired_generation(d), 1);
	assert_int_equal(desired_list(d, NOW, &list, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(cut_compare(&list[0].cut, &c), 0);
	free(list);
	desired_free(d);
}

static void test_as_many_cuts_as_the_bound(void **unused)
{
	const struct guardrails rules = {.most_cuts = 0};
	struct desired_refusal refusal;
	struct desired *d = made(&rules, MAX);
	size_t n;
	(void)unused;
	assert_int_equal(told(d, 0, 1, 1, MAX, NOW, &refusal, &n), 0);       /* n - 1 */
	assert_int_equal(told(d, 1, 2, MAX, MAX + 1, NOW, &refusal, &n), 0); /* n */
	assert_int_equal(told(d, 2, 3, MAX + 1, MAX + 2, NOW, &refusal, &n), -ERR_LIMIT);
	assert_int_equal(told(d, 0, 3, 1, MAX + 2, NOW, &refusal, &n), -ERR_LIMIT);
	assert_int_equal(desired_count(d), MAX);
	assert_int_equal(desired_generation(d), 2);
	desired_free(d);
}

static void test_unsound_cuts_are_not_taken(void **unused)
{
	const struct guardrails rules = {.most_cuts = 0};
	struct desired *d = made(&rules, MAX);
	struct wanted_cut w = wanted(1, NOW + second, false);
	(void)unused;
	w.cut.from.bits = 120;
	assert_int_equal(desired_begin(d, 0, 1), 0);
	assert_int_equal(desired_put(d, &w), -EINVAL);
	assert_int_equal(desired_drop(d, &w.cut), -ESTALE);
	desired_free(d);
}

/* --- random generations, against a plain table and a backend that does the steps --- */

enum { MODEL_CUTS = 24, MODEL_ROUNDS = 4000 };

struct plain {
	int64_t until; /* 0: not there */
	bool closed;
};

struct world {
	struct plain is[MODEL_CUTS], next[MODEL_CUTS], kernel[MODEL_CUTS];
};

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

static void say_something(struct desired *d, struct world *w, int64_t now, uint64_t *state)
{
	uint32_t i = (uint32_t)(next_random(state) % MODEL_CUTS);
	if (next_random(state) % 3 == 0) {
		struct cut c = host_cut(i);
		assert_int_equal(desired_drop(d, &c), 0);
		w->next[i] = (struct plain){0};
		return;
	}
	struct wanted_cut put = wanted(
	    i, now + (int64_t)(next_random(state) % 5) * second, next_random(state) % 2);
	assert_int_equal(desired_put(d, &put), 0);
	w->next[i] = (struct plain){.until = put.until, .closed = put.fail_closed};
}

/* What is renewed must be there; what is added must not, so that its time is taken. */
static void kernel_does(struct world *w, const struct backend_step *steps, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct plain *k = &w->kernel[steps[i].cut.from.addr.b[15]];
		if (steps[i].act == BACKEND_RENEW)
			assert_true(k->until != 0 && k->closed == steps[i].fail_closed);
		if (steps[i].act == BACKEND_ADD)
			assert_int_equal(k->until, 0);
		*k = (struct plain){0};
		if (steps[i].act != BACKEND_REMOVE)
			*k = (struct plain){.until = steps[i].until, .closed = steps[i].fail_closed};
	}
}

static void compare_all(const struct desired *d, const struct world *w, int64_t now)
{
	struct wanted_cut *list;
	size_t n, standing = 0, listed = 0;
	assert_int_equal(desired_list(d, now, &list, &n), 0);
	for (size_t i = 0; i < MODEL_CUTS; i++) {
		standing += w->is[i].until != 0;
		if (w->is[i].until <= now) {
			assert_true(w->kernel[i].until <= now);
			continue;
		}
		assert_int_equal(w->kernel[i].until, w->is[i].until);
		assert_int_equal(w->kernel[i].closed, w->is[i].closed);
		assert_true(listed < n);
		assert_int_equal(list[listed].cut.from.addr.b[15], i);
		assert_int_equal(list[listed++].until, w->is[i].until);
	}
	assert_int_equal(listed, n);
	assert_int_equal(desired_count(d), standing);
	free(list);
}

static void test_steps_bring_the_kernel_to_what_was_told(void **unused)
{
	const struct guardrails rules = {.most_cuts = MODEL_CUTS - 6};
	struct desired *d = made(&rules, 2 * MODEL_CUTS);
	struct world w = {0};
	uint64_t state = 5, generation = 0, refused = 0;
	(void)unused;
	for (int64_t now = NOW, round = 0; round < MODEL_ROUNDS; round++) {
		struct desired_refusal refusal;
		struct backend_step *steps;
		bool whole = next_random(&state) % 10 == 0;
		size_t n;
		now += (int64_t)(next_random(&state) % 800) * 1000000;
		for (size_t i = 0; i < MODEL_CUTS; i++)
			if (w.kernel[i].until <= now)
				w.kernel[i] = (struct plain){0};
		memcpy(w.next, w.is, sizeof(w.next));
		if (whole)
			memset(w.next, 0, sizeof(w.next));
		assert_int_equal(desired_begin(d, whole ? 0 : generation, generation + 1), 0);
		for (uint64_t k = next_random(&state) % 12; k; k--)
			say_something(d, &w, now, &state);
		int r = desired_check(d, now, &refusal, &steps, &n);
		refused += r < 0;
		if (r == 0 && next_random(&state) % 8 == 0) {
			desired_abandon(d);
			r = -EIO;
			free(steps);
		} else if (r == 0) {
			kernel_does(&w, steps, n);
			free(steps);
			desired_commit(d);
			generation++;
			memcpy(w.is, w.next, sizeof(w.is));
		}
		compare_all(d, &w, now);
	}
	assert_in_range(refused, 50, MODEL_ROUNDS / 2);
	desired_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_rule_refuses_the_generation_and_names_the_cut),
	    cmocka_unit_test(test_additions_keep_a_pace_and_endings_need_none),
	    cmocka_unit_test(test_a_wrong_base_asks_for_the_whole),
	    cmocka_unit_test(test_other_guardrails_hold_for_what_is_told_next),
	    cmocka_unit_test(test_the_kernel_refuses_and_the_old_one_stands),
	    cmocka_unit_test(test_as_many_cuts_as_the_bound),
	    cmocka_unit_test(test_unsound_cuts_are_not_taken),
	    cmocka_unit_test(test_steps_bring_the_kernel_to_what_was_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
