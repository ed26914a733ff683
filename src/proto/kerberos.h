/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PROTO_KERBEROS_H
#define PROTO_KERBEROS_H

/*
 * Kerberos 5 names and tickets (RFC 4120 5.2, 5.3) for those who meet them outside port 88: SPNEGO tokens in
 * SMB, LDAP and DCE/RPC. Pure; texts are copied into the result and cut at KRB_NAME_SIZE.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"

enum { KRB_NAME_SIZE = 256 };

struct krb_ticket {
	int32_t etype; /* of the encrypted part: what a roaster gets to crack */
	uint16_t realm_n, service_n;
	char realm[KRB_NAME_SIZE];
	char service[KRB_NAME_SIZE]; /* components joined with '/' */
};

/* The body of a PrincipalName as text in buf; empty where it is malformed. */
struct text krb_principal_text(struct cursor body, char *buf, size_t size);
/* The body of an element that holds one Ticket ([APPLICATION 1]). Returns whether it is one. */
bool krb_ticket_read(struct cursor body, struct krb_ticket *ret_ticket);
/* An AP-REQ from its identifier on: the ticket that the client shows. */
bool krb_ap_req_read(struct cursor c, struct krb_ticket *ret_ticket);
/* "rc4-hmac"; "etype-99" in buf (of 24 bytes) for one without a name. */
const char *krb_etype_name(int32_t etype, char *buf);
/* "KDC_ERR_PREAUTH_FAILED"; "error-99" in buf (of 24 bytes) for one without a name. */
const char *krb_error_name(int32_t code, char *buf);
/* Whether the code means that a principal's proof or name was turned down. */
bool krb_error_is_refusal(int32_t code);

#endif
