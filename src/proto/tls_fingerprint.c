/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/md5.h>
#include <nettle/sha2.h>

#include "base/dynbuf.h"
#include "base/err.h"
#include "base/num.h"
#include "proto/tls.h"

enum { TLS_JA4_HASH_BYTES = 6 };

/* The values of a list, GREASE left out. -ERR_LIMIT where they are more than TLS_LIST_MAX. */
struct list {
	size_t n;
	uint16_t v[TLS_LIST_MAX];
};

static int list_read(struct list *l, struct cursor c)
{
	l->n = 0;
	while (cursor_left(&c) >= 2) {
		uint16_t value = cursor_be16(&c);
		if (tls_is_grease(value))
			continue;
		if (l->n >= TLS_LIST_MAX)
			return -ERR_LIMIT;
		l->v[l->n++] = value;
	}
	return 0;
}

static int list_extensions(struct list *l, struct cursor c)
{
	l->n = 0;
	while (cursor_left(&c) >= 4) {
		uint16_t type = cursor_be16(&c);
		cursor_skip(&c, cursor_be16(&c));
		if (tls_is_grease(type))
			continue;
		if (l->n >= TLS_LIST_MAX)
			return -ERR_LIMIT;
		l->v[l->n++] = type;
	}
	return 0;
}

static int compare_values(const void *a, const void *b)
{
	uint16_t x, y;
	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

static void append_number(struct dynbuf *out, uint16_t v)
{
	char digits[NUM_DECIMAL_MAX];
	dynbuf_append(out, digits, num_decimal(v, digits));
}

static void append_decimal(struct dynbuf *out, const struct list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		if (i)
			dynbuf_u8(out, '-');
		append_number(out, l->v[i]);
	}
}

/* Four hexadecimal digits each, commas between. */
static void append_hex(struct dynbuf *out, const struct list *l)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < l->n; i++) {
		char *at = (char *)dynbuf_grow(out, i ? 5 : 4);
		if (!at)
			return;
		if (i)
			*at++ = ',';
		for (int shift = 12; shift >= 0; shift -= 4)
			*at++ = digits[l->v[i] >> shift & 15];
	}
}

static int md5_of(struct dynbuf *text, uint8_t ret[TLS_JA3_SIZE])
{
	int error = text->error;
	struct md5_ctx md5;
	if (!error) {
		md5_init(&md5);
		md5_update(&md5, text->n, text->p);
		md5_digest(&md5, TLS_JA3_SIZE, ret);
	}
	dynbuf_free(text);
	return error;
}

int tls_ja3(const struct tls_client_hello *hello, uint8_t ret_ja3[TLS_JA3_SIZE])
{
	struct list ciphers, extensions, groups;
	struct cursor formats = hello->formats;
	struct dynbuf text = {0};
	if (list_read(&ciphers, hello->ciphers) < 0 || list_extensions(&extensions, hello->extensions) < 0 ||
	    list_read(&groups, hello->groups) < 0)
		return -ERR_LIMIT;
	append_number(&text, hello->version);
	dynbuf_u8(&text, ',');
	append_decimal(&text, &ciphers);
	dynbuf_u8(&text, ',');
	append_decimal(&text, &extensions);
	dynbuf_u8(&text, ',');
	append_decimal(&text, &groups);
	dynbuf_u8(&text, ',');
	for (bool first = true; cursor_left(&formats); first = false) {
		if (!first)
			dynbuf_u8(&text, '-');
		append_number(&text, cursor_u8(&formats));
	}
	return md5_of(&text, ret_ja3);
}

int tls_ja3s(const struct tls_server_hello *hello, uint8_t ret_ja3s[TLS_JA3_SIZE])
{
	struct list extensions;
	struct dynbuf text = {0};
	if (list_extensions(&extensions, hello->extensions) < 0)
		return -ERR_LIMIT;
	append_number(&text, hello->version);
	dynbuf_u8(&text, ',');
	append_number(&text, hello->cipher);
	dynbuf_u8(&text, ',');
	append_decimal(&text, &extensions);
	return md5_of(&text, ret_ja3s);
}

static const char *ja4_version(uint16_t version)
{
	switch (version) {
	case TLS_VERSION_13: return "13";
	case TLS_VERSION_12: return "12";
	case TLS_VERSION_11: return "11";
	case TLS_VERSION_10: return "10";
	case TLS_VERSION_SSL3: return "s3";
	case TLS_VERSION_SSL2: return "s2";
	default: return "00";
	}
}

static bool is_alphanumeric(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* First and last character of the first protocol; of its hexadecimal digits where one of them is neither
 * letter nor digit; "00" where there is none. */
static void ja4_alpn(struct cursor list, char out[3])
{
	struct text first = cursor_text(&list, cursor_u8(&list));
	memcpy(out, "00", 3);
	if (first.n == 0)
		return;
	uint8_t a = (uint8_t)first.p[0], z = (uint8_t)first.p[first.n - 1];
	if (is_alphanumeric(a) && is_alphanumeric(z)) {
		out[0] = (char)a;
		out[1] = (char)z;
		return;
	}
	char digits[3];
	out[0] = num_hex(&a, 1, digits)[0];
	out[1] = num_hex(&z, 1, digits)[1];
}

/* Twelve digits of the text's SHA-256; zeros where the list it was made of is empty. */
static int ja4_hash(struct dynbuf *text, bool empty, char out[2 * TLS_JA4_HASH_BYTES + 1])
{
	uint8_t sha256[SHA256_DIGEST_SIZE] = {0};
	struct sha256_ctx hash;
	int error = text->error;
	if (!empty && !error) {
		sha256_init(&hash);
		sha256_update(&hash, text->n, text->p);
		sha256_digest(&hash, sizeof(sha256), sha256);
	}
	num_hex(sha256, TLS_JA4_HASH_BYTES, out);
	dynbuf_free(text);
	return error;
}

/* The sorted extensions but SNI and ALPN, which the fingerprint's first part tells, and the signature
 * algorithms. */
static int ja4_extensions(struct list *extensions, const struct list *signatures, char *out)
{
	struct list sorted = {0};
	struct dynbuf text = {0};
	for (size_t i = 0; i < extensions->n; i++)
		if (extensions->v[i] != 0x0000 && extensions->v[i] != 0x0010)
			sorted.v[sorted.n++] = extensions->v[i];
	qsort(sorted.v, sorted.n, sizeof(sorted.v[0]), compare_values);
	append_hex(&text, &sorted);
	if (signatures->n) {
		dynbuf_u8(&text, '_');
		append_hex(&text, signatures);
	}
	return ja4_hash(&text, sorted.n == 0, out);
}

int tls_ja4(const struct tls_client_hello *hello, enum tls_transport transport, char ret_ja4[TLS_JA4_SIZE])
{
	struct list ciphers, extensions, signatures;
	struct dynbuf text = {0};
	char alpn[3], b[2 * TLS_JA4_HASH_BYTES + 1], c[2 * TLS_JA4_HASH_BYTES + 1];
	if (list_read(&ciphers, hello->ciphers) < 0 || list_extensions(&extensions, hello->extensions) < 0 ||
	    list_read(&signatures, hello->signatures) < 0)
		return -ERR_LIMIT;
	qsort(ciphers.v, ciphers.n, sizeof(ciphers.v[0]), compare_values);
	append_hex(&text, &ciphers);
	int r = ja4_hash(&text, ciphers.n == 0, b);
	if (r == 0)
		r = ja4_extensions(&extensions, &signatures, c);
	if (r < 0)
		return r;
	ja4_alpn(hello->alpn, alpn);
	snprintf(ret_ja4, TLS_JA4_SIZE, "%c%s%c%02zu%02zu%s_%s_%s", transport,
	    ja4_version(hello->version_best), hello->has_sni ? 'd' : 'i', ciphers.n < 99 ? ciphers.n : 99,
	    extensions.n < 99 ? extensions.n : 99, alpn, b, c);
	return 0;
}
