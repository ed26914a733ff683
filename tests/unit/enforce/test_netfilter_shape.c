/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "enforce/netfilter_shape.h"

/* Cuts as sets and keys, and back. */

static struct net_prefix prefix(const char *text)
{
	struct net_prefix p = {0};
	if (*text)
		assert_int_equal(net_prefix_parse(text_of(text), &p), 0);
	return p;
}

static const struct {
	const char *from, *to, *name;
	uint8_t direction;
	bool closed;
	size_t n;
	const char *key;
} cases[] = {
    {"10.1.2.3", "", "leased_ip_32_any", CUT_BOTH, false, 4, "\x0a\x01\x02\x03"},
    {"", "10.1.2.3", "closed_ip_any_32", CUT_BOTH, true, 4, "\x0a\x01\x02\x03"},
    {"10.1.2.0/24", "0.0.0.0/0", "leased_ip_24_0_begun", CUT_FROM_ONLY, false, 4, "\x0a\x01\x02\x00"},
    {"0.0.0.0/0", "128.0.0.0/1", "leased_ip_0_1", CUT_BOTH, false, 4, "\x80\x00\x00\x00"},
    {"10.1.2.3", "192.0.2.0/25", "closed_ip_32_25_begun", CUT_FROM_ONLY, true, 8,
        "\x0a\x01\x02\x03\xc0\x00\x02\x00"},
    {"2001:db8::/32", "", "leased_ip6_32_any", CUT_BOTH, false, 16, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0"},
    {"2001:db8::1", "8000::/1", "leased_ip6_128_1", CUT_BOTH, false, 32,
        "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0"},
};

static void a_cut_has_a_set_and_a_key_and_comes_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cut c = {prefix(cases[i].from), prefix(cases[i].to), cases[i].direction}, again;
		struct netfilter_shape s, parsed;
		char name[NETFILTER_NAME_SIZE];
		uint8_t key[NETFILTER_KEY_SIZE];
		assert_null(netfilter_shape_of(&c, cases[i].closed, &s));
		assert_string_equal(netfilter_shape_name(&s, name), cases[i].name);
		assert_int_equal(netfilter_shape_parse(text_of(name), &parsed), 0);
		assert_int_equal(netfilter_shape_compare(&s, &parsed), 0);
		size_t n = netfilter_shape_key(&s, &c, key);
		assert_int_equal(n, cases[i].n);
		assert_memory_equal(key, cases[i].key, n);
		assert_int_equal(netfilter_shape_cut(&s, key, n, &again), 0);
		assert_int_equal(cut_compare(&c, &again), 0);
		assert_int_equal(netfilter_shape_cut(&s, key, n - 1, &again), -EINVAL);
	}
}

static void what_can_be_no_set_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *from, *to;
	} refused[] = {{"", ""}, {"0.0.0.0/0", ""}, {"0.0.0.0/0", "0.0.0.0/0"}, {"10.0.0.1", "2001:db8::1"},
	    {"0.0.0.0/0", "2001:db8::/32"}};
	struct netfilter_shape s;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct cut c = {prefix(refused[i].from), prefix(refused[i].to), CUT_BOTH};
		assert_non_null(netfilter_shape_of(&c, false, &s));
	}
	struct cut c = {prefix("10.0.0.1"), prefix(""), CUT_FROM_ONLY + 1};
	assert_non_null(netfilter_shape_of(&c, false, &s));
	c = (struct cut){prefix("10.0.0.1"), prefix(""), CUT_BOTH};
	c.from.bits = 127; /* with a host bit */
	assert_non_null(netfilter_shape_of(&c, false, &s));
	c.from.bits = 129;
	assert_non_null(netfilter_shape_of(&c, false, &s));
}

static void only_names_that_are_written_are_read(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "leased", "leased_ip", "leased_ip_32", "leased_ip_any_any",
	    "leased_ip_0_0", "leased_ip_0_any", "leased_ip6_0_64", "leased_ip_33_any", "leased_ip6_129_any",
	    "leased_ip_032_any", "Leased_ip_32_any", "open_ip_32_any", "leased_ip5_32_any",
	    "leased_ip_32_any_", "leased_ip_32_any_began", "leased_ip_32_any_begun_", "leased_ip_-1_any",
	    "lease"};
	struct netfilter_shape s;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (netfilter_shape_parse(text_of(bad[i]), &s) != -EINVAL)
			fail_msg("'%s' was read", bad[i]);
}

static void keys_that_match_no_packet_are_no_cuts(void **state)
{
	(void)state;
	struct netfilter_shape s;
	struct cut c;
	assert_int_equal(netfilter_shape_parse(TEXT("leased_ip_24_any"), &s), 0);
	assert_int_equal(netfilter_shape_cut(&s, (const uint8_t *)"\x0a\0\0\0", 4, &c), 0);
	assert_int_equal(netfilter_shape_cut(&s, (const uint8_t *)"\x0a\0\0\x01", 4, &c), -EINVAL);
	/* IPv4's place among IPv6 addresses: that would be another set's cut */
	assert_int_equal(netfilter_shape_parse(TEXT("leased_ip6_128_any"), &s), 0);
	assert_int_equal(
	    netfilter_shape_cut(&s, (const uint8_t *)"\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\x01", 16, &c),
	    -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_cut_has_a_set_and_a_key_and_comes_back),
	    cmocka_unit_test(what_can_be_no_set_is_refused),
	    cmocka_unit_test(only_names_that_are_written_are_read),
	    cmocka_unit_test(keys_that_match_no_packet_are_no_cuts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
