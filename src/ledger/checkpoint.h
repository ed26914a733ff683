/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LEDGER_CHECKPOINT_H
#define LEDGER_CHECKPOINT_H

/*
 * C2SP tlog-checkpoints: the text of a note that says the size and root of a log: three lines (origin, size
 * in decimal, root in base 64), then lines of extension, which we don't write. Pure.
 */

#include "ledger/merkle.h"
#include "ledger/note.h"

struct checkpoint {
	struct text origin;
	uint64_t size;
	struct merkle_hash root;
	struct text extensions; /* whole lines; mostly none */
};

/* A note's text. -ERR_MALFORMED, then *ret_why (may be NULL) says why. */
int checkpoint_parse(struct text text, struct checkpoint *ret_checkpoint, const char **ret_why);
/* Note and checkpoint at once. */
int checkpoint_parse_note(
    struct text t, struct note *ret_note, struct checkpoint *ret_checkpoint, const char **ret_why);
/* Appends the text of a checkpoint. */
void checkpoint_print(struct dynbuf *out, struct text origin, uint64_t size, const struct merkle_hash *root);

/* Whom a verifier trusts: keys of the log (type 0x01) and of witnesses (type 0x04), and of how many witnesses
 * a checkpoint needs a cosignature. */
struct ledger_trust {
	const struct ledger_verifier *keys;
	size_t n_keys;
	const struct ledger_verifier *witnesses;
	size_t n_witnesses;
	size_t quorum;
};

struct checkpoint_verdict {
	uint64_t signers, cosigners; /* bit i: keys[i], witnesses[i] */
	size_t n_cosigners;
	uint64_t cosigned_s[LEDGER_KEYS_MAX]; /* when, by witnesses[i] */
};

/*
 * That one of the trusted keys signed the note and at least a quorum of the witnesses cosigned it.
 * -ERR_CHECKSUM (a bad signature of a known key), -EACCES (none of a trusted key, or too few cosignatures);
 * ret_verdict is written then too.
 */
int checkpoint_verify(
    const struct note *note, const struct ledger_trust *trust, struct checkpoint_verdict *ret_verdict);

#endif
