/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LEDGER_AUDIT_H
#define LEDGER_AUDIT_H

/*
 * Checks a log and all its checkpoints: that every line has its form and place, that every checkpoint's
 * root is that of the log's first lines, and that each was signed by a trusted key. A `key` line is trusted
 * from the first checkpoint on that holds it and was signed by a key trusted before.
 *
 * It reads the archive's folder and goes on past what is wrong, which it tells one by one. Bounds: those of
 * the log; LEDGER_KEYS_MAX keys at once.
 */

#include "ledger/checkpoint.h"
#include "ledger/ledger.h"

enum ledger_audit_file { LEDGER_AUDIT_LOG, LEDGER_AUDIT_CHECKPOINTS, LEDGER_AUDIT_CHECKPOINT };

struct ledger_audit_fault {
	enum ledger_audit_file file;
	uint64_t line;   /* of the file, from 1 on: where the fault is, or where its checkpoint begins; 0: the
	                    whole */
	uint64_t size;   /* of the checkpoint; 0 where it isn't known */
	int error;       /* as -ERR_MALFORMED, -ERR_CHECKSUM (root, bad signature), -EACCES (not signed) */
	const char *why; /* a phrase */
};

typedef void (*ledger_audit_fn)(void *context, const struct ledger_audit_fault *fault);

struct ledger_audit {
	uint64_t entries;          /* whole lines of the log */
	uint64_t torn;             /* bytes behind them */
	uint64_t checkpoints;      /* in the history */
	uint64_t torn_checkpoints; /* bytes of a torn one at the end of it */
	uint64_t faults;           /* all that were told */
	uint64_t signed_entries; /* of the largest checkpoint that is in order and signed by a trusted key */
	uint64_t cosigned_entries; /* the same, of those that a quorum cosigned too; 0 where quorum is 0 */
	struct ledger_verifier keys[LEDGER_KEYS_MAX]; /* trusted in the end: those given, then rotated ones */
	size_t n_keys;
};

/*
 * trust may have no keys: then no checkpoint is held to be unsigned, and signed_entries is of any that is in
 * order; with keys it is a fault that there is no checkpoint at all. Too few cosignatures are a fault only of
 * the whole: that no checkpoint has a quorum. 0 where it could be done, with faults or without; -ENOENT (no
 * log), -errno, -ERR_LIMIT, -ENOMEM.
 */
int ledger_audit(int folder, const struct ledger_trust *trust, ledger_audit_fn each, void *context,
    struct ledger_audit *ret_audit);

#endif
