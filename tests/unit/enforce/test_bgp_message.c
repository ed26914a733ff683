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
#include "base/num.h"
#include "enforce/bgp_update.h"
#include "enforce/flowspec.h"

/* Messages made by hand from the layouts of RFC 4271, 4760, 5492, 6793, 8955 and 9003. */

#define MARKER "ffffffffffffffffffffffffffffffff"

static struct dynbuf out;
static char got[2 * BGP_MESSAGE_MAX + 1];

static int teardown(void **state)
{
	(void)state;
	dynbuf_free(&out);
	return 0;
}

/* Hexadecimal digits, with blanks for the eye. */
static size_t bytes_of(const char *hex, uint8_t *bytes, size_t size)
{
	char digits[512];
	size_t n = 0;
	for (; *hex; hex++)
		if (*hex != ' ' && n < sizeof(digits))
			digits[n++] = *hex;
	assert_true(n / 2 <= size);
	assert_int_equal(num_parse_hex(text_bytes(digits, n), bytes, n / 2), 0);
	return n / 2;
}

/* Behind the marker. */
static void assert_wrote(const char *hex)
{
	uint8_t want[256];
	size_t n = bytes_of(hex, want, sizeof(want));
	assert_int_equal(out.error, 0);
	num_hex(out.p, out.n, got);
	assert_memory_equal(got, MARKER, 32);
	assert_int_equal(out.n, 16 + n);
	assert_memory_equal(out.p + 16, want, n);
	dynbuf_reset(&out);
}

static struct net_prefix prefix(const char *text)
{
	struct net_prefix p;
	assert_int_equal(net_prefix_parse(text_of(text), &p), 0);
	return p;
}

static struct net_addr addr(const char *text)
{
	return prefix(text).addr;
}

static void test_messages_are_written_as_the_rfcs_lay_them_out(void **state)
{
	(void)state;
	struct bgp_open o = {
	    .as = 65010, .hold_s = 9, .id = {192, 0, 2, 1}, .as4 = true, .route_refresh = true};
	o.families = 1u << BGP_FLOW_V4 | 1u << BGP_FLOW_V6;
	bgp_open_encode(&out, &o);
	/* 51 bytes: version, AS, hold time, id; 22 of parameters, one, with 20 of capabilities */
	assert_wrote("0033 01 04 fdf2 0009 c0000201 16 0214 010400010085 010400020085 0200 41040000fdf2");
	o.as = 4200000000; /* in its own field AS_TRANS stands */
	o.families = 1u << BGP_UNICAST_V4 | 1u << BGP_UNICAST_V6;
	bgp_open_encode(&out, &o);
	assert_wrote("0033 01 04 5ba0 0009 c0000201 16 0214 010400010001 010400020001 0200 4104fa56ea00");
	o = (struct bgp_open){.as = 1, .hold_s = 3};
	bgp_open_encode(&out, &o);
	assert_wrote("001d 01 04 0001 0003 00000000 00");
	bgp_keepalive_encode(&out);
	assert_wrote("0013 04");
	struct bgp_problem p = bgp_problem_of(BGP_ERROR_HEADER, BGP_BAD_LENGTH, "\x10\x01", 2);
	bgp_notification_encode(&out, &p);
	assert_wrote("0017 03 0102 1001");
	bgp_shutdown_encode(&out, BGP_SHUT_DOWN, TEXT("bye"));
	assert_wrote("0019 03 0602 03 627965");
}

static void test_a_word_at_the_end_is_cut_at_255_bytes(void **state)
{
	(void)state;
	char word[300];
	memset(word, 'x', sizeof(word));
	for (size_t n = 254; n <= 256; n++) {
		size_t kept = n < 255 ? n : 255;
		bgp_shutdown_encode(&out, BGP_SHUT_DOWN, text_bytes(word, n));
		assert_int_equal(out.n, 19 + 3 + kept);
		struct bgp_notification back;
		bgp_notification_decode(cursor_of(out.p + 19, out.n - 19), &back);
		assert_int_equal(back.word.n, kept);
		dynbuf_reset(&out);
	}
}

static void test_a_header_that_is_wrong_gets_its_notification(void **state)
{
	(void)state;
	static const struct {
		const char *hex;
		int error;
		uint8_t subcode;
		const char *data;
	} rows[] = {
	    {MARKER " 001304", 0, 0, ""},
	    {MARKER " 0013", -ERR_TRUNCATED, 0, ""},
	    {"", -ERR_TRUNCATED, 0, ""},
	    {"fffffffffffffffffffffffffffffffe001304", -ERR_MALFORMED, 1, ""},
	    {MARKER " 001204", -ERR_MALFORMED, 2, "0012"},
	    {MARKER " 001404", -ERR_MALFORMED, 2, "0014"}, /* a KEEPALIVE has no body */
	    {MARKER " 001c01", -ERR_MALFORMED, 2, "001c"},
	    {MARKER " 001d01", 0, 0, ""},
	    {MARKER " 001602", -ERR_MALFORMED, 2, "0016"},
	    {MARKER " 001702", 0, 0, ""},
	    {MARKER " 001403", -ERR_MALFORMED, 2, "0014"},
	    {MARKER " 001503", 0, 0, ""},
	    {MARKER " 001605", -ERR_MALFORMED, 2, "0016"},
	    {MARKER " 001705", 0, 0, ""},
	    {MARKER " 100002", 0, 0, ""}, /* 4096 */
	    {MARKER " 100102", -ERR_MALFORMED, 2, "1001"},
	    {MARKER " ffff02", -ERR_MALFORMED, 2, "ffff"},
	    {MARKER " 001300", -ERR_MALFORMED, 3, "00"},
	    {MARKER " 001306", -ERR_MALFORMED, 3, "06"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t bytes[32];
		struct bgp_header h;
		struct bgp_problem p = {0};
		size_t n = bytes_of(rows[i].hex, bytes, sizeof(bytes));
		int r = bgp_header_decode(text_bytes(bytes, n), &h, &p);
		if (r != rows[i].error || p.subcode != rows[i].subcode || p.code != (p.subcode ? 1 : 0))
			fail_msg("row %zu: %d, %d/%d", i, r, p.code, p.subcode);
		assert_string_equal(num_hex(p.data, p.n, got), rows[i].data);
	}
}

static void test_an_open_is_read_and_a_wrong_one_gets_its_notification(void **state)
{
	(void)state;
	enum { FLOWS = 1 << BGP_FLOW_V4 | 1 << BGP_FLOW_V6, V4 = 1 << BGP_UNICAST_V4 };
	static const struct {
		const char *hex;
		int subcode; /* -1: it is fine */
		uint32_t as;
		unsigned families;
		bool as4, refresh;
	} rows[] = {
	    {"04fde9005ac000020200", -1, 65001, V4, false, false},
	    {"04fde9005ac0000202160214010400010085010400020085020041040000fde9", -1, 65001, FLOWS, true,
	        true},
	    {"045ba0005ac00002020802064104fa56ea00", -1, 4200000000, V4, true, false},
	    /* a capability in a parameter each, one that nobody knows, one of no family of ours */
	    {"04fde9005ac0000202100206010400010085020247000202 0600", -1, 65001, 1 << BGP_FLOW_V4, false,
	        false},
	    {"04fde9005ac0000202080206010440040047", -1, 65001, 0, false, false},
	    /* the longer form of parameters (RFC 9072) */
	    {"04fde9005ac00002 02 ff ff 0009 02 0006 010400010085", -1, 65001, 1 << BGP_FLOW_V4, false,
	        false},
	    {"04fde9005ac0000202ffff000a020006010400010085", 0, 0, 0, false, false},
	    {"03fde9005ac000020200", 1, 0, 0, false, false},
	    {"05fde9005ac000020200", 1, 0, 0, false, false},
	    {"04fde9005ac00002020301 0100", 4, 0, 0, false, false}, /* authentication: gone since RFC 4271 */
	    {"04fde9005ac0000202", 0, 0, 0, false, false},
	    {"04fde9005ac000020201", 0, 0, 0, false, false},      /* parameters end before they begin */
	    {"04fde9005ac00002020002 00", 0, 0, 0, false, false}, /* something behind them */
	    {"04fde9005ac0000202020203", 0, 0, 0, false,
	        false}, /* a parameter that is longer than they are */
	    {"04fde9005ac00002020302 0101", 0, 0, 0, false, false},          /* half a capability */
	    {"04fde9005ac0000202070205010300010085", 0, 0, 0, false, false}, /* of a wrong length */
	    {"04fde9005ac00002020702054103fa56ea", 0, 0, 0, false, false},
	    {"04fde9005ac000020205020302010 0", 0, 0, 0, false, false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t bytes[64];
		struct bgp_open o;
		struct bgp_problem p = {0};
		int r = bgp_open_decode(
		    cursor_of(bytes, bytes_of(rows[i].hex, bytes, sizeof(bytes))), &o, &p);
		if (rows[i].subcode < 0) {
			if (r < 0 || o.as != rows[i].as || o.families != rows[i].families ||
			    o.as4 != rows[i].as4 || o.route_refresh != rows[i].refresh || o.hold_s != 90 ||
			    memcmp(o.id, "\xc0\x00\x02\x02", 4) != 0)
				fail_msg("row %zu: %d, %d/%d", i, r, p.code, p.subcode);
		} else if (r != -ERR_MALFORMED || p.code != 2 || p.subcode != rows[i].subcode) {
			fail_msg("row %zu: %d, %d/%d", i, r, p.code, p.subcode);
		}
		if (p.subcode == 1) /* the version that we speak */
			assert_memory_equal(p.data, "\0\4", 2);
	}
}

static void write_update(
    const struct bgp_attributes *a, enum bgp_family f, enum bgp_action action, const char *nlri)
{
	static struct bgp_update_writer w;
	uint8_t bytes[64];
	size_t n = bytes_of(nlri, bytes, sizeof(bytes));
	bgp_update_begin(&w, a, f, action);
	bgp_update_end(&w, &out);
	assert_int_equal(out.n, 0); /* no routes, no message */
	assert_true(bgp_update_add(&w, bytes, n));
	bgp_update_end(&w, &out);
}

static void test_updates_are_written_as_the_rfcs_lay_them_out(void **state)
{
	(void)state;
	struct bgp_attributes inside = {.local_as = 65010, .internal = true, .as4 = true},
	                      outside = {.local_as = 4200000000, .as4 = true}, old = {.local_as = 4200000000},
	                      older = {.local_as = 65010};
	/* no routes withdrawn; MP_REACH_NLRI first (RFC 7606, 5.1), with no next hop (RFC 8955, 4) */
	write_update(&inside, BGP_FLOW_V4, BGP_DISCARD, "0602200a00000b");
	assert_wrote("0040 02 0000 0029 900e000c 0001 85 00 00 0602200a00000b 40010100 400200 40050400000064 "
	             "c01008 8006fdf200000000");
	/* to another AS its path has our AS, and there is no local preference */
	write_update(&outside, BGP_FLOW_V6, BGP_DISCARD, "0702200020010db8");
	assert_wrote("0040 02 0000 0029 900e000d 0002 85 00 00 0702200020010db8 40010100 4002060201fa56ea00 "
	             "c01008 8006ea0000000000");
	/* one that knows no long AS numbers */
	write_update(&old, BGP_FLOW_V4, BGP_PASS, "0602200a00000b");
	assert_wrote("003b 02 0000 0024 900e000c 0001 85 00 00 0602200a00000b 40010100 40020402015ba0 "
	             "c011060201fa56ea00");
	write_update(&older, BGP_FLOW_V4, BGP_PASS, "0602200a00000b");
	assert_wrote("0032 02 0000 001b 900e000c 0001 85 00 00 0602200a00000b 40010100 4002040201fdf2");
	write_update(&inside, BGP_FLOW_V4, BGP_WITHDRAW, "0602200a00000b");
	assert_wrote("0025 02 0000 000e 900f000a 0001 85 0602200a00000b");
}

static void test_blackhole_routes_say_so_and_go_no_further(void **state)
{
	(void)state;
	struct bgp_attributes a = {.local_as = 65010,
	    .internal = true,
	    .as4 = true,
	    .next_hop = {addr("192.0.2.1"), addr("100::1")}};
	uint8_t nlri[17];
	size_t n = bgp_prefix_encode(prefix("203.0.113.66"), BGP_UNICAST_V4, nlri);
	assert_string_equal(num_hex(nlri, n, got), "20cb007142");
	write_update(&a, BGP_UNICAST_V4, BGP_BLACKHOLE, "20cb007142");
	assert_wrote("003c 02 0000 0020 40010100 400200 400304c0000201 40050400000064 c00808 "
	             "ffff029affffff01 20cb007142");
	write_update(&a, BGP_UNICAST_V4, BGP_WITHDRAW, "20cb007142");
	assert_wrote("001c 02 0005 20cb007142 0000");
	n = bgp_prefix_encode(prefix("2001:db8::/33"), BGP_UNICAST_V6, nlri);
	assert_string_equal(num_hex(nlri, n, got), "2120010db800");
	write_update(&a, BGP_UNICAST_V6, BGP_BLACKHOLE, "2120010db800");
	assert_wrote("004f 02 0000 0038 900e001b 0002 01 10 01000000000000000000000000000001 00 2120010db800 "
	             "40010100 400200 40050400000064 c00808 ffff029affffff01");
	write_update(&a, BGP_UNICAST_V6, BGP_WITHDRAW, "2120010db800");
	assert_wrote("0024 02 0000 000d 900f0009 0002 01 2120010db800");
}

static void test_an_update_takes_routes_to_the_last_byte_of_4096(void **state)
{
	(void)state;
	struct bgp_attributes a = {.local_as = 65010, .internal = true, .as4 = true};
	static struct bgp_update_writer w;
	uint8_t nlri[16] = {15, 1, 32, 10, 0, 0, 1, 2, 32, 10, 0, 0, 2, 3, 129, 6};
	/* 23 of heads, 9 of MP_REACH_NLRI's, 25 of other attributes: 4039 are left, which is 252 times 16,
	 * and 7 */
	bgp_update_begin(&w, &a, BGP_FLOW_V4, BGP_DISCARD);
	for (int i = 0; i < 252; i++)
		assert_true(bgp_update_add(&w, nlri, sizeof(nlri)));
	assert_false(bgp_update_add(&w, nlri, 8));
	assert_true(bgp_update_add(&w, (const uint8_t *)"\6\1\x20\x0a\0\0\1", 7));
	assert_false(bgp_update_add(&w, nlri, 1));
	bgp_update_end(&w, &out);
	assert_int_equal(out.n, 4096);
	struct bgp_header h;
	struct bgp_problem p;
	struct bgp_update u;
	assert_int_equal(bgp_header_decode(dynbuf_view(&out), &h, &p), 0);
	assert_int_equal(h.length, 4096);
	assert_int_equal(bgp_update_decode(cursor_of(out.p + 19, out.n - 19), &u, &p), 0);
	assert_false(u.refused);
	size_t routes = 0;
	struct flowspec_rule rule;
	while (cursor_left(&u.reach.nlri) && flowspec_decode(&u.reach.nlri, false, &rule) == 0)
		routes++;
	assert_int_equal(routes, 253);
	assert_true(cursor_ok(&u.reach.nlri));
	dynbuf_reset(&out);
}

static void test_only_updates_whose_routes_cannot_be_told_apart_end_a_session(void **state)
{
	(void)state;
	static const struct {
		const char *hex;
		int subcode; /* 0: none, and `refused` says whether its routes count as withdrawn */
		bool refused;
	} rows[] = {
	    {"00000000", 0, false},                 /* the end of what there is (RFC 4724) */
	    {"0000000740010100400200 00", 0, true}, /* 0.0.0.0/0, without a next hop */
	    {"0000000e40010100400200400304c0000201 18cb0071", 0, false},
	    {"0000000740010100400200 18cb0071", 0, true}, /* no next hop */
	    {"0000000b40010100400304c0000201 18cb0071", 0, true}, {"000418cb00710000", 0, false},
	    {"000418cb00710000 18cb0071", 0, true}, /* announced without attributes */
	    {"000518cb00710000", 1, false},         /* more withdrawn than there is */
	    {"00000001", 1, false}, {"ffff0000", 1, false}, {"0000ffff40010100", 1, false},
	    {"000421cb007100000000", 10, false}, /* longer than an address */
	    {"000318cb00 0000", 10, false},      /* a prefix that ends early */
	    {"00000000 20cb0071", 10, false}, {"00000000 ff", 10, false},
	    {"0000000340010200", 0, true}, /* an attribute that is longer than all: those behind are lost */
	    {"00000002 4001", 0, true}, {"000000044001 0203 18cb0071", 0, true},
	    /* MP_REACH_NLRI */
	    {"000000 17 900e000c 00018500000602200a00000b 40010100400200", 0, false},
	    {"000000 10 900e000c 00018500000602200a00000b", 0, true},  /* no path */
	    {"000000 10 900e000c 00018500000702200a00000b", 9, false}, /* a rule that is longer than all */
	    {"000000 0b 900e0007 00018500000000", 9, false},           /* one of nothing */
	    {"000000 07 900e0003 000185", 9, false},
	    {"000000 0a 900e0006 000101 0400 00", 9, false},         /* a next hop that ends early */
	    {"000000 0b 900e0007 000201 0000 8100", 9, false},       /* 129 bits */
	    {"000000 0b 900e0007 0001800000ffff", 0, true},          /* VPN: none of ours, and nobody asks */
	    {"000000 0e 900f0003 000185 900f0003 000185", 1, false}, /* twice */
	    {"000000 07 900f0003 000185", 0, false}, {"000000 06 900f0002 0001", 9, false},
	    {"000000 0e 900f000a 0001850602200a00000b", 0, false},
	    {"000000 0e 900f000a 0001850702200a00000b", 9, false},
	    /* an attribute in wrong form takes the routes with it, not the session */
	    {"000000 05 4001020000", 0, true}, {"000000 04 c0010100", 0, true}, /* ORIGIN isn't optional */
	    {"000000 05 4002020100 21cb0071 00", 10, false}, {"000000 06 400303c00002", 0, true},
	    {"000000 06 c00803 ffff02", 0, true}, {"000000 07 c01004 80060000", 0, true},
	    {"000000 04 c0200100", 0, false},          /* one that nobody knows */
	    {"000000 08 40010100 40010101", 0, false}, /* of two the first holds */
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t bytes[64];
		struct bgp_update u;
		struct bgp_problem p = {0};
		int r = bgp_update_decode(
		    cursor_of(bytes, bytes_of(rows[i].hex, bytes, sizeof(bytes))), &u, &p);
		if (rows[i].subcode ? r != -ERR_MALFORMED || p.code != 3 || p.subcode != rows[i].subcode
		                    : r < 0 || u.refused != rows[i].refused)
			fail_msg("row %zu: %d, %d/%d", i, r, p.code, p.subcode);
	}
}

static void test_errors_have_names_and_unknown_ones_numbers(void **state)
{
	(void)state;
	char text[80];
	assert_string_equal(bgp_problem_text(2, 2, text, sizeof(text)), "OPEN message error: bad peer AS");
	assert_string_equal(bgp_problem_text(4, 0, text, sizeof(text)), "hold timer expired");
	assert_string_equal(bgp_problem_text(6, 99, text, sizeof(text)), "cease 6/99");
	assert_string_equal(bgp_problem_text(99, 1, text, sizeof(text)), "error 99/1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(test_messages_are_written_as_the_rfcs_lay_them_out, teardown),
	    cmocka_unit_test_teardown(test_a_word_at_the_end_is_cut_at_255_bytes, teardown),
	    cmocka_unit_test(test_a_header_that_is_wrong_gets_its_notification),
	    cmocka_unit_test(test_an_open_is_read_and_a_wrong_one_gets_its_notification),
	    cmocka_unit_test_teardown(test_updates_are_written_as_the_rfcs_lay_them_out, teardown),
	    cmocka_unit_test_teardown(test_blackhole_routes_say_so_and_go_no_further, teardown),
	    cmocka_unit_test_teardown(test_an_update_takes_routes_to_the_last_byte_of_4096, teardown),
	    cmocka_unit_test(test_only_updates_whose_routes_cannot_be_told_apart_end_a_session),
	    cmocka_unit_test(test_errors_have_names_and_unknown_ones_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
