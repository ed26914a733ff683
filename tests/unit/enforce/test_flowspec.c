/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/num.h"
#include "enforce/flowspec.h"

/* Bytes are those of the examples in RFC 8955, 4.3, and RFC 8956, 3.8, or made by hand from their layouts. */

static struct net_prefix prefix(const char *text)
{
	struct net_prefix p = {0};
	if (strcmp(text, "any") != 0)
		assert_int_equal(net_prefix_parse(text_of(text), &p), 0);
	return p;
}

static struct cut cut(const char *from, const char *to)
{
	return (struct cut){.from = prefix(from), .to = prefix(to), .direction = CUT_BOTH};
}

/* Hexadecimal digits, with blanks for the eye. */
static size_t bytes_of(const char *hex, uint8_t *bytes)
{
	char digits[128];
	size_t n = 0;
	for (; *hex && n < sizeof(digits); hex++)
		if (*hex != ' ')
			digits[n++] = *hex;
	assert_int_equal(num_parse_hex(text_bytes(digits, n), bytes, n / 2), 0);
	return n / 2;
}

static void assert_encodes(const struct flowspec_rule *r, const char *hex)
{
	uint8_t nlri[FLOWSPEC_NLRI_MAX], want[FLOWSPEC_NLRI_MAX];
	size_t n = bytes_of(hex, want);
	assert_int_equal(flowspec_encode(r, nlri), n);
	assert_memory_equal(nlri, want, n);
}

static void test_a_cut_is_two_rules_one_for_each_direction(void **state)
{
	(void)state;
	static const struct {
		const char *from, *to, *first, *second;
	} rows[] = {
	    /* the second rule's destination and source are the first's, swapped */
	    {"203.0.113.0/24", "192.0.2.0/24", "0a0118c000020218cb0071", "0a0118cb00710218c00002"},
	    {"10.0.0.11", "203.0.113.66", "0c0120cb00714202200a00000b", "0c01200a00000b0220cb007142"},
	    /* an end that is anywhere is no component, and the other one always is */
	    {"10.0.0.11", "any", "0602200a00000b", "0601200a00000b"},
	    {"any", "10.0.0.11", "0601200a00000b", "0602200a00000b"},
	    {"10.0.0.11", "0.0.0.0/0", "0602200a00000b", "0601200a00000b"},
	    {"2001:db8::/32", "any", "0702200020010db8", "0701200020010db8"},
	    {"2001:db8:1::/48", "2001:db8:2::66",
	        "1c0180002001 0db8000200000000000000000066 0230002001 0db80001",
	        "1c0130002001 0db80001 0280002001 0db8000200000000000000000066"},
	    /* bits that don't fill a byte */
	    {"172.16.0.0/12", "any", "04020cac10", "04010cac10"},
	    {"fc00::/7", "any", "04020700fc", "04010700fc"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct flowspec_rule r[FLOWSPEC_RULES_MAX];
		struct cut c = cut(rows[i].from, rows[i].to);
		assert_null(flowspec_cannot(&c));
		assert_int_equal(flowspec_of_cut(&c, r), 2);
		assert_encodes(&r[0], rows[i].first);
		assert_encodes(&r[1], rows[i].second);
	}
	struct flowspec_rule r[FLOWSPEC_RULES_MAX];
	struct cut itself = cut("10.0.0.0/24", "10.0.0.0/24");
	assert_int_equal(flowspec_of_cut(&itself, r), 1);
}

static void test_what_no_rule_can_say_is_refused(void **state)
{
	(void)state;
	struct cut one_way = cut("10.0.0.11", "203.0.113.66"), odd = one_way;
	one_way.direction = CUT_FROM_ONLY;
	odd.from.bits = 120; /* host bits are set */
	const struct cut rows[] = {one_way, odd, cut("any", "any"), cut("0.0.0.0/0", "any"),
	    cut("any", "0.0.0.0/0"), cut("0.0.0.0/0", "0.0.0.0/0"), cut("10.0.0.11", "2001:db8::1"),
	    cut("2001:db8::1", "0.0.0.0/0"), cut("::/64", "any"), cut("2001:db8::1", "::/1")};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct flowspec_rule r[FLOWSPEC_RULES_MAX];
		assert_non_null(flowspec_cannot(&rows[i]));
		assert_int_equal(flowspec_of_cut(&rows[i], r), 0);
	}
}

static void test_a_rule_that_lost_its_addresses_never_becomes_bytes(void **state)
{
	(void)state;
	struct flowspec_rule host = {.dst = prefix("192.0.2.1"), .src = prefix("any")};
	struct flowspec_rule rows[9];
	for (size_t i = 0; i < 9; i++)
		rows[i] = host;
	rows[0].dst = prefix("any");
	rows[1].dst = prefix("any");
	rows[1].protocol = 17;
	rows[1].dst_port = 53;
	rows[2].dst = prefix("0.0.0.0/0"); /* matches everything too */
	rows[3].v6 = 1;
	rows[4].src = prefix("2001:db8::1");
	rows[5].dst.bits = 127; /* host bits */
	rows[6].dst.bits = 200;
	rows[7].dst_port = 53; /* of no protocol */
	rows[8].dst = prefix("::/64");
	rows[8].v6 = 1;
	uint8_t nlri[FLOWSPEC_NLRI_MAX];
	assert_int_equal(flowspec_encode(&host, nlri), 7);
	for (size_t i = 0; i < 9; i++)
		assert_int_equal(flowspec_encode(&rows[i], nlri), -ERR_INVALID);
}

static void test_rules_are_read_as_the_rfcs_examples_say(void **state)
{
	(void)state;
	struct flowspec_rule smtp = {.dst = prefix("192.0.2.0/24"), .protocol = 6, .dst_port = 25};
	static const struct {
		const char *hex;
		bool v6;
		int error;
	} rows[] = {
	    {"0b0118c0000203810604 8119", false, -ERR_UNSUPPORTED}, /* RFC 8955, 4.3.1: port of either end */
	    {"120118c000020218cb0071040389458b911f90", false, -ERR_UNSUPPORTED},  /* 4.3.2 */
	    {"090120c00002010c8005", false, -ERR_UNSUPPORTED},                    /* 4.3.3 */
	    {"1201200020010db8026840123456789a038106", true, -ERR_UNSUPPORTED},   /* RFC 8956, 3.8.1 */
	    {"12012000 20010db8026841 2468acf134038106", true, -ERR_UNSUPPORTED}, /* 3.8.2 */
	    {"00", false, -ERR_MALFORMED},                                        /* matches everything */
	    {"020100", false, -ERR_UNSUPPORTED}, /* so does a prefix of no bits */
	    {"03010000", true, -ERR_UNSUPPORTED},
	    {"03038106", false, -ERR_UNSUPPORTED},             /* no address */
	    {"0a0218cb00710118c00002", false, -ERR_MALFORMED}, /* in the wrong order */
	    {"0a0118cb00710118c00002", false, -ERR_MALFORMED}, /* twice the same */
	    {"060121c000020100", false, -ERR_MALFORMED},       /* longer than an address */
	    {"060120c00002", false, -ERR_TRUNCATED},           /* the list of rules ends */
	    {"040120c000", false, -ERR_MALFORMED},             /* the rule ends */
	    {"0701202020010db8", true, -ERR_MALFORMED},        /* offset == length */
	    {"03010001", true, -ERR_MALFORMED},                /* an offset into nothing */
	    {"060118c0000203", false, -ERR_MALFORMED},
	    {"070118c000020381", false, -ERR_MALFORMED},
	    {"070118c0000203", false, -ERR_TRUNCATED},
	    {"090118c0000203 810005 91", false, -ERR_UNSUPPORTED}, /* protocol 0 */
	    {"f0050118c00002", false, 0},                          /* a length of two octets */
	    {"f0060118c00002", false, -ERR_TRUNCATED},
	    {"f0", false, -ERR_TRUNCATED},
	    {"", false, -ERR_TRUNCATED},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t bytes[64];
		size_t n = bytes_of(rows[i].hex, bytes);
		struct cursor c = cursor_of(bytes, n);
		struct flowspec_rule r;
		int e = flowspec_decode(&c, rows[i].v6, &r);
		if (e != rows[i].error)
			fail_msg("row %zu: %d, not %d", i, e, rows[i].error);
	}
	assert_encodes(&smtp, "0b0118c00002038106058119");
	smtp.src_port = 8080;
	smtp.dst_port = 0;
	assert_encodes(&smtp, "0c0118c0000203810606911f90");
}

/* RFC 8955, 5.1, over bytes, for components of ours: which of two rules is applied first. */
static int order(const uint8_t *a, const uint8_t *b, bool v6)
{
	const uint8_t *a_end = a + 1 + a[0], *b_end = b + 1 + b[0];
	for (a++, b++; a < a_end && b < b_end;) {
		if (*a != *b)
			return *a < *b ? -1 : 1; /* the lower type */
		if (*a <= 2) {
			uint8_t most = a[1] > b[1] ? a[1] : b[1], least = a[1] < b[1] ? a[1] : b[1];
			const uint8_t *x = a + 2 + v6, *y = b + 2 + v6;
			for (uint8_t i = 0; i < least; i++)
				if ((x[i / 8] ^ y[i / 8]) & 0x80 >> i % 8)
					return memcmp(x, y, (least + 7) / 8) < 0 ? -1 : 1;
			if (a[1] != b[1])
				return a[1] == most ? -1 : 1; /* the longer prefix */
			a += 2 + v6 + (a[1] + 7) / 8;
			b += 2 + v6 + (b[1] + 7) / 8;
			continue;
		}
		size_t n = a[1] & 0x10 ? 4 : 3, m = b[1] & 0x10 ? 4 : 3;
		int c = memcmp(a + 1, b + 1, (n < m ? n : m) - 1);
		if (c)
			return c;
		a += n;
		b += m;
	}
	return a < a_end ? -1 : b < b_end ? 1 : 0; /* the one with more components */
}

static struct backend_pass pass(const char *where, uint8_t protocol, uint16_t port)
{
	return (struct backend_pass){.prefix = prefix(where), .protocol = protocol, .port = port};
}

static void test_a_pass_is_made_of_rules_that_routers_apply_before_the_discard(void **state)
{
	(void)state;
	static const struct {
		const char *from, *to, *where;
		uint8_t protocol;
		uint16_t port;
		size_t n;          /* of both rules of the cut */
		const char *first; /* of the first rule */
	} rows[] = {
	    /* names at 10.0.2.53 go on for a machine that is cut off: it may ask, and is answered */
	    {"10.0.0.11", "any", "10.0.2.53", 17, 53, 2, "1201200a00023502200a00000b038111058135"},
	    {"10.0.0.11", "any", "10.0.2.0/24", 0, 0, 2, "0b01180a000202200a00000b"},
	    /* so does the service of the machine itself */
	    {"10.0.0.11", "any", "10.0.0.11", 6, 22, 2, "0c02200a00000b038106068116"},
	    /* and any machine's names */
	    {"10.0.0.11", "any", "any", 17, 53, 4, "0c02200a00000b038111058135"},
	    {"10.0.0.11", "203.0.113.0/24", "203.0.113.9", 0, 0, 2, "0c0120cb00710902200a00000b"},
	    {"10.0.0.11", "203.0.113.0/24", "10.0.2.53", 17, 53, 0, NULL},
	    {"10.0.0.11", "any", "2001:db8::53", 17, 53, 0, NULL},
	    {"2001:db8::1", "any", "2001:db8::/32", 6, 443, 4, NULL},
	    {"2001:db8::1", "any", "10.0.2.53", 6, 443, 0, NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct flowspec_rule r[FLOWSPEC_RULES_MAX], through[FLOWSPEC_PASSES_MAX];
		struct cut c = cut(rows[i].from, rows[i].to);
		struct backend_pass p = pass(rows[i].where, rows[i].protocol, rows[i].port);
		size_t n = 0;
		assert_int_equal(flowspec_of_cut(&c, r), 2);
		for (int j = 0; j < 2; j++) {
			uint8_t stop[FLOWSPEC_NLRI_MAX], pass_nlri[FLOWSPEC_NLRI_MAX];
			bool all;
			size_t m = flowspec_pass(&r[j], &p, through, &all);
			assert_false(all);
			assert_true(flowspec_encode(&r[j], stop) > 0);
			for (size_t k = 0; k < m; k++) {
				assert_true(flowspec_encode(&through[k], pass_nlri) > 0);
				assert_true(order(pass_nlri, stop, r[j].v6) < 0);
			}
			if (j == 0 && rows[i].first)
				assert_encodes(&through[0], rows[i].first);
			n += m;
		}
		if (n != rows[i].n)
			fail_msg("row %zu: %zu rules, not %zu", i, n, rows[i].n);
	}
}

static void test_a_pass_of_all_that_a_rule_names_leaves_nothing_of_it(void **state)
{
	(void)state;
	struct cut c = cut("10.0.0.11", "203.0.113.9");
	struct backend_pass wide = pass("203.0.113.0/24", 0, 0), same = pass("203.0.113.9", 0, 0),
	                    port = pass("203.0.113.9", 6, 443);
	struct flowspec_rule r[FLOWSPEC_RULES_MAX], through[FLOWSPEC_PASSES_MAX];
	bool all;
	assert_int_equal(flowspec_of_cut(&c, r), 2);
	assert_int_equal(flowspec_pass(&r[0], &wide, through, &all), 0);
	assert_true(all);
	assert_int_equal(flowspec_pass(&r[1], &same, through, &all), 0);
	assert_true(all);
	assert_int_equal(flowspec_pass(&r[1], &port, through, &all), 1);
	assert_false(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_cut_is_two_rules_one_for_each_direction),
	    cmocka_unit_test(test_what_no_rule_can_say_is_refused),
	    cmocka_unit_test(test_a_rule_that_lost_its_addresses_never_becomes_bytes),
	    cmocka_unit_test(test_rules_are_read_as_the_rfcs_examples_say),
	    cmocka_unit_test(test_a_pass_is_made_of_rules_that_routers_apply_before_the_discard),
	    cmocka_unit_test(test_a_pass_of_all_that_a_rule_names_leaves_nothing_of_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
