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
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "archive/archive.h"
#include "base/err.h"
#include "ledger/key.h"
#include "numbered.h"

/* Instrumented code takes longer, and there memory is what is looked at: fewer points. More where a phase
 * that is soon over was missed so far. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { KILLS = 100 };
#else
enum { KILLS = 300 };
#endif
#elif defined(__SANITIZE_ADDRESS__)
enum { KILLS = 100 };
#else
enum { KILLS = 300 };
#endif
enum { KILLS_MAX = 3000, ENOUGH = 2000, AWAIT_S = 2 };

enum phase { OPENING, APPENDING, SYNCING, BATCH, COMPACTING, EXPIRING, SIGNING, CLOSING, PHASES };

static const char *const phase_names[PHASES] = {
    "opening", "appending", "syncing", "batch", "compacting", "expiring", "signing", "closing"};

/* What the writer says, in memory that outlives it. */
struct report {
	volatile enum phase phase;
	volatile struct numbered_said said;
};

/* --- the writer, in a process of its own --- */

struct writer {
	const char *path;
	struct report *report;
	const struct ledger_key *key;
	uint64_t random;
	struct archive *a;
	uint64_t next[NUMBERED_KINDS];
};

static void must(int r, int exit_code)
{
	if (r < 0)
		_exit(exit_code);
}

static void acknowledge(struct writer *w)
{
	for (unsigned k = 0; k < NUMBERED_KINDS; k++)
		w->report->said.acknowledged[k] = w->next[k] - 1;
}

static void append_some(struct writer *w, uint64_t most)
{
	for (unsigned k = 0; k < NUMBERED_KINDS; k++) {
		uint64_t n = record_random(&w->random) % (most + 1);
		w->report->said.attempted[k] = w->next[k] + n - 1;
		for (; n > 0; n--)
			must(numbered_append(w->a, k, w->next[k]++), 10);
	}
}

static void add_batch(struct writer *w)
{
	uint64_t before[NUMBERED_KINDS] = {w->next[0], w->next[1]};
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

/* Never all that is durable: what comes after is numbered from it. */
static void expire(struct writer *w)
{
	const volatile uint64_t *safe = w->report->said.acknowledged;
	uint64_t records, least = safe[0] < safe[1] ? safe[0] : safe[1];
	uint64_t id = least / 2 + record_random(&w->random) % (least / 3 + 1);
	if (id > w->report->said.may_go)
		w->report->said.may_go = id;
	must(archive_expire(
	         w->a, (int64_t)id * NUMBERED_STEP, 1 << MSG_FLOW | 1 << MSG_DETECTION, 1, &records),
	    14);
}

static void act(struct writer *w)
{
	struct archive_compaction compaction;
	switch (record_random(&w->random) % 16) {
	case 0:
	case 1: w->report->phase = BATCH; return add_batch(w);
	case 2: w->report->phase = COMPACTING; return must(archive_compact(w->a, INT64_MAX, &compaction), 15);
	case 3: w->report->phase = EXPIRING; return expire(w);
	case 4:
	case 5:
		w->report->phase = SIGNING;
		must(archive_sign(w->a), 16);
		acknowledge(w);
		w->report->said.signed_entries = ledger_entries(archive_ledger(w->a));
		return;
	case 6: w->report->phase = APPENDING; return append_some(w, 1100);
	default:
		w->report->phase = APPENDING;
		append_some(w, 40);
		w->report->phase = SYNCING;
		must(archive_sync(w->a), 17);
		return acknowledge(w);
	}
}

static void write_until_killed(struct writer *w)
{
	for (;;) {
		w->report->phase = OPENING;
		must(archive_open(&w->a, w->path, true), 18);
		archive_use_keys(w->a, &w->key, 1);
		for (unsigned k = 0; k < NUMBERED_KINDS; k++)
			w->next[k] = numbered_next(w->a, k);
		for (uint64_t n = record_random(&w->random) % 30; n > 0; n--)
			act(w);
		w->report->phase = CLOSING;
		must(archive_close(w->a), 19);
		acknowledge(w);
	}
}

/* --- whoever comes after --- */

static void check_after_kill(const char *path, const struct report *report, const struct ledger_verifier *key,
    struct numbered_seen *seen, bool writable)
{
	struct archive *a;
	struct archive_stat stat;
	struct numbered_said said = report->said;
	assert_int_equal(archive_open(&a, path, writable), 0);
	archive_get_stat(a, &stat);
	assert_int_equal(stat.damaged_bytes, 0);
	numbered_check_archive(a, &said, key, seen);
	assert_int_equal(archive_close(a), 0);
}

static void begin_anew(const char *path, struct report *report, struct numbered_seen *seen)
{
	struct archive *a;
	folder_empty(path);
	memset((void *)report, 0, sizeof(*report));
	memset(seen, 0, sizeof(*seen));
	assert_int_equal(archive_create(&a, path), 0);
	assert_int_equal(archive_close(a), 0);
}

static void wait_ns(long ns)
{
	struct timespec wait = {.tv_nsec = ns};
	nanosleep(&wait, NULL);
}

/* Till the writer is in that phase, or for some time. */
static void await_phase(const struct report *report, unsigned phase)
{
	struct timespec begin, now;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		if (report->phase == phase)
			return;
		sched_yield();
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - begin.tv_sec < AWAIT_S);
}

/* At any instant, mostly not before the archive is open, which takes a while; or, for some phases are short,
 * in the phase given (PHASES: none). */
static void kill_one(struct writer *w, uint64_t *random, unsigned phase)
{
	int status;
	w->random = record_random(random);
	w->report->phase = OPENING;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		write_until_killed(w);
	bool opened = record_random(random) % 8;
	for (int i = 0; opened && w->report->phase == OPENING && i < 10000; i++)
		wait_ns(100000);
	if (phase < PHASES) {
		await_phase(w->report, phase);
		wait_ns((long)(record_random(random) % 200000));
	} else {
		wait_ns((long)(record_random(random) % 8000000));
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	if (!WIFSIGNALED(status))
		print_message("the writer failed with %d\n", WEXITSTATUS(status));
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static bool in_each_phase(const uint64_t hits[PHASES])
{
	for (unsigned i = 0; i < PHASES; i++)
		if (!hits[i])
			return false;
	return true;
}

static void a_killed_writer_loses_nothing_acknowledged(void **state)
{
	char *path = folder_make();
	struct report *report = mmap(
	    NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct ledger_key *key;
	struct numbered_seen seen;
	uint64_t random = 42, hits[PHASES] = {0}, records = 0;
	(void)state;
	assert_true(report != MAP_FAILED);
	assert_int_equal(ledger_key_generate(&key, LEDGER_KEY_SIGNER, TEXT("test")), 0);
	struct writer w = {.path = path, .report = report, .key = key};
	begin_anew(path, report, &seen);
	for (int i = 0; i < KILLS || (!in_each_phase(hits) && i < KILLS_MAX); i++) {
		kill_one(&w, &random, i % 2 ? (unsigned)i / 2 % PHASES : PHASES);
		hits[report->phase]++;
		/* a reader comes before any writer tidies up; after some kills the next writer does that, and
		 * is killed at it */
		check_after_kill(path, report, ledger_key_verifier(key), &seen, false);
		if (record_random(&random) % 2)
			check_after_kill(path, report, ledger_key_verifier(key), &seen, true);
		if (seen.last[0] + seen.last[1] > ENOUGH) {
			records += seen.last[0] + seen.last[1];
			begin_anew(path, report, &seen);
		}
	}
	for (unsigned i = 0; i < PHASES; i++)
		print_message("%s%s %llu", i ? ", " : "", phase_names[i], (unsigned long long)hits[i]);
	print_message("; %llu records\n", (unsigned long long)records);
	assert_true(in_each_phase(hits));
	ledger_key_free(key);
	munmap((void *)report, sizeof(*report));
	folder_drop(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_killed_writer_loses_nothing_acknowledged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
