/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TEST_LEDGER_SIGNED_LOG_H
#define TEST_LEDGER_SIGNED_LOG_H

/* Keys, and a log with runs whose records the test makes up. */

#include "folder.h"
#include "ledger/history.h"
#include "ledger/key.h"
#include "ledger/ledger.h"

enum { RECORD_SIZE = 24 };

static inline struct ledger_key *key_made(enum ledger_key_type type, const char *name)
{
	struct ledger_key *k = NULL;
	assert_int_equal(ledger_key_generate(&k, type, text_of(name)), 0);
	return k;
}

/* Record i of a run. */
static inline void record_made(uint64_t run, uint64_t i, char *buf)
{
	memset(buf, 0, RECORD_SIZE);
	snprintf(buf, RECORD_SIZE, "record %d of %d", (int)i, (int)run);
}

static inline struct merkle_hash leaf_made(uint64_t run, uint64_t i)
{
	char buf[RECORD_SIZE];
	record_made(run, i, buf);
	return merkle_leaf(buf, sizeof(buf));
}

static inline void run_append(struct ledger *l, uint64_t number, uint64_t records)
{
	struct merkle_tree t = {0};
	for (uint64_t i = 0; i < records; i++) {
		struct merkle_hash leaf = leaf_made(number, i);
		merkle_add(&t, &leaf);
	}
	struct ledger_entry e = {.type = LEDGER_RUN,
	    .kind = TEXT("flow"),
	    .first = number,
	    .last = number,
	    .records = records,
	    .hash = merkle_root(&t)};
	assert_int_equal(ledger_append(l, &e), 0);
}

static inline struct dynbuf latest_note(const struct folder *f)
{
	struct dynbuf b = {0};
	assert_int_equal(history_latest(f->fd, &b), 0);
	return b;
}

#endif
