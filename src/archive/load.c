/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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

static int add_segment(struct archive_kind *k, struct archive_segment_entry entry)
{
	int r = VEC_RESERVE(k->segments, &k->cap_segments, k->n_segments, ARCHIVE_FILES_MAX);
	if (r < 0)
		return r;
	k->segments[k->n_segments++] = entry;
	k->open.number = entry.number + 1;
	return 0;
}

/* Segments are numbered without gaps, so a gap is a loss. It is told where it is, once. */
static int add_missing(struct archive_kind *k, uint64_t before)
{
	assert(k->segments || k->n_segments == 0);
	uint64_t last = k->n_segments ? k->segments[k->n_segments - 1].number : 0;
	if (before == last + 1)
		return 0;
	return add_segment(k, (struct archive_segment_entry){.number = before - 1, .error = -ERR_MALFORMED});
}

static int load_segment(struct archive *a, struct archive_kind *k, struct archive_file f)
{
	char name[ARCHIVE_NAME_SIZE];
	struct archive_segment_entry entry = {.number = f.number};
	struct archive_segment s;
	int r = add_missing(k, f.number);
	if (r < 0)
		return r;
	int fd = archive_file_open(a->folder, archive_file_name(f, name));
	entry.error = fd < 0 ? fd : archive_segment_open(&s, fd, k->layout, f.number);
	if (entry.error == -ERR_UNSUPPORTED || entry.error == -EMFILE || entry.error == -ENFILE ||
	    entry.error == -ENOMEM || entry.error == -EACCES)
		return entry.error; /* not the archive's fault */
	if (entry.error == 0) {
		entry.span = s.span;
		entry.size = s.size;
		archive_segment_close(&s);
	}
	return add_segment(k, entry);
}

/* A writer goes on with the journal as it is, or, where it has damage, makes a segment of what could be
 * saved. */
static int adopt_journal(
    struct archive *a, struct archive_kind *k, const char *name, const struct archive_journal_found *found)
{
	struct archive_open_segment *o = &k->open;
	a->torn_bytes += found->torn;
	if (found->damaged) {
		/* without room for the segment now, the next sync tries again; the file stays until then */
		o->distrusted = true;
		int r = archive_folder_sync(a->folder);
		if (r == 0 && o->records)
			r = archive_store_seal(a, k);
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

static int span_records(struct archive_kind *k)
{
	struct archive_open_segment *o = &k->open;
	struct arena arena = {0};
	struct cursor c = cursor_of(o->bytes.p, o->bytes.n);
	int r = 0;
	while (r == 0 && cursor_left(&c)) {
		union archive_record record;
		uint16_t kind;
		size_t length, left = cursor_left(&c);
		const uint8_t *p = cursor_peek(&c, left);
		r = msg_peek(p, left, &kind, &length);
		if (r == 0)
			r = k->layout->decode(p, length, &arena, &record);
		if (r < 0)
			break;
		archive_span_add(&o->span, k->layout, &record);
		cursor_skip(&c, length);
		arena_free(&arena);
	}
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
	int r = add_missing(k, f.number);
	if (r < 0)
		return r;
	o->number = f.number;
	int fd = archive_file_open(a->folder, archive_file_name(f, name));
	if (fd < 0)
		return fd;
	r = archive_journal_read(
	    fd, k->layout, f.number, !a->writable, a->writable ? set_aside : NULL, &aside, &o->bytes, &found);
	close(fd);
	if (aside.fd >= 0)
		close(aside.fd);
	if (r == 0) {
		o->records = found.n_records;
		r = span_records(k);
	}
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
	assert(k->segments || k->n_segments == 0);
	for (size_t i = k->n_segments; i-- > 0 && k->segments[i].number >= number;)
		if (k->segments[i].number == number)
			return k->segments[i].error == 0;
	return false;
}

/* The journals of one kind: that of the open segment, and what crashes left. */
static int load_journals(
    struct archive *a, struct archive_kind *k, const struct archive_file *files, size_t n)
{
	char name[ARCHIVE_NAME_SIZE];
	struct archive_segment_entry *last = k->n_segments ? &k->segments[k->n_segments - 1] : NULL;
	for (size_t i = 0; i + 1 < n; i++)
		if (a->writable && is_void(k, files[i].number))
			unlinkat(a->folder, archive_file_name(files[i], name), 0);
	struct archive_file newest = files[n - 1];
	if (last && newest.number == last->number && last->error) {
		/* the segment is no good, and this has the same records */
		k->n_segments--;
		k->open.number = newest.number;
	}
	if (newest.number >= k->open.number)
		return load_journal(a, k, newest);
	if (a->writable && is_void(k, newest.number))
		unlinkat(a->folder, archive_file_name(newest, name), 0);
	return 0;
}

static int load_files(struct archive *a, const struct archive_listing *l)
{
	char name[ARCHIVE_NAME_SIZE];
	struct stat st;
	int r = 0;
	for (size_t i = 0; r == 0 && i < l->n;) {
		struct archive_file f = l->files[i];
		struct archive_kind *k = &a->kinds[f.record];
		size_t first = i++;
		switch (f.type) {
		case ARCHIVE_FILE_SEGMENT: r = load_segment(a, k, f); break;
		case ARCHIVE_FILE_JOURNAL:
			while (i < l->n && l->files[i].record == f.record && l->files[i].type == f.type)
				i++;
			r = load_journals(a, k, &l->files[first], i - first);
			break;
		case ARCHIVE_FILE_DAMAGED:
			/* after the journals: one that was set aside just now, in place of an older try,
			 * counts once */
			if (fstatat(a->folder, archive_file_name(f, name), &st, AT_SYMLINK_NOFOLLOW) == 0)
				a->damaged_bytes += (uint64_t)st.st_size;
			break;
		case ARCHIVE_FILE_TEMPORARY:
			if (a->writable)
				unlinkat(a->folder, archive_file_name(f, name), 0);
			break;
		}
	}
	return r;
}

static void unload(struct archive *a)
{
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++) {
		struct archive_kind *k = &a->kinds[i];
		k->n_segments = 0;
		dynbuf_reset(&k->open.bytes);
		archive_journal_close(&k->open.journal);
		k->open = (struct archive_open_segment){
		    .number = 1, .bytes = k->open.bytes, .journal = {.fd = -1}};
	}
	a->torn_bytes = a->damaged_bytes = 0;
}

int archive_store_load(struct archive *a)
{
	struct archive_listing l;
	int r = -EAGAIN;
	for (int tries = 0; tries < LOAD_TRIES; tries++) {
		unload(a);
		r = archive_folder_list(a->folder, &l);
		if (r < 0)
			return r;
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
