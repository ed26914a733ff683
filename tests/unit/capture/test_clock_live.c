/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/timefmt.h"
#include "capture/clock_live.h"

/* A machine that has run for an hour, on a day in 2026; both of its clocks are set by the tests. */
#define BOOT0 (3600 * NS_PER_S)
#define REAL0 (INT64_C(1790000000) * NS_PER_S)

static struct clock_live c;
static struct clock_reading now;

static int setup(void **state)
{
	(void)state;
	c = (struct clock_live){0};
	now = (struct clock_reading){.boot = BOOT0, .real = REAL0};
	assert_false(clock_live_sample(&c, &now));
	return 0;
}

/* Lets time pass, in batches of 10 ms. */
static void run(int64_t ns)
{
	for (int64_t at = 0; at < ns; at += 10 * NS_PER_MS) {
		now.boot += 10 * NS_PER_MS;
		now.real += 10 * NS_PER_MS;
		(void)clock_live_sample(&c, &now);
	}
}

/* Somebody sets the wall clock. */
static bool set(int64_t by)
{
	now.real += by;
	return clock_live_sample(&c, &now);
}

static void test_at_first_flow_time_is_wall_time(void **state)
{
	(void)state;
	assert_int_equal(clock_live_map(&c, REAL0), REAL0);
	assert_int_equal(clock_live_at(&c, BOOT0), REAL0);
	run(10 * NS_PER_S);
	assert_int_equal(clock_live_map(&c, now.real - 5), REAL0 + 10 * NS_PER_S - 5);
	assert_int_equal(c.shift, 0);
	assert_int_equal(c.steps, 0);
}

static void steps_by(int64_t by)
{
	run(10 * NS_PER_S);
	int64_t flow = clock_live_map(&c, now.real);
	assert_true(set(by));
	assert_int_equal(c.steps, 1);
	assert_int_equal(c.stepped_by, by);
	/* flow time went on as if nothing had happened; with the shift it is the new wall time */
	assert_int_equal(clock_live_map(&c, now.real), flow);
	assert_int_equal(clock_live_map(&c, now.real) + c.shift, now.real);
	run(NS_PER_S);
	assert_int_equal(clock_live_map(&c, now.real), flow + NS_PER_S);
	assert_int_equal(clock_live_map(&c, now.real) + c.shift, now.real);
	/* and back */
	assert_true(set(-by));
	assert_int_equal(c.shift, 0);
	assert_int_equal(clock_live_map(&c, now.real), flow + NS_PER_S);
}

static void test_a_wall_clock_set_by_an_hour_steps_the_shift_and_not_flow_time(void **state)
{
	(void)state;
	steps_by(3600 * NS_PER_S);
	(void)setup(NULL);
	steps_by(-3600 * NS_PER_S);
}

static void test_the_bound_between_slewing_and_stepping_is_two_seconds(void **state)
{
	(void)state;
	assert_false(set(CLOCK_STEP_NS - 1));
	(void)setup(NULL);
	assert_true(set(CLOCK_STEP_NS));
	(void)setup(NULL);
	assert_false(set(-CLOCK_STEP_NS + 1));
	(void)setup(NULL);
	assert_true(set(-CLOCK_STEP_NS));
}

static void test_frames_that_waited_through_a_step_keep_their_place(void **state)
{
	(void)state;
	static const int64_t steps[] = {3600, -3600, 86400 * 400, -86400 * 400};
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		(void)setup(NULL);
		run(NS_PER_S);
		int64_t stamp = now.real, flow = clock_live_map(&c, stamp);
		assert_true(set(steps[i] * NS_PER_S));
		run(50 * NS_PER_MS);
		assert_int_equal(clock_live_map(&c, stamp), flow);
		assert_int_equal(clock_live_map(&c, now.real), flow + 50 * NS_PER_MS);
	}
}

static void test_a_small_difference_is_followed_slowly_and_never_backwards(void **state)
{
	(void)state;
	int64_t before = clock_live_at(&c, now.boot);
	assert_false(set(-NS_PER_S));
	for (int i = 0; i < 900; i++) {
		int64_t boot = now.boot;
		run(NS_PER_S);
		int64_t at = clock_live_at(&c, now.boot);
		/* one part in a thousand */
		assert_int_equal(now.boot - boot, NS_PER_S);
		assert_int_equal(at - before, NS_PER_S - NS_PER_MS);
		before = at;
	}
	run(200 * NS_PER_S);
	assert_int_equal(clock_live_at(&c, now.boot), now.real);
	assert_int_equal(c.shift, 0);
}

static void test_small_corrections_that_add_up_become_a_step(void **state)
{
	(void)state;
	assert_false(set(NS_PER_S));
	assert_true(set(NS_PER_S));
	assert_int_equal(c.shift, 2 * NS_PER_S);
}

static void test_a_stamp_that_nothing_explains_is_of_now(void **state)
{
	(void)state;
	run(NS_PER_S);
	static const int64_t stamps[] = {
	    0, 1, INT64_C(1) << 62, REAL0 - 86400 * NS_PER_S, REAL0 + 86400 * NS_PER_S};
	for (size_t i = 0; i < sizeof(stamps) / sizeof(stamps[0]); i++)
		assert_int_equal(clock_live_map(&c, stamps[i]), clock_live_at(&c, now.boot));
}

static void test_a_boot_clock_that_was_read_late_does_not_turn_time_back(void **state)
{
	(void)state;
	run(NS_PER_S);
	int64_t at = clock_live_at(&c, c.boot);
	struct clock_reading late = {.boot = now.boot - 5 * NS_PER_MS, .real = now.real - 5 * NS_PER_MS};
	assert_false(clock_live_sample(&c, &late));
	assert_int_equal(clock_live_at(&c, c.boot), at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_at_first_flow_time_is_wall_time, setup),
	    cmocka_unit_test_setup(test_a_wall_clock_set_by_an_hour_steps_the_shift_and_not_flow_time, setup),
	    cmocka_unit_test_setup(test_the_bound_between_slewing_and_stepping_is_two_seconds, setup),
	    cmocka_unit_test_setup(test_frames_that_waited_through_a_step_keep_their_place, setup),
	    cmocka_unit_test_setup(test_a_small_difference_is_followed_slowly_and_never_backwards, setup),
	    cmocka_unit_test_setup(test_small_corrections_that_add_up_become_a_step, setup),
	    cmocka_unit_test_setup(test_a_stamp_that_nothing_explains_is_of_now, setup),
	    cmocka_unit_test_setup(test_a_boot_clock_that_was_read_late_does_not_turn_time_back, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
