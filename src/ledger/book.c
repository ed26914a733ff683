/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/book.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/err.h"
#include "base/table.h"
#include "base/vec.h"

enum { TEXTS_MAX = 1 << 26 };

struct run_key {
	uint64_t number, kind;
};

int book_init(struct book *b)
{
	uint64_t seed;
	*b = (struct book){.texts = {.max = TEXTS_MAX}};
	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		return -EIO;
	return table_new(&b->runs, sizeof(struct run_key), sizeof(uint32_t), LEDGER_ENTRIES_MAX, seed);
}

void book_free(struct book *b)
{
	free(b->entries);
	free(b->leaves);
	dynbuf_free(&b->texts);
	table_free(b->runs);
	*b = (struct book){0};
}

static int find_kind(const struct book *b, struct text kind)
{
	for (size_t i = 0; i < b->n_kinds; i++)
		if (text_equal(kind, text_of(b->kinds[i])))
			return (int)i;
	return -ENOENT;
}

static const uint32_t *find_run(const struct book *b, int kind, uint64_t number)
{
	struct run_key key = {.number = number, .kind = (uint64_t)kind};
	return kind < 0 ? NULL : table_get(b->runs, &key);
}

static const char *forbids(const struct book *b, const struct ledger_entry *e, int kind)
{
	const uint32_t *first = find_run(b, kind, e->first);
	if ((b->n == 0) != (e->type == LEDGER_BEGIN))
		return b->n ? "a log has one begin entry" : "a log's first entry is its begin";
	switch (e->type) {
	case LEDGER_BEGIN:
	case LEDGER_KEY:
	case LEDGER_ACT: break;
	case LEDGER_RUN:
		if (first && e->records < b->entries[*first].u.records)
			return "the run had more records before";
		if (first && e->records == b->entries[*first].u.records &&
		    !merkle_equal(&e->hash, &b->entries[*first].hash))
			return "the run had another root with as many records";
		break;
	case LEDGER_FILE:
	case LEDGER_EXPIRE:
		if (!first || !find_run(b, kind, e->last))
			return "names a run that was not entered";
		break;
	}
	return NULL;
}

static int add_kind(struct book *b, struct text kind)
{
	if (b->n_kinds == BOOK_KINDS_MAX)
		return -ERR_LIMIT;
	memcpy(b->kinds[b->n_kinds], kind.p, kind.n);
	b->kinds[b->n_kinds][kind.n] = '\0';
	return (int)b->n_kinds++;
}

/* The run's last entry is now number b->n; gives the one before it. */
static int point_run(struct book *b, int kind, uint64_t number, uint32_t *ret_before)
{
	struct run_key key = {.number = number, .kind = (uint64_t)kind};
	uint32_t *last = table_put(b->runs, &key, NULL);
	if (!last)
		return -ENOMEM;
	*ret_before = *last;
	*last = (uint32_t)b->n;
	return 0;
}

static int fill(struct book *b, const struct ledger_entry *e, int kind)
{
	struct book_entry *to = &b->entries[b->n];
	int r = 0;
	*to = (struct book_entry){.type = (uint8_t)e->type, .first = e->first, .last = e->last};
	switch (e->type) {
	case LEDGER_BEGIN:
	case LEDGER_KEY:
	case LEDGER_ACT:
		to->first = b->texts.n;
		to->last = e->text.n;
		dynbuf_text(&b->texts, e->text);
		r = b->texts.error;
		b->texts.error = 0;
		to->u.time = e->time;
		return r;
	case LEDGER_RUN:
	case LEDGER_FILE:
	case LEDGER_EXPIRE: break;
	}
	if (kind < 0)
		kind = add_kind(b, e->kind);
	if (kind < 0)
		return kind;
	to->kind = (uint8_t)kind;
	to->hash = e->hash;
	if (e->type == LEDGER_EXPIRE)
		to->u.time = e->time;
	else
		to->u.records = e->records;
	return e->type == LEDGER_RUN ? point_run(b, kind, e->first, &to->before) : 0;
}

int book_add(struct book *b, const struct ledger_entry *e, struct text line, const char **ret_why)
{
	int kind = find_kind(b, e->kind);
	const char *why = forbids(b, e, kind);
	if (why) {
		if (ret_why)
			*ret_why = why;
		return -ERR_MALFORMED;
	}
	size_t n_kinds = b->n_kinds;
	int r = VEC_RESERVE(b->entries, &b->cap, b->n, LEDGER_ENTRIES_MAX);
	if (r == 0)
		r = VEC_RESERVE(b->leaves, &b->leaves_cap, b->n, LEDGER_ENTRIES_MAX);
	if (r == 0)
		r = fill(b, e, kind);
	if (r < 0) {
		b->n_kinds = n_kinds;
		return r;
	}
	b->leaves[b->n] = merkle_leaf(line.p, line.n);
	merkle_add(&b->tree, &b->leaves[b->n]);
	b->n++;
	return 0;
}

struct book_mark book_mark(const struct book *b)
{
	return (struct book_mark){.n = b->n, .n_kinds = b->n_kinds, .n_texts = b->texts.n, .tree = b->tree};
}

void book_back(struct book *b, const struct book_mark *m)
{
	while (b->n > m->n) {
		const struct book_entry *e = &b->entries[--b->n];
		struct run_key key = {.number = e->first, .kind = e->kind};
		if (e->type != LEDGER_RUN)
			continue;
		if (e->before)
			*(uint32_t *)table_get(b->runs, &key) = e->before;
		else
			table_remove(b->runs, &key);
	}
	b->n_kinds = m->n_kinds;
	b->texts.n = m->n_texts;
	b->tree = m->tree;
}

struct ledger_entry book_at(const struct book *b, size_t i)
{
	const struct book_entry *from = &b->entries[i];
	struct ledger_entry e = {.type = from->type};
	switch (e.type) {
	case LEDGER_BEGIN:
	case LEDGER_KEY:
	case LEDGER_ACT:
		e.text = text_bytes(b->texts.p + from->first, (size_t)from->last);
		e.time = from->u.time;
		return e;
	case LEDGER_EXPIRE: e.time = from->u.time; break;
	case LEDGER_RUN: e.records = from->u.records; break;
	case LEDGER_FILE: break;
	}
	e.kind = text_of(b->kinds[from->kind]);
	e.first = from->first;
	e.last = from->last;
	e.hash = from->hash;
	return e;
}

int book_find_run(const struct book *b, struct text kind, uint64_t number, uint64_t *ret_index)
{
	const uint32_t *entry = find_run(b, find_kind(b, kind), number);
	if (!entry)
		return -ENOENT;
	*ret_index = *entry;
	return 0;
}
