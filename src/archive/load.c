/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/batch.h"
#include "archive/file.h"
#include "base/cursor.h"
#include "base/err.h"
#include "base/vec.h"

enum { LOAD_TRIES = 16 };

/* Takes a run of journal bytes that can't be read to the file KIND-NUMBER.damaged. */
struct set_aside {
	const struct archive *a;
	struct archive_file file;
	int fd;
	uint64_t at;
};

static int set_aside(void *context, const void *p, size_t n, uint64_t at)
{
	struct set_aside *s = context;
	char name[ARCHIVE_NAME_SIZE];
	(void)at;
	if (s->fd < 0) {
		s->fd = openat(s->a->folder, archive_file_name(s->file, name),
		    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (s->fd < 0)
			return -errno;
	}
	int r = archive_file_write(s->fd, p, n, s->at);
	if (r == 0)
		r = archive_file_sync(s->fd);
	s->at += n;
	return r;
}

static int add_segment(struct archive_kind *k, const struct archive_segment_entry *entry)
{
	int r = VEC_RESERVE(k->segments, &k->cap_segments, k->n_segments, ARCHIVE_FILES_MAX);
	if (r == 0)
		k->segments[k->n_segments++] = *entry;
	return r;
}

/* One more than the last run that is accounted for. */
static uint64_t next_run(const struct archive_kind *k)
{
	return k->segments && k->n_segments ? k->segments[k->n_segments - 1].last + 1 : 1;
}

/*
 * Runs are numbered without gaps, so a gap is a loss, unless the ledger says that they were dropped. It is
 * told where it is, once. `error` is of a file that should have held them, 0 where none is known.
 */
static int add_missing(struct archive *a, struct archive_kind *k, uint64_t before, int error)
{
	struct archive_segment_entry entry = {.first = next_run(k), .last = before - 1};
	if (entry.first >= before || (!error && archive_evidence_expired(a, k, entry.first, entry.last)))
		return 0;
	entry.segment.fd = -1;
	entry.error = error ? error : -ERR_MALFORMED;
	return add_segment(k, &entry);
}

/* Whether an error is of this process or system, not of the archive. */
static bool is_ours(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -EACCES ||
	       error == -ERR_UNSUPPORTED;
}

/* Opens a file's trailer into an entry. -ENOENT where it has gone meanwhile. */
static int open_segment(struct archive *a, const struct archive_kind *k, struct archive_file f,
    struct archive_segment_entry *ret_entry)
{
	char name[ARCHIVE_NAME_SIZE];
	struct archive_segment_entry e = {.first = f.number, .last = f.last, .segment = {.fd = -1}};
	int fd = archive_file_open(a->folder, archive_file_name(f, name));
	if (fd == -ENOENT)
		return fd;
	e.error = fd < 0 ? fd : archive_segment_open(&e.segment, fd, k->layout, f.number, f.last);
	if (is_ours(e.error))
		return e.error;
	if (e.error == 0 && a->held < a->hold_max) {
		a->held++;
	} else if (e.error == 0) {
		close(e.segment.fd);
		e.segment.fd = -1;
	}
	*ret_entry = e;
	return 0;
}

/* Reads all of a merged file before its parts are given up for it. */
static int verify_merged(
    struct archive *a, const struct archive_kind *k, const struct archive_segment_entry *e)
{
	char name[ARCHIVE_NAME_SIZE];
	struct archive_segment s;
	int fd = archive_file_open(a->folder, archive_entry_name(k, e, name));
	int r = fd < 0 ? fd : archive_segment_reopen(&s, fd, &e->segment);
	if (r < 0)
		return r;
	r = archive_segment_verify(&s);
	archive_segment_close(&s);
	return r;
}

/* Of an entry that isn't taken after all. */
static void let_go(struct archive *a, struct archive_segment_entry *e)
{
	if (e->segment.fd < 0)
		return;
	close(e->segment.fd);
	e->segment.fd = -1;
	a->held--;
}

/*
 * The segments of one kind. A file of several runs stands in for those that it was merged from: after a crash
 * both may be there. It counts where it is good; else they do.
 */
static int load_segments(
    struct archive *a, struct archive_kind *k, const struct archive_file *files, size_t n)
{
	struct archive_segment_entry e = {.error = 0};
	uint64_t bad_last = 0; /* the last run of a bad file of several */
	int bad = 0, r = 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		char name[ARCHIVE_NAME_SIZE];
		bool parts = i + 1 < n && files[i + 1].number <= files[i].last;
		if (files[i].number < next_run(k)) {
			/* a part of what was merged, and read to the end just now */
			if (a->writable && files[i].last < next_run(k))
				unlinkat(a->folder, archive_file_name(files[i], name), 0);
			continue;
		}
		r = open_segment(a, k, files[i], &e);
		if (r == 0 && e.error == 0 && parts)
			e.error = verify_merged(a, k, &e);
		if (r < 0)
			break;
		if (e.error && parts) {
			let_go(a, &e);
			bad = e.error;
			bad_last = e.last;
			continue;
		}
		r = add_missing(a, k, e.first, next_run(k) <= bad_last ? bad : 0);
		if (r == 0)
			r = add_segment(k, &e);
		if (r < 0)
			let_go(a, &e);
	}
	if (r == 0 && next_run(k) <= bad_last)
		r = add_missing(a, k, bad_last + 1, bad);
	return r;
}

/* A writer goes on with the journal as it is, or, where it has damage or is of another schema, makes a
 * segment of what could be saved. */
static int adopt_journal(
    struct archive *a, struct archive_kind *k, const char *name, const struct archive_journal_found *found)
{
	struct archive_open_segment *o = &k->open;
	a->torn_bytes += found->torn;
	if (found->damaged || found->n_columns != k->layout->n_columns) {
		/* without room for the segment now, the next sync tries again; the file stays until then */
		o->distrusted = true;
		int r = archive_folder_sync(a->folder);
		if (r == 0 && o->records)
			r = archive_store_seal(a, k);
		else if (r == 0 && !found->damaged && unlinkat(a->folder, name, 0) == 0)
			archive_store_begin(k, o->number);
		return r == -ENOSPC || r == -EDQUOT ? 0 : r;
	}
	int fd = openat(a->folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	int r = archive_journal_resume(&o->journal, fd, k->layout, o->number, found->whole);
	if (r < 0) {
		close(fd);
		return r;
	}
	o->journal.uncommitted = !found->committed && o->records > 0;
	o->journaled = o->bytes.n;
	o->journaled_records = o->records;
	return 0;
}

/* Takes the records that stand in the open segment's bytes: what they span, and for a writer all that
 * appending them would have made. */
static int take_records(struct archive *a, struct archive_kind *k)
{
	struct archive_open_segment *o = &k->open;
	struct arena arena = {0};
	struct dynbuf bytes = o->bytes;
	struct cursor c = cursor_of(bytes.p, bytes.n);
	int r = 0;
	while (r == 0 && cursor_left(&c)) {
		union archive_record record;
		uint16_t kind;
		size_t length, left = cursor_left(&c), at = c.pos;
		const uint8_t *p = cursor_peek(&c, left);
		r = msg_peek(p, left, &kind, &length);
		if (r == 0)
			r = k->layout->decode(p, length, &arena, &record);
		if (r < 0)
			break;
		cursor_skip(&c, length);
		if (a->writable) {
			o->bytes.n = c.pos;
			r = archive_store_add(a, k, &record, at);
		} else {
			archive_span_add(&o->span, k->layout, &record);
			o->records++;
		}
		arena_reset(&arena);
	}
	o->bytes.n = bytes.n;
	arena_free(&arena);
	return r;
}

static int load_journal(struct archive *a, struct archive_kind *k, struct archive_file f)
{
	char name[ARCHIVE_NAME_SIZE];
	struct archive_open_segment *o = &k->open;
	struct archive_journal_found found;
	struct set_aside aside = {.a = a, .file = f, .fd = -1};
	aside.file.type = ARCHIVE_FILE_DAMAGED;
	bool listed = faccessat(a->folder, archive_file_name(aside.file, name), F_OK, AT_SYMLINK_NOFOLLOW) ==
	              0;
	int r = add_missing(a, k, f.number, 0);
	if (r < 0)
		return r;
	archive_store_begin(k, f.number);
	int fd = archive_file_open(a->folder, archive_file_name(f, name));
	if (fd < 0)
		return fd;
	r = archive_journal_read(
	    fd, k->layout, f.number, !a->writable, a->writable ? set_aside : NULL, &aside, &o->bytes, &found);
	close(fd);
	if (aside.fd >= 0)
		close(aside.fd);
	if (r < 0)
		return r;
	o->n_columns = found.n_columns;
	r = take_records(a, k);
	if (r < 0)
		return r;
	if (!listed)
		a->damaged_bytes += found.damaged;
	if (a->writable)
		return adopt_journal(a, k, archive_file_name(f, name), &found);
	o->journal.size = found.size;
	o->damage = found.damaged ? -ERR_CHECKSUM : 0;
	a->torn_bytes += found.torn;
	return 0;
}

/* Whether the segment of that number is there and good: the journal of the number is then void. */
static bool is_void(const struct archive_kind *k, uint64_t number)
{
	size_t at = archive_store_find(k, number);
	return k->segments && at < k->n_segments && k->segments[at].error == 0;
}

/* The journals of one kind: that of the open segment, and what crashes left. *ret_loaded: whether there is
 * one that counts. */
static int load_journals(
    struct archive *a, struct archive_kind *k, const struct archive_file *files, size_t n, bool *ret_loaded)
{
	char name[ARCHIVE_NAME_SIZE];
	struct archive_segment_entry *last = k->n_segments ? &k->segments[k->n_segments - 1] : NULL;
	for (size_t i = 0; i + 1 < n; i++)
		if (a->writable && is_void(k, files[i].number))
			unlinkat(a->folder, archive_file_name(files[i], name), 0);
	struct archive_file newest = files[n - 1];
	if (last && newest.number == last->last && last->first == last->last && last->error)
		k->n_segments--; /* the segment is no good, and this has the same records */
	*ret_loaded = newest.number >= next_run(k);
	if (*ret_loaded)
		return load_journal(a, k, newest);
	if (a->writable && is_void(k, newest.number))
		unlinkat(a->folder, archive_file_name(newest, name), 0);
	return 0;
}

/* Where the next journal begins: behind all that is there or ever was. (A reader beside a writer could find
 * runs in the ledger that weren't there yet when it looked at the folder.) */
static int begin_next(struct archive *a, struct archive_kind *k)
{
	uint64_t next = a->writable ? archive_evidence_next(a, k) : 1;
	int r = next > next_run(k) ? add_missing(a, k, next, 0) : 0;
	archive_store_begin(k, next > next_run(k) ? next : next_run(k));
	return r;
}

/* What isn't a segment or journal: damaged bytes are counted, rubbish is removed. */
static void load_rest(struct archive *a, struct archive_file f)
{
	char name[ARCHIVE_NAME_SIZE];
	struct stat st;
	archive_file_name(f, name);
	/* after the journals: one that was set aside just now, in place of an older try, counts once */
	if (f.type == ARCHIVE_FILE_DAMAGED && fstatat(a->folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		a->damaged_bytes += (uint64_t)st.st_size;
	if (f.type == ARCHIVE_FILE_TEMPORARY && a->writable)
		unlinkat(a->folder, name, 0);
}

/* The files of one kind and type, those from `first` on: how many. */
static size_t alike(
    const struct archive_listing *l, size_t first, enum archive_file_type type, unsigned record)
{
	size_t n = 0;
	while (first + n < l->n && l->files[first + n].record == record && l->files[first + n].type == type)
		n++;
	return n;
}

static int load_kind(struct archive *a, struct archive_kind *k, const struct archive_listing *l, size_t *at)
{
	unsigned record = k->layout->record;
	size_t segments = alike(l, *at, ARCHIVE_FILE_SEGMENT, record);
	int r = load_segments(a, k, segments ? l->files + *at : NULL, segments);
	*at += segments;
	size_t journals = alike(l, *at, ARCHIVE_FILE_JOURNAL, record);
	bool loaded = false;
	if (r == 0 && journals)
		r = load_journals(a, k, l->files + *at, journals, &loaded);
	*at += journals;
	if (r == 0 && !loaded)
		r = begin_next(a, k);
	for (; *at < l->n && l->files[*at].record == record; ++*at)
		load_rest(a, l->files[*at]);
	return r;
}

static int load_files(struct archive *a, const struct archive_listing *l)
{
	size_t at = 0;
	int r = 0;
	for (unsigned i = 0; r == 0 && i < ARCHIVE_KINDS; i++)
		if (a->kinds[i].layout)
			r = load_kind(a, &a->kinds[i], l, &at);
	return r;
}

static void unload(struct archive *a)
{
	archive_store_drop_held(a);
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++) {
		a->kinds[i].n_segments = 0;
		archive_store_begin(&a->kinds[i], 1);
	}
	a->torn_bytes = a->damaged_bytes = 0;
	if (!a->writable)
		archive_evidence_close(a);
}

int archive_store_load(struct archive *a)
{
	struct archive_listing l;
	struct archive_batch batch;
	int r = a->writable ? archive_batch_undo(a->folder) : 0;
	if (r < 0)
		return r;
	r = -EAGAIN;
	for (int tries = 0; tries < LOAD_TRIES; tries++) {
		unload(a);
		r = archive_folder_list(a->folder, &batch, &l);
		if (r < 0)
			return r;
		archive_batch_filter(&batch, &l);
		r = load_files(a, &l);
		archive_listing_free(&l);
		/* beside a writer, a journal may have become a segment meanwhile, or half a frame have been
		 * taken back */
		if (a->writable || (r != -ENOENT && r != -ERR_TRUNCATED))
			break;
	}
	if (r == 0 && a->writable)
		r = archive_folder_sync(a->folder);
	return r;
}
