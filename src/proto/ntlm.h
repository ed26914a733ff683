/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PROTO_NTLM_H
#define PROTO_NTLM_H

/*
 * NTLMSSP messages (MS-NLMP 2.2.1) as they stand inside SMB, DCE/RPC, LDAP and HTTP: who authenticates, from
 * where. Pure; names are copied into the result, cut at NTLM_NAME_SIZE.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

enum { NTLM_NAME_SIZE = 256 };

enum ntlm_type { NTLM_NONE, NTLM_NEGOTIATE, NTLM_CHALLENGE, NTLM_AUTHENTICATE };

/* What an AUTHENTICATE message says. */
struct ntlm_names {
	uint16_t user_n, domain_n, host_n;
	uint8_t version; /* 1 or 2, by the form of the response; 0 where there is none */
	bool anonymous;  /* a null session: neither user nor response */
	char user[NTLM_NAME_SIZE];
	char domain[NTLM_NAME_SIZE];
	char host[NTLM_NAME_SIZE];
};

/* The kind of message that begins at p; NTLM_NONE where none does. */
enum ntlm_type ntlm_type_of(const uint8_t *p, size_t n);
/* Reads an AUTHENTICATE message. 0, -ERR_MALFORMED where it isn't one; names that point outside are left
 * empty. */
int ntlm_authenticate_parse(const uint8_t *p, size_t n, struct ntlm_names *ret_names);

#endif
