/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "archive/file.h"
#include "base/err.h"
#include "base/table.h"
#include "base/vec.h"

static int start_journal(struct archive *a, struct archive_kind *k)
{
	char name[ARCHIVE_NAME_SIZE];
	struct archive_file f = {
	    .record = k->layout->record, .type = ARCHIVE_FILE_JOURNAL, .number = k->open.number};
	archive_file_name(f, name);
	int fd = openat(a->folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	int r = archive_journal_start(&k->open.journal, fd, k->layout, k->open.number);
	if (r < 0) {
		close(fd);
		unlinkat(a->folder, name, 0);
		return r;
	}
	a->folder_dirty = true;
	return 0;
}

/* Writes what isn't in the journal yet; with commit also marks that it is to be acknowledged. */
static int flush(struct archive *a, struct archive_kind *k, bool commit)
{
	struct archive_open_segment *o = &k->open;
	struct text pending = text_sub(dynbuf_view(&o->bytes), o->journaled, SIZE_MAX);
	if (pending.n == 0 && !(commit && o->journal.uncommitted))
		return 0;
	if (o->journal.fd < 0) {
		int r = start_journal(a, k);
		if (r < 0)
			return r;
	}
	int r = archive_journal_write(
	    &o->journal, pending, (uint32_t)(o->records - o->journaled_records), commit);
	if (r < 0)
		return r;
	o->journaled = o->bytes.n;
	o->journaled_records = o->records;
	return 0;
}

static int write_segment(struct archive *a, struct archive_kind *k, uint64_t *ret_size)
{
	char name[ARCHIVE_NAME_SIZE], final[ARCHIVE_NAME_SIZE];
	struct archive_file f = {
	    .record = k->layout->record, .type = ARCHIVE_FILE_TEMPORARY, .number = k->open.number};
	archive_file_name(f, name);
	f.type = ARCHIVE_FILE_SEGMENT;
	archive_file_name(f, final);
	int fd = openat(a->folder, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	int r = archive_segment_write(a->encoder, fd, k->layout, k->open.number, dynbuf_view(&k->open.bytes));
	if (r == 0)
		r = archive_file_size(fd, ret_size);
	close(fd);
	if (r == 0 && renameat(a->folder, name, a->folder, final) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(a->folder, name, 0);
		return r;
	}
	r = archive_folder_sync(a->folder);
	if (r < 0) {
		/* Whether the segment is there after a crash is unknown now, and a journal that goes on would
		 * be void if it is: so nothing more is taken. */
		a->failed = r;
	}
	return r;
}

int archive_store_seal(struct archive *a, struct archive_kind *k)
{
	char name[ARCHIVE_NAME_SIZE];
	struct archive_open_segment *o = &k->open;
	struct archive_segment_entry entry = {.number = o->number, .span = o->span};
	struct archive_file f = {
	    .record = k->layout->record, .type = ARCHIVE_FILE_JOURNAL, .number = o->number};
	if (o->records == 0)
		return 0;
	if (o->scans)
		return -EBUSY;
	int r = VEC_RESERVE(k->segments, &k->cap_segments, k->n_segments, ARCHIVE_FILES_MAX);
	if (r == 0)
		r = write_segment(a, k, &entry.size);
	if (r < 0)
		return r;
	k->segments[k->n_segments++] = entry;
	a->folder_dirty = false;
	archive_journal_close(&o->journal);
	unlinkat(a->folder, archive_file_name(f, name), 0);
	dynbuf_reset(&o->bytes);
	if (o->places)
		table_clear(o->places);
	*o = (struct archive_open_segment){
	    .bytes = o->bytes, .number = o->number + 1, .journal = {.fd = -1}, .places = o->places};
	return 0;
}

/* Makes room for one record more, whatever its size. */
static int make_room(struct archive *a, struct archive_kind *k)
{
	struct archive_open_segment *o = &k->open;
	if (o->records == ARCHIVE_SEGMENT_RECORDS || o->bytes.n > ARCHIVE_SEGMENT_BYTES - MSG_RECORD_MAX)
		return archive_store_seal(a, k);
	if (!o->distrusted && o->bytes.n - o->journaled >= ARCHIVE_FRAME_BYTES)
		return flush(a, k, false);
	return 0;
}

static int append(struct archive *a, enum msg_record record, const void *m)
{
	struct archive_kind *k = &a->kinds[record];
	struct archive_open_segment *o = &k->open;
	if (!a->writable)
		return -EROFS;
	if (a->failed)
		return a->failed;
	if (o->scans)
		return -EBUSY;
	int r = make_room(a, k);
	if (r == 0)
		r = k->layout->encode(&o->bytes, m);
	if (r < 0)
		return r;
	o->records++;
	archive_span_add(&o->span, k->layout, m);
	return 0;
}

int archive_append_flow(struct archive *a, const struct msg_flow *f)
{
	return append(a, MSG_FLOW, f);
}

int archive_append_transaction(struct archive *a, const struct msg_transaction *t)
{
	return append(a, MSG_TRANSACTION, t);
}

int archive_append_detection(struct archive *a, const struct msg_detection *d)
{
	return append(a, MSG_DETECTION, d);
}

int archive_append_binding(struct archive *a, const struct msg_binding *b)
{
	return append(a, MSG_BINDING, b);
}

int archive_append_coverage(struct archive *a, const struct msg_coverage *c)
{
	return append(a, MSG_COVERAGE, c);
}

/* Makes one kind durable. After a failed sync the kernel may have dropped what it couldn't write and call the
 * next sync a success; the records are still in memory, so they are written once more, as a segment. */
static int sync_kind(struct archive *a, struct archive_kind *k)
{
	struct archive_open_segment *o = &k->open;
	int r = o->distrusted ? 0 : flush(a, k, true);
	if (r < 0)
		return r;
	if (!o->distrusted && o->journal.fd >= 0 && o->journal.unsynced) {
		o->distrusted = archive_file_sync(o->journal.fd) < 0;
		o->journal.unsynced = false;
	}
	return o->distrusted ? archive_store_seal(a, k) : 0;
}

int archive_sync(struct archive *a)
{
	int first = a->failed;
	if (!a->writable)
		return -EROFS;
	for (unsigned i = 0; i < ARCHIVE_KINDS && !a->failed; i++) {
		/* one kind that can't be written must not keep the others from it */
		int r = a->kinds[i].layout ? sync_kind(a, &a->kinds[i]) : 0;
		first = first ? first : r;
	}
	if (first == 0 && a->folder_dirty) {
		first = archive_folder_sync(a->folder);
		a->folder_dirty = first < 0;
	}
	return first;
}
