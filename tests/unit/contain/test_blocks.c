/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "network.h"

/* What a cut stops, address by address: the meaning that the planner, the report and the kernel share. */

static struct network w;

static int setup(void **state)
{
	(void)state;
	network_open(&w);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	network_close(&w);
	return 0;
}

static void assert_blocks(const struct plan_cut *cut, const char *from, const char *to, bool forth, bool back)
{
	struct plan_cut copy = *cut;
	const struct plan p = {.cuts = &copy, .n_cuts = 1};
	if (plan_blocks(&p, w.t.zones, ip(from), ip(to)) != forth)
		fail_msg("%s to %s is %sblocked", from, to, forth ? "not " : "");
	if (plan_blocks(&p, w.t.zones, ip(to), ip(from)) != back)
		fail_msg("%s to %s is %sblocked", to, from, back ? "not " : "");
}

static void test_a_host_is_cut_from_everything_beyond_its_zone(void **state)
{
	(void)state;
	const struct plan_cut cut = {.kind = PLAN_CUT_HOST,
	    .from = {{.addr = ip("10.2.0.1"), .bits = 128}},
	    .n_from = 1,
	    .from_zone = NET_ZONE_NONE,
	    .to_zone = NET_ZONE_NONE};
	assert_blocks(&cut, "10.2.0.1", "10.1.0.1", true, true);
	assert_blocks(&cut, "10.2.0.1", "203.0.113.1", true, true);
	assert_blocks(&cut, "10.2.0.1", "10.2.0.2", false, false);
	assert_blocks(&cut, "10.2.0.2", "10.1.0.1", false, false);
}

static void test_a_host_is_cut_from_a_zone_in_its_direction(void **state)
{
	(void)state;
	struct plan_cut cut = {.kind = PLAN_CUT_HOST_ZONE,
	    .from = {{.addr = ip("10.2.0.1"), .bits = 128}},
	    .n_from = 1,
	    .from_zone = NET_ZONE_NONE,
	    .to_zone = w.t.mission,
	    .direction = PLAN_FROM_ONLY};
	assert_blocks(&cut, "10.2.0.1", "10.1.0.1", true, false);
	assert_blocks(&cut, "10.2.0.1", "10.3.0.1", false, false);
	cut.direction = PLAN_BOTH;
	assert_blocks(&cut, "10.2.0.1", "10.1.0.1", true, true);
	assert_blocks(&cut, "10.2.0.2", "10.1.0.1", false, false);
}

static void test_a_host_is_cut_from_the_outside(void **state)
{
	(void)state;
	const struct plan_cut cut = {.kind = PLAN_CUT_HOST_ZONE,
	    .from = {{.addr = ip("10.2.0.1"), .bits = 128}},
	    .n_from = 1,
	    .from_zone = NET_ZONE_NONE,
	    .to_zone = NET_ZONE_NONE,
	    .to_external = true};
	assert_blocks(&cut, "10.2.0.1", "203.0.113.1", true, true);
	assert_blocks(&cut, "10.2.0.1", "2001:db8::1", true, true); /* in no zone: outside */
	assert_blocks(&cut, "10.2.0.1", "10.1.0.1", false, false);
}

static void test_zones_are_cut_in_their_direction(void **state)
{
	(void)state;
	struct plan_cut cut = {.kind = PLAN_CUT_ZONE_ZONE,
	    .from_zone = w.t.management,
	    .to_zone = w.t.mission,
	    .direction = PLAN_FROM_ONLY};
	assert_blocks(&cut, "10.4.0.1", "10.1.0.1", true, false);
	assert_blocks(&cut, "10.4.0.1", "10.4.0.2", false, false);
	assert_blocks(&cut, "10.2.0.1", "10.1.0.1", false, false);
	cut.direction = PLAN_BOTH;
	assert_blocks(&cut, "10.4.0.1", "10.1.0.1", true, true);
	cut.to_zone = NET_ZONE_NONE;
	cut.to_external = true;
	assert_blocks(&cut, "10.4.0.1", "203.0.113.1", true, true);
	assert_blocks(&cut, "10.4.0.1", "10.1.0.1", false, false);
}

static void test_a_destination_is_cut_from_everybody(void **state)
{
	(void)state;
	const struct plan_cut cut = {.kind = PLAN_CUT_DESTINATION,
	    .from_zone = NET_ZONE_NONE,
	    .to_zone = NET_ZONE_NONE,
	    .to = {{.addr = ip("203.0.113.1"), .bits = 128}},
	    .n_to = 1};
	assert_blocks(&cut, "10.2.0.1", "203.0.113.1", true, true);
	assert_blocks(&cut, "10.1.0.1", "203.0.113.1", true, true);
	assert_blocks(&cut, "10.2.0.1", "203.0.113.2", false, false);
}

static void test_what_may_never_be_cut_passes_every_cut(void **state)
{
	(void)state;
	struct plan_cut cut = {.kind = PLAN_CUT_ZONE_ZONE, .from_zone = w.t.office, .to_zone = w.t.mission};
	const struct net_prefix never = {.addr = ip("10.1.0.0"), .bits = 96 + 30};
	const struct plan p = {.cuts = &cut, .n_cuts = 1, .never_cut = &never, .n_never_cut = 1};
	const struct {
		const char *to;
		bool blocked;
	} cases[] = {{"10.1.0.0", false}, {"10.1.0.3", false}, {"10.1.0.4", true}};
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(
		    plan_blocks(&p, w.t.zones, ip("10.2.0.1"), ip(cases[i].to)), cases[i].blocked);
		assert_int_equal(
		    plan_blocks(&p, w.t.zones, ip(cases[i].to), ip("10.2.0.1")), cases[i].blocked);
	}
}

static void test_names_are_those_of_the_json(void **state)
{
	(void)state;
	assert_string_equal(plan_name_text(PLAN_SURGICAL), "surgical");
	assert_string_equal(plan_name_text(PLAN_GUARDED), "guarded");
	assert_string_equal(plan_name_text(PLAN_SHUTDOWN), "shutdown");
	assert_string_equal(plan_cut_kind_name(PLAN_CUT_HOST), "host");
	assert_string_equal(plan_cut_kind_name(PLAN_CUT_HOST_ZONE), "host-zone");
	assert_string_equal(plan_cut_kind_name(PLAN_CUT_ZONE_ZONE), "zone-zone");
	assert_string_equal(plan_cut_kind_name(PLAN_CUT_DESTINATION), "destination");
	assert_string_equal(plan_direction_name(PLAN_BOTH), "both");
	assert_string_equal(plan_direction_name(PLAN_FROM_ONLY), "from");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_a_host_is_cut_from_everything_beyond_its_zone),
	    T(test_a_host_is_cut_from_a_zone_in_its_direction),
	    T(test_a_host_is_cut_from_the_outside),
	    T(test_zones_are_cut_in_their_direction),
	    T(test_a_destination_is_cut_from_everybody),
	    T(test_what_may_never_be_cut_passes_every_cut),
	    T(test_names_are_those_of_the_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
