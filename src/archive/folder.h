/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_FOLDER_H
#define ARCHIVE_FOLDER_H

/*
 * The folder of an archive and the names in it:
 *
 *   FORMAT                     says that this is an archive, and of which version; made last
 *   lock                       held by the writer (flock)
 *   KIND-NUMBER.seg            segment of run NUMBER (ten digits, from 1 on) of a kind of record
 *   KIND-FIRST-LAST.seg        segment of the runs from FIRST to LAST
 *   KIND-NUMBER.journal        what is to become the segment of run NUMBER
 *   KIND-NUMBER.damaged        bytes of a journal that couldn't be read, kept for whoever looks into it
 *   *.tmp                      being made; the next writer removes it
 *   batch                      which runs are part of something unfinished (archive/batch.h)
 *
 * There is no manifest: a segment exists once it has its name, and the journal of its number and segments of
 * some of its runs are then void. Beside these the folder holds the ledger's files (ledger/ledger.h).
 */

#include "archive/layout.h"

struct archive_batch;

enum archive_file_type {
	ARCHIVE_FILE_SEGMENT,
	ARCHIVE_FILE_JOURNAL,
	ARCHIVE_FILE_DAMAGED,
	ARCHIVE_FILE_TEMPORARY
};

enum { ARCHIVE_NAME_SIZE = 48, ARCHIVE_FILES_MAX = 1 << 20 };

struct archive_file {
	uint16_t record; /* enum msg_record */
	enum archive_file_type type;
	uint64_t number, last; /* runs; the same but for segments that hold several, and those being made */
};

/* All of an archive's numbered files, by kind, type and number. */
struct archive_listing {
	struct archive_file *files;
	size_t n, cap;
};

/* -ENOENT, -ENOTDIR, -errno. *ret_fd is the folder's. */
int archive_folder_open(const char *path, int *ret_fd);
/* Makes the folder unless it is there, and its parent's entry durable. */
int archive_folder_make(const char *path, int *ret_fd);
/* FORMAT: 0, -ENOENT, -ERR_UNSUPPORTED, -ERR_MALFORMED. */
int archive_folder_check(int folder);
/* Makes FORMAT, durably. -EEXIST. */
int archive_folder_mark(int folder);
/* Takes the writer's lock: *ret_fd holds it while it is open. -EBUSY. */
int archive_folder_lock(int folder, int *ret_fd);
/*
 * Lists the files, beside a writer too: the folder is read until two readings agree, so that none is missed
 * because it was being renamed. Between the two the folder is asked for what is void (archive/batch.h),
 * unless ret_batch is NULL: a batch that ends meanwhile is then seen whole or not at all. -ERR_LIMIT beyond
 * ARCHIVE_FILES_MAX.
 */
int archive_folder_list(int folder, struct archive_batch *ret_batch, struct archive_listing *ret_listing);
void archive_listing_free(struct archive_listing *l);
/* buf has ARCHIVE_NAME_SIZE bytes. Returns buf. */
char *archive_file_name(struct archive_file f, char *buf);

#endif
