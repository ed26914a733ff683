/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/x509.h"

#include <stdio.h>
#include <time.h>

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/timefmt.h"

static void name_field(struct proto_context *c, enum field field, const X509_NAME *name)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *text = NULL;
	/* UTF-8 stays readable: whoever shows it escapes what can harm */
	unsigned long form = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
	if (out && X509_NAME_print_ex(out, name, 0, form) >= 0) {
		long n = BIO_get_mem_data(out, &text);
		if (n > 0)
			proto_field(c, field, text_bytes(text, (size_t)n));
	}
	BIO_free(out);
}

static void time_field(struct proto_context *c, enum field field, const ASN1_TIME *t)
{
	struct tm tm;
	char text[TIME_TEXT_SIZE + 32];
	if (!t || ASN1_TIME_to_tm(t, &tm) != 1)
		return;
	int n = snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	proto_field(c, field, text_bytes(text, (size_t)n));
}

void x509_fields(struct proto_context *c, const uint8_t *der, size_t n)
{
	uint8_t sha256[EVP_MAX_MD_SIZE];
	unsigned sha256_n = 0;
	if (EVP_Digest(der, n, sha256, &sha256_n, EVP_sha256(), NULL) == 1)
		proto_field_bytes(c, FIELD_TLS_CERT_SHA256, sha256, sha256_n);
	const uint8_t *p = der;
	X509 *x = d2i_X509(NULL, &p, (long)n);
	if (!x)
		return;
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
	name_field(c, FIELD_TLS_SUBJECT, X509_get_subject_name(x));
	name_field(c, FIELD_TLS_ISSUER, X509_get_issuer_name(x));
	time_field(c, FIELD_TLS_NOT_BEFORE, X509_get0_notBefore(x));
	time_field(c, FIELD_TLS_NOT_AFTER, X509_get0_notAfter(x));
	if (serial && ASN1_STRING_length(serial) > 0)
		proto_field_bytes(
		    c, FIELD_TLS_SERIAL, ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
	X509_free(x);
}
