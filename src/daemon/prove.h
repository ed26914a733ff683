/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_PROVE_H
#define DAEMON_PROVE_H

/*
 * Disclosures (ledger/disclosure.h), made from an archive and checked without one. A disclosure holds single
 * records with the proof that they are under a checkpoint; doc/evidence.md says what that is worth.
 *
 * Bounds: PROVE_RECORDS_MAX records; for each run that is looked into 64 bytes a record, one run after the
 * other. Nothing is written to the archive.
 */

#include "archive/archive.h"
#include "ledger/disclosure.h"

enum { PROVE_RECORDS_MAX = 1 << 16 };

struct prove_record {
	uint16_t record; /* enum msg_record */
	uint64_t id;
};

struct prove_options {
	const struct prove_record *records;
	size_t n;
	/* The key that whoever gets it trusts: the checkpoint is one that this key or one after it has
	 * signed, and how it handed over is added. NULL: the one that signed the checkpoint. */
	const struct ledger_verifier *receiver;
	uint64_t size; /* of the checkpoint; 0: of those that cover the records the best witnessed one */
};

struct prove_result {
	uint64_t size; /* of the checkpoint taken */
	size_t records, runs, signatures, rotations;
	bool stamped;
	size_t failed; /* the place in options->records of the one that couldn't be proven; n: none */
	/* Where there is no such record: how many `expire` lines there are about its kind, the last of them,
	 * and when that was, as the box's clock said. */
	uint64_t drops, drop_entry;
	int64_t dropped_at;
};

/*
 * Appends a disclosure of the records. -ENODATA (no ledger, or no checkpoint that is of it), -ENOENT (no such
 * record), -EAGAIN (a record that no checkpoint covers yet, or not that one), -EACCES (no such checkpoint is
 * signed by a key that the receiver comes to trust), -ERR_CHECKSUM (the run isn't what the ledger says),
 * -ERR_LIMIT, -ENOMEM, or what reading gave. *ret_result is written always.
 */
int prove(struct archive *a, const struct prove_options *options, struct dynbuf *out,
    struct prove_result *ret_result);

struct prove_verdict {
	struct disclosure disclosure; /* in the arena */
	struct disclosure_verdict verdict;
	bool stamped;       /* it holds a time stamp */
	int64_t stamped_at; /* as the authority says; 0: not checked, or none */
};

/*
 * Checks a disclosure whole: what disclosure_check does, that each record is of the kind that its run's line
 * says and has that kind's form, and, where `ca` is given, that there is a time stamp which leads there. Its
 * errors, and -ERR_UNSUPPORTED for kinds that this program doesn't know.
 */
int prove_check(struct text t, const struct ledger_trust *trust, const char *ca, struct arena *arena,
    struct prove_verdict *ret_verdict, struct disclosure_fault *ret_fault);

#endif
