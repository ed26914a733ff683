/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PROTO_GSS_H
#define PROTO_GSS_H

/*
 * Authentication tokens: SPNEGO (RFC 4178) around NTLMSSP or Kerberos, or either of them bare (RFC 2743 3.1),
 * as SMB, DCE/RPC and LDAP carry them. struct gss_auth gathers over an exchange who authenticates and how,
 * and turns that into the AUTH_*, NTLM_* and KRB_* fields. Pure; struct gss_auth is plain memory, zeroed =
 * nothing known.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/kerberos.h"
#include "proto/ntlm.h"
#include "proto/proto.h"

enum gss_mechanism { GSS_NONE, GSS_NTLM, GSS_KERBEROS };

/* NegTokenResp.negState (RFC 4178 4.2.2), GSS_STATE_ABSENT where it isn't there. */
enum gss_state { GSS_STATE_ABSENT, GSS_STATE_COMPLETED, GSS_STATE_INCOMPLETE, GSS_STATE_REJECT };

struct gss_token {
	enum gss_mechanism mechanism;
	enum gss_state state;
	struct cursor inner; /* the NTLMSSP message or the AP-REQ; failed where there is none */
};

struct gss_auth {
	enum gss_mechanism mechanism;
	bool named; /* an NTLM AUTHENTICATE or a Kerberos ticket was read */
	bool shown; /* gss_auth_fields has given it out */
	union {
		struct ntlm_names ntlm;
		struct krb_ticket ticket;
	};
};

/* Reads one token. Whatever isn't understood gives GSS_NONE. */
struct gss_token gss_token_read(const uint8_t *p, size_t n);
/* Takes in a token that the initiator sent. */
void gss_auth_update(struct gss_auth *a, const uint8_t *p, size_t n);
/* "NTLMv2", "Kerberos", "anonymous" ...; NULL where nothing is known. */
const char *gss_auth_method(const struct gss_auth *a);
/* Adds AUTH_USER, AUTH_METHOD, NTLM_DOMAIN, NTLM_HOST, KRB_REALM and KRB_SERVICE, those that are known. */
void gss_auth_fields(struct proto_context *c, struct gss_auth *a);
/* The same with another AUTH_METHOD: a guest's, who was let in whatever he proved. */
void gss_auth_fields_as(struct proto_context *c, struct gss_auth *a, const char *method);

#endif
