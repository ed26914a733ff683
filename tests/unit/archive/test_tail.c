/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Files that end too early, at every byte: the ledger's log, its checkpoints, a segment beside its journal.
 * (test_damage.c cuts journals.) Nothing that was durable is lost, and a writer makes good what is. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/err.h"
#include "ledger/key.h"
#include "numbered.h"

struct bytes {
	uint8_t *p;
	size_t n;
};

static int open_in(const char *folder, const char *name, int flags)
{
	char path[600];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, flags, 0600);
	assert_true(fd >= 0);
	return fd;
}

static struct bytes take(const char *folder, const char *name)
{
	struct stat st;
	int fd = open_in(folder, name, O_RDONLY);
	assert_int_equal(fstat(fd, &st), 0);
	struct bytes b = {.p = malloc((size_t)st.st_size + 1), .n = (size_t)st.st_size};
	assert_non_null(b.p);
	assert_int_equal(read(fd, b.p, b.n), b.n);
	close(fd);
	return b;
}

static void put(const char *folder, const char *name, struct bytes b, size_t n)
{
	int fd = open_in(folder, name, O_WRONLY | O_CREAT | O_TRUNC);
	assert_int_equal(write(fd, b.p, n), n);
	close(fd);
}

static void drop(const char *folder, const char *name)
{
	char path[600];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(unlink(path), 0);
}

static void append(struct archive *a, uint64_t from, uint64_t to)
{
	for (unsigned k = 0; k < NUMBERED_KINDS; k++)
		for (uint64_t id = from; id <= to; id++)
			assert_int_equal(numbered_append(a, k, id), 0);
}

/* What is open becomes segments. */
static void seal(struct archive *a)
{
	assert_int_equal(archive_batch_begin(a), 0);
	assert_int_equal(archive_batch_commit(a), 0);
}

static struct ledger_key *new_key(void)
{
	struct ledger_key *key;
	assert_int_equal(ledger_key_generate(&key, LEDGER_KEY_SIGNER, TEXT("test")), 0);
	return key;
}

static void look(
    const char *path, bool writable, const struct ledger_key *key, uint64_t records, bool all_entered)
{
	struct numbered_said said = {.attempted = {records, records}, .acknowledged = {records, records}};
	struct numbered_seen seen = {.first = {0}};
	struct archive *a;
	assert_int_equal(archive_open(&a, path, writable), 0);
	numbered_check_archive(a, &said, ledger_key_verifier(key), &seen);
	for (unsigned k = 0; all_entered && k < NUMBERED_KINDS; k++)
		assert_int_equal(evidence_check_runs(a, archive_ledger(a), numbered_kinds[k]), 3);
	assert_int_equal(archive_close(a), 0);
}

/* Sealed and signed; then more is sealed and entered, which no checkpoint covers. *ret_signed: how much of
 * the log one does. */
static char *make(const struct ledger_key *key, size_t *ret_signed)
{
	char *path = folder_make();
	struct archive *a;
	assert_int_equal(archive_create(&a, path), 0);
	archive_use_keys(a, &key, 1);
	append(a, 1, 3);
	seal(a);
	append(a, 4, 5);
	assert_int_equal(archive_sign(a), 0);
	struct bytes log = take(path, LEDGER_LOG);
	*ret_signed = log.n;
	free(log.p);
	archive_use_keys(a, NULL, 0);
	seal(a);
	append(a, 6, 6);
	assert_int_equal(archive_close(a), 0);
	return path;
}

static void a_log_cut_anywhere_is_made_whole(void **state)
{
	struct ledger_key *key = new_key();
	size_t signed_bytes;
	char *path = make(key, &signed_bytes);
	struct bytes log = take(path, LEDGER_LOG);
	(void)state;
	assert_true(log.n > signed_bytes + 300);
	for (size_t cut = signed_bytes; cut <= log.n; cut++) {
		put(path, LEDGER_LOG, log, cut);
		look(path, false, key, 6, false);
		look(path, true, key, 6, false);
		look(path, false, key, 6, true);
	}
	/* a log that ends before what was signed is none that a crash leaves, and a writer doesn't sign it */
	for (size_t cut = signed_bytes / 2; cut < signed_bytes; cut++) {
		struct archive *a;
		put(path, LEDGER_LOG, log, cut);
		assert_int_equal(archive_open(&a, path, true), -ERR_CHECKSUM);
		assert_int_equal(archive_open(&a, path, false), 0);
		archive_close(a);
	}
	free(log.p);
	folder_drop(path);
	ledger_key_free(key);
}

/* The history gets a checkpoint before `checkpoint` is replaced. */
static void checkpoints_cut_anywhere_are_signed_again(void **state)
{
	struct ledger_key *key = new_key();
	size_t ignored;
	char *path = make(key, &ignored);
	struct archive *a;
	struct bytes before = take(path, LEDGER_HISTORY), latest = take(path, LEDGER_CHECKPOINT);
	(void)state;
	assert_int_equal(archive_open(&a, path, true), 0);
	archive_use_keys(a, (const struct ledger_key *const[]){key}, 1);
	append(a, 7, 7);
	assert_int_equal(archive_close(a), 0);
	struct bytes after = take(path, LEDGER_HISTORY);
	assert_true(after.n > before.n);
	for (size_t cut = before.n; cut <= after.n; cut++) {
		put(path, LEDGER_CHECKPOINT, latest, latest.n);
		put(path, LEDGER_HISTORY, after, cut);
		look(path, false, key, 7, false);
		assert_int_equal(archive_open(&a, path, true), 0);
		archive_use_keys(a, (const struct ledger_key *const[]){key}, 1);
		assert_int_equal(archive_sign(a), 0);
		assert_int_equal(
		    evidence_check_log(a, ledger_key_verifier(key)), ledger_entries(archive_ledger(a)));
		assert_int_equal(archive_close(a), 0);
		look(path, false, key, 7, true);
	}
	free(before.p);
	free(latest.p);
	free(after.p);
	folder_drop(path);
	ledger_key_free(key);
}

static void a_segment_cut_anywhere_gives_way_to_its_journal(void **state)
{
	static const char segment[] = "flow-0000000001.seg", journal[] = "flow-0000000001.journal";
	struct ledger_key *key = new_key();
	char *path = folder_make();
	struct archive *a;
	(void)state;
	assert_int_equal(archive_create(&a, path), 0);
	append(a, 1, 2);
	assert_int_equal(archive_sync(a), 0);
	struct bytes records = take(path, journal);
	seal(a);
	assert_int_equal(archive_close(a), 0);
	struct bytes whole = take(path, segment), log = take(path, LEDGER_LOG);
	for (size_t cut = 0; cut <= whole.n; cut++) {
		put(path, segment, whole, cut);
		put(path, journal, records, records.n);
		put(path, LEDGER_LOG, log, log.n);
		look(path, false, key, 2, false);
		look(path, true, key, 2, false);
		look(path, false, key, 2, false);
		if (cut < whole.n)
			drop(path, segment);
	}
	free(records.p);
	free(whole.p);
	free(log.p);
	folder_drop(path);
	ledger_key_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_log_cut_anywhere_is_made_whole),
	    cmocka_unit_test(checkpoints_cut_anywhere_are_signed_again),
	    cmocka_unit_test(a_segment_cut_anywhere_gives_way_to_its_journal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
