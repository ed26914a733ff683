/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The ledger's side of an audit: the log, its checkpoints, and what the entries say about which runs. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/vec.h"
#include "daemon/audit_parts.h"
#include "ledger/file.h"
#include "ledger/history.h"
#include "ledger/load.h"
#include "ledger/proof.h"
#include "ledger/timestamp.h"

enum { SENTENCE_SIZE = 512 };

/* A finding about the ledger itself. */
static void find(struct audit *a, enum audit_what what, const char *sentence)
{
	struct audit_finding f = {
	    .what = what, .first = AUDIT_UNKNOWN, .last = AUDIT_UNKNOWN, .entry = AUDIT_UNKNOWN};
	audit_find(a, &f, sentence);
}

static void __attribute__((format(printf, 3, 4)))
findf(struct audit *a, enum audit_what what, const char *format, ...)
{
	char sentence[SENTENCE_SIZE];
	va_list args;
	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	find(a, what, sentence);
}

/* The faults of ledger_audit, kept until its end: some are none where a later checkpoint is good. */
struct faults {
	struct ledger_audit_fault *v;
	size_t n, cap;
	uint64_t more;
	int error;
};

static void on_fault(void *context, const struct ledger_audit_fault *fault)
{
	struct faults *f = context;
	int r = VEC_RESERVE(f->v, &f->cap, f->n, LEDGER_ENTRIES_MAX);
	if (r == -ERR_LIMIT)
		f->more++;
	else if (r < 0)
		f->error = r;
	else
		f->v[f->n++] = *fault;
}

static void find_fault(struct audit *a, const struct ledger_audit_fault *f)
{
	enum audit_what what = f->file == LEDGER_AUDIT_LOG ? AUDIT_LOG
	                       : f->error == -EACCES       ? AUDIT_SIGNATURE
	                                                   : AUDIT_CHECKPOINT;
	if (f->file == LEDGER_AUDIT_LOG)
		findf(a, what, "line %" PRIu64 " of the ledger: %s; nothing behind it can be used", f->line,
		    f->why);
	else if (f->line == 0)
		findf(a, what, "checkpoints: %s", f->why);
	else
		findf(a, what, "the checkpoint of %" PRIu64 " entries (line %" PRIu64 " of '%s') %s", f->size,
		    f->line, f->file == LEDGER_AUDIT_CHECKPOINT ? LEDGER_CHECKPOINT : LEDGER_HISTORY, f->why);
}

/* The latest checkpoint stands in two files; what is wrong with it is told once. */
static bool is_told(const struct faults *all, const struct ledger_audit_fault *f)
{
	for (size_t i = 0; f->file == LEDGER_AUDIT_CHECKPOINT && f->size && i < all->n; i++)
		if (all->v[i].file == LEDGER_AUDIT_CHECKPOINTS && all->v[i].size == f->size &&
		    all->v[i].error == f->error && strcmp(all->v[i].why, f->why) == 0)
			return true;
	return false;
}

static void find_faults(struct audit *a, const struct faults *all)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct ledger_audit_fault *f = &all->v[i];
		/* whoever trusts only the latest of several keys: the checkpoint that it signed covers this
		 * one */
		if (f->error == -EACCES && f->line && f->size <= a->ledger.signed_entries)
			a->result->older_keys += f->file == LEDGER_AUDIT_CHECKPOINTS;
		else if (!is_told(all, f))
			find_fault(a, f);
	}
	a->result->found += all->more;
}

static void take_result(struct audit *a)
{
	struct audit_result *r = a->result;
	r->entries = a->book.n;
	r->checkpoints = a->ledger.checkpoints;
	r->sealed_entries = a->ledger.signed_entries < a->book.n ? a->ledger.signed_entries : a->book.n;
	r->cosigned_entries = a->ledger.cosigned_entries;
	r->torn_bytes = a->ledger.torn + a->ledger.torn_checkpoints;
	if (a->book.n)
		r->origin = arena_text(&r->arena, book_at(&a->book, 0).text);
}

/* By which key the largest good checkpoint counts. */
static int find_key(struct audit *a, int folder)
{
	struct audit_result *r = a->result;
	struct dynbuf bytes = {0};
	struct note note;
	struct checkpoint c;
	struct checkpoint_verdict v = {0};
	const struct ledger_trust trust = {.keys = a->ledger.keys, .n_keys = a->ledger.n_keys};
	r->key_given = a->options->trust->n_keys > 0;
	if (!r->key_given || !r->sealed_entries)
		return 0;
	int e = history_find(folder, r->sealed_entries, &bytes);
	if (e == 0)
		e = checkpoint_parse_note(dynbuf_view(&bytes), &note, &c, NULL);
	if (e == 0)
		e = checkpoint_verify(&note, &trust, &v);
	for (size_t i = 0; e == 0 && i < trust.n_keys; i++)
		if (v.signers >> i & 1) {
			r->key = trust.keys[i];
			r->key_rotated = i >= a->options->trust->n_keys;
			break;
		}
	dynbuf_free(&bytes);
	return e == -ENOMEM ? e : 0;
}

static bool fits(const struct audit *a, const struct proof_tree *tree, const struct checkpoint *c)
{
	if (c->size > a->book.n || !text_equal(c->origin, a->result->origin))
		return false;
	struct merkle_hash root = proof_tree_root_at(tree, c->size);
	return merkle_equal(&root, &c->root);
}

/* What an outsider kept says more than all that lies beside the archive. */
static void check_held(struct audit *a, const struct proof_tree *tree)
{
	const struct ledger_trust trust = {.keys = a->ledger.keys, .n_keys = a->ledger.n_keys};
	const char *why = NULL;
	struct note note;
	struct checkpoint c;
	struct checkpoint_verdict v;
	if (checkpoint_parse_note(a->options->held, &note, &c, &why) < 0) {
		findf(a, AUDIT_HELD, "the checkpoint held elsewhere is none: %s", why);
		return;
	}
	int r = trust.n_keys ? checkpoint_verify(&note, &trust, &v) : 0;
	if (r < 0)
		findf(a, AUDIT_HELD, "the checkpoint held elsewhere %s",
		    r == -EACCES ? "isn't signed by a trusted key"
		                 : "has a signature of a known key that doesn't fit its text");
	else if (!text_equal(c.origin, a->result->origin))
		find(a, AUDIT_HELD, "the checkpoint held elsewhere is of another log");
	else if (c.size > a->book.n)
		findf(a, AUDIT_HELD,
		    "the checkpoint held elsewhere is of %" PRIu64 " entries, the log has %zu: it was cut "
		    "or begun anew",
		    c.size, a->book.n);
	else if (!fits(a, tree, &c))
		findf(a, AUDIT_HELD,
		    "the first %" PRIu64 " entries aren't those of the checkpoint held elsewhere: the log "
		    "was rewritten",
		    c.size);
	else
		a->result->held_entries = c.size;
}

static int check_stamp(
    struct audit *a, int folder, const struct note *note, const struct checkpoint *c, bool fitting)
{
	struct audit_result *r = a->result;
	struct dynbuf response = {0};
	const char *why = "";
	int64_t time;
	int e = timestamp_read(folder, c->size, &response);
	if (e == -ENOENT)
		return 0;
	r->stamps++;
	if (e == 0 && a->options->ca)
		e = timestamp_verify(
		    dynbuf_view(&response), (struct text){0}, note->text, a->options->ca, &time, &why);
	if (e < 0 && e != -ENOMEM)
		findf(a, AUDIT_STAMP,
		    "the time stamp of the checkpoint of %" PRIu64 " entries doesn't hold: %s", c->size,
		    *why ? why : err_text(e));
	else if (e == 0 && a->options->ca && fitting && c->size >= r->stamped_entries) {
		r->stamped_entries = c->size;
		r->stamped_at = time;
	}
	dynbuf_free(&response);
	return e == -ENOMEM ? e : 0;
}

static int check_stamps(struct audit *a, int folder, const struct proof_tree *tree)
{
	struct history *history;
	uint64_t before = AUDIT_UNKNOWN;
	struct text bytes;
	int r = history_open(&history, folder);
	if (r < 0)
		return r;
	while ((r = history_next(history, &bytes)) == 0) {
		struct note note;
		struct checkpoint c;
		/* one to which signatures were added comes again */
		if (checkpoint_parse_note(bytes, &note, &c, NULL) < 0 || c.size == before)
			continue;
		before = c.size;
		r = check_stamp(a, folder, &note, &c, fits(a, tree, &c));
		if (r < 0)
			break;
	}
	history_close(history);
	if ((r == -ENOENT || r == -ERR_TRUNCATED) && a->options->ca && !a->result->stamps)
		find(a, AUDIT_STAMP, "no checkpoint has a time stamp");
	return r == -ENOENT || r == -ERR_TRUNCATED ? 0 : r;
}

/* --- what the entries say about which runs --- */

static int compare(const void *p, const void *q)
{
	const struct audit_entry *x = p, *y = q;
	const uint64_t a[] = {x->record, x->first, x->last, x->records, x->entry};
	const uint64_t b[] = {y->record, y->first, y->last, y->records, y->entry};
	for (size_t i = 0; i < sizeof(a) / sizeof(*a); i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

static uint16_t record_of(struct text kind)
{
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++) {
		const struct archive_layout *l = archive_layout_of(i);
		if (l && text_equal(kind, text_of(l->name)))
			return l->record;
	}
	return 0;
}

static int add_entry(struct audit *a, const struct ledger_entry *e, uint64_t i)
{
	struct audit_entries *to = e->type == LEDGER_RUN           ? &a->runs
	                           : e->type == LEDGER_FILE        ? &a->files
	                           : e->type != LEDGER_EXPIRE      ? NULL
	                           : i < a->result->sealed_entries ? &a->expired
	                                                           : &a->expiring;
	struct audit_entry one = {
	    .first = e->first, .last = e->last, .records = e->records, .entry = i, .hash = e->hash};
	if (!to)
		return 0;
	one.record = record_of(e->kind);
	if (!one.record) {
		if (e->type == LEDGER_RUN)
			findf(a, AUDIT_LOG,
			    "line %" PRIu64 " of the ledger: %.*s is a kind of record that this program "
			    "doesn't know",
			    i + 1, (int)e->kind.n, e->kind.p);
		return 0;
	}
	int r = VEC_RESERVE(to->v, &to->cap, to->n, LEDGER_ENTRIES_MAX);
	if (r == 0)
		to->v[to->n++] = one;
	return r;
}

static void sort(struct audit_entries *e)
{
	if (e->n)
		qsort(e->v, e->n, sizeof(*e->v), compare);
}

/* Sorted `expire` lines as ranges that don't overlap, so that one search tells: of runs that were dropped
 * twice the first line speaks. */
static void part(struct audit_entries *e)
{
	size_t n = 0;
	for (size_t i = 0; i < e->n; i++) {
		const struct audit_entry *last = n ? &e->v[n - 1] : NULL;
		struct audit_entry next = e->v[i];
		if (last && last->record == next.record && last->last >= next.first)
			next.first = last->last + 1; /* numbers of a log are below 2^63 */
		if (next.first <= next.last)
			e->v[n++] = next;
	}
	e->n = n;
}

static int take_entries(struct audit *a)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < a->book.n; i++) {
		struct ledger_entry e = book_at(&a->book, i);
		r = add_entry(a, &e, i);
	}
	sort(&a->runs);
	sort(&a->files);
	sort(&a->expired);
	sort(&a->expiring);
	part(&a->expired);
	part(&a->expiring);
	return r;
}

size_t audit_entries_from(const struct audit_entries *e, uint16_t record, uint64_t run)
{
	size_t low = 0, high = e->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct audit_entry *m = &e->v[middle];
		if (m->record < record || (m->record == record && m->first < run))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct audit_entry *audit_entries_of(
    const struct audit_entries *e, uint16_t record, uint64_t run, size_t *ret_n)
{
	size_t at = audit_entries_from(e, record, run), n = 0;
	while (at + n < e->n && e->v[at + n].record == record && e->v[at + n].first == run)
		n++;
	*ret_n = n;
	return n ? &e->v[at] : NULL;
}

const struct audit_entry *audit_expiry_of(const struct audit_entries *expired, uint16_t record, uint64_t run)
{
	size_t at = audit_entries_from(expired, record, run + 1);
	const struct audit_entry *e = at ? &expired->v[at - 1] : NULL;
	return e && e->record == record && e->last >= run ? e : NULL;
}

/* --- all of it --- */

static int check_entries(struct audit *a, int folder)
{
	struct proof_tree *tree = NULL;
	int r = proof_tree_new(&tree, a->book.leaves, a->book.n);
	if (r < 0)
		return r;
	if (a->options->held.n)
		check_held(a, tree);
	r = check_stamps(a, folder, tree);
	if (a->result->held_entries > a->result->sealed_entries)
		a->result->sealed_entries = a->result->held_entries;
	if (a->result->sealed_entries)
		a->result->root = proof_tree_root_at(tree, a->result->sealed_entries);
	proof_tree_free(tree);
	return r < 0 ? r : take_entries(a);
}

int audit_log(struct audit *a, int folder)
{
	struct faults faults = {0};
	uint64_t size, torn;
	int fd, r = ledger_file_open(folder, LEDGER_LOG, O_RDONLY, &fd);
	if (r == -ENOENT) {
		find(a, AUDIT_LOG, "there is no ledger: nothing here can be checked against anything");
		return 0;
	}
	if (r < 0)
		return r;
	r = load_log(fd, &a->book, &size, &torn, NULL);
	close(fd);
	if (r < 0 && r != -ERR_MALFORMED) /* which ledger_audit tells */
		return r;
	a->result->has_log = true;
	r = ledger_audit(folder, a->options->trust, on_fault, &faults, &a->ledger);
	if (r == 0)
		r = faults.error;
	if (r == 0) {
		find_faults(a, &faults);
		take_result(a);
		r = find_key(a, folder);
	}
	if (r == 0)
		r = check_entries(a, folder);
	free(faults.v);
	return r;
}
