/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The TLS handshakes of the short flows (RFC 8446, RFC 5246): hellos of four kinds of clients. */

#include <err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "draw.h"
#include "sensor_out.h"
#include "sensor_words.h"

enum { CERTIFICATE_MAX = 1400, PROOFS = 5 + 2 * 120, HANDSHAKE = 22, CIPHER_CHANGE = 20, DATA = 23 };

static struct certificate {
	uint8_t der[CERTIFICATE_MAX];
	size_t n;
} * certificates, authority;

static void add(struct words *w, const void *p, size_t n)
{
	memcpy(w->p + w->n, p, n);
	w->n += n;
}

static void add_number(struct words *w, size_t bytes, uint32_t v)
{
	for (size_t i = 0; i < bytes; i++)
		w->p[w->n++] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
}

static void add_random(struct words *w, size_t n, uint64_t *state)
{
	for (; n >= 8; n -= 8) {
		uint64_t r = draw_next(state);
		add(w, &r, 8);
	}
	uint64_t r = draw_next(state);
	add(w, &r, n);
}

/* Room for a length of so many bytes; close_length writes how much followed. */
static size_t open_length(struct words *w, size_t bytes)
{
	w->n += bytes;
	return w->n;
}

static void close_length(struct words *w, size_t from, size_t bytes)
{
	uint32_t length = (uint32_t)(w->n - from);
	for (size_t i = 0; i < bytes; i++)
		w->p[from - 1 - i] = (uint8_t)(length >> (8 * i));
}

static size_t open_record(struct words *w, unsigned type)
{
	add_number(w, 1, type);
	add_number(w, 2, 0x0303);
	return open_length(w, 2);
}

static void check(bool good)
{
	if (!good)
		errx(1, "OpenSSL");
}

static void add_extension_text(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	check(e && X509_add_ext(x, e, -1));
	X509_EXTENSION_free(e);
}

/* A certificate as servers have them: names, where to ask, and as many bytes as two transparency proofs. */
static void make_certificate(struct certificate *c, EVP_PKEY *key, const char *name, long serial)
{
	char value[200];
	struct words proofs = {.p = (uint8_t[PROOFS]){0}};
	uint64_t state = (uint64_t)serial;
	X509 *x = X509_new();
	check(x && X509_set_version(x, 2) && ASN1_INTEGER_set(X509_get_serialNumber(x), serial * 7919 + 1));
	check(ASN1_TIME_set_string(X509_getm_notBefore(x), "251101000000Z") &&
	      ASN1_TIME_set_string(X509_getm_notAfter(x), "260130000000Z") && X509_set_pubkey(x, key));
	check(X509_NAME_add_entry_by_txt(X509_get_issuer_name(x), "O", MBSTRING_ASC,
	          (const uint8_t *)"Benchmark Trust Services", -1, -1, 0) &&
	      X509_NAME_add_entry_by_txt(X509_get_issuer_name(x), "CN", MBSTRING_ASC,
	          (const uint8_t *)"Benchmark Issuing CA 1", -1, -1, 0) &&
	      X509_NAME_add_entry_by_txt(
	          X509_get_subject_name(x), "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0));
	snprintf(value, sizeof(value), "DNS:%s,DNS:*.%s", name, name);
	add_extension_text(x, NID_subject_alt_name, value);
	add_extension_text(x, NID_key_usage, "critical,digitalSignature");
	add_extension_text(x, NID_ext_key_usage, "serverAuth");
	add_extension_text(x, NID_info_access,
	    "OCSP;URI:http://ocsp.trust.example,caIssuers;URI:http://ca.trust.example/1.der");
	add(&proofs, "\x04\x81\xf2\x00\xf0", 5); /* RFC 6962, 3.3: an octet string of a list of two */
	for (int i = 0; i < 2; i++) {
		add(&proofs, "\x00\x76\x00", 3);
		add_random(&proofs, 32 + 8, &state);
		add(&proofs, "\x00\x00\x04\x03\x00\x47", 6);
		add_random(&proofs, 71, &state);
	}
	ASN1_OCTET_STRING *bytes = ASN1_OCTET_STRING_new();
	check(bytes && ASN1_OCTET_STRING_set(bytes, proofs.p, (int)proofs.n));
	X509_EXTENSION *e = X509_EXTENSION_create_by_NID(NULL, NID_ct_precert_scts, 0, bytes);
	check(e && X509_add_ext(x, e, -1) && X509_sign(x, key, NULL));
	X509_EXTENSION_free(e);
	ASN1_OCTET_STRING_free(bytes);
	int n = i2d_X509(x, NULL);
	check(n > 0 && n <= CERTIFICATE_MAX);
	uint8_t *p = c->der;
	c->n = (size_t)i2d_X509(x, &p);
	X509_free(x);
}

void words_certificates_make(void)
{
	uint8_t seed[32] = "the benchmark's key, no secret";
	/* signs the same way each time */
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
	check(key != NULL);
	certificates = room(CERTIFICATES * sizeof(*certificates));
	for (uint32_t i = 0; i < CERTIFICATES; i++) {
		char name[80];
		words_name(name, sizeof(name), i, 0);
		make_certificate(&certificates[i], key, name, (long)i + 2);
	}
	make_certificate(&authority, key, "Benchmark Issuing CA 1", 1);
	EVP_PKEY_free(key);
}

/* Extensions of one kind of client, in its order; what each holds is in add_extension. */
static const struct client {
	uint8_t ciphers[40];
	uint8_t n_ciphers; /* bytes */
	uint8_t extensions[18];
	bool padded, greased;
} clients[] = {
    {{0x13, 1, 0x13, 2, 0x13, 3, 0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x2c, 0xc0, 0x30, 0xcc, 0xa9, 0xcc, 0xa8, 0xc0,
         0x13, 0xc0, 0x14, 0, 0x9c, 0, 0x9d, 0, 0x2f, 0, 0x35},
        30, {1, 23, 254, 10, 11, 35, 16, 5, 13, 18, 51, 45, 43, 27}, true, true},
    {{0x13, 1, 0x13, 3, 0x13, 2, 0xc0, 0x2b, 0xc0, 0x2f, 0xcc, 0xa9, 0xcc, 0xa8, 0xc0, 0x2c, 0xc0, 0x30, 0xc0,
         0x0a, 0xc0, 0x09, 0xc0, 0x13, 0xc0, 0x14, 0, 0x9c, 0, 0x9d, 0, 0x2f, 0, 0x35},
        34, {1, 23, 254, 10, 11, 35, 16, 5, 51, 43, 13, 45, 28}, true, false},
    {{0x13, 2, 0x13, 3, 0x13, 1, 0xc0, 0x2c, 0xc0, 0x30, 0, 0x9f, 0xcc, 0xa9, 0xcc, 0xa8, 0xcc, 0xaa, 0xc0,
         0x2b, 0xc0, 0x2f, 0, 0x9e, 0, 0xff},
        26, {1, 11, 10, 16, 22, 23, 13, 43, 45, 51}, false, false},
    {{0xc0, 0x2c, 0xc0, 0x2b, 0xc0, 0x30, 0xc0, 0x2f, 0xc0, 0x24, 0xc0, 0x23, 0xc0, 0x28, 0xc0, 0x27, 0xc0,
         0x0a, 0xc0, 0x09, 0, 0x9d, 0, 0x9c, 0, 0x3d, 0, 0x3c},
        28, {1, 5, 10, 11, 13, 35, 23, 254}, false, false},
};

/* type 1 stands for the server's name (0), 254 for renegotiation (0xff01). */
static void add_extension(struct words *w, unsigned type, const char *name, uint64_t *state)
{
	static const uint8_t groups[] = {0, 6, 0, 29, 0, 23, 0, 24},
	                     algorithms[] = {0, 16, 4, 3, 8, 4, 4, 1, 5, 3, 8, 5, 5, 1, 8, 6, 6, 1},
	                     protocols[] = {0, 12, 2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'},
	                     versions[] = {4, 3, 4, 3, 3}, status[] = {1, 0, 0, 0, 0},
	                     share[] = {0, 36, 0, 29, 0, 32};
	add_number(w, 2, type == 1 ? 0 : type == 254 ? 0xff01 : type);
	size_t at = open_length(w, 2);
	switch (type) {
	case 1:
		add_number(w, 2, (uint32_t)strlen(name) + 3);
		add_number(w, 1, 0);
		add_number(w, 2, (uint32_t)strlen(name));
		add(w, name, strlen(name));
		break;
	case 5: add(w, status, sizeof(status)); break;
	case 10: add(w, groups, sizeof(groups)); break;
	case 11: add_number(w, 2, 0x0100); break;
	case 13: add(w, algorithms, sizeof(algorithms)); break;
	case 16: add(w, protocols, sizeof(protocols)); break;
	case 27: add_number(w, 3, 0x020002); break;
	case 28: add_number(w, 2, 0x4001); break;
	case 43: add(w, versions, sizeof(versions)); break;
	case 45: add_number(w, 2, 0x0101); break;
	case 51:
		add(w, share, sizeof(share));
		add_random(w, 32, state);
		break;
	case 254: add_number(w, 1, 0); break;
	default: /* empty */ break;
	}
	close_length(w, at, 2);
}

void words_tls_hello(struct words *w, const char *name, enum tls version, uint64_t *state)
{
	const struct client *c = &clients[version == TLS_13 ? draw_below(draw_next(state), 3) : 3];
	uint32_t grease = 0x0a0a + 0x1010 * draw_below(draw_next(state), 16);
	size_t record = open_record(w, HANDSHAKE);
	add_number(w, 1, 1);
	size_t message = open_length(w, 3);
	add_number(w, 2, 0x0303);
	add_random(w, 32, state);
	size_t session = version == TLS_12 ? 0 : 32;
	add_number(w, 1, (uint32_t)session);
	if (session)
		add_random(w, session, state);
	add_number(w, 2, c->n_ciphers + (c->greased ? 2u : 0));
	if (c->greased)
		add_number(w, 2, grease);
	add(w, c->ciphers, c->n_ciphers);
	add_number(w, 2, 0x0100);
	size_t extensions = open_length(w, 2);
	if (c->greased)
		add_number(w, 4, grease << 16);
	for (size_t i = 0; i < sizeof(c->extensions) && c->extensions[i]; i++)
		add_extension(w, c->extensions[i], name, state);
	size_t so_far = w->n - record + 5;
	if (c->padded && so_far + 4 < 517) {
		add_number(w, 2, 21);
		add_number(w, 2, (uint32_t)(517 - so_far - 4));
		memset(w->p + w->n, 0, 517 - so_far - 4);
		w->n += 517 - so_far - 4;
	}
	close_length(w, extensions, 2);
	close_length(w, message, 3);
	close_length(w, record, 2);
}

static void add_server_hello(struct words *w, enum tls version, uint64_t *state)
{
	static const uint8_t modern[] = {0, 43, 0, 2, 3, 4, 0, 51, 0, 36, 0, 29, 0, 32},
	                     old[] = {0xff, 1, 0, 1, 0, 0, 11, 0, 2, 1, 0, 0, 23, 0, 0};
	size_t record = open_record(w, HANDSHAKE);
	add_number(w, 1, 2);
	size_t message = open_length(w, 3);
	add_number(w, 2, 0x0303);
	add_random(w, 32, state);
	add_number(w, 1, 32);
	add_random(w, 32, state);
	add_number(w, 2, version == TLS_13 ? 0x1301 : 0xc02c);
	add_number(w, 1, 0);
	size_t extensions = open_length(w, 2);
	if (version == TLS_13) {
		add(w, modern, sizeof(modern));
		add_random(w, 32, state);
	} else {
		add(w, old, sizeof(old));
	}
	close_length(w, extensions, 2);
	close_length(w, message, 3);
	close_length(w, record, 2);
}

static void add_certificates(struct words *w, uint32_t domain)
{
	const struct certificate *chain[] = {&certificates[domain % CERTIFICATES], &authority};
	size_t record = open_record(w, HANDSHAKE);
	add_number(w, 1, 11);
	size_t message = open_length(w, 3), list = open_length(w, 3);
	for (size_t i = 0; i < 2; i++) {
		add_number(w, 3, (uint32_t)chain[i]->n);
		add(w, chain[i]->der, chain[i]->n);
	}
	close_length(w, list, 3);
	close_length(w, message, 3);
	close_length(w, record, 2);
}

/* A handshake message, in a record of its own: some bytes that its form asks for, then n drawn ones. */
static void add_message(
    struct words *w, unsigned type, const char *form, size_t n_form, size_t n, uint64_t *state)
{
	size_t record = open_record(w, HANDSHAKE);
	add_number(w, 1, type);
	add_number(w, 3, (uint32_t)(n_form + n));
	add(w, form, n_form);
	add_random(w, n, state);
	close_length(w, record, 2);
}

/* The cipher changes, and n bytes that are sealed already follow. */
static void add_sealed(struct words *w, unsigned type, size_t n, uint64_t *state)
{
	size_t record = open_record(w, CIPHER_CHANGE);
	add_number(w, 1, 1);
	close_length(w, record, 2);
	record = open_record(w, type);
	add_random(w, n, state);
	close_length(w, record, 2);
}

/* A point of P-256, signed (RFC 8422, 5.4). */
static void add_key_exchange(struct words *w, uint64_t *state)
{
	size_t record = open_record(w, HANDSHAKE);
	add_number(w, 1, 12);
	size_t message = open_length(w, 3);
	add(w, "\x03\x00\x17\x41\x04", 5);
	add_random(w, 64, state);
	add(w, "\x04\x03\x00\x47", 4);
	add_random(w, 71, state);
	close_length(w, message, 3);
	close_length(w, record, 2);
}

void words_tls_server(struct words *w, enum tls version, uint32_t domain, uint64_t *state)
{
	add_server_hello(w, version, state);
	switch (version) {
	case TLS_13:
		add_sealed(w, DATA, 40, state);
		words_tls_data(w, certificates[domain % CERTIFICATES].n + authority.n + 400, state);
		break;
	case TLS_12:
		add_certificates(w, domain);
		add_key_exchange(w, state);
		add_message(w, 14, "", 0, 0, state);
		break;
	case TLS_12_RESUMED: add_sealed(w, HANDSHAKE, 40, state); break;
	}
}

void words_tls_client_finish(struct words *w, enum tls version, uint64_t *state)
{
	if (version == TLS_12)
		add_message(w, 16, "\x41\x04", 2, 64, state);
	add_sealed(w, version == TLS_13 ? DATA : HANDSHAKE, version == TLS_13 ? 53 : 40, state);
}

void words_tls_server_finish(struct words *w, enum tls version, uint64_t *state)
{
	if (version == TLS_13) {
		words_tls_data(w, 250, state);
	} else if (version == TLS_12) {
		add_message(w, 4, "\x00\x00\x1c\x20\x00\xb0", 6, 176, state);
		add_sealed(w, HANDSHAKE, 40, state);
	}
}

void words_tls_data(struct words *w, size_t n, uint64_t *state)
{
	size_t record = open_record(w, DATA);
	add_random(w, n, state);
	close_length(w, record, 2);
}
