/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LEDGER_BOOK_H
#define LEDGER_BOOK_H

/*
 * The entries of a log in memory, with the rules of their order: `begin` first and once; a run never shrinks,
 * and with as many records it has the same root; `file` and `expire` name runs that were entered. No files.
 * Bounds: LEDGER_ENTRIES_MAX entries of 96 bytes, BOOK_KINDS_MAX kinds of record (-ERR_LIMIT).
 */

#include "base/dynbuf.h"
#include "ledger/ledger.h"

enum { BOOK_KINDS_MAX = 64 };

struct table;

struct book_entry {
	uint8_t type, kind;
	uint32_t before;      /* run: the entry before it about the same run; 0: none */
	uint64_t first, last; /* begin, key: where the text is, and how long */
	union {
		uint64_t records;
		int64_t time;
	} u;
	struct merkle_hash hash;
};

struct book {
	struct book_entry *entries;
	struct merkle_hash *leaves; /* of the lines */
	size_t n, cap, leaves_cap;
	struct merkle_tree tree;
	char kinds[BOOK_KINDS_MAX][LEDGER_KIND_MAX + 1];
	size_t n_kinds;
	struct dynbuf texts;
	struct table *runs; /* (number, kind) -> the last entry about that run */
};

/* A place to come back to. */
struct book_mark {
	size_t n, n_kinds, n_texts;
	struct merkle_tree tree;
};

/* -ENOMEM; to be freed after that too. */
int book_init(struct book *b);
void book_free(struct book *b);
/* Adds an entry, whose line is given, unless the rules forbid it: -ERR_MALFORMED, then *ret_why says why. */
int book_add(struct book *b, const struct ledger_entry *e, struct text line, const char **ret_why);
struct book_mark book_mark(const struct book *b);
/* Takes back what was added since. */
void book_back(struct book *b, const struct book_mark *m);
/* The texts are borrowed until something is added. */
struct ledger_entry book_at(const struct book *b, size_t i);
/* The last entry about a run. -ENOENT. */
int book_find_run(const struct book *b, struct text kind, uint64_t number, uint64_t *ret_index);

#endif
