/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_AUDIT_H
#define DAEMON_AUDIT_H

/*
 * Whether an archive holds what its ledger says: the log against its checkpoints, those against the keys that
 * are trusted and against a checkpoint that was held elsewhere, every run against its entries, every segment
 * file against its digest. doc/evidence.md tells what each of these is worth. Nothing is written; a writer
 * may be at work.
 *
 * Memory: some 250 bytes an entry of the log, and what archive_read_run takes for each thread. Bounds: the
 * log's own (LEDGER_ENTRIES_MAX), AUDIT_FINDINGS_MAX findings and AUDIT_DROPS_MAX ranges of dropped runs
 * kept, all counted. Threads: `threads`, the caller's among them; progress is called from the caller's.
 */

#include "archive/archive.h"
#include "ledger/checkpoint.h"

enum { AUDIT_FINDINGS_MAX = 1000, AUDIT_DROPS_MAX = 1000, AUDIT_THREADS_MAX = 64 };

/* What a finding says isn't right. The order is that in which they are told. */
enum audit_what {
	AUDIT_LOG,        /* the log can't be read, or breaks its form */
	AUDIT_CHECKPOINT, /* a checkpoint isn't one of this log, or there is none */
	AUDIT_SIGNATURE,  /* a checkpoint isn't signed or cosigned as is wanted */
	AUDIT_STAMP,      /* a time stamp doesn't hold, or there is none */
	AUDIT_HELD,       /* the checkpoint held elsewhere isn't one of this log */
	AUDIT_RECORDS,    /* records aren't those that were entered */
	AUDIT_MISSING,    /* records that were entered are gone, and nothing says that they were dropped */
	AUDIT_UNREADABLE, /* records can't be read */
	AUDIT_FILE,       /* a segment file isn't the one that was entered */
};

#define AUDIT_UNKNOWN UINT64_MAX

struct audit_finding {
	enum audit_what what;
	uint16_t record;        /* enum msg_record; 0: it is about the ledger */
	uint64_t run, run_last; /* which runs */
	uint64_t first, last;   /* which of the run's records, counted from 0; AUDIT_UNKNOWN: all or any */
	uint64_t first_id, last_id; /* the ids that stand there now; 0: not known */
	uint64_t entry;             /* of the ledger, counted from 0, which doesn't fit; AUDIT_UNKNOWN */
	const char *sentence;       /* all of it, for a person */
};

/* Runs of one kind that are gone, and of which the log says that they were dropped on purpose. Their own
 * lines stand in the log. */
struct audit_drop {
	uint16_t record;
	uint64_t run, run_last;
	uint64_t records;           /* as their lines count */
	uint64_t entry, entry_last; /* of the `expire` lines */
	int64_t time;               /* when the last of them was entered, as the box's clock said */
};

struct audit_options {
	const struct ledger_trust *trust; /* no keys in it: signatures aren't checked */
	struct text held;                 /* a checkpoint that was held elsewhere; empty: none */
	const char *ca;  /* certificates that the time stamps must lead to; NULL: they aren't checked */
	bool files_only; /* of sealed runs the digests of the files, instead of every record */
	unsigned threads;
	/* records, or with files_only bytes */
	void (*progress)(void *context, uint64_t done, uint64_t total);
	void *context;
};

struct audit_counts {
	uint64_t runs, records, bytes; /* checked, record by record */
	uint64_t files, file_bytes;    /* checked by their digests */
};

struct audit_result {
	struct arena arena;
	struct audit_finding *findings; /* what isn't right: of the ledger first, then by kind and run */
	size_t n_findings;
	uint64_t found; /* all of them, those not kept included */

	bool has_log;
	struct text origin;
	uint64_t entries, checkpoints;
	uint64_t sealed_entries;     /* under the largest checkpoint that is in order */
	struct merkle_hash root;     /* of those */
	uint64_t older_keys;         /* checkpoints before that one that no trusted key signed */
	uint64_t torn_bytes;         /* behind the log's and the checkpoints' last whole line */
	bool key_given, key_rotated; /* signatures were checked; the key came by rotation */
	struct ledger_verifier key;  /* whose signature counts, where one was given */
	uint64_t cosigned_entries;   /* under the largest checkpoint with a quorum */
	uint64_t held_entries;       /* under the checkpoint held elsewhere, where that fits; else 0 */
	uint64_t stamps;             /* checkpoints that have a time stamp */
	uint64_t stamped_entries;    /* under the largest one whose stamp holds */
	int64_t stamped_at;          /* when that was, as the authority says */

	struct audit_counts counts;
	uint64_t there;           /* records in the archive */
	uint64_t unsealed;        /* of those: in no entry under that checkpoint */
	uint64_t unentered;       /* of those: in no entry at all */
	uint64_t unlisted_files;  /* segment files in no entry: of a writer that was stopped in between */
	uint64_t expired;         /* runs that were dropped on purpose, as the log says */
	uint64_t expired_records; /* of those */
	struct audit_drop *drops; /* which they were, by kind and run */
	size_t n_drops;
	uint64_t archive_torn;            /* bytes behind a journal's last whole frame */
	uint64_t archive_damaged;         /* bytes of journals that can't be read */
	int64_t elapsed_ns, processor_ns; /* processor_ns: of all threads of this process meanwhile */
};

/*
 * Audits the archive in the folder. 0 where that could be done, whatever was found; what archive_open
 * returns, -ERR_LIMIT (too many keys), -ENOMEM, -errno.
 */
int audit_archive(struct audit_result **ret_result, const char *path, const struct audit_options *options);
void audit_free(struct audit_result *r);
/* "records", "missing" ...: stable, for machines. */
const char *audit_what_name(enum audit_what what);

#endif
