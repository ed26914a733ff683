/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "detect/behaviour.h"
#include "detect/detect.h"

/* The one table that all behaviours keep their state in: its bound, and what goes there. */

static uint64_t next_id(void *context)
{
	return ++*(uint64_t *)context;
}

static void emit(void *context, const struct msg_detection *d)
{
	(void)context;
	(void)d;
}

static void at_the_bound_the_least_worthy_goes_and_is_counted(void **state)
{
	(void)state;
	for (uint64_t n = 63; n <= 65; n++) { /* 64 entries however little memory there is */
		uint64_t ids = 0;
		struct net_zone_map *zones;
		struct detector *d;
		struct detect_table *t;
		assert_int_equal(net_zone_map_new(&zones), 0);
		const struct detect_config config = {
		    .zones = zones, .memory_max = 1, .next_id = next_id, .emit = emit, .context = &ids};
		assert_int_equal(detector_new(&d, &config), 0);
		assert_int_equal(detect_table_new(d, &t, sizeof(uint64_t), sizeof(struct detect_use), 1), 0);
		for (uint64_t i = 0; i < n; i++)
			assert_non_null(detect_table_put(d, t, &i, (int64_t)i + 1, NULL));
		assert_int_equal(table_count(t->t), n < 64 ? n : 64);
		assert_int_equal(detector_stats(d)->forgotten, n > 64);
		detector_free(d);
		net_zone_map_free(zones);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(at_the_bound_the_least_worthy_goes_and_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
