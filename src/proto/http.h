/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PROTO_HTTP_H
#define PROTO_HTTP_H

/*
 * What the files of the HTTP parser share: http.c runs libhtp over the two directions, http_fields.c makes a
 * transaction of one of libhtp's, http_auth.c reads its credentials.
 */

#include <htp/htp.h>

#include "proto/proto.h"

/* The value of a header, empty where it isn't there. `name` in lower case. Borrowed from the transaction. */
struct text http_header(const htp_table_t *headers, const char *name);
struct text http_text(const bstr *b);

/* Whether a request is WS-Management over SOAP (DSP0226, MS-WSMV 2.2): by its path and content, at any port.
 */
bool http_is_winrm(const htp_tx_t *tx);
/* Adds everything that is known of a transaction, complete or not. */
void http_fields(struct proto_context *c, const htp_tx_t *tx);
/* Adds AUTH_*: who authenticated how (RFC 7617, RFC 7616, RFC 4559), and what the status says of it. */
void http_auth_fields(struct proto_context *c, const htp_tx_t *tx);

#endif
