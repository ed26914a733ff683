/* SPDX-License-Identifier: GPL-2.0-or-later */

/* All orders together: the difference that is told, whom it is told to, who refuses, and the bounds. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "contain/orders.h"

enum { LEASE = 1000, CONFIRM = 100, APPROVE = 500 };

static const enum orders_takes one_enforcer[] = {ORDERS_TAKES_ALL};
static const enum orders_takes two_kinds[] = {ORDERS_TAKES_ALL, ORDERS_TAKES_ONE_END};

static struct net_prefix host(uint32_t i)
{
	return (struct net_prefix){
	    .addr = net_addr_v4((const uint8_t[]){10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}),
	    .bits = 128};
}

static struct cut host_cut(uint32_t i)
{
	return (struct cut){.from = host(i)};
}

static struct cut pair_cut(uint32_t i, uint32_t j)
{
	return (struct cut){.from = host(i), .to = host(j)};
}

static struct order proposal(uint64_t id, const struct cut *cuts, size_t n)
{
	return (struct order){.id = id,
	    .proposed = {.time = 10, .who = "engine"},
	    .approvals = 1,
	    .approve_ns = APPROVE,
	    .confirm_ns = CONFIRM,
	    .lease_ns = LEASE,
	    .cuts = cuts,
	    .n_cuts = n};
}

static void add(struct orders *s, uint64_t id, const struct cut *cuts, size_t n)
{
	struct order o = proposal(id, cuts, n);
	assert_int_equal(orders_add(s, &o, NULL), 0);
}

static bool publish(struct orders *s)
{
	bool changed;
	assert_int_equal(orders_publish(s, &changed), 0);
	return changed;
}

static const char *state_of(const struct orders *s, uint64_t id)
{
	const struct order *o = orders_find(s, id);
	return o ? order_state_name(o) : "gone";
}

static void store_all(struct orders *s)
{
	const struct order *o;
	while ((o = orders_changed(s)))
		orders_stored(s, o);
}

static void test_a_cut_stays_while_some_order_wants_it(void **unused)
{
	const struct cut cuts[] = {host_cut(1), host_cut(2)};
	const struct orders_delta *delta;
	struct orders *s;
	(void)unused;
	assert_int_equal(orders_new(&s, one_enforcer, 1, 7, 1), 0);
	add(s, 1, cuts, 2);
	struct order again = proposal(1, cuts, 2), longer = proposal(2, cuts, 1);
	assert_int_equal(orders_add(s, &again, NULL), -EEXIST);
	longer.confirm_ns = 0;
	longer.fail_closed = true;
	assert_int_equal(orders_add(s, &longer, NULL), 0);
	assert_false(publish(s));
	assert_int_equal(orders_approve(s, 1, 20, "ada"), ORDER_OK);
	assert_int_equal(orders_approve(s, 2, 20, "ada"), ORDER_OK);
	assert_true(publish(s));
	delta = orders_delta(s);
	assert_int_equal(delta->base, 7);
	assert_int_equal(delta->generation, 8);
	assert_int_equal(delta->n_puts, 2);
	assert_int_equal(delta->n_drops, 0);
	for (size_t i = 0; i < 2; i++) {
		bool shared = cut_compare(&delta->puts[i].cut, &cuts[0]) == 0;
		assert_int_equal(delta->puts[i].until, shared ? 20 + LEASE : 20 + CONFIRM);
		assert_int_equal(delta->puts[i].fail_closed, shared);
	}
	assert_int_equal(orders_in_force(s, 0, 8, 30), 2);
	assert_int_equal(orders_wanting(s, &cuts[0])->id, 2);
	assert_int_equal(orders_release(s, 2, 40, "ada", ""), ORDER_OK);
	assert_true(publish(s));
	delta = orders_delta(s);
	assert_int_equal(delta->n_puts, 1); /* it stays, for as long as the other wants it */
	assert_int_equal(delta->n_drops, 0);
	assert_int_equal(delta->puts[0].until, 20 + CONFIRM);
	assert_false(delta->puts[0].fail_closed);
	assert_false(publish(s));
	assert_int_equal(orders_in_force(s, 0, 9, 50), 1);
	assert_string_equal(state_of(s, 2), "released");
	assert_int_equal(orders_confirm(s, 1, 60, "ada"), ORDER_OK);
	assert_true(publish(s));
	assert_int_equal(orders_delta(s)->n_puts, 2);
	assert_int_equal(orders_delta(s)->puts[0].until, 20 + LEASE);
	assert_int_equal(orders_deadline(s), 20 + LEASE);
	assert_int_equal(orders_tick(s, 20 + LEASE), 1);
	assert_true(publish(s));
	assert_int_equal(orders_delta(s)->n_drops, 2);
	assert_int_equal(orders_standing(s, NULL, 0), 0);
	assert_string_equal(state_of(s, 1), "ending");
	assert_int_equal(orders_in_force(s, 0, 11, 20 + LEASE + 1), 1);
	store_all(s);
	assert_int_equal(orders_count(s), 0);
	assert_int_equal(orders_deadline(s), INT64_MAX);
	orders_free(s);
}

static void test_what_is_not_stored_is_asked_for_again(void **unused)
{
	const struct cut c = host_cut(1);
	struct orders *s;
	(void)unused;
	assert_int_equal(orders_new(&s, one_enforcer, 1, 0, 1), 0);
	add(s, 1, &c, 1);
	add(s, 2, &c, 1);
	assert_int_equal(orders_changed(s)->id, 1);
	assert_int_equal(orders_changed(s)->id, 1);
	orders_stored(s, orders_changed(s));
	assert_int_equal(orders_changed(s)->id, 2);
	orders_stored(s, orders_changed(s));
	assert_null(orders_changed(s));
	assert_int_equal(orders_reject(s, 1, 20, "ada", "no"), ORDER_OK);
	assert_int_equal(orders_changed(s)->id, 1);
	assert_string_equal(state_of(s, 1), "rejected");
	store_all(s);
	assert_string_equal(state_of(s, 1), "gone");
	assert_int_equal(orders_reject(s, 1, 20, "ada", "no"), ORDER_UNKNOWN);
	assert_int_equal(orders_count(s), 1);
	orders_free(s);
}

static void test_all_that_carry_it_must_say_so(void **unused)
{
	const struct cut one_end = host_cut(1), pair = pair_cut(1, 2);
	struct wanted_cut *whole;
	struct orders *s;
	size_t n;
	(void)unused;
	assert_int_equal(orders_new(&s, two_kinds, 2, 0, 1), 0);
	add(s, 1, &one_end, 1);
	add(s, 2, &pair, 1);
	assert_int_equal(orders_find(s, 1)->enforcers, 3);
	assert_int_equal(orders_find(s, 2)->enforcers, 1);
	assert_int_equal(orders_approve(s, 1, 20, "ada"), ORDER_OK);
	assert_int_equal(orders_approve(s, 2, 20, "ada"), ORDER_OK);
	assert_true(publish(s));
	assert_int_equal(orders_whole(s, 1, &whole, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(cut_compare(&whole[0].cut, &one_end), 0);
	free(whole);
	assert_int_equal(orders_whole(s, 0, &whole, &n), 0);
	assert_int_equal(n, 2);
	free(whole);
	assert_int_equal(orders_in_force(s, 0, 1, 30), 1);
	assert_string_equal(state_of(s, 1), "approved");
	assert_string_equal(state_of(s, 2), "applied");
	assert_int_equal(orders_confirmed_by(s, orders_find(s, 1)), 1);
	assert_int_equal(orders_in_force(s, 1, 77, 31), 0); /* no such generation */
	assert_int_equal(orders_in_force(s, 2, 1, 31), 0);  /* no such enforcer */
	assert_int_equal(orders_in_force(s, 1, 1, 31), 1);
	assert_string_equal(state_of(s, 1), "applied");
	assert_int_equal(orders_confirmed_by(s, orders_find(s, 1)), 3);
	orders_free(s);
}

/* Each kind takes what the one before takes, and less. */
static void test_each_kind_of_enforcer_carries_what_it_is_there_for(void **unused)
{
	static const enum orders_takes kinds[] = {
	    ORDERS_TAKES_ONE_ADDRESS, ORDERS_TAKES_ALL, ORDERS_TAKES_ONE_END};
	const struct cut pair = pair_cut(1, 2), host = host_cut(1);
	struct cut segment = {.from = net_prefix_of(host.from.addr, 120)};
	struct cut destination = {.to = host.from};
	const struct {
		const struct cut *cut;
		uint16_t enforcers;
	} rows[] = {{&pair, 2}, {&segment, 6}, {&host, 7}, {&destination, 7}};
	struct orders *s;
	(void)unused;
	assert_int_equal(orders_new(&s, kinds, 3, 0, 1), 0);
	for (uint64_t i = 0; i < 4; i++) {
		add(s, i + 1, rows[i].cut, 1);
		assert_int_equal(orders_find(s, i + 1)->enforcers, rows[i].enforcers);
		assert_int_equal(orders_approve(s, i + 1, 20, "ada"), ORDER_OK);
		assert_true(publish(s));
	}
	/* who is the last one for an order puts it in force, whatever waits for others before it */
	assert_int_equal(orders_in_force(s, 1, 4, 30), 1);
	assert_string_equal(state_of(s, 1), "applied");
	assert_int_equal(orders_in_force(s, 2, 4, 31), 1);
	assert_string_equal(state_of(s, 2), "applied");
	assert_string_equal(state_of(s, 3), "approved");
	assert_int_equal(orders_in_force(s, 0, 3, 32), 1);
	assert_string_equal(state_of(s, 3), "applied");
	assert_int_equal(orders_in_force(s, 0, 4, 33), 1);
	assert_string_equal(state_of(s, 4), "applied");
	orders_free(s);
}

static void test_what_one_refuses_is_withdrawn_everywhere(void **unused)
{
	const struct cut a = host_cut(1), b = host_cut(2);
	struct orders *s;
	(void)unused;
	assert_int_equal(orders_new(&s, two_kinds, 2, 0, 1), 0);
	add(s, 1, &a, 1);
	add(s, 2, &b, 1);
	assert_int_equal(orders_approve(s, 1, 20, "ada"), ORDER_OK);
	assert_true(publish(s));
	assert_int_equal(orders_in_force(s, 0, 1, 21) + orders_in_force(s, 1, 1, 21), 1);
	assert_int_equal(orders_approve(s, 2, 22, "ada"), ORDER_OK);
	assert_true(publish(s));
	assert_int_equal(orders_in_force(s, 0, 2, 23), 0);
	assert_int_equal(orders_refused(s, 1, 2, &b, "never-cut", 24), 1);
	assert_string_equal(orders_find(s, 2)->why, "never-cut");
	assert_true(publish(s));
	assert_int_equal(orders_delta(s)->n_drops, 1);
	assert_int_equal(orders_in_force(s, 0, 3, 25), 0);
	assert_string_equal(state_of(s, 2), "ending");
	assert_int_equal(orders_in_force(s, 1, 3, 26), 1);
	assert_string_equal(state_of(s, 2), "refused");
	assert_string_equal(state_of(s, 1), "applied");
	orders_free(s);
}

/* A rule about the whole, such as the pace, refuses what is new; a rule about a cut that stands already, as
 * after a reload of the enforcer's rules, refuses what wants it. */
static void test_refusals_fall_on_those_behind_them(void **unused)
{
	const struct cut a = host_cut(1), b = host_cut(2), c = host_cut(3);
	struct orders *s;
	(void)unused;
	assert_int_equal(orders_new(&s, one_enforcer, 1, 0, 1), 0);
	add(s, 1, &a, 1);
	add(s, 2, &b, 1);
	add(s, 3, &c, 1);
	assert_int_equal(orders_approve(s, 1, 20, "ada"), ORDER_OK);
	assert_true(publish(s));
	assert_int_equal(orders_in_force(s, 0, 1, 21), 1);
	assert_int_equal(orders_approve(s, 2, 22, "ada"), ORDER_OK);
	assert_true(publish(s));
	assert_int_equal(orders_approve(s, 3, 22, "ada"), ORDER_OK);
	assert_true(publish(s));
	assert_int_equal(orders_refused(s, 0, 2, NULL, "most-orders", 23), 1);
	assert_string_equal(state_of(s, 2), "ending");
	assert_string_equal(state_of(s, 3), "approved");
	assert_int_equal(orders_refused(s, 0, 3, &a, "control-path", 24), 1);
	assert_string_equal(state_of(s, 1), "ending");
	assert_int_equal(orders_refused(s, 0, 3, &a, "control-path", 24), 0);
	assert_int_equal(orders_refused(s, 0, 4, NULL, "not published", 24), 0);
	orders_free(s);
}

static void test_a_restart_tells_all_anew(void **unused)
{
	const struct cut a = host_cut(1), b = host_cut(2);
	struct order applied = proposal(1, &a, 1), ending = proposal(2, &b, 1);
	struct orders *s;
	(void)unused;
	assert_int_equal(orders_new(&s, one_enforcer, 1, 41, 1), 0);
	applied.state = ORDER_APPLIED;
	applied.approved_at = 20;
	applied.generation = 40;
	ending.state = ORDER_CONFIRMED;
	ending.ends = ORDER_RELEASED;
	ending.approved_at = 20;
	ending.generation = 41;
	assert_int_equal(orders_add(s, &applied, NULL), 0);
	assert_int_equal(orders_add(s, &ending, NULL), 0);
	assert_true(publish(s));
	assert_int_equal(orders_generation(s), 42);
	assert_int_equal(orders_in_force(s, 0, 41, 30), 0);
	assert_int_equal(orders_in_force(s, 0, 42, 31), 1);
	assert_string_equal(state_of(s, 1), "applied");
	assert_string_equal(state_of(s, 2), "released");
	orders_free(s);
}

static void test_orders_that_cannot_be_kept_are_refused(void **unused)
{
	static const enum orders_takes only_one_end[] = {ORDERS_TAKES_ONE_END};
	struct cut cuts[] = {host_cut(2), host_cut(1)}, pair = pair_cut(1, 2);
	struct order o = proposal(1, cuts, 2);
	struct orders *s;
	(void)unused;
	assert_int_equal(orders_new(&s, only_one_end, 1, 0, 1), 0);
	assert_int_equal(orders_add(s, &o, NULL), -EINVAL); /* not sorted */
	cuts[1] = cuts[0];
	assert_int_equal(orders_add(s, &o, NULL), -EINVAL); /* twice */
	o.n_cuts = 0;
	assert_int_equal(orders_add(s, &o, NULL), -EINVAL);
	o.n_cuts = 1;
	o.state = ORDER_ENDED;
	assert_int_equal(orders_add(s, &o, NULL), -EINVAL);
	o = proposal(1, &pair, 1);
	assert_int_equal(orders_add(s, &o, NULL), -ENOTSUP);
	assert_int_equal(orders_count(s), 0);
	orders_free(s);
	assert_int_equal(orders_new(&s, only_one_end, ORDERS_ENFORCERS_MAX + 1, 0, 1), -EINVAL);
}

static void test_as_many_orders_as_the_bound(void **unused)
{
	const struct cut c = host_cut(1);
	struct orders *s;
	(void)unused;
	assert_int_equal(orders_new(&s, one_enforcer, 1, 0, 1), 0);
	for (uint64_t i = 1; i <= ORDERS_MAX; i++)
		add(s, i, &c, 1);
	struct order more = proposal(ORDERS_MAX + 1, &c, 1);
	assert_int_equal(orders_add(s, &more, NULL), -ERR_LIMIT);
	assert_int_equal(orders_reject(s, 77, 20, "ada", ""), ORDER_OK);
	assert_int_equal(orders_add(s, &more, NULL), -ERR_LIMIT); /* not stored yet */
	store_all(s);
	assert_int_equal(orders_add(s, &more, NULL), 0);
	orders_free(s);
}

static void test_as_many_cuts_as_the_bound(void **unused)
{
	struct cut *cuts = calloc(ORDERS_CUTS_MAX, sizeof(*cuts));
	struct order o;
	struct orders *s;
	(void)unused;
	assert_non_null(cuts);
	for (uint32_t i = 0; i < ORDERS_CUTS_MAX; i++)
		cuts[i] = host_cut(i);
	assert_int_equal(orders_new(&s, one_enforcer, 1, 0, 1), 0);
	add(s, 1, cuts, ORDERS_CUTS_MAX - 1);
	o = proposal(2, cuts, 2);
	assert_int_equal(orders_add(s, &o, NULL), -ERR_LIMIT);
	add(s, 3, cuts, 1);
	o.n_cuts = 1;
	assert_int_equal(orders_add(s, &o, NULL), -ERR_LIMIT);
	assert_int_equal(orders_count(s), 2);
	orders_free(s);
	free(cuts);
}

/* --- random acts, against a model that works everything out anew --- */

enum { MODEL_ORDERS = 40, MODEL_CUTS = 12, MODEL_ROUNDS = 12000 };

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

struct told {
	int64_t until; /* 0: not there */
	bool closed;
};

static size_t number_of(const struct cut *c)
{
	return c->from.addr.b[15];
}

/* What is wanted, worked out from all orders. */
static void wanted_by_all(const struct orders *s, struct told told[MODEL_CUTS])
{
	const struct order *o;
	size_t pos = 0;
	memset(told, 0, MODEL_CUTS * sizeof(*told));
	while ((o = orders_next(s, &pos))) {
		for (size_t i = 0; i < o->n_cuts && order_is_wanted(o); i++) {
			struct told *t = &told[number_of(&o->cuts[i])];
			t->until = order_wanted_until(o) > t->until ? order_wanted_until(o) : t->until;
			t->closed |= o->fail_closed;
		}
	}
}

static void random_order(struct orders *s, uint64_t id, int64_t now, uint64_t *state)
{
	struct cut cuts[MODEL_CUTS];
	size_t n = 0;
	for (uint32_t i = 0; i < MODEL_CUTS; i++)
		if (next_random(state) % 3 == 0)
			cuts[n++] = host_cut(i);
	if (n == 0)
		return;
	struct order o = proposal(id, cuts, n);
	o.proposed.time = now;
	o.lease_ns = 1 + (int64_t)(next_random(state) % 300);
	o.confirm_ns = (int64_t)(next_random(state) % 3) * 40;
	o.fail_closed = next_random(state) % 4 == 0;
	int r = orders_add(s, &o, NULL);
	assert_true(r == 0 || r == -EEXIST);
}

static void random_act(struct orders *s, int64_t now, uint64_t *state)
{
	uint64_t id = 1 + next_random(state) % MODEL_ORDERS;
	switch (next_random(state) % 9) {
	case 0:
	case 1: random_order(s, id, now, state); break;
	case 2:
	case 3: (void)orders_approve(s, id, now, "ada"); break;
	case 4: (void)orders_confirm(s, id, now, "ada"); break;
	case 5: (void)orders_release(s, id, now, "ada", ""); break;
	case 6: (void)orders_prolong(s, id, now, 100); break;
	case 7: (void)orders_tick(s, now); break;
	default:
		(void)orders_in_force(s, (unsigned)(next_random(state) % 2),
		    orders_generation(s) - next_random(state) % 2, now);
		break;
	}
}

static void test_differences_add_up_to_what_is_wanted(void **unused)
{
	struct told told[MODEL_CUTS] = {{0}}, wanted[MODEL_CUTS];
	uint64_t state = 3, generations = 0;
	struct orders *s;
	(void)unused;
	assert_int_equal(orders_new(&s, two_kinds, 2, 1, 1), 0);
	for (int64_t now = 1; now < MODEL_ROUNDS; now++) {
		random_act(s, now, &state);
		if (next_random(&state) % 3)
			store_all(s);
		if (next_random(&state) % 4 == 0)
			continue;
		if (publish(s)) {
			const struct orders_delta *delta = orders_delta(s);
			generations++;
			for (size_t i = 0; i < delta->n_puts; i++)
				told[number_of(&delta->puts[i].cut)] = (struct told){
				    .until = delta->puts[i].until, .closed = delta->puts[i].fail_closed};
			for (size_t i = 0; i < delta->n_drops; i++) {
				assert_int_not_equal(told[number_of(&delta->drops[i])].until, 0);
				told[number_of(&delta->drops[i])] = (struct told){0};
			}
		}
		wanted_by_all(s, wanted);
		size_t standing = 0;
		for (size_t i = 0; i < MODEL_CUTS; i++) {
			assert_int_equal(told[i].until, wanted[i].until);
			assert_int_equal(told[i].closed, wanted[i].closed);
			standing += wanted[i].until != 0;
		}
		assert_int_equal(orders_standing(s, NULL, 0), standing);
	}
	assert_in_range(generations, 800, MODEL_ROUNDS);
	orders_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_cut_stays_while_some_order_wants_it),
	    cmocka_unit_test(test_what_is_not_stored_is_asked_for_again),
	    cmocka_unit_test(test_all_that_carry_it_must_say_so),
	    cmocka_unit_test(test_each_kind_of_enforcer_carries_what_it_is_there_for),
	    cmocka_unit_test(test_what_one_refuses_is_withdrawn_everywhere),
	    cmocka_unit_test(test_refusals_fall_on_those_behind_them),
	    cmocka_unit_test(test_a_restart_tells_all_anew),
	    cmocka_unit_test(test_orders_that_cannot_be_kept_are_refused),
	    cmocka_unit_test(test_as_many_orders_as_the_bound),
	    cmocka_unit_test(test_as_many_cuts_as_the_bound),
	    cmocka_unit_test(test_differences_add_up_to_what_is_wanted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
