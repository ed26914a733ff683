/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Merging: neighbouring segments of a kind become one file that holds their runs one after the other. No
 * record changes, nor their order, so the roots in the ledger stay true; what every run gives when it is read
 * from the new file is compared with what it gave before.
 *
 * The new file is whole and durable under its name before its parts are removed. A crash between the two
 * leaves both; whoever opens the archive then takes the merged file and leaves its parts aside (load.c).
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/checksum.h"
#include "archive/file.h"
#include "archive/store.h"
#include "base/err.h"
#include "ledger/ledger.h"

/* A file of more than half of what one may have is left as it is: else each compaction would write it anew.
 */
enum { SETTLED_RECORDS = ARCHIVE_MERGED_RECORDS / 2 };

/* One merge: entries [first, first + n) of a kind. */
struct merge {
	struct archive *a;
	struct archive_kind *k;
	size_t first, n;
	struct archive_segment_writer *writer;
	struct archive_reader reader;
	struct arena arena;
	uint64_t *sums; /* of each run's records, as they were read */
	uint64_t sum;   /* of the run being read */
};

static uint64_t records_of(const struct archive_segment_entry *e)
{
	return e->segment.trailer.span.records;
}

/* Whether an entry can be part of a merged file at all. What a newer program wrote has fields that we would
 * lose. */
static bool is_mergeable(const struct archive_kind *k, const struct archive_segment_entry *e)
{
	return e->error == 0 && e->entered && records_of(e) <= SETTLED_RECORDS &&
	       e->segment.is.n_columns <= k->layout->n_columns;
}

/* When the last records of the runs of a group ended: of the run that ended first, and of all. */
struct ends {
	bool any; /* else no record has a time */
	int64_t first, last;
};

static void add_end(struct ends *e, const struct archive_span *run)
{
	if (run->records == run->untimed)
		return;
	e->first = e->any && e->first < run->last ? e->first : run->last;
	e->last = e->any && e->last > run->last ? e->last : run->last;
	e->any = true;
}

/* Adds the runs of an entry. */
static int add_ends(struct archive *a, struct archive_kind *k, size_t entry, struct ends *e)
{
	const struct archive_segment_entry *s = &k->segments[entry];
	struct archive_reader reader;
	if (s->first == s->last) {
		add_end(e, &s->segment.trailer.span);
		return 0;
	}
	archive_reader_init(&reader);
	int r = archive_store_reader(a, k, entry, &reader);
	if (r == 0)
		r = archive_segment_load_runs(&reader.segment);
	for (uint64_t i = 0; r == 0 && i <= s->last - s->first; i++)
		add_end(e, &reader.segment.runs[i]);
	archive_reader_free(&reader);
	return r;
}

/*
 * How many entries from `first` on make a file of `most` records. A file is dropped when all of it is over,
 * so that the records of a run that ended early stay as long as those of the one that ended last: at most
 * `within` longer.
 */
static int group_at(
    struct archive *a, struct archive_kind *k, size_t first, int64_t within, uint64_t most, size_t *ret_n)
{
	const struct archive_segment_entry *begin = &k->segments[first];
	struct ends ends = {.any = false};
	uint64_t records = 0;
	size_t n = 0;
	for (; first + n < k->n_segments; n++) {
		const struct archive_segment_entry *e = &begin[n];
		records += records_of(e);
		if (!is_mergeable(k, e) || records > most ||
		    e->segment.is.n_columns != begin->segment.is.n_columns ||
		    (n && e->first != e[-1].last + 1) || e->last - begin->first >= ARCHIVE_SEGMENT_RUNS_MAX)
			break;
		int r = within < INT64_MAX ? add_ends(a, k, first + n, &ends) : 0;
		if (r < 0)
			return r;
		if (ends.any && (uint64_t)ends.last - (uint64_t)ends.first > (uint64_t)within)
			break;
	}
	*ret_n = n;
	return 0;
}

static void sum_record(struct merge *m, struct text encoded)
{
	m->sum = archive_checksum(encoded.p, encoded.n, m->sum);
}

/* A record of a part goes into the new file. */
static int take(void *context, struct text encoded)
{
	struct merge *m = context;
	union archive_record record;
	sum_record(m, encoded);
	int r = m->k->layout->decode(encoded.p, encoded.n, &m->arena, &record);
	if (r == 0)
		r = archive_segment_writer_add(m->writer, &record, encoded.n);
	if (m->arena.used)
		arena_reset(&m->arena);
	return r;
}

static int compare(void *context, struct text encoded)
{
	sum_record(context, encoded);
	return 0;
}

static int read_parts(struct merge *m)
{
	size_t run = 0;
	int r = 0;
	for (size_t i = 0; r == 0 && i < m->n; i++) {
		const struct archive_segment_entry *e = &m->k->segments[m->first + i];
		r = archive_store_reader(m->a, m->k, m->first + i, &m->reader);
		for (uint64_t number = e->first; r == 0 && number <= e->last; number++) {
			m->sum = 0;
			r = archive_store_read_run(&m->reader, number, take, m);
			m->sums[run++] = m->sum;
			if (r == 0)
				r = archive_segment_writer_end_run(m->writer);
		}
	}
	return r;
}

/* Reads the new file back and compares every run. */
static int check(struct merge *m, const char *name, const struct archive_segment_entry *e)
{
	int r = archive_reader_open(&m->reader, m->a->folder, name, &e->segment);
	for (uint64_t number = e->first; r == 0 && number <= e->last; number++) {
		m->sum = 0;
		r = archive_store_read_run(&m->reader, number, compare, m);
		if (r == 0 && m->sum != m->sums[number - e->first])
			r = -ERR_CHECKSUM;
	}
	archive_reader_close(&m->reader);
	return r;
}

static int write_merged(struct merge *m, struct archive_segment_entry *e)
{
	struct archive_kind *k = m->k;
	char name[ARCHIVE_NAME_SIZE], final[ARCHIVE_NAME_SIZE];
	struct archive_file f = {
	    .record = k->layout->record, .type = ARCHIVE_FILE_TEMPORARY, .number = e->first};
	struct archive_identity is = {.layout = k->layout,
	    .first = e->first,
	    .last = e->last,
	    .n_columns = k->segments[m->first].segment.is.n_columns};
	uint64_t size;
	archive_file_name(f, name);
	archive_entry_name(k, e, final);
	int fd = openat(m->a->folder, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	int r = archive_segment_writer_finish(m->writer, fd, &is, &e->digest, &size);
	if (r == 0) {
		r = archive_segment_open(&e->segment, fd, k->layout, e->first, e->last);
		if (r == 0)
			close(e->segment.fd);
		e->segment.fd = -1;
	} else {
		close(fd);
	}
	if (r == 0)
		r = check(m, name, e);
	if (r == 0 && renameat(m->a->folder, name, m->a->folder, final) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(m->a->folder, name, 0);
	return r;
}

/* The new file takes its parts' place, here and in the ledger; then they are removed. */
static int replace(struct merge *m, struct archive_segment_entry *e)
{
	struct archive_kind *k = m->k;
	char name[ARCHIVE_NAME_SIZE];
	struct ledger_entry file = {.type = LEDGER_FILE,
	    .kind = text_of(k->layout->name),
	    .first = e->first,
	    .last = e->last,
	    .hash = e->digest};
	int r = archive_folder_sync(m->a->folder);
	/* until the name is durable the parts stay; so they do while the ledger doesn't know the file */
	if (r == 0)
		r = ledger_append(m->a->ledger, &file);
	if (r < 0) {
		unlinkat(m->a->folder, archive_entry_name(k, e, name), 0);
		return r;
	}
	e->entered = e->digested = true;
	archive_find_forget(m->a);
	for (size_t i = 0; i < m->n; i++)
		unlinkat(m->a->folder, archive_entry_name(k, &k->segments[m->first + i], name), 0);
	k->segments[m->first] = *e;
	memmove(&k->segments[m->first + 1], &k->segments[m->first + m->n],
	    (k->n_segments - m->first - m->n) * sizeof(*k->segments));
	k->n_segments -= m->n - 1;
	return 0;
}

static int merge(struct archive *a, struct archive_kind *k, size_t first, size_t n)
{
	struct merge m = {.a = a, .k = k, .first = first, .n = n};
	struct archive_segment_entry e = {.first = k->segments[first].first,
	    .last = k->segments[first + n - 1].last,
	    .segment = {.fd = -1}};
	m.sums = calloc(e.last - e.first + 1, sizeof(*m.sums));
	archive_reader_init(&m.reader);
	int r = m.sums ? archive_segment_writer_new(&m.writer, k->layout, a->seed) : -ENOMEM;
	if (r == 0)
		r = read_parts(&m);
	archive_reader_close(&m.reader);
	if (r == 0)
		r = write_merged(&m, &e);
	if (r == 0)
		r = replace(&m, &e);
	archive_segment_writer_free(m.writer);
	archive_reader_free(&m.reader);
	arena_free(&m.arena);
	free(m.sums);
	return r;
}

static void count(const struct archive *a, uint64_t *ret_files, uint64_t *ret_bytes)
{
	*ret_files = *ret_bytes = 0;
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++)
		for (size_t n = 0; n < a->kinds[i].n_segments; n++) {
			*ret_files += a->kinds[i].segments[n].error == 0;
			*ret_bytes += a->kinds[i].segments[n].error ? 0
			                                            : a->kinds[i].segments[n].segment.size;
		}
}

static int compact_kind(struct archive *a, struct archive_kind *k, int64_t within)
{
	for (size_t i = 0; i < k->n_segments; i++) {
		size_t n = 0;
		int r = group_at(a, k, i, within, ARCHIVE_MERGED_RECORDS, &n);
		if (r == 0 && n > 1)
			r = merge(a, k, i, n);
		if (r < 0)
			return r;
	}
	return 0;
}

int archive_compact(struct archive *a, int64_t within, struct archive_compaction *ret_compaction)
{
	struct archive_compaction c;
	int r = archive_store_idle(a);
	if (r < 0)
		return r;
	/* what is merged must be in the ledger before: its runs are what the new file is held against */
	r = archive_evidence_enter(a);
	count(a, &c.files_before, &c.bytes_before);
	for (unsigned i = 0; r == 0 && i < ARCHIVE_KINDS; i++)
		if (a->kinds[i].layout)
			r = compact_kind(a, &a->kinds[i], within);
	if (r == 0)
		r = archive_folder_sync(a->folder);
	if (r == 0)
		r = archive_evidence_sign(a);
	if (r < 0)
		return r;
	count(a, &c.files_after, &c.bytes_after);
	*ret_compaction = c;
	return 0;
}

/* The first group that is worth a merge. 1: it was merged; 0: there is none. */
static int merge_some_of(struct archive *a, struct archive_kind *k, const struct archive_merging *m)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < k->n_segments; i++) {
		size_t n = 0;
		r = group_at(a, k, i, m->within, m->records_max, &n);
		if (r == 0 && n >= m->files_min)
			return (r = merge(a, k, i, n)) < 0 ? r : 1;
	}
	return r;
}

int archive_merge_some(struct archive *a, const struct archive_merging *m)
{
	int r = archive_store_idle(a);
	if (r < 0)
		return r;
	r = archive_evidence_enter(a);
	for (unsigned i = 0; r == 0 && i < ARCHIVE_KINDS; i++)
		if (a->kinds[i].layout)
			r = merge_some_of(a, &a->kinds[i], m);
	if (r <= 0)
		return r;
	int synced = archive_folder_sync(a->folder);
	if (synced == 0)
		synced = archive_evidence_sign(a);
	return synced < 0 ? synced : r;
}
