/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIVE_ARCHIVIST_H
#define LIVE_ARCHIVIST_H

/*
 * The archivist: records and acts into the archive, whose one writer it is, receipts for what is durable, and
 * EVE JSON of what was archived. archivist.c: beginning, loop, end; archivist_keep.c: the archive;
 * archivist_eve.c with archivist_wait.c and archivist_outlet.c: EVE.
 *
 * Where the disk takes no more it stops reading and tries again: what was received is kept, in order, and
 * nothing is acknowledged that isn't there. What waits is at most what one read of the channel brought
 * (ipc/channel.h); the rest waits in the channel and in the engine, which drops and counts at its bound.
 */

#include "archive/archive.h"
#include "ledger/key.h"
#include "live/archivist_eve.h"
#include "live/process.h"

/* What one read of the channel can bring, and more. */
enum { ARCHIVIST_HELD_MAX = 4 << 20 };

struct archivist {
	struct process *process;
	struct peer engine;
	struct archive *archive;
	struct ledger_key *key;
	struct arena arena;
	struct archivist_eve *eve; /* NULL: none was ever wanted */
	int next_eve[EVE_OUTLETS]; /* handed for the next configuration; -1: none */
	struct dynbuf held;        /* messages that the disk had no room for, in order */
	size_t foreign;            /* bytes of those that an engine sent which is gone */
	uint64_t sequence;         /* of what the engine sent, taken */
	uint64_t told;             /* acknowledged */
	bool dirty;                /* something was appended since the last sync */
	bool unsigned_news;        /* ... and since the last checkpoint */
	bool urgent;               /* what was appended last is a person's act */
	bool failing;              /* the disk takes nothing; since: */
	int64_t failing_since;
	int64_t sync_at, sign_at, expire_at, retry_at, merge_at;
};

/* archivist_keep.c */
int archivist_keep_open(struct archivist *a, const char *path, struct dynbuf *why);
/* The first configuration counts: deadlines begin. */
void archivist_keep_begin(struct archivist *a, int64_t now);
/* A message of the engine. 0, or a negative error that ends the channel. */
int archivist_keep(struct archivist *a, uint16_t number, struct text bytes);
/* The engine is gone: the next one counts from the beginning. */
void archivist_keep_forget(struct archivist *a);
void archivist_keep_tick(struct archivist *a, int64_t now);
int64_t archivist_keep_deadline(const struct archivist *a);
/* Makes durable what there is, and closes. */
void archivist_keep_close(struct archivist *a);

#endif
