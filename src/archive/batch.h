/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_BATCH_H
#define ARCHIVE_BATCH_H

/*
 * The file `batch` of an archive's folder: while it is there, runs from the numbers in it on are part of
 * something unfinished and count for nobody (doc/archive-format.md). A writer that finds it removes them, and
 * then the file. Its text has a line of each kind: "flow 17".
 */

#include "archive/layout.h"

struct archive_listing;

struct archive_batch {
	uint64_t first[ARCHIVE_KINDS]; /* runs, by enum msg_record; UINT64_MAX: none are void */
};

/* What the folder says: 0, also where there is no such file; -ERR_MALFORMED; -errno. */
int archive_batch_read(int folder, struct archive_batch *ret_batch);
/* Makes the file, durably. 0 or -errno. */
int archive_batch_write(int folder, const struct archive_batch *b);
/* Takes files of void runs out of a listing. */
void archive_batch_filter(const struct archive_batch *b, struct archive_listing *l);
/* Removes them from the folder, then the file. The writer's. 0, or an error, after which it can be done
 * again. */
int archive_batch_undo(int folder);

#endif
