/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packets.h"

/* States and ends of connections. The initiator begins at 100, the responder at 500. */

enum { SEGMENTS_MAX = 10 };

#define SYN                                                                                                  \
	{                                                                                                    \
		.flags = S, .seq = 100                                                                       \
	}
#define SYN_ACK                                                                                              \
	{                                                                                                    \
		.flags = S | A, .back = true, .seq = 500, .ack = 101                                         \
	}
#define ACK                                                                                                  \
	{                                                                                                    \
		.flags = A, .seq = 101, .ack = 501                                                           \
	}
#define DATA(at, len)                                                                                        \
	{                                                                                                    \
		.flags = A, .seq = (at), .ack = 501, .n = (len)                                              \
	}
#define BACK(at, len)                                                                                        \
	{                                                                                                    \
		.flags = A, .back = true, .seq = (at), .ack = 101, .n = (len)                                \
	}
#define FIN                                                                                                  \
	{                                                                                                    \
		.flags = F | A, .seq = 101, .ack = 501                                                       \
	}
#define FIN_BACK                                                                                             \
	{                                                                                                    \
		.flags = F | A, .back = true, .seq = 501, .ack = 102                                         \
	}
#define RST(at)                                                                                              \
	{                                                                                                    \
		.flags = R, .seq = (at)                                                                      \
	}
#define REFUSE(of)                                                                                           \
	{                                                                                                    \
		.flags = R | A, .back = true, .ack = (of)                                                    \
	}

/* clang-format off: a line a case */
static const struct {
	const char *what;
	struct segment s[SEGMENTS_MAX];
	enum flow_tcp_state state;
	bool established, anomaly;
} rows[] = {
    {"SYN", {SYN}, FLOW_TCP_SYN_SENT, false, false},
    {"SYN again", {SYN, SYN}, FLOW_TCP_SYN_SENT, false, false},
    {"SYN again with another number", {SYN, {.flags = S, .seq = 90000}}, FLOW_TCP_SYN_SENT, false, false},
    {"... and its answer",
        {SYN, {.flags = S, .seq = 99}, {.flags = S | A, .back = true, .seq = 500, .ack = 100}},
        FLOW_TCP_SYN_RECEIVED, false, false},
    {"SYN, SYN-ACK", {SYN, SYN_ACK}, FLOW_TCP_SYN_RECEIVED, false, false},
    {"an answer to another SYN", {SYN, {.flags = S | A, .back = true, .seq = 500, .ack = 5000}},
        FLOW_TCP_SYN_SENT, false, true},
    {"SYN-ACK again", {SYN, SYN_ACK, SYN_ACK}, FLOW_TCP_SYN_RECEIVED, false, false},
    {"handshake", {SYN, SYN_ACK, ACK}, FLOW_TCP_ESTABLISHED, true, false},
    {"SYN-ACK unseen", {SYN, ACK}, FLOW_TCP_ESTABLISHED, true, false},
    {"SYN unseen", {SYN_ACK, ACK}, FLOW_TCP_ESTABLISHED, true, false},
    {"the last ACK unseen, data back", {SYN, SYN_ACK, BACK(501, 5)}, FLOW_TCP_ESTABLISHED, true, false},
    {"both open at once",
        {SYN, {.flags = S, .back = true, .seq = 500}, {.flags = S | A, .seq = 100, .ack = 501}, SYN_ACK},
        FLOW_TCP_SYN_RECEIVED, false, false},
    {"... and go on",
        {SYN, {.flags = S, .back = true, .seq = 500}, {.flags = S | A, .seq = 100, .ack = 501}, SYN_ACK,
            DATA(101, 5)},
        FLOW_TCP_ESTABLISHED, true, false},
    {"midstream", {ACK}, FLOW_TCP_MIDSTREAM, false, false},
    {"midstream with data both ways", {DATA(101, 5), BACK(501, 5)}, FLOW_TCP_MIDSTREAM, true, false},
    {"no flags at all", {{.flags = P, .seq = 1}}, FLOW_TCP_NONE, false, false},
    {"refused", {SYN, REFUSE(101)}, FLOW_TCP_REFUSED, false, false},
    {"refused twice", {SYN, REFUSE(101), SYN, REFUSE(101)}, FLOW_TCP_REFUSED, false, false},
    {"refused with data in the SYN", {{.flags = S, .seq = 100, .n = 9}, REFUSE(110)}, FLOW_TCP_REFUSED, false,
        false},
    {"a refusal of another SYN", {SYN, REFUSE(5000)}, FLOW_TCP_SYN_SENT, false, true},
    {"a refusal of nothing", {SYN, {.flags = R, .back = true}}, FLOW_TCP_SYN_SENT, false, true},
    {"the sender takes its SYN back", {SYN, RST(101)}, FLOW_TCP_RESET, false, false},
    {"a half-open scan", {SYN, SYN_ACK, RST(101)}, FLOW_TCP_RESET, false, false},
    {"reset", {SYN, SYN_ACK, ACK, RST(101)}, FLOW_TCP_RESET, true, false},
    {"a RST within the window", {SYN, SYN_ACK, ACK, RST(60000)}, FLOW_TCP_RESET, true, false},
    {"a RST far outside", {SYN, SYN_ACK, ACK, RST(1u << 30)}, FLOW_TCP_ESTABLISHED, true, true},
    {"a RST far behind", {SYN, SYN_ACK, ACK, RST(1u << 31)}, FLOW_TCP_ESTABLISHED, true, true},
    {"one FIN", {SYN, SYN_ACK, ACK, FIN}, FLOW_TCP_CLOSING, true, false},
    {"one FIN twice", {SYN, SYN_ACK, ACK, FIN, FIN}, FLOW_TCP_CLOSING, true, false},
    {"both FINs", {SYN, SYN_ACK, ACK, FIN, FIN_BACK}, FLOW_TCP_CLOSED, true, false},
    {"a RST after both FINs", {SYN, SYN_ACK, ACK, FIN, FIN_BACK, RST(102)}, FLOW_TCP_CLOSED, true, false},
    {"FINs far outside",
        {SYN, SYN_ACK, ACK, {.flags = F | A, .seq = 1u << 30, .ack = 501},
            {.flags = F | A, .back = true, .seq = 1u << 30, .ack = 101}},
        FLOW_TCP_ESTABLISHED, true, true},
    {"data far outside", {SYN, SYN_ACK, ACK, DATA(1u << 30, 5)}, FLOW_TCP_ESTABLISHED, true, true},
    {"an acknowledgement far outside", {SYN, SYN_ACK, ACK, {.flags = A, .seq = 101, .ack = 1u << 30}},
        FLOW_TCP_ESTABLISHED, true, true},
    {"a forged SYN in a live connection", {SYN, SYN_ACK, ACK, {.flags = S, .seq = 1u << 30}, DATA(101, 5)},
        FLOW_TCP_ESTABLISHED, true, true},
    {"a forged SYN-ACK in a live connection",
        {SYN, SYN_ACK, ACK, {.flags = S | A, .back = true, .seq = 1u << 30, .ack = 101}, BACK(501, 5)},
        FLOW_TCP_ESTABLISHED, true, true},
};
/* clang-format on */

static void states_follow_what_both_ends_would_take(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct book *b = book_open((struct flow_table_config){0});
		for (size_t k = 0; k < SEGMENTS_MAX && (rows[i].s[k].flags || rows[i].s[k].seq); k++) {
			struct segment s = rows[i].s[k];
			s.time_ns = 1;
			tcp(b, s);
		}
		const struct flow *f = b->last;
		if (f->tcp != rows[i].state || !!f->established_ns != rows[i].established ||
		    !!(f->flags & FLOW_SEQUENCE_ANOMALY) != rows[i].anomaly)
			fail_msg("%s: %s, established %d, flags %x", rows[i].what,
			    flow_tcp_state_name(f->tcp), f->established_ns != 0, f->flags);
		if (flow_table_stats(b->t)->flows != 1 || !net_addr_equal(f->initiator, host(1)))
			fail_msg("%s: not one flow from 1", rows[i].what);
		book_close(b);
	}
}

/* What came after a forged SYN still arrives whole. */
static void a_forged_syn_hides_nothing(void **state)
{
	struct book *b = book_open((struct flow_table_config){0});
	(void)state;
	tcp(b, (struct segment){.flags = S, .seq = 100});
	tcp(b, (struct segment){.flags = S, .seq = 1u << 30}); /* takes the first one's place */
	tcp(b, (struct segment){.flags = S | A, .back = true, .seq = 500, .ack = 101});
	tcp(b, (struct segment){.flags = A, .seq = 101, .ack = 501});
	tcp(b, (struct segment){.flags = A, .seq = 101, .ack = 501, .n = 50});
	tcp(b, (struct segment){.flags = A, .seq = 151, .ack = 501, .n = 50});
	tcp(b, (struct segment){.flags = A, .back = true, .seq = 501, .ack = 201, .n = 10});
	assert_int_equal(b->n_got[0], 100);
	assert_int_equal(b->n_got[1], 10);
	book_flush(b);
	assert_int_equal(b->ended[0].f.side[0].payload, 100);
	assert_int_equal(b->ended[0].f.side[1].payload, 10);
	book_close(b);
}

static void ports_used_again_are_a_new_flow(void **state)
{
	static const struct {
		const char *what;
		struct segment last;
		uint32_t seq;
		int64_t time_ns;
		size_t flows;
		enum flow_end how;
	} cases[] = {
	    {"after a RST", {.flags = R, .seq = 101}, 9000, 1, 2, FLOW_END_RST},
	    {"after a FIN", {.flags = F | A, .seq = 101, .ack = 501}, 9000, 1, 2, FLOW_END_TIMEOUT},
	    {"in a live connection", {.flags = A, .seq = 101, .ack = 501}, 9000, 60 * NS_PER_S, 1,
	        FLOW_END_NONE},
	    {"in one that is long idle", {.flags = A, .seq = 101, .ack = 501}, 9000, 60 * NS_PER_S + 1, 2,
	        FLOW_END_TIMEOUT},
	    {"the same SYN late", {.flags = R, .seq = 101}, 100, 1, 1, FLOW_END_NONE},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct book *b = book_open((struct flow_table_config){0});
		handshake(b, 100, 500);
		tcp(b, cases[i].last);
		tcp(b, (struct segment){.time_ns = cases[i].time_ns, .flags = S, .seq = cases[i].seq});
		if (flow_table_stats(b->t)->flows != cases[i].flows)
			fail_msg("%s", cases[i].what);
		if (cases[i].flows == 2) {
			assert_int_equal(b->ended[0].how, cases[i].how);
			assert_int_equal(b->last->tcp, FLOW_TCP_SYN_SENT);
		}
		book_close(b);
	}
}

static void flows_end_as_their_state_says(void **state)
{
	struct book *b = book_open((struct flow_table_config){0});
	(void)state;
	handshake(b, 100, 500);
	tcp(b, (struct segment){.flags = F | A, .seq = 101, .ack = 501});
	tcp(b, (struct segment){.flags = F | A, .back = true, .seq = 501, .ack = 102});
	flow_table_expire(b->t, 10 * NS_PER_S);
	assert_int_equal(b->n_ended, 0);
	flow_table_expire(b->t, 10 * NS_PER_S + 1);
	assert_int_equal(b->ended[0].how, FLOW_END_FIN);
	assert_string_equal(flow_end_name(b->ended[0].how), "fin");
	assert_string_equal(flow_tcp_state_name(b->ended[0].f.tcp), "closed");
	book_close(b);
}

static void names_are_total(void **state)
{
	(void)state;
	for (unsigned i = 0; i <= FLOW_TCP_MIDSTREAM; i++)
		assert_string_not_equal(flow_tcp_state_name(i), "unknown");
	assert_string_equal(flow_tcp_state_name(FLOW_TCP_MIDSTREAM + 1), "unknown");
	for (unsigned i = 0; i <= FLOW_END_CAPTURE; i++)
		assert_string_not_equal(flow_end_name(i), "unknown");
	assert_string_equal(flow_end_name(FLOW_END_CAPTURE + 1), "unknown");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(states_follow_what_both_ends_would_take),
	    cmocka_unit_test(a_forged_syn_hides_nothing),
	    cmocka_unit_test(ports_used_again_are_a_new_flow),
	    cmocka_unit_test(flows_end_as_their_state_says),
	    cmocka_unit_test(names_are_total),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
