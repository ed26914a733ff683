/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/prove_chain.h"

#include <errno.h>

#include "ledger/checkpoint.h"
#include "ledger/history.h"

bool prove_chain_signed(const struct prove_chain *c, const struct note *note)
{
	struct note_verdict v = {0};
	return note_verify(note, c->keys, c->n, &v) == 0 && v.signers;
}

static bool is_of(const struct ledger *log, const struct checkpoint *c)
{
	struct merkle_hash root;
	return text_equal(c->origin, text_of(ledger_origin(log))) &&
	       ledger_root_at(log, c->size, &root) == 0 && merkle_equal(&root, &c->root);
}

/* Adds the key of a `key` line, if one of the chain handed over to it. */
static int follow(struct prove_chain *c, int folder, const struct ledger *log, uint64_t entry,
    const struct ledger_verifier *next)
{
	struct dynbuf bytes = {0};
	struct note note;
	struct checkpoint in;
	for (size_t i = 0; i < c->n; i++)
		if (ledger_verifier_equal(next, &c->keys[i]))
			return 0;
	int r = history_find(folder, entry + 1, &bytes);
	if (r == 0)
		r = checkpoint_parse_note(dynbuf_view(&bytes), &note, &in, NULL);
	if (r == 0 && is_of(log, &in) && prove_chain_signed(c, &note)) {
		c->lines[c->n] = entry;
		c->keys[c->n++] = *next;
	}
	dynbuf_free(&bytes);
	return r == -ENOMEM ? r : 0;
}

int prove_chain_find(
    struct prove_chain *ret_chain, int folder, const struct ledger *log, const struct ledger_verifier *first)
{
	struct prove_chain c = {.keys = {*first}, .n = 1};
	int r = 0;
	for (uint64_t i = 0; r == 0 && i < ledger_entries(log) && c.n < LEDGER_KEYS_MAX; i++) {
		struct ledger_entry e;
		struct ledger_verifier v;
		if (ledger_entry_at(log, i, &e) == 0 && e.type == LEDGER_KEY &&
		    ledger_verifier_parse(e.text, &v) == 0)
			r = follow(&c, folder, log, i, &v);
	}
	if (r == 0)
		*ret_chain = c;
	return r;
}
