/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/prove.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive/layout.h"
#include "base/err.h"
#include "base/vec.h"
#include "daemon/prove_chain.h"
#include "ledger/history.h"
#include "ledger/ledger.h"
#include "ledger/proof.h"
#include "ledger/timestamp.h"

/* A record that is wanted, and where it stands. */
struct wanted {
	uint16_t record;
	uint64_t run, index;
	size_t place; /* in the options */
};

/* The log's line about a run that is disclosed. */
struct line {
	uint16_t record;
	uint64_t run, needed;  /* the least number of records that it must count */
	uint64_t entry, least; /* the line taken; the first entry that counts enough */
	bool found;
};

struct prover {
	struct archive *archive;
	struct ledger *ledger;
	const struct prove_options *options;
	struct prove_result *result;
	struct arena arena;
	struct wanted *wanted; /* by kind, run, index */
	size_t n;
	struct line *lines; /* the runs, in that order */
	size_t n_lines;
	struct prove_chain chain; /* from the receiver's key on; empty where any will do */
	struct dynbuf checkpoint, timestamp;
	struct proof_tree *all, *log; /* of all entries; of those under the checkpoint */
	struct disclosure disclosure;
};

static int compare(const void *p, const void *q)
{
	const struct wanted *a = p, *b = q;
	const uint64_t x[] = {a->record, a->run, a->index}, y[] = {b->record, b->run, b->index};
	for (size_t i = 0; i < sizeof(x) / sizeof(*x); i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

static uint16_t record_of(struct text kind)
{
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++)
		if (archive_layout_of(i) && text_equal(kind, text_of(archive_layout_of(i)->name)))
			return (uint16_t)i;
	return 0;
}

/* A record that isn't there may have been dropped on purpose. Which ones were isn't known any more. */
static void find_drops(struct prover *p, uint16_t record)
{
	for (uint64_t i = 0; i < ledger_entries(p->ledger); i++) {
		struct ledger_entry e;
		if (ledger_entry_at(p->ledger, i, &e) < 0 || e.type != LEDGER_EXPIRE ||
		    record_of(e.kind) != record)
			continue;
		p->result->drops++;
		p->result->drop_entry = i;
		p->result->dropped_at = e.time;
	}
}

/* Where the records stand; one that is asked for twice is given once. */
static int locate(struct prover *p)
{
	const struct prove_options *o = p->options;
	p->wanted = arena_array(&p->arena, o->n, sizeof(*p->wanted));
	p->lines = arena_array(&p->arena, o->n, sizeof(*p->lines));
	if (!p->wanted || !p->lines)
		return -ENOMEM;
	for (size_t i = 0; i < o->n; i++) {
		struct wanted *w = &p->wanted[i];
		*w = (struct wanted){.record = o->records[i].record, .place = i};
		p->result->failed = i;
		int r = archive_locate(
		    p->archive, (enum msg_record)w->record, o->records[i].id, &w->run, &w->index);
		if (r == -ENOENT)
			find_drops(p, w->record);
		if (r < 0)
			return r;
	}
	p->result->failed = o->n;
	qsort(p->wanted, o->n, sizeof(*p->wanted), compare);
	for (size_t i = 0; i < o->n; i++)
		if (i == 0 || compare(&p->wanted[p->n - 1], &p->wanted[i]) != 0)
			p->wanted[p->n++] = p->wanted[i];
	return 0;
}

static void group(struct prover *p)
{
	struct line *l = NULL;
	for (size_t i = 0; i < p->n; i++) {
		const struct wanted *w = &p->wanted[i];
		if (!l || l->record != w->record || l->run != w->run) {
			l = &p->lines[p->n_lines++];
			*l = (struct line){.record = w->record, .run = w->run};
		}
		l->needed = w->index + 1;
	}
}

static bool is_of(const struct wanted *w, const struct line *l)
{
	return w->record == l->record && w->run == l->run;
}

static int compare_line(const void *p, const void *q)
{
	const struct line *a = p, *b = q;
	if (a->record != b->record)
		return a->record < b->record ? -1 : 1;
	return (a->run > b->run) - (a->run < b->run);
}

/* Of the first `size` entries, the last one about each run that counts enough; and the first one of all. */
static void find_lines(struct prover *p, uint64_t size)
{
	for (size_t i = 0; i < p->n_lines; i++)
		p->lines[i].found = false;
	for (uint64_t i = 0; i < size; i++) {
		struct ledger_entry e;
		if (ledger_entry_at(p->ledger, i, &e) < 0 || e.type != LEDGER_RUN)
			continue;
		struct line key = {.record = record_of(e.kind), .run = e.first};
		struct line *l = bsearch(&key, p->lines, p->n_lines, sizeof(key), compare_line);
		if (!l || e.records < l->needed)
			continue;
		if (!l->found)
			l->least = i;
		l->found = true;
		l->entry = i;
	}
}

/* The size from which on a checkpoint covers all that is wanted. */
static int covering(struct prover *p, uint64_t *ret_size)
{
	uint64_t size = 0;
	find_lines(p, ledger_entries(p->ledger));
	for (size_t i = 0, at = 0; i < p->n_lines; i++) {
		p->result->failed = p->wanted[at].place;
		if (!p->lines[i].found)
			return -EAGAIN;
		while (at < p->n && is_of(&p->wanted[at], &p->lines[i]))
			at++;
		size = p->lines[i].least + 1 > size ? p->lines[i].least + 1 : size;
	}
	p->result->failed = p->options->n;
	*ret_size = size;
	return 0;
}

/* How well a checkpoint is witnessed: its signatures and its time stamp. */
static size_t weight(const struct prover *p, const struct note *note, uint64_t size)
{
	struct dynbuf stamp = {0};
	bool stamped = timestamp_read(archive_folder_fd(p->archive), size, &stamp) == 0;
	dynbuf_free(&stamp);
	return note->n + stamped;
}

/* Whether the checkpoint is of this log. */
static bool is_ours(const struct prover *p, const struct checkpoint *c)
{
	if (!text_equal(c->origin, text_of(ledger_origin(p->ledger))) || c->size > proof_tree_size(p->all))
		return false;
	struct merkle_hash root = proof_tree_root_at(p->all, c->size);
	return merkle_equal(&root, &c->root);
}

/* Of the checkpoints that cover everything the best witnessed one, of those alike the latest. */
static int choose(struct prover *p, struct history *history, uint64_t least)
{
	const struct prove_options *o = p->options;
	struct text bytes;
	size_t best = 0;
	bool any = false, covering = false;
	int r;
	while ((r = history_next(history, &bytes)) == 0) {
		struct note note;
		struct checkpoint c;
		if (checkpoint_parse_note(bytes, &note, &c, NULL) < 0 || !is_ours(p, &c))
			continue;
		any = true;
		if (c.size < least || (o->size && c.size != o->size))
			continue;
		covering = true;
		if (p->chain.n && !prove_chain_signed(&p->chain, &note))
			continue;
		size_t w = weight(p, &note, c.size);
		if (w < best)
			continue;
		best = w;
		dynbuf_reset(&p->checkpoint);
		dynbuf_text(&p->checkpoint, bytes);
		p->result->size = c.size;
		p->result->signatures = note.n;
	}
	if (r != -ENOENT && r != -ERR_TRUNCATED)
		return r;
	if (!best)
		return covering ? -EACCES : any ? -EAGAIN : -ENODATA;
	return p->checkpoint.error;
}

static int take_checkpoint(struct prover *p)
{
	struct history *history = NULL;
	uint64_t least = 0;
	int folder = archive_folder_fd(p->archive);
	int r = proof_tree_new(&p->all, ledger_leaves(p->ledger), ledger_entries(p->ledger));
	if (r == 0)
		r = covering(p, &least);
	if (r == 0 && p->options->receiver)
		r = prove_chain_find(&p->chain, folder, p->ledger, p->options->receiver);
	if (r == 0)
		r = history_open(&history, folder);
	if (r == 0)
		r = choose(p, history, least);
	history_close(history);
	if (r < 0)
		return r;
	find_lines(p, p->result->size);
	r = timestamp_read(folder, p->result->size, &p->timestamp);
	p->result->stamped = r == 0;
	if (r < 0 && r != -ENOENT)
		return r;
	p->disclosure.checkpoint = dynbuf_view(&p->checkpoint);
	p->disclosure.timestamp = dynbuf_view(&p->timestamp);
	return proof_tree_new(&p->log, ledger_leaves(p->ledger), p->result->size);
}

static int path_of(
    struct prover *p, const struct proof_tree *tree, uint64_t index, struct disclosure_path *ret_path)
{
	struct merkle_hash path[PROOF_PATH_MAX];
	size_t n = 0;
	int r = proof_inclusion(tree, index, path, &n);
	struct merkle_hash *copy = arena_array(&p->arena, n ? n : 1, sizeof(*copy));
	if (r < 0 || !copy)
		return r < 0 ? r : -ENOMEM;
	if (n)
		memcpy(copy, path, n * sizeof(*copy));
	*ret_path = (struct disclosure_path){.hashes = copy, .n = n};
	return 0;
}

static int line_text(struct prover *p, uint64_t entry, struct text *ret_line)
{
	char line[LEDGER_LINE_MAX];
	size_t n = 0;
	int r = ledger_line_at(p->ledger, entry, line, &n);
	if (r < 0)
		return r;
	*ret_line = arena_text(&p->arena, text_bytes(line, n));
	return ret_line->p ? 0 : -ENOMEM;
}

/* --- records --- */

struct gather {
	struct prover *prover;
	struct merkle_hash *leaves; /* the first ones of the run, as many as its line counts */
	size_t n, cap;
	uint64_t count;
	const struct wanted *wanted; /* the next ones */
	size_t n_wanted, taken;
	struct disclosure_record *records;
};

static int on_leaf(void *context, struct text encoded)
{
	struct gather *g = context;
	if (g->n == g->count)
		return 1; /* what the line doesn't count */
	int r = VEC_RESERVE(g->leaves, &g->cap, g->n, (size_t)g->count);
	if (r < 0)
		return r;
	if (g->taken < g->n_wanted && g->wanted[g->taken].index == g->n) {
		struct text copy = arena_text(&g->prover->arena, encoded);
		if (!copy.p)
			return -ENOMEM;
		g->records[g->taken++] = (struct disclosure_record){.index = g->n, .encoded = copy};
	}
	g->leaves[g->n++] = merkle_leaf(encoded.p, encoded.n);
	return 0;
}

/* The records' paths in the run's tree, which must have the root of the line. */
static int prove_records(struct prover *p, struct gather *g, const struct merkle_hash *root)
{
	struct proof_tree *tree;
	int r = g->n == g->count && g->taken == g->n_wanted ? 0 : -ERR_CHECKSUM;
	if (r == 0)
		r = proof_tree_new(&tree, g->leaves, g->n);
	if (r < 0)
		return r;
	struct merkle_hash found = proof_tree_root(tree);
	r = merkle_equal(&found, root) ? 0 : -ERR_CHECKSUM;
	for (size_t i = 0; r == 0 && i < g->taken; i++)
		r = path_of(p, tree, g->records[i].index, &g->records[i].path);
	proof_tree_free(tree);
	return r;
}

static int prove_run(
    struct prover *p, const struct line *l, const struct wanted *first, size_t n, struct disclosure_run *run)
{
	struct gather g = {.prover = p, .wanted = first, .n_wanted = n};
	struct ledger_entry e;
	int r = ledger_entry_at(p->ledger, l->entry, &e);
	g.count = e.records;
	g.records = arena_array(&p->arena, n, sizeof(*g.records));
	if (!g.records)
		return -ENOMEM;
	if (r == 0)
		r = archive_read_run(p->archive, (enum msg_record)l->record, l->run, on_leaf, &g);
	if (r >= 0)
		r = prove_records(p, &g, &e.hash);
	free(g.leaves);
	if (r == 0)
		r = line_text(p, l->entry, &run->line);
	if (r == 0)
		r = path_of(p, p->log, l->entry, &run->path);
	run->index = l->entry;
	run->records = g.records;
	run->n = n;
	return r;
}

static int prove_runs(struct prover *p)
{
	struct disclosure_run *runs = arena_array(&p->arena, p->n_lines, sizeof(*runs));
	size_t at = 0;
	if (!runs)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_lines; i++) {
		const struct line *l = &p->lines[i];
		size_t n = 0;
		while (
		    at + n < p->n && p->wanted[at + n].record == l->record && p->wanted[at + n].run == l->run)
			n++;
		p->result->failed = p->wanted[at].place;
		if (!l->found)
			return -EAGAIN;
		int r = prove_run(p, l, &p->wanted[at], n, &runs[i]);
		if (r < 0)
			return r;
		at += n;
	}
	p->result->failed = p->options->n;
	p->disclosure.runs = runs;
	p->disclosure.n_runs = p->n_lines;
	return 0;
}

/* --- how the key was handed over --- */

static int prove_rotation(struct prover *p, uint64_t entry, struct disclosure_rotation *rot)
{
	struct dynbuf note = {0};
	struct proof_tree *tree = NULL;
	int r = history_find(archive_folder_fd(p->archive), entry + 1, &note);
	if (r == 0)
		r = proof_tree_new(&tree, ledger_leaves(p->ledger), entry + 1);
	if (r == 0)
		r = line_text(p, entry, &rot->line);
	if (r == 0)
		r = path_of(p, tree, entry, &rot->path);
	if (r == 0) {
		rot->index = entry;
		rot->checkpoint = arena_text(&p->arena, dynbuf_view(&note));
		r = rot->checkpoint.p ? 0 : -ENOMEM;
	}
	proof_tree_free(tree);
	dynbuf_free(&note);
	return r;
}

static int prove_rotations(struct prover *p)
{
	const struct prove_chain *c = &p->chain;
	size_t n = 0;
	int r = 0;
	struct disclosure_rotation *list = arena_array(&p->arena, LEDGER_KEYS_MAX, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 1; r == 0 && i < c->n; i++)
		if (c->lines[i] < p->result->size)
			r = prove_rotation(p, c->lines[i], &list[n++]);
	p->disclosure.rotations = list;
	p->disclosure.n_rotations = n;
	p->result->rotations = n;
	return r;
}

int prove(struct archive *a, const struct prove_options *options, struct dynbuf *out,
    struct prove_result *ret_result)
{
	struct prover p = {
	    .archive = a, .ledger = archive_ledger(a), .options = options, .result = ret_result};
	*ret_result = (struct prove_result){.failed = options->n};
	p.checkpoint.max = NOTE_SIZE_MAX;
	int r = options->n > PROVE_RECORDS_MAX ? -ERR_LIMIT : p.ledger ? 0 : -ENODATA;
	if (r == 0)
		r = locate(&p);
	if (r == 0) {
		group(&p);
		r = take_checkpoint(&p);
	}
	if (r == 0)
		r = prove_runs(&p);
	if (r == 0)
		r = prove_rotations(&p);
	if (r == 0)
		r = disclosure_print(&p.disclosure, out);
	ret_result->records = p.n;
	ret_result->runs = p.n_lines;
	proof_tree_free(p.all);
	proof_tree_free(p.log);
	dynbuf_free(&p.checkpoint);
	dynbuf_free(&p.timestamp);
	arena_free(&p.arena);
	return r;
}
