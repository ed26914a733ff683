/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

/*
 * The ledger of an archive: an append-only log of what the archive holds, in the archive's folder, and signed
 * checkpoints of it. doc/evidence.md tells what it proves and what not, and has the bytes.
 *
 * A *run* is the records of one kind that are or were journal NUMBER: its leaves are the records' encodings
 * (msg/msg.h), in order. An entry of the log is one line of text; the line without its newline is a leaf of
 * the log's tree (RFC 6962), whose root and size a checkpoint signs (C2SP tlog-checkpoint, Ed25519). Entries:
 *
 *   begin ORIGIN TIME                             the first one
 *   run KIND NUMBER RECORDS ROOT                  the first RECORDS records of the run have this root
 *   file KIND FIRST LAST SHA256                   the segment file that holds runs FIRST to LAST, whole
 *   expire KIND FIRST LAST TIME                   these runs were dropped on purpose
 *   key VKEY                                      checkpoints from here on are signed with this key too
 *   act TIME ORDER WHAT WHO WHY                   somebody did something to an order, or it changed
 * (ledger/act.h)
 *
 * A run may be entered several times while it grows, never with fewer records. KIND is the record's name.
 *
 * Threads: none; one writer an archive, who holds the archive's lock. A torn last line is cut when a writer
 * opens, and passed over by a reader. Errors: -errno (-ENOSPC: nothing was entered, try again; -EROFS: a
 * reader's), -EINVAL (an entry that breaks the form or the order), -ERR_MALFORMED (a line that does:
 * ledger_audit in ledger/audit.h tells which), -ERR_LIMIT (LEDGER_ENTRIES_MAX), -ERR_CHECKSUM (log and
 * checkpoint contradict each other: a writer is refused then, a reader is not, and learns it from
 * ledger_audit).
 */

#include "base/text.h"
#include "ledger/merkle.h"

enum { LEDGER_ENTRIES_MAX = 1 << 22, LEDGER_LINE_MAX = 512, LEDGER_KIND_MAX = 16 };

#define LEDGER_LOG        "ledger"      /* the log, in the archive's folder */
#define LEDGER_CHECKPOINT "checkpoint"  /* the latest signed checkpoint, replaced whole */
#define LEDGER_HISTORY    "checkpoints" /* all of them, one after the other */

enum ledger_entry_type { LEDGER_BEGIN, LEDGER_RUN, LEDGER_FILE, LEDGER_EXPIRE, LEDGER_KEY, LEDGER_ACT };

struct ledger_entry {
	enum ledger_entry_type type;
	struct text kind;        /* run, file, expire */
	uint64_t first, last;    /* runs; the same where it is about one */
	uint64_t records;        /* run */
	struct merkle_hash hash; /* run: root; file: SHA-256 of the file */
	int64_t time;            /* begin, expire, act */
	struct text text;        /* begin: origin; key: the verifier key; act: its last four words */
};

struct ledger;
struct ledger_key;      /* a private signing key, ledger/key.h */
struct ledger_verifier; /* a public one */

/* Opens or (writable) makes the log in the folder, which is borrowed. A reader of an archive that has none
 * gets -ENOENT. origin: what the log calls itself in its checkpoints (NULL: a random one); of a log that is
 * there its own counts. */
int ledger_open(struct ledger **ret_ledger, int folder, bool writable, const char *origin);
void ledger_close(struct ledger *l);
/* Appends an entry and makes it durable; on an error nothing was entered. */
int ledger_append(struct ledger *l, const struct ledger_entry *e);
/* The same for several at once, with one wait for the disk. After a crash the first ones may be there alone.
 */
int ledger_append_all(struct ledger *l, const struct ledger_entry *entries, size_t n);
/* Signs a checkpoint of all entries with the keys given and makes it durable, unless the last one has this
 * size already and their signatures. */
int ledger_sign(struct ledger *l, const struct ledger_key *const *keys, size_t n);
/*
 * Hands over to another key: enters the new key and signs a checkpoint with the keys given and with the new
 * one. Who trusts one of the former and sees this checkpoint may trust the new one.
 */
int ledger_rotate(
    struct ledger *l, const struct ledger_key *const *keys, size_t n, const struct ledger_key *next);
/*
 * Adds witnesses' signature lines to the stored checkpoint of that size (0: the latest), durably. Nothing is
 * added unless all of them are good cosignatures of one of the n keys: -ERR_MALFORMED (no signature lines),
 * -EACCES (of none of these witnesses), -ERR_CHECKSUM (not of this checkpoint), -ENOENT (no such checkpoint).
 */
int ledger_cosign(
    struct ledger *l, uint64_t size, struct text lines, const struct ledger_verifier *witnesses, size_t n);

uint64_t ledger_entries(const struct ledger *l);
/* Entry i, borrowed until the ledger changes. */
int ledger_entry_at(const struct ledger *l, uint64_t i, struct ledger_entry *ret_entry);
const char *ledger_origin(const struct ledger *l);
/* The line of entry i, without a newline: buf has LEDGER_LINE_MAX bytes. -EINVAL where there is none. */
int ledger_line_at(const struct ledger *l, uint64_t i, char *buf, size_t *ret_n);
/* The hashes of all lines, borrowed until the ledger changes: the leaves of the log's tree. */
const struct merkle_hash *ledger_leaves(const struct ledger *l);
/* The root of the first n entries. -EINVAL where there are fewer. */
int ledger_root_at(const struct ledger *l, uint64_t n, struct merkle_hash *ret_root);
/* The last entry about a run, which counts most of its records. -ENOENT. */
int ledger_find_run(const struct ledger *l, struct text kind, uint64_t number, uint64_t *ret_index);
/* Bytes of a torn tail that were found when it was opened. */
uint64_t ledger_torn_bytes(const struct ledger *l);

#endif
