/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_AUDIT_PARTS_H
#define DAEMON_AUDIT_PARTS_H

/* What the parts of an audit share. Private to daemon/. */

#include <pthread.h>

#include "archive/layout.h"
#include "daemon/audit.h"
#include "ledger/audit.h"
#include "ledger/book.h"

/* An entry of the log about runs, as the archive counts kinds. */
struct audit_entry {
	uint16_t record;
	uint64_t first, last;
	uint64_t records; /* of a run */
	uint64_t entry;
	struct merkle_hash hash;
};

struct audit_entries {
	struct audit_entry *v; /* by kind, first and last run, records, entry */
	size_t n, cap;
};

struct audit {
	const struct audit_options *options;
	struct audit_result *result;
	pthread_mutex_t lock; /* of the result, while several threads work */
	struct book book;     /* the log */
	struct ledger_audit ledger;
	struct audit_entries runs, files, expired;
	struct archive *archive;
	int error; /* memory ended somewhere */
};

/* Adds a finding; the sentence is copied. Any thread. */
void audit_find(struct audit *a, const struct audit_finding *f, const char *sentence);

/* Reads the log and checks it against its checkpoints, the keys, the stamps and what was held. */
int audit_log(struct audit *a, int folder);
/* Checks the runs and files. */
int audit_runs(struct audit *a);

/* The place of the first entry that isn't before this kind and run. */
size_t audit_entries_from(const struct audit_entries *e, uint16_t record, uint64_t run);
/* The entries about one kind and first run; *ret_n may be 0. */
const struct audit_entry *audit_entries_of(
    const struct audit_entries *e, uint16_t record, uint64_t run, size_t *ret_n);
/* Whether the log says that the run was dropped. */
bool audit_is_expired(const struct audit *a, uint16_t record, uint64_t run);

#endif
