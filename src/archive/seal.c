/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "archive/file.h"
#include "base/table.h"
#include "base/vec.h"

static int write_file(struct archive *a, struct archive_kind *k, const char *name, const char *final,
    struct archive_segment_entry *entry)
{
	struct archive_open_segment *o = &k->open;
	struct archive_identity is = {
	    .layout = k->layout, .first = o->number, .last = o->number, .n_columns = o->n_columns};
	uint64_t size;
	int fd = openat(a->folder, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	int r = archive_segment_writer_finish(o->writer, fd, &is, &entry->digest, &size);
	/* the trailer as readers will find it; closing leaves what it said */
	if (r == 0)
		r = archive_segment_open(&entry->segment, fd, k->layout, o->number, o->number);
	else
		close(fd);
	if (r == 0) {
		close(entry->segment.fd);
		entry->segment.fd = -1;
	}
	if (r == 0 && renameat(a->folder, name, a->folder, final) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(a->folder, name, 0);
	return r;
}

static int write_segment(struct archive *a, struct archive_kind *k, struct archive_segment_entry *entry)
{
	char name[ARCHIVE_NAME_SIZE], final[ARCHIVE_NAME_SIZE];
	struct archive_file f = {
	    .record = k->layout->record, .type = ARCHIVE_FILE_TEMPORARY, .number = k->open.number};
	archive_file_name(f, name);
	f.type = ARCHIVE_FILE_SEGMENT;
	archive_file_name(f, final);
	int r = write_file(a, k, name, final, entry);
	if (r < 0)
		return r;
	entry->digested = true;
	r = archive_folder_sync(a->folder);
	if (r < 0) {
		/* Whether the segment is there after a crash is unknown now, and a journal that goes on would
		 * be void if it is: so nothing more is taken. */
		a->failed = r;
	}
	return r;
}

void archive_store_begin(struct archive_kind *k, uint64_t number)
{
	struct archive_open_segment *o = &k->open;
	archive_journal_close(&o->journal);
	dynbuf_reset(&o->bytes);
	if (o->places)
		table_clear(o->places);
	if (o->writer)
		archive_segment_writer_reset(o->writer);
	*o = (struct archive_open_segment){.bytes = o->bytes,
	    .number = number,
	    .n_columns = k->layout ? k->layout->n_columns : 0,
	    .journal = {.fd = -1},
	    .writer = o->writer,
	    .places = o->places};
}

/* What was sealed is durable, so that the ledger could not be written now is no loss: it is entered with the
 * next, or when the archive is opened again. What is part of a batch may never count. */
static void enter(struct archive *a)
{
	a->unentered = true;
	if (!a->batch && archive_evidence_enter(a) == 0)
		(void)archive_evidence_sign(a);
}

int archive_store_seal(struct archive *a, struct archive_kind *k)
{
	char name[ARCHIVE_NAME_SIZE];
	struct archive_open_segment *o = &k->open;
	struct archive_segment_entry entry = {.first = o->number, .last = o->number};
	struct archive_file f = {
	    .record = k->layout->record, .type = ARCHIVE_FILE_JOURNAL, .number = o->number};
	if (o->records == 0)
		return 0;
	if (o->scans)
		return -EBUSY;
	int r = VEC_RESERVE(k->segments, &k->cap_segments, k->n_segments, ARCHIVE_FILES_MAX);
	if (r == 0)
		r = write_segment(a, k, &entry);
	if (r < 0)
		return r;
	entry.root = merkle_root(&o->tree);
	entry.rooted = true;
	k->segments[k->n_segments++] = entry;
	a->folder_dirty = false;
	archive_store_begin(k, o->number + 1);
	enter(a);
	unlinkat(a->folder, archive_file_name(f, name), 0);
	return 0;
}
