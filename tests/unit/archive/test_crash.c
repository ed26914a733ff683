/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Disks that fill up: nothing acknowledged is lost, nothing comes twice or wrong. test_kill.c kills writers,
 * test_power.c cuts the power. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "archive/archive.h"
#include "base/err.h"
#include "records.h"

/* A flow whose members follow from its id, so that any mixture shows. */
static struct msg_flow flow_of(uint64_t id)
{
	return (struct msg_flow){.id = id,
	    .first = (int64_t)id * 1000,
	    .last = (int64_t)id * 1000 + 999,
	    .payload_out = id * 7,
	    .payload_in = id % 13 * 100,
	    .initiator_port = (uint16_t)id,
	    .initiator = net_addr_v4((const uint8_t[]){10, (uint8_t)(id >> 8), (uint8_t)id, 1}),
	    .name = TEXT("name")};
}

static int check(void *context, const struct msg_flow *f)
{
	uint64_t *next = context;
	struct msg_flow made = flow_of(*next);
	assert_true(record_same(archive_layout_of(MSG_FLOW), f, &made));
	++*next;
	return 0;
}

/* How many flows there are: ids 1 to that, without a gap. */
static uint64_t verify(struct archive *a)
{
	uint64_t next = 1;
	assert_int_equal(archive_scan_flows(a, NULL, check, &next), 0);
	return next - 1;
}

/* Appends until there is no room: the last id that was taken. */
static uint64_t fill(struct archive *a, uint64_t next, int *ret_error)
{
	for (;; next++) {
		struct msg_flow f = flow_of(next);
		int r = archive_append_flow(a, &f);
		if (r == 0 && next % 100 == 0)
			r = archive_sync(a);
		if (r < 0) {
			struct archive_stat stat;
			archive_get_stat(a, &stat);
			*ret_error = r;
			return stat.next_id - 1;
		}
	}
}

/* What was acknowledged is readable while there is no room; with room again, everything that was taken
 * becomes durable. */
static void check_no_room(const char *path, int expected, void (*make_room)(const char *path))
{
	struct archive *a, *reader;
	int error = 0;
	assert_int_equal(archive_create(&a, path), 0);
	uint64_t taken = fill(a, 1, &error);
	assert_int_equal(error, expected);
	assert_int_equal(archive_sync(a), expected);
	struct msg_flow f = flow_of(taken + 1);
	for (int tries = 0; tries < 3; tries++)
		assert_true(archive_sync(a) < 0);
	assert_int_equal(archive_open(&reader, path, false), 0);
	uint64_t acknowledged = verify(reader);
	assert_in_range(acknowledged, taken / 100 * 100 - 100, taken);
	archive_close(reader);
	assert_int_equal(verify(a), taken);
	make_room(path);
	assert_int_equal(archive_append_flow(a, &f), 0);
	assert_int_equal(archive_sync(a), 0);
	assert_int_equal(archive_open(&reader, path, false), 0);
	assert_int_equal(verify(reader), taken + 1);
	archive_close(reader);
	assert_int_equal(archive_close(a), 0);
	assert_int_equal(archive_open(&a, path, true), 0);
	struct archive_stat stat;
	archive_get_stat(a, &stat);
	assert_int_equal(stat.torn_bytes, 0);
	assert_int_equal(verify(a), taken + 1);
	assert_int_equal(archive_close(a), 0);
}

static void lift_limit(const char *path)
{
	struct rlimit limit;
	(void)path;
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_FSIZE, &limit);
}

static void a_file_size_limit_is_an_error_that_passes(void **state)
{
	char *path = folder_make();
	struct rlimit limit;
	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	struct rlimit small = {.rlim_cur = 300000, .rlim_max = limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	check_no_room(path, -EFBIG, lift_limit);
	setrlimit(RLIMIT_FSIZE, &limit);
	folder_drop(path);
}

static void drop_ballast(const char *path)
{
	char name[600];
	snprintf(name, sizeof(name), "%s/ballast", path);
	assert_int_equal(unlink(name), 0);
}

static void a_full_disk_is_an_error_that_passes(void **state)
{
	char *path = folder_make(), name[600];
	(void)state;
	if (mount("none", path, "tmpfs", 0, "size=1m") < 0) {
		print_message("skipped: a small file system can't be mounted (%s)\n", err_text(-errno));
		folder_drop(path);
		skip();
	}
	snprintf(name, sizeof(name), "%s/ballast", path);
	int fd = open(name, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(posix_fallocate(fd, 0, 600 << 10), 0);
	close(fd);
	check_no_room(path, -ENOSPC, drop_ballast);
	assert_int_equal(umount(path), 0);
	folder_drop(path);
}

/* Sealing needs room for the segment beside the journal: without it, the journal goes on holding everything.
 */
static void a_segment_without_room_leaves_the_journal(void **state)
{
	char *path = folder_make();
	struct rlimit limit;
	struct archive *a;
	struct archive_stat stat;
	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	assert_int_equal(archive_create(&a, path), 0);
	for (uint64_t id = 1; id <= 20000; id++) {
		struct msg_flow f = flow_of(id);
		assert_int_equal(archive_append_flow(a, &f), 0);
	}
	assert_int_equal(archive_sync(a), 0);
	struct rlimit small = {.rlim_cur = 1000, .rlim_max = limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(archive_close(a), 0); /* all of it was synced */
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_int_equal(archive_open(&a, path, true), 0);
	archive_get_stat(a, &stat);
	assert_int_equal(stat.segments, 0);
	assert_int_equal(verify(a), 20000);
	assert_int_equal(archive_close(a), 0);
	assert_int_equal(archive_open(&a, path, false), 0);
	archive_get_stat(a, &stat);
	assert_int_equal(stat.segments, 1);
	assert_int_equal(verify(a), 20000);
	archive_close(a);
	folder_drop(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_file_size_limit_is_an_error_that_passes),
	    cmocka_unit_test(a_full_disk_is_an_error_that_passes),
	    cmocka_unit_test(a_segment_without_room_leaves_the_journal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
