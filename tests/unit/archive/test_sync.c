/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Syncs that fail: a kernel that couldn't write may drop the pages and call the next sync a success, so a
 * journal isn't trusted again after one; what it held is written anew, as a segment. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/syscall.h>

#include "archive/archive.h"
#include "records.h"

int fdatasync(int fd);

/* Stands before the C library's: fails as often as it is told to. */
static int failures;
static unsigned syncs;

int fdatasync(int fd)
{
	syncs++;
	if (failures > 0) {
		failures--;
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

static int count(void *context, const struct msg_flow *f)
{
	(void)f;
	++*(uint64_t *)context;
	return 0;
}

static uint64_t flows_of(const char *path)
{
	struct archive *a;
	uint64_t n = 0;
	assert_int_equal(archive_open(&a, path, false), 0);
	assert_int_equal(archive_scan_flows(a, NULL, count, &n), 0);
	archive_close(a);
	return n;
}

static void a_failed_sync_is_made_good_by_a_segment(void **state)
{
	char *path = folder_make();
	struct archive *a;
	struct archive_stat stat;
	(void)state;
	assert_int_equal(archive_create(&a, path), 0);
	assert_int_equal(archive_append_flow(a, &(struct msg_flow){.id = 1}), 0);
	assert_int_equal(archive_sync(a), 0);
	assert_int_equal(archive_append_flow(a, &(struct msg_flow){.id = 2}), 0);
	failures = 1;
	assert_int_equal(archive_sync(a), 0);
	archive_get_stat(a, &stat);
	assert_int_equal(stat.segments, 1);
	assert_int_equal(flows_of(path), 2);
	/* and the next journal is trusted */
	assert_int_equal(archive_append_flow(a, &(struct msg_flow){.id = 3}), 0);
	assert_int_equal(archive_sync(a), 0);
	archive_get_stat(a, &stat);
	assert_int_equal(stat.segments, 1);
	assert_int_equal(archive_close(a), 0);
	assert_int_equal(flows_of(path), 3);
	folder_drop(path);
}

static void a_sync_that_fails_twice_is_an_error_until_it_works(void **state)
{
	char *path = folder_make();
	struct archive *a;
	(void)state;
	assert_int_equal(archive_create(&a, path), 0);
	assert_int_equal(archive_append_flow(a, &(struct msg_flow){.id = 1}), 0);
	failures = 2;
	assert_int_equal(archive_sync(a), -EIO);
	assert_int_equal(archive_append_flow(a, &(struct msg_flow){.id = 2}), 0);
	failures = 1;
	assert_int_equal(archive_sync(a), -EIO);
	assert_int_equal(archive_sync(a), 0);
	assert_int_equal(flows_of(path), 2);
	assert_int_equal(archive_close(a), 0);
	assert_int_equal(flows_of(path), 2);
	folder_drop(path);
}

static void a_sync_of_nothing_touches_nothing(void **state)
{
	char *path = folder_make();
	struct archive *a;
	(void)state;
	assert_int_equal(archive_create(&a, path), 0);
	assert_int_equal(archive_append_flow(a, &(struct msg_flow){.id = 1}), 0);
	assert_int_equal(archive_sync(a), 0);
	unsigned before = syncs;
	assert_int_equal(archive_sync(a), 0);
	assert_int_equal(archive_sync(a), 0);
	assert_int_equal(syncs, before);
	assert_int_equal(archive_append_coverage(a, &(struct msg_coverage){.id = 2}), 0);
	assert_int_equal(archive_sync(a), 0);
	assert_int_equal(syncs, before + 1);
	assert_int_equal(archive_close(a), 0);
	folder_drop(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_failed_sync_is_made_good_by_a_segment),
	    cmocka_unit_test(a_sync_that_fails_twice_is_an_error_until_it_works),
	    cmocka_unit_test(a_sync_of_nothing_touches_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
