/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Seeds, paths, coverage, and the bounds of the answer. */
#include "ground.h"

static void test_a_suspect_seed_gives_likely_at_best(void **state)
{
	(void)state;
	timeline_flow(&t, A, B, 10, 20, 5, 5, APP_SSH);
	timeline_detect(&t, 15, "lateral", "T1021", 0.9, B, MSG_ROLE_VICTIM, A, MSG_ROLE_ATTACKER);
	timeline_ready(&t);
	seed(A, 5, false);
	assert_int_equal(try_spread(), 0);
	assert_reached(A, SPREAD_LIKELY, 5);
	assert_reached(B, SPREAD_LIKELY, 10);
}

static void test_the_earliest_of_several_seeds_counts(void **state)
{
	(void)state;
	timeline_flow(&t, A, C, 10, 20, 5, 5, APP_SSH);
	timeline_flow(&t, B, C, 8, 20, 5, 5, APP_SSH);
	timeline_flow(&t, C, B, 21, 30, 5, 5, APP_SSH);
	timeline_ready(&t);
	seed(A, 15, true);
	seed(A, 5, true);
	seed(B, 12, true);
	assert_int_equal(try_spread(), 0);
	assert_reached(A, SPREAD_CONFIRMED, 5);
	assert_reached(B, SPREAD_CONFIRMED, 12);
	assert_reached(C, SPREAD_LIKELY, 10);
}

static void test_a_seed_that_was_reached_before_its_own_time_says_how(void **state)
{
	(void)state;
	timeline_flow(&t, A, B, 10, 20, 5, 5, APP_SSH);
	timeline_detect(&t, 15, "lateral", "T1021", 0.9, B, MSG_ROLE_VICTIM, A, MSG_ROLE_ATTACKER);
	timeline_ready(&t);
	seed(A, 5, true);
	seed(B, 50, true);
	assert_int_equal(try_spread(), 0);
	assert_reached(B, SPREAD_CONFIRMED, 10);
	assert_int_equal(result(B)->n_path, 1);
}

static void test_of_equal_ways_the_shorter_and_then_the_first_record_is_cited(void **state)
{
	(void)state;
	timeline_flow(&t, A, B, 1, 50, 5, 5, APP_SSH);
	timeline_flow(&t, B, C, 1, 50, 5, 5, APP_SSH); /* C at 5 over B too */
	uint64_t first = timeline_flow(&t, A, C, 1, 50, 5, 5, APP_SSH);
	timeline_flow(&t, A, C, 2, 60, 5, 5, APP_SSH);
	run(A, 5);
	assert_reached(C, SPREAD_LIKELY, 5);
	assert_int_equal(result(C)->n_path, 1);
	assert_int_equal(result(C)->path[0].flow, first);
}

static void test_what_no_sensor_covered_is_unseen_not_cleared(void **state)
{
	(void)state;
	timeline_flow(&t, A, B, 10, 20, 5, 5, APP_SSH);
	timeline_ready(&t);
	uint8_t covered[8] = {1, 0, 0, 1, 1, 1};
	in.covered = covered;
	seed(A, 5, true);
	assert_int_equal(try_spread(), 0);
	assert_reached(B, SPREAD_LIKELY, 10); /* reached: covered or not */
	assert_reached(C, SPREAD_UNSEEN, 0);
	assert_reached(D, SPREAD_CLEARED, 0);
	assert_int_equal(result(C)->arrival, 0);
	assert_int_equal(spread.assets[0].asset, timeline_asset(&t, A)); /* worst first */
	assert_int_equal(spread.assets[2].asset, timeline_asset(&t, C));
}

static void test_a_path_beyond_the_bound_keeps_its_last_hops(void **state)
{
	(void)state;
	char from[24], to[24];
	enum { HOPS = SPREAD_PATH_MAX + 5 };
	for (int i = 0; i < HOPS; i++) {
		snprintf(from, sizeof(from), "10.4.2.%d", i + 1);
		snprintf(to, sizeof(to), "10.4.2.%d", i + 2);
		timeline_flow(&t, from, to, 10 + i, 11 + i, 5, 5, APP_SSH);
	}
	run("10.4.2.1", 5);
	assert_true(spread.paths_cut);
	const struct spread_asset *last = result(to);
	assert_int_equal(last->n_path, SPREAD_PATH_MAX);
	assert_int_equal(last->path[SPREAD_PATH_MAX - 1].to, timeline_asset(&t, to));
	assert_int_equal(last->path[0].from, timeline_asset(&t, "10.4.2.6"));
	for (size_t i = 1; i < last->n_path; i++)
		assert_int_equal(last->path[i].from, last->path[i - 1].to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_a_suspect_seed_gives_likely_at_best),
	    T(test_the_earliest_of_several_seeds_counts),
	    T(test_a_seed_that_was_reached_before_its_own_time_says_how),
	    T(test_of_equal_ways_the_shorter_and_then_the_first_record_is_cited),
	    T(test_what_no_sensor_covered_is_unseen_not_cleared),
	    T(test_a_path_beyond_the_bound_keeps_its_last_hops),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
