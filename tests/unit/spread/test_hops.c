/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What makes a hop: which flows hand control over, from whom to whom, and when. */
#include "ground.h"

static void test_control_passes_forward_in_time(void **state)
{
	(void)state;
	uint64_t ab = timeline_flow(&t, A, B, 10, 20, 5, 5, APP_SSH);
	uint64_t bc = timeline_flow(&t, B, C, 30, 40, 5, 5, APP_SSH);
	timeline_flow(&t, C, D, 15, 25, 5, 5, APP_SSH); /* over before C was reached */
	run(A, 5);
	assert_reached(A, SPREAD_CONFIRMED, 5);
	assert_reached(B, SPREAD_LIKELY, 10);
	assert_reached(C, SPREAD_LIKELY, 30);
	assert_reached(D, SPREAD_CLEARED, 0);
	const struct spread_asset *c = result(C);
	assert_int_equal(c->n_path, 2);
	assert_int_equal(c->path[0].flow, ab);
	assert_int_equal(c->path[1].flow, bc);
	assert_int_equal(c->path[0].from, timeline_asset(&t, A));
	assert_int_equal(c->path[1].to, timeline_asset(&t, C));
	assert_int_equal(c->path[1].time, at(30));
	assert_null(result(A)->path);
	assert_int_equal(spread.by_grade[SPREAD_CONFIRMED], 1);
	assert_int_equal(spread.by_grade[SPREAD_LIKELY], 2);
}

static void test_a_flow_that_lasts_beyond_the_arrival_passes_control_at_the_arrival(void **state)
{
	(void)state;
	timeline_flow(&t, A, B, 10, 20, 5, 5, APP_SSH);
	run(A, 19);
	assert_reached(B, SPREAD_LIKELY, 19);
}

static void test_a_last_packet_at_the_arrival_itself_passes_nothing(void **state)
{
	(void)state;
	timeline_flow(&t, A, B, 10, 20, 5, 5, APP_SSH);
	run(A, 20);
	assert_reached(B, SPREAD_CLEARED, 0);
}

static void test_control_runs_from_initiator_to_responder(void **state)
{
	(void)state;
	timeline_flow(&t, B, A, 10, 20, 5, 5, APP_SSH);
	run(A, 5);
	assert_reached(B, SPREAD_CLEARED, 0);
}

static void test_backflow_adds_the_clients_of_a_server_as_possible(void **state)
{
	(void)state;
	timeline_flow(&t, B, A, 10, 20, 5, 5, APP_SSH);
	in.config.backflow = true;
	run(A, 5);
	assert_reached(B, SPREAD_POSSIBLE, 10);
}

static void test_payload_must_have_gone_both_ways(void **state)
{
	(void)state;
	timeline_flow(&t, A, B, 10, 20, 5, 0, APP_SSH);
	timeline_flow(&t, A, C, 10, 20, 0, 5, APP_SSH);
	run(A, 5);
	assert_reached(B, SPREAD_CLEARED, 0);
	assert_reached(C, SPREAD_CLEARED, 0);
}

static void test_a_flow_seen_from_one_side_only_counts_as_answered(void **state)
{
	(void)state;
	struct msg_flow f = flow_of(A, B, 10, 20, 5, 0, APP_SSH);
	f.flags = FLOW_ONE_WAY_VIEW;
	timeline_add(&t, f);
	run(A, 5);
	assert_reached(B, SPREAD_LIKELY, 10);
}

static void test_duplicates_are_no_hops(void **state)
{
	(void)state;
	struct msg_flow f = flow_of(A, B, 10, 20, 5, 5, APP_SSH);
	f.duplicate_of = 999;
	timeline_add(&t, f);
	run(A, 5);
	assert_reached(B, SPREAD_CLEARED, 0);
}

static void test_an_initiator_guessed_against_the_ports_counts_both_ways(void **state)
{
	(void)state;
	struct msg_flow f = flow_of(B, A, 10, 20, 5, 5, APP_UNKNOWN);
	f.flags = FLOW_GUESSED_INITIATOR;
	f.responder_port = 50001;
	timeline_add(&t, f);
	f = flow_of(C, A, 10, 20, 5, 5, APP_HTTP);
	f.flags = FLOW_GUESSED_INITIATOR;
	f.responder_port = 80; /* this guess the port settles */
	timeline_add(&t, f);
	run(A, 5);
	assert_reached(B, SPREAD_POSSIBLE, 10);
	assert_reached(C, SPREAD_CLEARED, 0);
}

static void test_icmp_hands_nothing_on_unless_a_detection_rests_on_it(void **state)
{
	(void)state;
	struct msg_flow f = flow_of(A, B, 10, 20, 56, 56, APP_ICMP);
	f.protocol = 1;
	timeline_add(&t, f);
	f = flow_of(A, C, 10, 20, 56, 56, APP_ICMP);
	f.protocol = 1;
	uint64_t tunnel = timeline_add(&t, f);
	timeline_cite(&t,
	    timeline_detect(&t, 10, "icmp tunnel", "T1095", 0.9, C, MSG_ROLE_VICTIM, A, MSG_ROLE_ATTACKER),
	    tunnel);
	run(A, 5);
	assert_reached(B, SPREAD_CLEARED, 0);
	assert_reached(C, SPREAD_CONFIRMED, 10);
}

static void test_what_began_after_the_end_does_not_count(void **state)
{
	(void)state;
	timeline_flow(&t, A, B, 10, 20, 5, 5, APP_SSH);
	timeline_flow(&t, A, C, 15, 20, 5, 5, APP_SSH);
	in.config.until = at(15);
	run(A, 5);
	assert_reached(B, SPREAD_LIKELY, 10);
	assert_reached(C, SPREAD_CLEARED, 0);
}

static void test_outside_ends_are_no_hops(void **state)
{
	(void)state;
	timeline_flow(&t, A, "198.51.100.1", 10, 20, 5, 5, APP_SSH);
	timeline_flow(&t, "198.51.100.1", B, 30, 40, 5, 5, APP_SSH);
	run(A, 5);
	assert_reached(B, SPREAD_CLEARED, 0);
	assert_int_equal(spread.edges, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_control_passes_forward_in_time),
	    T(test_a_flow_that_lasts_beyond_the_arrival_passes_control_at_the_arrival),
	    T(test_a_last_packet_at_the_arrival_itself_passes_nothing),
	    T(test_control_runs_from_initiator_to_responder),
	    T(test_backflow_adds_the_clients_of_a_server_as_possible),
	    T(test_payload_must_have_gone_both_ways),
	    T(test_a_flow_seen_from_one_side_only_counts_as_answered),
	    T(test_duplicates_are_no_hops),
	    T(test_an_initiator_guessed_against_the_ports_counts_both_ways),
	    T(test_icmp_hands_nothing_on_unless_a_detection_rests_on_it),
	    T(test_what_began_after_the_end_does_not_count),
	    T(test_outside_ends_are_no_hops),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
