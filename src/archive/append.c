/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "archive/file.h"
#include "base/err.h"

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

int archive_store_add(struct archive *a, struct archive_kind *k, const void *record, size_t at)
{
	struct archive_open_segment *o = &k->open;
	int r = o->writer ? 0 : archive_segment_writer_new(&o->writer, k->layout, a->seed);
	if (r == 0)
		r = archive_segment_writer_add(o->writer, record, o->bytes.n - at);
	if (r < 0)
		return r;
	struct merkle_hash leaf = merkle_leaf(o->bytes.p + at, o->bytes.n - at);
	merkle_add(&o->tree, &leaf);
	o->records++;
	archive_span_add(&o->span, k->layout, record);
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

/* A number that isn't one would come back as 0 (msg_get_real), and what the ledger has would be of another
 * record. */
static void clear_nan(const struct archive_layout *l, void *record)
{
	double real;
	uint8_t *p = (uint8_t *)record + l->columns[l->real].offset;
	memcpy(&real, p, sizeof(real));
	if (real != real)
		memset(p, 0, sizeof(real));
}

static int append(struct archive *a, enum msg_record record, const void *m)
{
	struct archive_kind *k = &a->kinds[record];
	struct archive_open_segment *o = &k->open;
	union archive_record clean;
	if (!a->writable)
		return -EROFS;
	if (a->failed)
		return a->failed;
	if (o->scans)
		return -EBUSY;
	if (k->layout->real) {
		memcpy(&clean, m, k->layout->size);
		clear_nan(k->layout, &clean);
		m = &clean;
	}
	int r = make_room(a, k);
	size_t at = o->bytes.n;
	if (r == 0)
		r = k->layout->encode(&o->bytes, m);
	if (r < 0)
		return r;
	r = archive_store_add(a, k, m, at);
	if (r < 0)
		o->bytes.n = at;
	return r;
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
