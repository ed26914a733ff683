/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "detect/behaviour.h"
#include "detect/detect.h"

/* The tables that behaviours keep their state in, and that of what they found: bounds, and what goes there.
 */

enum { KINDS = 3 };

struct emitted {
	uint64_t ids;
	unsigned of[KINDS]; /* by the last letter of the name */
};

static uint64_t next_id(void *context)
{
	struct emitted *t = context;
	return ++t->ids;
}

static void emit(void *context, const struct msg_detection *d)
{
	struct emitted *t = context;
	t->of[d->name.p[d->name.n - 1] - 'a']++;
}

static void at_the_bound_the_least_worthy_goes_and_is_counted(void **state)
{
	(void)state;
	for (uint64_t n = 63; n <= 65; n++) { /* 64 entries however little memory there is */
		struct emitted told = {0};
		struct net_zone_map *zones;
		struct detector *d;
		struct detect_table *t;
		assert_int_equal(net_zone_map_new(&zones), 0);
		const struct detect_config config = {
		    .zones = zones, .memory_max = 1, .next_id = next_id, .emit = emit, .context = &told};
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

/* One of its kind, about a peer of its own. */
static void find(struct detector *d, const char *name, uint8_t kind, unsigned number, double confidence)
{
	const uint64_t flow = number;
	struct finding f = {.name = name,
	    .technique = "T1046",
	    .confidence = confidence,
	    .asset = {.b = {10, kind}},
	    .peer = {.b = {20, kind, (uint8_t)(number >> 8), (uint8_t)number}},
	    .first = 1,
	    .last = 1,
	    .count = 1,
	    .adds = true,
	    .flows = &flow,
	    .n_flows = 1,
	    .why = "because"};
	detect_report(d, &f);
}

static void findings_of_one_kind_without_end_leave_room_for_others(void **state)
{
	enum { FLOOD = 2000 };
	struct emitted told = {0};
	struct net_zone_map *zones;
	struct detector *d;
	(void)state;
	assert_int_equal(net_zone_map_new(&zones), 0);
	const struct detect_config config = {.zones = zones,
	    .memory_max = (size_t)16 << 20,
	    .next_id = next_id,
	    .emit = emit,
	    .context = &told};
	assert_int_equal(detector_new(&d, &config), 0);
	d->first = d->last = 1; /* records came */
	size_t share = d->evidence->max / 2 / EVIDENCE_NAMES_MAX;
	size_t common = d->evidence->max - share * EVIDENCE_NAMES_MAX;
	assert_true(share >= 2 && common + share < FLOOD);
	for (unsigned i = 0; i < FLOOD; i++)
		find(d, "flood-a", 1, i, 0.6);
	assert_int_equal(told.of[0], common + share);
	assert_int_equal(detector_stats(d)->untold, FLOOD - common - share);
	/* what says less has its share, and no more */
	for (unsigned i = 0; i <= share; i++) {
		assert_int_equal(told.of[1], i);
		find(d, "quiet-b", 2, i, 0.2);
	}
	assert_int_equal(told.of[1], share);
	/* what says more takes the room of the flood, not that of the quiet one */
	for (unsigned i = 0; i < FLOOD; i++)
		find(d, "strong-c", 3, i, 0.9);
	assert_int_equal(told.of[2], common + share);
	uint64_t ids = told.ids;
	for (unsigned i = 0; i < share; i++)
		find(d, "quiet-b", 2, i, 0.2);
	assert_int_equal(told.ids, ids); /* they were known still */
	detector_free(d);
	net_zone_map_free(zones);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(at_the_bound_the_least_worthy_goes_and_is_counted),
	    cmocka_unit_test(findings_of_one_kind_without_end_leave_room_for_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
