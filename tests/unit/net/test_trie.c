/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "net/app.h"
#include "net/trie.h"
#include "net/zone.h"

static struct net_prefix prefix(const char *text)
{
	struct net_prefix p;
	assert_int_equal(net_prefix_parse(text_of(text), &p), 0);
	return p;
}

static void test_the_longest_prefix_answers(void **state)
{
	(void)state;
	struct net_trie *t;
	uint32_t v = 99, all[4];
	assert_int_equal(net_trie_new(&t, 4), 0);
	assert_int_equal(net_trie_match(t, prefix("10.0.0.1").addr, &v), 0);
	assert_int_equal(net_trie_insert(t, prefix("10.1.0.0/16"), 2), 0);
	assert_int_equal(net_trie_insert(t, prefix("10.0.0.0/8"), 1), 0);
	assert_int_equal(net_trie_insert(t, prefix("10.1.2.3/32"), 3), 0);
	assert_int_equal(net_trie_insert(t, prefix("10.1.0.0/16"), 9), -EEXIST);
	assert_int_equal(net_trie_insert(t, prefix("::/0"), 0), 0);
	assert_int_equal(net_trie_insert(t, prefix("11.0.0.0/8"), 5), -ERR_LIMIT);
	assert_int_equal(net_trie_count(t), 4);
	const struct {
		const char *addr;
		uint32_t value;
		size_t all;
	} cases[] = {{"10.1.2.3", 3, 4}, {"10.1.2.4", 2, 3}, {"10.2.0.0", 1, 2}, {"11.0.0.0", 0, 1},
	    {"2001:db8::1", 0, 1}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct net_addr a = prefix(cases[i].addr).addr;
		assert_int_equal(net_trie_match(t, a, &v), 1);
		assert_int_equal(v, cases[i].value);
		assert_int_equal(net_trie_match_all(t, a, all, 4), cases[i].all);
		for (uint32_t k = 0; k < cases[i].all; k++)
			assert_int_equal(all[k], k); /* the shortest first */
		all[1] = 77;
		assert_int_equal(net_trie_match_all(t, a, all, 1), cases[i].all);
		assert_int_equal(all[1], 77); /* no more are written than there is room for */
	}
	net_trie_free(t);
}

enum { PREFIXES = 600, LOOKUPS = 20000 };

static uint64_t next_random(uint64_t *r)
{
	*r ^= *r << 13;
	*r ^= *r >> 7;
	*r ^= *r << 17;
	return *r;
}

/* Few different bytes, so that prefixes nest and branch at every depth. */
static struct net_addr random_addr(uint64_t *r)
{
	struct net_addr a;
	for (size_t i = 0; i < 16; i++) {
		uint64_t x = next_random(r);
		a.b[i] = x % 4 ? 0 : (uint8_t)(1u << (x >> 8) % 8);
	}
	return a;
}

static void test_it_agrees_with_a_linear_search(void **state)
{
	(void)state;
	static struct net_prefix p[PREFIXES];
	struct net_trie *t;
	uint64_t r = 88172645463325252u;
	size_t n = 0;
	assert_int_equal(net_trie_new(&t, PREFIXES), 0);
	while (n < PREFIXES) {
		struct net_prefix x = net_prefix_of(random_addr(&r), (uint8_t)(next_random(&r) % 129));
		bool there = false;
		for (size_t i = 0; i < n; i++)
			there |= p[i].bits == x.bits && net_addr_equal(p[i].addr, x.addr);
		assert_int_equal(net_trie_insert(t, x, (uint32_t)n), there ? -EEXIST : 0);
		if (!there)
			p[n++] = x;
	}
	for (size_t k = 0; k < LOOKUPS; k++) {
		struct net_addr a = k % 2 ? random_addr(&r) : p[k / 2 % PREFIXES].addr;
		int best = -1;
		size_t holding = 0;
		for (size_t i = 0; i < n; i++)
			if (net_prefix_contains(p[i], a)) {
				holding++;
				if (best < 0 || p[i].bits > p[best].bits)
					best = (int)i;
			}
		uint32_t v = 0;
		assert_int_equal(net_trie_match(t, a, &v), best >= 0);
		if (best >= 0)
			assert_int_equal(v, best);
		assert_int_equal(net_trie_match_all(t, a, NULL, 0), holding);
	}
	net_trie_free(t);
	net_trie_free(NULL);
}

static void test_zones_by_longest_prefix(void **state)
{
	(void)state;
	struct net_zone_map *m;
	uint16_t office, vault, world, again;
	assert_int_equal(net_zone_map_new(&m), 0);
	assert_int_equal(net_zone_map_add(m, "office", NET_ZONE_INTERNAL, &office), 0);
	assert_int_equal(net_zone_map_add(m, "vault", NET_ZONE_PROTECTED, &vault), 0);
	assert_int_equal(net_zone_map_add(m, "world", NET_ZONE_EXTERNAL, &world), 0);
	assert_int_equal(net_zone_map_add(m, "vault", NET_ZONE_DMZ, &again), -EEXIST);
	assert_int_equal(net_zone_map_add_prefix(m, office, prefix("10.0.0.0/8")), 0);
	assert_int_equal(net_zone_map_add_prefix(m, vault, prefix("10.9.0.0/16")), 0);
	assert_int_equal(net_zone_map_add_prefix(m, world, prefix("10.9.9.0/24")), 0);
	assert_int_equal(net_zone_map_add_prefix(m, vault, prefix("10.0.0.0/8")), -EEXIST);
	assert_int_equal(net_zone_of(m, prefix("10.1.1.1").addr), office);
	assert_int_equal(net_zone_of(m, prefix("10.9.1.1").addr), vault);
	assert_int_equal(net_zone_of(m, prefix("10.9.9.1").addr), world);
	assert_int_equal(net_zone_of(m, prefix("11.0.0.1").addr), NET_ZONE_NONE);
	assert_true(net_zone_is_inside(m, prefix("10.9.1.1").addr));
	assert_false(net_zone_is_inside(m, prefix("10.9.9.1").addr));
	assert_false(net_zone_is_inside(m, prefix("11.0.0.1").addr));
	assert_true(net_zone_is_inside(m, prefix("224.0.0.1").addr));
	assert_true(net_zone_is_inside(m, prefix("fe80::1").addr));
	assert_int_equal(net_zone_class_of(m, prefix("11.0.0.1").addr), NET_ZONE_EXTERNAL);
	assert_string_equal(net_zone_at(m, NET_ZONE_NONE)->name, "elsewhere");
	assert_int_equal(net_zone_find(m, TEXT("vault")), vault);
	assert_int_equal(net_zone_find(m, TEXT("vaul")), -1);
	assert_int_equal(net_zone_prefixes(m, vault), 1);
	net_zone_map_free(m);
}

static void test_as_many_zones_as_stated(void **state)
{
	(void)state;
	struct net_zone_map *m;
	uint16_t zone;
	char name[16];
	assert_int_equal(net_zone_map_new(&m), 0);
	for (int i = 0; i < NET_ZONE_MAX; i++) {
		snprintf(name, sizeof(name), "z%d", i);
		assert_int_equal(net_zone_map_add(m, name, NET_ZONE_DMZ, &zone), 0);
		assert_int_equal(zone, i);
	}
	assert_int_equal(net_zone_map_add(m, "more", NET_ZONE_DMZ, &zone), -ERR_LIMIT);
	assert_int_equal(net_zone_count(m), NET_ZONE_MAX);
	assert_string_equal(net_zone_at(m, 7)->name, "z7"); /* a copy of the name */
	net_zone_map_free(m);
}

static void test_class_names_read_back(void **state)
{
	(void)state;
	for (int c = NET_ZONE_PROTECTED; c <= NET_ZONE_EXTERNAL; c++) {
		enum net_zone_class back;
		assert_int_equal(
		    net_zone_class_parse(text_of(net_zone_class_name((enum net_zone_class)c)), &back), 0);
		assert_int_equal(back, c);
	}
	enum net_zone_class back;
	assert_true(net_zone_class_parse(TEXT("dm"), &back) < 0);
}

static void test_applications_by_number_name_and_port(void **state)
{
	(void)state;
	for (int a = 0; a < APP_COUNT; a++)
		assert_int_equal(app_find(app_name((unsigned)a)), a);
	assert_string_equal(app_name(APP_COUNT), "unknown");
	assert_string_equal(app_name(UINT32_MAX), "unknown");
	assert_int_equal(app_find("no such thing"), -1);
	assert_int_equal(app_class_of(APP_SSH), APP_CLASS_ADMIN);
	assert_int_equal(app_class_of(APP_DNS), APP_CLASS_SERVICE);
	assert_int_equal(app_class_of(APP_VXLAN), APP_CLASS_TUNNEL);
	assert_int_equal(app_class_of(APP_COUNT), APP_CLASS_OTHER);
	assert_true(app_is_admin(APP_SMB));
	assert_false(app_is_admin(APP_HTTP));
	assert_true(app_port_is_usual(APP_SMB, 139));
	assert_false(app_port_is_usual(APP_SMB, 140));
	assert_false(app_port_is_usual(APP_UNKNOWN, 0));
	assert_false(app_port_is_usual(APP_COUNT, 22));
	assert_int_equal(app_of_port(6, 22), APP_SSH);
	assert_int_equal(app_of_port(17, 53), APP_DNS);
	assert_int_equal(app_of_port(6, 49152), APP_UNKNOWN);
	assert_int_equal(app_of_port(6, 0), APP_UNKNOWN);
	for (unsigned port = 0; port <= UINT16_MAX; port++) {
		unsigned first = 1;
		while (first < APP_COUNT && !app_port_is_usual(first, (uint16_t)port))
			first++;
		assert_int_equal(app_of_port(17, (uint16_t)port), first < APP_COUNT ? first : APP_UNKNOWN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_longest_prefix_answers),
	    cmocka_unit_test(test_it_agrees_with_a_linear_search),
	    cmocka_unit_test(test_zones_by_longest_prefix),
	    cmocka_unit_test(test_as_many_zones_as_stated),
	    cmocka_unit_test(test_class_names_read_back),
	    cmocka_unit_test(test_applications_by_number_name_and_port),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
