/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_SCAN_H
#define ARCHIVE_SCAN_H

/* One thread's way through segments and records: what scans and hunts share. */

#include "archive/query.h"
#include "archive/store.h"

enum { ARCHIVE_SCAN_BATCH = 256 }; /* records that are filled at once */

typedef int (*archive_record_fn)(void *context, const void *record);

struct archive_scan {
	struct archive *a;
	struct archive_kind *k;
	const struct archive_query *query;
	archive_record_fn each;
	void *context, *hint_context;   /* the callback's, and the hints' */
	struct archive_hunt_stat *stat; /* of a hunt; NULL: none is kept */
	bool stopped;                   /* it was a callback that gave the error */
	struct archive_reader reader;
	struct archive_lookup lookup;
	uint32_t rows[ARCHIVE_BLOCK_ROWS];
	void *batch; /* ARCHIVE_SCAN_BATCH records */
};

/* The rest of s is set by the caller. 0 or -ENOMEM. */
int archive_scan_begin(struct archive_scan *s);
void archive_scan_end(struct archive_scan *s);
/* Gives what is wanted of one segment. 0, 1 or a negative error. */
int archive_scan_segment(struct archive_scan *s, size_t entry);
/* What is in no segment yet, from memory. */
int archive_scan_open(struct archive_scan *s);

#endif
