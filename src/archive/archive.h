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
#include "msg/msg.h"

enum { ARCHIVE_SEGMENT_RECORDS = 1 << 18, ARCHIVE_SEGMENT_BYTES = 64 << 20 };

struct archive;

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

/* Which flows a scan wants. A zeroed filter (and NULL) wants all that count: duplicates only where they are
 * asked for. */
struct archive_filter {
	int64_t from, to;             /* flows that overlap [from, to); to == 0: no end */
	const struct net_addr *addrs; /* sorted; flows with either end among them; NULL: any */
	size_t n_addrs;
	bool duplicates;       /* also flows whose duplicate_of is set */
	bool established_only; /* payload both ways */
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

#endif
