/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cursor.h"
#include "net/addr.h"

static struct net_addr ip(const char *text)
{
	struct net_addr a;
	if (net_addr_parse(text_of(text), &a) != 0)
		fail_msg("%s is no address", text);
	return a;
}

static struct net_prefix prefix(const char *text)
{
	struct net_prefix p;
	if (net_prefix_parse(text_of(text), &p) != 0)
		fail_msg("%s is no prefix", text);
	return p;
}

/* RFC 5952, section 4: its own examples, and the traps beside them. */
static void test_addresses_print_in_the_recommended_form(void **state)
{
	(void)state;
	const struct {
		const char *text, *back;
	} cases[] = {
	    {"192.0.2.1", "192.0.2.1"},
	    {"255.255.255.255", "255.255.255.255"},
	    {"2001:0db8::0001", "2001:db8::1"},
	    {"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},
	    {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* one zero is not shortened */
	    {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},          /* the longest run */
	    {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},    /* of equal ones the first */
	    {"2001:DB8::AAAA", "2001:db8::aaaa"},
	    {"::", "::"},
	    {"::1", "::1"},
	    {"1::", "1::"},
	    {"::ffff:192.0.2.1", "192.0.2.1"},
	    {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
	};
	char buf[NET_ADDR_TEXT_SIZE];
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct net_addr a = ip(cases[i].text);
		assert_string_equal(net_addr_text(a, buf), cases[i].back);
		assert_true(net_addr_equal(ip(buf), a));
	}
}

/* The C library's text, which is what everybody compares with. */
static void test_any_address_prints_as_elsewhere(void **state)
{
	static const uint16_t words[] = {0, 0, 0, 1, 0xf, 0x10, 0xab, 0x123, 0xffff, 0xfe80, 0x2001};
	uint64_t random = 7;
	(void)state;
	for (int i = 0; i < 200000; i++) {
		struct net_addr a;
		char ours[NET_ADDR_TEXT_SIZE], theirs[INET6_ADDRSTRLEN];
		for (size_t k = 0; k < 8; k++) {
			random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
			store_be16(a.b + 2 * k, words[(random >> 33) % (sizeof(words) / sizeof(*words))]);
		}
		if (net_addr_is_v4(a))
			continue;
		inet_ntop(AF_INET6, a.b, theirs, sizeof(theirs));
		assert_string_equal(net_addr_text(a, ours), theirs);
	}
}

static void test_what_is_no_address_is_refused(void **state)
{
	(void)state;
	const char *bad[] = {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.", "01.2.3.4", "1.2.3.4 ",
	    " 1.2.3.4", "0x1.2.3.4", "1", ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3",
	    "12345::", "g::", "fe80::1%eth0", "[::1]", "::1/64", "10.0.0.0/8", "1:2:3:4:5:6:7:1.2.3.4",
	    "::1.2.3", "example.org"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct net_addr a = {{42}};
		if (net_addr_parse(text_of(bad[i]), &a) != -EINVAL)
			fail_msg("'%s' was taken for an address", bad[i]);
		assert_int_equal(a.b[0], 42);
	}
	struct net_addr a;
	assert_int_equal(net_addr_parse(TEXT("1.2.3.4\0"), &a), -EINVAL);
}

static void test_prefixes(void **state)
{
	(void)state;
	const struct {
		const char *text;
		int r;
		uint8_t bits;
		const char *back;
	} cases[] = {
	    {"10.0.0.0/8", 0, 104, "10.0.0.0/8"},
	    {"0.0.0.0/0", 0, 96, "0.0.0.0/0"},
	    {"192.0.2.1", 0, 128, "192.0.2.1/32"},
	    {"192.0.2.1/32", 0, 128, "192.0.2.1/32"},
	    {"::/0", 0, 0, "::/0"},
	    {"2001:db8::/32", 0, 32, "2001:db8::/32"},
	    {"2001:db8::1", 0, 128, "2001:db8::1/128"},
	    {"10.0.0.1/8", -ERANGE, 0, NULL},
	    {"2001:db8::1/127", -ERANGE, 0, NULL},
	    {"10.0.0.0/33", -EINVAL, 0, NULL},
	    {"2001:db8::/129", -EINVAL, 0, NULL},
	    {"10.0.0.0/", -EINVAL, 0, NULL},
	    {"10.0.0.0/-1", -EINVAL, 0, NULL},
	    {"10.0.0.0/8/8", -EINVAL, 0, NULL},
	    {"/8", -EINVAL, 0, NULL},
	};
	char buf[NET_PREFIX_TEXT_SIZE];
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct net_prefix p;
		if (net_prefix_parse(text_of(cases[i].text), &p) != cases[i].r)
			fail_msg("%s", cases[i].text);
		if (cases[i].r)
			continue;
		assert_int_equal(p.bits, cases[i].bits);
		assert_string_equal(net_prefix_text(p, buf), cases[i].back);
	}
}

static void test_a_prefix_holds_its_first_and_last_address_and_no_other(void **state)
{
	(void)state;
	struct net_prefix p = prefix("10.1.2.128/25");
	assert_true(net_prefix_contains(p, ip("10.1.2.128")));
	assert_true(net_prefix_contains(p, ip("10.1.2.255")));
	assert_false(net_prefix_contains(p, ip("10.1.2.127")));
	assert_false(net_prefix_contains(p, ip("10.1.3.0")));
	assert_false(net_prefix_contains(prefix("0.0.0.0/0"), ip("2001:db8::1")));
	assert_true(net_prefix_contains(prefix("2001:db8::/33"), ip("2001:db8:7fff::")));
	assert_false(net_prefix_contains(prefix("2001:db8::/33"), ip("2001:db8:8000::")));
	assert_true(net_prefix_covers(prefix("10.0.0.0/8"), p));
	assert_true(net_prefix_covers(p, p));
	assert_false(net_prefix_covers(p, prefix("10.0.0.0/8")));
	assert_false(net_prefix_covers(p, prefix("10.1.2.0/25")));
	struct net_prefix of = net_prefix_of(ip("10.1.2.255"), 96 + 25);
	assert_memory_equal(&of.addr, &p.addr, 16);
	assert_int_equal(of.bits, p.bits);
}

static void test_kinds_of_addresses(void **state)
{
	(void)state;
	enum { MULTICAST = 1, LOOPBACK = 2, LINK_LOCAL = 4, PRIVATE = 8, UNSPECIFIED = 16, NONE = 32 };
	const struct {
		const char *text;
		int kinds;
	} cases[] = {
	    {"223.255.255.255", 0},
	    {"224.0.0.0", MULTICAST},
	    {"239.255.255.255", MULTICAST},
	    {"240.0.0.0", 0},
	    {"255.255.255.255", MULTICAST},
	    {"ff02::1", MULTICAST},
	    {"fe00::1", 0},
	    {"127.0.0.1", LOOPBACK},
	    {"127.255.255.255", LOOPBACK},
	    {"128.0.0.0", 0},
	    {"::1", LOOPBACK},
	    {"169.254.0.0", LINK_LOCAL},
	    {"169.254.255.255", LINK_LOCAL},
	    {"169.255.0.0", 0},
	    {"fe80::1", LINK_LOCAL},
	    {"febf::1", LINK_LOCAL},
	    {"fec0::1", 0},
	    {"10.0.0.0", PRIVATE},
	    {"10.255.255.255", PRIVATE},
	    {"11.0.0.0", 0},
	    {"172.15.255.255", 0},
	    {"172.16.0.0", PRIVATE},
	    {"172.31.255.255", PRIVATE},
	    {"172.32.0.0", 0},
	    {"192.168.0.0", PRIVATE},
	    {"192.169.0.0", 0},
	    {"100.63.255.255", 0},
	    {"100.64.0.0", PRIVATE},
	    {"100.127.255.255", PRIVATE},
	    {"100.128.0.0", 0},
	    {"fc00::1", PRIVATE},
	    {"fdff::1", PRIVATE},
	    {"0.0.0.0", UNSPECIFIED},
	    {"::", UNSPECIFIED | NONE},
	    {"8.8.8.8", 0},
	    {"2001:db8::1", 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct net_addr a = ip(cases[i].text);
		int kinds = net_addr_is_multicast(a) * MULTICAST | net_addr_is_loopback(a) * LOOPBACK |
		            net_addr_is_link_local(a) * LINK_LOCAL | net_addr_is_private(a) * PRIVATE |
		            net_addr_is_unspecified(a) * UNSPECIFIED | net_addr_is_none(a) * NONE;
		if (kinds != cases[i].kinds)
			fail_msg("%s: %d, not %d", cases[i].text, kinds, cases[i].kinds);
	}
	char buf[NET_MAC_TEXT_SIZE];
	assert_string_equal(
	    net_mac_text((struct net_mac){{0x02, 0, 0xab, 0xcd, 0xef, 0xff}}, buf), "02:00:ab:cd:ef:ff");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_addresses_print_in_the_recommended_form),
	    cmocka_unit_test(test_any_address_prints_as_elsewhere),
	    cmocka_unit_test(test_what_is_no_address_is_refused),
	    cmocka_unit_test(test_prefixes),
	    cmocka_unit_test(test_a_prefix_holds_its_first_and_last_address_and_no_other),
	    cmocka_unit_test(test_kinds_of_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
