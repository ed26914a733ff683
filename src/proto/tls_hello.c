/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/tls.h"

#include <string.h>

#include "base/err.h"

enum tls_extension {
	TLS_EXTENSION_SERVER_NAME = 0,
	TLS_EXTENSION_GROUPS = 10,
	TLS_EXTENSION_POINT_FORMATS = 11,
	TLS_EXTENSION_SIGNATURES = 13,
	TLS_EXTENSION_ALPN = 16,
	TLS_EXTENSION_VERSIONS = 43,
};

enum { TLS_ALPN_FIELDS_MAX = 8 };

bool tls_is_grease(uint16_t value)
{
	return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

/* server_name (RFC 6066, 3): the first name of type host_name. */
static void client_sni(struct cursor data, struct tls_client_hello *hello)
{
	hello->has_sni = true;
	struct cursor list = cursor_sub(&data, cursor_be16(&data));
	while (cursor_left(&list)) {
		uint8_t type = cursor_u8(&list);
		struct text name = cursor_text(&list, cursor_be16(&list));
		if (cursor_ok(&list) && type == 0 && hello->sni.n == 0)
			hello->sni = name;
	}
}

static void client_versions(struct cursor data, struct tls_client_hello *hello)
{
	uint16_t best = 0;
	struct cursor list = cursor_sub(&data, cursor_u8(&data));
	while (cursor_left(&list) >= 2) {
		uint16_t version = cursor_be16(&list);
		if (!tls_is_grease(version) && version > best)
			best = version;
	}
	if (best)
		hello->version_best = best;
}

static void client_extension(struct tls_client_hello *hello, uint16_t type, struct cursor data)
{
	switch (type) {
	case TLS_EXTENSION_SERVER_NAME: client_sni(data, hello); break;
	case TLS_EXTENSION_GROUPS: hello->groups = cursor_sub(&data, cursor_be16(&data)); break;
	case TLS_EXTENSION_POINT_FORMATS: hello->formats = cursor_sub(&data, cursor_u8(&data)); break;
	case TLS_EXTENSION_SIGNATURES: hello->signatures = cursor_sub(&data, cursor_be16(&data)); break;
	case TLS_EXTENSION_ALPN: hello->alpn = cursor_sub(&data, cursor_be16(&data)); break;
	case TLS_EXTENSION_VERSIONS: client_versions(data, hello); break;
	default: break;
	}
}

int tls_client_hello_parse(const uint8_t *p, size_t n, struct tls_client_hello *ret_hello)
{
	struct cursor c = cursor_of(p, n);
	struct tls_client_hello hello = {.version = cursor_be16(&c)};
	hello.version_best = hello.version;
	cursor_skip(&c, 32);
	cursor_skip(&c, cursor_u8(&c));
	hello.ciphers = cursor_sub(&c, cursor_be16(&c));
	cursor_skip(&c, cursor_u8(&c));
	if (!cursor_ok(&c))
		return -ERR_MALFORMED;
	/* extensions came with TLS 1.2 and may be left out (RFC 5246, 7.4.1.2) */
	if (cursor_left(&c))
		hello.extensions = cursor_sub(&c, cursor_be16(&c));
	if (!cursor_ok(&c))
		return -ERR_MALFORMED;
	struct cursor list = hello.extensions;
	while (cursor_left(&list)) {
		uint16_t type = cursor_be16(&list);
		struct cursor data = cursor_sub(&list, cursor_be16(&list));
		if (!cursor_ok(&list))
			return -ERR_MALFORMED;
		client_extension(&hello, type, data);
	}
	*ret_hello = hello;
	return 0;
}

int tls_server_hello_parse(const uint8_t *p, size_t n, struct tls_server_hello *ret_hello)
{
	/* SHA-256 of "HelloRetryRequest" (RFC 8446, 4.1.3) */
	static const uint8_t retry[32] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
	    0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09,
	    0xe2, 0xc8, 0xa8, 0x33, 0x9c};
	struct cursor c = cursor_of(p, n);
	struct tls_server_hello hello = {.version = cursor_be16(&c)};
	hello.version_agreed = hello.version;
	const uint8_t *random = cursor_take(&c, sizeof(retry));
	cursor_skip(&c, cursor_u8(&c));
	hello.cipher = cursor_be16(&c);
	cursor_skip(&c, 1);
	if (!cursor_ok(&c))
		return -ERR_MALFORMED;
	hello.retry = memcmp(random, retry, sizeof(retry)) == 0;
	if (cursor_left(&c))
		hello.extensions = cursor_sub(&c, cursor_be16(&c));
	struct cursor list = hello.extensions;
	while (cursor_left(&list)) {
		uint16_t type = cursor_be16(&list);
		struct cursor data = cursor_sub(&list, cursor_be16(&list));
		if (type == TLS_EXTENSION_VERSIONS && cursor_left(&data) == 2)
			hello.version_agreed = cursor_be16(&data);
		if (type == TLS_EXTENSION_ALPN) {
			struct cursor names = cursor_sub(&data, cursor_be16(&data));
			hello.alpn = cursor_text(&names, cursor_u8(&names));
		}
	}
	if (!cursor_ok(&c) || !cursor_ok(&list))
		return -ERR_MALFORMED;
	*ret_hello = hello;
	return 0;
}

void tls_client_hello_fields(
    struct proto_context *c, const struct tls_client_hello *hello, enum tls_transport transport)
{
	uint8_t ja3[TLS_JA3_SIZE];
	char ja4[TLS_JA4_SIZE];
	struct cursor alpn = hello->alpn;
	proto_field(c, FIELD_TLS_SNI, hello->sni);
	for (int i = 0; i < TLS_ALPN_FIELDS_MAX && cursor_left(&alpn); i++)
		proto_field(c, FIELD_TLS_ALPN, cursor_text(&alpn, cursor_u8(&alpn)));
	if (tls_ja3(hello, ja3) == 0)
		proto_field_bytes(c, FIELD_TLS_JA3, ja3, sizeof(ja3));
	if (tls_ja4(hello, transport, ja4) == 0)
		proto_field_str(c, FIELD_TLS_JA4, ja4);
}

void tls_server_hello_fields(struct proto_context *c, const struct tls_server_hello *hello)
{
	char buf[TLS_NAME_SIZE];
	uint8_t ja3s[TLS_JA3_SIZE];
	proto_field_str(c, FIELD_TLS_VERSION, tls_version_name(hello->version_agreed, buf));
	proto_field_str(c, FIELD_TLS_CIPHER, tls_cipher_name(hello->cipher, buf));
	if (tls_ja3s(hello, ja3s) == 0)
		proto_field_bytes(c, FIELD_TLS_JA3S, ja3s, sizeof(ja3s));
}
