/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cursor.h"
#include "base/timefmt.h"
#include "capture/capture.h"
#include "daemon/sensor.h"
#include "net/app.h"

/*
 * The sensor as it runs live, over tests/captures/visit.pcap (make.py): 17 flows, 5 transactions of DNS and
 * HTTP beside SSH's, 3 bindings, ws1 (10.0.0.11) with 11 connections to 203.0.113.66.
 */

enum { FRAMES_MAX = 512, FLOWS = 17, IDS_MAX = 4096 };

struct seen {
	uint64_t id;
	size_t finals, both_ways, duplicates, snapshots, bindings, transactions, pending;
	uint64_t pending_flow;        /* of transactions whose record is still to come */
	uint8_t told[IDS_MAX];        /* by flow id: 1 a snapshot, 2 the final record */
	struct msg_coverage coverage; /* sums, and the last one's times */
	uint64_t covered[2];          /* packets, of two vantages */
	int64_t covered_from;
	size_t coverages;
	int64_t latest; /* time in a record */
	bool offline;
};

static struct seen seen;
static struct sensor *sensor;
static struct watch *watch;
static struct sensor_live live;
static struct capture_frame frames[FRAMES_MAX];
static size_t n_frames, n_sights;
static struct watch_sight sight;

static uint64_t next_id(void *context)
{
	(void)context;
	return ++seen.id;
}

static int on_transaction(void *context, const struct msg_flow *f, const struct msg_transaction *t)
{
	(void)context;
	assert_int_equal(t->flow, f->id);
	seen.transactions++;
	if (seen.offline && t->app == APP_DNS && f->protocol == PACKET_UDP && f->end == FLOW_END_NONE)
		return 0; /* stands alone */
	assert_true(!seen.pending || seen.pending_flow == f->id);
	seen.pending++;
	seen.pending_flow = f->id;
	return 0;
}

static int on_flow(void *context, const struct msg_flow *f)
{
	(void)context;
	assert_true(!seen.pending || seen.pending_flow == f->id);
	assert_true(f->id < IDS_MAX && seen.told[f->id] != 2);
	seen.pending = 0;
	seen.told[f->id] = f->end == FLOW_END_NONE ? 1 : 2;
	seen.snapshots += f->end == FLOW_END_NONE;
	seen.duplicates += f->duplicate_of != 0;
	seen.both_ways += f->end != FLOW_END_NONE && f->packets_out && f->packets_in;
	seen.finals += f->end != FLOW_END_NONE && !f->duplicate_of;
	seen.latest = f->last > seen.latest ? f->last : seen.latest;
	return 0;
}

static int on_binding(void *context, const struct msg_binding *b)
{
	(void)context;
	assert_true(b->first <= b->last);
	seen.bindings++;
	return 0;
}

static int on_coverage(void *context, const struct msg_coverage *c)
{
	(void)context;
	assert_true(c->from <= c->to);
	if (seen.coverages++ == 0)
		seen.covered_from = c->from;
	if (c->vantage < 2)
		seen.covered[c->vantage] += c->packets;
	seen.coverage.packets += c->packets;
	seen.coverage.bytes += c->bytes;
	seen.coverage.dropped += c->dropped;
	seen.coverage.malformed += c->malformed;
	seen.coverage.from = c->from;
	seen.coverage.to = c->to;
	return 0;
}

static int on_sight(void *context, const struct watch_sight *s)
{
	(void)context;
	sight = *s;
	n_sights++;
	return 0;
}

static int load(void **state)
{
	(void)state;
	const char *source = getenv("BULKHEAD_SOURCE");
	char path[4096], why[160] = "";
	struct capture_set *set;
	struct capture_frame f;
	snprintf(path, sizeof(path), "%s/tests/captures/visit.pcap", source ? source : ".");
	assert_int_equal(capture_set_new(&set), 0);
	assert_int_equal(capture_set_add(set, -1, path, why), 0);
	while (capture_set_next(set, &f) > 0 && n_frames < FRAMES_MAX) {
		uint8_t *copy = malloc(f.caplen);
		assert_non_null(copy);
		memcpy(copy, f.data, f.caplen);
		f.data = copy;
		frames[n_frames++] = f;
	}
	capture_set_free(set);
	return n_frames ? 0 : -1;
}

static int unload(void **state)
{
	(void)state;
	while (n_frames)
		free((void *)frames[--n_frames].data);
	return 0;
}

static void make(void)
{
	const struct sensor_sink sink = {.next_id = next_id,
	    .transaction = on_transaction,
	    .flow = on_flow,
	    .binding = on_binding,
	    .coverage = on_coverage};
	sensor_free(sensor);
	sensor = NULL;
	memset(&seen, 0, sizeof(seen));
	assert_int_equal(sensor_new(&sensor, &(struct sensor_limits){.live = &live}, 7, &sink), 0);
	assert_int_equal(sensor_add_vantage(sensor, 0, true, frames[0].time_ns), 0);
}

static int setup(void **state)
{
	(void)state;
	n_sights = 0;
	live = (struct sensor_live){0};
	assert_int_equal(watch_new(&watch, 0, 7), 0);
	live.watch = watch;
	make();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sensor_free(sensor);
	watch_free(watch);
	sensor = NULL;
	return 0;
}

static void feed_some(size_t from, size_t to, size_t vantages)
{
	for (size_t i = from; i < to; i++)
		for (size_t v = 0; v < vantages; v++) {
			struct capture_frame f = frames[i];
			f.vantage = (uint16_t)v;
			f.time_ns += (int64_t)v * 1000;
			assert_int_equal(sensor_frame(sensor, &f, vantages), 0);
			assert_int_equal(sensor_tick(sensor, f.time_ns), 0);
			assert_int_equal(seen.pending, 0); /* nothing waits beyond its packet */
		}
}

static void feed(size_t vantages)
{
	feed_some(0, n_frames, vantages);
	assert_int_equal(sensor_finish(sensor), 0);
}

static void test_a_flow_is_told_of_at_its_first_packet(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_frames; i++) {
		uint64_t before = seen.snapshots;
		struct sensor_stats a, b;
		sensor_get_stats(sensor, &a);
		uint64_t flows = a.flow->flows;
		assert_int_equal(sensor_frame(sensor, &frames[i], 1), 0);
		sensor_get_stats(sensor, &b);
		if (b.flow->flows > flows)
			assert_true(seen.snapshots > before);
	}
	assert_int_equal(sensor_finish(sensor), 0);
	assert_int_equal(seen.finals, FLOWS);
}

static void test_live_and_offline_agree_in_the_end(void **state)
{
	(void)state;
	feed(1);
	assert_int_equal(seen.finals, FLOWS);
	assert_int_equal(seen.duplicates, 0);
	size_t transactions = seen.transactions, final = 0;
	for (size_t i = 0; i < IDS_MAX; i++) {
		assert_int_not_equal(seen.told[i], 1); /* every flow that was told of has its final record */
		final += seen.told[i] == 2;
	}
	assert_int_equal(final, FLOWS);
	/* beginning, answer, establishment ...: a few each, not one a packet */
	assert_true(seen.snapshots >= 2 * FLOWS && seen.snapshots <= 6 * FLOWS);
	struct sensor_stats stats;
	sensor_get_stats(sensor, &stats);
	assert_int_equal(stats.snapshots, seen.snapshots);
	assert_int_equal(stats.snapshots_skipped, 0);
	/* the same without telling */
	const struct sensor_sink sink = {
	    .next_id = next_id, .transaction = on_transaction, .flow = on_flow, .binding = on_binding};
	sensor_free(sensor);
	memset(&seen, 0, sizeof(seen));
	seen.offline = true;
	assert_int_equal(sensor_new(&sensor, &(struct sensor_limits){0}, 7, &sink), 0);
	for (size_t i = 0; i < n_frames; i++)
		assert_int_equal(sensor_frame(sensor, &frames[i], 1), 0);
	assert_int_equal(sensor_finish(sensor), 0);
	assert_int_equal(seen.transactions, transactions);
	assert_int_equal(seen.snapshots, 0);
	assert_int_equal(seen.finals, FLOWS);
}

static void test_several_taps_tell_of_a_flow_once(void **state)
{
	(void)state;
	feed(1);
	size_t snapshots = seen.snapshots, transactions = seen.transactions;
	make();
	feed(3);
	assert_int_equal(seen.snapshots, snapshots);
	assert_int_equal(seen.transactions, transactions);
	assert_int_equal(seen.finals, FLOWS);
	assert_int_equal(seen.duplicates, 2 * FLOWS);
	struct sensor_stats stats;
	sensor_get_stats(sensor, &stats);
	assert_int_equal(stats.snapshots_held, 2 * snapshots);
}

static void test_beyond_the_rate_only_snapshots_with_transactions_are_given(void **state)
{
	(void)state;
	feed(1);
	size_t snapshots = seen.snapshots, transactions = seen.transactions;
	live.snapshots_per_s = 1;
	make();
	feed(1);
	struct sensor_stats stats;
	sensor_get_stats(sensor, &stats);
	assert_true(seen.snapshots < snapshots);
	assert_int_equal(seen.snapshots + stats.snapshots_skipped, snapshots);
	assert_int_equal(seen.transactions, transactions);
	assert_int_equal(seen.finals, FLOWS);
}

static void test_bindings_are_told_when_they_are_new(void **state)
{
	(void)state;
	size_t half = n_frames / 2;
	feed_some(0, half, 1);
	assert_true(seen.bindings > 0);
	feed_some(half, n_frames, 1);
	assert_int_equal(seen.bindings, 3);
	/* the same again: known, until five minutes have passed */
	size_t arp = 0;
	while (frames[arp].data[12] != 8 || frames[arp].data[13] != 6)
		arp++;
	struct capture_frame f = frames[arp];
	f.time_ns = frames[n_frames - 1].time_ns;
	assert_int_equal(sensor_frame(sensor, &f, 1), 0);
	assert_int_equal(seen.bindings, 3);
	f.time_ns += 300 * NS_PER_S;
	assert_int_equal(sensor_frame(sensor, &f, 1), 0);
	assert_int_equal(seen.bindings, 4);
}

/* An ARP reply of 10.9.x.y. */
static void arp_of(uint32_t number, int64_t time)
{
	static const uint8_t head[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 6, 0, 1, 8, 0, 6, 4, 0, 2};
	uint8_t p[42] = {0};
	memcpy(p, head, sizeof(head));
	memcpy(p + 22, p + 6, 6);
	memcpy(p + 28, (uint8_t[]){10, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number}, 4);
	memcpy(p + 32, p, 6);
	memcpy(p + 38, (uint8_t[]){10, 9, 255, 254}, 4);
	const struct capture_frame f = {
	    .time_ns = time, .data = p, .caplen = sizeof(p), .wirelen = sizeof(p), .linktype = 1};
	assert_int_equal(sensor_frame(sensor, &f, 1), 0);
}

static void test_a_flood_of_bindings_is_told_at_its_rate_and_never_blocks_new_ones(void **state)
{
	(void)state;
	enum { FLOOD = (1 << 16) + 10 };
	int64_t t = frames[0].time_ns;
	for (uint32_t i = 0; i < FLOOD; i++)
		arp_of(i, t);
	assert_int_equal(seen.bindings, 1000);
	struct sensor_stats stats;
	sensor_get_stats(sensor, &stats);
	assert_int_equal(stats.bindings_lost, (1 << 16) - 1000);
	assert_int_equal(sensor_tick(sensor, t + NS_PER_S), 0);
	assert_int_equal(seen.bindings, 1010);
	arp_of(FLOOD, t + NS_PER_S);
	assert_int_equal(seen.bindings, 1011);
}

static void test_coverage_is_told_every_ten_seconds_also_of_silence(void **state)
{
	(void)state;
	int64_t from = frames[0].time_ns;
	uint64_t bytes = 0;
	for (size_t i = 0; i < 10; i++) {
		struct capture_frame f = frames[i];
		f.time_ns = from;
		bytes += f.wirelen;
		assert_int_equal(sensor_frame(sensor, &f, 1), 0);
	}
	sensor_lost(sensor, 0, 7);
	assert_int_equal(sensor_tick(sensor, from + 10 * NS_PER_S - 1), 0);
	assert_int_equal(seen.coverages, 0);
	assert_int_equal(sensor_tick(sensor, from + 10 * NS_PER_S), 0);
	assert_int_equal(seen.coverages, 1);
	assert_int_equal(seen.coverage.packets, 10);
	assert_int_equal(seen.coverage.bytes, bytes);
	assert_int_equal(seen.coverage.dropped, 7);
	assert_int_equal(seen.coverage.from, from);
	for (int i = 11; i <= 30; i++)
		assert_int_equal(sensor_tick(sensor, from + i * NS_PER_S), 0);
	assert_int_equal(seen.coverages, 3);
	assert_int_equal(seen.coverage.packets, 10);
	assert_int_equal(seen.coverage.from, from + 20 * NS_PER_S);
	assert_int_equal(seen.coverage.to, from + 30 * NS_PER_S);
	/* what is left is told at the end */
	struct capture_frame f = frames[0];
	f.time_ns = from + 31 * NS_PER_S;
	f.caplen = 3;
	assert_int_equal(sensor_frame(sensor, &f, 1), 0);
	assert_int_equal(sensor_finish(sensor), 0);
	assert_int_equal(seen.coverages, 4);
	assert_int_equal(seen.coverage.packets, 11);
	assert_int_equal(seen.coverage.malformed, 1);
}

static void test_a_flow_ends_though_no_frame_comes_any_more(void **state)
{
	(void)state;
	feed_some(0, n_frames, 1);
	assert_true(seen.finals < FLOWS);
	assert_int_equal(sensor_tick(sensor, frames[n_frames - 1].time_ns + 3700 * NS_PER_S), 0);
	assert_int_equal(seen.finals, FLOWS);
}

static void test_a_wall_clock_that_is_set_moves_the_records_and_ends_no_flow(void **state)
{
	(void)state;
	static const int64_t shifts[] = {0, -3600 * NS_PER_S, 3600 * NS_PER_S};
	uint64_t timeouts = 0;
	int64_t latest = 0;
	for (size_t i = 0; i < 3; i++) {
		make();
		size_t half = n_frames / 2;
		feed_some(0, half, 1);
		struct sensor_stats stats;
		size_t coverages = seen.coverages;
		assert_int_equal(sensor_set_shift(sensor, frames[half].time_ns, shifts[i]), 0);
		assert_int_equal(seen.coverages, coverages + (shifts[i] != 0));
		if (shifts[i])
			assert_int_equal(seen.coverage.to, frames[half].time_ns);
		seen.latest = INT64_MIN;
		feed_some(half, n_frames, 1);
		sensor_get_stats(sensor, &stats);
		if (i == 0) {
			timeouts = stats.flow->timeouts;
			latest = seen.latest;
		}
		assert_int_equal(stats.flow->timeouts, timeouts);
		assert_int_equal(seen.latest, latest + shifts[i]);
		assert_int_equal(sensor_finish(sensor), 0);
		assert_int_equal(seen.finals, FLOWS);
		assert_int_equal(seen.coverage.to, frames[n_frames - 1].time_ns + shifts[i]);
		assert_int_equal(seen.coverage.packets, n_frames);
	}
}

static struct cut cut_of(const char *from, enum cut_direction direction)
{
	struct cut c = {.direction = (uint8_t)direction};
	assert_int_equal(net_prefix_parse(text_of(from), &c.from), 0);
	return c;
}

static void test_a_tap_that_sees_answers_of_what_is_cut_tells(void **state)
{
	(void)state;
	struct cut c = cut_of("203.0.113.66/32", CUT_BOTH);
	assert_int_equal(watch_put(watch, &c, frames[0].time_ns), 0);
	feed_some(0, n_frames, 1);
	assert_int_equal(watch_tell(watch, on_sight, NULL), 0);
	assert_int_equal(n_sights, 11);
	assert_int_equal(sight.kind, WATCH_ANSWERED);
	assert_true(sight.flow > 0 && sight.packets > 0);
	/* since after all of it: nothing */
	make();
	n_sights = 0;
	assert_int_equal(watch_put(watch, &c, frames[n_frames - 1].time_ns), 0);
	feed_some(0, n_frames, 1);
	assert_int_equal(watch_tell(watch, on_sight, NULL), 0);
	assert_int_equal(n_sights, 0);
}

static void test_a_gateway_tells_of_frames_that_leave_and_not_of_those_that_come(void **state)
{
	(void)state;
	struct cut c = cut_of("203.0.113.66/32", CUT_BOTH);
	assert_int_equal(sensor_add_vantage(sensor, 0, false, frames[0].time_ns), 0);
	assert_int_equal(watch_put(watch, &c, frames[0].time_ns), 0);
	size_t before = 0;
	for (size_t i = 0; i < n_frames; i++) {
		feed_some(i, i + 1, 1);
		assert_int_equal(watch_tell(watch, on_sight, NULL), 0);
		assert_int_equal(n_sights, before);
		/* it leaves right after it came */
		assert_int_equal(sensor_outgoing(sensor, &frames[i]), 0);
		assert_int_equal(watch_tell(watch, on_sight, NULL), 0);
		assert_true(n_sights == before || sight.packets == 1);
		before = n_sights;
	}
	assert_true(n_sights > 11);
	assert_int_equal(sight.kind, WATCH_LEFT);
	assert_true(sight.flow > 0);
	/* they are no traffic of their own */
	assert_int_equal(sensor_finish(sensor), 0);
	assert_int_equal(seen.finals, FLOWS);
	assert_int_equal(seen.coverage.packets, n_frames);
}

/* Each packet comes in at one of the two, by its direction. */
static uint16_t side_of(const struct capture_frame *f)
{
	return f->caplen >= 34 && load_be16(f->data + 12) == 0x0800 &&
	       memcmp(f->data + 26, f->data + 30, 4) > 0;
}

static void test_flows_of_a_gateway_are_whole_though_each_direction_has_its_link(void **state)
{
	(void)state;
	size_t of[2] = {0};
	make();
	feed_some(0, n_frames, 1);
	assert_int_equal(sensor_finish(sensor), 0);
	const struct seen one = seen;
	make();
	for (uint16_t v = 0; v < 2; v++)
		assert_int_equal(sensor_add_vantage(sensor, v, false, frames[0].time_ns), 0);
	struct cut c = cut_of("203.0.113.66/32", CUT_BOTH);
	assert_int_equal(watch_put(watch, &c, frames[0].time_ns), 0);
	for (size_t i = 0; i < n_frames; i++) {
		struct capture_frame f = frames[i];
		f.vantage = side_of(&f);
		of[f.vantage]++;
		assert_int_equal(sensor_frame(sensor, &f, 2), 0);
		f.vantage = !f.vantage; /* it leaves at the other */
		assert_int_equal(sensor_outgoing(sensor, &f), 0);
	}
	assert_int_equal(watch_tell(watch, on_sight, NULL), 0);
	assert_true(n_sights > 0 && sight.flow > 0);
	assert_int_equal(sensor_finish(sensor), 0);
	assert_int_equal(seen.finals, one.finals);
	assert_int_equal(seen.duplicates, 0);
	assert_true(one.both_ways > 0);
	assert_int_equal(seen.both_ways, one.both_ways);
	assert_int_equal(seen.transactions, one.transactions);
	for (int v = 0; v < 2; v++) {
		assert_true(of[v] > 0);
		assert_int_equal(seen.covered[v], of[v]);
	}
}

static void test_a_refusal_in_the_place_of_a_cut_is_no_sight(void **state)
{
	(void)state;
	/* an enforcer that resets: from 203.0.113.66:443 to 10.0.0.11:40000, though nothing came from there
	 */
	uint8_t p[54] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0,
	    203, 0, 113, 66, 10, 0, 0, 11, 1, 0xbb, 0x9c, 0x40, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x14, 0, 0, 0,
	    0, 0, 0};
	const struct capture_frame f = {.time_ns = frames[0].time_ns + NS_PER_S,
	    .data = p,
	    .caplen = sizeof(p),
	    .wirelen = sizeof(p),
	    .linktype = 1};
	struct cut c = cut_of("203.0.113.66/32", CUT_BOTH);
	assert_int_equal(watch_put(watch, &c, frames[0].time_ns), 0);
	assert_int_equal(sensor_outgoing(sensor, &f), 0);
	assert_int_equal(watch_tell(watch, on_sight, NULL), 0);
	assert_int_equal(n_sights, 0);
	p[47] = 0x10; /* an ACK: somebody's traffic */
	assert_int_equal(sensor_outgoing(sensor, &f), 0);
	assert_int_equal(watch_tell(watch, on_sight, NULL), 0);
	assert_int_equal(n_sights, 1);
	assert_int_equal(sight.flow, 0);
	assert_int_equal(sight.initiator_port, 443);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_a_flow_is_told_of_at_its_first_packet),
	    T(test_live_and_offline_agree_in_the_end),
	    T(test_several_taps_tell_of_a_flow_once),
	    T(test_beyond_the_rate_only_snapshots_with_transactions_are_given),
	    T(test_bindings_are_told_when_they_are_new),
	    T(test_a_flood_of_bindings_is_told_at_its_rate_and_never_blocks_new_ones),
	    T(test_coverage_is_told_every_ten_seconds_also_of_silence),
	    T(test_a_flow_ends_though_no_frame_comes_any_more),
	    T(test_a_wall_clock_that_is_set_moves_the_records_and_ends_no_flow),
	    T(test_a_tap_that_sees_answers_of_what_is_cut_tells),
	    T(test_a_gateway_tells_of_frames_that_leave_and_not_of_those_that_come),
	    T(test_flows_of_a_gateway_are_whole_though_each_direction_has_its_link),
	    T(test_a_refusal_in_the_place_of_a_cut_is_no_sight),
	};
	return cmocka_run_group_tests(tests, load, unload);
}
