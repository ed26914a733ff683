/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_SCAN_H
#define ARCHIVE_SCAN_H

/* One thread's way through segments and records: what scans and hunts share. */

#include "archive/query.h"
#include "archive/store.h"

enum {
	ARCHIVE_SCAN_BATCH = 256,                                        /* records that are filled at once */
	ARCHIVE_SCAN_PART = ARCHIVE_SEGMENT_RECORDS / ARCHIVE_BLOCK_ROWS /* blocks of a part of a segment */
};

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
	size_t entry; /* of the segment that the reader stands at; SIZE_MAX: at none */
	struct archive_lookup lookup;
	uint32_t rows[ARCHIVE_BLOCK_ROWS];
	void *batch; /* ARCHIVE_SCAN_BATCH records */
};

/* The rest of s is set by the caller. 0 or -ENOMEM. */
int archive_scan_begin(struct archive_scan *s);
void archive_scan_end(struct archive_scan *s);
/*
 * In how many parts a segment is gone through. A hint may want to know the span of what it is asked about,
 * and what was merged spans much: then parts are what segments are before they are merged. Else it is one.
 */
size_t archive_scan_parts(const struct archive_scan *s, size_t entry);
/* Gives what is wanted of one part of a segment, and what the part spans, as far as that is known. 0, 1 or a
 * negative error. */
int archive_scan_part(struct archive_scan *s, size_t entry, size_t part, struct archive_span *ret_span);
/* What is in no segment yet, from memory. */
int archive_scan_open(struct archive_scan *s);

#endif
