/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PROTO_SMTP_AUTH_H
#define PROTO_SMTP_AUTH_H

/*
 * AUTH inside SMTP (RFC 4954): who authenticates, by PLAIN (RFC 4616), LOGIN, CRAM-MD5 (RFC 2195), XOAUTH2 or
 * NTLM. The user's name is kept, a password never.
 */

#include "proto/gss.h"

struct smtp_auth {
	unsigned challenges; /* 334 replies seen */
	unsigned responses;  /* lines that the client answered with */
	uint16_t method_n, user_n;
	char method[32];
	char user[256];
	struct gss_auth gss;
};

/* The argument of AUTH: a mechanism, perhaps with an initial response. Begins anew. */
void smtp_auth_begin(struct smtp_auth *a, struct text argument);
/* A line of the exchange, base64. */
void smtp_auth_response(struct smtp_auth *a, struct text line);
/* Adds AUTH_USER and AUTH_METHOD, and what NTLM told beside. */
void smtp_auth_fields(struct proto_context *c, struct smtp_auth *a);

#endif
