/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_STORE_H
#define ARCHIVE_STORE_H

/* What is behind struct archive in the local store: for each kind of record its segments, oldest first, and
 * one open segment, whose records are in memory and in the journal. Private to archive/. */

#include "archive/archive.h"
#include "archive/batch.h"
#include "archive/folder.h"
#include "archive/journal.h"
#include "archive/reader.h"
#include "archive/segment.h"

struct table;

/* A segment as it was when the archive was opened. A writer opens files again when they are read. A reader
 * keeps them open, as many as it may: a writer beside it may remove what it merged or what is over. */
struct archive_segment_entry {
	uint64_t first, last;           /* runs */
	struct archive_segment segment; /* its trailer, without error; fd -1: closed */
	int error;    /* the file is missing or bad: what scans return when they come here */
	bool entered; /* the ledger has its runs and its file */
	/* What is to be entered, where it is known: SHA-256 of the file, and the root of its only run. */
	bool digested, rooted;
	struct merkle_hash digest, root;
};

struct archive_open_segment {
	struct dynbuf bytes; /* encoded records */
	size_t records;
	uint64_t number;
	uint16_t n_columns; /* fields that its records have */
	struct archive_span span;
	struct archive_journal journal; /* fd == -1: none yet */
	size_t journaled;               /* of the bytes: those in the journal */
	size_t journaled_records;
	struct archive_segment_writer *writer; /* a writer's, once something was appended: the same records */
	struct merkle_tree tree;               /* of them */
	uint64_t entered;                      /* how many of them the ledger has */
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

/* A segment that archive_find_flow looked into, and its block, kept for the next. */
struct archive_cached {
	struct archive_reader reader;
	uint64_t first; /* the segment's first run */
	size_t block;   /* SIZE_MAX: none */
	uint64_t used;  /* when: a count of look-ups; 0: free */
};

enum { ARCHIVE_CACHED = 8 };

struct archive {
	int folder, lock;
	size_t held, hold_max; /* segments kept open, and how many may be */
	bool writable;
	bool folder_dirty; /* a journal's name isn't durable yet */
	int failed;        /* why nothing can be written any more, until it is opened anew */
	uint64_t seed;
	struct archive_kind kinds[ARCHIVE_KINDS]; /* by enum msg_record; layout NULL where there is none */
	uint64_t torn_bytes, damaged_bytes;
	struct archive_cached *cached; /* ARCHIVE_CACHED of them, once needed */
	uint64_t lookups;
	struct ledger *ledger; /* a writer's from the beginning, a reader's once it is asked for */
	bool ledger_asked;
	const struct ledger_key *const *keys;
	size_t n_keys;
	bool unentered; /* segments that the ledger doesn't have yet */
	bool batch;     /* one is running: what it began with */
	struct archive_batch begun;
};

/* The name of an entry's file; buf has ARCHIVE_NAME_SIZE bytes. Returns buf. */
char *archive_entry_name(const struct archive_kind *k, const struct archive_segment_entry *e, char *buf);
/* Closes the segments that are kept open. */
void archive_store_drop_held(struct archive *a);
/* Whether files may be merged or dropped now: 0, -EROFS, -EBUSY (a batch, or a scan that runs), or what the
 * writer failed with. */
int archive_store_idle(const struct archive *a);
/* Turns the reader to a segment. */
int archive_store_reader(
    const struct archive *a, const struct archive_kind *k, size_t entry, struct archive_reader *r);
/* As archive_read_run, of the segment that the reader stands at. */
int archive_store_read_run(struct archive_reader *r, uint64_t run, archive_leaf_fn each, void *context);
/* The entry whose segment holds a run, n_segments where there is none. */
size_t archive_store_find(const struct archive_kind *k, uint64_t run);
/* Makes the segment of what is open and drops the journal. On an error everything is as it was. */
int archive_store_seal(struct archive *a, struct archive_kind *k);
/* Adds a record to what is open, of which its encoding from `at` on stands in the bytes. On an error nothing
 * was added. */
int archive_store_add(struct archive *a, struct archive_kind *k, const void *record, size_t at);
/* Empties what is open: the next run begins. */
void archive_store_begin(struct archive_kind *k, uint64_t number);
/* Reads segments and journals into a->kinds; a writer mends what a crash left. */
int archive_store_load(struct archive *a);

/* Forgets what look-ups kept open: for whoever replaces segments. */
void archive_find_forget(struct archive *a);

/* --- evidence.c --- */

/* Opens the ledger; a writer makes it. A reader's archive may have none. */
int archive_evidence_open(struct archive *a);
void archive_evidence_close(struct archive *a);
/* Whether the ledger says that these runs were dropped. */
bool archive_evidence_expired(struct archive *a, const struct archive_kind *k, uint64_t first, uint64_t last);
/* The number behind that of the last run that the ledger knows. */
uint64_t archive_evidence_next(struct archive *a, const struct archive_kind *k);
/* Finds out, once all is loaded, what the ledger has. */
void archive_evidence_compare(struct archive *a);
/* Enters the sealed runs and files that the ledger doesn't have. 0, or the first error, after the others were
 * tried. */
int archive_evidence_enter(struct archive *a);
/* Enters what is open, which is durable. */
int archive_evidence_enter_open(struct archive *a);
/* A checkpoint, where there are keys. */
int archive_evidence_sign(struct archive *a);

#endif
