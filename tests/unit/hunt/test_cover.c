/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scene.h"

static struct hunt_result *hunt_for(const struct scene *s, struct indicator_set *set)
{
	struct hunt_input in = input_of(s, set);
	return hunt_in(&in);
}

static void times_without_a_sensor_are_said_of_each_link(void **state)
{
	(void)state;
	struct scene s;
	scene_begin(&s);
	flow_add(&s, "10.1.0.5", "203.0.113.7", 443, AT(0), 1, 1);
	flow_add(&s, "10.1.0.5", "203.0.113.7", 443, AT(90), 1, 1);
	coverage_add(&s, "core", AT(0), AT(40), 0);
	coverage_add(&s, "core", AT(60), AT(100), UINT64_MAX);
	scene_reopen(&s);
	struct indicator_set *set = feed_of("203.0.113.7\n");
	struct hunt_result *r = hunt_for(&s, set);
	assert_true(has_gap(r, HUNT_GAP_LINK,
	    "Link core was not observed from 2026-03-01 00:00:40 UTC to 2026-03-01 00:01:00 UTC (20.0 s)."));
	assert_true(has_gap(r, HUNT_GAP_SILENT, "1 of 2 sources"));
	assert_true(has_gap(r, HUNT_GAP_BEFORE, "begins at 2026-03-01 00:00:00 UTC"));
	assert_true(has_gap(r, HUNT_GAP_AFTER, "ends at 2026-03-01 00:01:40 UTC"));
	assert_false(r->unsearched);
	assert_int_equal(r->n_links, 1);
	assert_string_equal(r->links[0], "core");
	assert_int_equal(r->flows, 2);
	assert_true(r->first == AT(0) && r->last == AT(100));
	hunt_free(r);
	indicator_set_free(set);
	scene_end(&s);
}

static void a_link_with_many_gaps_says_the_first_and_the_sum(void **state)
{
	(void)state;
	struct scene s;
	scene_begin(&s);
	flow_add(&s, "10.1.0.5", "203.0.113.7", 443, AT(0), 1, 1);
	for (int i = 0; i < 20; i++)
		coverage_add(&s, "core", AT(10 * i), AT(10 * i + 5), 0);
	scene_reopen(&s);
	struct indicator_set *set = feed_of("203.0.113.7\n");
	struct hunt_result *r = hunt_for(&s, set);
	/* 19 gaps of 5 s, of which 8 stand by themselves */
	assert_true(has_gap(r, HUNT_GAP_LINK, "Link core was not observed at 11 more times, 55.0 s in all."));
	hunt_free(r);
	indicator_set_free(set);
	scene_end(&s);
}

static void links_and_zones_of_the_site_without_a_sensor_are_named(void **state)
{
	(void)state;
	struct scene s;
	scene_begin(&s);
	const uint16_t office[] = {s.office}, lab[] = {s.lab};
	const struct hunt_link links[] = {{"core", office, 1}, {"basement", lab, 1}};
	flow_add(&s, "10.1.0.5", "203.0.113.7", 443, AT(0), 1, 1);
	coverage_add(&s, "core", AT(0), AT(10), 3);
	scene_reopen(&s);
	struct indicator_set *set = feed_of("203.0.113.7\n");
	struct hunt_input in = input_of(&s, set);
	in.links = links;
	in.n_links = 2;
	struct hunt_result *r = hunt_in(&in);
	assert_true(has_gap(r, HUNT_GAP_NO_SENSOR, "Link basement of the site file"));
	assert_true(has_gap(r, HUNT_GAP_NO_SENSOR, "Zone lab: no observed link"));
	assert_false(has_gap(r, HUNT_GAP_NO_SENSOR, "Zone office"));
	assert_true(has_gap(r, HUNT_GAP_LOSS, "Link core, of 100 packets: 3 lost"));
	hunt_free(r);
	indicator_set_free(set);
	scene_end(&s);
}

static void kinds_that_no_record_carries_are_not_taken_for_searched(void **state)
{
	(void)state;
	struct scene s;
	scene_begin(&s);
	flow_add(&s, "10.1.0.5", "203.0.113.7", 443, AT(0), 1, 1);
	scene_reopen(&s);
	struct indicator_set *set = feed_of("value,type\nda39a3ee5e6b4b0d3255bfef95601890afd80709,sha1\n"
	                                    "d41d8cd98f00b204e9800998ecf8427e,md5\n"
	                                    "10.9.9.9,ip\n");
	struct hunt_result *r = hunt_for(&s, set);
	assert_int_equal(r->n_hits, 0);
	assert_true(r->unsearched);
	assert_true(has_gap(r, HUNT_GAP_KIND, "SHA-1 hashes of files, which no record carries"));
	assert_true(has_gap(r, HUNT_GAP_KIND, "MD5 hashes of files, which no record carries"));
	assert_true(has_gap(r, HUNT_GAP_INDICATOR, "feed:4 '10.9.9.9'"));
	assert_int_equal(r->flows, 0);
	hunt_free(r);
	indicator_set_free(set);
	/* the same digits, of which nobody says what they are */
	set = feed_of("d41d8cd98f00b204e9800998ecf8427e\n");
	r = hunt_for(&s, set);
	assert_false(r->unsearched);
	assert_true(has_gap(r, HUNT_GAP_KIND, "as fingerprints (JA3, JA3S, HASSH) they were searched"));
	hunt_free(r);
	indicator_set_free(set);
	scene_end(&s);
}

static void an_archive_without_transactions_and_an_empty_one_say_so(void **state)
{
	(void)state;
	struct scene s;
	scene_begin(&s);
	scene_reopen(&s);
	struct indicator_set *set = feed_of("evil.example\n");
	struct hunt_result *r = hunt_for(&s, set);
	assert_true(has_gap(r, HUNT_GAP_BEFORE, "holds no records"));
	assert_true(r->unsearched);
	hunt_free(r);
	scene_end(&s);
	scene_begin(&s);
	flow_add(&s, "10.1.0.5", "203.0.113.7", 443, AT(0), 1, 1);
	scene_reopen(&s);
	r = hunt_for(&s, set);
	assert_true(has_gap(r, HUNT_GAP_FIELD, "no transactions"));
	assert_true(has_gap(r, HUNT_GAP_FIELD, "Encrypted Client Hello"));
	assert_true(has_gap(r, HUNT_GAP_NO_SENSOR, "No sensor says what it observed"));
	assert_false(r->unsearched);
	hunt_free(r);
	indicator_set_free(set);
	scene_end(&s);
}

static void statements_beyond_the_bound_are_counted_by_the_last_one(void **state)
{
	(void)state;
	struct scene s;
	struct indicator_set *set = feed_of("evil.example\n");
	scene_begin(&s);
	scene_reopen(&s);
	for (size_t extra = 0; extra < 3; extra++) {
		struct hunt_result *r = hunt_for(&s, set);
		while (r->n_gaps < HUNT_NOT_COVERED_MAX - 1)
			assert_int_equal(hunt_add_gap(r, &(struct hunt_gap){.kind = HUNT_GAP_LOSS}, "x"), 0);
		for (size_t i = 0; i < extra; i++)
			assert_int_equal(hunt_add_gap(r, &(struct hunt_gap){.kind = HUNT_GAP_LOSS}, "x"), 0);
		assert_int_equal(r->n_gaps, extra == 0 ? HUNT_NOT_COVERED_MAX - 1 : HUNT_NOT_COVERED_MAX);
		assert_int_equal(r->gaps_left_out, extra == 2);
		assert_int_equal(has_gap(r, HUNT_GAP_BOUND, "2 more statements"), extra == 2);
		hunt_free(r);
	}
	indicator_set_free(set);
	scene_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(times_without_a_sensor_are_said_of_each_link),
	    cmocka_unit_test(a_link_with_many_gaps_says_the_first_and_the_sum),
	    cmocka_unit_test(links_and_zones_of_the_site_without_a_sensor_are_named),
	    cmocka_unit_test(kinds_that_no_record_carries_are_not_taken_for_searched),
	    cmocka_unit_test(an_archive_without_transactions_and_an_empty_one_say_so),
	    cmocka_unit_test(statements_beyond_the_bound_are_counted_by_the_last_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
