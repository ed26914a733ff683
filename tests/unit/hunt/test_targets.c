/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hunt/targets.h"

#include "scene.h"

static void doubles_and_ports_of_one_value_are_told_apart(void **state)
{
	(void)state;
	struct indicator_set *set = feed_of("value,valid_from,valid_until\n"
	                                    "203.0.113.7,2026-01-01,2026-02-01\n"
	                                    "203.0.113.7:443,,\n"
	                                    "203.0.113.7,2025-01-01,2025-02-01\n"
	                                    "203.0.113.7:8080,,\n"
	                                    "203.0.113.8:80,,\n");
	struct hunt_targets t;
	assert_int_equal(hunt_targets_make(&t, set), 0);
	assert_int_equal(t.n, 4);
	assert_int_equal(t.n_addrs, 2);
	assert_int_equal(t.v[0].sources, 2);
	assert_int_equal(t.v[0].number, 0);
	int64_t from, until;
	assert_int_equal(time_parse(TEXT("2025-01-01"), &from), 0);
	assert_int_equal(time_parse(TEXT("2026-02-01"), &until), 0);
	assert_true(t.v[0].valid_from == from && t.v[0].valid_until == until);
	struct net_addr a = addr("203.0.113.7"), b = addr("203.0.113.8");
	struct indicator_query q = {
	    .kind = INDICATOR_ADDRESS, .port = 8080, .value = text_bytes(a.b, sizeof(a.b))};
	assert_true(hunt_target_meets(&t, &q, 0));
	assert_false(hunt_target_meets(&t, &q, 1));
	assert_true(hunt_target_meets(&t, &q, 2));
	q.port = 0;
	assert_true(hunt_target_meets(&t, &q, 0));
	assert_false(hunt_target_meets(&t, &q, 2));
	q.value = text_bytes(b.b, sizeof(b.b));
	assert_false(hunt_target_meets(&t, &q, 3));
	q.port = 80;
	assert_true(hunt_target_meets(&t, &q, 3));
	hunt_targets_free(&t);
	indicator_set_free(set);
}

static void keys_for_the_archive_are_sorted_and_single(void **state)
{
	(void)state;
	struct indicator_set *set = feed_of("b.example\nhttp://a.example/x\nhttp://a.example/y\na.example\n"
	                                    "d41d8cd98f00b204e9800998ecf8427e\n"
	                                    "203.0.113.9\n198.51.100.0/24\n203.0.113.1\n198.51.100.0/28\n");
	struct hunt_targets t;
	assert_int_equal(hunt_targets_make(&t, set), 0);
	assert_int_equal(t.n_addrs, 2);
	assert_true(net_addr_compare(t.addrs[0], t.addrs[1]) < 0);
	assert_int_equal(t.n_prefixes, 2);
	assert_int_equal(t.prefixes[0].bits, 120);
	assert_int_equal(t.n_domains, 2);
	assert_true(text_equal(t.domains[0], TEXT("a.example")));
	assert_int_equal(t.n_hosts, 2);
	/* an MD5 of a file is in no record: the value stands there once, for JA3, JA3S and HASSH */
	assert_int_equal(t.n_values, 1);
	assert_int_equal(t.values[0].n, 16);
	hunt_targets_free(&t);
	indicator_set_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(doubles_and_ports_of_one_value_are_told_apart),
	    cmocka_unit_test(keys_for_the_archive_are_sorted_and_single),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
