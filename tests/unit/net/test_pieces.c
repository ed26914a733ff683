/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Zones as prefixes: held against the zone map's own word, address by address. */

#include "random_zones.h"

#include "net/pieces.h"

static uint16_t zone(struct net_zone_map *m, const char *name, enum net_zone_class class, const char *text)
{
	uint16_t z;
	assert_int_equal(net_zone_map_add(m, name, class, &z), 0);
	assert_int_equal(net_zone_map_add_prefix(m, z, prefix(text)), 0);
	return z;
}

static bool hold(const struct net_prefix *v, size_t n, struct net_addr a)
{
	for (size_t i = 0; i < n; i++)
		if (net_prefix_contains(v[i], a))
			return true;
	return false;
}

static void assert_are(const struct pieces *p, uint16_t z, const char *const *expected, size_t n)
{
	const struct net_prefix *v;
	char text[NET_PREFIX_TEXT_SIZE];
	assert_int_equal(pieces_of(p, z, &v), n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(net_prefix_text(v[i], text), expected[i]);
}

static void test_a_zone_is_what_is_its_own(void **unused)
{
	static const char *const office[] = {"10.2.0.0/18", "10.2.64.0/24", "10.2.128.0/17"};
	static const char *const lab[] = {
	    "10.2.65.0/24", "10.2.66.0/23", "10.2.68.0/22", "10.2.72.0/21", "10.2.80.0/20", "10.2.96.0/19"};
	struct net_zone_map *m;
	struct pieces p;
	(void)unused;
	assert_int_equal(net_zone_map_new(&m), 0);
	uint16_t a = zone(m, "office", NET_ZONE_INTERNAL, "10.2.0.0/16");
	/* office holds lab, which holds a bit of office again, at its very front */
	uint16_t b = zone(m, "lab", NET_ZONE_INTERNAL, "10.2.64.0/18");
	uint16_t c = zone(m, "internet", NET_ZONE_EXTERNAL, "0.0.0.0/0");
	assert_int_equal(net_zone_map_add_prefix(m, a, prefix("10.2.64.0/24")), 0);
	assert_int_equal(pieces_make(&p, m, NULL, 0), 0);
	assert_are(&p, a, office, 3);
	assert_are(&p, b, lab, 6);
	assert_are(&p, c, NULL, 0); /* the external ones have none: the outside is theirs together */
	const struct net_prefix *inside;
	assert_int_equal(pieces_inside(&p, &inside), 9);
	pieces_free(&p);
	net_zone_map_free(m);
}

static void test_neighbours_of_one_zone_are_one_and_of_two_are_two(void **unused)
{
	static const char *const whole[] = {"10.1.0.0/24"};
	static const char *const half[] = {"10.2.0.0/25"}, *const other[] = {"10.2.0.128/25"};
	struct net_zone_map *m;
	struct pieces p;
	(void)unused;
	assert_int_equal(net_zone_map_new(&m), 0);
	uint16_t a = zone(m, "a", NET_ZONE_INTERNAL, "10.1.0.128/25");
	assert_int_equal(net_zone_map_add_prefix(m, a, prefix("10.1.0.0/25")), 0);
	uint16_t b = zone(m, "b", NET_ZONE_INTERNAL, "10.2.0.0/25");
	uint16_t c = zone(m, "c", NET_ZONE_INTERNAL, "10.2.0.128/25");
	assert_int_equal(pieces_make(&p, m, NULL, 0), 0);
	assert_are(&p, a, whole, 1);
	assert_are(&p, b, half, 1);
	assert_are(&p, c, other, 1);
	pieces_free(&p);
	net_zone_map_free(m);
}

static void test_what_is_left_out_is_in_none(void **unused)
{
	static const char *const expected[] = {"10.1.0.0/32", "10.1.0.2/31"};
	struct net_zone_map *m;
	struct pieces p;
	struct pieces_list list = {.n = 0};
	char text[NET_PREFIX_TEXT_SIZE];
	(void)unused;
	assert_int_equal(net_zone_map_new(&m), 0);
	uint16_t a = zone(m, "a", NET_ZONE_INTERNAL, "10.1.0.0/30");
	const struct net_prefix but[] = {
	    prefix("10.1.0.1/32"), prefix("10.1.0.1/32"), prefix("203.0.113.0/24"), prefix("203.0.113.9/32")};
	assert_int_equal(pieces_make(&p, m, but, 4), 0);
	assert_are(&p, a, expected, 2);
	const struct net_prefix *v;
	size_t n = pieces_of(&p, NET_ZONE_NONE, &v);
	assert_false(hold(v, n, prefix("203.0.113.200").addr));
	assert_true(hold(v, n, prefix("203.0.112.255").addr));
	assert_int_equal(pieces_without(&p, prefix("203.0.112.0/22"), &list), 0);
	assert_int_equal(list.n, 2);
	assert_string_equal(net_prefix_text(list.v[0], text), "203.0.112.0/24");
	assert_string_equal(net_prefix_text(list.v[1], text), "203.0.114.0/23");
	assert_int_equal(pieces_without(&p, prefix("203.0.113.8"), &list), 0);
	assert_int_equal(list.n, 2);
	/* zones divide it and it is whole all the same */
	assert_int_equal(pieces_without(&p, prefix("10.1.0.2/31"), &list), 0);
	assert_int_equal(list.n, 3);
	assert_string_equal(net_prefix_text(list.v[2], text), "10.1.0.2/31");
	free(list.v);
	pieces_free(&p);
	net_zone_map_free(m);
}

static void test_no_prefix_holds_both_families(void **unused)
{
	struct net_zone_map *m;
	struct pieces p;
	const struct net_prefix *v;
	(void)unused;
	assert_int_equal(net_zone_map_new(&m), 0);
	/* everything is inside, by one prefix */
	uint16_t a = zone(m, "a", NET_ZONE_INTERNAL, "::/0");
	assert_int_equal(pieces_make(&p, m, NULL, 0), 0);
	size_t n = pieces_of(&p, a, &v), v4 = 0;
	for (size_t i = 0; i < n; i++) {
		v4 += v[i].bits == 96 && net_addr_is_v4(v[i].addr);
		assert_true(v[i].bits > 0);
		assert_false(v[i].bits < 96 && net_prefix_covers(v[i], prefix("0.0.0.0/0")));
	}
	assert_int_equal(v4, 1);
	assert_int_equal(n, 97);
	assert_int_equal(pieces_of(&p, NET_ZONE_NONE, &v), 0);
	pieces_free(&p);
	net_zone_map_free(m);
}

static void assert_no_halves(const struct net_prefix *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		bool halves = v[i].bits == v[i - 1].bits &&
		              net_prefix_covers(net_prefix_of(v[i].addr, v[i].bits - 1), v[i - 1]);
		assert_true(!halves || v[i].bits == 96);
		assert_true(net_addr_compare(v[i - 1].addr, v[i].addr) < 0);
		assert_false(net_prefix_covers(v[i - 1], v[i]));
	}
}

static void check_random(uint64_t seed)
{
	struct net_prefix but[4];
	struct pieces p;
	uint64_t state = random_begin(seed);
	size_t n_but = next_random(&state) % 5, zones = 1 + next_random(&state) % 6;
	struct net_zone_map *m = random_zones(&state, zones);
	for (size_t i = 0; i < n_but; i++)
		but[i] = random_prefix(&state);
	assert_int_equal(pieces_make(&p, m, but, n_but), 0);
	const struct net_prefix *v;
	for (unsigned i = 0; i < 300; i++) {
		struct net_addr a = random_addr(&state);
		uint16_t of = net_zone_of(m, a);
		bool external = net_zone_at(m, of)->class == NET_ZONE_EXTERNAL, left = !hold(but, n_but, a);
		for (uint16_t z = 0; z < zones; z++) {
			size_t n = pieces_of(&p, z, &v);
			assert_int_equal(hold(v, n, a), z == of && !external && left);
		}
		size_t n = pieces_of(&p, NET_ZONE_NONE, &v);
		assert_int_equal(hold(v, n, a), external && left && !net_addr_is_multicast(a));
	}
	for (uint16_t z = 0; z <= zones; z++) {
		size_t n = pieces_of(&p, z < zones ? z : NET_ZONE_NONE, &v);
		assert_no_halves(v, n);
	}
	pieces_free(&p);
	net_zone_map_free(m);
}

static void test_every_address_is_in_the_part_that_the_map_says(void **unused)
{
	(void)unused;
	for (uint64_t seed = 1; seed <= 200; seed++)
		check_random(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_zone_is_what_is_its_own),
	    cmocka_unit_test(test_neighbours_of_one_zone_are_one_and_of_two_are_two),
	    cmocka_unit_test(test_what_is_left_out_is_in_none),
	    cmocka_unit_test(test_no_prefix_holds_both_families),
	    cmocka_unit_test(test_every_address_is_in_the_part_that_the_map_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
