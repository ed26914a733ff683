/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/witness.h"

#include <errno.h>

#include "base/err.h"
#include "base/num.h"
#include "ledger/base64.h"

static const char old_word[] = "old ";

int witness_request(struct dynbuf *out, const struct merkle_hash *leaves, uint64_t n, uint64_t old,
    struct text checkpoint_note)
{
	struct merkle_hash path[PROOF_PATH_MAX];
	struct proof_tree *t;
	struct note note;
	struct checkpoint c;
	size_t n_path;
	int r = checkpoint_parse_note(checkpoint_note, &note, &c, NULL);
	if (r < 0)
		return r;
	if (old > c.size || c.size > n)
		return -EINVAL;
	r = proof_tree_new(&t, leaves, c.size);
	if (r < 0)
		return r;
	r = proof_consistency(t, old, path, &n_path);
	proof_tree_free(t);
	if (r < 0)
		return r;
	dynbuf_printf(out, "%s%llu\n", old_word, (unsigned long long)old);
	for (size_t i = 0; i < n_path; i++) {
		base64_append(out, path[i].b, sizeof(path[i].b));
		dynbuf_str(out, "\n");
	}
	dynbuf_str(out, "\n");
	dynbuf_text(out, checkpoint_note);
	return out->error;
}

struct request {
	uint64_t old;
	struct merkle_hash path[PROOF_PATH_MAX];
	size_t n;
	struct text bytes; /* of the note */
	struct note note;
	struct checkpoint checkpoint;
};

static struct text take_line(struct text *t)
{
	size_t end = text_find(*t, '\n');
	struct text line = text_sub(*t, 0, end);
	*t = text_sub(*t, end + 1, t->n);
	return line;
}

static int parse(struct text t, struct request *q)
{
	struct text line = take_line(&t), word = text_of(old_word);
	struct text size = text_sub(line, word.n, line.n);
	if (!text_equal(text_sub(line, 0, word.n), word) || num_parse_u64(size, INT64_MAX, &q->old) < 0 ||
	    (size.n > 1 && size.p[0] == '0'))
		return -ERR_MALFORMED;
	for (line = take_line(&t); line.n; line = take_line(&t))
		if (q->n == PROOF_PATH_MAX || base64_parse(line, q->path[q->n++].b, MERKLE_HASH_SIZE) < 0)
			return -ERR_MALFORMED;
	q->bytes = t;
	return checkpoint_parse_note(t, &q->note, &q->checkpoint, NULL);
}

/* That the request's checkpoint extends the one that was cosigned last. */
static int follows(const struct request *q, struct text last)
{
	struct note note;
	struct checkpoint before = {0};
	const struct merkle_tree empty = {0};
	before.root = merkle_root(&empty);
	int r = last.n ? checkpoint_parse_note(last, &note, &before, NULL) : 0;
	if (r < 0)
		return r;
	if (q->old != before.size)
		return -EAGAIN;
	r = proof_check_consistency(
	    q->old, q->checkpoint.size, &before.root, &q->checkpoint.root, q->path, q->n);
	return r == -EINVAL ? -ERR_MALFORMED : r;
}

int witness_cosign(const struct ledger_key *key, const struct ledger_verifier *log_keys, size_t n,
    struct text origin, struct text last, struct text request, uint64_t time_s, struct dynbuf *out,
    struct text *ret_note)
{
	const struct ledger_trust log = {.keys = log_keys, .n_keys = n};
	struct checkpoint_verdict v;
	struct request q = {0};
	if (ledger_key_verifier(key)->type != LEDGER_KEY_WITNESS)
		return -EINVAL;
	int r = parse(request, &q);
	if (r == 0 && !text_equal(q.checkpoint.origin, origin))
		r = -EACCES;
	if (r == 0)
		r = checkpoint_verify(&q.note, &log, &v);
	if (r == 0)
		r = follows(&q, last);
	if (r == 0)
		r = note_sign(out, q.note.text, key, time_s);
	if (r == 0)
		*ret_note = q.bytes;
	return r;
}
