/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "keys.h"
#include "ledger/witness.h"

/* Notes, checkpoints, and what witnesses are asked. Properties: a note put together again
 * is the input; a checkpoint printed again is its text without extensions; a verdict names only keys that
 * were asked about. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_checkpoint(const struct note *n)
{
	struct checkpoint c;
	struct dynbuf again = {0};
	const char *why = NULL;
	if (checkpoint_parse(n->text, &c, &why) < 0) {
		assert(why);
		return;
	}
	checkpoint_print(&again, c.origin, c.size, &c.root);
	dynbuf_text(&again, c.extensions);
	assert(text_equal(dynbuf_view(&again), n->text));
	dynbuf_free(&again);
}

static void check_note(struct text t, const struct ledger_verifier *keys)
{
	struct note n;
	struct dynbuf again = {0};
	const struct ledger_trust trust = {
	    .keys = keys, .n_keys = 1, .witnesses = keys + 1, .n_witnesses = 1, .quorum = 1};
	struct checkpoint_verdict v;
	const char *why = NULL;
	if (note_parse(t, &n, &why) < 0) {
		assert(why);
		return;
	}
	dynbuf_text(&again, n.text);
	dynbuf_str(&again, "\n");
	for (size_t i = 0; i < n.n; i++)
		dynbuf_text(&again, n.signatures[i].line);
	assert(text_equal(dynbuf_view(&again), t));
	dynbuf_free(&again);
	int r = checkpoint_verify(&n, &trust, &v);
	assert(r == 0 || r == -EACCES || r == -ERR_CHECKSUM);
	assert(r != 0 || (v.signers == 1 && v.n_cosigners == 1));
	check_checkpoint(&n);
}

static void check_request(struct text t, const struct ledger_verifier *keys)
{
	struct ledger_key *w;
	struct dynbuf out = {0};
	struct text note;
	if (ledger_key_parse(TEXT(FUZZ_WITNESS_PRIVATE), &w) < 0)
		return;
	int r = witness_cosign(w, keys, 1, TEXT("example.org/log"), (struct text){0}, t, 1, &out, &note);
	assert((r == 0) == (out.n > 0));
	dynbuf_free(&out);
	ledger_key_free(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ledger_verifier keys[2];
	struct text t = text_bytes(data, size);
	if (ledger_verifier_parse(TEXT(FUZZ_LOG_KEY), &keys[0]) < 0 ||
	    ledger_verifier_parse(TEXT(FUZZ_WITNESS_KEY), &keys[1]) < 0)
		return 0;
	check_note(t, keys);
	check_request(t, keys);
	return 0;
}
