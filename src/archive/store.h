/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_STORE_H
#define ARCHIVE_STORE_H

/* What is behind struct archive in the local store: for each kind of record its segments, oldest first, and
 * one open segment, whose records are in memory and in the journal. Private to archive/. */

#include "archive/archive.h"
#include "archive/folder.h"
#include "archive/journal.h"
#include "archive/segment.h"

struct table;

/* A segment as it was when the archive was opened; files are opened again when they are read. */
struct archive_segment_entry {
	uint64_t number;
	struct archive_span span;
	uint64_t size;
	int error; /* the file is missing or bad: what scans return when they come here */
};

struct archive_open_segment {
	struct dynbuf bytes; /* encoded records */
	size_t records;
	uint64_t number;
	struct archive_span span;
	struct archive_journal journal; /* fd == -1: none yet */
	size_t journaled;               /* of the bytes: those in the journal */
	size_t journaled_records;
	bool distrusted; /* a sync of the journal failed: only a new segment can make the records durable */
	int damage;      /* a reader's: the journal has damage, which scans return at their end */
	unsigned scans;  /* running: nothing may be appended */
	struct table *places; /* of flows: id to place in bytes, for what `indexed` bytes hold */
	size_t indexed;
};

struct archive_kind {
	const struct archive_layout *layout;
	struct archive_segment_entry *segments;
	size_t n_segments, cap_segments;
	struct archive_open_segment open;
};

/* A block that archive_find_flow decoded, kept for the next. */
struct archive_cached {
	struct archive_segment segment;
	struct archive_block block;
	uint64_t used; /* when: a count of look-ups */
	bool valid;
};

enum { ARCHIVE_CACHED = 8 };

struct archive {
	int folder, lock;
	bool writable;
	bool folder_dirty; /* a journal's name isn't durable yet */
	int failed;        /* why nothing can be written any more, until it is opened anew */
	uint64_t seed;
	struct archive_encoder *encoder;
	struct archive_kind kinds[ARCHIVE_KINDS]; /* by enum msg_record; layout NULL where there is none */
	uint64_t torn_bytes, damaged_bytes;
	struct archive_cached *cached; /* ARCHIVE_CACHED of them, once needed */
	uint64_t lookups;
};

/* Opens a segment's file and loads its directory. */
int archive_store_segment(const struct archive *a, const struct archive_kind *k, size_t number,
    struct archive_segment *ret_segment);
/* Makes the segment of what is open and drops the journal. On an error everything is as it was. */
int archive_store_seal(struct archive *a, struct archive_kind *k);
/* Reads segments and journals into a->kinds; a writer mends what a crash left. */
int archive_store_load(struct archive *a);

#endif
