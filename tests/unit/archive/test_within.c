/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Merging bounded by time: retention drops whole files, so merging must not keep what is over. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "archive/archive.h"
#include "base/timefmt.h"
#include "records.h"

enum { RUNS = 10, SEALED = 1500 };

static const int64_t day = 86400 * NS_PER_S;

static int count(void *context, const struct msg_flow *f)
{
	(void)f;
	++*(uint64_t *)context;
	return 0;
}

/* A run a day, each of flows that began on the first day: ends count. */
static char *history(void)
{
	char *path = folder_make();
	struct archive *a;
	assert_int_equal(archive_create(&a, path), 0);
	for (int64_t run = 1; run <= RUNS; run++) {
		for (uint64_t i = 0; i < SEALED; i++)
			assert_int_equal(archive_append_flow(a,
			                     &(struct msg_flow){.id = 1 + i, .first = 1, .last = run * day}),
			    0);
		assert_int_equal(archive_close(a), 0);
		assert_int_equal(archive_open(&a, path, true), 0);
	}
	assert_int_equal(archive_close(a), 0);
	return path;
}

static void merged_files_end_within_the_bound(void **state)
{
	static const struct {
		int64_t within;
		uint64_t files;
	} cases[] = {
	    {1, 10}, {day - 1, 10}, {day, 5}, {2 * day, 4}, {8 * day, 2}, {9 * day, 1}, {INT64_MAX, 1}};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *path = history();
		struct archive *a;
		/* a second time nothing more is merged: what a file has from before counts */
		for (int again = 0; again < 2; again++) {
			struct archive_compaction c;
			uint64_t flows = 0;
			assert_int_equal(archive_open(&a, path, true), 0);
			assert_int_equal(archive_compact(a, cases[i].within, &c), 0);
			assert_int_equal(c.files_before, again ? cases[i].files : RUNS);
			assert_int_equal(c.files_after, cases[i].files);
			assert_int_equal(archive_scan_flows(a, NULL, count, &flows), 0);
			assert_int_equal(flows, RUNS * SEALED);
			assert_int_equal(archive_close(a), 0);
		}
		folder_drop(path);
	}
}

static void retention_is_late_by_the_bound_at_most(void **state)
{
	static const int64_t within = 3;
	(void)state;
	for (int64_t before = 1; before <= RUNS + 1; before++) {
		char *path = history();
		struct archive *a;
		struct archive_compaction c;
		uint64_t gone;
		assert_int_equal(archive_open(&a, path, true), 0);
		assert_int_equal(archive_compact(a, within * day, &c), 0);
		assert_int_equal(archive_expire(a, before * day, UINT64_MAX, 1, &gone), 0);
		uint64_t over = (uint64_t)(before - 1) * SEALED;
		assert_true(gone <= over);
		assert_true(gone + (uint64_t)within * SEALED >= over);
		assert_int_equal(archive_close(a), 0);
		folder_drop(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(merged_files_end_within_the_bound),
	    cmocka_unit_test(retention_is_late_by_the_bound_at_most),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
