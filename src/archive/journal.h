/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_JOURNAL_H
#define ARCHIVE_JOURNAL_H

/*
 * The write-ahead journal of one kind of record: what was appended and is in no segment yet. A header, then
 * frames: a frame holds a run of encoded records and two checksums, which also hold its place in the file and
 * the journal's number, so that stale bytes of another file never pass. A frame with the commit flag closes
 * what one archive_sync acknowledged. A journal is at most ARCHIVE_JOURNAL_MAX bytes.
 */

#include "archive/archive.h"
#include "archive/layout.h"

enum {
	ARCHIVE_JOURNAL_VERSION = 2,
	ARCHIVE_JOURNAL_HEADER_SIZE = 40,
	ARCHIVE_FRAME_HEADER_SIZE = 32,
	ARCHIVE_FRAME_BYTES = 256 << 10, /* of records, after which a frame is written */
	ARCHIVE_FRAME_MAX = ARCHIVE_FRAME_BYTES + MSG_RECORD_MAX,
	/* every frame but one for each commit holds a record */
	ARCHIVE_JOURNAL_MAX = ARCHIVE_SEGMENT_BYTES +
	                      2 * ARCHIVE_SEGMENT_RECORDS * ARCHIVE_FRAME_HEADER_SIZE + ARCHIVE_FRAME_MAX,
	ARCHIVE_FRAME_COMMIT = 1 << 0, /* flag */
};

#define ARCHIVE_JOURNAL_MAGIC "BHjnl\r\n\x1a"
#define ARCHIVE_FRAME_MAGIC   0x6d724642u /* "BFrm" */

/* An open journal being written. */
struct archive_journal {
	int fd;
	uint64_t header_checksum;
	uint64_t size;    /* of its whole frames; what stands behind is rubbish of a failed write */
	bool uncommitted; /* frames were written since the last commit */
	bool unsynced;    /* something was written since the last archive_file_sync */
};

/* Writes the header of a new journal to the empty file fd. The journal owns fd, unless this fails. */
int archive_journal_start(
    struct archive_journal *j, int fd, const struct archive_layout *layout, uint64_t number);
/* Goes on with one that archive_journal_read found to be whole up to `size`; cuts what is behind. The same
 * ownership. */
int archive_journal_resume(
    struct archive_journal *j, int fd, const struct archive_layout *layout, uint64_t number, uint64_t size);
/*
 * Writes one frame of `count` encoded records. After an error (-ENOSPC) the journal stands as it did before
 * and the same may be tried again.
 */
int archive_journal_write(struct archive_journal *j, struct text records, uint32_t count, bool commit);
void archive_journal_close(struct archive_journal *j);

/* What reading a journal found. */
struct archive_journal_found {
	uint64_t size;    /* of the file */
	uint64_t whole;   /* where the last good frame ends */
	uint64_t torn;    /* bytes behind it: a tail that was being written */
	uint64_t damaged; /* bytes before it that are no frame */
	size_t n_records;
	bool committed;     /* the last good frame is a commit */
	uint16_t n_columns; /* fields that its records have; all of the layout's where its header is lost */
};

/* A run of damaged bytes, while reading. */
typedef int (*archive_damage_fn)(void *context, const void *p, size_t n, uint64_t at);

/*
 * Appends the journal's records to `records`, in order: those of all good frames, or with committed_only of
 * those up to the last commit. Bytes between good frames are told to `damage` (may be NULL). 0, -ENOMEM,
 * -errno, -ERR_UNSUPPORTED (a newer version or schema), -ERR_LIMIT (more than a journal can hold), or what
 * `damage` returned.
 */
int archive_journal_read(int fd, const struct archive_layout *layout, uint64_t number, bool committed_only,
    archive_damage_fn damage, void *context, struct dynbuf *records, struct archive_journal_found *ret_found);

/* The header's bytes, ARCHIVE_JOURNAL_HEADER_SIZE of them, and its checksum, which stands at their end. */
uint64_t archive_journal_header(
    const struct archive_layout *layout, uint64_t number, uint16_t n_columns, uint8_t *bytes);

#endif
