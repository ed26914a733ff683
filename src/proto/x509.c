/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/x509.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <nettle/sha2.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/x509.h>

#include "base/cursor.h"
#include "base/dynbuf.h"
#include "base/hash.h"
#include "base/timefmt.h"
#include "proto/asn1.h"

static const enum field fields[] = {
    FIELD_TLS_SUBJECT, FIELD_TLS_ISSUER, FIELD_TLS_NOT_BEFORE, FIELD_TLS_NOT_AFTER, FIELD_TLS_SERIAL};

enum { FIELDS = sizeof(fields) / sizeof(*fields) };

/* The values one after the other; value i ends at end[i]. */
struct reading {
	struct dynbuf bytes;
	size_t end[FIELDS];
};

struct kept {
	uint8_t sha256[SHA256_DIGEST_SIZE];
	uint16_t end[FIELDS];
	uint8_t bytes[];
};

/* A name as it stands in certificates, then its text. */
struct kept_name {
	uint16_t der_n, text_n;
	uint8_t bytes[];
};

struct cache {
	struct kept *slot[X509_KEPT];
	struct kept_name *names[X509_NAMES_KEPT];
};

void *x509_cache_new(void)
{
	return calloc(1, sizeof(struct cache));
}

void x509_cache_free(void *cache)
{
	struct cache *k = cache;
	for (size_t i = 0; k && i < X509_KEPT; i++)
		free(k->slot[i]);
	for (size_t i = 0; k && i < X509_NAMES_KEPT; i++)
		free(k->names[i]);
	free(k);
}

static void read_name_anew(struct dynbuf *out, struct text der)
{
	const uint8_t *p = (const uint8_t *)der.p;
	X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)der.n);
	BIO *bio = name ? BIO_new(BIO_s_mem()) : NULL;
	char *text = NULL;
	/* UTF-8 stays readable: whoever shows it escapes what can harm */
	unsigned long form = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
	if (bio && X509_NAME_print_ex(bio, name, 0, form) >= 0) {
		long n = BIO_get_mem_data(bio, &text);
		if (n > 0)
			dynbuf_append(out, text, (size_t)n);
	}
	BIO_free(bio);
	X509_NAME_free(name);
}

static void keep_name(struct kept_name **slot, struct text der, struct text text)
{
	if (der.n + text.n > X509_NAME_KEPT_BYTES)
		return;
	struct kept_name *k = realloc(*slot, sizeof(*k) + der.n + text.n);
	if (!k)
		return;
	k->der_n = (uint16_t)der.n;
	k->text_n = (uint16_t)text.n;
	memcpy(k->bytes, der.p, der.n);
	if (text.n)
		memcpy(k->bytes + der.n, text.p, text.n);
	*slot = k;
}

/* Many certificates have one issuer: its name is read once. */
static void read_name(struct dynbuf *out, struct cache *cache, struct text der)
{
	struct kept_name **slot = &cache->names[hash_bytes(der.p, der.n, 0) % X509_NAMES_KEPT];
	const struct kept_name *k = *slot;
	if (k && k->der_n == der.n && memcmp(k->bytes, der.p, der.n) == 0) {
		dynbuf_append(out, k->bytes + k->der_n, k->text_n);
		return;
	}
	size_t from = out->n;
	read_name_anew(out, der);
	if (!out->error)
		keep_name(slot, der, text_sub(dynbuf_view(out), from, out->n));
}

static void read_time(struct dynbuf *out, struct text der)
{
	struct tm tm;
	char text[TIME_TEXT_SIZE + 32];
	const uint8_t *p = (const uint8_t *)der.p;
	ASN1_TIME *t = d2i_ASN1_TIME(NULL, &p, (long)der.n);
	if (t && ASN1_TIME_to_tm(t, &tm) == 1) {
		int n = snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
		    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
		dynbuf_append(out, text, (size_t)n);
	}
	ASN1_STRING_free(t);
}

/* What OpenSSL gives as a serial number: its magnitude, without the octet that keeps it positive. */
static void read_serial(struct dynbuf *out, struct text der)
{
	const uint8_t *p = (const uint8_t *)der.p;
	ASN1_INTEGER *serial = d2i_ASN1_INTEGER(NULL, &p, (long)der.n);
	if (serial && ASN1_STRING_length(serial) > 0)
		dynbuf_append(out, ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
	ASN1_INTEGER_free(serial);
}

/* The next element, its head included. */
static struct text element(struct cursor *c, uint8_t tag)
{
	struct text whole = {.p = (const char *)cursor_peek(c, cursor_left(c)), .n = cursor_left(c)};
	if (tag)
		(void)asn1_take(c, tag);
	else
		(void)asn1_next(c, &(struct asn1_element){0});
	whole.n = cursor_ok(c) ? whole.n - cursor_left(c) : 0;
	return whole;
}

/*
 * RFC 5280, 4.1, as far as what is asked for: OpenSSL's reading of a whole certificate makes a key of it, and
 * that takes longer than all else. The parts that need more than a cursor (names, times, numbers) are
 * OpenSSL's to read. Nothing of what is no certificate.
 */
static void read_certificate(struct reading *r, struct cache *cache, const uint8_t *der, size_t n)
{
	struct cursor all = cursor_of(der, n), certificate = asn1_take(&all, ASN1_TAG_SEQUENCE);
	struct cursor signed_part = asn1_take(&certificate, ASN1_TAG_SEQUENCE);
	(void)asn1_optional(&signed_part, ASN1_TAG_CONTEXT); /* version */
	struct text serial = element(&signed_part, ASN1_TAG_INTEGER);
	(void)asn1_take(&signed_part, ASN1_TAG_SEQUENCE); /* signature algorithm */
	struct text issuer = element(&signed_part, ASN1_TAG_SEQUENCE);
	struct cursor validity = asn1_take(&signed_part, ASN1_TAG_SEQUENCE);
	struct text not_before = element(&validity, 0), not_after = element(&validity, 0);
	struct text subject = element(&signed_part, ASN1_TAG_SEQUENCE);
	if (!cursor_ok(&signed_part) || !cursor_ok(&validity))
		return;
	for (size_t i = 0; i < FIELDS; i++) {
		switch (fields[i]) {
		case FIELD_TLS_SUBJECT: read_name(&r->bytes, cache, subject); break;
		case FIELD_TLS_ISSUER: read_name(&r->bytes, cache, issuer); break;
		case FIELD_TLS_NOT_BEFORE: read_time(&r->bytes, not_before); break;
		case FIELD_TLS_NOT_AFTER: read_time(&r->bytes, not_after); break;
		default: read_serial(&r->bytes, serial); break;
		}
		r->end[i] = r->bytes.n;
	}
}

static void keep(struct kept **slot, const uint8_t *sha256, const struct reading *r)
{
	if (r->bytes.error || r->bytes.n > X509_KEPT_BYTES)
		return;
	struct kept *k = realloc(*slot, sizeof(*k) + r->bytes.n);
	if (!k)
		return;
	memcpy(k->sha256, sha256, sizeof(k->sha256));
	for (size_t i = 0; i < FIELDS; i++)
		k->end[i] = (uint16_t)r->end[i];
	if (r->bytes.n)
		memcpy(k->bytes, r->bytes.p, r->bytes.n);
	*slot = k;
}

static void add_field(struct proto_context *c, size_t i, const uint8_t *bytes, size_t from, size_t end)
{
	if (end > from)
		proto_field_bytes(c, fields[i], bytes + from, end - from);
}

void x509_fields(struct proto_context *c, void *cache, const uint8_t *der, size_t n)
{
	struct cache *all = cache;
	struct sha256_ctx hash;
	uint8_t sha256[SHA256_DIGEST_SIZE];
	sha256_init(&hash);
	sha256_update(&hash, n, der);
	sha256_digest(&hash, sizeof(sha256), sha256);
	proto_field_bytes(c, FIELD_TLS_CERT_SHA256, sha256, sizeof(sha256));
	struct kept **slot = &all->slot[load_le32(sha256) % X509_KEPT];
	if (*slot && memcmp((*slot)->sha256, sha256, sizeof(sha256)) == 0) {
		for (size_t i = 0; i < FIELDS; i++)
			add_field(c, i, (*slot)->bytes, i ? (*slot)->end[i - 1] : 0, (*slot)->end[i]);
		return;
	}
	struct reading r = {.bytes = {.p = NULL}};
	read_certificate(&r, all, der, n);
	for (size_t i = 0; !r.bytes.error && i < FIELDS; i++)
		add_field(c, i, r.bytes.p, i ? r.end[i - 1] : 0, r.end[i]);
	keep(slot, sha256, &r);
	dynbuf_free(&r.bytes);
}
