/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIVE_LINK_TLS_H
#define LIVE_LINK_TLS_H

/*
 * What the ends of a link know each other by: TLS 1.3 and nothing older, a certificate asked of both, each
 * verified against the authorities that its own configuration names, and its name against the names that may
 * be there (RFC 6125: subject alternative names alone, without wildcards). No resumption, so that each
 * connection is verified anew. Lists of revoked certificates among the authorities count.
 */

#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/dynbuf.h"

/* PEM, as the files had it. */
struct link_pem {
	struct text certificate; /* our own, with those between it and the authority */
	struct text key;
	struct text ca;
};

/* Loads what OpenSSL reads from files at first use: to be called before the process is fenced in. 0 or -EIO.
 */
int link_tls_begin(void);
/* For either end of connections. 0; -EINVAL with what is wrong in `why`; -ENOMEM. Freed by SSL_CTX_free. */
int link_tls_context(SSL_CTX **ret_context, const struct link_pem *pem, struct dynbuf *why);
/* A connection over fd, which stays the caller's, with one whose certificate has one of these names. NULL
 * where memory ends. Freed by SSL_free. */
SSL *link_tls_new(SSL_CTX *context, int fd, bool dials, const char *const *names, size_t n_names);
/* Why the last operation on it failed, which gave `result`; empties OpenSSL's queue of errors. Returns buf.
 */
char *link_tls_why(SSL *tls, int result, char *buf, size_t size);

#endif
