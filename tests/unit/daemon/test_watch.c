/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "base/err.h"
#include "daemon/watch.h"

enum { GRACE = 10, TOLD_MAX = 8192 };

static struct watch *w;
static struct watch_sight told[TOLD_MAX];
static size_t n_told;

static int setup(void **state)
{
	(void)state;
	n_told = 0;
	return watch_new(&w, GRACE, 7);
}

static int teardown(void **state)
{
	(void)state;
	watch_free(w);
	return 0;
}

static struct net_prefix prefix(const char *text)
{
	struct net_prefix p = {0};
	if (strcmp(text, "any") != 0)
		assert_int_equal(net_prefix_parse(text_of(text), &p), 0);
	return p;
}

static struct net_addr ip(const char *text)
{
	struct net_addr a;
	assert_int_equal(net_addr_parse(text_of(text), &a), 0);
	return a;
}

static struct cut cut(const char *from, const char *to, enum cut_direction direction)
{
	return (struct cut){.from = prefix(from), .to = prefix(to), .direction = (uint8_t)direction};
}

static void put(const char *from, const char *to, enum cut_direction direction, int64_t since)
{
	struct cut c = cut(from, to, direction);
	assert_int_equal(watch_put(w, &c, since), 0);
}

static bool matches(const char *from, const char *to, bool begun)
{
	int64_t since;
	return watch_match(w, ip(from), ip(to), begun, &since) != NULL;
}

static int take(void *context, const struct watch_sight *s)
{
	(void)context;
	assert_true(n_told < TOLD_MAX);
	told[n_told++] = *s;
	return 0;
}

static void tell(void)
{
	n_told = 0;
	assert_int_equal(watch_tell(w, take, NULL), 0);
}

static struct flow flow(const char *initiator, const char *responder)
{
	return (struct flow){.id = 5,
	    .initiator = ip(initiator),
	    .responder = ip(responder),
	    .initiator_port = 40000,
	    .responder_port = 443,
	    .protocol = PACKET_TCP,
	    .vantage = 3};
}

/* One packet of the flow; whether it was looked at. */
static bool packet(struct flow *f, bool forward, bool tap, int64_t time)
{
	if (!watch_cares(w, f))
		return false;
	watch_flow(w, f, &(struct watch_packet){.forward = forward, .tap = tap, .time = time});
	return true;
}

static void test_prefixes_of_every_length_match_what_lies_in_them(void **state)
{
	(void)state;
	static const struct {
		const char *from, *to, *a, *b;
		bool hit;
	} rows[] = {
	    {"10.0.0.1/32", "10.0.1.0/24", "10.0.0.1", "10.0.1.255", true},
	    {"10.0.0.1/32", "10.0.1.0/24", "10.0.0.2", "10.0.1.255", false},
	    {"10.0.0.1/32", "10.0.1.0/24", "10.0.0.1", "10.0.2.0", false},
	    {"10.0.0.0/15", "203.0.113.8/29", "10.1.255.255", "203.0.113.15", true},
	    {"10.0.0.0/15", "203.0.113.8/29", "10.2.0.0", "203.0.113.15", false},
	    {"10.0.0.0/15", "203.0.113.8/29", "10.1.0.0", "203.0.113.16", false},
	    {"2001:db8::/33", "2001:db8:8000::1/128", "2001:db8:7fff::9", "2001:db8:8000::1", true},
	    {"2001:db8::/33", "2001:db8:8000::1/128", "2001:db8:8000::9", "2001:db8:8000::1", false},
	    {"10.0.0.1/32", "any", "10.0.0.1", "198.51.100.1", true},
	    {"any", "203.0.113.7/32", "2001:db8::1", "203.0.113.7", true},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		watch_clear(w);
		put(rows[i].from, rows[i].to, CUT_BOTH, 0);
		if (matches(rows[i].a, rows[i].b, false) != rows[i].hit ||
		    matches(rows[i].b, rows[i].a, false) != rows[i].hit)
			fail_msg("row %zu", i);
		watch_clear(w);
		put(rows[i].from, rows[i].to, CUT_FROM_ONLY, 0);
		if (matches(rows[i].a, rows[i].b, true) != rows[i].hit ||
		    matches(rows[i].b, rows[i].a, true) || matches(rows[i].a, rows[i].b, false))
			fail_msg("row %zu, one direction", i);
	}
}

static void test_of_several_cuts_the_one_that_stands_longest_answers(void **state)
{
	(void)state;
	int64_t since = 0;
	put("10.0.0.1/32", "any", CUT_BOTH, 50);
	put("10.0.0.0/24", "203.0.113.0/24", CUT_BOTH, 20);
	put("203.0.113.7/32", "any", CUT_BOTH, 30);
	const struct cut *c = watch_match(w, ip("10.0.0.1"), ip("203.0.113.7"), false, &since);
	struct cut want = cut("10.0.0.0/24", "203.0.113.0/24", CUT_BOTH);
	assert_non_null(c);
	assert_int_equal(since, 20);
	assert_int_equal(cut_compare(c, &want), 0);
	assert_int_equal(watch_drop(w, &want), 0);
	assert_non_null(watch_match(w, ip("10.0.0.1"), ip("203.0.113.7"), false, &since));
	assert_int_equal(since, 30);
	assert_int_equal(watch_drop(w, &want), -ENOENT);
	assert_int_equal(w->n, 2);
}

static void test_a_frame_that_leaves_after_the_grace_is_a_sight(void **state)
{
	(void)state;
	struct flow f = flow("10.0.0.1", "203.0.113.7");
	put("10.0.0.1/32", "any", CUT_BOTH, 100);
	assert_true(packet(&f, true, false, 100 + GRACE));
	tell();
	assert_int_equal(n_told, 0);
	packet(&f, true, false, 101 + GRACE);
	packet(&f, false, false, 150);
	tell();
	assert_int_equal(n_told, 1);
	assert_int_equal(told[0].kind, WATCH_LEFT);
	assert_int_equal(told[0].packets, 2);
	assert_int_equal(told[0].first, 101 + GRACE);
	assert_int_equal(told[0].last, 150);
	assert_int_equal(told[0].flow, 5);
	assert_int_equal(told[0].vantage, 3);
	assert_int_equal(told[0].responder_port, 443);
	struct cut want = cut("10.0.0.1/32", "any", CUT_BOTH);
	assert_int_equal(cut_compare(&told[0].cut, &want), 0);
	tell();
	assert_int_equal(n_told, 0);
	packet(&f, true, false, 160);
	tell();
	assert_int_equal(told[0].packets, 1);
	assert_int_equal(told[0].first, 160);
}

static void test_on_a_tap_only_both_directions_are_a_sight(void **state)
{
	(void)state;
	struct flow f = flow("10.0.0.1", "203.0.113.7");
	put("10.0.0.1/32", "any", CUT_BOTH, 100);
	packet(&f, false, true, 100); /* an answer to what was sent before */
	for (int64_t t = 111; t < 120; t++)
		packet(&f, true, true, t);
	tell();
	assert_int_equal(n_told, 0);
	packet(&f, false, true, 120);
	packet(&f, true, true, 121);
	tell();
	assert_int_equal(n_told, 1);
	assert_int_equal(told[0].kind, WATCH_ANSWERED);
	assert_int_equal(told[0].packets, 2);
	assert_int_equal(told[0].first, 120);
}

static void test_a_flow_is_looked_up_once_for_each_state_of_the_list(void **state)
{
	(void)state;
	struct flow good = flow("10.0.0.2", "203.0.113.7"), bad = flow("10.0.0.1", "203.0.113.7");
	assert_false(packet(&good, true, false, 1)); /* nothing is cut */
	put("10.0.0.1/32", "any", CUT_BOTH, 0);
	for (int64_t t = 100; t < 200; t++) {
		assert_true(packet(&good, true, false, t) == (t == 100));
		assert_true(packet(&bad, true, false, t));
	}
	assert_int_equal(w->stats.lookups, 2);
	put("10.0.0.2/32", "any", CUT_BOTH, 0);
	assert_true(packet(&good, true, false, 300));
	struct cut c = cut("10.0.0.2/32", "any", CUT_BOTH);
	assert_int_equal(watch_drop(w, &c), 0);
	assert_true(packet(&good, true, false, 301));
	assert_false(packet(&good, true, false, 302));
	assert_int_equal(w->stats.lookups, 4);
	tell();
	assert_int_equal(n_told, 2);
}

static void test_a_connection_that_the_other_side_began_goes_on(void **state)
{
	(void)state;
	struct flow begun_there = flow("203.0.113.7", "10.0.0.1"),
	            begun_here = flow("10.0.0.1", "203.0.113.7");
	struct flow guessed = begun_here;
	guessed.flags = FLOW_GUESSED_INITIATOR;
	put("10.0.0.1/32", "203.0.113.0/24", CUT_FROM_ONLY, 0);
	packet(&begun_there, true, false, 100);
	packet(&begun_there, false, false, 100);
	packet(&guessed, true, false, 100);
	tell();
	assert_int_equal(n_told, 0);
	packet(&begun_here, false, false, 100);
	tell();
	assert_int_equal(n_told, 1);
}

static void test_what_passes_in_spite_of_a_cut_is_no_sight(void **state)
{
	(void)state;
	static const struct {
		const char *responder;
		uint8_t protocol;
		uint16_t port;
		bool seen;
	} rows[] = {
	    {"10.0.2.53", PACKET_UDP, 53, false},
	    {"10.0.2.53", PACKET_TCP, 53, true},
	    {"10.0.2.53", PACKET_UDP, 54, true},
	    {"10.0.2.54", PACKET_UDP, 53, true},
	    {"10.0.9.9", PACKET_TCP, 22, false},
	};
	put("10.0.0.1/32", "any", CUT_BOTH, 0);
	assert_int_equal(watch_pass(w, prefix("10.0.2.53/32"), PACKET_UDP, 53), 0);
	assert_int_equal(watch_pass(w, prefix("10.0.9.0/24"), 0, 0), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct flow f = flow("10.0.0.1", rows[i].responder);
		f.protocol = rows[i].protocol;
		f.responder_port = rows[i].port;
		packet(&f, true, false, 100);
		tell();
		assert_int_equal(n_told, rows[i].seen);
	}
	watch_pass_clear(w);
	struct flow f = flow("10.0.0.1", "10.0.9.9");
	packet(&f, true, false, 100);
	tell();
	assert_int_equal(n_told, 1);
}

/* Nothing stands between them: that they talk on tells nothing of the cut. */
static void test_neighbours_within_a_segment_that_is_cut_off_talk_on(void **state)
{
	(void)state;
	put("10.2.0.0/24", "any", CUT_BOTH, 0);
	put("any", "2001:db8:2::/64", CUT_BOTH, 0);
	assert_false(matches("10.2.0.1", "10.2.0.2", true));
	assert_false(matches("2001:db8:2::1", "2001:db8:2::2", true));
	assert_true(matches("10.2.0.1", "10.2.1.2", true));
	assert_true(matches("10.2.1.2", "10.2.0.1", true));
	assert_true(matches("2001:db8:2::1", "2001:db8:3::2", true));
	/* between two named ends it does */
	put("10.2.0.0/24", "10.2.0.2", CUT_BOTH, 0);
	assert_true(matches("10.2.0.1", "10.2.0.2", true));
}

static void test_what_stays_on_the_link_is_no_sight(void **state)
{
	static const struct {
		const char *from, *to;
		uint8_t protocol;
		uint16_t type;
		bool seen;
	} rows[] = {
	    {"fe80::1", "2001:db8:2::5", 58, 135, false},
	    {"fe80::1", "2001:db8:2::5", 17, 9, false},
	    {"169.254.3.4", "10.2.0.5", 17, 9, false},
	    {"0.0.0.0", "10.2.0.5", 17, 68, false},
	    {"2001:db8:2:1::1", "2001:db8:2::5", 58, 129, true},
	    {"2001:db8:2:1::1", "2001:db8:2::5", 58, 130, false},
	    {"2001:db8:2:1::1", "2001:db8:2::5", 58, 137, false},
	    {"2001:db8:2:1::1", "2001:db8:2::5", 58, 138, true},
	    {"2001:db8:2:1::1", "2001:db8:2::5", 58, 143, false},
	    {"2001:db8:2:1::1", "2001:db8:2::5", 17, 135, true},
	    {"203.0.113.7", "10.2.0.5", 1, 8, true},
	};
	(void)state;
	put("10.2.0.5", "any", CUT_BOTH, 0);
	put("2001:db8:2::5", "any", CUT_BOTH, 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct watch_sight s = {.initiator = ip(rows[i].from),
		    .responder = ip(rows[i].to),
		    .protocol = rows[i].protocol,
		    .initiator_port = rows[i].type};
		watch_stray(w, &s, 100);
		tell();
		assert_int_equal(n_told, rows[i].seen);
	}
}

static void test_a_frame_of_no_flow_counts_for_cuts_both_ways(void **state)
{
	(void)state;
	struct watch_sight s = {.initiator = ip("203.0.113.7"), .responder = ip("10.0.0.1"), .protocol = 17};
	put("10.0.0.1/32", "203.0.113.0/24", CUT_FROM_ONLY, 0);
	watch_stray(w, &s, 100);
	tell();
	assert_int_equal(n_told, 0);
	put("10.0.0.1/32", "any", CUT_BOTH, 0);
	watch_stray(w, &s, GRACE);
	watch_stray(w, &s, 100);
	tell();
	assert_int_equal(n_told, 1);
	assert_int_equal(told[0].flow, 0);
	assert_int_equal(told[0].packets, 1);
}

static void test_sights_of_a_cut_and_in_all_are_bounded_and_counted(void **state)
{
	(void)state;
	enum { CUTS = WATCH_SIGHTS_MAX / WATCH_SIGHTS_A_CUT + 1 };
	char text[64];
	for (int i = 0; i < CUTS; i++) {
		snprintf(text, sizeof(text), "10.1.%d.%d/32", i / 256, i % 256);
		put(text, "any", CUT_BOTH, 0);
	}
	for (int i = 0; i < CUTS; i++)
		for (uint16_t port = 0; port <= WATCH_SIGHTS_A_CUT; port++) {
			snprintf(text, sizeof(text), "10.1.%d.%d", i / 256, i % 256);
			struct flow f = flow(text, "203.0.113.7");
			f.initiator_port = port;
			packet(&f, true, false, 100);
		}
	/* of each cut the last one, and all of the last cut */
	assert_int_equal(w->stats.sights, WATCH_SIGHTS_MAX);
	assert_int_equal(w->stats.unlisted, CUTS - 1 + WATCH_SIGHTS_A_CUT + 1);
	tell();
	assert_int_equal(n_told, WATCH_SIGHTS_MAX);
	struct flow f = flow("10.1.0.0", "203.0.113.7");
	packet(&f, true, false, 100);
	tell();
	assert_int_equal(n_told, 1);
}

static void test_a_place_that_another_cut_takes_tells_of_that_one(void **state)
{
	(void)state;
	struct cut first = cut("10.0.0.1/32", "any", CUT_BOTH), second = cut("10.0.0.0/31", "any", CUT_BOTH);
	struct flow f = flow("10.0.0.1", "203.0.113.7");
	assert_int_equal(watch_put(w, &first, 0), 0);
	packet(&f, true, false, 100);
	assert_int_equal(watch_drop(w, &first), 0);
	assert_int_equal(watch_put(w, &second, 0), 0);
	packet(&f, true, false, 200);
	tell();
	assert_int_equal(n_told, 1);
	assert_int_equal(cut_compare(&told[0].cut, &second), 0);
	assert_int_equal(told[0].packets, 1);
}

static void test_a_cut_told_again_stands_since_then(void **state)
{
	(void)state;
	struct flow f = flow("10.0.0.1", "203.0.113.7");
	put("10.0.0.1/32", "any", CUT_BOTH, 0);
	put("10.0.0.1/32", "any", CUT_BOTH, 500);
	assert_int_equal(w->n, 1);
	packet(&f, true, false, 400);
	tell();
	assert_int_equal(n_told, 0);
}

static void test_a_broken_cut_is_refused(void **state)
{
	(void)state;
	struct cut c = cut("10.0.0.1/32", "any", CUT_BOTH);
	c.direction = 2;
	assert_int_equal(watch_put(w, &c, 0), -EINVAL);
	c.direction = CUT_BOTH;
	c.to.bits = 129;
	assert_int_equal(watch_put(w, &c, 0), -EINVAL);
	assert_int_equal(w->n, 0);
}

static void test_a_hundred_thousand_cuts_come_match_and_go(void **state)
{
	(void)state;
	enum { CUTS = 100000 };
	struct cut c = cut("10.0.0.0/32", "any", CUT_BOTH);
	for (int turn = 0; turn < 2; turn++) {
		for (uint32_t i = 0; i < CUTS; i++) {
			memcpy(c.from.addr.b + 13,
			    (uint8_t[]){(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}, 3);
			assert_int_equal(watch_put(w, &c, 0), 0);
		}
		assert_int_equal(w->n, CUTS);
		assert_true(matches("10.1.134.159", "203.0.113.7", false)); /* the last: 99,999 */
		assert_false(matches("10.1.134.160", "203.0.113.7", false));
		for (uint32_t i = 0; i < CUTS; i++) {
			memcpy(c.from.addr.b + 13,
			    (uint8_t[]){(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}, 3);
			assert_int_equal(watch_drop(w, &c), 0);
		}
		assert_int_equal(w->n, 0);
		assert_false(matches("10.1.134.159", "203.0.113.7", false));
	}
}

static void test_exceptions_are_bounded(void **state)
{
	(void)state;
	for (int i = 0; i < WATCH_PASS_MAX; i++)
		assert_int_equal(watch_pass(w, prefix("10.0.2.53/32"), 0, 0), 0);
	assert_int_equal(watch_pass(w, prefix("10.0.2.53/32"), 0, 0), -ERR_LIMIT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_prefixes_of_every_length_match_what_lies_in_them),
	    TEST(test_of_several_cuts_the_one_that_stands_longest_answers),
	    TEST(test_a_frame_that_leaves_after_the_grace_is_a_sight),
	    TEST(test_on_a_tap_only_both_directions_are_a_sight),
	    TEST(test_a_flow_is_looked_up_once_for_each_state_of_the_list),
	    TEST(test_a_connection_that_the_other_side_began_goes_on),
	    TEST(test_what_passes_in_spite_of_a_cut_is_no_sight),
	    TEST(test_neighbours_within_a_segment_that_is_cut_off_talk_on),
	    TEST(test_what_stays_on_the_link_is_no_sight),
	    TEST(test_a_frame_of_no_flow_counts_for_cuts_both_ways),
	    TEST(test_sights_of_a_cut_and_in_all_are_bounded_and_counted),
	    TEST(test_a_place_that_another_cut_takes_tells_of_that_one),
	    TEST(test_a_cut_told_again_stands_since_then),
	    TEST(test_a_broken_cut_is_refused),
	    TEST(test_a_hundred_thousand_cuts_come_match_and_go),
	    TEST(test_exceptions_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
