/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packets.h"

/* Reassembly. The initiator's bytes stand at 101...; byte number i is pattern(i). */

static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 7 + i / 251);
}

static uint8_t source[BOOK_BYTES_MAX];

static int fill_source(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(source); i++)
		source[i] = pattern(i);
	return 0;
}

static struct flow *send(struct book *b, size_t at, uint32_t n)
{
	return tcp(b, (struct segment){
	                  .flags = A, .seq = 101 + (uint32_t)at, .ack = 501, .n = n, .bytes = source + at});
}

static void ack(struct book *b, size_t to)
{
	tcp(b, (struct segment){.flags = A, .back = true, .seq = 501, .ack = 101 + (uint32_t)to});
}

static struct book *open_stream(struct flow_table_config c)
{
	struct book *b = book_open(c);
	handshake(b, 100, 500);
	return b;
}

static void assert_got(const struct book *b, size_t n, uint64_t gaps)
{
	assert_int_equal(b->n_got[0], n);
	assert_int_equal(b->gaps[0], gaps);
	if (!gaps)
		assert_memory_equal(b->got[0], source, n);
}

static void in_order_bytes_are_handed_on_where_they_lie(void **state)
{
	struct book *b = open_stream((struct flow_table_config){0});
	struct packet p = {.n_layers = 1,
	    .layers = {layer(PACKET_TCP, 1, 40000, 2, 443, 10)},
	    .tcp = {.seq = 101, .ack = 501, .flags = A, .window = 1000, .window_scale = 255}};
	(void)state;
	p.layers[0].payload = source;
	p.layers[0].payload_captured = 10;
	flow_table_packet(b->t, &p, NULL);
	assert_ptr_equal(b->handed_at, source);
	assert_int_equal(flow_table_stats(b->t)->reassembly_peak, 0);
	/* also the one that fills a hole; what was sent before is skipped, not copied */
	send(b, 20, 10);
	p.tcp.seq = 106;
	p.layers[0].payload = source + 5;
	p.layers[0].payload_length = p.layers[0].payload_captured = 15;
	b->stop_after = 2;
	flow_table_packet(b->t, &p, NULL);
	assert_ptr_equal(b->handed_at, source + 10);
	book_flush(b);
	book_close(b);
}

static void disorder_is_mended(void **state)
{
	static const struct {
		const char *what;
		struct {
			size_t at;
			uint32_t n;
		} s[6];
		size_t got;
	} rows[] = {
	    {"two swapped", {{10, 10}, {0, 10}}, 20},
	    {"backwards", {{30, 10}, {20, 10}, {10, 10}, {0, 10}}, 40},
	    {"a hole filled in two pieces", {{0, 10}, {20, 10}, {10, 5}, {15, 5}}, 30},
	    {"a hole filled by one that reaches over", {{0, 10}, {20, 10}, {5, 30}}, 35},
	    {"held ones that overlap", {{10, 20}, {15, 20}, {5, 10}, {0, 7}}, 35},
	    {"one around two that are held", {{10, 5}, {20, 5}, {5, 30}, {0, 5}}, 35},
	    {"the same one early twice", {{10, 10}, {10, 10}, {0, 10}}, 20},
	    {"within what is held", {{10, 20}, {15, 5}, {0, 10}}, 30},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct book *b = open_stream((struct flow_table_config){0});
		for (size_t k = 0; k < 6 && rows[i].s[k].n; k++)
			send(b, rows[i].s[k].at, rows[i].s[k].n);
		if (b->n_got[0] != rows[i].got || b->gaps[0])
			fail_msg("%s: %zu", rows[i].what, b->n_got[0]);
		assert_memory_equal(b->got[0], source, rows[i].got);
		assert_int_equal(b->last->flags & FLOW_OVERLAP_CONFLICT, 0);
		assert_int_equal(flow_table_stats(b->t)->reassembly_bytes, 0);
		book_close(b);
	}
}

static void the_first_bytes_win_and_the_conflict_is_told(void **state)
{
	static uint8_t other[30];
	(void)state;
	for (size_t at = 0; at <= 10; at += 5) { /* over the hole and what is held; within it; held alone */
		struct book *b = open_stream((struct flow_table_config){0});
		send(b, 10, 10);
		tcp(b, (struct segment){
		           .flags = A, .seq = 101 + (uint32_t)at, .ack = 501, .n = 15, .bytes = other});
		assert_true(b->last->flags & FLOW_OVERLAP_CONFLICT);
		send(b, 0, 10);
		assert_memory_equal(b->got[0] + 10, source + 10, 10);
		if (at > 0)
			assert_memory_equal(b->got[0], source, at);
		book_close(b);
	}
}

static void an_acknowledged_hole_is_given_up(void **state)
{
	struct book *b = open_stream((struct flow_table_config){0});
	(void)state;
	send(b, 0, 10);
	send(b, 20, 10);
	ack(b, 10);
	assert_got(b, 10, 0);
	ack(b, 30);
	assert_got(b, 20, 10);
	/* the hole was acknowledged before this one came: nothing to wait for, nothing to copy */
	size_t peak = flow_table_stats(b->t)->reassembly_peak;
	ack(b, 40);
	send(b, 40, 10);
	assert_got(b, 30, 20);
	assert_int_equal(flow_table_stats(b->t)->reassembly_peak, peak);
	/* too late */
	send(b, 10, 10);
	assert_got(b, 30, 20);
	book_flush(b);
	assert_int_equal(b->ended[0].f.side[0].payload, 50);
	assert_int_equal(b->ended[0].f.side[0].missing, 10);
	book_close(b);
}

static void the_end_hands_on_what_is_held(void **state)
{
	struct book *b = open_stream((struct flow_table_config){0});
	(void)state;
	send(b, 10, 10);
	send(b, 30, 5);
	book_flush(b);
	assert_got(b, 15, 20);
	assert_memory_equal(b->got[0], source + 10, 10);
	assert_memory_equal(b->got[0] + 10, source + 30, 5);
	book_close(b);
}

static void what_was_not_captured_is_a_gap(void **state)
{
	struct book *b = open_stream((struct flow_table_config){0});
	struct segment s = {.flags = A, .seq = 101, .ack = 501, .n = 100, .bytes = source, .cut = 60};
	(void)state;
	tcp(b, s);
	assert_got(b, 40, 60);
	/* the same early, and then overlapped by one that is whole */
	s.seq = 301;
	s.bytes = source + 200;
	tcp(b, s);
	send(b, 100, 100);
	assert_got(b, 180, 120);
	/* nothing captured at all */
	s = (struct segment){.flags = A, .seq = 401, .ack = 501, .n = 50, .cut = 50};
	tcp(b, s);
	assert_got(b, 180, 170);
	assert_true(b->last->flags & FLOW_CUT);
	book_flush(b);
	assert_int_equal(b->ended[0].f.side[0].payload, 350);
	book_close(b);
}

static void the_depth_ends_it_and_bytes_go_on_counting(void **state)
{
	(void)state;
	for (uint32_t depth = 99; depth <= 101; depth++) {
		struct book *b = open_stream((struct flow_table_config){.reassembly_depth = depth});
		send(b, 0, 50);
		send(b, 50, 50);
		assert_got(b, depth < 100 ? depth : 100, 0);
		assert_int_equal(!!(b->last->flags & FLOW_DEPTH_REACHED), depth <= 100);
		assert_int_equal(flow_table_stats(b->t)->depth_reached, depth <= 100);
		send(b, 150, 50);
		assert_got(b, depth < 100 ? depth : 100, 0);
		assert_int_equal(flow_table_stats(b->t)->reassembly_bytes == 0, depth <= 100);
		book_flush(b);
		assert_int_equal(b->ended[0].f.side[0].payload, 150);
		book_close(b);
	}
}

static void nothing_is_handed_on_that_nobody_wants(void **state)
{
	struct book *b = open_stream((struct flow_table_config){0});
	(void)state;
	b->stop_after = 1;
	send(b, 10, 10);
	send(b, 0, 10); /* refused while another one is held */
	assert_got(b, 10, 0);
	assert_int_equal(flow_table_stats(b->t)->reassembly_bytes, 0);
	send(b, 30, 10);
	assert_int_equal(flow_table_stats(b->t)->reassembly_bytes, 0);
	assert_int_equal(b->last->flags & FLOW_DEPTH_REACHED, 0);
	book_close(b);
}

static void a_full_window_goes_past_the_oldest_hole(void **state)
{
	(void)state;
	for (uint32_t n = 9; n <= 11; n++) { /* ten fit */
		struct book *b = open_stream((struct flow_table_config){.reassembly_window = 1000});
		for (uint32_t i = 0; i < n; i++)
			send(b, 10 + 110 * i, 100);
		assert_got(b, n > 10 ? 100 : 0, n > 10 ? 10 : 0);
		assert_int_equal(flow_table_stats(b->t)->past_hole, n > 10);
		assert_int_equal(b->last->flags & FLOW_MEMORY_REACHED, 0);
		book_flush(b);
		assert_got(b, 100 * n, 10 * n);
		book_close(b);
	}
}

static void segments_are_bounded_too(void **state)
{
	(void)state;
	for (uint32_t n = 127; n <= 129; n++) {
		struct book *b = open_stream((struct flow_table_config){0});
		for (uint32_t i = 0; i < n; i++)
			send(b, 1 + 2 * i, 1);
		assert_got(b, n > 128, n > 128);
		assert_int_equal(flow_table_stats(b->t)->past_hole, n > 128);
		/* one that fits around them all */
		send(b, 0, 2 * n);
		assert_int_equal(b->n_got[0] + b->gaps[0], 2 * n);
		book_flush(b);
		book_close(b);
	}
}

static void a_segment_larger_than_the_window_passes(void **state)
{
	struct book *b = open_stream((struct flow_table_config){.reassembly_window = 50});
	(void)state;
	send(b, 10, 40);
	send(b, 60, 51);
	assert_got(b, 91, 20);
	assert_true(b->last->flags & FLOW_MEMORY_REACHED);
	book_close(b);
}

static void memory_is_bounded_over_all_flows(void **state)
{
	const size_t memory = 20000;
	struct book *b = book_open((struct flow_table_config){.reassembly_memory = memory});
	uint64_t payload = 0;
	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		uint16_t port = (uint16_t)(10000 + i);
		tcp(b, (struct segment){.flags = S, .seq = 100, .port = port});
		for (uint32_t k = 0; k < 20; k++) {
			tcp(b, (struct segment){.flags = A,
			           .seq = 111 + 110 * k,
			           .ack = 501,
			           .n = 100,
			           .bytes = source,
			           .port = port});
			assert_true(flow_table_stats(b->t)->reassembly_bytes <= memory);
			payload += 100;
		}
	}
	assert_true(flow_table_stats(b->t)->reassembly_peak > memory / 2);
	assert_true(b->last->flags & FLOW_MEMORY_REACHED);
	book_flush(b);
	assert_int_equal(b->n_got[0], payload); /* with gaps, but nothing is lost */
	book_close(b);
}

/* What came again is compared with as long as the ring has it: 1,024 bytes hold seven records of 100 (136
 * each). */
static void what_the_ring_has_lost_is_not_compared_and_counted(void **state)
{
	static const uint8_t other[100];
	(void)state;
	for (uint32_t n = 6; n <= 8; n++) {
		struct book *b = open_stream((struct flow_table_config){.recent_memory = 1024});
		for (uint32_t i = 0; i < n; i++)
			send(b, 100 * i, 100);
		tcp(b, (struct segment){.flags = A, .seq = 101, .ack = 501, .n = 100, .bytes = other});
		assert_int_equal(!!(b->last->flags & FLOW_OVERLAP_CONFLICT), n <= 7);
		assert_int_equal(flow_table_stats(b->t)->conflicts, n <= 7);
		assert_int_equal(flow_table_stats(b->t)->unchecked, n <= 7 ? 0 : 100);
		book_close(b);
	}
}

static size_t told;

static void count_conflict(void *context, const struct flow *f, const struct flow_conflict *c)
{
	(void)context;
	assert_int_equal(f->side[0].retransmitted > 0, true);
	assert_int_equal(c->n, 1);
	assert_true(c->late && *c->kept != *c->other);
	told++;
}

static void so_many_conflicts_of_a_flow_are_told(void **state)
{
	(void)state;
	for (uint32_t n = FLOW_CONFLICTS_MAX - 1; n <= FLOW_CONFLICTS_MAX + 1; n++) {
		struct book *b = open_stream((struct flow_table_config){.conflict = count_conflict});
		told = 0;
		send(b, 0, 100);
		for (uint32_t i = 0; i < n; i++) {
			const uint8_t other = (uint8_t)~source[i];
			tcp(b, (struct segment){
			           .flags = A, .seq = 101 + i, .ack = 501, .n = 1, .bytes = &other});
		}
		assert_int_equal(told, n < FLOW_CONFLICTS_MAX ? n : FLOW_CONFLICTS_MAX);
		assert_int_equal(flow_table_stats(b->t)->conflicts, n);
		assert_int_equal(flow_table_stats(b->t)->conflicts_untold, n > FLOW_CONFLICTS_MAX);
		book_close(b);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(in_order_bytes_are_handed_on_where_they_lie),
	    cmocka_unit_test(disorder_is_mended),
	    cmocka_unit_test(the_first_bytes_win_and_the_conflict_is_told),
	    cmocka_unit_test(an_acknowledged_hole_is_given_up),
	    cmocka_unit_test(the_end_hands_on_what_is_held),
	    cmocka_unit_test(what_was_not_captured_is_a_gap),
	    cmocka_unit_test(the_depth_ends_it_and_bytes_go_on_counting),
	    cmocka_unit_test(nothing_is_handed_on_that_nobody_wants),
	    cmocka_unit_test(a_full_window_goes_past_the_oldest_hole),
	    cmocka_unit_test(segments_are_bounded_too),
	    cmocka_unit_test(a_segment_larger_than_the_window_passes),
	    cmocka_unit_test(memory_is_bounded_over_all_flows),
	    cmocka_unit_test(what_the_ring_has_lost_is_not_compared_and_counted),
	    cmocka_unit_test(so_many_conflicts_of_a_flow_are_told),
	};
	return cmocka_run_group_tests(tests, fill_source, NULL);
}
