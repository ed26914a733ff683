/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/file.h"
#include "base/err.h"
#include "base/table.h"
#include "ledger/ledger.h"

/* Below this, closing leaves the journal as it is: many small segments would cost more than they save. */
enum { SEAL_ON_CLOSE = 1024 };

/* A reader leaves half of the descriptors that a process may have to the rest of it. */
static size_t most_held(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	return limit.rlim_cur / 2 < ARCHIVE_FILES_MAX ? (size_t)(limit.rlim_cur / 2) : ARCHIVE_FILES_MAX;
}

void archive_store_drop_held(struct archive *a)
{
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++)
		for (size_t n = 0; n < a->kinds[i].n_segments; n++) {
			struct archive_segment *s = &a->kinds[i].segments[n].segment;
			if (s->fd >= 0)
				close(s->fd);
			s->fd = -1;
		}
	a->held = 0;
}

static void free_archive(struct archive *a)
{
	archive_store_drop_held(a);
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++) {
		struct archive_kind *k = &a->kinds[i];
		free(k->segments);
		dynbuf_free(&k->open.bytes);
		archive_journal_close(&k->open.journal);
		archive_segment_writer_free(k->open.writer);
		table_free(k->open.places);
	}
	for (unsigned i = 0; a->cached && i < ARCHIVE_CACHED; i++)
		archive_reader_free(&a->cached[i].reader);
	free(a->cached);
	archive_evidence_close(a);
	if (a->lock >= 0)
		close(a->lock);
	if (a->folder >= 0)
		close(a->folder);
	free(a);
}

static int new_archive(struct archive **ret_archive, bool writable)
{
	struct archive *a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->folder = a->lock = -1;
	a->writable = writable;
	a->hold_max = writable ? 0 : most_held();
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++) {
		a->kinds[i].layout = archive_layout_of(i);
		a->kinds[i].open = (struct archive_open_segment){
		    .bytes = {.max = ARCHIVE_SEGMENT_BYTES}, .journal = {.fd = -1}};
		archive_store_begin(&a->kinds[i], 1);
	}
	int r = getrandom(&a->seed, sizeof(a->seed), 0) == sizeof(a->seed) ? 0 : -EIO;
	if (r < 0) {
		free_archive(a);
		return r;
	}
	*ret_archive = a;
	return 0;
}

static int load(struct archive *a)
{
	int r = a->writable ? archive_evidence_open(a) : 0;
	if (r == 0)
		r = archive_store_load(a);
	if (r == 0 && a->writable) {
		archive_evidence_compare(a);
		/* what a crash or a full disk kept from the ledger; what can't be entered now is tried again
		 */
		(void)archive_evidence_enter(a);
	}
	return r;
}

int archive_create(struct archive **ret_archive, const char *path)
{
	struct archive *a;
	int r = new_archive(&a, true);
	if (r < 0)
		return r;
	r = archive_folder_make(path, &a->folder);
	if (r == 0)
		r = archive_folder_lock(a->folder, &a->lock);
	if (r == 0) {
		/* with the lock in hand nobody else makes one between this and the mark */
		int there = archive_folder_check(a->folder);
		r = there == -ENOENT ? archive_folder_mark(a->folder) : -EEXIST;
	}
	if (r == 0)
		r = load(a);
	if (r < 0) {
		free_archive(a);
		return r;
	}
	*ret_archive = a;
	return 0;
}

int archive_open(struct archive **ret_archive, const char *path, bool writable)
{
	struct archive *a;
	int r = new_archive(&a, writable);
	if (r < 0)
		return r;
	r = archive_folder_open(path, &a->folder);
	if (r == 0)
		r = archive_folder_check(a->folder);
	if (r == 0 && writable)
		r = archive_folder_lock(a->folder, &a->lock);
	if (r == 0)
		r = load(a);
	if (r < 0) {
		free_archive(a);
		return r;
	}
	*ret_archive = a;
	return 0;
}

int archive_close(struct archive *a)
{
	if (!a)
		return 0;
	int r = archive_batch_abort(a);
	if (a->writable && r == 0)
		r = archive_sync(a);
	for (unsigned i = 0; a->writable && i < ARCHIVE_KINDS; i++) {
		struct archive_kind *k = &a->kinds[i];
		/* what can't become a segment now is safe in the journal, if the sync was */
		if (k->layout && k->open.records >= SEAL_ON_CLOSE)
			(void)archive_store_seal(a, k);
	}
	/* the records are safe without the ledger, and it gets them when the archive is opened again */
	if (a->writable && r == 0 && !a->failed)
		(void)archive_sign(a);
	free_archive(a);
	return r;
}

char *archive_entry_name(const struct archive_kind *k, const struct archive_segment_entry *e, char *buf)
{
	struct archive_file f = {
	    .record = k->layout->record, .type = ARCHIVE_FILE_SEGMENT, .number = e->first, .last = e->last};
	return archive_file_name(f, buf);
}

int archive_store_idle(const struct archive *a)
{
	if (!a->writable)
		return -EROFS;
	if (a->failed)
		return a->failed;
	bool busy = a->batch;
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++)
		busy |= a->kinds[i].open.scans > 0;
	return busy ? -EBUSY : 0;
}

int archive_store_reader(
    const struct archive *a, const struct archive_kind *k, size_t entry, struct archive_reader *r)
{
	char name[ARCHIVE_NAME_SIZE];
	const struct archive_segment_entry *e = &k->segments[entry];
	if (e->error)
		return e->error;
	int error = archive_reader_open(r, a->folder, archive_entry_name(k, e, name), &e->segment);
	/* it was there when the archive was opened: that it has gone is a loss, not an empty answer */
	return error == -ENOENT ? -ERR_MALFORMED : error;
}

size_t archive_store_find(const struct archive_kind *k, uint64_t run)
{
	size_t low = 0, high = k->n_segments;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (k->segments[middle].last < run)
			low = middle + 1;
		else
			high = middle;
	}
	return low < k->n_segments && k->segments[low].first <= run ? low : k->n_segments;
}

void archive_get_stat(const struct archive *a, struct archive_stat *ret_stat)
{
	struct archive_stat s = {.torn_bytes = a->torn_bytes, .damaged_bytes = a->damaged_bytes};
	struct archive_span all = {0};
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++) {
		const struct archive_kind *k = &a->kinds[i];
		struct archive_span kind = {0};
		for (size_t n = 0; n < k->n_segments; n++) {
			archive_span_merge(&kind, &k->segments[n].segment.trailer.span);
			s.bytes += k->segments[n].segment.size;
		}
		archive_span_merge(&kind, &k->open.span);
		archive_span_merge(&all, &kind);
		s.records[i] = kind.records;
		s.segments += k->n_segments;
		s.bytes += k->open.journal.size;
	}
	static const char *const ledger[] = {LEDGER_LOG, LEDGER_CHECKPOINT, LEDGER_HISTORY};
	for (size_t i = 0; i < sizeof(ledger) / sizeof(ledger[0]); i++) {
		struct stat st;
		if (fstatat(a->folder, ledger[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			s.bytes += (uint64_t)st.st_size;
	}
	s.first = all.first;
	s.last = all.last;
	s.next_id = all.records == 0 ? 1 : all.id_max == UINT64_MAX ? UINT64_MAX : all.id_max + 1;
	*ret_stat = s;
}
