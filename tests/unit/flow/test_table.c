/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packets.h"

static void the_initiator_is_who_began(void **state)
{
	static const struct {
		const char *what;
		uint8_t protocol, flags;
		uint16_t src_port, dst_port;
		bool sender, guessed;
	} rows[] = {
	    {"a SYN's sender, whatever the ports", PACKET_TCP, S, 22, 40000, true, false},
	    {"a SYN-ACK's receiver", PACKET_TCP, S | A, 40000, 22, false, false},
	    {"midstream, from a service's port", PACKET_TCP, A, 443, 40000, false, true},
	    {"midstream, to a service's port", PACKET_TCP, A, 40000, 443, true, true},
	    {"midstream, from a low port", PACKET_TCP, A, 700, 40000, false, true},
	    {"midstream, both ports high: the sender", PACKET_TCP, A, 40000, 40001, true, true},
	    {"a named port beats a low one", PACKET_TCP, A, 3389, 700, false, true},
	    {"a datagram to a service", PACKET_UDP, 0, 40000, 53, true, false},
	    {"an answer whose question was missed", PACKET_UDP, 0, 53, 40000, false, true},
	    {"between two service ports", PACKET_UDP, 0, 123, 123, true, false},
	    {"echo request", PACKET_ICMP, 0, 8, 0, true, false},
	    {"echo reply", PACKET_ICMP, 0, 0, 0, false, false},
	    {"unreachable", PACKET_ICMP, 0, 3, 3, true, false},
	    {"neighbour advertisement", PACKET_ICMPV6, 0, 136, 0, false, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct book *b = book_open((struct flow_table_config){0});
		struct packet p = {.n_layers = 1,
		    .layers = {layer(rows[i].protocol, 1, rows[i].src_port, 2, rows[i].dst_port, 0)},
		    .tcp = {.flags = rows[i].flags, .window_scale = 255}};
		const struct flow *f = feed(b, p, NULL, 0);
		if (net_addr_equal(f->initiator, host(1)) != rows[i].sender ||
		    !!(f->flags & FLOW_GUESSED_INITIATOR) != rows[i].guessed)
			fail_msg("%s", rows[i].what);
		if (rows[i].protocol == PACKET_TCP || rows[i].protocol == PACKET_UDP)
			assert_int_equal(
			    f->initiator_port, rows[i].sender ? rows[i].src_port : rows[i].dst_port);
		book_close(b);
	}
}

static void sides_are_counted_apart(void **state)
{
	struct book *b = book_open((struct flow_table_config){0});
	(void)state;
	udp(b, 1000, 1, 40000, 2, 53, 30);
	udp(b, 1500, 1, 40000, 2, 53, 30);
	const struct flow *f = udp(b, 2000, 2, 53, 1, 40000, 500);
	assert_int_equal(f->side[FLOW_FORWARD].packets, 2);
	assert_int_equal(f->side[FLOW_FORWARD].payload, 60);
	assert_int_equal(f->side[FLOW_FORWARD].wire_bytes, 60 + 2 * 28);
	assert_int_equal(f->side[FLOW_REVERSE].packets, 1);
	assert_int_equal(f->side[FLOW_REVERSE].payload, 500);
	assert_int_equal(f->first_ns, 1000);
	assert_int_equal(f->last_ns, 2000);
	assert_int_equal(f->established_ns, 2000);
	assert_true(f->flags & FLOW_ANSWERED);
	book_close(b);
}

static void vantages_and_protocols_are_flows_apart_and_vlans_are_not(void **state)
{
	struct book *b = book_open((struct flow_table_config){0});
	struct packet p = {.n_layers = 1, .layers = {layer(PACKET_UDP, 1, 40000, 2, 53, 1)}};
	(void)state;
	uint64_t first = feed(b, p, NULL, 1)->id;
	p.n_vlans = 1;
	p.vlans[0] = 7;
	assert_int_equal(feed(b, p, NULL, 1)->id, first);
	p.vantage = 1;
	assert_int_not_equal(feed(b, p, NULL, 1)->id, first);
	p.vantage = 0;
	p.layers[0].protocol = PACKET_SCTP;
	assert_int_not_equal(feed(b, p, NULL, 1)->id, first);
	assert_int_equal(flow_table_stats(b->t)->live, 3);
	book_close(b);
}

static void a_flow_in_a_tunnel_knows_the_tunnel(void **state)
{
	struct book *b = book_open((struct flow_table_config){0});
	struct packet p = {.n_layers = 2,
	    .layers = {layer(PACKET_UDP, 1, 5000, 2, 4789, 100), layer(PACKET_UDP, 8, 40000, 9, 53, 20)}};
	(void)state;
	p.layers[0].app = APP_VXLAN;
	const struct flow *f = feed(b, p, NULL, 20);
	assert_true(net_addr_equal(f->initiator, host(8)));
	assert_int_equal(f->parent, 1);
	assert_int_equal(f->flags & FLOW_TUNNEL, 0);
	assert_int_equal(b->calls, 1); /* the inner payload; the outer one was decoded, not handed on */
	assert_int_equal(b->n_got[0], 20);
	book_flush(b);
	assert_int_equal(b->n_ended, 2);
	assert_int_equal(b->ended[0].f.id, 1);
	assert_int_equal(b->ended[0].f.app, APP_VXLAN);
	assert_true(b->ended[0].f.flags & FLOW_TUNNEL);
	assert_int_equal(b->ended[0].f.side[0].payload, 100);
	book_close(b);
}

static void a_parent_that_makes_room_for_its_child_is_still_named(void **state)
{
	struct book *b = book_open((struct flow_table_config){.flows_max = 1});
	struct packet p = {.n_layers = 2,
	    .layers = {layer(PACKET_GRE, 1, 0, 2, 0, 100), layer(PACKET_UDP, 8, 40000, 9, 53, 20)}};
	(void)state;
	p.layers[0].has_ports = false;
	const struct flow *f = feed(b, p, NULL, 20);
	assert_int_equal(f->parent, 1);
	assert_int_equal(b->n_ended, 1);
	assert_int_equal(b->ended[0].how, FLOW_END_EVICTED);
	book_close(b);
}

static void icmp_replies_meet_their_requests(void **state)
{
	struct book *b = book_open((struct flow_table_config){0});
	(void)state;
	const struct flow *f = icmp(b, 0, 1, 2, 8, 0);
	assert_ptr_equal(icmp(b, 1, 2, 1, 0, 0), f);
	assert_int_equal(f->side[FLOW_REVERSE].packets, 1);
	assert_int_equal(f->initiator_port, 8);
	/* the other end's ping is a flow of its own */
	assert_ptr_not_equal(icmp(b, 2, 2, 1, 8, 0), f);
	/* a machine that pings itself */
	f = icmp(b, 3, 5, 5, 8, 0);
	assert_ptr_equal(icmp(b, 4, 5, 5, 0, 0), f);
	assert_int_equal(f->side[FLOW_REVERSE].packets, 1);
	book_close(b);
}

static void icmp_errors_answer_nothing(void **state)
{
	struct book *b = book_open((struct flow_table_config){0});
	(void)state;
	/* port unreachable, 3/3, both ways: type and code alike must not make them one flow */
	const struct flow *f = icmp(b, 0, 1, 2, 3, 3);
	assert_ptr_not_equal(icmp(b, 1, 2, 1, 3, 3), f);
	assert_ptr_equal(icmp(b, 2, 1, 2, 3, 3), f);
	assert_int_equal(f->flags & FLOW_ANSWERED, 0);
	assert_int_equal(f->responder_port, 3);
	book_close(b);
}

static void a_machine_talks_to_itself(void **state)
{
	struct book *b = book_open((struct flow_table_config){0});
	(void)state;
	udp(b, 0, 1, 40000, 1, 53, 10);
	const struct flow *f = udp(b, 0, 1, 53, 1, 40000, 20);
	assert_int_equal(f->side[FLOW_FORWARD].payload, 10);
	assert_int_equal(f->side[FLOW_REVERSE].payload, 20);
	book_close(b);
}

static void fragments_without_ports_are_counted_and_not_handed_on(void **state)
{
	struct book *b = book_open((struct flow_table_config){0});
	struct packet_layer l = layer(PACKET_TCP, 1, 0, 2, 0, 64);
	(void)state;
	l.has_ports = false;
	l.fragment = true;
	const struct flow *f = feed_layer(b, 0, l);
	assert_int_equal(f->side[0].payload, 64);
	assert_int_equal(b->calls, 0);
	assert_int_equal(f->tcp, FLOW_TCP_NONE);
	assert_null(feed(b, (struct packet){0}, NULL, 0));
	assert_int_equal(flow_table_stats(b->t)->no_key, 1);
	book_flush(b);
	book_close(b);
}

static void datagrams_stop_at_the_depth_and_when_nobody_wants_more(void **state)
{
	struct book *b = book_open((struct flow_table_config){.reassembly_depth = 100});
	(void)state;
	udp(b, 0, 1, 40000, 2, 53, 99);
	udp(b, 0, 1, 40000, 2, 53, 50);
	const struct flow *f = udp(b, 0, 1, 40000, 2, 53, 50);
	assert_int_equal(b->n_got[0], 100);
	assert_int_equal(f->side[0].payload, 199);
	assert_true(f->flags & FLOW_DEPTH_REACHED);
	b->stop_after = b->calls + 1;
	udp(b, 0, 2, 53, 1, 40000, 10);
	udp(b, 0, 2, 53, 1, 40000, 10);
	assert_int_equal(b->n_got[1], 10);
	assert_int_equal(f->side[1].payload, 20);
	book_close(b);
}

static void a_datagram_of_which_nothing_was_captured_only_counts(void **state)
{
	struct book *b = book_open((struct flow_table_config){0});
	struct packet p = {.n_layers = 1, .layers = {layer(PACKET_UDP, 1, 40000, 2, 53, 100)}};
	(void)state;
	const struct flow *f = feed(b, p, NULL, 0);
	assert_int_equal(b->calls, 0);
	assert_int_equal(f->side[0].payload, 100);
	assert_true(f->flags & FLOW_CUT);
	feed(b, p, NULL, 40);
	assert_int_equal(b->n_got[0], 40);
	book_close(b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_initiator_is_who_began),
	    cmocka_unit_test(sides_are_counted_apart),
	    cmocka_unit_test(vantages_and_protocols_are_flows_apart_and_vlans_are_not),
	    cmocka_unit_test(a_flow_in_a_tunnel_knows_the_tunnel),
	    cmocka_unit_test(a_parent_that_makes_room_for_its_child_is_still_named),
	    cmocka_unit_test(icmp_replies_meet_their_requests),
	    cmocka_unit_test(icmp_errors_answer_nothing),
	    cmocka_unit_test(a_machine_talks_to_itself),
	    cmocka_unit_test(fragments_without_ports_are_counted_and_not_handed_on),
	    cmocka_unit_test(a_datagram_of_which_nothing_was_captured_only_counts),
	    cmocka_unit_test(datagrams_stop_at_the_depth_and_when_nobody_wants_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
