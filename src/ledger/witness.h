/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LEDGER_WITNESS_H
#define LEDGER_WITNESS_H

/*
 * What a witness is asked and answers, in the form of C2SP tlog-witness's add-checkpoint: a request is
 *
 *   old SIZE             the size that the witness cosigned last; 0 at first
 *   BASE64               the consistency proof from there, a hash a line
 *   (blank line)
 *   the checkpoint
 *
 * and the answer one signature line. Any such witness can be asked (by POST, or by mail); witness_cosign is
 * one, for those who want to be a witness for somebody. Pure.
 */

#include "ledger/checkpoint.h"
#include "ledger/proof.h"

/* Appends a request. tree: of the log, at least as large as the checkpoint, which must be of its first
 * leaves; old: up to the checkpoint's size. -EINVAL, -ENOMEM. */
int witness_request(struct dynbuf *out, const struct merkle_hash *leaves, uint64_t n, uint64_t old,
    struct text checkpoint_note);

/*
 * Answers a request: checks that one of the log's keys signed the checkpoint, that its origin is the one that
 * the witness follows, and that it extends `last`, the note which the witness cosigned last (empty: none
 * yet); then appends the cosignature line. What was cosigned is *ret_note, borrowed from the request: the
 * witness must keep it durably before it gives the answer away.
 *
 * -ERR_MALFORMED, -EACCES (not signed by a key of the log, or another origin), -EAGAIN (the request's old
 * size isn't that of `last`: ask again from there), -ERR_CHECKSUM (the log was rewritten, or a bad
 * signature).
 */
int witness_cosign(const struct ledger_key *key, const struct ledger_verifier *log_keys, size_t n,
    struct text origin, struct text last, struct text request, uint64_t time_s, struct dynbuf *out,
    struct text *ret_note);

#endif
