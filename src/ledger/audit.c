/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/err.h"
#include "ledger/book.h"
#include "ledger/file.h"
#include "ledger/history.h"
#include "ledger/load.h"
#include "ledger/proof.h"

struct auditor {
	const struct ledger_trust *trust;
	ledger_audit_fn each;
	void *context;
	struct ledger_audit *audit;
	struct book book;
	struct proof_tree *tree;
	bool unreadable;    /* the latest checkpoint is there, and not to be read */
	size_t keys_looked; /* entries before this have handed their keys over */
};

static void tell(struct auditor *a, const struct ledger_audit_fault *fault)
{
	a->audit->faults++;
	if (a->each)
		a->each(a->context, fault);
}

/* Trusts the keys that the log's first entries name: a key that was trusted before has signed them. */
static void take_keys(struct auditor *a, uint64_t entries)
{
	struct ledger_audit *audit = a->audit;
	for (; a->keys_looked < entries; a->keys_looked++) {
		struct ledger_entry e = book_at(&a->book, a->keys_looked);
		struct ledger_verifier v;
		bool known = e.type != LEDGER_KEY || ledger_verifier_parse(e.text, &v) < 0;
		for (size_t i = 0; i < audit->n_keys && !known; i++)
			known = ledger_verifier_equal(&v, &audit->keys[i]);
		if (!known && audit->n_keys < LEDGER_KEYS_MAX)
			audit->keys[audit->n_keys++] = v;
	}
}

static int against_log(const struct auditor *a, const struct checkpoint *c, const char **why)
{
	struct ledger_entry begin = a->book.n ? book_at(&a->book, 0) : (struct ledger_entry){0};
	*why = "is of another log";
	if (!text_equal(c->origin, begin.text))
		return -ERR_CHECKSUM;
	*why = "is of more entries than the log has";
	if (c->size > a->book.n)
		return -ERR_CHECKSUM;
	struct merkle_hash root = proof_tree_root_at(a->tree, c->size);
	*why = "has another root than the log's entries";
	return merkle_equal(&root, &c->root) ? 0 : -ERR_CHECKSUM;
}

static int against_keys(
    struct auditor *a, const struct note *note, struct checkpoint_verdict *v, const char **why)
{
	struct ledger_trust trust = *a->trust;
	trust.keys = a->audit->keys;
	trust.n_keys = a->audit->n_keys;
	trust.quorum = 0;
	int r = checkpoint_verify(note, &trust, v);
	if (r == -EACCES && a->trust->n_keys == 0)
		return 0;
	*why = r == -EACCES ? "is not signed by a trusted key"
	                    : "has a signature of a known key that doesn't fit its text";
	return r;
}

/* One checkpoint: what is wrong with it is told. Memory's end alone is an error. */
static int look(struct auditor *a, enum ledger_audit_file file, uint64_t line, struct text bytes)
{
	struct ledger_audit_fault fault = {.file = file, .line = line};
	struct checkpoint_verdict v = {0};
	struct note note;
	struct checkpoint c = {0};
	fault.error = checkpoint_parse_note(bytes, &note, &c, &fault.why);
	if (fault.error == 0)
		fault.error = against_log(a, &c, &fault.why);
	if (fault.error == 0)
		fault.error = against_keys(a, &note, &v, &fault.why);
	fault.size = c.size;
	if (fault.error == -ENOMEM)
		return -ENOMEM;
	if (fault.error < 0) {
		tell(a, &fault);
		return 0;
	}
	take_keys(a, c.size);
	if (c.size > a->audit->signed_entries)
		a->audit->signed_entries = c.size;
	if (a->trust->quorum && v.n_cosigners >= a->trust->quorum && c.size > a->audit->cosigned_entries)
		a->audit->cosigned_entries = c.size;
	return 0;
}

/* The text of a note, whatever its form. */
static struct text text_part(struct text bytes)
{
	struct note note;
	return note_parse(bytes, &note, NULL) == 0 ? note.text : bytes;
}

static int look_all(struct auditor *a, struct history *history, struct text latest)
{
	struct text note;
	bool found = false;
	int r;
	while ((r = history_next(history, &note)) == 0) {
		a->audit->checkpoints++;
		found = found || (latest.n && text_equal(text_part(note), text_part(latest)));
		r = look(a, LEDGER_AUDIT_CHECKPOINTS, history_line(history), note);
		if (r < 0)
			return r;
	}
	if (r != -ENOENT && r != -ERR_TRUNCATED)
		return r;
	a->audit->torn_checkpoints = history_torn(history);
	r = latest.n ? look(a, LEDGER_AUDIT_CHECKPOINT, 1, latest) : 0;
	if (latest.n && !found)
		tell(a, &(struct ledger_audit_fault){.file = LEDGER_AUDIT_CHECKPOINT,
		            .line = 1,
		            .error = -ERR_CHECKSUM,
		            .why = "is not among the log's checkpoints"});
	/* The first one stands in the history before it stands by itself: a crash may have come between. */
	if (!latest.n && !a->unreadable && a->audit->checkpoints != 1 &&
	    (a->audit->checkpoints || a->trust->n_keys))
		tell(a, &(struct ledger_audit_fault){
		            .file = LEDGER_AUDIT_CHECKPOINT, .error = -ENOENT, .why = "there is none"});
	if (a->trust->quorum && !a->audit->cosigned_entries)
		tell(a, &(struct ledger_audit_fault){.file = LEDGER_AUDIT_CHECKPOINTS,
		            .error = -EACCES,
		            .why = "none has the cosignatures of enough witnesses"});
	return r;
}

static int load(struct auditor *a, int folder)
{
	struct load_fault fault;
	uint64_t size;
	int fd, r = ledger_file_open(folder, LEDGER_LOG, O_RDONLY, &fd);
	if (r < 0)
		return r;
	r = load_log(fd, &a->book, &size, &a->audit->torn, &fault);
	close(fd);
	if (r == -ERR_MALFORMED) {
		tell(a, &(struct ledger_audit_fault){
		            .file = LEDGER_AUDIT_LOG, .line = fault.line, .error = r, .why = fault.why});
		r = 0;
	}
	a->audit->entries = a->book.n;
	return r < 0 ? r : proof_tree_new(&a->tree, a->book.leaves, a->book.n);
}

int ledger_audit(int folder, const struct ledger_trust *trust, ledger_audit_fn each, void *context,
    struct ledger_audit *ret_audit)
{
	struct ledger_audit audit = {.n_keys = trust->n_keys};
	struct auditor a = {.trust = trust, .each = each, .context = context, .audit = &audit};
	struct history *history = NULL;
	struct dynbuf latest = {0};
	if (trust->n_keys > LEDGER_KEYS_MAX || trust->n_witnesses > LEDGER_KEYS_MAX)
		return -ERR_LIMIT;
	for (size_t i = 0; i < trust->n_keys; i++)
		audit.keys[i] = trust->keys[i];
	/* In this order: a writer may be at work, and the log never lacks what a checkpoint is of. */
	int r = history_latest(folder, &latest);
	a.unreadable = r < 0 && r != -ENOENT && r != -ENOMEM;
	if (a.unreadable)
		tell(&a,
		    &(struct ledger_audit_fault){
		        .file = LEDGER_AUDIT_CHECKPOINT, .error = r, .why = "can't be read, or is too long"});
	if (r != -ENOMEM)
		r = history_open(&history, folder);
	if (r == 0)
		r = book_init(&a.book);
	if (r == 0)
		r = load(&a, folder);
	if (r == 0)
		r = look_all(&a, history, dynbuf_view(&latest));
	if (r == 0)
		*ret_audit = audit;
	proof_tree_free(a.tree);
	book_free(&a.book);
	history_close(history);
	dynbuf_free(&latest);
	return r;
}
