/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/checkpoint.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/num.h"
#include "ledger/base64.h"

/* Takes the line at the front of *t, without its newline; an empty one where there is none. */
static struct text take_line(struct text *t)
{
	size_t end = text_find(*t, '\n');
	struct text line = text_sub(*t, 0, end);
	*t = text_sub(*t, end + 1, t->n);
	return line;
}

static const char *parse(struct text t, struct checkpoint *c)
{
	if (t.n == 0 || t.p[t.n - 1] != '\n')
		return "the text doesn't end in a newline";
	c->origin = take_line(&t);
	struct text size = take_line(&t), root = take_line(&t);
	if (c->origin.n == 0)
		return "the first line, the log's origin, is empty";
	if (num_parse_u64(size, INT64_MAX, &c->size) < 0 || (size.n > 1 && size.p[0] == '0'))
		return "the second line is not a size in decimal";
	if (base64_parse(root, c->root.b, sizeof(c->root.b)) < 0)
		return "the third line is not a root in base 64";
	c->extensions = t;
	while (t.n)
		if (take_line(&t).n == 0)
			return "an empty line of extension";
	return NULL;
}

int checkpoint_parse(struct text text, struct checkpoint *ret_checkpoint, const char **ret_why)
{
	struct checkpoint c = {0};
	const char *why = parse(text, &c);
	if (!why) {
		*ret_checkpoint = c;
		return 0;
	}
	if (ret_why)
		*ret_why = why;
	return -ERR_MALFORMED;
}

int checkpoint_parse_note(
    struct text t, struct note *ret_note, struct checkpoint *ret_checkpoint, const char **ret_why)
{
	int r = note_parse(t, ret_note, ret_why);
	return r < 0 ? r : checkpoint_parse(ret_note->text, ret_checkpoint, ret_why);
}

void checkpoint_print(struct dynbuf *out, struct text origin, uint64_t size, const struct merkle_hash *root)
{
	dynbuf_text(out, origin);
	dynbuf_printf(out, "\n%llu\n", (unsigned long long)size);
	base64_append(out, root->b, sizeof(root->b));
	dynbuf_str(out, "\n");
}

/* Keys of another type have signed something else, and a key that is listed twice counts once. */
static uint64_t counting(
    const struct ledger_verifier *keys, size_t n, enum ledger_key_type type, uint64_t signers)
{
	uint64_t mask = 0;
	for (size_t i = 0; i < n; i++) {
		bool again = false;
		for (size_t k = 0; k < i; k++)
			again = again || ((mask >> k & 1) && memcmp(keys[k].public_key, keys[i].public_key,
			                                         sizeof(keys[i].public_key)) == 0);
		if ((signers >> i & 1) && keys[i].type == type && !again)
			mask |= UINT64_C(1) << i;
	}
	return mask;
}

int checkpoint_verify(
    const struct note *note, const struct ledger_trust *trust, struct checkpoint_verdict *ret_verdict)
{
	struct note_verdict keys = {0}, witnesses = {0};
	int r = note_verify(note, trust->keys, trust->n_keys, &keys);
	if (r == 0)
		r = note_verify(note, trust->witnesses, trust->n_witnesses, &witnesses);
	if (r < 0)
		return r;
	struct checkpoint_verdict v = {
	    .signers = counting(trust->keys, trust->n_keys, LEDGER_KEY_SIGNER, keys.signers),
	    .cosigners = counting(
	        trust->witnesses, trust->n_witnesses, LEDGER_KEY_WITNESS, witnesses.signers)};
	for (size_t i = 0; i < trust->n_witnesses; i++) {
		v.cosigned_s[i] = witnesses.time_s[i];
		v.n_cosigners += v.cosigners >> i & 1;
	}
	*ret_verdict = v;
	return v.signers && v.n_cosigners >= trust->quorum ? 0 : -EACCES;
}
