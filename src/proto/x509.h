/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PROTO_X509_H
#define PROTO_X509_H

/*
 * What a server's certificate tells, read by OpenSSL. Nothing is verified: who is trusted is not for an
 * observer to say.
 */

#include "proto/proto.h"

/* Adds SHA-256, subject, issuer (RFC 2253), validity and serial of one DER certificate. Of bytes that are no
 * certificate only the SHA-256. */
void x509_fields(struct proto_context *c, const uint8_t *der, size_t n);

#endif
