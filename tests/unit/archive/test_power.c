/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The power goes, after every single change that a writer makes to its folder; of what wasn't synced all,
 * nothing, or any part is there. Whoever opens the archive then finds what was acknowledged, each record once
 * and as it was, nothing that was never appended, and a ledger that fits; and so does whoever opens it after
 * the power went again, while that was mended.
 */

#include "disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/err.h"
#include "ledger/key.h"
#include "numbered.h"

/* What the writer promised by then. */
struct promise {
	bool made; /* archive_create returned */
	struct numbered_said said;
};

struct session {
	const char *path;
	const struct ledger_key *const *keys;
	struct archive *a;
	struct promise promise;
	uint64_t next[NUMBERED_KINDS];
};

static void promise(const struct session *s)
{
	disk_keep(disk_note(DISK_NOTE, 0), &s->promise, sizeof(s->promise));
}

static void acknowledge(struct session *s)
{
	for (unsigned k = 0; k < NUMBERED_KINDS; k++)
		s->promise.said.acknowledged[k] = s->next[k] - 1;
	promise(s);
}

static void append(struct session *s, uint64_t n)
{
	for (unsigned k = 0; k < NUMBERED_KINDS; k++)
		s->promise.said.attempted[k] += n;
	promise(s);
	for (unsigned k = 0; k < NUMBERED_KINDS; k++)
		for (uint64_t i = 0; i < n; i++)
			assert_int_equal(numbered_append(s->a, k, s->next[k]++), 0);
}

static void sync_all(struct session *s)
{
	assert_int_equal(archive_sync(s->a), 0);
	acknowledge(s);
}

static void sign(struct session *s)
{
	assert_int_equal(archive_sign(s->a), 0);
	s->promise.said.signed_entries = ledger_entries(archive_ledger(s->a));
	acknowledge(s);
}

/* Closes what is open into segments, however little it is. */
static void add_batch(struct session *s, uint64_t n, bool commit)
{
	uint64_t before[NUMBERED_KINDS];
	assert_int_equal(archive_batch_begin(s->a), 0);
	acknowledge(s);
	memcpy(before, s->next, sizeof(before));
	append(s, n);
	if (commit) {
		assert_int_equal(archive_batch_commit(s->a), 0);
		acknowledge(s);
	} else {
		assert_int_equal(archive_batch_abort(s->a), 0);
		memcpy(s->next, before, sizeof(before));
		for (unsigned k = 0; k < NUMBERED_KINDS; k++)
			s->promise.said.attempted[k] -= n;
	}
}

static void compact(struct session *s)
{
	struct archive_compaction c;
	assert_int_equal(archive_compact(s->a, INT64_MAX, &c), 0);
	assert_true(c.files_after < c.files_before);
}

static void expire(struct session *s, uint64_t id)
{
	uint64_t records;
	s->promise.said.may_go = id;
	promise(s);
	assert_int_equal(archive_expire(s->a, (int64_t)id * NUMBERED_STEP, UINT64_MAX, 1, &records), 0);
	assert_true(records > 0);
}

static void open_again(struct session *s)
{
	assert_int_equal(archive_close(s->a), 0);
	acknowledge(s);
	assert_int_equal(archive_open(&s->a, s->path, true), 0);
	archive_use_keys(s->a, s->keys, 1);
}

static void work(struct session *s)
{
	assert_int_equal(archive_create(&s->a, s->path), 0);
	archive_use_keys(s->a, s->keys, 1);
	s->promise.made = true;
	promise(s);
	append(s, 3);
	sync_all(s);
	append(s, 2);
	sync_all(s);
	add_batch(s, 4, true);
	add_batch(s, 3, true);
	append(s, 2);
	sign(s);
	add_batch(s, 2, false);
	expire(s, 6);
	compact(s);
	append(s, 3);
	open_again(s);
	append(s, 2);
	sync_all(s);
	add_batch(s, 5, true);
	add_batch(s, 1, true);
	compact(s);
	add_batch(s, 1, true);
	expire(s, 25);
	append(s, 1);
	sign(s);
	append(s, 4);
	assert_int_equal(archive_close(s->a), 0);
	acknowledge(s);
}

/* --- states --- */

struct power {
	struct session *session;
	char *other; /* the folder that states are made in */
	uint64_t *hashes;
	size_t n_hashes, states, again;
	int depth;
	uint64_t seed; /* POWER_SEED: other chances */
};

static bool known(struct power *p, uint64_t hash)
{
	enum { SLOTS = 1 << 20 };
	if (!p->hashes)
		p->hashes = calloc(SLOTS, sizeof(*p->hashes));
	assert_non_null(p->hashes);
	size_t slot = hash % SLOTS;
	while (p->hashes[slot] && p->hashes[slot] != hash)
		slot = (slot + 1) % SLOTS;
	if (p->hashes[slot] == hash)
		return true;
	assert_true(++p->n_hashes < SLOTS / 2);
	p->hashes[slot] = hash;
	return false;
}

static void look(
    const struct power *p, const struct promise *promise, bool writable, struct numbered_seen *seen)
{
	struct archive *a;
	struct archive_stat stat;
	assert_int_equal(archive_open(&a, p->other, writable), 0);
	archive_get_stat(a, &stat);
	assert_int_equal(stat.damaged_bytes, 0);
	numbered_check_archive(a, &promise->said, ledger_key_verifier(p->session->keys[0]), seen);
	assert_int_equal(archive_close(a), 0);
}

static void explore(struct power *p, const struct disk_state *begin, const struct disk_op *ops, size_t n,
    struct promise first);

/* A reader, a writer, a reader; what the writer does is noted and cut off likewise. */
static void check_state(struct power *p, const struct promise *promise, const struct disk_state *state)
{
	struct numbered_seen seen = {.first = {0}};
	struct archive *a;
	size_t n;
	folder_empty(p->other);
	disk_store(state, p->other);
	int r = archive_open(&a, p->other, false);
	if (r == -ENOENT && !promise->made) {
		assert_int_equal(archive_create(&a, p->other), 0);
		assert_int_equal(archive_close(a), 0);
		return;
	}
	assert_int_equal(r, 0);
	archive_close(a);
	look(p, promise, false, &seen);
	bool again = p->depth == 0 && p->states % 16 == 0;
	if (again)
		disk_record(p->other);
	look(p, promise, true, &seen);
	struct disk_op *ops = again ? disk_stop(&n) : NULL;
	look(p, promise, false, &seen);
	if (again) {
		static struct disk_state begin;
		begin = disk.begin; /* its files are those of the notes: disk_record frees them */
		p->depth++;
		explore(p, &begin, ops, n, *promise);
		p->depth--;
		p->again++;
		disk_ops_free(ops, n);
	}
}

static const struct disk_loss losses[] = {
    {DISK_KEPT, DISK_KEPT, 0}, /* a killed process, not the power */
    {DISK_LOST, DISK_LOST, 0},
    {DISK_LOST, DISK_KEPT, 0},
    {DISK_KEPT, DISK_LOST, 0},
    {DISK_ZEROED, DISK_KEPT, 0},
    {DISK_SOME, DISK_SOME, 1},
    {DISK_SOME, DISK_SOME, 2},
    {DISK_SOME, DISK_KEPT, 3},
    {DISK_SOME, DISK_ANY, 4},
    {DISK_KEPT, DISK_ANY, 5},
    {DISK_WRITES, DISK_SOME, 6},
};

static void explore(struct power *p, const struct disk_state *begin, const struct disk_op *ops, size_t n,
    struct promise first)
{
	static struct disk_state states[2];
	struct disk_state *state = &states[p->depth];
	struct promise promise = first;
	size_t n_losses = sizeof(losses) / sizeof(losses[0]);
	for (size_t i = 0; i <= n; i++) {
		for (size_t k = 0; k < n_losses; k++) {
			struct disk_loss loss = losses[k];
			loss.random += p->seed + i * n_losses;
			disk_replay(begin, ops, i, loss, state);
			if (known(p, disk_hash(state, promise.said.acknowledged[0] * 2 + promise.made + 1)))
				continue;
			p->states++;
			check_state(p, &promise, state);
		}
		if (i < n && ops[i].type == DISK_NOTE)
			memcpy(&promise, ops[i].p, sizeof(promise));
	}
	disk_state_free(state);
}

static void the_power_goes_at_any_moment(void **state)
{
	static struct disk_state begin;
	struct ledger_key *key;
	assert_int_equal(ledger_key_generate(&key, LEDGER_KEY_SIGNER, TEXT("test")), 0);
	const struct ledger_key *const keys[] = {key};
	char *path = folder_make();
	struct session s = {.path = path, .keys = keys, .next = {1, 1}};
	const char *seed = getenv("POWER_SEED");
	struct power p = {
	    .session = &s, .other = folder_make(), .seed = seed ? strtoull(seed, NULL, 10) * 1000000 : 0};
	size_t n;
	(void)state;
	disk_record(path);
	work(&s);
	struct disk_op *ops = disk_stop(&n);
	begin = disk.begin;
	explore(&p, &begin, ops, n, (struct promise){.made = false});
	print_message("%zu changes, %zu different states, %zu of them cut off again\n", n, p.states, p.again);
	disk_ops_free(ops, n);
	free(p.hashes);
	folder_drop(p.other);
	folder_drop(path);
	ledger_key_free(key);
}

/* --- frames that reach the disk in another order than they were written --- */

enum { LARGE = 60000, LARGE_RECORDS = 20 };

static void append_large(struct archive *a, const char *text, uint64_t first)
{
	for (uint64_t id = first; id < first + LARGE_RECORDS; id++) {
		struct msg_detection d = {.id = id, .why = text_bytes(text, LARGE - id)};
		assert_int_equal(archive_append_detection(a, &d), 0);
	}
}

struct large_seen {
	uint64_t last, count, acknowledged; /* of those that were acknowledged */
	uint64_t limit;
};

static int check_large(void *context, const struct msg_detection *d)
{
	struct large_seen *seen = context;
	assert_true(d->id > seen->last);
	assert_int_equal(d->why.n, LARGE - d->id);
	seen->last = d->id;
	seen->count++;
	seen->acknowledged += d->id <= seen->limit;
	return 0;
}

/* Every record that was acknowledged is there, whatever is told of the others. Gives whether damage is told.
 */
static bool check_large_state(const char *path, uint64_t acknowledged)
{
	uint64_t before = 0;
	bool damaged = false;
	for (int turn = 0; turn < 3; turn++) {
		struct archive *a;
		struct archive_stat stat;
		struct large_seen seen = {.limit = acknowledged};
		assert_int_equal(archive_open(&a, path, turn == 1), 0);
		archive_get_stat(a, &stat);
		int r = archive_scan_detections(a, check_large, &seen);
		if (turn == 0)
			damaged = r < 0;
		/* a writer mends it, and goes on telling */
		assert_int_equal(r, turn == 0 && damaged ? -ERR_CHECKSUM : 0);
		assert_int_equal(stat.damaged_bytes > 0, damaged);
		assert_int_equal(seen.acknowledged, acknowledged);
		assert_true(seen.count >= before);
		before = seen.count;
		assert_int_equal(archive_close(a), 0);
	}
	return damaged;
}

/*
 * Between two syncs a journal gets many frames. Where the power went before the second, a later frame may be
 * there and an earlier one not. That can't be told from damage to what was acknowledged, so damage is what is
 * told, and what can be read is kept.
 */
static void frames_out_of_order_lose_nothing_acknowledged(void **state)
{
	static struct disk_state begin, one;
	char *path = folder_make(), *other = folder_make(), *text = malloc(LARGE);
	uint64_t acknowledged = 0;
	struct archive *a;
	size_t n, states = 0, damaged = 0;
	(void)state;
	assert_non_null(text);
	memset(text, 'x', LARGE);
	assert_int_equal(archive_create(&a, path), 0);
	disk_record(path);
	for (uint64_t i = 0; i < 2; i++) {
		append_large(a, text, 1 + i * LARGE_RECORDS);
		assert_int_equal(archive_sync(a), 0);
		acknowledged += LARGE_RECORDS;
		disk_keep(disk_note(DISK_NOTE, 0), &acknowledged, sizeof(acknowledged));
	}
	struct disk_op *ops = disk_stop(&n);
	assert_int_equal(archive_close(a), 0);
	begin = disk.begin;
	acknowledged = 0;
	for (size_t i = 0; i <= n; i++) {
		for (uint64_t k = 0; k < 8; k++, states++) {
			disk_replay(&begin, ops, i,
			    (struct disk_loss){.bytes = k % 2 ? DISK_SOME : DISK_WRITES,
			        .names = DISK_KEPT,
			        .random = k + i * 8},
			    &one);
			folder_empty(other);
			disk_store(&one, other);
			damaged += check_large_state(other, acknowledged);
		}
		if (i < n && ops[i].type == DISK_NOTE)
			memcpy(&acknowledged, ops[i].p, sizeof(acknowledged));
	}
	print_message("%zu changes, %zu states, in %zu damage is told\n", n, states, damaged);
	assert_true(damaged > 0 && damaged < states / 2);
	disk_state_free(&one);
	disk_ops_free(ops, n);
	free(text);
	folder_drop(other);
	folder_drop(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(frames_out_of_order_lose_nothing_acknowledged),
	    cmocka_unit_test(the_power_goes_at_any_moment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
