/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/timefmt.h"
#include "capture/capture.h"
#include "daemon/bounds.h"
#include "daemon/sensor.h"
#include "net/app.h"

/*
 * The whole sensor over tests/captures/visit.pcap, whose script (make.py) tells what is in it: 3 questions to
 * DNS, 2 pages over HTTP, 1 SSH session, 11 connections to 203.0.113.66, and 2 exchanges of ARP.
 */

enum { FLOWS_MAX = 64, FRAMES_MAX = 512, FRAMES = 185, FLOWS = 17 };

struct seen {
	uint64_t id;
	struct msg_flow flows[FLOWS_MAX];
	size_t n_flows, n_duplicates, n_transactions, n_bindings;
	size_t by_app[APP_COUNT];
	int answer;
};

static struct seen seen;
static struct sensor *sensor;
static struct capture_frame frames[FRAMES_MAX]; /* of the capture, kept in memory of their own */
static size_t n_frames;

static uint64_t next_id(void *context)
{
	struct seen *s = context;
	return ++s->id;
}

static int on_transaction(void *context, const struct msg_flow *f, const struct msg_transaction *t)
{
	struct seen *s = context;
	assert_int_equal(t->flow, f->id);
	s->n_transactions++;
	s->by_app[t->app]++;
	return s->answer;
}

static int on_flow(void *context, const struct msg_flow *f)
{
	struct seen *s = context;
	if (f->duplicate_of)
		s->n_duplicates++;
	else if (s->n_flows < FLOWS_MAX)
		s->flows[s->n_flows++] = *f;
	return s->answer;
}

static int on_binding(void *context, const struct msg_binding *b)
{
	struct seen *s = context;
	assert_false(net_addr_is_none(b->addr));
	s->n_bindings++;
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
	return n_frames == FRAMES ? 0 : -1;
}

static int unload(void **state)
{
	(void)state;
	while (n_frames)
		free((void *)frames[--n_frames].data);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	const struct sensor_sink sink = {.next_id = next_id,
	    .transaction = on_transaction,
	    .flow = on_flow,
	    .binding = on_binding,
	    .context = &seen};
	return sensor_new(&sensor, &(struct sensor_limits){0}, 7, &sink);
}

static int teardown(void **state)
{
	(void)state;
	sensor_free(sensor);
	return 0;
}

static void feed(size_t vantages, int64_t apart_ns)
{
	for (size_t i = 0; i < n_frames; i++)
		for (size_t v = 0; v < vantages; v++) {
			struct capture_frame f = frames[i];
			f.vantage = (uint16_t)v;
			f.time_ns += (int64_t)v * apart_ns;
			assert_int_equal(sensor_frame(sensor, &f, vantages), 0);
		}
	assert_int_equal(sensor_finish(sensor), 0);
}

static uint64_t payload_to(const char *addr)
{
	struct net_addr a;
	uint64_t sum = 0;
	assert_int_equal(net_addr_parse(text_of(addr), &a), 0);
	for (size_t i = 0; i < seen.n_flows; i++)
		if (net_addr_equal(seen.flows[i].responder, a))
			sum += seen.flows[i].payload_out;
	return sum;
}

static void test_a_capture_becomes_its_flows_transactions_and_bindings(void **state)
{
	(void)state;
	feed(1, 0);
	assert_int_equal(seen.n_flows, FLOWS);
	assert_int_equal(seen.n_duplicates, 0);
	assert_int_equal(seen.by_app[APP_DNS], 3);
	assert_int_equal(seen.by_app[APP_HTTP], 2);
	assert_int_equal(seen.n_bindings, 3); /* ws1, ws2 and the gateway, by ARP */
	assert_int_equal(payload_to("203.0.113.66"), 10 * 7 + 20480);
	for (size_t i = 0; i < seen.n_flows; i++) {
		assert_true(seen.flows[i].id > 0 && seen.flows[i].id <= seen.id);
		assert_true(seen.flows[i].first <= seen.flows[i].last);
	}
	assert_int_equal(sensor_vantage_counts(sensor, 0).malformed, 0);
	assert_int_equal(sensor_vantage_counts(sensor, 0).missing, 0);
}

static void test_the_same_seen_three_times_counts_once(void **state)
{
	(void)state;
	feed(3, 1000000);
	assert_int_equal(seen.n_flows, FLOWS);
	assert_int_equal(seen.n_duplicates, 2 * FLOWS);
	assert_int_equal(seen.by_app[APP_DNS], 3);
	assert_int_equal(seen.by_app[APP_HTTP], 2);
	assert_int_equal(payload_to("203.0.113.66"), 10 * 7 + 20480);
	struct sensor_stats stats;
	sensor_get_stats(sensor, &stats);
	assert_int_equal(stats.duplicates, 2 * FLOWS);
	assert_int_equal(stats.merged_early, 0);
}

static void test_frames_cut_anywhere_are_counted_and_do_no_harm(void **state)
{
	(void)state;
	size_t given = 0;
	for (size_t i = 0; i < n_frames; i++)
		for (uint32_t n = 0; n < frames[i].caplen && n < 80; n++) {
			uint8_t *bytes = malloc(n ? n : 1); /* of exactly that size, for the sanitizer */
			assert_non_null(bytes);
			memcpy(bytes, frames[i].data, n);
			struct capture_frame f = frames[i];
			f.data = bytes;
			f.caplen = n;
			assert_int_equal(sensor_frame(sensor, &f, 1), 0);
			free(bytes);
			given++;
		}
	assert_int_equal(sensor_finish(sensor), 0);
	struct sensor_vantage_counts counts = sensor_vantage_counts(sensor, 0);
	assert_true(counts.malformed > 0 && counts.malformed <= given);
	assert_true(counts.unreadable <= counts.malformed);
}

static void test_a_vantage_beyond_the_bound_is_no_index(void **state)
{
	(void)state;
	struct capture_frame f = frames[0];
	f.vantage = UINT16_MAX;
	f.caplen = 3; /* malformed, so that something is counted */
	assert_int_equal(sensor_frame(sensor, &f, 1), 0);
	assert_int_equal(sensor_vantage_counts(sensor, UINT16_MAX).malformed, 0);
	assert_int_equal(sensor_vantage_counts(sensor, CAPTURE_VANTAGES_MAX - 1).malformed, 0);
}

static void test_an_error_of_the_sink_stops_the_sensor(void **state)
{
	(void)state;
	seen.answer = -28;
	int r = 0;
	for (size_t i = 0; i < n_frames && r == 0; i++)
		r = sensor_frame(sensor, &frames[i], 1);
	if (r == 0)
		r = sensor_finish(sensor);
	assert_int_equal(r, -28);
	assert_int_equal(sensor_frame(sensor, &frames[0], 1), -28); /* and it stays stopped */
}

/* An ARP reply: 10.x.y.z is at 02:00:x:y:z:1. */
static int announce(uint32_t n)
{
	uint8_t frame[42] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, (uint8_t)(n >> 16), (uint8_t)(n >> 8),
	    (uint8_t)n, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 2, 2, 0, (uint8_t)(n >> 16), (uint8_t)(n >> 8),
	    (uint8_t)n, 1, 10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
	const struct capture_frame f = {.time_ns = frames[0].time_ns,
	    .data = frame,
	    .caplen = sizeof(frame),
	    .wirelen = sizeof(frame),
	    .linktype = 1};
	return sensor_frame(sensor, &f, 1);
}

static void test_bindings_are_bounded_and_those_without_room_counted(void **state)
{
	uint64_t bounds[SENSOR_BOUND_COUNT];
	const uint32_t most = 1 << 16;
	(void)state;
	for (uint32_t i = 0; i < most + 1; i++) {
		assert_int_equal(announce(i), 0);
		if (i < most - 2)
			continue;
		sensor_bounds(sensor, bounds);
		assert_int_equal(bounds[SENSOR_BOUND_SENSOR_BINDINGS], i == most);
	}
	assert_int_equal(sensor_finish(sensor), 0);
	assert_int_equal(seen.n_bindings, most);
}

static void test_every_bound_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < SENSOR_BOUND_COUNT; i++) {
		assert_true(sensor_bound_name((enum sensor_bound)i)[0]);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(
			    sensor_bound_name((enum sensor_bound)i), sensor_bound_name((enum sensor_bound)k));
	}
	assert_string_equal(sensor_bound_name(SENSOR_BOUND_COUNT), "");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_a_capture_becomes_its_flows_transactions_and_bindings),
	    T(test_the_same_seen_three_times_counts_once),
	    T(test_frames_cut_anywhere_are_counted_and_do_no_harm),
	    T(test_a_vantage_beyond_the_bound_is_no_index),
	    T(test_an_error_of_the_sink_stops_the_sensor),
	    T(test_bindings_are_bounded_and_those_without_room_counted),
	    T(test_every_bound_has_a_name_of_its_own),
	};
	return cmocka_run_group_tests(tests, load, unload);
}
