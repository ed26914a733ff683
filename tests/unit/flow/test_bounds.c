/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packets.h"

#include "flow/entry.h"

/* When flows end: timeouts, the bound on their number, the end of the capture; and what is expected to come.
 */

static void a_flow_ends_just_after_its_timeout(void **state)
{
	static const struct {
		const char *what;
		int64_t timeout_s;
		uint8_t protocol;
		bool answered;
	} rows[] = {
	    {"UDP without an answer", 30, PACKET_UDP, false},
	    {"UDP answered", 180, PACKET_UDP, true},
	    {"ICMP", 60, PACKET_ICMP, true},
	    {"anything else", 120, PACKET_SCTP, true},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct book *b = book_open((struct flow_table_config){0});
		bool ping = rows[i].protocol == PACKET_ICMP;
		int64_t end = rows[i].timeout_s * NS_PER_S;
		feed_layer(b, 0, layer(rows[i].protocol, 1, ping ? 8 : 5000, 2, ping ? 0 : 53, 1));
		if (rows[i].answered)
			feed_layer(b, 0, layer(rows[i].protocol, 2, ping ? 0 : 53, 1, ping ? 0 : 5000, 1));
		flow_table_expire(b->t, end);
		if (b->n_ended != 0)
			fail_msg("%s ended early", rows[i].what);
		flow_table_expire(b->t, end + 1);
		if (b->n_ended != 1 || b->ended[0].how != FLOW_END_TIMEOUT)
			fail_msg("%s didn't end", rows[i].what);
		assert_int_equal(flow_table_stats(b->t)->timeouts, 1);
		book_close(b);
	}
}

/* Most of a scan or a flood: nothing is kept of it but the flow itself, until something else comes. */
static void a_syn_alone_costs_no_more_than_its_flow(void **state)
{
	struct book *b = book_open((struct flow_table_config){0});
	(void)state;
	for (uint16_t port = 1; port <= 500; port++)
		for (int again = 0; again < 2; again++)
			tcp(b, (struct segment){.flags = S, .seq = port, .port = port});
	assert_int_equal(flow_table_stats(b->t)->live, 500);
	assert_int_equal(b->t->tcp.high, 0);
	tcp(b, (struct segment){.flags = S, .seq = 77, .port = 1}); /* another number */
	tcp(b, (struct segment){.flags = S | A, .back = true, .seq = 9, .ack = 3, .port = 2});
	tcp(b, (struct segment){.flags = A, .seq = 3, .ack = 10, .port = 2});
	assert_int_equal(b->t->tcp.high, 2);
	assert_int_equal(b->last->tcp, FLOW_TCP_ESTABLISHED);
	book_flush(b);
	assert_true(b->t->tcp.spare); /* given back */
	book_close(b);
}

static void tcp_waits_by_its_state(void **state)
{
	struct book *b = book_open((struct flow_table_config){0});
	(void)state;
	tcp(b, (struct segment){.flags = S, .seq = 1, .port = 1000});
	tcp(b, (struct segment){.flags = S, .seq = 1, .port = 1001});
	tcp(b, (struct segment){.flags = S | A, .back = true, .seq = 9, .ack = 2, .port = 1001});
	tcp(b, (struct segment){.flags = S, .seq = 1, .port = 1002});
	tcp(b, (struct segment){.flags = R | A, .back = true, .ack = 2, .port = 1002});
	handshake(b, 100, 200);
	flow_table_expire(b->t, 10 * NS_PER_S + 1);
	assert_int_equal(b->n_ended, 1); /* refused: lingers 10 s */
	assert_int_equal(b->ended[0].how, FLOW_END_RST);
	flow_table_expire(b->t, 60 * NS_PER_S + 1);
	assert_int_equal(b->n_ended, 3); /* unanswered and half open */
	flow_table_expire(b->t, 3600 * NS_PER_S);
	assert_int_equal(b->n_ended, 3);
	flow_table_expire(b->t, 3600 * NS_PER_S + 1);
	assert_int_equal(b->n_ended, 4);
	book_close(b);
}

static void a_late_packet_begins_a_new_flow_though_nobody_called_expire(void **state)
{
	struct book *b = book_open((struct flow_table_config){0});
	(void)state;
	udp(b, 0, 1, 40000, 2, 53, 1);
	assert_int_equal(udp(b, 30 * NS_PER_S, 1, 40000, 2, 53, 1)->id, 1);
	assert_int_equal(udp(b, 60 * NS_PER_S + 1, 1, 40000, 2, 53, 1)->id, 2);
	assert_int_equal(b->ended[0].how, FLOW_END_TIMEOUT);
	book_close(b);
}

static void time_never_runs_backwards_or_over(void **state)
{
	struct book *b = book_open((struct flow_table_config){0});
	(void)state;
	const struct flow *f = udp(b, INT64_MIN, 1, 40000, 2, 53, 1);
	udp(b, 50, 1, 40000, 2, 53, 1);
	udp(b, 20, 1, 40000, 2, 53, 1);
	assert_int_equal(f->first_ns, 0);
	assert_int_equal(f->last_ns, 50);
	tcp(b, (struct segment){.time_ns = 60, .flags = A, .seq = 1, .n = 5});
	tcp(b, (struct segment){.time_ns = INT64_MAX, .flags = A, .seq = 6, .n = 5});
	flow_table_expect(b->t, b->last, host(1), host(2), 5, APP_FTP);
	udp(b, INT64_MAX, 1, 5, 2, 5, 1);
	book_flush(b);
	book_close(b);
}

static void flows_are_bounded_and_the_bound_evicts(void **state)
{
	(void)state;
	for (size_t n = 7; n <= 9; n++) {
		struct book *b = book_open((struct flow_table_config){.flows_max = 8});
		for (size_t i = 0; i < n; i++)
			udp(b, (int64_t)i, 1, (uint16_t)(1000 + i), 2, 53, 1);
		assert_int_equal(flow_table_stats(b->t)->live, n < 8 ? n : 8);
		assert_int_equal(flow_table_stats(b->t)->evicted, n > 8);
		assert_int_equal(b->n_ended, n > 8);
		if (n > 8) {
			assert_int_equal(b->ended[0].how, FLOW_END_EVICTED);
			assert_int_equal(b->ended[0].f.id, 1);
		}
		book_flush(b);
		assert_int_equal(b->n_ended, n);
		assert_int_equal(flow_table_stats(b->t)->live_peak, n < 8 ? n : 8);
		book_close(b);
	}
}

/* Seven flows of every tier, the open ones idle longest, are pushed out by pings that are answered. */
static void eviction_takes_unanswered_then_closed_then_half_open_then_the_longest_idle(void **state)
{
	struct book *b = book_open((struct flow_table_config){.flows_max = 7});
	static const uint64_t order[] = {4, 6, 7, 5, 3, 1, 2};
	(void)state;
	udp(b, 1, 1, 40000, 2, 53, 1); /* 1: answered */
	udp(b, 2, 2, 53, 1, 40000, 1);
	handshake(b, 1, 1); /* 2: established; the table's time is 2 */
	tcp(b, (struct segment){.time_ns = 3, .flags = A, .seq = 2, .ack = 2});
	tcp(b, (struct segment){.time_ns = 4, .flags = S, .seq = 1, .port = 1003}); /* 3: half open */
	tcp(b, (struct segment){.time_ns = 4, .flags = S | A, .back = true, .ack = 2, .port = 1003});
	udp(b, 5, 1, 40001, 2, 53, 1);                                              /* 4: unanswered */
	tcp(b, (struct segment){.time_ns = 6, .flags = S, .seq = 1, .port = 1005}); /* 5: refused */
	tcp(b, (struct segment){.time_ns = 6, .flags = R | A, .back = true, .ack = 2, .port = 1005});
	tcp(b, (struct segment){.time_ns = 7, .flags = S, .seq = 1, .port = 1006}); /* 6: unanswered */
	icmp(b, 8, 1, 2, 8, 0);                                                     /* 7: unanswered */
	for (unsigned i = 0; i < 7; i++) {
		icmp(b, 9 + i, 100 + i, 2, 8, 0);
		icmp(b, 9 + i, 2, 100 + i, 0, 0);
		assert_int_equal(b->n_ended, i + 1);
		assert_int_equal(b->ended[i].f.id, order[i]);
		assert_int_equal(b->ended[i].how, FLOW_END_EVICTED);
	}
	book_flush(b);
	book_close(b);
}

/* A resolver's table: questions whose answers are on their way stay, exchanges that are over go, as if timed
 * out. */
static void an_exchange_that_is_over_makes_room_for_questions(void **state)
{
	static const int64_t second = 1000000000;
	static const struct {
		int64_t idle;
		bool over;
	} cases[] = {{5 * second, false}, {5 * second + 1, true}, {60 * second, true}};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct book *b = book_open((struct flow_table_config){.flows_max = 2});
		int64_t now = 2 + cases[i].idle;
		udp(b, 1, 1, 40000, 2, 53, 1); /* 1: an exchange */
		udp(b, 2, 2, 53, 1, 40000, 1);
		udp(b, now, 1, 40001, 2, 53, 1); /* 2: a question */
		udp(b, now, 1, 40002, 2, 53, 1); /* 3: another */
		assert_int_equal(b->n_ended, 1);
		assert_int_equal(b->ended[0].f.id, cases[i].over ? 1 : 2);
		assert_int_equal(b->ended[0].how, cases[i].over ? FLOW_END_TIMEOUT : FLOW_END_EVICTED);
		assert_int_equal(flow_table_stats(b->t)->evicted, !cases[i].over);
		book_close(b);
	}
}

/* More than a question and its answer is a conversation. */
static void a_conversation_in_datagrams_is_not_over(void **state)
{
	struct book *b = book_open((struct flow_table_config){.flows_max = 2});
	(void)state;
	for (int i = 0; i < 2; i++)
		udp(b, 1, 1, 40000, 2, 53, 1);
	udp(b, 2, 2, 53, 1, 40000, 1);
	udp(b, INT64_C(60000000000), 1, 40001, 2, 53, 1);
	udp(b, INT64_C(60000000000), 1, 40002, 2, 53, 1);
	assert_int_equal(b->ended[0].f.id, 2);
	assert_int_equal(b->ended[0].how, FLOW_END_EVICTED);
	book_close(b);
}

static void a_flood_of_any_protocol_leaves_what_is_established(void **state)
{
	static const struct {
		uint8_t protocol, flags;
	} floods[] = {{PACKET_UDP, 0}, {PACKET_ICMP, 0}, {PACKET_SCTP, 0}, {PACKET_GRE, 0}, {PACKET_TCP, S},
	    {PACKET_TCP, A}, {PACKET_TCP, R}, {PACKET_TCP, F | A}};
	(void)state;
	for (size_t i = 0; i < sizeof(floods) / sizeof(*floods); i++) {
		struct book *b = book_open((struct flow_table_config){.flows_max = 4});
		struct packet p = {.n_layers = 1, .tcp = {.flags = floods[i].flags, .window_scale = 255}};
		handshake(b, 1, 1);
		for (unsigned n = 0; n < 100; n++) {
			p.time_ns = n + 1;
			p.layers[0] = layer(floods[i].protocol, 1000 + n, 8, 2, 0, 0);
			feed(b, p, NULL, 0);
		}
		assert_int_equal(flow_table_stats(b->t)->evicted, 97);
		assert_int_equal(
		    tcp(b, (struct segment){.time_ns = 200, .flags = A, .seq = 2, .ack = 2})->id, 1);
		book_close(b);
	}
}

static void the_flush_ends_the_oldest_first_and_as_their_state_says(void **state)
{
	struct book *b = book_open((struct flow_table_config){0});
	(void)state;
	udp(b, 1, 1, 40000, 2, 53, 1);
	icmp(b, 2, 1, 2, 8, 0);
	tcp(b, (struct segment){.time_ns = 3, .flags = S, .seq = 1});
	tcp(b, (struct segment){.time_ns = 3, .flags = R | A, .back = true, .ack = 2});
	udp(b, 4, 1, 40000, 2, 53, 1); /* the first flow again: now the last */
	book_flush(b);
	assert_int_equal(b->ended[0].f.id, 2);
	assert_int_equal(b->ended[0].how, FLOW_END_CAPTURE);
	assert_int_equal(b->ended[1].f.id, 3);
	assert_int_equal(b->ended[1].how, FLOW_END_RST);
	assert_int_equal(b->ended[2].f.id, 1);
	book_close(b);
}

static void a_long_flow_is_told_of_meanwhile(void **state)
{
	struct book *b = book_open((struct flow_table_config){.timeouts = {.active_ns = 100}});
	(void)state;
	udp(b, 0, 1, 40000, 2, 53, 1);
	udp(b, 99, 1, 40000, 2, 53, 1);
	assert_int_equal(b->n_snapshots, 0);
	udp(b, 100, 1, 40000, 2, 53, 1);
	assert_int_equal(b->n_snapshots, 1);
	assert_int_equal(b->snapshot.f.side[0].payload, 3);
	udp(b, 199, 1, 40000, 2, 53, 1);
	assert_int_equal(b->n_snapshots, 1);
	udp(b, 200, 1, 40000, 2, 53, 1);
	assert_int_equal(b->n_snapshots, 2);
	assert_int_equal(b->n_ended, 0);
	book_close(b);
}

static void an_expected_flow_is_marked_once_from_the_right_end_in_time(void **state)
{
	struct book *b = book_open((struct flow_table_config){0});
	struct net_addr anybody = {0};
	(void)state;
	uint64_t control = handshake(b, 1, 1)->id;
	flow_table_expect(b->t, b->last, host(1), host(2), 2000, APP_FTP);
	assert_int_equal(udp(b, 0, 3, 40009, 2, 2000, 1)->flags & FLOW_EXPECTED, 0);
	const struct flow *f = udp(b, 0, 1, 40009, 2, 2000, 1);
	assert_true(f->flags & FLOW_EXPECTED);
	assert_int_equal(f->related, control);
	assert_int_equal(f->app, APP_FTP);
	assert_int_equal(udp(b, 0, 1, 40010, 2, 2000, 1)->flags & FLOW_EXPECTED, 0);
	flow_table_expect(b->t, f, anybody, host(2), 2001, APP_FTP);
	flow_table_expect(b->t, f, anybody, host(2), 2002, APP_FTP);
	assert_true(udp(b, 120 * NS_PER_S, 4, 40009, 2, 2001, 1)->flags & FLOW_EXPECTED);
	assert_int_equal(udp(b, 120 * NS_PER_S + 1, 4, 40009, 2, 2002, 1)->flags & FLOW_EXPECTED, 0);
	book_close(b);
}

static void the_oldest_expectation_goes_at_the_bound(void **state)
{
	(void)state;
	for (unsigned n = 4095; n <= 4097; n++) {
		struct book *b = book_open((struct flow_table_config){0});
		const struct flow *f = udp(b, 0, 1, 1, 2, 2, 1);
		for (unsigned i = 0; i < n; i++)
			flow_table_expect(b->t, f, host(1), host(1000), (uint16_t)(i + 1), APP_FTP);
		assert_int_equal(flow_table_stats(b->t)->expectations_displaced, n > 4096);
		assert_int_equal(!!(udp(b, 0, 1, 40009, 1000, 1, 1)->flags & FLOW_EXPECTED), n <= 4096);
		assert_true(udp(b, 0, 1, 40009, 1000, 2, 1)->flags & FLOW_EXPECTED);
		assert_true(udp(b, 0, 1, 40009, 1000, (uint16_t)n, 1)->flags & FLOW_EXPECTED);
		book_close(b);
	}
}

static void an_expectation_made_again_is_new(void **state)
{
	struct book *b = book_open((struct flow_table_config){0});
	const struct flow *f = udp(b, 0, 1, 1, 2, 2, 1);
	(void)state;
	flow_table_expect(b->t, f, host(1), host(1000), 1, APP_FTP);
	flow_table_expect(b->t, f, host(1), host(1000), 1, APP_FTP);
	for (unsigned i = 1; i < 4096; i++)
		flow_table_expect(b->t, f, host(1), host(1000), (uint16_t)(i + 1), APP_FTP);
	assert_true(udp(b, 0, 1, 40009, 1000, 1, 1)->flags & FLOW_EXPECTED);
	book_close(b);
}

/* How many flows the fullest bucket holds. */
static size_t longest_chain(const struct flow_table *t)
{
	size_t longest = 0;
	for (size_t i = 0; i <= t->mask; i++) {
		size_t n = 0;
		for (uint32_t e = t->buckets[i]; e; e = flow_entry_at(t, e)->chain)
			n++;
		longest = n > longest ? n : longest;
	}
	return longest;
}

enum { SOON_FLOWS = 40 };
static struct {
	uint8_t told[SOON_FLOWS + 1]; /* by id, bits: first, again, ended */
} soon;

static void soon_tell(void *context, const struct flow *f, bool again)
{
	(void)context;
	assert_true(f->id && f->id <= SOON_FLOWS);
	assert_int_equal(soon.told[f->id] & (again ? 6 : 7), 0); /* once each, before its end */
	soon.told[f->id] |= again ? 2 : 1;
}

static void soon_end(void *context, struct flow *f, enum flow_end how)
{
	(void)how;
	assert_int_equal(soon.told[f->id] & 4, 0);
	soon.told[f->id] |= 4;
	(*(size_t *)context)++;
}

static uint64_t soon_id(void *context)
{
	static uint64_t id;
	(void)context;
	return id = id % SOON_FLOWS + 1;
}

static void soon_start(void *context, struct flow *f)
{
	(void)context;
	(void)f;
}

static bool soon_data(void *context, struct flow *f, enum flow_dir dir, const uint8_t *p, size_t n,
    uint64_t gap, int64_t time_ns)
{
	(void)context, (void)f, (void)dir, (void)p, (void)n, (void)gap, (void)time_ns;
	return true;
}

/* Whoever ends, whatever for, was told of before, twice, but for the first few. */
static void ends_are_told_of_before(void **state)
{
	(void)state;
	for (int how = 0; how < 3; how++) {
		size_t ended = 0, told = 0;
		struct flow_table *t;
		const struct flow_table_config c = {.next_id = soon_id,
		    .start = soon_start,
		    .data = soon_data,
		    .end = soon_end,
		    .soon = soon_tell,
		    .flows_max = how == 0 ? SOON_FLOWS / 2 : SOON_FLOWS,
		    .context = &ended};
		memset(&soon, 0, sizeof(soon));
		assert_int_equal(flow_table_new(&t, &c), 0);
		for (unsigned i = 0; i < SOON_FLOWS; i++) {
			struct packet p = {.n_layers = 1,
			    .time_ns = i,
			    .layers = {layer(PACKET_UDP, 1, (uint16_t)(1000 + i), 2, 53, 1)}};
			assert_int_equal(flow_table_packet(t, &p, NULL), 0);
		}
		if (how == 1)
			flow_table_expire(t, 60 * NS_PER_S);
		flow_table_flush(t);
		assert_int_equal(ended, SOON_FLOWS);
		for (size_t i = 1; i <= SOON_FLOWS; i++)
			told += soon.told[i] == 7;
		assert_in_range(told, SOON_FLOWS - 4, SOON_FLOWS);
		flow_table_free(t);
	}
}

/* Hash flooding: tuples that fall into one bucket under one key are spread under another, which nobody knows.
 */
static void tuples_that_collide_under_one_key_do_not_under_another(void **state)
{
	enum { TRIED = 60000, FLOWS = 512 };
	static uint16_t chosen[TRIED];
	size_t n = 0;
	(void)state;
	struct book *b = book_open((struct flow_table_config){.flows_max = 1 << 16});
	for (unsigned i = 0; i < TRIED; i++) {
		const struct flow *f = udp(b, 0, 1, (uint16_t)(i + 1), 2, 53, 1);
		if ((((const struct flow_entry *)f)->hash & (2 * FLOWS - 1)) == 0)
			chosen[n++] = (uint16_t)(i + 1);
	}
	book_close(b);
	assert_true(n > 30 && n < FLOWS);
	for (uint64_t seed = 42; seed <= 44; seed++) {
		b = book_open((struct flow_table_config){.flows_max = FLOWS, .seed = seed});
		for (size_t i = 0; i < n; i++)
			udp(b, 0, 1, chosen[i], 2, 53, 1);
		if (seed == 42)
			assert_int_equal(longest_chain(b->t), n);
		else
			assert_true(longest_chain(b->t) <= 5);
		book_close(b);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_flow_ends_just_after_its_timeout),
	    cmocka_unit_test(a_syn_alone_costs_no_more_than_its_flow),
	    cmocka_unit_test(tcp_waits_by_its_state),
	    cmocka_unit_test(a_late_packet_begins_a_new_flow_though_nobody_called_expire),
	    cmocka_unit_test(time_never_runs_backwards_or_over),
	    cmocka_unit_test(flows_are_bounded_and_the_bound_evicts),
	    cmocka_unit_test(an_exchange_that_is_over_makes_room_for_questions),
	    cmocka_unit_test(a_conversation_in_datagrams_is_not_over),
	    cmocka_unit_test(eviction_takes_unanswered_then_closed_then_half_open_then_the_longest_idle),
	    cmocka_unit_test(a_flood_of_any_protocol_leaves_what_is_established),
	    cmocka_unit_test(the_flush_ends_the_oldest_first_and_as_their_state_says),
	    cmocka_unit_test(a_long_flow_is_told_of_meanwhile),
	    cmocka_unit_test(an_expected_flow_is_marked_once_from_the_right_end_in_time),
	    cmocka_unit_test(the_oldest_expectation_goes_at_the_bound),
	    cmocka_unit_test(an_expectation_made_again_is_new),
	    cmocka_unit_test(ends_are_told_of_before),
	    cmocka_unit_test(tuples_that_collide_under_one_key_do_not_under_another),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
