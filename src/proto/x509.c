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
#include "base/timefmt.h"

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

struct cache {
	struct kept *slot[X509_KEPT];
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
	free(k);
}

static void read_name(struct dynbuf *out, const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	/* UTF-8 stays readable: whoever shows it escapes what can harm */
	unsigned long form = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
	if (bio && X509_NAME_print_ex(bio, name, 0, form) >= 0) {
		long n = BIO_get_mem_data(bio, &text);
		if (n > 0)
			dynbuf_append(out, text, (size_t)n);
	}
	BIO_free(bio);
}

static void read_time(struct dynbuf *out, const ASN1_TIME *t)
{
	struct tm tm;
	char text[TIME_TEXT_SIZE + 32];
	if (!t || ASN1_TIME_to_tm(t, &tm) != 1)
		return;
	int n = snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	dynbuf_append(out, text, (size_t)n);
}

static void read_serial(struct dynbuf *out, const ASN1_INTEGER *serial)
{
	if (serial && ASN1_STRING_length(serial) > 0)
		dynbuf_append(out, ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
}

/* Nothing of what is no certificate. */
static void read_certificate(struct reading *r, const uint8_t *der, size_t n)
{
	X509 *x = d2i_X509(NULL, &der, (long)n);
	for (size_t i = 0; x && i < FIELDS; i++) {
		switch (fields[i]) {
		case FIELD_TLS_SUBJECT: read_name(&r->bytes, X509_get_subject_name(x)); break;
		case FIELD_TLS_ISSUER: read_name(&r->bytes, X509_get_issuer_name(x)); break;
		case FIELD_TLS_NOT_BEFORE: read_time(&r->bytes, X509_get0_notBefore(x)); break;
		case FIELD_TLS_NOT_AFTER: read_time(&r->bytes, X509_get0_notAfter(x)); break;
		default: read_serial(&r->bytes, X509_get0_serialNumber(x)); break;
		}
		r->end[i] = r->bytes.n;
	}
	X509_free(x);
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
	read_certificate(&r, der, n);
	for (size_t i = 0; !r.bytes.error && i < FIELDS; i++)
		add_field(c, i, r.bytes.p, i ? r.end[i - 1] : 0, r.end[i]);
	keep(slot, sha256, &r);
	dynbuf_free(&r.bytes);
}
