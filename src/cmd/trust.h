/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_TRUST_H
#define CMD_TRUST_H

/*
 * Keys that a person names: whom a verifier trusts, from files, the command line or the site file; and the
 * key that an archive is signed with. What is wrong is told, with what would be right.
 */

#include <stdbool.h>

#include "conf/site.h"
#include "ledger/checkpoint.h"

struct trust {
	struct ledger_verifier keys[LEDGER_KEYS_MAX], witnesses[LEDGER_KEYS_MAX];
	size_t n_keys, n_witnesses, quorum;
	bool quorum_given;
	const char *ca; /* NULL: none */
	char ca_room[4096];
};

/* A file of verifier keys, or a verifier key itself. They are added. 0, or an error that was told. */
int trust_add_keys(struct trust *t, const char *file_or_key);
int trust_add_witnesses(struct trust *t, const char *file_or_key);
/* How many witnesses: without it all of them. */
int trust_set_quorum(struct trust *t, const char *number);
/* What the site file's ledger section says: the key's public half from KEY.pub, witnesses, quorum, CA. */
int trust_add_site(struct trust *t, const char *site);
/* Once all is added: that the quorum can be had. Borrows from t. */
int trust_done(struct trust *t, struct ledger_trust *ret_trust);

/* The file of the signing key that the site file names; 0, or an error that was told. */
int trust_site_key(const char *site, char *buf, size_t size);
/* A file that the site file names: beside that unless its path is absolute. 0 or -ENAMETOOLONG. */
int trust_beside(const char *site, const char *file, char *buf, size_t size);
/* Reads a private key that signs logs, or (witness) cosigns; 0, or an error that was told. */
int trust_read_key(const char *path, bool witness, struct ledger_key **ret_key);

#endif
