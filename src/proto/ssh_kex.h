/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PROTO_SSH_KEX_H
#define PROTO_SSH_KEX_H

/*
 * SSH_MSG_KEXINIT (RFC 4253, 7.1): the name lists, the fingerprints HASSH and hasshServer (Salesforce, 2018),
 * and what the two sides' lists agree on for the sizes of packets. Borrowed, pure.
 */

#include "base/cursor.h"

enum { SSH_HASSH_SIZE = 16 };

enum ssh_list {
	SSH_LIST_KEX,
	SSH_LIST_HOST_KEY,
	SSH_LIST_CIPHER_TO_SERVER,
	SSH_LIST_CIPHER_TO_CLIENT,
	SSH_LIST_MAC_TO_SERVER,
	SSH_LIST_MAC_TO_CLIENT,
	SSH_LIST_COMPRESSION_TO_SERVER,
	SSH_LIST_COMPRESSION_TO_CLIENT,
	SSH_LISTS,
};

struct ssh_kexinit {
	struct text lists[SSH_LISTS];
};

/* How encrypted packets of one direction are told apart. */
struct ssh_sealing {
	bool length_clear; /* the length stands before each packet in the clear (GCM, encrypt-then-MAC) */
	uint8_t tag;       /* bytes after each packet */
};

/* The payload after its message number. 0 or -ERR_MALFORMED. */
int ssh_kexinit_parse(const uint8_t *p, size_t n, struct ssh_kexinit *ret_kexinit);
/* MD5 of the key exchange, cipher, MAC and compression lists: those to the server for the client's, to the
 * client for the server's fingerprint. 0 or -ENOMEM. */
int ssh_hassh(const struct ssh_kexinit *k, bool server, uint8_t ret_hassh[SSH_HASSH_SIZE]);
/* RFC 4253, 7.1: the client's first name that the server has, too. */
struct ssh_sealing ssh_sealing_of(
    const struct ssh_kexinit *client, const struct ssh_kexinit *server, bool to_client);

#endif
