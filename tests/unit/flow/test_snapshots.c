/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packets.h"

/* What is told of a flow while it goes on, when that is asked for. */

static const struct flow_table_config live = {.snapshots = true};

static void without_asking_nothing_is_told_before_the_end(void **state)
{
	struct book *b = book_open((struct flow_table_config){0});
	(void)state;
	handshake(b, 1, 1);
	flow_table_tell(b->t, b->last);
	udp(b, NS_PER_S * 100, 1, 40000, 2, 53, 1);
	udp(b, NS_PER_S * 101, 2, 53, 1, 40000, 1);
	assert_int_equal(b->n_snapshots, 0);
	assert_int_equal(flow_table_stats(b->t)->snapshots, 0);
	book_close(b);
}

static void a_connection_is_told_of_at_each_step_that_matters(void **state)
{
	struct book *b = book_open(live);
	(void)state;
	tcp(b, (struct segment){.flags = S, .seq = 1});
	assert_int_equal(b->n_snapshots, 1);
	assert_int_equal(b->snapshot.f.tcp, FLOW_TCP_SYN_SENT);
	assert_int_equal(b->snapshot.f.side[0].packets, 1);
	tcp(b, (struct segment){.flags = S, .seq = 1}); /* again: nothing new */
	assert_int_equal(b->n_snapshots, 1);
	tcp(b, (struct segment){.flags = S | A, .back = true, .seq = 1, .ack = 2});
	assert_int_equal(b->n_snapshots, 2);
	assert_true(b->snapshot.f.flags & FLOW_ANSWERED);
	assert_int_equal(b->snapshot.f.established_ns, 0);
	tcp(b, (struct segment){.time_ns = 5, .flags = A, .seq = 2, .ack = 2});
	assert_int_equal(b->n_snapshots, 3);
	assert_int_equal(b->snapshot.f.established_ns, 5);
	for (uint32_t i = 0; i < 100; i++)
		tcp(b, (struct segment){.time_ns = 5, .flags = A, .seq = 2 + i, .ack = 2, .n = 1});
	assert_int_equal(b->n_snapshots, 3);
	tcp(b, (struct segment){.time_ns = 5, .flags = R, .back = true, .seq = 2});
	assert_int_equal(b->n_snapshots, 4);
	assert_int_equal(b->snapshot.f.tcp, FLOW_TCP_RESET);
	assert_int_equal(b->snapshot.f.side[0].payload, 100);
	assert_int_equal(flow_table_stats(b->t)->snapshots, 4);
	assert_int_equal(b->n_ended, 0);
	book_flush(b);
	assert_int_equal(b->n_ended, 1);
	assert_int_equal(b->ended[0].f.id, b->snapshot.f.id);
	book_close(b);
}

static void payload_both_ways_is_told_at_once(void **state)
{
	struct book *b = book_open(live);
	(void)state;
	tcp(b, (struct segment){.time_ns = 1, .flags = S, .seq = 1});
	tcp(b, (struct segment){.time_ns = 1, .flags = S | A, .back = true, .seq = 1, .ack = 2});
	tcp(b, (struct segment){.time_ns = 1, .flags = A, .seq = 2, .ack = 2});
	tcp(b, (struct segment){.time_ns = 1, .flags = A, .seq = 2, .ack = 2, .n = 5});
	assert_int_equal(b->n_snapshots, 3);
	tcp(b, (struct segment){.time_ns = 1, .flags = A, .back = true, .seq = 2, .ack = 7, .n = 6});
	assert_int_equal(b->n_snapshots, 4);
	assert_int_equal(b->snapshot.f.side[1].payload, 6);
	tcp(b, (struct segment){.time_ns = 1, .flags = A, .back = true, .seq = 8, .ack = 7, .n = 6});
	assert_int_equal(b->n_snapshots, 4);
	book_close(b);
}

static void a_refusal_is_told_at_once(void **state)
{
	struct book *b = book_open(live);
	(void)state;
	tcp(b, (struct segment){.flags = S, .seq = 1});
	tcp(b, (struct segment){.flags = R | A, .back = true, .seq = 0, .ack = 2});
	assert_int_equal(b->n_snapshots, 2);
	assert_int_equal(b->snapshot.f.tcp, FLOW_TCP_REFUSED);
	book_close(b);
}

static void an_answered_datagram_is_told_at_once(void **state)
{
	struct book *b = book_open(live);
	(void)state;
	udp(b, 0, 1, 40000, 2, 53, 1);
	udp(b, 1, 2, 53, 1, 40000, 1);
	assert_int_equal(b->n_snapshots, 2);
	assert_int_equal(b->snapshot.f.established_ns, 1);
	udp(b, 2, 1, 40000, 2, 53, 1);
	udp(b, 3, 2, 53, 1, 40000, 1);
	assert_int_equal(b->n_snapshots, 2);
	book_close(b);
}

static void whoever_asks_gets_one_more_at_the_next_packet(void **state)
{
	struct book *b = book_open(live);
	(void)state;
	handshake(b, 1, 1);
	size_t before = b->n_snapshots;
	flow_table_tell(b->t, b->last);
	flow_table_tell(b->t, b->last);
	tcp(b, (struct segment){.flags = A, .seq = 2, .ack = 2, .n = 3});
	assert_int_equal(b->n_snapshots, before + 1);
	assert_int_equal(b->snapshot.f.side[0].payload, 3);
	tcp(b, (struct segment){.flags = A, .seq = 5, .ack = 2, .n = 3});
	assert_int_equal(b->n_snapshots, before + 1);
	/* an application that became known */
	b->last->app = APP_TLS;
	tcp(b, (struct segment){.flags = A, .seq = 8, .ack = 2, .n = 3});
	assert_int_equal(b->n_snapshots, before + 2);
	book_close(b);
}

static void a_change_puts_the_regular_one_off(void **state)
{
	struct book *b = book_open(
	    (struct flow_table_config){.snapshots = true, .timeouts = {.active_ns = 100}});
	(void)state;
	udp(b, 0, 1, 40000, 2, 53, 1);
	udp(b, 60, 2, 53, 1, 40000, 1);
	assert_int_equal(b->n_snapshots, 2);
	udp(b, 159, 1, 40000, 2, 53, 1);
	assert_int_equal(b->n_snapshots, 2);
	udp(b, 160, 1, 40000, 2, 53, 1);
	assert_int_equal(b->n_snapshots, 3);
	book_close(b);
}

static void a_flow_is_found_without_being_counted(void **state)
{
	struct book *b = book_open(live);
	struct packet p = {.n_layers = 1, .layers = {layer(PACKET_UDP, 2, 53, 1, 40000, 1)}};
	enum flow_dir dir = FLOW_FORWARD;
	(void)state;
	assert_null(flow_table_find(b->t, &p, 0, &dir));
	const struct flow *f = udp(b, 0, 1, 40000, 2, 53, 1);
	assert_ptr_equal(flow_table_find(b->t, &p, 0, &dir), f);
	assert_int_equal(dir, FLOW_REVERSE);
	assert_int_equal(f->side[FLOW_REVERSE].packets, 0);
	p.layers[0].src_port = 54;
	assert_null(flow_table_find(b->t, &p, 0, &dir));
	assert_int_equal(flow_table_stats(b->t)->flows, 1);
	book_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_asking_nothing_is_told_before_the_end),
	    cmocka_unit_test(a_connection_is_told_of_at_each_step_that_matters),
	    cmocka_unit_test(payload_both_ways_is_told_at_once),
	    cmocka_unit_test(a_refusal_is_told_at_once),
	    cmocka_unit_test(an_answered_datagram_is_told_at_once),
	    cmocka_unit_test(whoever_asks_gets_one_more_at_the_next_packet),
	    cmocka_unit_test(a_change_puts_the_regular_one_off),
	    cmocka_unit_test(a_flow_is_found_without_being_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
