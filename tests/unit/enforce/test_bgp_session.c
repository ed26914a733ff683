/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "enforce/bgp_session.h"

/* The state machine with a simulated clock: what it says is read from `out`, as a router would. */

static const int64_t second = INT64_C(1000000000);
static struct bgp_session s;
static const struct bgp_open ours = {.as = 65010,
    .hold_s = 9,
    .id = {192, 0, 2, 1},
    .families = 1u << BGP_FLOW_V4 | 1u << BGP_FLOW_V6,
    .as4 = true,
    .route_refresh = true};
static const struct bgp_open theirs = {.as = 65020,
    .hold_s = 240,
    .id = {192, 0, 2, 2},
    .families = 1u << BGP_FLOW_V4 | 1u << BGP_FLOW_V6,
    .as4 = true};

static int setup(void **state)
{
	(void)state;
	bgp_session_begin(&s, &ours, theirs.as);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bgp_session_free(&s);
	return 0;
}

static void hear(int64_t now, const struct dynbuf *said)
{
	bgp_session_input(&s, now, said->p, said->n);
}

static void hear_open(int64_t now, const struct bgp_open *o)
{
	struct dynbuf b = {0};
	bgp_open_encode(&b, o);
	hear(now, &b);
	dynbuf_free(&b);
}

static void hear_keepalive(int64_t now)
{
	struct dynbuf b = {0};
	bgp_keepalive_encode(&b);
	hear(now, &b);
	dynbuf_free(&b);
}

static void hear_body(int64_t now, enum bgp_type type, const void *p, size_t n)
{
	struct dynbuf b = {0};
	bgp_header_encode(&b, type, n);
	dynbuf_append(&b, p, n);
	hear(now, &b);
	dynbuf_free(&b);
}

/* Takes the first message off what is to be written: its type, 0 where there is none. */
static int said(struct bgp_notification *ret_notification)
{
	struct bgp_header h;
	struct bgp_problem p;
	if (bgp_header_decode(dynbuf_view(&s.out), &h, &p) < 0)
		return 0;
	if (h.type == BGP_NOTIFICATION && ret_notification)
		bgp_notification_decode(
		    cursor_of(s.out.p + BGP_HEADER_SIZE, h.length - (size_t)BGP_HEADER_SIZE),
		    ret_notification);
	dynbuf_drop_front(&s.out, h.length);
	return h.type;
}

static void assert_ended_with(uint8_t code, uint8_t subcode)
{
	struct bgp_notification n = {0};
	assert_int_equal(said(&n), BGP_NOTIFICATION);
	assert_int_equal(n.code, code);
	assert_int_equal(n.subcode, subcode);
	assert_int_equal(said(NULL), 0);
	assert_int_equal(s.state, BGP_IDLE);
	assert_true(s.drop);
}

static void to_open_sent(int64_t now)
{
	bgp_session_tick(&s, now);
	assert_int_equal(s.state, BGP_CONNECT);
	bgp_session_connected(&s, now);
	assert_int_equal(said(NULL), BGP_OPEN);
	assert_int_equal(s.state, BGP_OPEN_SENT);
}

static void to_open_confirm(int64_t now)
{
	to_open_sent(now);
	hear_open(now, &theirs);
	assert_int_equal(said(NULL), BGP_KEEPALIVE);
	assert_int_equal(s.state, BGP_OPEN_CONFIRM);
}

static void to_established(int64_t now)
{
	to_open_confirm(now);
	hear_keepalive(now);
	assert_int_equal(s.state, BGP_ESTABLISHED);
	assert_int_equal(said(NULL), 0);
}

static void test_keepalives_go_out_three_times_in_a_hold_time(void **state)
{
	(void)state;
	to_established(100 * second);
	assert_int_equal(s.hold_ns, 9 * second); /* the shorter of both */
	assert_int_equal(bgp_session_deadline(&s), 103 * second);
	bgp_session_tick(&s, 103 * second - 1);
	assert_int_equal(said(NULL), 0);
	bgp_session_tick(&s, 103 * second);
	assert_int_equal(said(NULL), BGP_KEEPALIVE);
	assert_int_equal(bgp_session_deadline(&s), 106 * second);
	/* bytes that wait say as much as one would */
	dynbuf_u8(&s.out, 0);
	bgp_session_tick(&s, 106 * second);
	assert_int_equal(s.out.n, 1);
}

static void test_a_silent_router_is_left_after_the_hold_time(void **state)
{
	(void)state;
	to_established(100 * second);
	hear_keepalive(104 * second);
	bgp_session_tick(&s, 113 * second - 1);
	assert_int_equal(said(NULL), BGP_KEEPALIVE);
	assert_int_equal(s.state, BGP_ESTABLISHED);
	bgp_session_tick(&s, 113 * second);
	assert_ended_with(BGP_ERROR_HOLD_TIMER, 0);
	/* it may be that only its way to us is cut: until its own hold timer ends it may hold what it was
	 * told */
	assert_int_equal(s.doubt_until, 122 * second);
	assert_string_equal(s.why, "we ended it: hold timer expired");
}

static void test_every_message_but_a_route_refresh_shows_that_the_router_lives(void **state)
{
	(void)state;
	static const uint8_t update[4], refresh[4] = {0, 1, 0, 133};
	to_established(0);
	hear_body(5 * second, BGP_UPDATE, update, sizeof(update));
	bgp_session_tick(&s, 13 * second);
	assert_int_equal(s.state, BGP_ESTABLISHED);
	hear_body(13 * second, BGP_ROUTE_REFRESH, refresh, sizeof(refresh));
	assert_int_equal(s.refresh, 1u << BGP_FLOW_V4);
	dynbuf_reset(&s.out);
	bgp_session_tick(&s, 14 * second);
	assert_ended_with(BGP_ERROR_HOLD_TIMER, 0);
}

static void test_a_router_that_does_not_read_is_left_too(void **state)
{
	(void)state;
	to_established(0);
	dynbuf_append(&s.out, "some bytes", 10);
	bgp_session_wrote(&s, 0, 0);
	hear_keepalive(8 * second);
	hear_keepalive(16 * second);
	bgp_session_wrote(&s, 16 * second, 1); /* a byte was taken: twice the hold time again */
	for (int64_t t = 24; t < 34; t += 8)
		hear_keepalive(t * second);
	bgp_session_wrote(&s, 33 * second, 0);
	bgp_session_tick(&s, 34 * second - 1);
	assert_int_equal(s.state, BGP_ESTABLISHED);
	bgp_session_tick(&s, 34 * second);
	dynbuf_drop_front(&s.out, 9);
	assert_ended_with(BGP_ERROR_SEND_HOLD_TIMER, 0);
}

static void test_opens_that_we_do_not_talk_to_get_their_notification(void **state)
{
	(void)state;
	struct bgp_open rows[6];
	static const uint8_t subcodes[6] = {BGP_BAD_PEER_AS, BGP_BAD_IDENTIFIER, BGP_BAD_HOLD_TIME,
	    BGP_BAD_HOLD_TIME, BGP_BAD_HOLD_TIME, BGP_LACKS_CAPABILITY};
	for (size_t i = 0; i < 6; i++)
		rows[i] = theirs;
	rows[0].as = 65021;
	memset(rows[1].id, 0, 4);
	rows[2].hold_s = 0; /* without keepalives there is no dead-man */
	rows[3].hold_s = 1;
	rows[4].hold_s = 2;
	rows[5].families = 1u << BGP_UNICAST_V4;
	for (size_t i = 0; i < 6; i++) {
		bgp_session_free(&s);
		bgp_session_begin(&s, &ours, theirs.as);
		to_open_sent(0);
		hear_open(0, &rows[i]);
		assert_ended_with(BGP_ERROR_OPEN, subcodes[i]);
		assert_int_equal(s.doubt_until, INT64_MIN); /* nothing was announced */
	}
	struct bgp_open least = theirs;
	least.hold_s = 3;
	bgp_session_free(&s);
	bgp_session_begin(&s, &ours, theirs.as);
	to_open_sent(0);
	hear_open(0, &least);
	assert_int_equal(s.state, BGP_OPEN_CONFIRM);
	assert_int_equal(s.hold_ns, 3 * second);
}

static void test_within_one_as_the_router_needs_an_identifier_of_its_own(void **state)
{
	(void)state;
	struct bgp_open same = theirs;
	memcpy(same.id, ours.id, 4);
	to_open_sent(0);
	hear_open(0, &same);
	assert_int_equal(s.state, BGP_OPEN_CONFIRM); /* between two it may be the same (RFC 6286) */
	bgp_session_free(&s);
	bgp_session_begin(&s, &ours, ours.as);
	same.as = ours.as;
	to_open_sent(0);
	hear_open(0, &same);
	assert_ended_with(BGP_ERROR_OPEN, BGP_BAD_IDENTIFIER);
}

static void test_only_families_of_both_sides_are_used(void **state)
{
	(void)state;
	struct bgp_open less = theirs;
	less.families = 1u << BGP_FLOW_V4 | 1u << BGP_UNICAST_V6;
	to_open_sent(0);
	hear_open(0, &less);
	hear_keepalive(0);
	assert_int_equal(s.state, BGP_ESTABLISHED);
	assert_int_equal(s.families, 1u << BGP_FLOW_V4);
}

static void test_a_message_out_of_its_state_ends_the_session(void **state)
{
	(void)state;
	static const uint8_t update[4], refresh[4] = {0, 1, 0, 133};
	static void (*const to[])(int64_t) = {to_open_sent, to_open_confirm, to_established};
	static const bool legal[3][5] = {
	    /* OPEN, UPDATE, NOTIFICATION, KEEPALIVE, ROUTE-REFRESH */
	    {true, false, true, false, false},
	    {false, false, true, true, false},
	    {false, true, true, true, true},
	};
	for (int in = 0; in < 3; in++)
		for (int type = BGP_OPEN; type <= BGP_ROUTE_REFRESH; type++) {
			if (legal[in][type - 1])
				continue;
			bgp_session_free(&s);
			bgp_session_begin(&s, &ours, theirs.as);
			to[in](0);
			if (type == BGP_OPEN)
				hear_open(0, &theirs);
			else if (type == BGP_KEEPALIVE)
				hear_keepalive(0);
			else if (type == BGP_UPDATE)
				hear_body(0, BGP_UPDATE, update, sizeof(update));
			else
				hear_body(0, BGP_ROUTE_REFRESH, refresh, sizeof(refresh));
			assert_ended_with(BGP_ERROR_STATE, (uint8_t)(in + 1));
		}
}

static void test_malformed_messages_end_it_with_what_was_wrong(void **state)
{
	(void)state;
	static const uint8_t routes[] = {0, 0, 0, 0, 33, 1, 2, 3, 4, 5}, ones[] = {0, 9, 0, 0};
	uint8_t head[BGP_HEADER_SIZE];
	to_established(0);
	hear_body(0, BGP_UPDATE, routes, sizeof(routes));
	assert_ended_with(BGP_ERROR_UPDATE, BGP_BAD_NETWORK);
	bgp_session_dropped(&s);
	to_established(10 * second);
	hear_body(10 * second, BGP_UPDATE, ones, sizeof(ones));
	assert_ended_with(BGP_ERROR_UPDATE, BGP_BAD_ATTRIBUTES);
	bgp_session_dropped(&s);
	to_established(20 * second);
	memset(head, 0, sizeof(head));
	bgp_session_input(&s, 20 * second, head, sizeof(head));
	assert_ended_with(BGP_ERROR_HEADER, BGP_NOT_SYNCHRONIZED);
}

static void test_messages_may_come_byte_by_byte_or_many_at_once(void **state)
{
	(void)state;
	struct dynbuf b = {0};
	to_open_sent(0);
	bgp_open_encode(&b, &theirs);
	for (int i = 0; i < 800; i++)
		bgp_keepalive_encode(&b);
	for (size_t i = 0; i < 60; i++)
		bgp_session_input(&s, 0, b.p + i, 1);
	bgp_session_input(&s, 0, b.p + 60, b.n - 60);
	assert_int_equal(s.state, BGP_ESTABLISHED);
	assert_int_equal(s.in.n, 0);
	bgp_session_input(&s, 0, b.p + b.n - 19, 18);
	assert_int_equal(s.in.n, 18);
	dynbuf_free(&b);
}

static void test_what_a_router_says_at_the_end_is_told_in_clean_text(void **state)
{
	(void)state;
	static const uint8_t word[] = "\x06\x02\x0a"
	                              "see \x1b[31mu";
	to_established(100 * second);
	hear_body(100 * second, BGP_NOTIFICATION, word, sizeof(word) - 1);
	assert_int_equal(s.state, BGP_IDLE);
	assert_true(s.drop);
	assert_int_equal(said(NULL), 0); /* a NOTIFICATION isn't answered */
	assert_string_equal(s.why, "the router ended it: cease: administrative shutdown: see \\x1b[31mu");
	assert_int_equal(s.doubt_until, 100 * second); /* it has withdrawn everything */
}

static void test_attempts_grow_rare_and_a_session_that_stood_makes_them_quick_again(void **state)
{
	(void)state;
	static const int waits[] = {1, 2, 4, 8, 8};
	int64_t now = 1000 * second;
	for (size_t i = 0; i < 5; i++) {
		bgp_session_tick(&s, now);
		assert_int_equal(s.state, BGP_CONNECT);
		assert_int_equal(bgp_session_deadline(&s), now + 10 * second);
		bgp_session_lost(&s, now, false, "refused");
		bgp_session_tick(&s, now + 100 * second);
		assert_int_equal(s.state, BGP_IDLE); /* the old connection has to be closed first */
		bgp_session_dropped(&s);
		assert_int_equal(bgp_session_deadline(&s), now + waits[i] * second);
		bgp_session_tick(&s, now + waits[i] * second - 1);
		assert_int_equal(s.state, BGP_IDLE);
		now += waits[i] * second;
	}
	to_established(now);
	s.give_up_at = INT64_MAX;
	bgp_session_lost(&s, now + 60 * second, true, "closed");
	bgp_session_dropped(&s);
	assert_int_equal(bgp_session_deadline(&s), now + 61 * second);
}

static void test_an_attempt_without_answer_is_given_up(void **state)
{
	(void)state;
	bgp_session_tick(&s, 0);
	bgp_session_tick(&s, 10 * second - 1);
	assert_int_equal(s.state, BGP_CONNECT);
	bgp_session_tick(&s, 10 * second);
	assert_int_equal(s.state, BGP_IDLE);
	bgp_session_dropped(&s);
	to_open_sent(20 * second);
	bgp_session_tick(&s, 50 * second - 1);
	assert_int_equal(s.state, BGP_OPEN_SENT);
	bgp_session_tick(&s, 50 * second); /* who connects and never says a word */
	assert_ended_with(BGP_ERROR_HOLD_TIMER, 0);
}

static void test_a_shutdown_says_a_word(void **state)
{
	(void)state;
	struct bgp_notification n;
	to_established(0);
	bgp_session_shutdown(&s, 0, TEXT("maintenance"));
	struct bgp_header h;
	struct bgp_problem p;
	assert_int_equal(bgp_header_decode(dynbuf_view(&s.out), &h, &p), 0);
	assert_int_equal(h.type, BGP_NOTIFICATION);
	bgp_notification_decode(cursor_of(s.out.p + 19, h.length - 19u), &n);
	assert_true(text_equal(n.word, TEXT("maintenance")));
	assert_ended_with(BGP_ERROR_CEASE, BGP_SHUT_DOWN);
}

#define ONE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    ONE(test_keepalives_go_out_three_times_in_a_hold_time),
	    ONE(test_a_silent_router_is_left_after_the_hold_time),
	    ONE(test_every_message_but_a_route_refresh_shows_that_the_router_lives),
	    ONE(test_a_router_that_does_not_read_is_left_too),
	    ONE(test_opens_that_we_do_not_talk_to_get_their_notification),
	    ONE(test_within_one_as_the_router_needs_an_identifier_of_its_own),
	    ONE(test_only_families_of_both_sides_are_used),
	    ONE(test_a_message_out_of_its_state_ends_the_session),
	    ONE(test_malformed_messages_end_it_with_what_was_wrong),
	    ONE(test_messages_may_come_byte_by_byte_or_many_at_once),
	    ONE(test_what_a_router_says_at_the_end_is_told_in_clean_text),
	    ONE(test_attempts_grow_rare_and_a_session_that_stood_makes_them_quick_again),
	    ONE(test_an_attempt_without_answer_is_given_up),
	    ONE(test_a_shutdown_says_a_word),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
