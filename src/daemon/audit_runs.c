/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The records' side of an audit: every run against what was entered about it, every segment file against its
 * digest. A run or a file is a unit of work; threads take them one after the other. */

#include <errno.h>
#include <inttypes.h>
#include <nettle/sha2.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "archive/file.h"
#include "base/cursor.h"
#include "base/err.h"
#include "base/vec.h"
#include "daemon/audit_parts.h"

enum {
	UNITS_MAX = 1 << 24,
	FILE_NAME_SIZE = 64,
	SENTENCE_SIZE = 512,
	READ_BYTES = 1 << 18,
	PROGRESS_RECORDS = 1 << 12
};

struct unit {
	bool file; /* else a run's records */
	uint16_t record;
	uint64_t run, run_last; /* of a file: those that it holds */
};

struct work {
	struct audit *audit;
	const struct unit *units;
	size_t n;
	uint64_t total;
	atomic_size_t next;
	atomic_uint_least64_t done;
};

struct worker {
	struct work *work;
	bool main; /* the caller's thread, which draws progress */
	struct audit_counts counts;
	uint64_t unsealed, unentered;
	pthread_t thread;
};

static const char *kind_name(uint16_t record)
{
	return archive_layout_of(record)->name;
}

/* Progress is in records, or in bytes of files where only those are looked at. */
static void advance(struct worker *w, uint64_t n, bool bytes)
{
	const struct audit_options *o = w->work->audit->options;
	if (bytes != o->files_only)
		return;
	uint64_t done = atomic_fetch_add(&w->work->done, n) + n;
	if (w->main && o->progress)
		o->progress(o->context, done, w->work->total);
}

/* --- a run's records --- */

struct check {
	struct worker *worker;
	const struct unit *unit;
	const struct audit_entry *entries; /* about this run, by how many records they count */
	size_t n_entries, next;
	struct merkle_tree tree;
	uint64_t bytes, told;       /* told: records that progress knows of */
	uint64_t good;              /* so many of the first records are those that were entered */
	uint64_t first_id, last_id; /* since then */
	struct audit_finding wrong; /* what == AUDIT_RECORDS: the first part that isn't right */
};

static struct audit_finding about(const struct unit *u, enum audit_what what)
{
	return (struct audit_finding){.what = what,
	    .record = u->record,
	    .run = u->run,
	    .run_last = u->run_last,
	    .first = AUDIT_UNKNOWN,
	    .last = AUDIT_UNKNOWN,
	    .entry = AUDIT_UNKNOWN};
}

/* The entries that count as many records as were seen by now. */
static void compare_roots(struct check *c)
{
	struct merkle_hash root;
	if (c->next == c->n_entries || c->entries[c->next].records != c->tree.leaves)
		return;
	root = merkle_root(&c->tree);
	for (; c->next < c->n_entries && c->entries[c->next].records == c->tree.leaves; c->next++) {
		if (merkle_equal(&root, &c->entries[c->next].hash)) {
			c->good = c->tree.leaves;
			c->first_id = 0;
		} else if (c->wrong.what != AUDIT_RECORDS) {
			c->wrong = about(c->unit, AUDIT_RECORDS);
			c->wrong.first = c->good;
			c->wrong.last = c->tree.leaves ? c->tree.leaves - 1 : 0;
			c->wrong.first_id = c->first_id;
			c->wrong.last_id = c->last_id;
			c->wrong.entry = c->entries[c->next].entry;
		}
	}
}

static int on_leaf(void *context, struct text encoded)
{
	struct check *c = context;
	struct merkle_hash leaf = merkle_leaf(encoded.p, encoded.n);
	struct cursor at = cursor_of(encoded.p, encoded.n);
	cursor_skip(&at, MSG_HEADER_SIZE);
	c->last_id = cursor_le64(&at);
	if (!c->first_id)
		c->first_id = c->last_id;
	merkle_add(&c->tree, &leaf);
	c->bytes += encoded.n;
	compare_roots(c);
	if (c->tree.leaves - c->told >= PROGRESS_RECORDS) {
		advance(c->worker, c->tree.leaves - c->told, false);
		c->told = c->tree.leaves;
	}
	return 0;
}

static void find_wrong(const struct check *c)
{
	struct audit *a = c->worker->work->audit;
	const struct audit_finding *f = &c->wrong;
	char sentence[SENTENCE_SIZE], later[160] = "";
	if (c->good > f->last)
		snprintf(later, sizeof(later),
		    "; the first %" PRIu64
		    " records are those of a later line, so the ledger contradicts itself",
		    c->good);
	else if (f->first)
		snprintf(later, sizeof(later), "; those before them are");
	snprintf(sentence, sizeof(sentence),
	    "%s run %" PRIu64 ": records %" PRIu64 " to %" PRIu64 " (ids %" PRIu64 " to %" PRIu64
	    " as they stand there) aren't those that line %" PRIu64 " of the ledger has%s",
	    kind_name(f->record), f->run, f->first, f->last, f->first_id, f->last_id, f->entry + 1, later);
	audit_find(a, f, sentence);
}

static void find_unread(const struct check *c, int error)
{
	struct audit_finding f = about(c->unit, AUDIT_UNREADABLE);
	char sentence[SENTENCE_SIZE];
	f.first = c->tree.leaves;
	snprintf(sentence, sizeof(sentence),
	    "%s run %" PRIu64 ": record %" PRIu64 " and those behind it can't be read: %s",
	    kind_name(f.record), f.run, f.first, err_text(error));
	audit_find(c->worker->work->audit, &f, sentence);
}

static void find_short(const struct check *c)
{
	const struct audit_entry *most = &c->entries[c->n_entries - 1];
	struct audit_finding f = about(c->unit, AUDIT_MISSING);
	char sentence[SENTENCE_SIZE];
	f.first = c->tree.leaves;
	f.last = most->records - 1;
	f.entry = most->entry;
	snprintf(sentence, sizeof(sentence),
	    "%s run %" PRIu64 ": records %" PRIu64 " to %" PRIu64 " are missing; line %" PRIu64
	    " of the ledger counts %" PRIu64,
	    kind_name(f.record), f.run, f.first, f.last, most->entry + 1, most->records);
	audit_find(c->worker->work->audit, &f, sentence);
}

/* Of n records that are there, how many the ledger has, and how many of those a checkpoint covers. */
static void count_covered(struct worker *w, const struct audit_entry *e, size_t n_entries, uint64_t n)
{
	uint64_t entered = 0, sealed = 0;
	for (size_t i = 0; i < n_entries; i++) {
		entered = e[i].records > entered ? e[i].records : entered;
		if (e[i].entry < w->work->audit->result->sealed_entries && e[i].records > sealed)
			sealed = e[i].records;
	}
	w->unentered += n > entered ? n - entered : 0;
	w->unsealed += n > sealed ? n - sealed : 0;
}

static int check_run(struct worker *w, const struct unit *u)
{
	struct audit *a = w->work->audit;
	struct check c = {.worker = w, .unit = u};
	c.entries = audit_entries_of(&a->runs, u->record, u->run, &c.n_entries);
	compare_roots(&c);
	int r = archive_read_run(a->archive, (enum msg_record)u->record, u->run, on_leaf, &c);
	advance(w, c.tree.leaves - c.told, false);
	w->counts.runs++;
	w->counts.records += c.tree.leaves;
	w->counts.bytes += c.bytes;
	count_covered(w, c.entries, c.n_entries, c.tree.leaves);
	if (c.wrong.what == AUDIT_RECORDS)
		find_wrong(&c);
	if (r < 0 && r != -ENOMEM)
		find_unread(&c, r);
	else if (r == 0 && c.next < c.n_entries)
		find_short(&c);
	return r == -ENOMEM ? r : 0;
}

/* --- a file's digest --- */

static int digest(struct worker *w, int fd, struct merkle_hash *ret_digest)
{
	struct sha256_ctx sha;
	uint8_t *bytes = malloc(READ_BYTES);
	ssize_t n = -1;
	sha256_init(&sha);
	while (bytes && (n = read(fd, bytes, READ_BYTES)) > 0) {
		sha256_update(&sha, (size_t)n, bytes);
		w->counts.file_bytes += (uint64_t)n;
		advance(w, (uint64_t)n, true);
	}
	int r = !bytes ? -ENOMEM : n < 0 ? -errno : 0;
	free(bytes);
	if (r == 0)
		sha256_digest(&sha, sizeof(ret_digest->b), ret_digest->b);
	return r;
}

/* The last line about the file with exactly these runs. */
static const struct audit_entry *file_entry(const struct audit *a, const struct unit *u)
{
	const struct audit_entry *found = NULL;
	size_t n;
	const struct audit_entry *e = audit_entries_of(&a->files, u->record, u->run, &n);
	for (size_t i = 0; i < n; i++)
		if (e[i].last == u->run_last)
			found = &e[i];
	return found;
}

static void find_file(
    struct worker *w, const struct unit *u, const char *name, const struct audit_entry *e, int error)
{
	struct audit_finding f = about(u, AUDIT_FILE);
	char sentence[SENTENCE_SIZE];
	f.entry = e->entry;
	if (error)
		snprintf(sentence, sizeof(sentence), "file %s can't be read: %s", name, err_text(error));
	else
		snprintf(sentence, sizeof(sentence),
		    "file %s isn't the one that was entered in line %" PRIu64 " of the ledger", name,
		    e->entry + 1);
	audit_find(w->work->audit, &f, sentence);
}

static int check_file(struct worker *w, const struct unit *u)
{
	struct audit *a = w->work->audit;
	const struct audit_entry *e = file_entry(a, u);
	struct merkle_hash found;
	char name[FILE_NAME_SIZE];
	int r = archive_run_file(a->archive, (enum msg_record)u->record, u->run, name);
	int fd = r < 0 ? r : archive_file_open(archive_folder_fd(a->archive), name);
	if (fd < 0)
		return 0; /* which the run says */
	w->counts.files++;
	r = e ? digest(w, fd, &found) : 0;
	close(fd);
	if (r == -ENOMEM)
		return r;
	if (!e) {
		pthread_mutex_lock(&a->lock);
		a->result->unlisted_files++;
		pthread_mutex_unlock(&a->lock);
	} else if (r < 0 || !merkle_equal(&found, &e->hash)) {
		find_file(w, u, name, e, r);
	}
	return 0;
}

/* --- all of them --- */

static void *run_worker(void *context)
{
	struct worker *w = context;
	struct work *work = w->work;
	for (;;) {
		size_t i = atomic_fetch_add(&work->next, 1);
		if (i >= work->n)
			return NULL;
		const struct unit *u = &work->units[i];
		int r = u->file ? check_file(w, u) : check_run(w, u);
		if (r < 0) {
			pthread_mutex_lock(&work->audit->lock);
			work->audit->error = r;
			pthread_mutex_unlock(&work->audit->lock);
			atomic_store(&work->next, work->n);
		}
	}
}

static void add_counts(struct audit_result *r, const struct worker *w)
{
	r->counts.runs += w->counts.runs;
	r->counts.records += w->counts.records;
	r->counts.bytes += w->counts.bytes;
	r->counts.files += w->counts.files;
	r->counts.file_bytes += w->counts.file_bytes;
	r->unsealed += w->unsealed;
	r->unentered += w->unentered;
}

/* A thread that can't be had is done without. */
static void run_all(struct work *work)
{
	struct worker workers[AUDIT_THREADS_MAX] = {{.work = work, .main = true}};
	unsigned n = work->audit->options->threads;
	unsigned started = 1;
	n = n < 1 ? 1 : n > AUDIT_THREADS_MAX ? AUDIT_THREADS_MAX : n;
	for (; started < n; started++) {
		workers[started].work = work;
		if (pthread_create(&workers[started].thread, NULL, run_worker, &workers[started]) != 0)
			break;
	}
	run_worker(&workers[0]);
	for (unsigned i = 0; i < started; i++) {
		if (i)
			pthread_join(workers[i].thread, NULL);
		add_counts(work->audit->result, &workers[i]);
	}
}

struct units {
	struct unit *v;
	size_t n, cap;
};

static int add_unit(struct units *us, struct unit u)
{
	int r = VEC_RESERVE(us->v, &us->cap, us->n, UNITS_MAX);
	if (r == 0)
		us->v[us->n++] = u;
	return r;
}

static int add_run(struct audit *a, struct units *us, uint16_t record, const struct archive_run *run)
{
	struct unit u = {.record = record, .run = run->number, .run_last = run->number};
	int r = 0;
	if (run->sealed && run->number == run->file_first) {
		struct unit file = {
		    .file = true, .record = record, .run = run->file_first, .run_last = run->file_last};
		r = add_unit(us, file);
	}
	a->result->there += run->records;
	/* journals have no digest, so their records are always looked at */
	if (r == 0 && (!run->sealed || !a->options->files_only))
		r = add_unit(us, u);
	return r;
}

static void count_files_only(struct audit *a, uint16_t record, const struct archive_run *run)
{
	struct worker w = {.work = &(struct work){.audit = a}};
	size_t n;
	const struct audit_entry *e = audit_entries_of(&a->runs, record, run->number, &n);
	count_covered(&w, e, n, run->records);
	add_counts(a->result, &w);
}

static int gather_kind(struct audit *a, struct units *us, uint16_t record)
{
	size_t n = archive_runs(a->archive, (enum msg_record)record);
	uint64_t next = 0;
	int r = 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct archive_run run;
		archive_run_at(a->archive, (enum msg_record)record, i, &run);
		audit_missing(a, record, next, run.number);
		next = run.number + 1;
		if (run.error && run.sealed) {
			audit_lost(a, record, run.number, run.file_last, run.error);
			i += (size_t)(run.file_last - run.number);
			next = run.file_last + 1;
			continue;
		}
		if (run.sealed && a->options->files_only)
			count_files_only(a, record, &run);
		r = add_run(a, us, record, &run);
	}
	audit_missing(a, record, next, UINT64_MAX);
	return r;
}

int audit_runs(struct audit *a)
{
	struct units us = {0};
	int r = 0;
	(void)archive_ledger(a->archive); /* read once here, not in several threads */
	for (unsigned i = 0; r == 0 && i < ARCHIVE_KINDS; i++)
		if (archive_layout_of(i))
			r = gather_kind(a, &us, (uint16_t)i);
	if (r == 0) {
		struct archive_stat stat;
		archive_get_stat(a->archive, &stat);
		struct work work = {.audit = a,
		    .units = us.v,
		    .n = us.n,
		    .total = a->options->files_only ? stat.bytes : a->result->there};
		run_all(&work);
	}
	free(us.v);
	return r;
}
