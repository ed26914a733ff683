/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PROTO_TLS_H
#define PROTO_TLS_H

/*
 * The hello messages of TLS (RFC 8446, 4.1; RFC 5246, 7.4.1) and their fingerprints, for TLS over TCP and for
 * QUIC. Everything is borrowed from the message. Fingerprints: JA3 and JA3S (Salesforce, 2017), JA4 (FoxIO).
 * GREASE values (RFC 8701) never count.
 */

#include "base/cursor.h"
#include "proto/proto.h"

enum {
	TLS_JA3_SIZE = 16,
	TLS_JA4_SIZE = 40,  /* text, closed with NUL */
	TLS_LIST_MAX = 512, /* cipher suites or extensions; a hello with more has no fingerprint */
	TLS_NAME_SIZE = 48,
};

enum tls_transport { TLS_OVER_TCP = 't', TLS_OVER_QUIC = 'q' };

enum tls_version {
	TLS_VERSION_SSL2 = 0x0002,
	TLS_VERSION_SSL3 = 0x0300,
	TLS_VERSION_10 = 0x0301,
	TLS_VERSION_11 = 0x0302,
	TLS_VERSION_12 = 0x0303,
	TLS_VERSION_13 = 0x0304,
};

struct tls_client_hello {
	uint16_t version;      /* as the hello's head says */
	uint16_t version_best; /* the highest of supported_versions, or `version` without that */
	struct cursor ciphers; /* each list without its length, positions at the start */
	struct cursor extensions;
	struct cursor groups, formats, signatures, alpn;
	struct text sni;
	bool has_sni;
};

struct tls_server_hello {
	uint16_t version;        /* as the hello's head says */
	uint16_t version_agreed; /* of supported_versions, or `version` without that */
	uint16_t cipher;
	bool retry; /* HelloRetryRequest (RFC 8446, 4.1.4) */
	struct cursor extensions;
	struct text alpn; /* the one chosen; empty where it isn't told in the clear */
};

bool tls_is_grease(uint16_t value);
/* A handshake message's body, without its four bytes of type and length. 0 or -ERR_MALFORMED. */
int tls_client_hello_parse(const uint8_t *p, size_t n, struct tls_client_hello *ret_hello);
int tls_server_hello_parse(const uint8_t *p, size_t n, struct tls_server_hello *ret_hello);
/* 0, -ERR_LIMIT (more than TLS_LIST_MAX), or -ENOMEM. */
int tls_ja3(const struct tls_client_hello *hello, uint8_t ret_ja3[TLS_JA3_SIZE]);
int tls_ja3s(const struct tls_server_hello *hello, uint8_t ret_ja3s[TLS_JA3_SIZE]);
int tls_ja4(const struct tls_client_hello *hello, enum tls_transport transport, char ret_ja4[TLS_JA4_SIZE]);
/* Adds what a hello tells: SNI, ALPN, JA3, JA4; the version and suite agreed on, JA3S. */
void tls_client_hello_fields(
    struct proto_context *c, const struct tls_client_hello *hello, enum tls_transport transport);
void tls_server_hello_fields(struct proto_context *c, const struct tls_server_hello *hello);
/* "TLS 1.2", "0x7f1c"; "TLS_AES_128_GCM_SHA256", "0x0a0b" where it has no name here. buf has TLS_NAME_SIZE
 * bytes. */
const char *tls_version_name(uint16_t version, char *buf);
const char *tls_cipher_name(uint16_t cipher, char *buf);

#endif
