/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/detections.h"

enum { SEEN_MAX = 16 };

struct seen {
	uint64_t ids[SEEN_MAX], counts[SEEN_MAX];
	size_t n, stop_after;
};

static int see(void *context, const struct msg_detection *d)
{
	struct seen *s = context;
	assert_true(s->n < SEEN_MAX);
	s->ids[s->n] = d->id;
	s->counts[s->n++] = d->count;
	return s->n == s->stop_after ? -7 : 0;
}

static void put(struct detections *d, uint64_t id, uint64_t count)
{
	const struct msg_detection detection = {
	    .id = id, .count = count, .name = text_of("scan"), .why = text_of("ports")};
	assert_int_equal(detections_put(d, &detection), 0);
}

static void the_last_state_counts_in_order_of_the_first(void **state)
{
	struct detections *d;
	struct seen s = {0};
	(void)state;
	assert_int_equal(detections_new(&d, 8, 1), 0);
	put(d, 9, 1);
	put(d, 4, 1);
	put(d, 9, 20);
	assert_int_equal(detections_each(d, see, &s), 0);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.ids[0], 9);
	assert_int_equal(s.counts[0], 20);
	assert_int_equal(s.ids[1], 4);
	detections_free(d);
}

static void an_error_ends_the_walk(void **state)
{
	struct detections *d;
	struct seen s = {.stop_after = 1};
	(void)state;
	assert_int_equal(detections_new(&d, 8, 1), 0);
	put(d, 1, 1);
	put(d, 2, 1);
	assert_int_equal(detections_each(d, see, &s), -7);
	assert_int_equal(s.n, 1);
	detections_free(d);
}

static void what_finds_no_room_is_lost_and_counted(void **state)
{
	(void)state;
	for (uint64_t n = 3; n <= 5; n++) {
		struct detections *d;
		struct seen s = {0};
		assert_int_equal(detections_new(&d, 4, 1), 0);
		for (uint64_t i = 1; i <= n; i++)
			put(d, i, 1);
		put(d, 1, 2); /* one that is there always has room */
		assert_int_equal(detections_lost(d), n > 4);
		assert_int_equal(detections_each(d, see, &s), 0);
		assert_int_equal(s.n, n < 4 ? n : 4);
		assert_int_equal(s.counts[0], 2);
		detections_free(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_last_state_counts_in_order_of_the_first),
	    cmocka_unit_test(an_error_ends_the_walk),
	    cmocka_unit_test(what_finds_no_room_is_lost_and_counted)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
