/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The life of an order, act by act. That no interleaving breaks a promise: tests/unit/enforce/test_model.c.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "contain/order.h"

enum { LEASE = 1000, CONFIRM = 100, APPROVE = 500, BEGIN = 10 };

static const struct cut cuts[2] = {
    {.from = {.bits = 128}}, {.from = {.bits = 128}, .direction = CUT_FROM_ONLY}};

static struct order proposed(uint8_t approvals)
{
	return (struct order){.id = 1,
	    .proposed = {.time = BEGIN, .who = "engine"},
	    .approvals = approvals,
	    .approve_ns = APPROVE,
	    .confirm_ns = CONFIRM,
	    .lease_ns = LEASE,
	    .cuts = cuts,
	    .n_cuts = 2};
}

/* Approved at 20 and in force, as generation 1, at 30. */
static struct order applied(void)
{
	struct order o = proposed(1);
	assert_int_equal(order_approve(&o, 20, "ada"), ORDER_OK);
	o.generation = 1;
	assert_true(order_in_force(&o, 1, 30));
	assert_string_equal(order_state_name(&o), "applied");
	return o;
}

static void test_two_persons_are_two(void **unused)
{
	struct order o = proposed(2);
	(void)unused;
	assert_int_equal(order_approve(&o, 20, "ada"), ORDER_OK);
	assert_false(order_is_wanted(&o));
	assert_int_equal(order_approve(&o, 21, "ada"), ORDER_SAME_PERSON);
	assert_false(order_is_wanted(&o));
	assert_int_equal(order_approve(&o, 22, "bob"), ORDER_OK);
	assert_true(order_is_wanted(&o));
	assert_int_equal(o.approved_at, 22);
	assert_int_equal(order_wanted_until(&o), 22 + CONFIRM);
	assert_int_equal(order_approve(&o, 23, "eve"), ORDER_TOO_LATE);
}

static void test_what_nobody_approves_in_time_is_withdrawn(void **unused)
{
	struct order o = proposed(1);
	(void)unused;
	assert_false(order_tick(&o, BEGIN + APPROVE - 1));
	assert_int_equal(order_approve(&o, BEGIN + APPROVE, "ada"), ORDER_TOO_LATE);
	assert_int_equal(o.state, ORDER_ENDED);
	assert_string_equal(order_state_name(&o), "withdrawn");
}

static void test_what_is_rejected_never_was_wanted(void **unused)
{
	struct order o = proposed(1);
	(void)unused;
	assert_int_equal(order_release(&o, 20, "ada", "no"), ORDER_TOO_EARLY);
	assert_int_equal(order_reject(&o, 20, "ada", "a false alarm"), ORDER_OK);
	assert_int_equal(o.state, ORDER_ENDED);
	assert_string_equal(o.why, "a false alarm");
	assert_int_equal(order_approve(&o, 21, "bob"), ORDER_TOO_LATE);
}

static void test_unless_confirmed_in_time_it_rolls_back(void **unused)
{
	struct order o = applied();
	(void)unused;
	assert_int_equal(order_wanted_until(&o), 20 + CONFIRM); /* also what the kernel is told */
	assert_int_equal(order_deadline(&o), 20 + CONFIRM);
	assert_false(order_tick(&o, 20 + CONFIRM - 1));
	assert_true(order_tick(&o, 20 + CONFIRM));
	assert_false(order_is_wanted(&o));
	assert_string_equal(order_state_name(&o), "ending");
	assert_int_equal(order_confirm(&o, 30 + CONFIRM, "ada"), ORDER_TOO_LATE);
	/* the generation that it was in doesn't end it */
	assert_false(order_in_force(&o, 1, 140));
	o.generation = 2;
	assert_false(order_in_force(&o, 1, 150));
	assert_true(order_in_force(&o, 2, 160));
	assert_string_equal(order_state_name(&o), "rolled back");
	assert_int_equal(o.ended_at, 160);
	assert_int_equal(order_deadline(&o), INT64_MAX);
}

static void test_what_is_confirmed_stays_to_its_end(void **unused)
{
	struct order o = applied();
	(void)unused;
	assert_int_equal(order_confirm(&o, 40, "bob"), ORDER_OK);
	assert_int_equal(order_confirm(&o, 41, "bob"), ORDER_TOO_LATE);
	assert_int_equal(order_deadline(&o), 20 + LEASE);
	assert_true(order_tick(&o, 20 + LEASE));
	assert_int_equal(o.ends, ORDER_EXPIRED);
}

static void test_a_confirmation_before_it_is_there_is_too_early(void **unused)
{
	struct order o = proposed(1);
	(void)unused;
	assert_int_equal(order_confirm(&o, 15, "ada"), ORDER_TOO_EARLY);
	assert_int_equal(order_approve(&o, 20, "ada"), ORDER_OK);
	assert_int_equal(order_confirm(&o, 25, "ada"), ORDER_TOO_EARLY);
}

static void test_a_release_ends_it_once_its_cuts_are_gone(void **unused)
{
	struct order o = applied();
	(void)unused;
	assert_int_equal(order_release(&o, 50, "bob", "clean again"), ORDER_OK);
	assert_int_equal(order_release(&o, 51, "eve", ""), ORDER_TOO_LATE);
	assert_false(order_in_force(&o, 1, 52)); /* no generation without it was made yet */
	o.generation = 5;
	assert_true(order_in_force(&o, 7, 60));
	assert_string_equal(order_state_name(&o), "released");
	assert_string_equal(o.ended_by.who, "bob");
}

static void test_checks_speak_of_cuts_that_are_there(void **unused)
{
	struct order o = proposed(1);
	(void)unused;
	assert_int_equal(order_checked(&o, ORDER_VERIFIED, ""), ORDER_TOO_EARLY);
	o = applied();
	assert_int_equal(order_checked(&o, ORDER_VERIFIED, "1,200 packets dropped, none seen"), ORDER_OK);
	assert_string_equal(order_state_name(&o), "verified");
	assert_int_equal(order_checked(&o, ORDER_LEAKING, "flow 17"), ORDER_OK);
	assert_string_equal(order_state_name(&o), "leaking");
	assert_true(order_is_wanted(&o));
}

static void test_what_policy_orders_needs_nobody(void **unused)
{
	struct order o = proposed(0);
	(void)unused;
	o.confirm_ns = 0;
	assert_int_equal(order_approve(&o, 20, "policy contain-indicators"), ORDER_OK);
	assert_true(order_is_wanted(&o));
	o.generation = 1;
	assert_true(order_in_force(&o, 1, 30));
	assert_string_equal(order_state_name(&o), "confirmed");
}

static void test_what_is_prolonged_stands_longer_but_is_confirmed_in_the_same_time(void **unused)
{
	struct order o = proposed(0);
	(void)unused;
	assert_int_equal(order_prolong(&o, 15, LEASE), ORDER_TOO_EARLY);
	assert_int_equal(order_approve(&o, 20, "policy"), ORDER_OK);
	assert_int_equal(order_prolong(&o, 50, LEASE), ORDER_OK);
	assert_int_equal(order_wanted_until(&o), 20 + CONFIRM);
	o.generation = 1;
	assert_true(order_in_force(&o, 1, 60));
	assert_int_equal(order_confirm(&o, 61, "ada"), ORDER_OK);
	assert_int_equal(order_wanted_until(&o), 50 + LEASE);
	assert_int_equal(order_prolong(&o, 70, 10), ORDER_OK); /* never shorter */
	assert_int_equal(order_wanted_until(&o), 50 + LEASE);
	assert_int_equal(order_prolong(&o, 70, INT64_MAX), ORDER_OK);
	assert_int_equal(order_prolong(&o, INT64_MAX - 1, 1), ORDER_OK);
	o.lease_ns = LEASE;
	assert_int_equal(order_prolong(&o, 20 + LEASE, LEASE), ORDER_TOO_LATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_two_persons_are_two),
	    cmocka_unit_test(test_what_nobody_approves_in_time_is_withdrawn),
	    cmocka_unit_test(test_what_is_rejected_never_was_wanted),
	    cmocka_unit_test(test_unless_confirmed_in_time_it_rolls_back),
	    cmocka_unit_test(test_what_is_confirmed_stays_to_its_end),
	    cmocka_unit_test(test_a_confirmation_before_it_is_there_is_too_early),
	    cmocka_unit_test(test_a_release_ends_it_once_its_cuts_are_gone),
	    cmocka_unit_test(test_checks_speak_of_cuts_that_are_there),
	    cmocka_unit_test(test_what_policy_orders_needs_nobody),
	    cmocka_unit_test(test_what_is_prolonged_stands_longer_but_is_confirmed_in_the_same_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
