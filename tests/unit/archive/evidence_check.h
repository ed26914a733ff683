/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_ARCHIVE_EVIDENCE_CHECK_H
#define TESTS_ARCHIVE_EVIDENCE_CHECK_H

/* What verifying an archive does, in short: that the ledger and the records fit, for tests that leave an
 * archive in whatever state. Include after cmocka.h. */

#include <errno.h>

#include "archive/archive.h"
#include "archive/layout.h"
#include "ledger/audit.h"
#include "ledger/ledger.h"

struct evidence_faults {
	unsigned n;
	bool unsigned_log; /* there is no checkpoint, which is in order if there never was one */
};

static inline void evidence_fault(void *context, const struct ledger_audit_fault *f)
{
	struct evidence_faults *faults = context;
	if (f->file == LEDGER_AUDIT_CHECKPOINT && f->error == -ENOENT) {
		faults->unsigned_log = true;
		return;
	}
	faults->n++;
	print_message("fault in file %d, line %llu: %s\n", (int)f->file, (unsigned long long)f->line, f->why);
}

/* The first `most` leaves of a run. */
struct evidence_leaves {
	struct merkle_tree tree;
	uint64_t most;
};

static inline int evidence_add_leaf(void *context, struct text encoded)
{
	struct evidence_leaves *l = context;
	struct merkle_hash leaf = merkle_leaf(encoded.p, encoded.n);
	if (l->tree.leaves < l->most)
		merkle_add(&l->tree, &leaf);
	return 0;
}

/* Every entry about a run that is there has the root of its records, and no more records than are there.
 * Gives how many runs the ledger has of those that are there. */
static inline size_t evidence_check_runs(struct archive *a, struct ledger *l, enum msg_record record)
{
	size_t known = 0;
	for (size_t i = 0; i < archive_runs(a, record); i++) {
		struct archive_run run;
		struct ledger_entry e;
		struct evidence_leaves leaves = {.most = 0};
		uint64_t at;
		archive_run_at(a, record, i, &run);
		assert_int_equal(run.error, 0);
		if (ledger_find_run(l, text_of(archive_layout_of(record)->name), run.number, &at) < 0)
			continue;
		assert_int_equal(ledger_entry_at(l, at, &e), 0);
		assert_in_range(e.records, 1, run.records);
		leaves.most = e.records;
		assert_int_equal(archive_read_run(a, record, run.number, evidence_add_leaf, &leaves), 0);
		struct merkle_hash root = merkle_root(&leaves.tree);
		assert_true(merkle_equal(&root, &e.hash));
		known++;
	}
	return known;
}

/* The log is in order and its checkpoints are of it and signed by the key (NULL: whoever); gives how many
 * entries the largest one covers. */
static inline uint64_t evidence_check_log(struct archive *a, const struct ledger_verifier *key)
{
	struct ledger_trust trust = {.keys = key, .n_keys = key != NULL};
	struct ledger_audit audit;
	struct evidence_faults faults = {.n = 0};
	/* a reader's archive has none where a crash came before it was begun */
	if (!archive_ledger(a))
		return 0;
	assert_int_equal(ledger_audit(archive_folder_fd(a), &trust, evidence_fault, &faults, &audit), 0);
	assert_int_equal(faults.n, 0);
	assert_false(faults.unsigned_log && audit.checkpoints);
	return audit.signed_entries;
}

#endif
