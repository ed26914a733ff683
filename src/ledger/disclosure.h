/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LEDGER_DISCLOSURE_H
#define LEDGER_DISCLOSURE_H

/*
 * A disclosure: single records, each with its inclusion in its run, the run's line with its inclusion in the
 * log, and a signed checkpoint of the log: enough to check them with a public key and nothing else. A JSON
 * file; doc/evidence.md has its fields. Each fact stands in it once: kind, number, records and root of a run
 * are those of the run's line.
 *
 * Where the key that signed the checkpoint came by rotation, the disclosure may bring the `key` lines that
 * hand over to it, each with its inclusion in a checkpoint which a key trusted by then has signed. One that
 * no such key has signed hands nothing over, and is passed by.
 *
 * Pure: no files, no clock. Bounds: DISCLOSURE_SIZE_MAX bytes, DISCLOSURE_ELEMENTS_MAX elements of JSON,
 * DISCLOSURE_RECORD_MAX bytes a record (-ERR_LIMIT). Errors: -ERR_MALFORMED, -ERR_UNSUPPORTED (a newer
 * version), -ERR_CHECKSUM (something doesn't lead to what it should), -EACCES (no signature of a trusted key,
 * or too few cosignatures), -ENOMEM; of all but the last a fault says where and why.
 */

#include "base/arena.h"
#include "ledger/checkpoint.h"
#include "ledger/ledger.h"

enum {
	DISCLOSURE_VERSION = 1,
	DISCLOSURE_SIZE_MAX = 16 << 20,
	DISCLOSURE_ELEMENTS_MAX = 1 << 20,
	DISCLOSURE_RECORD_MAX = 1 << 20,
	DISCLOSURE_ROTATIONS_MAX = LEDGER_KEYS_MAX,
	DISCLOSURE_TIMESTAMP_MAX = 1 << 16
};

struct disclosure_path {
	const struct merkle_hash *hashes; /* from the leaf's side upwards */
	size_t n;
};

struct disclosure_record {
	uint64_t index;      /* in the run, from 0 on */
	struct text encoded; /* its bytes: the leaf */
	struct disclosure_path path;
};

struct disclosure_run {
	struct text line; /* the log's `run` line */
	uint64_t index;   /* of the line in the log, from 0 on */
	struct disclosure_path path;
	const struct disclosure_record *records;
	size_t n;
	struct ledger_entry entry; /* what the line says; filled by disclosure_parse */
};

struct disclosure_rotation {
	struct text line; /* the log's `key` line */
	uint64_t index;
	struct disclosure_path path;
	struct text checkpoint;
};

struct disclosure {
	struct text checkpoint; /* the signed note, as stored */
	struct text timestamp;  /* the authority's response over it (RFC 3161, DER); empty: none */
	const struct disclosure_rotation *rotations;
	size_t n_rotations;
	const struct disclosure_run *runs;
	size_t n_runs;
};

struct disclosure_fault {
	char where[64];  /* as "runs[0].records[2].path" */
	const char *why; /* a phrase */
};

/* What was proven. */
struct disclosure_verdict {
	struct checkpoint checkpoint;   /* borrows from the disclosure */
	struct checkpoint_verdict seal; /* signers: bits of trust->keys, then of the rotated keys in order */
	struct ledger_verifier signer;  /* the first of those that signed the checkpoint */
	size_t n_records;
};

/* The file's text. -ERR_LIMIT, -ENOMEM. */
int disclosure_print(const struct disclosure *d, struct dynbuf *out);
/* Into the arena. */
int disclosure_parse(struct text t, struct arena *arena, struct disclosure *ret_disclosure,
    struct disclosure_fault *ret_fault);
/*
 * Checks everything in it but the time stamp (ledger/timestamp.h): the checkpoint's signatures, every line's
 * inclusion in the log and every record's in its run.
 */
int disclosure_check(const struct disclosure *d, const struct ledger_trust *trust,
    struct disclosure_verdict *ret_verdict, struct disclosure_fault *ret_fault);

#endif
