/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_ARCHIVE_H
#define ARCHIVE_ARCHIVE_H

/*
 * The append-only evidence store: flows, transactions, detections, bindings, coverage. This header is the
 * store interface (design 5.9); the local store behind it keeps columnar segments in a folder
 * (doc/archive-format.md).
 *
 * Writing: one writer an archive (a lock file says so). What archive_sync has acknowledged survives kill -9
 * and power loss; a torn tail is found and cut when the archive is opened, and told in archive_stat. A full
 * disk gives -ENOSPC; nothing acknowledged is lost and appending may be tried again.
 *
 * Reading: any number of readers beside the writer see what was synced when they opened. Any bytes in the
 * files give right records or an error.
 *
 * Bounds: a segment is closed at ARCHIVE_SEGMENT_RECORDS records or ARCHIVE_SEGMENT_BYTES encoded bytes; the
 * writer holds one open segment of each record kind in memory, a reader the same as far as it is synced, and
 * a scan one decoded block.
 */

#include <stdbool.h>

#include "base/arena.h"
#include "ledger/merkle.h"
#include "msg/msg.h"

enum {
	ARCHIVE_SEGMENT_RECORDS = 1 << 18,
	ARCHIVE_SEGMENT_BYTES = 64 << 20,
	ARCHIVE_MERGED_RECORDS = 1 << 22
};

struct archive;
struct ledger;
struct ledger_key;

struct archive_stat {
	uint64_t records[8]; /* by enum msg_record */
	uint64_t segments;
	uint64_t bytes;      /* on disk */
	int64_t first, last; /* of all records with a time; 0 where there are none */
	uint64_t
	    torn_bytes; /* cut from the tail when it was opened; a reader's: behind the last whole frame */
	uint64_t damaged_bytes; /* of journals, in their midst: unreadable, and set aside
	                           (doc/archive-format.md) */
	uint64_t next_id;       /* one more than the largest record id */
};

/*
 * Which flows a scan wants. A zeroed filter (and NULL) wants all that count: duplicates only where they are
 * asked for. addrs, prefixes and domains are keys: with any of them given a flow is wanted where one matches,
 * and the segments' dictionaries and postings lead to it, so that the cost grows with the hits and not with
 * the flows.
 */
struct archive_filter {
	int64_t from, to;                  /* flows that overlap [from, to); to == 0: no end */
	const struct net_addr *addrs;      /* sorted, without doubles; flows with either end among them */
	const struct net_prefix *prefixes; /* sorted by address; flows with either end within one */
	const struct text
	    *domains; /* lower case, no final dot: flows whose name is one or stands below one */
	size_t n_addrs, n_prefixes, n_domains;
	bool duplicates;       /* also flows whose duplicate_of is set */
	bool established_only; /* payload both ways */
	uint64_t columns;      /* bits 1 << enum msg_flow_field: only these fields are filled (and what the
	                          filter looks at); the others are zero. 0: all */
	const struct archive_hints *hints; /* NULL: none */
};

/*
 * Whereby a scan or hunt of flows may read less, if the caller can tell more than a filter says. They are
 * hints: a store may leave any of them unasked (records that are in no segment yet have no dictionary, for
 * one), so the callback decides for itself on what it is given. Each gets the context of its thread. Threads
 * take the segments and their parts in their order.
 */
struct archive_hints {
	/* Before a part of a segment, or what is in none yet, is read: its span (INT64_MIN and INT64_MAX
	 * where records without a time are among its own). What was merged has several parts, in order. 0:
	 * enter it; 1: pass it over; negative: an error. NULL: enter all. */
	int (*enter)(void *context, int64_t first, int64_t last);
	/* The segment's addresses, sorted. Sets from[i] and to[i], which come zeroed: a flow is wanted where
	 * from[] of its initiator and to[] of its responder have a bit in common. This is looked at before
	 * anything else of a flow. 0 or an error. NULL: all are wanted. */
	int (*ends)(void *context, const struct net_addr *addrs, size_t n, uint8_t *from, uint8_t *to);
	/* Sorted, without doubles: `ends` has bits for no others, and is asked about these alone. NULL: about
	 * all. */
	const struct net_addr *addrs;
	size_t n_addrs;
	/* These bits of from[] and to[] count only for flows with one of these flags (bits of flow/flow.h,
	 * enum flow_flag). */
	uint8_t flagged;
	uint32_t flags;
	/* A flow of which only pick_columns are filled; `common` are those bits, 0xff where nobody looked.
	 * True: the other columns are read too and it is given. NULL: all are given. */
	bool (*pick)(void *context, const struct msg_flow *f, uint8_t common);
	uint64_t pick_columns; /* as `columns` */
};

/* Which transactions a hunt wants: those of the flows given, or that hold one of the keys; with nothing given
 * all. */
struct archive_transaction_filter {
	int64_t from, to;                  /* time in [from, to); to == 0: no end */
	const uint64_t *flows;             /* sorted */
	const struct net_addr *addrs;      /* sorted; in a field of kind ADDR */
	const struct net_prefix *prefixes; /* sorted by address; the same */
	const struct text *domains;        /* as above; in a field that holds a name (archive/layout.h) */
	const struct text *values; /* sorted by bytes: the whole value of a fingerprint, hash or user */
	size_t n_flows, n_addrs, n_prefixes, n_domains, n_values;
};

/* A segment, a part of one (archive_hints.enter) or a journal that a hunt could not read: what it may hold
 * was not searched. */
struct archive_gap {
	uint16_t record; /* enum msg_record */
	uint64_t first_run, last_run;
	uint64_t records;    /* 0: not known */
	int64_t first, last; /* 0: not known */
	int error;
};

struct archive_hunt_stat {
	uint64_t records;                    /* that were searched */
	uint64_t segments, segments_entered; /* whose filter let a key through */
	uint64_t blocks, blocks_read;        /* of all segments; decoded at least in part */
	struct archive_gap gaps[64];         /* the first ones */
	size_t n_gaps;                       /* all of them */
};

/* The records that are or were one journal: what the ledger speaks of (ledger/ledger.h). */
struct archive_run {
	uint64_t number;
	uint64_t records;
	uint64_t id_min, id_max;
	int64_t first, last;
	bool sealed;                    /* in a segment; else in the journal */
	uint64_t file_first, file_last; /* the runs that its segment file holds */
	int error;                      /* why it can't be read */
};

/* Return 0 to go on, 1 to stop early (the scan then returns 1), or a negative error, which the scan returns.
 * Records are borrowed for the call. */
typedef int (*archive_flow_fn)(void *context, const struct msg_flow *f);
typedef int (*archive_transaction_fn)(void *context, const struct msg_transaction *t);
typedef int (*archive_detection_fn)(void *context, const struct msg_detection *d);
typedef int (*archive_binding_fn)(void *context, const struct msg_binding *b);
typedef int (*archive_coverage_fn)(void *context, const struct msg_coverage *c);

/* A new archive in the folder `path` (made where it isn't there; -EEXIST where it holds one already), for
 * writing. */
int archive_create(struct archive **ret_archive, const char *path);
/* An archive that is there: -ENOENT, -ERR_UNSUPPORTED (a newer format), -ERR_MALFORMED, -EBUSY (writable and
 * locked). */
int archive_open(struct archive **ret_archive, const char *path, bool writable);
/* Closes; a writer syncs first and returns what that returned. What is in a journal becomes a segment then,
 * unless it is little. */
int archive_close(struct archive *a);

/* 0; -ENOSPC and other -errno, after which the record isn't taken and may be tried again; -ERR_LIMIT (a
 * record beyond the bounds of msg.h); -EBUSY from within a scan of the same kind of record; -EROFS. */
int archive_append_flow(struct archive *a, const struct msg_flow *f);
int archive_append_transaction(struct archive *a, const struct msg_transaction *t);
int archive_append_detection(struct archive *a, const struct msg_detection *d);
int archive_append_binding(struct archive *a, const struct msg_binding *b);
int archive_append_coverage(struct archive *a, const struct msg_coverage *c);
/* Makes everything appended durable and visible to readers that open from now on. */
int archive_sync(struct archive *a);

/*
 * A batch: what is appended between its beginning and its commit counts as a whole or not at all, whatever
 * happens meanwhile. Until then only this writer sees it, and the ledger knows nothing of it; after a crash
 * the next writer takes it back. What stood in journals becomes segments at its beginning, however little.
 * One at a time; signing, compaction and retention are -EBUSY until it ends, and closing the archive takes it
 * back.
 */
int archive_batch_begin(struct archive *a);
/* Where this fails the batch is still running, to be taken back, unless the archive as a whole has failed. */
int archive_batch_commit(struct archive *a);
/* Takes back what was appended. Nothing where no batch is running. */
int archive_batch_abort(struct archive *a);

/*
 * Scans. Order: as appended. A writer sees its own appended records, synced or not. Returns 0, 1 or a
 * negative error; a segment that fails its checksum gives -ERR_CHECKSUM after the good ones before it were
 * given.
 */
int archive_scan_flows(
    struct archive *a, const struct archive_filter *filter, archive_flow_fn each, void *context);
/* Transactions of the given flow ids (sorted; NULL: of all). */
int archive_scan_transactions(
    struct archive *a, const uint64_t *flows, size_t n_flows, archive_transaction_fn each, void *context);
int archive_scan_detections(struct archive *a, archive_detection_fn each, void *context);
int archive_scan_bindings(struct archive *a, archive_binding_fn each, void *context);
int archive_scan_coverage(struct archive *a, archive_coverage_fn each, void *context);
/* One flow by its record id, decoded into the arena: of several (snapshots) the last appended. -ENOENT, or a
 * segment's error where the flow may be in that. */
int archive_find_flow(struct archive *a, uint64_t id, struct arena *arena, struct msg_flow *ret_flow);
void archive_get_stat(const struct archive *a, struct archive_stat *ret_stat);

/*
 * Hunts: as scans, but in up to `threads` threads, each with a context of its own, in no order, and on past
 * segments that can't be read, which ret_stat tells. 0, 1 (a callback stopped it), or a callback's error or
 * -ENOMEM.
 */
int archive_hunt_flows(struct archive *a, const struct archive_filter *filter, unsigned threads,
    archive_flow_fn each, void *const *contexts, struct archive_hunt_stat *ret_stat);
int archive_hunt_transactions(struct archive *a, const struct archive_transaction_filter *filter,
    unsigned threads, archive_transaction_fn each, void *const *contexts, struct archive_hunt_stat *ret_stat);

/*
 * Evidence. Each sealed run and its file are entered in the ledger, and what is synced when the archive is
 * closed or signed; records and their order within a run never change, also when files are compacted.
 */
size_t archive_runs(const struct archive *a, enum msg_record record);
void archive_run_at(const struct archive *a, enum msg_record record, size_t i, struct archive_run *ret_run);
/* The records of a run as they were encoded when they were appended: the leaves of its tree, in order. The
 * bytes are borrowed for the call. The same returns as a scan's. */
typedef int (*archive_leaf_fn)(void *context, struct text encoded);
int archive_read_run(
    struct archive *a, enum msg_record record, uint64_t number, archive_leaf_fn each, void *context);
/* Where a record stands: its run and its index there; of several with that id the last. -ENOENT. */
int archive_locate(
    struct archive *a, enum msg_record record, uint64_t id, uint64_t *ret_run, uint64_t *ret_index);
/* The name of the file that holds a run, in the archive's folder. -ENOENT. buf has 64 bytes. */
int archive_run_file(const struct archive *a, enum msg_record record, uint64_t number, char *buf);
/* The ledger, borrowed; NULL where a reader's archive has none. */
struct ledger *archive_ledger(struct archive *a);
int archive_folder_fd(const struct archive *a);
/* From now on checkpoints are signed with these keys (borrowed until the archive is closed): when a segment
 * is sealed, when the archive is closed, and by archive_sign. */
void archive_use_keys(struct archive *a, const struct ledger_key *const *keys, size_t n);
/* Syncs, enters what is in no ledger entry yet, and signs. */
int archive_sign(struct archive *a);

/* Maintenance, by the writer. */
struct archive_compaction {
	uint64_t files_before, files_after, bytes_before, bytes_after;
};
/* Merges neighbouring segments of a kind as long as none gets more than ARCHIVE_MERGED_RECORDS. No run gets
 * into a file with one that ended more than `within` ns after it, so that retention, which drops whole files,
 * is late by no more than that. Crash-safe: at any instant the records are there once. */
int archive_compact(struct archive *a, int64_t within, struct archive_compaction *ret_compaction);
struct archive_merging {
	int64_t within;       /* as above */
	uint64_t records_max; /* of the merged file: what one call may cost */
	size_t files_min;     /* fewer are not worth it; 2 at least */
};
/* One merge of that kind, for a writer that has other things to do. 1: done, there may be more; 0: there is
 * nothing to merge; or a negative error. */
int archive_merge_some(struct archive *a, const struct archive_merging *m);
/* Drops the segment files whose records all ended before `before`, of the kinds given by bits 1 << enum
 * msg_record; the ledger keeps their roots and says that they were dropped. *ret_records: how many went. */
int archive_expire(struct archive *a, int64_t before, uint64_t kinds, int64_t now, uint64_t *ret_records);

#endif
