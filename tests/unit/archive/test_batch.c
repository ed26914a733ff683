/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Batches: all of one or nothing, for readers beside it, after a crash at any call, and in the ledger. Also
 * readers beside a writer that removes files. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "archive/archive.h"
#include "base/err.h"
#include "ledger/ledger.h"
#include "records.h"

enum { MANY = ARCHIVE_SEGMENT_RECORDS + 2000 };

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

static void append_flows(struct archive *a, uint64_t first, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		assert_int_equal(archive_append_flow(a, &(struct msg_flow){.id = first + i}), 0);
}

static char *archive_with(uint64_t flows)
{
	char *path = folder_make();
	struct archive *a;
	assert_int_equal(archive_create(&a, path), 0);
	append_flows(a, 1, flows);
	assert_int_equal(archive_close(a), 0);
	return path;
}

static void readers_see_a_batch_when_it_is_committed(void **state)
{
	char *path = archive_with(3);
	struct archive *a;
	uint64_t own = 0;
	(void)state;
	assert_int_equal(archive_open(&a, path, true), 0);
	assert_int_equal(archive_batch_begin(a), 0);
	append_flows(a, 4, MANY); /* so that a segment and a journal are there */
	assert_int_equal(archive_sync(a), 0);
	assert_int_equal(flows_of(path), 3);
	assert_int_equal(archive_scan_flows(a, NULL, count, &own), 0);
	assert_int_equal(own, 3 + MANY);
	assert_int_equal(archive_batch_commit(a), 0);
	assert_int_equal(flows_of(path), 3 + MANY);
	assert_int_equal(archive_close(a), 0);
	assert_int_equal(flows_of(path), 3 + MANY);
	folder_drop(path);
}

static void a_batch_that_is_taken_back_leaves_nothing(void **state)
{
	static const bool closes[] = {false, true};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char *path = archive_with(3);
		struct archive *a;
		struct archive_stat stat;
		assert_int_equal(archive_open(&a, path, true), 0);
		assert_int_equal(archive_batch_begin(a), 0);
		append_flows(a, 4, MANY);
		assert_int_equal(archive_append_binding(a, &(struct msg_binding){.id = 9}), 0);
		if (!closes[i]) {
			assert_int_equal(archive_batch_abort(a), 0);
			archive_get_stat(a, &stat);
			assert_int_equal(stat.records[MSG_FLOW], 3);
			assert_int_equal(stat.records[MSG_BINDING], 0);
			append_flows(a, 4, 1);
		}
		assert_int_equal(archive_close(a), 0);
		assert_int_equal(flows_of(path), closes[i] ? 3 : 4);
		folder_drop(path);
	}
}

/* The child dies without a word, as by kill -9. */
static void die_within_a_batch(const char *path, uint64_t records, bool sync)
{
	int status;
	pid_t child = fork();
	if (child == 0) {
		struct archive *a;
		if (archive_open(&a, path, true) < 0 || archive_batch_begin(a) < 0)
			_exit(1);
		for (uint64_t i = 0; i < records; i++)
			if (archive_append_flow(a, &(struct msg_flow){.id = 100 + i}) < 0)
				_exit(1);
		_exit(sync && archive_sync(a) < 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void what_a_crash_left_of_a_batch_counts_for_nobody(void **state)
{
	static const struct {
		uint64_t records;
		bool sync;
	} cases[] = {{0, false}, {5, true}, {MANY, false}, {MANY, true}};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *path = archive_with(3);
		struct archive *a;
		die_within_a_batch(path, cases[i].records, cases[i].sync);
		assert_int_equal(flows_of(path), 3);
		assert_int_equal(archive_open(&a, path, true), 0);
		assert_int_equal(faccessat(archive_folder_fd(a), "batch", F_OK, 0), -1);
		append_flows(a, 4, 1);
		assert_int_equal(archive_close(a), 0);
		assert_int_equal(flows_of(path), 4);
		folder_drop(path);
	}
}

static uint64_t ledger_records(struct archive *a)
{
	struct ledger *l = archive_ledger(a);
	struct ledger_entry e;
	uint64_t n = 0;
	for (uint64_t i = 0; i < ledger_entries(l); i++)
		if (ledger_entry_at(l, i, &e) == 0 && e.type == LEDGER_RUN)
			n += e.records;
	return n;
}

static void the_ledger_gets_a_batch_when_it_is_committed(void **state)
{
	char *path = archive_with(2000);
	struct archive *a;
	(void)state;
	assert_int_equal(archive_open(&a, path, true), 0);
	assert_int_equal(archive_batch_begin(a), 0);
	append_flows(a, 2001, MANY);
	assert_int_equal(ledger_records(a), 2000);
	assert_int_equal(archive_sign(a), -EBUSY);
	assert_int_equal(archive_batch_commit(a), 0);
	assert_int_equal(archive_sign(a), 0);
	assert_int_equal(ledger_records(a), 2000 + MANY);
	assert_int_equal(archive_close(a), 0);
	folder_drop(path);
}

static void maintenance_waits_for_a_batch(void **state)
{
	char *path = archive_with(3);
	struct archive *a;
	struct archive_compaction c;
	uint64_t n;
	(void)state;
	assert_int_equal(archive_open(&a, path, true), 0);
	assert_int_equal(archive_batch_commit(a), -EINVAL);
	assert_int_equal(archive_batch_begin(a), 0);
	assert_int_equal(archive_batch_begin(a), -EBUSY);
	assert_int_equal(archive_compact(a, INT64_MAX, &c), -EBUSY);
	assert_int_equal(archive_expire(a, INT64_MAX, UINT64_MAX, 1, &n), -EBUSY);
	assert_int_equal(archive_batch_commit(a), 0);
	assert_int_equal(archive_compact(a, INT64_MAX, &c), 0);
	assert_int_equal(archive_close(a), 0);
	folder_drop(path);
}

static void a_batch_file_that_says_nothing_is_an_error(void **state)
{
	static const char *const texts[] = {"", "flow", "flow 1\n", "flow 1\nflow 2\n",
	    "flow 1\ntransaction 1\ndetection 1\nbinding 1\ncoverage x\n",
	    "flow 1\ntransaction 1\ndetection 1\nbinding 1\ncoverage 1\nother 1\n"};
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		char *path = archive_with(3);
		struct archive *a;
		assert_int_equal(archive_open(&a, path, false), 0);
		int fd = openat(archive_folder_fd(a), "batch", O_WRONLY | O_CREAT, 0600);
		assert_int_equal(write(fd, texts[i], strlen(texts[i])), strlen(texts[i]));
		close(fd);
		archive_close(a);
		assert_int_equal(archive_open(&a, path, false), -ERR_MALFORMED);
		assert_int_equal(archive_open(&a, path, true), -ERR_MALFORMED);
		folder_drop(path);
	}
}

static void a_reader_goes_on_while_its_files_are_merged_or_dropped(void **state)
{
	static const bool merges[] = {true, false};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char *path = folder_make();
		struct archive *a, *reader;
		struct archive_compaction c;
		uint64_t n = 0, gone = 0;
		assert_int_equal(archive_create(&a, path), 0);
		for (uint64_t segment = 0; segment < 3; segment++) {
			for (uint64_t f = 0; f < 1500; f++)
				assert_int_equal(archive_append_flow(a,
				                     &(struct msg_flow){.id = 1 + f, .first = 5, .last = 6}),
				    0);
			assert_int_equal(archive_close(a), 0);
			assert_int_equal(archive_open(&a, path, true), 0);
		}
		assert_int_equal(archive_open(&reader, path, false), 0);
		if (merges[i])
			assert_int_equal(archive_compact(a, INT64_MAX, &c), 0);
		else
			assert_int_equal(archive_expire(a, 7, UINT64_MAX, 1, &gone), 0);
		assert_int_equal(archive_scan_flows(reader, NULL, count, &n), 0);
		assert_int_equal(n, 4500);
		archive_close(reader);
		assert_int_equal(archive_close(a), 0);
		assert_int_equal(flows_of(path), merges[i] ? 4500 : 0);
		folder_drop(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(readers_see_a_batch_when_it_is_committed),
	    cmocka_unit_test(a_batch_that_is_taken_back_leaves_nothing),
	    cmocka_unit_test(what_a_crash_left_of_a_batch_counts_for_nobody),
	    cmocka_unit_test(the_ledger_gets_a_batch_when_it_is_committed),
	    cmocka_unit_test(maintenance_waits_for_a_batch),
	    cmocka_unit_test(a_batch_file_that_says_nothing_is_an_error),
	    cmocka_unit_test(a_reader_goes_on_while_its_files_are_merged_or_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
