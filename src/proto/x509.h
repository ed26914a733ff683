/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PROTO_X509_H
#define PROTO_X509_H

/*
 * What a server's certificate tells, read by OpenSSL. Nothing is verified: who is trusted is not for an
 * observer to say.
 *
 * A server shows the same certificate to everybody, and reading it takes longer than all else in a handshake:
 * so what was read of the last ones is kept, by SHA-256. Bound: X509_KEPT certificates, each with at most
 * X509_KEPT_BYTES of text; larger ones are read each time. Of others, names that were read are kept:
 * X509_NAMES_KEPT, each with at most X509_NAME_KEPT_BYTES, its DER and its text together.
 */

#include "proto/proto.h"

enum { X509_KEPT = 1024, X509_KEPT_BYTES = 4096, X509_NAMES_KEPT = 512, X509_NAME_KEPT_BYTES = 1024 };

/* What is kept: a parser's `shared`. */
void *x509_cache_new(void);
void x509_cache_free(void *cache);

/* Adds SHA-256, subject, issuer (RFC 2253), validity and serial of one DER certificate. Of bytes that are no
 * certificate only the SHA-256. */
void x509_fields(struct proto_context *c, void *cache, const uint8_t *der, size_t n);

#endif
