/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The same addresses in prefixes of fewer lengths, and no more prefixes than that takes. */

#include "random_zones.h"

#include "base/err.h"
#include "net/lengths.h"

enum { MOST = 8 };

static bool hold(const struct net_prefix *v, size_t n, struct net_addr a)
{
	for (size_t i = 0; i < n; i++)
		if (net_prefix_contains(v[i], a))
			return true;
	return false;
}

static void test_a_length_is_given_up_where_that_costs_the_least(void **unused)
{
	/* a /25 as two /26 is one more; a /23 as four /25 would be three more, so it stays */
	const struct net_prefix v[] = {prefix("10.0.2.0/23"), prefix("10.0.1.0/25"), prefix("10.0.1.128/26"),
	    prefix("10.0.1.192/26"), prefix("2001:db8::/48")};
	static const char *const expected[] = {
	    "10.0.2.0/23", "10.0.1.0/26", "10.0.1.64/26", "10.0.1.128/26", "10.0.1.192/26", "2001:db8::/48"};
	struct pieces_list list = {.n = 0};
	char text[NET_PREFIX_TEXT_SIZE];
	(void)unused;
	assert_int_equal(lengths_fewer(v, 5, 2, &list), 0);
	assert_int_equal(list.n, 6);
	for (size_t i = 0; i < 6; i++)
		assert_string_equal(net_prefix_text(list.v[i], text), expected[i]);
	free(list.v);
}

/* All ways to group the lengths that occur, each group told as its longest: the fewest prefixes. */
static size_t fewest(const size_t *count, unsigned from, unsigned most)
{
	size_t best = SIZE_MAX, group = 0;
	while (from < 129 && !count[from])
		from++;
	if (from == 129)
		return 0;
	if (most == 0)
		return SIZE_MAX;
	for (unsigned end = from; end < 129 && end < from + 27; end++) {
		group *= 2;
		group += count[end];
		size_t rest = count[end] ? fewest(count, end + 1, most - 1) : SIZE_MAX;
		if (rest != SIZE_MAX && group + rest < best)
			best = group + rest;
	}
	return best;
}

static size_t expected_count(const struct net_prefix *v, size_t n, unsigned most)
{
	size_t count[2][129] = {{0}};
	for (size_t i = 0; i < n; i++)
		count[v[i].bits >= 96 && net_addr_is_v4(v[i].addr)][v[i].bits]++;
	return fewest(count[0], 0, most) + fewest(count[1], 0, most);
}

/* Nothing within another, as pieces are. */
static size_t draw(uint64_t *state, struct net_prefix *v, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		struct net_prefix p = random_prefix(state);
		bool apart = true;
		for (size_t k = 0; k < kept; k++)
			apart &= !net_prefix_covers(v[k], p) && !net_prefix_covers(p, v[k]);
		if (apart)
			v[kept++] = p;
	}
	return kept;
}

static void test_they_hold_the_same_addresses_and_are_as_few_as_can_be(void **unused)
{
	(void)unused;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		uint64_t state = random_begin(seed);
		struct net_prefix v[24];
		size_t n = draw(&state, v, 24);
		unsigned most = 1 + (unsigned)(next_random(&state) % MOST);
		struct pieces_list list = {.n = 0};
		if (expected_count(v, n, most) > 1 << 16)
			continue;
		assert_int_equal(lengths_fewer(v, n, most, &list), 0);
		assert_int_equal(list.n, expected_count(v, n, most));
		assert_true(lengths_count(list.v, list.n, true) <= most);
		assert_true(lengths_count(list.v, list.n, false) <= most);
		for (unsigned i = 0; i < 200; i++) {
			struct net_addr a = random_addr(&state);
			assert_int_equal(hold(list.v, list.n, a), hold(v, n, a));
		}
		free(list.v);
	}
}

static void test_no_more_than_the_bound(void **unused)
{
	/* a /108 as /128: 2^20 of them, which is the most there may be; with one more it isn't */
	const struct net_prefix one[] = {prefix("2001:db8::/108"), prefix("2001:db8:1::/128")};
	const struct net_prefix two[] = {prefix("2001:db8::/109"), prefix("2001:db8:1::/128")};
	struct pieces_list list = {.n = 0};
	(void)unused;
	assert_int_equal(lengths_fewer(one, 2, 2, &list), 0);
	assert_int_equal(list.n, 2);
	list.n = 0;
	assert_int_equal(lengths_fewer(one, 2, 1, &list), -ERR_LIMIT);
	list.n = 0;
	assert_int_equal(lengths_fewer(two, 2, 1, &list), 0);
	assert_int_equal(list.n, PIECES_MAX / 2 + 1);
	assert_int_equal(lengths_fewer(two, 2, 0, &list), -EINVAL);
	free(list.v);
}

static void test_all_of_a_family_but_one_network(void **unused)
{
	struct net_zone_map *m;
	struct pieces p;
	const struct net_prefix *v;
	uint16_t z;
	(void)unused;
	assert_int_equal(net_zone_map_new(&m), 0);
	assert_int_equal(net_zone_map_add(m, "site", NET_ZONE_INTERNAL, &z), 0);
	assert_int_equal(net_zone_map_add_prefix(m, z, prefix("10.2.0.0/16")), 0);
	assert_int_equal(net_zone_map_add_prefix(m, z, prefix("2001:db8::/48")), 0);
	assert_int_equal(pieces_make(&p, m, NULL, 0), 0);
	size_t n = pieces_of(&p, NET_ZONE_NONE, &v);
	/* lengths 1 to 16 without 4, which multicast takes; 3 to 96: where ::ffff:0:0/96 and 2001:db8::/48
	 * stand */
	assert_in_range(lengths_count(v, n, true), 14, 16);
	assert_in_range(lengths_count(v, n, false), 90, 96);
	for (unsigned most = 1 << 5; most >= 8; most /= 2) {
		struct pieces_list list = {.n = 0};
		assert_int_equal(lengths_fewer(v, n, most, &list), 0);
		assert_true(lengths_count(list.v, list.n, false) <= most);
		assert_false(hold(list.v, list.n, prefix("10.2.3.4").addr));
		assert_false(hold(list.v, list.n, prefix("2001:db8::1").addr));
		assert_true(hold(list.v, list.n, prefix("10.3.0.0").addr));
		assert_true(hold(list.v, list.n, prefix("2001:db8:1::").addr));
		print_message("%u lengths: %zu prefixes for %zu\n", most, list.n, n);
		free(list.v);
	}
	pieces_free(&p);
	net_zone_map_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_length_is_given_up_where_that_costs_the_least),
	    cmocka_unit_test(test_they_hold_the_same_addresses_and_are_as_few_as_can_be),
	    cmocka_unit_test(test_no_more_than_the_bound),
	    cmocka_unit_test(test_all_of_a_family_but_one_network),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
