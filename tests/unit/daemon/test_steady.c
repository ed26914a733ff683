/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/timefmt.h"
#include "daemon/steady.h"

/* Times in days; each row is a capture, what is given out of it, in order, and what is counted. */
enum { FRAMES_MAX = 6 };
#define DAY (STEADY_JUMP_NS)

struct row {
	const char *what;
	size_t n;
	int64_t in[FRAMES_MAX], out[FRAMES_MAX];
	uint64_t jumps, late;
};

static const struct row rows[] = {
    {"one frame alone keeps its time", 1, {50 * DAY}, {50 * DAY}, 0, 0},
    {"a jump of exactly the bound is none", 3, {DAY, 2 * DAY, DAY}, {DAY, 2 * DAY, DAY}, 0, 0},
    {"one more is taken at the last good time", 3, {DAY, 2 * DAY + 1, DAY + 5}, {DAY, DAY, DAY + 5}, 1, 0},
    {"a gap that the next confirms stays", 4, {DAY, 9 * DAY, 9 * DAY + 1, 9 * DAY + 2},
        {DAY, 9 * DAY, 9 * DAY + 1, 9 * DAY + 2}, 0, 0},
    {"a gap confirmed by one a little earlier", 3, {DAY, 9 * DAY, 9 * DAY - 7}, {DAY, 9 * DAY, 9 * DAY - 7},
        0, 0},
    {"two wrong ones of different times", 4, {DAY, 90 * DAY, 50 * DAY, DAY + 1}, {DAY, DAY, DAY, DAY + 1}, 2,
        0},
    {"a wrong one at the end", 3, {DAY, DAY + 1, 90 * DAY}, {DAY, DAY + 1, DAY + 1}, 1, 0},
    {"a wrong one at the begin", 3, {90 * DAY, DAY, DAY + 1}, {DAY, DAY, DAY + 1}, 1, 0},
    {"no clock at the begin", 3, {0, 90 * DAY, 90 * DAY + 1}, {0, 90 * DAY, 90 * DAY + 1}, 0, 0},
    {"far back is counted and left", 4, {90 * DAY, 90 * DAY, DAY, 90 * DAY},
        {90 * DAY, 90 * DAY, DAY, 90 * DAY}, 0, 1},
    {"the ends of time", 4, {0, CAPTURE_TIME_MAX, 0, 1}, {0, 0, 0, 1}, 1, 0},
};

struct given {
	size_t n;
	int64_t times[FRAMES_MAX];
	int answer;
};

static int take(void *context, const struct capture_frame *f)
{
	struct given *g = context;
	assert_true(g->n < FRAMES_MAX);
	/* each frame carries its place: order and bytes are kept */
	assert_int_equal(f->caplen, g->n + 1);
	assert_int_equal(f->data[f->caplen - 1], g->n);
	g->times[g->n++] = f->time_ns;
	return g->answer;
}

static void test_a_lone_wrong_time_does_not_rule_the_clock(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *row = &rows[i];
		struct given given = {0};
		struct steady *s;
		assert_int_equal(steady_new(&s, take, &given), 0);
		for (size_t k = 0; k < row->n; k++) {
			uint8_t bytes[FRAMES_MAX];
			memset(bytes, (int)k, sizeof(bytes));
			struct capture_frame f = {
			    .time_ns = row->in[k], .data = bytes, .caplen = (uint32_t)k + 1};
			assert_int_equal(steady_frame(s, &f), 0);
			memset(bytes, 0xee, sizeof(bytes));
		}
		assert_int_equal(steady_finish(s), 0);
		if (given.n != row->n || memcmp(given.times, row->out, row->n * sizeof(*row->out)) != 0 ||
		    steady_stats(s)->jumps != row->jumps || steady_stats(s)->late != row->late)
			fail_msg("%s: %zu frames, %llu jumps, %llu late", row->what, given.n,
			    (unsigned long long)steady_stats(s)->jumps,
			    (unsigned long long)steady_stats(s)->late);
		steady_free(s);
	}
}

static void test_an_error_of_the_taker_comes_back(void **state)
{
	(void)state;
	struct given given = {.answer = -5};
	struct steady *s;
	uint8_t byte[2] = {0, 1};
	assert_int_equal(steady_new(&s, take, &given), 0);
	assert_int_equal(
	    steady_frame(s, &(struct capture_frame){.time_ns = DAY, .data = byte, .caplen = 1}), 0);
	assert_int_equal(
	    steady_frame(s, &(struct capture_frame){.time_ns = DAY, .data = byte, .caplen = 2}), -5);
	steady_free(s);
	steady_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_lone_wrong_time_does_not_rule_the_clock),
	    cmocka_unit_test(test_an_error_of_the_taker_comes_back)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
