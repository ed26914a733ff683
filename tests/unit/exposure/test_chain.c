/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What can have been passed on: the maximum flow through machines and time, and the intruder's part of it. */
#include "ground.h"

static void test_staged_theft_is_bound_by_the_upload(void **state)
{
	(void)state;
	uint64_t copy = pull(X, Z1, 10, 20, 3000000);
	uint64_t upload = push(X, OUT, 30, 40, 2000000);
	ready();
	spread_none();
	reached(X, SPREAD_CONFIRMED, 5);
	compute();
	assert_int_equal(exposure.direct_bytes, 3000000);
	assert_int_equal(exposure.direct_external_bytes, 0);
	assert_int_equal(exposure.chained_bytes, 2000000);
	assert_int_equal(exposure.chained_any_bytes, 2000000);
	assert_false(exposure.coarse);
	assert_int_equal(exposure.n_transfers, 2);
	assert_int_equal(exposure.transfers[0].flow, copy);
	assert_int_equal(exposure.transfers[0].capacity, 3000000);
	assert_int_equal(exposure.transfers[0].used, 2000000);
	assert_true(net_addr_equal(exposure.transfers[0].from, ip(Z1)));
	assert_int_equal(exposure.transfers[1].flow, upload);
	assert_true(net_addr_equal(exposure.transfers[1].to, ip(OUT)));
}

static void test_an_upload_before_the_copy_took_nothing(void **state)
{
	(void)state;
	push(X, OUT, 10, 20, 2000000);
	pull(X, Z1, 30, 40, 3000000);
	ready();
	compute();
	assert_int_equal(exposure.chained_any_bytes, 0);
	assert_int_equal(exposure.chained_bytes, 0);
	assert_int_equal(exposure.direct_bytes, 3000000);
	assert_int_equal(exposure.n_transfers, 0);
}

static void test_transfers_that_touch_in_time_pass_data_on(void **state)
{
	(void)state;
	pull(X, Z1, 20, 30, 700);
	push(X, OUT, 10, 20, 500); /* its last byte can be the other's first */
	ready();
	compute();
	assert_int_equal(exposure.chained_any_bytes, 500);
}

static void test_parallel_chains_add_up_to_what_the_narrowest_cut_lets_through(void **state)
{
	(void)state;
	pull(X, Z1, 10, 11, 5000);
	pull(Y, Z1, 10, 11, 5000);
	push(X, W, 20, 21, 3000);
	push(Y, W, 20, 21, 4000);
	push(W, OUT, 30, 31, 6000);  /* less than the 7000 that W got */
	push(X, OUT2, 30, 31, 1500); /* X still has 5000 - 3000 of its own */
	push(Z2, OUT, 5, 6, 10);
	ready();
	compute();
	assert_int_equal(exposure.chained_any_bytes, 6000 + 1500 + 10);
	assert_int_equal(exposure.direct_external_bytes, 10);
	assert_int_equal(exposure.direct_bytes, 10010);
}

static void test_data_that_goes_round_counts_once(void **state)
{
	(void)state;
	pull(X, Z1, 10, 11, 1000);
	push(X, Y, 20, 21, 1000);
	push(Y, X, 30, 31, 1000);
	push(X, Y, 40, 41, 1000);
	push(X, OUT, 50, 51, 9000);
	push(Y, OUT, 50, 51, 9000);
	ready();
	compute();
	assert_int_equal(exposure.chained_any_bytes, 1000);
}

static void test_a_long_flow_does_not_carry_data_back_in_time(void **state)
{
	(void)state;
	pull(X, Z1, 90, 91, 1000);
	push(X, Y, 0, 100, 1000); /* open all the time */
	push(Y, OUT, 10, 11, 1000);
	ready();
	compute();
	assert_int_equal(exposure.chained_any_bytes, 0);
}

static void test_a_long_flow_carries_data_forward(void **state)
{
	(void)state;
	pull(X, Z1, 40, 41, 1000);
	push(X, Y, 0, 100, 800);
	push(Y, OUT, 90, 91, 1000);
	ready();
	compute();
	assert_int_equal(exposure.chained_any_bytes, 800);
}

static void test_questions_through_a_resolver_are_a_chain(void **state)
{
	(void)state;
	timeline_flow(&t, Z1, X, 10, 10.1, 300, 400, APP_DNS);
	timeline_flow(&t, X, OUT, 10.05, 10.08, 200, 900, APP_DNS);
	ready();
	spread_none();
	reached(X, SPREAD_POSSIBLE, 1);
	compute();
	assert_int_equal(exposure.chained_bytes, 200);
	spread_none();
	compute();
	assert_int_equal(exposure.chained_bytes, 0); /* a cleared one passes nothing on for the intruder */
	assert_int_equal(exposure.chained_any_bytes, 200);
}

static void test_what_a_machine_sent_before_it_was_reached_is_not_the_intruders(void **state)
{
	(void)state;
	pull(X, Z1, 10, 20, 3000);
	push(X, OUT, 30, 40, 2000);
	ready();
	spread_none();
	reached(X, SPREAD_LIKELY, 40.001);
	compute();
	assert_int_equal(exposure.chained_bytes, 0);
	assert_int_equal(exposure.chained_any_bytes, 2000);
	reached(X, SPREAD_LIKELY, 40);
	compute();
	assert_int_equal(exposure.chained_bytes, 2000);
}

static void test_what_had_been_copied_before_the_machine_was_reached_is_his(void **state)
{
	(void)state;
	pull(X, Z1, 10, 20, 3000);
	push(X, OUT, 60, 70, 2000);
	ready();
	spread_none();
	reached(X, SPREAD_LIKELY, 50);
	compute();
	assert_int_equal(exposure.chained_bytes, 2000);
}

static void test_the_earliest_arrival_counts_not_that_of_the_grade(void **state)
{
	(void)state;
	pull(X, Z1, 10, 20, 3000);
	push(X, OUT, 30, 40, 2000);
	ready();
	spread_none();
	reached(X, SPREAD_LIKELY, 50);
	spread.assets[timeline_asset(&t, X)].earliest = at(5);
	compute();
	assert_int_equal(exposure.chained_bytes, 2000);
}

static void test_a_machine_that_no_sensor_covered_may_pass_data_on(void **state)
{
	(void)state;
	pull(X, Z1, 10, 20, 3000);
	push(X, OUT, 30, 40, 2000);
	ready();
	spread_none();
	spread.assets[timeline_asset(&t, X)].grade = SPREAD_UNSEEN;
	compute();
	assert_int_equal(exposure.chained_bytes, 2000);
}

static void test_a_cleared_machine_of_the_zone_counts_towards_a_bad_peer_only(void **state)
{
	(void)state;
	push(Z1, OUT, 10, 20, 100);
	push(Z1, OUT2, 10, 20, 1000);
	ready();
	spread_none();
	struct net_addr bad = ip(OUT);
	in.bad_peers = &bad;
	in.n_bad_peers = 1;
	compute();
	assert_int_equal(exposure.chained_bytes, 100);
	assert_int_equal(exposure.chained_any_bytes, 1100);
	reached(Z1, SPREAD_POSSIBLE, 15);
	compute();
	assert_int_equal(exposure.chained_bytes, 1100);
}

/* n uploads after as many copies, one after the other: 2n edges in the graph, of which 20 are allowed. */
static void alternating(int n, bool coarse)
{
	for (int i = 0; i < n; i++) {
		push(X, OUT, 100 + 10 * i, 101 + 10 * i, 100);
		pull(X, Z1, 105 + 10 * i, 106 + 10 * i, 100);
	}
	push(X, OUT, 100 + 10 * n, 101 + 10 * n, 100);
	ready();
	in.transfers_max = 20;
	compute();
	/* each copy leaves with the upload after it */
	uint64_t exact = 100 * (uint64_t)n;
	assert_int_equal(exposure.coarse, coarse);
	assert_true(exposure.chained_any_bytes >= exact);
	if (!coarse)
		assert_int_equal(exposure.chained_any_bytes, exact);
	assert_true(exposure.chained_any_bytes <= exposure.direct_bytes);
}

static void test_one_edge_less_than_the_bound_is_exact(void **state)
{
	(void)state;
	alternating(9, false);
}

static void test_as_many_edges_as_the_bound_are_exact(void **state)
{
	(void)state;
	alternating(10, false);
}

static void test_more_edges_than_the_bound_only_raise_it(void **state)
{
	(void)state;
	alternating(11, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_staged_theft_is_bound_by_the_upload),
	    T(test_an_upload_before_the_copy_took_nothing),
	    T(test_transfers_that_touch_in_time_pass_data_on),
	    T(test_parallel_chains_add_up_to_what_the_narrowest_cut_lets_through),
	    T(test_data_that_goes_round_counts_once),
	    T(test_a_long_flow_does_not_carry_data_back_in_time),
	    T(test_a_long_flow_carries_data_forward),
	    T(test_questions_through_a_resolver_are_a_chain),
	    T(test_what_a_machine_sent_before_it_was_reached_is_not_the_intruders),
	    T(test_what_had_been_copied_before_the_machine_was_reached_is_his),
	    T(test_the_earliest_arrival_counts_not_that_of_the_grade),
	    T(test_a_machine_that_no_sensor_covered_may_pass_data_on),
	    T(test_a_cleared_machine_of_the_zone_counts_towards_a_bad_peer_only),
	    T(test_one_edge_less_than_the_bound_is_exact),
	    T(test_as_many_edges_as_the_bound_are_exact),
	    T(test_more_edges_than_the_bound_only_raise_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
