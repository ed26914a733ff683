/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/timefmt.h"
#include "live/sensor_rings.h"

/* When frames are waited for, and when they are fetched: no rings are needed to tell. */

enum { MS = 1000000 };

static struct sensor_rings rings;

static int setup(void **state)
{
	(void)state;
	sensor_rings_begin(&rings);
	return 0;
}

/* `n` wakes, each so long after the one before; the time of the last. */
static int64_t wake(unsigned n, int64_t from, int64_t apart)
{
	for (unsigned i = 0; i < n; i++) {
		from += apart;
		sensor_rings_pace(&rings, 1, true, from);
	}
	return from;
}

static void whoever_is_woken_now_and_then_goes_on_being_woken(void **state)
{
	(void)state;
	(void)wake(10000, NS_PER_S, MS / 10);
	assert_true(sensor_rings_deadline(&rings) == INT64_MAX);
	assert_false(sensor_rings_due(&rings, INT64_MAX - 1));
}

static void whoever_is_woken_often_fetches(void **state)
{
	(void)state;
	int64_t now = wake(19, NS_PER_S, MS / 100);
	assert_true(sensor_rings_deadline(&rings) == INT64_MAX);
	now = wake(1, now, MS / 100);
	assert_true(sensor_rings_deadline(&rings) == now + SENSOR_PACE_NS);
	assert_false(sensor_rings_due(&rings, now + SENSOR_PACE_NS - 1));
	assert_true(sensor_rings_due(&rings, now + SENSOR_PACE_NS));
}

static void what_is_not_all_is_fetched_at_once(void **state)
{
	(void)state;
	int64_t now = wake(20, NS_PER_S, MS / 100) + SENSOR_PACE_NS;
	sensor_rings_pace(&rings, 512, false, now);
	assert_true(sensor_rings_due(&rings, now));
	sensor_rings_pace(&rings, 100, true, now);
	assert_true(sensor_rings_deadline(&rings) == now + SENSOR_PACE_NS);
}

static void when_few_come_they_wake_again(void **state)
{
	(void)state;
	int64_t now = wake(20, NS_PER_S, MS / 100);
	for (int i = 0; i < 2; i++) {
		now += SENSOR_PACE_NS;
		sensor_rings_pace(&rings, 0, true, now);
	}
	sensor_rings_pace(&rings, 50, true, now); /* a moment's pause isn't the end */
	for (int i = 0; i < 2; i++)
		sensor_rings_pace(&rings, 3, true, now);
	assert_true(sensor_rings_deadline(&rings) != INT64_MAX);
	sensor_rings_pace(&rings, 3, true, now);
	assert_true(sensor_rings_deadline(&rings) == INT64_MAX);
}

static void what_is_held_is_never_due(void **state)
{
	(void)state;
	int64_t now = wake(20, NS_PER_S, MS / 100);
	sensor_rings_hold(&rings, true);
	assert_true(sensor_rings_deadline(&rings) == INT64_MAX);
	assert_false(sensor_rings_due(&rings, now + NS_PER_S));
	sensor_rings_hold(&rings, false);
	assert_true(sensor_rings_due(&rings, now + NS_PER_S));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(whoever_is_woken_now_and_then_goes_on_being_woken, setup),
	    cmocka_unit_test_setup(whoever_is_woken_often_fetches, setup),
	    cmocka_unit_test_setup(what_is_not_all_is_fetched_at_once, setup),
	    cmocka_unit_test_setup(when_few_come_they_wake_again, setup),
	    cmocka_unit_test_setup(what_is_held_is_never_due, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
