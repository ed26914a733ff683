/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_PROVE_CHAIN_H
#define DAEMON_PROVE_CHAIN_H

/*
 * How a log's key was handed over: the key that somebody has, and those that were handed over to since, each
 * by one before it. A checkpoint right behind a `key` line, signed by one of them, hands over to the line's
 * key. Private to daemon/. Bound: LEDGER_KEYS_MAX keys, later ones are left out. Errors: -ENOMEM.
 */

#include "ledger/ledger.h"
#include "ledger/note.h"

struct prove_chain {
	struct ledger_verifier keys[LEDGER_KEYS_MAX];
	uint64_t lines[LEDGER_KEYS_MAX]; /* the entries that name them; of the first none */
	size_t n;
};

/* From that key on, by the log and the checkpoints in its folder. */
int prove_chain_find(
    struct prove_chain *ret_chain, int folder, const struct ledger *log, const struct ledger_verifier *first);
/* Whether one of the keys signed the note, and none of their signatures is a bad one. */
bool prove_chain_signed(const struct prove_chain *c, const struct note *note);

#endif
