/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packets.h"

/* Byte counts of TCP, all worked out by hand. The initiator's first byte is 101, the responder's 501. */

struct counts {
	uint64_t payload, retransmitted, missing;
};

static void check(const struct book *b, enum flow_dir dir, struct counts want)
{
	const struct flow_side *s = &b->ended[0].f.side[dir];
	assert_int_equal(s->payload, want.payload);
	assert_int_equal(s->retransmitted, want.retransmitted);
	assert_int_equal(s->missing, want.missing);
}

enum { ROW_SEGMENTS_MAX = 8 };

struct row {
	const char *what;
	struct segment s[ROW_SEGMENTS_MAX]; /* after a handshake; those with no flags end it */
	struct counts forward;
};

#define DATA(at, length)                                                                                     \
	{                                                                                                    \
		.flags = A, .seq = (at), .ack = 501, .n = (length)                                           \
	}
#define ACKED(to)                                                                                            \
	{                                                                                                    \
		.flags = A, .back = true, .seq = 501, .ack = (to)                                            \
	}
#define FIN_AT(at)                                                                                           \
	{                                                                                                    \
		.flags = F | A, .seq = (at), .ack = 501                                                      \
	}

/* clang-format off: a line a case */
static const struct row rows[] = {
    {"in order", {DATA(101, 10), DATA(111, 20), ACKED(131)}, {30, 0, 0}},
    {"sent again whole", {DATA(101, 10), DATA(101, 10)}, {10, 10, 0}},
    {"sent again in part, with more", {DATA(101, 10), DATA(106, 10)}, {15, 5, 0}},
    {"the middle sent again", {DATA(101, 30), DATA(111, 5)}, {30, 5, 0}},
    {"keep-alive of one byte", {DATA(101, 10), ACKED(111), DATA(110, 1)}, {10, 1, 0}},
    {"keep-alive of none", {DATA(101, 10), ACKED(111), DATA(110, 0)}, {10, 0, 0}},
    {"keep-alive before any data", {ACKED(101), DATA(100, 1), DATA(101, 5)}, {5, 1, 0}},
    {"a hole filled late", {DATA(101, 10), DATA(121, 10), DATA(111, 10), ACKED(131)}, {30, 0, 0}},
    {"a hole filled in part, the rest acknowledged", {DATA(101, 10), DATA(131, 10), DATA(116, 5), ACKED(141)},
        {40, 0, 15}},
    {"a hole filled by one that reaches over both ends", {DATA(101, 10), DATA(121, 10), DATA(106, 20)},
        {30, 10, 0}},
    {"a hole that nobody acknowledged", {DATA(101, 10), DATA(121, 10), ACKED(111)}, {20, 0, 0}},
    {"a hole acknowledged in part", {DATA(101, 10), DATA(121, 10), ACKED(114)}, {23, 0, 3}},
    {"acknowledged and never seen", {ACKED(1101)}, {1000, 0, 1000}},
    {"the end acknowledged and never seen", {DATA(101, 10), ACKED(161)}, {60, 0, 50}},
    {"two holes", {DATA(111, 10), DATA(131, 10), ACKED(141)}, {40, 0, 20}},
    {"FIN is no byte", {DATA(101, 10), FIN_AT(111), ACKED(112)}, {10, 0, 0}},
    {"FIN with data", {{.flags = F | A, .seq = 101, .ack = 501, .n = 7}, ACKED(109)}, {7, 0, 0}},
    {"FIN again", {DATA(101, 10), FIN_AT(111), FIN_AT(111), ACKED(112)}, {10, 0, 0}},
    {"FIN after bytes that weren't seen", {FIN_AT(121), ACKED(122)}, {20, 0, 20}},
    {"FIN acknowledged and never seen",
        {DATA(101, 10), {.flags = F | A, .back = true, .seq = 501, .ack = 111}, ACKED(112)}, {10, 0, 0}},
    {"cut frames count whole", {{.flags = A, .seq = 101, .ack = 501, .n = 1000, .cut = 900}}, {1000, 0, 0}},
    {"what a RST carries is no data", {{.flags = R | A, .seq = 101, .ack = 501, .n = 50}}, {0, 0, 0}},
    /* far outside: 4 MiB and a window are believed, and no more */
    {"at the edge of belief", {DATA(101 + (1 << 22), 10)}, {10, 0, 0}},
    {"data beyond it", {DATA(102 + (1 << 22), 10)}, {0, 0, 0}},
    {"an acknowledgement at the edge", {ACKED(101 + (1 << 22))}, {1 << 22, 0, 1 << 22}},
    {"an acknowledgement beyond it", {ACKED(102 + (1 << 22))}, {0, 0, 0}},
    {"the same acknowledgement twice in no time", {ACKED(102 + (1 << 22)), ACKED(102 + (1 << 22))},
        {0, 0, 0}},
    {"an acknowledgement twice, when a line can have carried it",
        {ACKED(102 + (1 << 22)),
            {.time_ns = NS_PER_S, .flags = A, .back = true, .seq = 501, .ack = 102 + (1 << 22)}},
        {1 + (1 << 22), 0, 1 + (1 << 22)}},
    {"an acknowledgement from before", {DATA(101, 10), ACKED(50)}, {10, 0, 0}},
    {"data far behind", {DATA(101, 10), DATA(101 - (3u << 29), 10)}, {10, 0, 0}},
    {"data between jumps counts", {DATA(101, 10), DATA(1u << 30, 10), DATA(111, 10), DATA(3u << 30, 9)},
        {20, 0, 0}},
    /* the capture lost a piece: a second packet stands where the first did */
    {"two beyond it, a second later",
        {DATA(101, 10), DATA(50000001, 10),
            {.time_ns = NS_PER_S, .flags = A, .seq = 50000011, .ack = 501, .n = 10}},
        {30, 0, 0}},
    {"the same, acknowledged",
        {DATA(101, 10), DATA(50000001, 10),
            {.time_ns = NS_PER_S, .flags = A, .seq = 50000011, .ack = 501, .n = 10}, ACKED(50000021)},
        {49999920, 0, 49999890}},
    /* nothing can have carried that: counting goes on at the new place, without a hole */
    {"two where nothing can have carried them",
        {DATA(101, 10), DATA(1u << 30, 10), DATA((1u << 30) + 10, 10), ACKED((1u << 30) + 20)}, {30, 0, 0}},
    {"and back again",
        {DATA(101, 10), DATA(1u << 30, 5), DATA((1u << 30) + 5, 5), DATA(111, 10), DATA(121, 10)},
        {40, 0, 0}},
    {"two far behind", {DATA(101, 10), DATA(101 - (3u << 29), 10), DATA(111 - (3u << 29), 10)}, {30, 0, 0}},
};
/* clang-format on */

static void bytes_count_once_and_only_where_a_receiver_can_have_got_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct book *b = book_open((struct flow_table_config){0});
		handshake(b, 100, 500);
		for (size_t k = 0; k < ROW_SEGMENTS_MAX && rows[i].s[k].flags; k++)
			tcp(b, rows[i].s[k]);
		book_flush(b);
		assert_int_equal(b->n_ended, 1);
		const struct flow_side *got = &b->ended[0].f.side[0];
		if (got->payload != rows[i].forward.payload ||
		    got->retransmitted != rows[i].forward.retransmitted ||
		    got->missing != rows[i].forward.missing)
			fail_msg("%s: %llu payload, %llu again, %llu missing", rows[i].what,
			    (unsigned long long)got->payload, (unsigned long long)got->retransmitted,
			    (unsigned long long)got->missing);
		check(b, FLOW_REVERSE, (struct counts){0});
		book_close(b);
	}
}

/* The same rows, with the numbers running over. */
static void sequence_numbers_wrap_around(void **state)
{
	static const uint32_t starts[] = {0xffffff99, 0xffffff90, 0x7fffff99, 0xfffffffe};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (size_t k = 0; k < sizeof(starts) / sizeof(*starts); k++) {
			struct book *b = book_open((struct flow_table_config){0});
			handshake(b, starts[k] + 100, starts[k] + 500);
			for (size_t n = 0; n < ROW_SEGMENTS_MAX && rows[i].s[n].flags; n++) {
				struct segment s = rows[i].s[n];
				s.seq += starts[k];
				s.ack += starts[k];
				tcp(b, s);
			}
			book_flush(b);
			check(b, FLOW_FORWARD, rows[i].forward);
			book_close(b);
		}
}

static void a_long_stream_wraps_around_twice(void **state)
{
	struct book *b = book_open((struct flow_table_config){0});
	uint32_t seq = 101;
	(void)state;
	handshake(b, 100, 500);
	for (unsigned i = 0; i < 10000; i++, seq += 1 << 20)
		tcp(b, (struct segment){.flags = A, .back = true, .seq = 501, .ack = seq + (1 << 20)});
	book_flush(b);
	check(b, FLOW_FORWARD, (struct counts){10000ull << 20, 0, 10000ull << 20});
	book_close(b);
}

static void one_way_view_counts_what_is_acknowledged(void **state)
{
	struct book *b = book_open((struct flow_table_config){0});
	(void)state;
	/* only the initiator's packets; the responder began at 501 */
	tcp(b, (struct segment){.flags = S, .seq = 100});
	tcp(b, (struct segment){.flags = A, .seq = 101, .ack = 501});
	tcp(b, (struct segment){.flags = A, .seq = 101, .ack = 501, .n = 70});
	tcp(b, (struct segment){.flags = A, .seq = 171, .ack = 2001});
	const struct flow *f = tcp(b, (struct segment){.flags = A, .seq = 171, .ack = 9501});
	assert_int_equal(f->tcp, FLOW_TCP_ESTABLISHED);
	book_flush(b);
	check(b, FLOW_FORWARD, (struct counts){70, 0, 0});
	check(b, FLOW_REVERSE, (struct counts){9000, 0, 9000});
	assert_true(b->ended[0].f.flags & FLOW_ONE_WAY_VIEW);
	assert_int_equal(b->ended[0].f.flags & FLOW_ANSWERED, 0);
	book_close(b);
}

static void data_in_the_syn_counts_once(void **state)
{
	struct book *b = book_open((struct flow_table_config){0});
	(void)state;
	tcp(b, (struct segment){.flags = S, .seq = 100, .n = 20});
	tcp(b, (struct segment){.flags = S | A, .back = true, .seq = 500, .ack = 121, .n = 5});
	/* the same request again, without the fast open, and more */
	const struct flow *f = tcp(b, (struct segment){.flags = A, .seq = 101, .ack = 506, .n = 30});
	assert_int_equal(f->tcp, FLOW_TCP_ESTABLISHED);
	assert_int_equal(b->n_got[0], 30);
	book_flush(b);
	check(b, FLOW_FORWARD, (struct counts){30, 20, 0});
	check(b, FLOW_REVERSE, (struct counts){5, 0, 0});
	book_close(b);
}

static void midstream_counts_from_where_it_was_met(void **state)
{
	struct book *b = book_open((struct flow_table_config){0});
	(void)state;
	/* an acknowledgement comes before what it acknowledges: taps merged with a little skew */
	const struct flow *f = tcp(b, (struct segment){.flags = A, .back = true, .seq = 7000, .ack = 3100});
	tcp(b, (struct segment){.flags = A, .seq = 3000, .ack = 7000, .n = 100});
	tcp(b, (struct segment){.flags = A, .seq = 3000, .ack = 7000, .n = 100});
	tcp(b, (struct segment){.flags = A, .seq = 3100, .ack = 7000, .n = 50});
	assert_int_equal(f->tcp, FLOW_TCP_MIDSTREAM);
	assert_true(f->flags & FLOW_MIDSTREAM);
	book_flush(b);
	check(b, FLOW_FORWARD, (struct counts){150, 100, 0});
	book_close(b);
}

static void more_holes_than_are_kept_never_count_too_little(void **state)
{
	(void)state;
	for (unsigned n = 15; n <= 17; n++) {
		struct book *b = book_open((struct flow_table_config){0});
		handshake(b, 100, 500);
		/* n holes of 10 bytes, each before 10 bytes that were seen */
		for (unsigned i = 0; i < n; i++)
			tcp(b, (struct segment){.flags = A, .seq = 111 + 20 * i, .ack = 501, .n = 10});
		tcp(b, (struct segment){.flags = A, .back = true, .seq = 501, .ack = 101 + 20 * n});
		book_flush(b);
		/* at 17 the oldest two are one: the ten bytes between them count twice */
		check(b, FLOW_FORWARD, (struct counts){20 * n + (n == 17) * 10, 0, 10 * n + (n == 17) * 10});
		assert_int_equal(flow_table_stats(b->t)->holes_joined, n == 17);
		book_close(b);
	}
}

static void twice_the_offered_window_is_believed_and_64_mib_at_most(void **state)
{
	static const struct {
		uint8_t scale;
		uint32_t most;
	} offers[] = {
	    {1, 1 << 22}, {6, 2 * (65535 << 6)}, {9, 2 * (65535 << 9)}, {10, 1 << 26}, {14, 1 << 26}};
	(void)state;
	for (size_t i = 0; i < sizeof(offers) / sizeof(*offers); i++)
		for (uint32_t beyond = 0; beyond < 2; beyond++) {
			struct book *b = book_open((struct flow_table_config){0});
			tcp(b, (struct segment){.flags = S, .seq = 100, .scale = 7});
			tcp(b, (struct segment){.flags = S | A,
			           .back = true,
			           .seq = 500,
			           .ack = 101,
			           .scale = offers[i].scale});
			tcp(b, (struct segment){.flags = A, .back = true, .seq = 501, .ack = 101});
			tcp(b, (struct segment){
			           .flags = A, .seq = 101 + offers[i].most + beyond, .ack = 501, .n = 10});
			book_flush(b);
			check(b, FLOW_FORWARD, (struct counts){beyond ? 0 : 10, 0, 0});
			book_close(b);
		}
}

/* 100 Gbit/s for a millisecond are 12,500,000 bytes; a line is held to twelve a nanosecond. */
static void a_loss_is_no_more_than_a_line_carries(void **state)
{
	(void)state;
	for (uint32_t beyond = 0; beyond < 2; beyond++) {
		struct book *b = book_open((struct flow_table_config){0});
		uint32_t at = 101 + 12000000 + beyond;
		struct segment s = {.time_ns = NS_PER_MS, .flags = A, .seq = at, .ack = 501, .n = 10};
		handshake(b, 100, 500);
		tcp(b, s);
		tcp(b, s);
		tcp(b, (struct segment){
		           .time_ns = NS_PER_MS, .flags = A, .back = true, .seq = 501, .ack = at + 10});
		book_flush(b);
		check(b, FLOW_FORWARD, (struct counts){beyond ? 10 : 12000010, 10, beyond ? 0 : 12000000});
		book_close(b);
	}
}

/* Each time by nearly half the sequence space: more often than fits below where the count begins. */
static void moving_back_for_ever_counts_on(void **state)
{
	struct book *b = book_open((struct flow_table_config){0});
	uint32_t seq = 100;
	(void)state;
	handshake(b, seq, 500);
	for (unsigned i = 0; i < 2000; i++) {
		seq -= (1u << 31) - 100;
		tcp(b, (struct segment){.flags = A, .seq = seq, .ack = 501, .n = 10});
		tcp(b, (struct segment){.flags = A, .seq = seq + 10, .ack = 501, .n = 10});
	}
	tcp(b, (struct segment){.flags = A, .back = true, .seq = 501, .ack = seq + 20});
	book_flush(b);
	check(b, FLOW_FORWARD, (struct counts){2000 * 20, 0, 0});
	book_close(b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bytes_count_once_and_only_where_a_receiver_can_have_got_them),
	    cmocka_unit_test(sequence_numbers_wrap_around),
	    cmocka_unit_test(a_long_stream_wraps_around_twice),
	    cmocka_unit_test(twice_the_offered_window_is_believed_and_64_mib_at_most),
	    cmocka_unit_test(a_loss_is_no_more_than_a_line_carries),
	    cmocka_unit_test(moving_back_for_ever_counts_on),
	    cmocka_unit_test(one_way_view_counts_what_is_acknowledged),
	    cmocka_unit_test(data_in_the_syn_counts_once),
	    cmocka_unit_test(midstream_counts_from_where_it_was_met),
	    cmocka_unit_test(more_holes_than_are_kept_never_count_too_little),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
