/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/timefmt.h"
#include "daemon/merge.h"
#include "net/app.h"

/* What came out, in order: 'f' a flow that counts, 'd' a duplicate, 't' a transaction. */
enum { OUT_MAX = 10240, EPOCH = 1700000000 };

struct out {
	char kind;
	struct msg_flow flow;
	uint64_t also[8];
	uint64_t id;
	char name[64];
};

static struct merge *m;
static struct out out[OUT_MAX];
static size_t n_out, n_counted, n_duplicates;
static int answer; /* what the callbacks return */

static int on_transaction(void *context, const struct msg_flow *f, const struct msg_transaction *t)
{
	(void)context;
	assert_int_equal(t->flow, f->id);
	if (n_out < OUT_MAX)
		out[n_out++] = (struct out){.kind = 't', .flow = *f, .id = t->id};
	return answer;
}

static int on_flow(void *context, const struct msg_flow *f)
{
	(void)context;
	n_counted += f->duplicate_of == 0;
	n_duplicates += f->duplicate_of != 0;
	if (n_out == OUT_MAX)
		return answer;
	struct out *o = &out[n_out++];
	*o = (struct out){.kind = f->duplicate_of ? 'd' : 'f', .flow = *f, .id = f->id};
	assert_true(f->name.n < sizeof(o->name));
	if (f->name.n)
		memcpy(o->name, f->name.p, f->name.n);
	for (uint32_t i = 0; i < f->also.n && i < 8; i++)
		o->also[i] = f->also.v[i];
	return answer;
}

static void make_bounded(size_t memory_max, size_t tellers_max)
{
	const struct merge_config config = {.memory_max = memory_max,
	    .tellers_max = tellers_max,
	    .seed = 7,
	    .transaction = on_transaction,
	    .flow = on_flow};
	assert_int_equal(merge_new(&m, &config), 0);
}

static void make(size_t memory_max)
{
	make_bounded(memory_max, 0);
}

static int setup(void **state)
{
	(void)state;
	n_out = n_counted = n_duplicates = 0;
	answer = 0;
	make(0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	merge_free(m);
	return 0;
}

static int64_t at(double seconds)
{
	return EPOCH * NS_PER_S + (int64_t)(seconds * (double)NS_PER_S);
}

static struct net_addr ip(const char *text)
{
	struct net_addr a;
	assert_int_equal(net_addr_parse(text_of(text), &a), 0);
	return a;
}

static struct msg_flow flow(uint64_t id, uint16_t vantage, double first, double last)
{
	return (struct msg_flow){.id = id,
	    .vantage = vantage,
	    .protocol = 6,
	    .initiator = ip("10.0.0.1"),
	    .responder = ip("10.0.0.2"),
	    .initiator_port = 40000,
	    .responder_port = 80,
	    .first = at(first),
	    .last = at(last),
	    .packets_out = 10,
	    .packets_in = 10,
	    .payload_out = 100,
	    .payload_in = 1000};
}

static void end(struct msg_flow f)
{
	assert_int_equal(merge_flow(m, &f, 2, f.last), 0);
}

static void transaction(uint64_t id, uint64_t of, const char *host)
{
	const struct field_value fields[1] = {{.field = FIELD_HTTP_HOST, .value = text_of(host)}};
	const struct msg_transaction t = {
	    .id = id, .flow = of, .app = APP_HTTP, .time = at(1), .fields = {.v = fields, .n = host ? 1 : 0}};
	assert_int_equal(merge_transaction(m, &t), 0);
}

static void assert_order(const char *kinds)
{
	assert_int_equal(n_out, strlen(kinds));
	for (size_t i = 0; i < n_out; i++)
		assert_int_equal(out[i].kind, kinds[i]);
}

static void test_one_flow_at_two_vantages_counts_once_and_both_are_cited(void **state)
{
	(void)state;
	end(flow(1, 0, 0, 10));
	end(flow(2, 1, 0.01, 10.01));
	assert_int_equal(n_out, 0);
	assert_int_equal(merge_flush(m), 0);
	assert_order("fd");
	assert_int_equal(out[0].id, 1); /* alike: the earlier */
	assert_int_equal(out[0].flow.also.n, 1);
	assert_int_equal(out[0].also[0], 2);
	assert_int_equal(out[1].flow.duplicate_of, 1);
	assert_int_equal(merge_stats(m)->duplicates, 1);
}

static void test_the_fuller_record_wins(void **state)
{
	(void)state;
	const struct {
		uint64_t payload, missing, packets;
		uint64_t winner;
	} cases[] = {
	    {1001, 0, 10, 2}, /* a byte more than the other's 1000 */
	    {999, 0, 99, 1},
	    {1000, 0, 11, 2},
	    {1000, 0, 9, 1},
	    {1000, 1, 99, 1}, /* what was never seen is not had */
	    {1010, 10, 10, 1},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		n_out = 0;
		struct msg_flow other = flow(2, 1, 0, 10);
		other.payload_in = cases[i].payload;
		other.missing_in = cases[i].missing;
		other.packets_in = cases[i].packets;
		end(flow(1, 0, 0, 10));
		end(other);
		assert_int_equal(merge_flush(m), 0);
		assert_order("fd");
		assert_int_equal(out[0].id, cases[i].winner);
		assert_int_equal(out[1].flow.duplicate_of, cases[i].winner);
	}
}

static void test_an_initiator_mistaken_at_one_vantage_is_the_same_flow(void **state)
{
	(void)state;
	struct msg_flow turned = flow(2, 1, 0, 10);
	turned.initiator = ip("10.0.0.2");
	turned.responder = ip("10.0.0.1");
	turned.initiator_port = 80;
	turned.responder_port = 40000;
	turned.packets_out = 1;
	end(flow(1, 0, 0, 10));
	end(turned);
	assert_int_equal(merge_flush(m), 0);
	assert_order("fd");
}

static void test_different_flows_stay_apart(void **state)
{
	(void)state;
	struct msg_flow others[4];
	for (size_t i = 0; i < 4; i++)
		others[i] = flow(10 + i, (uint16_t)(i + 1), 0, 10);
	others[0].initiator_port++;
	others[1].responder_port++;
	others[2].protocol = 17;
	others[3].initiator = ip("10.0.0.3");
	end(flow(1, 0, 0, 10));
	for (size_t i = 0; i < 4; i++)
		end(others[i]);
	assert_int_equal(merge_flush(m), 0);
	assert_order("fffff");
}

static void test_a_port_used_again_at_one_vantage_is_another_flow(void **state)
{
	(void)state;
	end(flow(1, 0, 0, 10));
	end(flow(2, 1, 0, 10));
	end(flow(3, 0, 12, 20)); /* within the skew of the first: yet the same vantage */
	end(flow(4, 1, 12, 20));
	assert_int_equal(merge_flush(m), 0);
	assert_int_equal(n_counted, 2);
	assert_int_equal(n_duplicates, 2);
	for (size_t i = 0; i < n_out; i++)
		if (out[i].kind == 'd')
			assert_int_equal(out[i].id - out[i].flow.duplicate_of, 1); /* 2 of 1, 4 of 3 */
}

static void test_clocks_may_differ_by_the_skew_and_no_more(void **state)
{
	(void)state;
	const double skew = (double)MERGE_SKEW_NS / (double)NS_PER_S;
	const struct {
		double late;
		size_t counted;
	} cases[] = {{skew - 0.001, 1}, {skew, 1}, {skew + 0.001, 2}};
	for (size_t i = 0; i < 3; i++) {
		n_counted = 0;
		end(flow(1, 0, 0, 10));
		end(flow(2, 1, 10 + cases[i].late, 30));
		assert_int_equal(merge_flush(m), 0);
		assert_int_equal(n_counted, cases[i].counted);
	}
}

static void test_transactions_of_the_winner_come_before_it_and_the_losers_go(void **state)
{
	(void)state;
	transaction(100, 1, "a.example");
	transaction(101, 1, "b.example");
	transaction(200, 2, "a.example");
	struct msg_flow fuller = flow(1, 0, 0, 10);
	fuller.payload_in++;
	end(flow(2, 1, 0, 10));
	end(fuller);
	assert_int_equal(merge_flush(m), 0);
	assert_order("ttfd");
	assert_int_equal(out[0].id, 100);
	assert_int_equal(out[1].id, 101);
	assert_int_equal(out[2].id, 1);
	assert_string_equal(out[2].name, "a.example");             /* the first of them */
	assert_int_equal(out[0].flow.name.n, strlen("a.example")); /* known to the transactions too */
}

static void test_a_name_outlives_ten_thousand_transactions(void **state)
{
	(void)state;
	transaction(99, 1, "first.example");
	for (uint64_t i = 0; i < 10000; i++)
		transaction(100 + i, 1, "later.example");
	end(flow(1, 0, 0, 10));
	assert_int_equal(merge_flush(m), 0);
	assert_int_equal(n_out, 10002);
	assert_int_equal(out[10001].kind, 'f');
	assert_string_equal(out[10001].name, "first.example");
	assert_int_equal(merge_stats(m)->transactions_lost, 0);
}

static void test_one_vantage_waits_for_nobody(void **state)
{
	(void)state;
	transaction(100, 1, NULL);
	const struct msg_flow f = flow(1, 0, 0, 10);
	assert_int_equal(merge_flow(m, &f, 1, f.last), 0);
	assert_order("tf");
	assert_int_equal(out[1].flow.also.n, 0);
}

static void test_flows_wait_for_the_window_and_not_longer(void **state)
{
	(void)state;
	end(flow(1, 0, 0, 10));
	assert_int_equal(merge_expire(m, at(10) + MERGE_WINDOW_NS), 0);
	assert_int_equal(n_out, 0);
	assert_int_equal(merge_expire(m, at(10) + MERGE_WINDOW_NS + 1), 0);
	assert_order("f");
	/* one that comes after that counts again: better twice than never */
	end(flow(2, 1, 0, 10));
	assert_int_equal(merge_flush(m), 0);
	assert_order("ff");
}

static void test_a_late_third_vantage_of_a_given_group_is_no_harm(void **state)
{
	(void)state;
	end(flow(1, 0, 0, 10));
	struct msg_flow second = flow(2, 1, 0, 10);
	assert_int_equal(merge_flow(m, &second, 3, at(100)), 0);
	assert_int_equal(merge_expire(m, at(10) + MERGE_WINDOW_NS + 1), 0);
	assert_order("fd");
	struct msg_flow third = flow(3, 2, 0, 10);
	assert_int_equal(merge_flow(m, &third, 3, at(161)), 0);
	assert_int_equal(merge_flush(m), 0);
	assert_order("fdf");
}

static void test_many_vantages_of_one_flow_are_one_group(void **state)
{
	(void)state;
	for (uint16_t v = 0; v < 32; v++)
		end(flow(1 + v, v, 0, 10));
	assert_int_equal(merge_flush(m), 0);
	assert_int_equal(n_counted, 1);
	assert_int_equal(n_duplicates, 31);
	for (uint16_t v = 0; v < 33; v++)
		end(flow(100 + v, v, 0, 10));
	assert_int_equal(merge_flush(m), 0);
	assert_int_equal(n_counted, 1 + 2); /* the 33rd finds the group full */
}

static void test_at_the_bound_of_flows_the_oldest_goes_early(void **state)
{
	(void)state;
	struct msg_flow f = flow(1, 0, 0, 10);
	for (uint64_t i = 0; i < MERGE_FLOWS_MAX; i++) {
		f.id = 1 + i;
		f.initiator_port = (uint16_t)i;
		f.responder_port = (uint16_t)(80 + (i >> 16));
		assert_int_equal(merge_flow(m, &f, 2, f.last), 0);
		if (i == MERGE_FLOWS_MAX - 2)
			assert_int_equal(merge_stats(m)->early, 0);
	}
	assert_int_equal(merge_stats(m)->early, 0);
	f.id++;
	f.responder_port += 10;
	assert_int_equal(merge_flow(m, &f, 2, f.last), 0);
	assert_int_equal(merge_stats(m)->early, 1);
	assert_order("f");
	assert_int_equal(out[0].id, 1);
	assert_int_equal(merge_flush(m), 0);
	assert_int_equal(n_counted, MERGE_FLOWS_MAX + 1);
}

static void test_transactions_beyond_memory_are_lost_and_counted(void **state)
{
	(void)state;
	merge_free(m);
	make(64 << 10);
	for (uint64_t i = 0; i < 10000; i++)
		transaction(100 + i, 1, "www.example.org");
	uint64_t lost = merge_stats(m)->transactions_lost;
	assert_true(lost > 0 && lost < 10000);
	end(flow(1, 0, 0, 10));
	/* memory is full of its log: it leaves for the next that ends */
	struct msg_flow next = flow(2, 0, 0, 10);
	next.initiator_port++;
	end(next);
	assert_int_equal(merge_stats(m)->early, 1);
	assert_int_equal(merge_flush(m), 0);
	assert_int_equal(n_counted, 2);
	transaction(50000, 3, "www.example.org");
	assert_int_equal(merge_stats(m)->transactions_lost, lost); /* there is room again */
}

static void test_the_reader_of_the_records_can_stop_everything(void **state)
{
	(void)state;
	answer = -28;
	transaction(100, 1, NULL);
	end(flow(1, 0, 0, 10));
	assert_int_equal(merge_flush(m), -28);
}

static void tell(struct msg_flow f, size_t vantages)
{
	assert_int_equal(merge_snapshot(m, &f, vantages), 0);
}

static void test_a_running_flow_is_told_of_with_each_transaction_once(void **state)
{
	(void)state;
	struct msg_flow f = flow(1, 0, 0, 10);
	tell(f, 1);
	assert_order("f");
	transaction(100, 1, "www.example.org");
	transaction(101, 1, NULL);
	tell(f, 1);
	assert_order("fttf");
	assert_string_equal(out[3].name, "www.example.org");
	tell(f, 1);
	transaction(102, 1, "other.example.org");
	tell(f, 1);
	assert_order("fttfftf");
	/* the name that was told first stays, though its transaction is gone */
	assert_string_equal(out[4].name, "www.example.org");
	assert_string_equal(out[6].name, "www.example.org");
	transaction(103, 1, NULL);
	assert_int_equal(merge_flow(m, &f, 1, f.last), 0);
	assert_order("fttfftftf");
	assert_string_equal(out[8].name, "www.example.org");
	assert_int_equal(merge_stats(m)->snapshots, 4);
}

static void test_transactions_of_two_flows_dont_mix(void **state)
{
	(void)state;
	struct msg_flow a = flow(1, 0, 0, 10), b = flow(2, 0, 0, 10);
	b.initiator_port++;
	transaction(100, 1, "a.example.org");
	transaction(200, 2, "b.example.org");
	transaction(101, 1, NULL);
	tell(b, 1);
	tell(a, 1);
	assert_order("tfttf");
	assert_int_equal(out[0].id, 200);
	assert_string_equal(out[1].name, "b.example.org");
	assert_int_equal(out[2].id, 100);
	assert_int_equal(out[3].id, 101);
	assert_string_equal(out[4].name, "a.example.org");
}

static void test_only_the_vantage_that_saw_a_flow_first_tells(void **state)
{
	(void)state;
	struct msg_flow first = flow(1, 0, 0, 10), second = flow(2, 1, 0.1, 10);
	tell(first, 2);
	transaction(200, 2, "www.example.org");
	tell(second, 2);
	transaction(100, 1, "www.example.org");
	tell(first, 2);
	tell(second, 2);
	assert_order("ftf");
	assert_int_equal(merge_stats(m)->snapshots, 2);
	assert_int_equal(merge_stats(m)->snapshots_held, 2);
	end(first);
	tell(second, 2); /* it lags behind */
	assert_order("ftf");
	end(second);
	assert_int_equal(merge_flush(m), 0);
	assert_order("ftffd");
	assert_int_equal(out[3].id, 1);
	assert_string_equal(out[3].name, "www.example.org");
	assert_int_equal(out[4].flow.duplicate_of, 1);
}

static void test_of_more_running_flows_than_are_told_of_the_end_tells(void **state)
{
	(void)state;
	for (uint16_t n = 3; n <= 5; n++) {
		merge_free(m);
		make_bounded(0, 4);
		n_out = 0;
		for (uint16_t i = 0; i < n; i++) {
			struct msg_flow f = flow(i + 1, 0, 0, 10);
			f.initiator_port = i;
			tell(f, 2);
		}
		assert_int_equal(n_out, n < 4 ? n : 4);
		assert_int_equal(merge_stats(m)->snapshots_untold, n > 4);
		assert_int_equal(merge_stats(m)->snapshots_held, 0);
		for (uint16_t i = 0; i < n; i++) {
			struct msg_flow f = flow(i + 1, 0, 0, 10);
			f.initiator_port = i;
			end(f);
		}
		n_out = 0;
		assert_int_equal(merge_flush(m), 0);
		assert_int_equal(n_out, n);
	}
}

static void test_the_fuller_record_stands_under_the_id_that_was_told(void **state)
{
	(void)state;
	struct msg_flow first = flow(1, 0, 0, 10), second = flow(2, 1, 0.1, 10);
	second.payload_in = 5000;
	tell(first, 2);
	transaction(100, 1, "www.example.org");
	tell(first, 2);
	transaction(200, 2, "www.example.org");
	transaction(101, 1, NULL);
	end(first);
	end(second);
	assert_int_equal(merge_flush(m), 0);
	/* what the first one read and hadn't told yet, and nothing twice */
	assert_order("ftftfd");
	assert_int_equal(out[3].id, 101);
	assert_int_equal(out[4].id, 1);
	assert_int_equal(out[4].flow.payload_in, 5000);
	assert_int_equal(out[4].flow.vantage, 1);
	assert_string_equal(out[4].name, "www.example.org");
	assert_int_equal(out[4].also[0], 2);
	assert_int_equal(out[5].id, 2);
	assert_int_equal(out[5].flow.duplicate_of, 1);
	assert_int_equal(out[5].flow.payload_in, 1000);
}

static void test_what_only_another_vantage_could_read_is_given_at_the_end(void **state)
{
	(void)state;
	struct msg_flow first = flow(1, 0, 0, 10), second = flow(2, 1, 0.1, 10);
	second.payload_in = 5000;
	tell(first, 2);
	transaction(200, 2, "www.example.org");
	tell(second, 2);
	end(first);
	end(second);
	assert_int_equal(merge_flush(m), 0);
	assert_order("ftfd");
	assert_int_equal(out[1].id, 200); /* on_transaction sees to it that it is of flow 1 now */
	assert_int_equal(out[2].id, 1);
	assert_string_equal(out[2].name, "www.example.org");
}

static void test_ports_used_again_are_told_of_anew(void **state)
{
	(void)state;
	tell(flow(1, 0, 0, 10), 2);
	end(flow(1, 0, 0, 10));
	tell(flow(2, 0, 11, 20), 2); /* the same vantage: at once */
	end(flow(2, 0, 11, 20));
	tell(flow(3, 1, 24, 30), 2); /* another: it may lag behind */
	tell(flow(4, 1, 26, 30), 2);
	assert_order("fff");
	assert_int_equal(out[2].id, 4);
	assert_int_equal(merge_expire(m, at(300)), 0);
	assert_int_equal(n_counted, 5);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_one_flow_at_two_vantages_counts_once_and_both_are_cited),
	    T(test_the_fuller_record_wins),
	    T(test_an_initiator_mistaken_at_one_vantage_is_the_same_flow),
	    T(test_different_flows_stay_apart),
	    T(test_a_port_used_again_at_one_vantage_is_another_flow),
	    T(test_clocks_may_differ_by_the_skew_and_no_more),
	    T(test_transactions_of_the_winner_come_before_it_and_the_losers_go),
	    T(test_a_name_outlives_ten_thousand_transactions),
	    T(test_one_vantage_waits_for_nobody),
	    T(test_flows_wait_for_the_window_and_not_longer),
	    T(test_a_late_third_vantage_of_a_given_group_is_no_harm),
	    T(test_many_vantages_of_one_flow_are_one_group),
	    T(test_at_the_bound_of_flows_the_oldest_goes_early),
	    T(test_transactions_beyond_memory_are_lost_and_counted),
	    T(test_the_reader_of_the_records_can_stop_everything),
	    T(test_a_running_flow_is_told_of_with_each_transaction_once),
	    T(test_transactions_of_two_flows_dont_mix),
	    T(test_only_the_vantage_that_saw_a_flow_first_tells),
	    T(test_of_more_running_flows_than_are_told_of_the_end_tells),
	    T(test_the_fuller_record_stands_under_the_id_that_was_told),
	    T(test_what_only_another_vantage_could_read_is_given_at_the_end),
	    T(test_ports_used_again_are_told_of_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
