/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Hints leave out what they say and nothing else, from segments; what is in none yet may come whole. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "archive/archive.h"
#include "records.h"

enum { RECORDS = 9050, SEALED = 9000, SEGMENTS = 3, HOSTS = 40, ROUNDS = 60, FLAG = 1 << 5, THREADS = 2 };

static char *path;
static struct archive *a;
static struct msg_flow flows[RECORDS];

static struct net_addr host(uint64_t i)
{
	return net_addr_v4((const uint8_t[]){10, 0, (uint8_t)(i % 3), (uint8_t)i});
}

static unsigned host_of(struct net_addr addr)
{
	return addr.b[15];
}

static struct msg_flow flow(uint64_t i)
{
	uint64_t state = i * 31 + 7, r = record_random(&state), s = record_random(&state);
	return (struct msg_flow){.id = i + 1,
	    .initiator = host(r % (1 + s % HOSTS)),
	    .responder = host((r >> 32) % HOSTS),
	    .first = 1000 + (int64_t)i * 10,
	    .last = 1000 + (int64_t)i * 10 + (int64_t)(s >> 55),
	    .flags = i > RECORDS / 2 && r % 17 == 0 ? FLAG : s % 3,
	    .app = (uint16_t)(s % 5),
	    .payload_out = r % 100};
}

static int group_setup(void **state)
{
	(void)state;
	path = folder_make();
	assert_non_null(path);
	assert_int_equal(archive_create(&a, path), 0);
	for (uint64_t i = 0; i < RECORDS; i++) {
		flows[i] = flow(i);
		/* closing makes a segment of what is there */
		bool cut = i && i <= SEALED && i % (SEALED / SEGMENTS) == 0;
		if (cut) {
			assert_int_equal(archive_close(a), 0);
			assert_int_equal(archive_open(&a, path, true), 0);
		}
		assert_int_equal(archive_append_flow(a, &flows[i]), 0);
	}
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	assert_int_equal(archive_close(a), 0);
	folder_drop(path);
	return 0;
}

/* What one thread of a hunt was asked and given. */
struct asked {
	uint8_t from[HOSTS], to[HOSTS]; /* of each host */
	uint8_t flagged;
	uint16_t app;        /* what pick wants besides common bit 7 */
	int64_t first, last; /* segments to enter */
	uint8_t *given;      /* of each flow: how often */
	unsigned entered;
};

static int enter(void *context, int64_t first, int64_t last)
{
	struct asked *x = context;
	x->entered++;
	return last < x->first || first > x->last;
}

static int ends(void *context, const struct net_addr *addrs, size_t n, uint8_t *from, uint8_t *to)
{
	const struct asked *x = context;
	for (size_t i = 0; i < n; i++) {
		assert_true(i == 0 || net_addr_compare(addrs[i - 1], addrs[i]) < 0);
		assert_int_equal(from[i], 0);
		assert_int_equal(to[i], 0);
		from[i] = x->from[host_of(addrs[i])];
		to[i] = x->to[host_of(addrs[i])];
	}
	return 0;
}

static uint8_t common_of(const struct asked *x, const struct msg_flow *f)
{
	uint8_t common = x->from[host_of(f->initiator)] & x->to[host_of(f->responder)];
	return f->flags & FLAG ? common : common & (uint8_t)~x->flagged;
}

static bool pick(void *context, const struct msg_flow *f, uint8_t common)
{
	const struct asked *x = context;
	assert_int_equal(f->payload_out, 0); /* was not asked for */
	if (common != 0xff)                  /* the columns that were, are there */
		assert_int_equal(common, common_of(x, &flows[f->id - 1]));
	return common & 0x80 || f->app == x->app;
}

static int give(void *context, const struct msg_flow *f)
{
	struct asked *x = context;
	const struct msg_flow *made = &flows[f->id - 1];
	assert_true(net_addr_equal(f->initiator, made->initiator));
	assert_int_equal(f->payload_out, made->payload_out);
	if (f->id <= SEALED)
		assert_int_equal(f->flags, 0); /* was not asked for */
	x->given[f->id - 1]++;
	return 0;
}

static void asked_draw(struct asked *x, uint64_t *state)
{
	uint64_t r = record_random(state);
	for (unsigned i = 0; i < HOSTS; i++) {
		/* sometimes one side is rare, sometimes both are, sometimes a bit is on one side alone */
		x->from[i] = record_random(state) % (1 + r % 9) ? 0 : (uint8_t)record_random(state) & 0x93;
		x->to[i] = record_random(state) % (1 + (r >> 8) % 9) ? 0
		                                                     : (uint8_t)record_random(state) & 0xc3;
	}
	x->flagged = r >> 16 & 1 ? 0x02 : 0;
	x->app = (uint16_t)((r >> 24) % 5);
	x->first = r >> 32 & 1 ? (int64_t)(1000 + (r >> 40) % (10 * RECORDS)) : INT64_MIN;
	x->last = INT64_MAX;
}

static void round_run(uint64_t *state, unsigned threads)
{
	static uint8_t given[THREADS][RECORDS];
	struct asked x[THREADS];
	void *contexts[THREADS];
	struct archive_hunt_stat stat;
	memset(given, 0, sizeof(given));
	asked_draw(&x[0], state);
	for (unsigned i = 0; i < THREADS; i++) {
		x[i] = x[0];
		x[i].given = given[i];
		x[i].entered = 0;
		contexts[i] = &x[i];
	}
	const struct archive_hints hints = {.enter = enter,
	    .ends = ends,
	    .flagged = x[0].flagged,
	    .flags = FLAG,
	    .pick = pick,
	    .pick_columns = UINT64_C(1) << MSG_FLOW_FIELD_ID | UINT64_C(1) << MSG_FLOW_FIELD_APP};
	const struct archive_filter filter = {.columns = UINT64_C(1) << MSG_FLOW_FIELD_ID |
	                                                 UINT64_C(1) << MSG_FLOW_FIELD_INITIATOR |
	                                                 UINT64_C(1) << MSG_FLOW_FIELD_PAYLOAD_OUT,
	    .hints = &hints};
	assert_int_equal(archive_hunt_flows(a, &filter, threads, give, contexts, &stat), 0);
	assert_int_equal(x[0].entered + x[1].entered, SEGMENTS + 1);
	for (size_t i = 0; i < RECORDS; i++) {
		uint8_t common = common_of(&x[0], &flows[i]);
		bool wanted = common && (common & 0x80 || flows[i].app == x[0].app) &&
		              flows[i].last >= x[0].first;
		unsigned times = (unsigned)given[0][i] + given[1][i];
		assert_true(times <= 1);
		if (wanted)
			assert_int_equal(times, 1);
		/* segments are entered or not as a whole, and what is in none is not asked about ends */
		else if (i < SEALED && common == 0)
			assert_int_equal(times, 0);
	}
}

static void test_hints_leave_out_what_they_say_and_nothing_else(void **unused)
{
	uint64_t state = 1;
	(void)unused;
	for (int i = 0; i < ROUNDS; i++)
		round_run(&state, 1 + i % THREADS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hints_leave_out_what_they_say_and_nothing_else),
	};
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
