/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "enforce/bgp_cuts.h"

/* Cuts to routes, and what of them a router is told. `told` is what it would hold: it reads the UPDATEs. */

enum { FLOWS = 1 << BGP_FLOW_V4 | 1 << BGP_FLOW_V6, UNICAST = 1 << BGP_UNICAST_V4 | 1 << BGP_UNICAST_V6 };

static const struct bgp_attributes attributes = {.local_as = 65010, .internal = true, .as4 = true};
static struct bgp_cuts c;
static char told[32][160]; /* lines, in the order in which they came; empty where withdrawn */
static size_t n_told, n_updates;

static int teardown(void **state)
{
	(void)state;
	bgp_cuts_free(&c);
	memset(told, 0, sizeof(told));
	n_told = n_updates = 0;
	return 0;
}

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

static void begin(bool blackhole, const struct backend_pass *pass, size_t n, size_t max)
{
	assert_int_equal(bgp_cuts_begin(&c, blackhole, pass, n, max, 1), 0);
	c.has_hop[0] = c.has_hop[1] = true;
	bgp_routes_set_live(&c.routes, true);
}

static struct backend_step step(enum backend_act act, const char *from, const char *to, int64_t until)
{
	return (struct backend_step){.cut = cut(from, to), .until = until, .act = (uint8_t)act};
}

static int change(struct backend_step s)
{
	return bgp_cuts_change(&c, &s, 1, NULL);
}

static const char *end_text(struct net_prefix p, char *buf)
{
	return p.bits ? net_prefix_text(p, buf) : "any";
}

static void hear_route(struct cursor *nlri, enum bgp_family f, bool withdraw, const struct bgp_update *u)
{
	struct flowspec_rule r = {0};
	char a[NET_PREFIX_TEXT_SIZE], b[NET_PREFIX_TEXT_SIZE], line[160];
	if (f == BGP_UNICAST_V4 || f == BGP_UNICAST_V6)
		assert_int_equal(bgp_prefix_decode(nlri, f, &r.dst), 0);
	else
		assert_int_equal(flowspec_decode(nlri, f == BGP_FLOW_V6, &r), 0);
	snprintf(line, sizeof(line), "%s < %s%s", end_text(r.dst, a), end_text(r.src, b),
	    r.protocol ? " port" : "");
	for (size_t i = 0; i < n_told; i++)
		if (strncmp(told[i], line, strlen(line)) == 0 && told[i][strlen(line)] == ':')
			told[i][0] = '\0';
	assert_true(n_told < 32);
	if (!withdraw)
		snprintf(told[n_told++], sizeof(told[0]), "%.120s: %s", line,
		    u->seen & 1u << BGP_EXTENDED_COMMUNITIES ? "discard"
		    : u->seen & 1u << BGP_COMMUNITIES        ? "blackhole"
		                                             : "pass");
}

static void hear_routes(struct cursor nlri, enum bgp_family f, bool withdraw, const struct bgp_update *u)
{
	while (cursor_left(&nlri))
		hear_route(&nlri, f, withdraw, u);
}

/* Lets the router read all that is to be told, and compares what it holds, but for what was withdrawn. */
static void assert_told(const char *const *want, size_t n)
{
	struct dynbuf out = {.max = 1 << 20};
	bgp_routes_write(&c.routes, &attributes, &out, 1 << 20);
	assert_int_equal(c.routes.waiting, 0);
	for (size_t at = 0; at < out.n; n_updates++) {
		struct bgp_header h;
		struct bgp_update u;
		struct bgp_problem p;
		assert_int_equal(bgp_header_decode(text_bytes(out.p + at, out.n - at), &h, &p), 0);
		assert_int_equal(bgp_update_decode(cursor_of(out.p + at + 19, h.length - 19u), &u, &p), 0);
		hear_routes(u.withdrawn, BGP_UNICAST_V4, true, &u);
		hear_routes(u.unreach.nlri, bgp_family_of(u.unreach.afi, u.unreach.safi), true, &u);
		hear_routes(u.nlri, BGP_UNICAST_V4, false, &u);
		hear_routes(u.reach.nlri, bgp_family_of(u.reach.afi, u.reach.safi), false, &u);
		at += h.length;
	}
	dynbuf_free(&out);
	size_t at = 0;
	for (size_t i = 0; i < n_told; i++)
		if (told[i][0]) {
			assert_true(at < n);
			assert_string_equal(told[i], want[at++]);
		}
	assert_int_equal(at, n);
}

#define ASSERT_TOLD(...)                                                                                     \
	assert_told(                                                                                         \
	    (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void test_a_route_that_two_cuts_want_goes_with_the_last_of_them(void **state)
{
	(void)state;
	begin(false, NULL, 0, BGP_CUTS_MAX);
	bgp_routes_session(&c.routes, FLOWS);
	assert_int_equal(change(step(BACKEND_ADD, "10.0.0.11", "203.0.113.66", 100)), 0);
	assert_int_equal(change(step(BACKEND_ADD, "203.0.113.66", "10.0.0.11", 200)), 0);
	ASSERT_TOLD("203.0.113.66/32 < 10.0.0.11/32: discard", "10.0.0.11/32 < 203.0.113.66/32: discard");
	assert_int_equal(n_updates, 1);
	assert_int_equal(change(step(BACKEND_REMOVE, "10.0.0.11", "203.0.113.66", 0)), 0);
	ASSERT_TOLD("203.0.113.66/32 < 10.0.0.11/32: discard", "10.0.0.11/32 < 203.0.113.66/32: discard");
	assert_int_equal(change(step(BACKEND_REMOVE, "203.0.113.66", "10.0.0.11", 0)), 0);
	assert_told(NULL, 0);
	assert_int_equal(table_count(c.routes.table), 0);
}

static void test_what_is_taken_back_before_it_was_told_is_never_told(void **state)
{
	(void)state;
	begin(false, NULL, 0, BGP_CUTS_MAX);
	bgp_routes_session(&c.routes, FLOWS);
	assert_int_equal(change(step(BACKEND_ADD, "10.0.0.11", "any", 100)), 0);
	assert_int_equal(change(step(BACKEND_REMOVE, "10.0.0.11", "any", 0)), 0);
	assert_told(NULL, 0);
	assert_int_equal(n_updates, 0);
	assert_int_equal(change(step(BACKEND_ADD, "10.0.0.11", "any", 100)), 0);
	ASSERT_TOLD("any < 10.0.0.11/32: discard", "10.0.0.11/32 < any: discard");
	assert_int_equal(change(step(BACKEND_REMOVE, "10.0.0.11", "any", 0)), 0);
	assert_int_equal(change(step(BACKEND_ADD, "10.0.0.11", "any", 100)), 0);
	ASSERT_TOLD("any < 10.0.0.11/32: discard", "10.0.0.11/32 < any: discard");
	assert_int_equal(n_updates, 1);
}

static void test_each_cut_ends_at_its_own_end(void **state)
{
	(void)state;
	begin(false, NULL, 0, BGP_CUTS_MAX);
	bgp_routes_session(&c.routes, FLOWS);
	assert_int_equal(change(step(BACKEND_ADD, "10.0.0.11", "any", 100)), 0);
	assert_int_equal(change(step(BACKEND_ADD, "2001:db8::1", "any", 200)), 0);
	assert_int_equal(c.next_end, 100);
	assert_int_equal(bgp_cuts_expire(&c, 99), 0);
	assert_int_equal(change(step(BACKEND_RENEW, "10.0.0.11", "any", 150)), 0);
	assert_int_equal(bgp_cuts_expire(&c, 149), 0);
	assert_int_equal(c.next_end, 150);
	assert_int_equal(bgp_cuts_expire(&c, 150), 1);
	ASSERT_TOLD("any < 2001:db8::1/128: discard", "2001:db8::1/128 < any: discard");
	assert_int_equal(c.next_end, 200);
	assert_int_equal(bgp_cuts_expire(&c, INT64_MAX), 1);
	assert_told(NULL, 0);
	assert_int_equal(c.next_end, INT64_MAX);
}

static void test_a_new_session_is_told_everything_that_stands_and_nothing_else(void **state)
{
	(void)state;
	begin(false, NULL, 0, BGP_CUTS_MAX);
	bgp_routes_session(&c.routes, FLOWS);
	assert_int_equal(change(step(BACKEND_ADD, "10.0.0.11", "any", 100)), 0);
	assert_int_equal(change(step(BACKEND_ADD, "10.0.0.12", "any", 100)), 0);
	ASSERT_TOLD("any < 10.0.0.11/32: discard", "10.0.0.11/32 < any: discard",
	    "any < 10.0.0.12/32: discard", "10.0.0.12/32 < any: discard");
	bgp_routes_session(&c.routes, 0);
	struct backend_step gone = step(BACKEND_REMOVE, "10.0.0.11", "any", 0);
	bgp_cuts_remove(&c, &gone, 1);
	memset(told, 0, sizeof(told)); /* the router withdraws all by itself */
	n_told = 0;
	assert_int_equal(change(step(BACKEND_ADD, "10.0.0.12", "any", 200)), 0);
	bgp_routes_session(&c.routes, FLOWS);
	ASSERT_TOLD("any < 10.0.0.12/32: discard", "10.0.0.12/32 < any: discard");
	assert_int_equal(table_count(c.routes.table), 2);
}

static void test_when_the_lease_is_over_all_is_withdrawn_and_comes_back_with_it(void **state)
{
	(void)state;
	begin(false, NULL, 0, BGP_CUTS_MAX);
	bgp_routes_session(&c.routes, FLOWS);
	assert_int_equal(change(step(BACKEND_ADD, "10.0.0.11", "any", 100)), 0);
	ASSERT_TOLD("any < 10.0.0.11/32: discard", "10.0.0.11/32 < any: discard");
	bgp_routes_set_live(&c.routes, false);
	assert_told(NULL, 0);
	bgp_routes_set_live(&c.routes, true);
	ASSERT_TOLD("any < 10.0.0.11/32: discard", "10.0.0.11/32 < any: discard");
}

static void test_a_refresh_tells_one_family_again_whatever_waits(void **state)
{
	(void)state;
	begin(false, NULL, 0, BGP_CUTS_MAX);
	bgp_routes_session(&c.routes, FLOWS);
	assert_int_equal(change(step(BACKEND_ADD, "10.0.0.11", "any", 100)), 0);
	assert_int_equal(change(step(BACKEND_ADD, "2001:db8::1", "any", 100)), 0);
	ASSERT_TOLD("any < 10.0.0.11/32: discard", "10.0.0.11/32 < any: discard",
	    "any < 2001:db8::1/128: discard", "2001:db8::1/128 < any: discard");
	assert_int_equal(n_updates, 2);
	bgp_routes_again(&c.routes, 1u << BGP_FLOW_V4);
	ASSERT_TOLD("any < 2001:db8::1/128: discard", "2001:db8::1/128 < any: discard",
	    "any < 10.0.0.11/32: discard", "10.0.0.11/32 < any: discard");
	assert_int_equal(n_updates, 3);
	/* one that stands in the line of those to be withdrawn, and is wanted again */
	assert_int_equal(change(step(BACKEND_REMOVE, "10.0.0.11", "any", 0)), 0);
	assert_int_equal(change(step(BACKEND_ADD, "10.0.0.11", "any", 100)), 0);
	bgp_routes_again(&c.routes, 1u << BGP_FLOW_V4);
	ASSERT_TOLD("any < 2001:db8::1/128: discard", "2001:db8::1/128 < any: discard",
	    "10.0.0.11/32 < any: discard", "any < 10.0.0.11/32: discard");
}

static void test_a_family_that_the_router_lacks_is_not_told_and_refused(void **state)
{
	(void)state;
	struct cut v6 = cut("2001:db8::1", "any"), v4 = cut("10.0.0.11", "any");
	begin(false, NULL, 0, BGP_CUTS_MAX);
	assert_null(bgp_cuts_cannot(&c, &v6)); /* nobody knows yet */
	assert_int_equal(change(step(BACKEND_ADD, "2001:db8::1", "any", 100)), 0);
	bgp_routes_session(&c.routes, 1u << BGP_FLOW_V4);
	assert_non_null(bgp_cuts_cannot(&c, &v6));
	assert_null(bgp_cuts_cannot(&c, &v4));
	assert_told(NULL, 0);
	assert_int_equal(change(step(BACKEND_ADD, "2001:db8::2", "any", 100)), -EOPNOTSUPP);
}

static void test_what_must_pass_goes_first_and_is_withdrawn_last(void **state)
{
	(void)state;
	const struct backend_pass pass[] = {{.prefix = prefix("10.0.2.53"), .protocol = 17, .port = 53},
	    {.prefix = prefix("198.51.100.0/24")}};
	struct cut inside = cut("10.0.0.11", "198.51.100.7");
	begin(false, pass, 2, BGP_CUTS_MAX);
	bgp_routes_session(&c.routes, FLOWS);
	assert_int_equal(change(step(BACKEND_ADD, "10.0.0.11", "any", 100)), 0);
	ASSERT_TOLD("10.0.2.53/32 < 10.0.0.11/32 port: pass", "198.51.100.0/24 < 10.0.0.11/32: pass",
	    "10.0.0.11/32 < 10.0.2.53/32 port: pass", "10.0.0.11/32 < 198.51.100.0/24: pass",
	    "any < 10.0.0.11/32: discard", "10.0.0.11/32 < any: discard");
	assert_string_equal(bgp_cuts_cannot(&c, &inside), "all of it must pass");
	assert_int_equal(change(step(BACKEND_REMOVE, "10.0.0.11", "any", 0)), 0);
	struct dynbuf out = {0};
	bgp_routes_write(&c.routes, &attributes, &out, 1 << 16);
	/* two messages: each withdraws two discards, or four passes */
	assert_int_equal(out.p[BGP_HEADER_SIZE + 8 + 3], 6);
	dynbuf_free(&out);
}

static void test_blackhole_routes_lead_to_the_end_that_is_named(void **state)
{
	(void)state;
	struct cut pair = cut("10.0.0.11", "203.0.113.66"), v6 = cut("any", "2001:db8::1"),
	           names = cut("10.0.2.0/24", "any");
	const struct backend_pass pass[] = {{.prefix = prefix("10.0.2.53"), .protocol = 17, .port = 53}};
	begin(true, pass, 1, BGP_CUTS_MAX);
	c.has_hop[1] = false;
	bgp_routes_session(&c.routes, UNICAST);
	assert_non_null(bgp_cuts_cannot(&c, &pair));
	assert_non_null(bgp_cuts_cannot(&c, &v6));
	assert_non_null(bgp_cuts_cannot(&c, &names));
	assert_int_equal(change(step(BACKEND_ADD, "203.0.113.66", "any", 100)), 0);
	assert_int_equal(change(step(BACKEND_ADD, "any", "203.0.113.66", 100)), 0);
	ASSERT_TOLD("203.0.113.66/32 < any: blackhole");
	assert_int_equal(change(step(BACKEND_REMOVE, "203.0.113.66", "any", 0)), 0);
	ASSERT_TOLD("203.0.113.66/32 < any: blackhole");
	assert_int_equal(change(step(BACKEND_REMOVE, "any", "203.0.113.66", 0)), 0);
	assert_told(NULL, 0);
}

static void test_all_steps_are_taken_or_none(void **state)
{
	(void)state;
	begin(false, NULL, 0, BGP_CUTS_MAX);
	bgp_routes_session(&c.routes, FLOWS);
	assert_int_equal(change(step(BACKEND_ADD, "10.0.0.1", "any", 100)), 0);
	assert_int_equal(change(step(BACKEND_ADD, "10.0.0.2", "any", 100)), 0);
	struct backend_step bad[] = {step(BACKEND_REMOVE, "10.0.0.1", "any", 0),
	    step(BACKEND_RENEW, "10.0.0.2", "any", 500), step(BACKEND_ADD, "10.0.0.3", "any", 300),
	    step(BACKEND_ADD, "10.0.0.3", "any", 400), step(BACKEND_RENEW, "10.0.0.4", "any", 100)};
	size_t at = 0, n;
	assert_int_equal(bgp_cuts_change(&c, bad, 5, &at), -ENOENT);
	assert_int_equal(at, 4);
	bad[4] = step(BACKEND_ADD, "any", "any", 100);
	assert_int_equal(bgp_cuts_change(&c, bad, 5, &at), -EOPNOTSUPP);
	bad[4] = step(BACKEND_ADD, "10.0.0.5", "any", 100);
	bad[4].fail_closed = true;
	assert_int_equal(bgp_cuts_change(&c, bad, 5, &at), -EOPNOTSUPP);
	struct backend_element *v;
	assert_int_equal(bgp_cuts_read(&c, &v, &n), 0);
	assert_int_equal(n, 2);
	struct cut first = cut("10.0.0.1", "any");
	assert_int_equal(cut_compare(&v[0].cut, &first), 0);
	assert_int_equal(v[0].until, 100);
	assert_int_equal(v[1].until, 100);
	assert_true(v[0].packets == UINT64_MAX);
	free(v);
	ASSERT_TOLD("any < 10.0.0.1/32: discard", "10.0.0.1/32 < any: discard", "any < 10.0.0.2/32: discard",
	    "10.0.0.2/32 < any: discard");
	assert_int_equal(bgp_cuts_change(&c, bad, 4, &at), 0);
	ASSERT_TOLD("any < 10.0.0.2/32: discard", "10.0.0.2/32 < any: discard", "any < 10.0.0.3/32: discard",
	    "10.0.0.3/32 < any: discard");
	bgp_cuts_clear(&c);
	assert_told(NULL, 0);
}

static void test_the_table_holds_as_many_cuts_as_it_says(void **state)
{
	(void)state;
	enum { MAX = 4 };
	begin(false, NULL, 0, MAX);
	for (int i = 1; i <= MAX + 1; i++) {
		char from[16];
		snprintf(from, sizeof(from), "10.0.0.%d", i);
		assert_int_equal(change(step(BACKEND_ADD, from, "any", 100)), i <= MAX ? 0 : -ERR_LIMIT);
	}
	assert_int_equal(table_count(c.table), MAX);
	assert_int_equal(table_count(c.routes.table), 2 * MAX);
}

static void test_no_more_is_written_than_there_is_room_for(void **state)
{
	(void)state;
	struct dynbuf out = {0};
	begin(false, NULL, 0, BGP_CUTS_MAX);
	bgp_routes_session(&c.routes, FLOWS);
	for (int i = 0; i < 2000; i++) {
		char from[16];
		snprintf(from, sizeof(from), "10.0.%d.%d", i / 250, i % 250);
		assert_int_equal(change(step(BACKEND_ADD, from, "203.0.113.66", 100)), 0);
	}
	size_t rounds = 0;
	for (; c.routes.waiting && rounds < 100; rounds++) {
		bgp_routes_write(&c.routes, &attributes, &out, 2 * BGP_MESSAGE_MAX);
		assert_true(out.n > BGP_MESSAGE_MAX / 2 && out.n <= (size_t)2 * BGP_MESSAGE_MAX);
		dynbuf_reset(&out);
	}
	/* 4,000 rules of 13 bytes, 310 to a message of 4,087: two of those a round */
	assert_int_equal(rounds, 7);
	dynbuf_free(&out);
}

#define ONE(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    ONE(test_a_route_that_two_cuts_want_goes_with_the_last_of_them),
	    ONE(test_what_is_taken_back_before_it_was_told_is_never_told),
	    ONE(test_each_cut_ends_at_its_own_end),
	    ONE(test_a_new_session_is_told_everything_that_stands_and_nothing_else),
	    ONE(test_when_the_lease_is_over_all_is_withdrawn_and_comes_back_with_it),
	    ONE(test_a_refresh_tells_one_family_again_whatever_waits),
	    ONE(test_a_family_that_the_router_lacks_is_not_told_and_refused),
	    ONE(test_what_must_pass_goes_first_and_is_withdrawn_last),
	    ONE(test_blackhole_routes_lead_to_the_end_that_is_named),
	    ONE(test_all_steps_are_taken_or_none),
	    ONE(test_the_table_holds_as_many_cuts_as_it_says),
	    ONE(test_no_more_is_written_than_there_is_room_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
