/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Candidate first entries, told backwards. */
#include "ground.h"

static struct spread_entry *entries;

static size_t n_entries;

static void find_entries(const char *addr, double time, size_t max)
{
	timeline_ready(&t);
	in.assets = t.assets;
	in.archive = t.archive;
	in.detections = t.detections;
	in.n_detections = t.n_detections;
	assert_int_equal(
	    spread_entries(&in, timeline_asset(&t, addr), at(time), max, &t.arena, &entries, &n_entries), 0);
}

static const struct spread_entry *entry_at(const char *addr, const char *peer)
{
	struct net_addr none = {0};
	for (size_t i = 0; i < n_entries; i++)
		if (entries[i].asset == timeline_asset(&t, addr) &&
		    net_addr_equal(entries[i].peer, peer ? ip(peer) : none))
			return &entries[i];
	return NULL;
}

static void test_entries_are_who_can_have_reached_it_in_time(void **state)
{
	(void)state;
	uint64_t in_flow = timeline_flow(&t, "203.0.113.1", A, 5, 9, 50, 50, APP_SSH);
	timeline_flow(&t, A, B, 10, 20, 5, 5, APP_SSH);
	uint64_t bc = timeline_flow(&t, B, C, 15, 40, 5, 5, APP_SSH);
	timeline_flow(&t, D, C, 60, 70, 5, 5, APP_SSH);               /* after */
	timeline_flow(&t, E, A, 19.5, 30, 5, 5, APP_SSH);             /* too late to go on over A */
	timeline_flow(&t, "203.0.113.2", B, 45, 50, 50, 50, APP_SSH); /* after B mattered */
	timeline_flow(&t, "203.0.113.3", B, 12, 13, 50, 50, APP_HTTP);
	find_entries(C, 50, 100);
	assert_non_null(entry_at(B, NULL));
	assert_int_equal(entry_at(B, NULL)->flow, bc);
	assert_non_null(entry_at(A, NULL));
	assert_int_equal(entry_at(A, "203.0.113.1")->flow, in_flow);
	assert_int_equal(entry_at(A, "203.0.113.1")->time, at(5));
	assert_null(entry_at(D, NULL));
	assert_non_null(entry_at(E, NULL)); /* at 19.5, before A's flow ended at 20 */
	assert_null(entry_at(B, "203.0.113.2"));
	assert_non_null(entry_at(B, "203.0.113.3"));
	/* an administrative login from outside says more than a web request */
	assert_true(entry_at(A, "203.0.113.1")->rank < 1);
	for (size_t i = 1; i < n_entries; i++)
		assert_true(entries[i - 1].rank >= entries[i].rank);
}

static void test_a_flow_that_began_after_the_next_hop_was_over_is_no_way_in(void **state)
{
	(void)state;
	timeline_flow(&t, A, B, 10, 20, 5, 5, APP_SSH);
	timeline_flow(&t, E, A, 20, 30, 5, 5, APP_SSH);
	find_entries(B, 50, 100);
	assert_non_null(entry_at(A, NULL));
	assert_null(entry_at(E, NULL));
}

static void test_a_detection_makes_an_entry_first(void **state)
{
	(void)state;
	timeline_flow(&t, "203.0.113.1", A, 5, 9, 50, 50, APP_SSH);
	timeline_flow(&t, "203.0.113.7", A, 6, 9, 50, 50, APP_HTTP);
	timeline_flow(&t, A, B, 10, 20, 5, 5, APP_SSH);
	timeline_detect(&t, 6, "exploit", "T1190", 0.9, A, MSG_ROLE_VICTIM, "203.0.113.7", MSG_ROLE_ATTACKER);
	find_entries(B, 50, 100);
	assert_int_equal(entries[0].asset, timeline_asset(&t, A));
	assert_true(net_addr_equal(entries[0].peer, ip("203.0.113.7")));
	assert_true(entries[0].rank == 1);
	assert_true(entry_at(A, "203.0.113.1")->rank < 1);
	struct spread_entry best = entries[0];
	assert_int_equal(
	    spread_entries(&in, timeline_asset(&t, B), at(50), 1, &t.arena, &entries, &n_entries), 0);
	assert_int_equal(n_entries, 1);
	assert_memory_equal(&entries[0], &best, sizeof(best));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_entries_are_who_can_have_reached_it_in_time),
	    T(test_a_flow_that_began_after_the_next_hop_was_over_is_no_way_in),
	    T(test_a_detection_makes_an_entry_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
