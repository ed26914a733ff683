/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A writer that does everything a writer does, killed at hundreds of random points: while it appends, syncs,
 * seals, adds a batch, merges, drops, signs, closes, or mends what the last kill left. Whoever opens the
 * archive then finds every record that was acknowledged, each once and as it was, none that was never
 * appended, and a ledger that fits.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "archive/archive.h"
#include "base/err.h"
#include "evidence_check.h"
#include "ledger/key.h"
#include "records.h"

enum { KILLS = 300, ENOUGH = 2000, TIME_STEP = 1000, KINDS = 2 };

enum phase { OPENING, APPENDING, SYNCING, BATCH, COMPACTING, EXPIRING, SIGNING, CLOSING, PHASES };

static const char *const phase_names[PHASES] = {
    "opening", "appending", "syncing", "batch", "compacting", "expiring", "signing", "closing"};

static const enum msg_record kinds[KINDS] = {MSG_FLOW, MSG_DETECTION};

/* What the writer says, in memory that outlives it. Ids of a kind are 1, 2, 3 ... */
struct said {
	volatile enum phase phase;
	volatile uint64_t attempted[KINDS];
	volatile uint64_t acknowledged[KINDS];
	volatile uint64_t may_go; /* records with ids below may have been dropped */
	volatile uint64_t signed_entries;
};

/* Records whose members follow from their ids, so that any mixture shows. */
static void make(unsigned kind, uint64_t id, struct record_room *room, union archive_record *record)
{
	const struct archive_layout *l = archive_layout_of(kinds[kind]);
	int64_t first = (int64_t)id * TIME_STEP, last = first + TIME_STEP / 2;
	record_make(l, id, id * KINDS + kind, room, record);
	memcpy((uint8_t *)record + l->first, &first, sizeof(first));
	memcpy((uint8_t *)record + l->last, &last, sizeof(last));
}

static int append(struct archive *a, unsigned kind, uint64_t id)
{
	struct record_room room;
	union archive_record record;
	make(kind, id, &room, &record);
	return kinds[kind] == MSG_FLOW ? archive_append_flow(a, &record.flow)
	                               : archive_append_detection(a, &record.detection);
}

/* --- the writer, in a process of its own --- */

struct writer {
	const char *path;
	struct said *said;
	const struct ledger_key *key;
	uint64_t random;
	struct archive *a;
	uint64_t next[KINDS];
};

static void must(int r, int exit_code)
{
	if (r < 0)
		_exit(exit_code);
}

static void acknowledge(struct writer *w)
{
	for (unsigned k = 0; k < KINDS; k++)
		w->said->acknowledged[k] = w->next[k] - 1;
}

static void append_some(struct writer *w, uint64_t most)
{
	for (unsigned k = 0; k < KINDS; k++) {
		uint64_t n = record_random(&w->random) % (most + 1);
		w->said->attempted[k] = w->next[k] + n - 1;
		for (; n > 0; n--)
			must(append(w->a, k, w->next[k]++), 10);
	}
}

static void add_batch(struct writer *w)
{
	uint64_t before[KINDS] = {w->next[0], w->next[1]};
	must(archive_batch_begin(w->a), 11);
	/* what was appended before is in segments now */
	acknowledge(w);
	append_some(w, 60);
	if (record_random(&w->random) % 4 == 0) {
		must(archive_batch_abort(w->a), 12);
		memcpy(w->next, before, sizeof(before));
	} else {
		must(archive_batch_commit(w->a), 13);
		acknowledge(w);
	}
}

static void expire(struct writer *w)
{
	uint64_t records, least = w->next[0] < w->next[1] ? w->next[0] : w->next[1];
	uint64_t id = least / 2 + record_random(&w->random) % (least / 3 + 1);
	if (id > w->said->may_go)
		w->said->may_go = id;
	must(archive_expire(w->a, (int64_t)id * TIME_STEP, 1 << MSG_FLOW | 1 << MSG_DETECTION, 1, &records),
	    14);
}

static void act(struct writer *w)
{
	struct archive_compaction compaction;
	switch (record_random(&w->random) % 16) {
	case 0:
	case 1: w->said->phase = BATCH; return add_batch(w);
	case 2: w->said->phase = COMPACTING; return must(archive_compact(w->a, &compaction), 15);
	case 3: w->said->phase = EXPIRING; return expire(w);
	case 4:
	case 5:
		w->said->phase = SIGNING;
		must(archive_sign(w->a), 16);
		acknowledge(w);
		w->said->signed_entries = ledger_entries(archive_ledger(w->a));
		return;
	case 6: w->said->phase = APPENDING; return append_some(w, 1100);
	default:
		w->said->phase = APPENDING;
		append_some(w, 40);
		w->said->phase = SYNCING;
		must(archive_sync(w->a), 17);
		return acknowledge(w);
	}
}

/* The id behind the last one of a kind. */
static uint64_t next_of(struct archive *a, unsigned kind)
{
	struct archive_run run = {.id_max = 0};
	size_t n = archive_runs(a, kinds[kind]);
	if (n)
		archive_run_at(a, kinds[kind], n - 1, &run);
	return run.id_max + 1;
}

static void write_until_killed(struct writer *w)
{
	for (;;) {
		w->said->phase = OPENING;
		must(archive_open(&w->a, w->path, true), 18);
		archive_use_keys(w->a, &w->key, 1);
		for (unsigned k = 0; k < KINDS; k++)
			w->next[k] = next_of(w->a, k);
		for (uint64_t n = record_random(&w->random) % 30; n > 0; n--)
			act(w);
		w->said->phase = CLOSING;
		must(archive_close(w->a), 19);
		acknowledge(w);
	}
}

/* --- whoever comes after --- */

struct expected {
	unsigned kind;
	uint64_t first, next;
};

static int check_record(struct expected *e, const void *record)
{
	const struct archive_layout *l = archive_layout_of(kinds[e->kind]);
	union archive_record made;
	struct record_room room;
	uint64_t id;
	memcpy(&id, record, sizeof(id));
	if (e->first == 0)
		e->first = e->next = id;
	assert_int_equal(id, e->next);
	make(e->kind, id, &room, &made);
	assert_true(record_same(l, record, &made));
	e->next++;
	return 0;
}

static int check_flow(void *context, const struct msg_flow *f)
{
	return check_record(context, f);
}

static int check_detection(void *context, const struct msg_detection *d)
{
	return check_record(context, d);
}

struct seen {
	uint64_t first[KINDS], last[KINDS];
};

static void check_archive(
    struct archive *a, const struct said *said, const struct ledger_verifier *key, struct seen *seen)
{
	struct archive_filter all = {.duplicates = true};
	for (unsigned k = 0; k < KINDS; k++) {
		struct expected e = {.kind = k, .next = 1};
		int r = kinds[k] == MSG_FLOW ? archive_scan_flows(a, &all, check_flow, &e)
		                             : archive_scan_detections(a, check_detection, &e);
		assert_int_equal(r, 0);
		uint64_t last = e.next - 1;
		assert_in_range(last, said->acknowledged[k], said->attempted[k]);
		assert_true(last >= seen->last[k]);
		/* what was dropped stays dropped, and nothing else is */
		assert_true(e.first >= seen->first[k] || last == 0);
		assert_true(e.first <= 1 || e.first <= said->may_go);
		seen->first[k] = e.first;
		seen->last[k] = last;
	}
	assert_true(evidence_check_log(a, key) >= said->signed_entries);
	for (unsigned k = 0; k < KINDS; k++)
		evidence_check_runs(a, archive_ledger(a), kinds[k]);
}

static void check_after_kill(const char *path, const struct said *said, const struct ledger_verifier *key,
    struct seen *seen, bool writable)
{
	struct archive *a;
	struct archive_stat stat;
	assert_int_equal(archive_open(&a, path, writable), 0);
	archive_get_stat(a, &stat);
	assert_int_equal(stat.damaged_bytes, 0);
	check_archive(a, said, key, seen);
	assert_int_equal(archive_close(a), 0);
}

static void begin_anew(const char *path, struct said *said, struct seen *seen)
{
	struct archive *a;
	folder_empty(path);
	memset(said, 0, sizeof(*said));
	memset(seen, 0, sizeof(*seen));
	assert_int_equal(archive_create(&a, path), 0);
	assert_int_equal(archive_close(a), 0);
}

static void wait_ns(long ns)
{
	struct timespec wait = {.tv_nsec = ns};
	nanosleep(&wait, NULL);
}

/* Mostly not before the archive is open, which takes a while. */
static void kill_one(struct writer *w, uint64_t *random)
{
	int status;
	w->random = record_random(random);
	w->said->phase = OPENING;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		write_until_killed(w);
	bool opened = record_random(random) % 8;
	for (int i = 0; opened && w->said->phase == OPENING && i < 10000; i++)
		wait_ns(100000);
	wait_ns((long)(record_random(random) % 8000000));
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	if (!WIFSIGNALED(status))
		print_message("the writer failed with %d\n", WEXITSTATUS(status));
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void a_killed_writer_loses_nothing_acknowledged(void **state)
{
	char *path = folder_make();
	struct said *said = mmap(
	    NULL, sizeof(*said), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct ledger_key *key;
	struct seen seen;
	uint64_t random = 42, hits[PHASES] = {0}, records = 0;
	(void)state;
	assert_true(said != MAP_FAILED);
	assert_int_equal(ledger_key_generate(&key, LEDGER_KEY_SIGNER, TEXT("test")), 0);
	struct writer w = {.path = path, .said = said, .key = key};
	begin_anew(path, said, &seen);
	for (int i = 0; i < KILLS; i++) {
		kill_one(&w, &random);
		hits[said->phase]++;
		/* a reader comes before any writer tidies up; after some kills the next writer does that, and
		 * is killed at it */
		check_after_kill(path, said, ledger_key_verifier(key), &seen, false);
		if (record_random(&random) % 2)
			check_after_kill(path, said, ledger_key_verifier(key), &seen, true);
		if (seen.last[0] + seen.last[1] > ENOUGH) {
			records += seen.last[0] + seen.last[1];
			begin_anew(path, said, &seen);
		}
	}
	for (unsigned i = 0; i < PHASES; i++)
		print_message("%s%s %llu", i ? ", " : "", phase_names[i], (unsigned long long)hits[i]);
	print_message("; %llu records\n", (unsigned long long)records);
	assert_true(hits[APPENDING] && hits[SYNCING]);
	ledger_key_free(key);
	munmap(said, sizeof(*said));
	folder_drop(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_killed_writer_loses_nothing_acknowledged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
