/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What counts as having left the zone, and that it counts once. */
#include "ground.h"

static void test_answers_to_outside_questions_leave_too(void **state)
{
	(void)state;
	timeline_flow(&t, OUT, Z1, 10, 20, 70, 5000, APP_HTTP);
	ready();
	compute();
	assert_int_equal(exposure.direct_bytes, 5000);
	assert_int_equal(exposure.direct_external_bytes, 5000);
	assert_int_equal(exposure.chained_any_bytes, 5000);
}

static void test_duplicates_and_snapshots_count_once(void **state)
{
	(void)state;
	struct msg_flow f = flow_of(Z1, OUT, 10, 20, 1000, 0, APP_TLS);
	uint64_t id = timeline_add(&t, f);
	f.duplicate_of = id;
	timeline_add(&t, f);
	f = flow_of(Z1, OUT, 10, 30, 50, 0, APP_TLS);
	f.id = t.next_id++;
	f.end = 0;
	timeline_add(&t, f);
	f.last = at(50);
	f.payload_out = 60;
	f.packets_out++;
	f.end = 2;
	timeline_add(&t, f);
	ready();
	compute();
	assert_int_equal(exposure.direct_bytes, 1060);
	assert_int_equal(exposure.chained_any_bytes, 1060);
}

static void test_a_flow_in_a_tunnel_over_the_same_border_is_not_counted_again(void **state)
{
	(void)state;
	uint64_t tunnel = timeline_flow(&t, Z1, OUT, 10, 20, 1200, 0, APP_GRE);
	struct msg_flow f = flow_of(Z2, OUT2, 10, 20, 1000, 0, APP_HTTP);
	f.parent = tunnel;
	uint64_t inner = timeline_add(&t, f);
	f = flow_of(Z2, OUT2, 10, 20, 900, 0, APP_HTTP);
	f.parent = inner; /* a tunnel in the tunnel */
	timeline_add(&t, f);
	ready();
	compute();
	assert_int_equal(exposure.direct_bytes, 1200);
	assert_int_equal(exposure.chained_any_bytes, 1200);
	assert_int_equal(exposure.n_destinations, 1);
}

static void test_a_flow_in_a_tunnel_elsewhere_counts(void **state)
{
	(void)state;
	uint64_t tunnel = timeline_flow(&t, X, OUT, 10, 20, 1200, 0, APP_GRE); /* begins outside the zone */
	struct msg_flow f = flow_of(Z2, OUT2, 10, 20, 1000, 0, APP_HTTP);
	f.parent = tunnel;
	timeline_add(&t, f);
	f = flow_of(Z2, OUT2, 10, 20, 300, 0, APP_HTTP);
	f.parent = 4242; /* of a tunnel that no record tells of */
	timeline_add(&t, f);
	ready();
	compute();
	assert_int_equal(exposure.direct_bytes, 1300);
	assert_int_equal(exposure.chained_any_bytes, 1300);
}

static void test_only_the_window_counts(void **state)
{
	(void)state;
	push(Z1, OUT, 10, 20, 1);
	push(Z1, OUT, 15, 30, 20);  /* reaches in: in whole */
	push(Z1, OUT, 40, 60, 300); /* begins in it */
	push(Z1, OUT, 50, 60, 4000);
	ready();
	in.from = at(25);
	in.to = at(50);
	compute();
	assert_int_equal(exposure.direct_bytes, 320);
	assert_int_equal(exposure.chained_any_bytes, 320);
	assert_int_equal(exposure.from, at(25));
	assert_int_equal(exposure.to, at(50));
	assert_int_equal(exposure.destinations[0].payload_bytes, 320);
	assert_int_equal(exposure.destinations[0].n_flows, 2);
}

static void test_a_chain_must_fit_into_the_window(void **state)
{
	(void)state;
	pull(X, Z1, 10, 100, 500);
	push(X, OUT, 10, 40, 500);
	ready();
	in.from = at(50);
	compute();
	assert_int_equal(exposure.chained_any_bytes, 0); /* the upload was over when the window began */
}

static void test_a_machine_with_an_address_in_the_zone_belongs_to_it(void **state)
{
	(void)state;
	struct net_addr addrs[] = {ip(Z1), ip("10.2.0.77")};
	assert_int_equal(
	    asset_map_hint(t.assets, &(struct asset_hint){.name = "dual", .addrs = addrs, .n_addrs = 2}), 0);
	push("10.2.0.77", OUT, 10, 20, 600);
	push("10.2.0.77", Z2, 10, 20, 50); /* within the zone */
	ready();
	compute();
	assert_int_equal(exposure.direct_bytes, 600);
	assert_int_equal(exposure.chained_any_bytes, 600);
}

static void test_multicast_that_stays_on_the_link_did_not_leave(void **state)
{
	(void)state;
	push(Z1, "224.0.0.251", 10, 20, 100);
	push(Z1, "ff02::fb", 10, 20, 100);
	push(Z1, "255.255.255.255", 10, 20, 100);
	push(Z1, "239.1.1.1", 10, 20, 7);
	ready();
	compute();
	assert_int_equal(exposure.direct_bytes, 7);
	assert_int_equal(exposure.chained_any_bytes, 0);
	bool said = false;
	for (size_t i = 0; i < exposure.coverage.n_not_seen; i++)
		said |= strstr(exposure.coverage.not_seen[i], "7 bytes went from the zone to multicast") !=
		        NULL;
	assert_true(said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_answers_to_outside_questions_leave_too),
	    T(test_duplicates_and_snapshots_count_once),
	    T(test_a_flow_in_a_tunnel_over_the_same_border_is_not_counted_again),
	    T(test_a_flow_in_a_tunnel_elsewhere_counts),
	    T(test_only_the_window_counts),
	    T(test_a_chain_must_fit_into_the_window),
	    T(test_a_machine_with_an_address_in_the_zone_belongs_to_it),
	    T(test_multicast_that_stays_on_the_link_did_not_leave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
