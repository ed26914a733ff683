/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LEDGER_NOTE_H
#define LEDGER_NOTE_H

/*
 * C2SP signed notes: a text that ends in a newline, a blank line, and signature lines ("— NAME BASE64", where
 * BASE64 is of the key's id and the signature). The signatures of type 0x01 (Ed25519 over the text) and 0x04
 * (checkpoint cosignatures with a time, C2SP tlog-cosignature) are known; lines of keys that nobody asked
 * about are ignored, as the format wants. Pure; nothing is owned, a parsed note borrows from its bytes.
 *
 * Bounds: NOTE_SIZE_MAX bytes, NOTE_SIGNATURES_MAX signatures (-ERR_LIMIT). Errors: -ERR_MALFORMED,
 * -ERR_CHECKSUM (a known key's signature that isn't one).
 */

#include "base/dynbuf.h"
#include "ledger/key.h"

enum { NOTE_SIZE_MAX = 1 << 20, NOTE_SIGNATURES_MAX = 100 };

struct note_signature {
	struct text line; /* with its newline */
	struct text name;
	struct text base64;
	uint8_t id[LEDGER_KEY_ID_SIZE];
};

struct note {
	struct text text; /* with its final newline: what is signed */
	struct note_signature signatures[NOTE_SIGNATURES_MAX];
	size_t n;
};

/* Which of the keys asked about have signed: bit i is keys[i]. */
struct note_verdict {
	uint64_t signers;
	uint64_t time_s[LEDGER_KEYS_MAX]; /* of cosignatures: seconds since 1970, as the witness says */
};

/* The whole of t. *ret_why (may be NULL) says what is wrong with it. */
int note_parse(struct text t, struct note *ret_note, const char **ret_why);
/* One line of signature, with its newline. */
int note_parse_signature(struct text line, struct note_signature *ret_signature);
/* Checks every signature of one of the keys, of which there are up to LEDGER_KEYS_MAX. No signature of a
 * known key at all is no error: ret_verdict->signers is 0. */
int note_verify(
    const struct note *note, const struct ledger_verifier *keys, size_t n, struct note_verdict *ret_verdict);
/*
 * Appends the key's signature line over the text: of a signing key an Ed25519 signature, of a witness's key a
 * cosignature that says time_s. 0, -ENOMEM, out's error, or -EINVAL (a text that no note can have).
 */
int note_sign(struct dynbuf *out, struct text text, const struct ledger_key *key, uint64_t time_s);

#endif
