/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LEDGER_KEY_H
#define LEDGER_KEY_H

/*
 * Ed25519 keys in the text form of C2SP signed notes:
 *
 *   NAME+ID+BASE64                a verifier key: BASE64 is of the type's byte and the 32 public bytes
 *   PRIVATE+KEY+NAME+ID+BASE64    a signing key: BASE64 is of the type's byte and the 32 secret bytes
 *
 * ID is eight hexadecimal digits: the first four bytes of SHA-256(NAME, newline, type's byte, public key). It
 * tells keys apart and proves nothing. Secret bytes are wiped wherever they were held. A private key lies in
 * a file of its own, which nobody but its owner may read; doc/evidence.md tells who should hold it.
 *
 * Threads: a key may be used by several at once. Errors: -EINVAL (not a key of that form, an unfit name),
 * -EEXIST (a file is never overwritten), -EPERM (a private key's file that others may read), -errno.
 */

#include "base/text.h"

enum ledger_key_type {
	LEDGER_KEY_SIGNER = 0x01,  /* signs a note's text */
	LEDGER_KEY_WITNESS = 0x04, /* cosigns a checkpoint with a time (C2SP tlog-cosignature) */
};

enum {
	LEDGER_KEY_NAME_MAX = 255,
	LEDGER_KEY_TEXT_SIZE = 384, /* of any key's text and its NUL */
	LEDGER_KEY_ID_SIZE = 4,
	LEDGER_KEY_BYTES = 32,
	LEDGER_SIGNATURE_BYTES = 64,
	LEDGER_KEYS_MAX = 64 /* that are asked about at once */
};

struct ledger_verifier {
	enum ledger_key_type type;
	uint8_t id[LEDGER_KEY_ID_SIZE];
	uint8_t public_key[LEDGER_KEY_BYTES];
	char name[LEDGER_KEY_NAME_MAX + 1];
};

struct ledger_key;

/* A name for a key or an origin of ours: 1 to LEDGER_KEY_NAME_MAX visible ASCII characters without '+'. */
bool ledger_name_fit(struct text name);

int ledger_verifier_parse(struct text t, struct ledger_verifier *ret_verifier);
/* buf has LEDGER_KEY_TEXT_SIZE bytes. Returns buf. */
char *ledger_verifier_print(const struct ledger_verifier *v, char *buf);
bool ledger_verifier_equal(const struct ledger_verifier *a, const struct ledger_verifier *b);
/* Whether `signature` (64 bytes) is this key's over n bytes: 0, -ERR_CHECKSUM, -ENOMEM. */
int ledger_verifier_check(const struct ledger_verifier *v, const void *p, size_t n, const uint8_t *signature);
/*
 * A file of verifier keys, one a line; empty lines and lines that begin with '#' are passed over. They are
 * added behind the *n that are there already, up to LEDGER_KEYS_MAX (-ERR_LIMIT). *ret_line (may be NULL):
 * the line that an -EINVAL is about.
 */
int ledger_verifiers_read(const char *path, struct ledger_verifier *keys, size_t *n, size_t *ret_line);
/* Makes a file with the verifier key, which anybody may read. */
int ledger_verifier_write(const struct ledger_verifier *v, const char *path);

/* A new key from the system's random numbers. */
int ledger_key_generate(struct ledger_key **ret_key, enum ledger_key_type type, struct text name);
int ledger_key_parse(struct text t, struct ledger_key **ret_key);
int ledger_key_read(const char *path, struct ledger_key **ret_key);
/* Makes the file, mode 0600, durably. */
int ledger_key_write(const struct ledger_key *k, const char *path);
/* The secret's text, with its NUL: buf has LEDGER_KEY_TEXT_SIZE bytes, which the caller wipes. 0 or -ENOMEM.
 */
int ledger_key_print(const struct ledger_key *k, char *buf);
void ledger_key_free(struct ledger_key *k);
/* Borrowed as long as the key lives. */
const struct ledger_verifier *ledger_key_verifier(const struct ledger_key *k);
/* 64 bytes. 0 or -ENOMEM. */
int ledger_key_sign(const struct ledger_key *k, const void *p, size_t n, uint8_t *ret_signature);
/* What went wrong with a key's file, as a phrase for people, and what would be right. */
const char *ledger_key_error(int error);

#endif
