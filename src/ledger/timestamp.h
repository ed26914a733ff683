/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LEDGER_TIMESTAMP_H
#define LEDGER_TIMESTAMP_H

/*
 * RFC 3161 time stamps over the text of a checkpoint, by OpenSSL: an authority's signed word that it saw the
 * SHA-256 of the text at a time. The response is kept whole, as DER, in checkpoint-SIZE.tsr beside the
 * checkpoints, so that `openssl ts -verify` reads it too.
 *
 * A certificate is judged as of the time that the stamp says: else every stamp would be void when its
 * authority's certificate ends. Bound: TIMESTAMP_MAX bytes. Errors: -ERR_MALFORMED (no time stamp response),
 * -EACCES (the authority refused, or its certificate doesn't lead to the CA file), -ERR_CHECKSUM (of another
 * text or request), -errno of the files.
 */

#include "base/dynbuf.h"

enum { TIMESTAMP_MAX = 1 << 16 };

/* Appends a request (DER) over the text, with a random nonce, that asks for the authority's certificate. */
int timestamp_request(struct text note_text, struct dynbuf *out);
/*
 * That the response stamps the text, by a certificate for time stamping that leads to one in the CA file
 * (PEM). request: what was asked (its nonce is compared), or empty later on. *ret_time: the time it says, in
 * nanoseconds. *ret_why (may be NULL): a phrase, static or OpenSSL's.
 */
int timestamp_verify(struct text response, struct text request, struct text note_text, const char *ca_file,
    int64_t *ret_time, const char **ret_why);
/* Keeps a response beside the checkpoint of that size, durably. */
int timestamp_store(int folder, uint64_t size, struct text response);
/* Appends the response kept for it. -ENOENT. */
int timestamp_read(int folder, uint64_t size, struct dynbuf *out);

#endif
