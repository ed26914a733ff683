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
	struct audit_entries runs, files;
	struct audit_entries expired;  /* ranges that don't touch, by lines under a checkpoint */
	struct audit_entries expiring; /* the same, by lines under none yet */
	struct archive *archive;
	int error; /* memory ended somewhere */
};

/* Adds a finding; the sentence is copied. Any thread. */
void audit_find(struct audit *a, const struct audit_finding *f, const char *sentence);

/* Reads the log and checks it against its checkpoints, the keys, the stamps and what was held. */
int audit_log(struct audit *a, int folder);
/* Checks the runs and files. */
int audit_runs(struct audit *a);
/* Looks at the runs of a kind of which the log has lines and the archive nothing, from `from` up to before
 * `to`: how many there are, dropped ones too. */
size_t audit_missing(struct audit *a, uint16_t record, uint64_t from, uint64_t to);
/* Runs whose file is gone or bad. A hole may be as wide as its maker liked. */
void audit_lost(struct audit *a, uint16_t record, uint64_t first, uint64_t last, int error);

/* The place of the first entry that isn't before this kind and run. */
size_t audit_entries_from(const struct audit_entries *e, uint16_t record, uint64_t run);
/* The entries about one kind and first run; *ret_n may be 0. */
const struct audit_entry *audit_entries_of(
    const struct audit_entries *e, uint16_t record, uint64_t run, size_t *ret_n);
/* The line that says of a run that it was dropped; NULL: none does. */
const struct audit_entry *audit_expiry_of(const struct audit_entries *expired, uint16_t record, uint64_t run);

#endif
