/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "ledger/checkpoint.h"
#include "ledger/history.h"
#include "ledger/private.h"

/* The stored checkpoint of a size (0: the latest), taken apart; it borrows from *b. */
static int read_note(const struct ledger *l, uint64_t size, struct dynbuf *b, struct note *ret_note,
    struct checkpoint *ret_checkpoint)
{
	int r = size ? history_find(l->folder, size, b) : history_latest(l->folder, b);
	return r < 0 ? r : checkpoint_parse_note(dynbuf_view(b), ret_note, ret_checkpoint, NULL);
}

/* That a checkpoint is of this log. */
static int check(const struct ledger *l, const struct checkpoint *c)
{
	struct merkle_hash root;
	if (!text_equal(c->origin, text_of(l->origin)) || ledger_root_at(l, c->size, &root) < 0 ||
	    !merkle_equal(&root, &c->root))
		return -ERR_CHECKSUM;
	return 0;
}

int ledger_check_latest(const struct ledger *l)
{
	struct dynbuf b = {0};
	struct note note;
	struct checkpoint c;
	int r = read_note(l, 0, &b, &note, &c);
	if (r == 0)
		r = check(l, &c);
	dynbuf_free(&b);
	return r == -ENOENT ? 0 : r;
}

/* A note with the text and signatures of *from, where there is one, and those of the keys that lack. */
static int add_signatures(struct dynbuf *out, struct text text, const struct note *from,
    const struct ledger_key *const *keys, size_t n, bool *ret_news)
{
	struct ledger_verifier verifiers[LEDGER_KEYS_MAX];
	struct note_verdict v = {0};
	size_t missing = 0;
	for (size_t i = 0; i < n; i++)
		verifiers[i] = *ledger_key_verifier(keys[i]);
	int r = from ? note_verify(from, verifiers, n, &v) : 0;
	if (r < 0)
		return r;
	dynbuf_text(out, text);
	dynbuf_str(out, "\n");
	for (size_t i = 0; from && i < from->n; i++)
		dynbuf_text(out, from->signatures[i].line);
	for (size_t i = 0; i < n && r == 0; i++) {
		if (v.signers >> i & 1)
			continue;
		if ((from ? from->n : 0) + ++missing > NOTE_SIGNATURES_MAX)
			return -ERR_LIMIT;
		r = note_sign(out, text, keys[i], 0);
	}
	*ret_news = missing > 0;
	return r < 0 ? r : out->error;
}

int ledger_sign(struct ledger *l, const struct ledger_key *const *keys, size_t n)
{
	struct dynbuf text = {0}, stored = {0}, next = {.max = NOTE_SIZE_MAX};
	struct note note;
	struct checkpoint c;
	struct merkle_hash root = merkle_root(&l->book.tree);
	bool news = false;
	if (!l->writable)
		return -EROFS;
	if (n == 0 || n > LEDGER_KEYS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (ledger_key_verifier(keys[i])->type != LEDGER_KEY_SIGNER)
			return -EINVAL;
	checkpoint_print(&text, text_of(l->origin), l->book.n, &root);
	int r = text.error ? text.error : read_note(l, 0, &stored, &note, &c);
	bool any = r == 0;
	if (any)
		r = check(l, &c);
	else if (r == -ENOENT)
		r = 0;
	if (r == 0)
		r = add_signatures(&next, dynbuf_view(&text),
		    any && text_equal(note.text, dynbuf_view(&text)) ? &note : NULL, keys, n, &news);
	if (r == 0 && news)
		r = history_store(l->folder, dynbuf_view(&next), true, &l->history);
	dynbuf_free(&text);
	dynbuf_free(&stored);
	dynbuf_free(&next);
	return r;
}

int ledger_rotate(
    struct ledger *l, const struct ledger_key *const *keys, size_t n, const struct ledger_key *next)
{
	const struct ledger_key *all[LEDGER_KEYS_MAX];
	char text[LEDGER_KEY_TEXT_SIZE];
	if (n == 0 || n >= LEDGER_KEYS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		all[i] = keys[i];
	all[n] = next;
	struct ledger_entry e = {
	    .type = LEDGER_KEY, .text = text_of(ledger_verifier_print(ledger_key_verifier(next), text))};
	int r = ledger_append(l, &e);
	return r < 0 ? r : ledger_sign(l, all, n + 1);
}

static bool same_key(const struct note_signature *a, const struct note_signature *b)
{
	return memcmp(a->id, b->id, sizeof(a->id)) == 0 && text_equal(a->name, b->name);
}

struct timed {
	const struct note_signature *signature;
	uint64_t time_s; /* 0: it doesn't hold, or isn't a witness's */
};

/* Adds a note's signatures, with when they say that they were made. */
static int add_timed(const struct note *note, const struct ledger_verifier *witnesses, size_t n_witnesses,
    struct timed *all, size_t *n)
{
	struct note one = {.text = note->text, .n = 1};
	for (size_t i = 0; i < note->n; i++) {
		struct note_verdict v = {0};
		struct timed *to = &all[(*n)++];
		one.signatures[0] = note->signatures[i];
		int r = note_verify(&one, witnesses, n_witnesses, &v);
		if (r < 0 && r != -ERR_CHECKSUM)
			return r;
		*to = (struct timed){.signature = &note->signatures[i]};
		for (size_t k = 0; r == 0 && k < n_witnesses; k++)
			to->time_s = v.time_s[k] > to->time_s ? v.time_s[k] : to->time_s;
	}
	return 0;
}

/* Whether the same witness cosigned later, or said the same before. */
static bool outdated(const struct timed *all, size_t n, size_t i)
{
	for (size_t k = 0; k < n; k++)
		if (same_key(all[k].signature, all[i].signature) &&
		    (all[k].time_s > all[i].time_s ||
		        (k < i && all[i].time_s && all[k].time_s == all[i].time_s)))
			return true;
	return false;
}

/* A note with *from's text and signatures and *more's; of a witness that cosigned more than once the newest
 * stays. */
static int merge(struct dynbuf *out, const struct note *from, const struct note *more,
    const struct ledger_verifier *witnesses, size_t n_witnesses)
{
	struct timed all[2 * NOTE_SIGNATURES_MAX];
	size_t n = 0, kept = 0;
	int r = add_timed(from, witnesses, n_witnesses, all, &n);
	if (r == 0)
		r = add_timed(more, witnesses, n_witnesses, all, &n);
	if (r < 0)
		return r;
	dynbuf_text(out, from->text);
	dynbuf_str(out, "\n");
	for (size_t i = 0; i < n; i++)
		if (!outdated(all, n, i)) {
			dynbuf_text(out, all[i].signature->line);
			kept++;
		}
	return kept > NOTE_SIGNATURES_MAX ? -ERR_LIMIT : out->error;
}

/* Takes the lines apart; each must be of one of the witnesses. */
static int parse_lines(
    struct text lines, const struct ledger_verifier *witnesses, size_t n, struct note *more)
{
	while (lines.n) {
		struct text line = text_sub(lines, 0, text_find(lines, '\n') + 1);
		struct note_signature *s = &more->signatures[more->n];
		bool known = false;
		if (more->n == NOTE_SIGNATURES_MAX)
			return -ERR_LIMIT;
		int r = note_parse_signature(line, s);
		if (r < 0)
			return r;
		for (size_t i = 0; i < n; i++)
			known = known || (witnesses[i].type == LEDGER_KEY_WITNESS &&
			                     text_equal(s->name, text_of(witnesses[i].name)) &&
			                     memcmp(s->id, witnesses[i].id, sizeof(s->id)) == 0);
		if (!known)
			return -EACCES;
		more->n++;
		lines = text_sub(lines, line.n, lines.n);
	}
	return more->n ? 0 : -ERR_MALFORMED;
}

int ledger_cosign(
    struct ledger *l, uint64_t size, struct text lines, const struct ledger_verifier *witnesses, size_t n)
{
	struct dynbuf latest = {0}, stored = {0}, next = {.max = NOTE_SIZE_MAX};
	struct note note, more = {0};
	struct checkpoint last, c;
	struct note_verdict v;
	if (!l->writable)
		return -EROFS;
	int r = read_note(l, 0, &latest, &note, &last);
	if (r == 0)
		r = read_note(l, size, &stored, &note, &c);
	if (r == 0)
		r = check(l, &c);
	if (r == 0)
		r = parse_lines(lines, witnesses, n, &more);
	if (r == 0) {
		more.text = note.text;
		r = note_verify(&more, witnesses, n, &v);
	}
	if (r == 0)
		r = merge(&next, &note, &more, witnesses, n);
	if (r == 0 && !text_equal(dynbuf_view(&next), dynbuf_view(&stored)))
		r = history_store(l->folder, dynbuf_view(&next), c.size == last.size, &l->history);
	dynbuf_free(&latest);
	dynbuf_free(&stored);
	dynbuf_free(&next);
	return r;
}
