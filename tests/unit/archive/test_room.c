/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The disk is full from the first write on that a writer makes, from the second on, and so forth through all
 * that it does. Whatever it does then says so and may be done again; readers find what was acknowledged
 * meanwhile; and once there is room everything goes on, with nothing lost and nothing twice.
 */

#include "disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/err.h"
#include "ledger/key.h"
#include "numbered.h"

struct session {
	const char *path;
	const struct ledger_key *const *keys;
	struct archive *a;
	struct numbered_said said;
	uint64_t next[NUMBERED_KINDS];
	uint64_t want; /* append up to this id */
	unsigned refused;
};

/* --- what is done: each gives what the archive gave, and may be done again --- */

/* One that was made, but for its ledger, is there. */
static int create(struct session *s)
{
	int r = archive_create(&s->a, s->path);
	return r == -EEXIST ? archive_open(&s->a, s->path, true) : r;
}

static int open_it(struct session *s)
{
	return archive_open(&s->a, s->path, true);
}

static int append(struct session *s)
{
	for (unsigned k = 0; k < NUMBERED_KINDS; k++) {
		s->said.attempted[k] = s->want > s->said.attempted[k] ? s->want : s->said.attempted[k];
		while (s->next[k] <= s->want) {
			int r = numbered_append(s->a, k, s->next[k]);
			if (r < 0)
				return r;
			s->next[k]++;
		}
	}
	return 0;
}

static int sync_all(struct session *s)
{
	int r = archive_sync(s->a);
	for (unsigned k = 0; r == 0 && k < NUMBERED_KINDS; k++)
		s->said.acknowledged[k] = s->next[k] - 1;
	return r;
}

static int sign(struct session *s)
{
	int r = archive_sign(s->a);
	if (r == 0)
		s->said.signed_entries = ledger_entries(archive_ledger(s->a));
	return r;
}

static int begin_batch(struct session *s)
{
	return archive_batch_begin(s->a);
}

static int commit_batch(struct session *s)
{
	int r = archive_batch_commit(s->a);
	for (unsigned k = 0; r == 0 && k < NUMBERED_KINDS; k++)
		s->said.acknowledged[k] = s->next[k] - 1;
	return r;
}

static int compact(struct session *s)
{
	struct archive_compaction c;
	return archive_compact(s->a, INT64_MAX, &c);
}

static int expire(struct session *s)
{
	uint64_t records;
	s->said.may_go = 12;
	return archive_expire(s->a, INT64_C(12) * NUMBERED_STEP, UINT64_MAX, 1, &records);
}

/* --- with room and without --- */

static void check_reader(const struct session *s)
{
	struct numbered_seen seen = {.first = {0}};
	struct archive *a;
	int r = archive_open(&a, s->path, false);
	if (r == -ENOENT && s->said.attempted[0] == 0)
		return; /* not made yet */
	assert_int_equal(r, 0);
	numbered_check_archive(a, &s->said, ledger_key_verifier(s->keys[0]), &seen);
	assert_int_equal(archive_close(a), 0);
}

/* Does it, and where there is no room again, twice, the second time with room. */
static void persist(struct session *s, int (*act)(struct session *))
{
	int r = act(s);
	if (r == 0)
		return;
	assert_int_equal(r, -ENOSPC);
	s->refused++;
	check_reader(s);
	r = act(s);
	if (r == 0)
		return;
	assert_int_equal(r, -ENOSPC);
	disk.full = false;
	disk.writes_left = SIZE_MAX;
	assert_int_equal(act(s), 0);
}

static void append_to(struct session *s, uint64_t id)
{
	s->want = id;
	persist(s, append);
}

static void work(struct session *s)
{
	persist(s, create);
	archive_use_keys(s->a, s->keys, 1);
	append_to(s, 5);
	persist(s, sync_all);
	append_to(s, 9);
	persist(s, begin_batch);
	append_to(s, 12);
	persist(s, commit_batch);
	persist(s, sign);
	persist(s, begin_batch);
	append_to(s, 15);
	persist(s, commit_batch);
	persist(s, expire);
	append_to(s, 18);
	persist(s, sync_all);
	persist(s, begin_batch);
	persist(s, commit_batch);
	persist(s, compact);
	append_to(s, 20);
	persist(s, sync_all);
	/* what is synced is safe, and all that closing does beside that can be done later */
	assert_int_equal(archive_close(s->a), 0);
	persist(s, open_it);
	archive_use_keys(s->a, s->keys, 1);
	append_to(s, 23);
	persist(s, sign);
	assert_int_equal(archive_close(s->a), 0);
}

/* Nothing is lost, nothing is left behind, and the ledger has all of it. */
static void check_whole(const struct session *s)
{
	struct numbered_seen seen = {.first = {0}};
	struct archive *a;
	struct archive_stat stat;
	struct disk_state *left;
	assert_int_equal(archive_open(&a, s->path, true), 0);
	archive_get_stat(a, &stat);
	assert_int_equal(stat.torn_bytes, 0);
	assert_int_equal(stat.damaged_bytes, 0);
	numbered_check_archive(a, &s->said, ledger_key_verifier(s->keys[0]), &seen);
	for (unsigned k = 0; k < NUMBERED_KINDS; k++) {
		assert_int_equal(seen.last[k], 23);
		assert_int_equal(evidence_check_runs(a, archive_ledger(a), numbered_kinds[k]),
		    archive_runs(a, numbered_kinds[k]));
	}
	assert_int_equal(archive_close(a), 0);
	disk_record(s->path);
	left = &disk.begin;
	for (size_t i = 0; i < left->n_names; i++)
		assert_null(strstr(left->names[i].name, ".tmp"));
	disk.on = false;
}

static void a_disk_may_be_full_at_any_write(void **state)
{
	char *path = folder_make();
	struct ledger_key *key;
	assert_int_equal(ledger_key_generate(&key, LEDGER_KEY_SIGNER, TEXT("test")), 0);
	const struct ledger_key *const keys[] = {key};
	unsigned refused = 0;
	size_t writes = 0;
	(void)state;
	for (bool filled = true; filled; writes++) {
		size_t n;
		struct session s = {.path = path, .keys = keys, .next = {1, 1}};
		folder_empty(path);
		disk.full = false;
		disk.writes_left = writes;
		disk_record(path);
		work(&s);
		struct disk_op *ops = disk_stop(&n);
		disk_ops_free(ops, n);
		filled = disk.full || disk.writes_left == SIZE_MAX;
		disk.full = false;
		disk.writes_left = SIZE_MAX;
		check_whole(&s);
		refused += s.refused;
	}
	print_message("%zu writes; %u refusals\n", writes - 1, refused);
	assert_true(refused > 20);
	folder_drop(path);
	ledger_key_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_disk_may_be_full_at_any_write),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
