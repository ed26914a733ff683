/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/timestamp.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <openssl/err.h>
#include <openssl/ts.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/timefmt.h"
#include "ledger/file.h"

enum { NONCE_BYTES = 8, NAME_SIZE = 48 };

static void digest(struct text t, uint8_t out[SHA256_DIGEST_SIZE])
{
	struct sha256_ctx c;
	sha256_init(&c);
	sha256_update(&c, t.n, (const uint8_t *)t.p);
	sha256_digest(&c, SHA256_DIGEST_SIZE, out);
}

static TS_MSG_IMPRINT *imprint_of(struct text t)
{
	uint8_t hash[SHA256_DIGEST_SIZE];
	TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
	X509_ALGOR *algorithm = X509_ALGOR_new();
	digest(t, hash);
	bool ok = imprint && algorithm &&
	          X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) == 1 &&
	          TS_MSG_IMPRINT_set_algo(imprint, algorithm) == 1 &&
	          TS_MSG_IMPRINT_set_msg(imprint, hash, sizeof(hash)) == 1;
	X509_ALGOR_free(algorithm);
	if (ok)
		return imprint;
	TS_MSG_IMPRINT_free(imprint);
	return NULL;
}

static ASN1_INTEGER *nonce(void)
{
	uint8_t bytes[NONCE_BYTES];
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return NULL;
	bytes[0] |= 1; /* eight bytes in any case; leading zeros have no form in DER */
	BIGNUM *n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	ASN1_INTEGER *integer = n ? BN_to_ASN1_INTEGER(n, NULL) : NULL;
	BN_free(n);
	return integer;
}

int timestamp_request(struct text note_text, struct dynbuf *out)
{
	TS_REQ *request = TS_REQ_new();
	TS_MSG_IMPRINT *imprint = imprint_of(note_text);
	ASN1_INTEGER *integer = nonce();
	unsigned char *der = NULL;
	int n = -1;
	if (request && imprint && integer && TS_REQ_set_version(request, 1) == 1 &&
	    TS_REQ_set_msg_imprint(request, imprint) == 1 && TS_REQ_set_nonce(request, integer) == 1 &&
	    TS_REQ_set_cert_req(request, 1) == 1)
		n = i2d_TS_REQ(request, &der);
	if (n > 0)
		dynbuf_append(out, der, (size_t)n);
	OPENSSL_free(der);
	ASN1_INTEGER_free(integer);
	TS_MSG_IMPRINT_free(imprint);
	TS_REQ_free(request);
	return n > 0 ? out->error : -ENOMEM;
}

/* A response from all of its bytes, or NULL. */
static TS_RESP *parse_response(struct text t)
{
	const unsigned char *p = (const unsigned char *)t.p;
	if (t.n == 0 || t.n > TIMESTAMP_MAX)
		return NULL;
	TS_RESP *response = d2i_TS_RESP(NULL, &p, (long)t.n);
	if (response && p == (const unsigned char *)t.p + t.n)
		return response;
	TS_RESP_free(response);
	return NULL;
}

/* The time it says. RFC 3161 has fractions of seconds, which are kept as far as they go. */
static int stamped_time(TS_RESP *response, struct tm *ret_tm, int64_t *ret_time)
{
	const TS_TST_INFO *info = TS_RESP_get_tst_info(response);
	const ASN1_GENERALIZEDTIME *at = info ? TS_TST_INFO_get_time(info) : NULL;
	struct tm tm;
	char text[TIME_TEXT_SIZE];
	int64_t ns;
	if (!at || ASN1_TIME_to_tm(at, &tm) != 1)
		return -ERR_MALFORMED;
	int n = snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	/* "20261123062511.25Z": what stands between the seconds and the Z. */
	struct text digits = text_bytes(ASN1_STRING_get0_data(at), (size_t)ASN1_STRING_length(at));
	struct text fraction = text_sub(digits, text_find(digits, '.'), digits.n);
	if (fraction.n > 10 || n < 0 || (size_t)n + fraction.n + 2 > sizeof(text))
		return -ERR_MALFORMED;
	snprintf(text + n, sizeof(text) - (size_t)n, "%.*s", (int)(fraction.n ? fraction.n : 1),
	    fraction.n ? fraction.p : "Z");
	if (time_parse(text_of(text), &ns) < 0)
		return -ERR_MALFORMED;
	*ret_tm = tm;
	*ret_time = ns;
	return 0;
}

static X509_STORE *store_of(const char *ca_file, time_t at)
{
	X509_STORE *store = X509_STORE_new();
	X509_VERIFY_PARAM *param = store ? X509_STORE_get0_param(store) : NULL;
	if (!store || X509_STORE_load_file(store, ca_file) != 1) {
		X509_STORE_free(store);
		return NULL;
	}
	X509_VERIFY_PARAM_set_time(param, at);
	return store;
}

/* What to compare: of a request all that it says, else version, signature and text. */
static TS_VERIFY_CTX *context_of(struct text request, struct text note_text)
{
	uint8_t hash[SHA256_DIGEST_SIZE];
	TS_VERIFY_CTX *c = NULL;
	if (request.n) {
		const unsigned char *p = (const unsigned char *)request.p;
		TS_REQ *q = request.n <= TIMESTAMP_MAX ? d2i_TS_REQ(NULL, &p, (long)request.n) : NULL;
		c = q ? TS_REQ_to_TS_VERIFY_CTX(q, NULL) : NULL;
		TS_REQ_free(q);
		if (c)
			TS_VERIFY_CTX_add_flags(c, TS_VFY_SIGNATURE);
		return c;
	}
	c = TS_VERIFY_CTX_new();
	if (!c)
		return NULL;
	TS_VERIFY_CTX_set_flags(c, TS_VFY_VERSION | TS_VFY_SIGNATURE | TS_VFY_IMPRINT);
	digest(note_text, hash);
	unsigned char *copy = OPENSSL_memdup(hash, sizeof(hash));
	if (copy)
		TS_VERIFY_CTX_set_imprint(c, copy, sizeof(hash));
	return c;
}

/* Whether the stamp is of SHA-256 and of this text: a request that was swapped can't change that. */
static bool stamps(TS_RESP *response, struct text note_text)
{
	uint8_t hash[SHA256_DIGEST_SIZE];
	TS_TST_INFO *info = TS_RESP_get_tst_info(response);
	TS_MSG_IMPRINT *imprint = info ? TS_TST_INFO_get_msg_imprint(info) : NULL;
	const ASN1_OBJECT *algorithm = NULL;
	if (!imprint)
		return false;
	X509_ALGOR_get0(&algorithm, NULL, NULL, TS_MSG_IMPRINT_get_algo(imprint));
	const ASN1_OCTET_STRING *stamped = TS_MSG_IMPRINT_get_msg(imprint);
	digest(note_text, hash);
	return OBJ_obj2nid(algorithm) == NID_sha256 && ASN1_STRING_length(stamped) == (int)sizeof(hash) &&
	       memcmp(ASN1_STRING_get0_data(stamped), hash, sizeof(hash)) == 0;
}

static int verify(TS_RESP *response, struct text request, struct text note_text, const char *ca_file,
    int64_t *ret_time, const char **why)
{
	struct tm tm;
	const ASN1_INTEGER *status = TS_STATUS_INFO_get0_status(TS_RESP_get_status_info(response));
	long said = status ? ASN1_INTEGER_get(status) : -1;
	*why = "the authority refused the request";
	if (said != TS_STATUS_GRANTED && said != TS_STATUS_GRANTED_WITH_MODS)
		return -EACCES;
	*why = "the response has no time";
	int r = stamped_time(response, &tm, ret_time);
	if (r < 0)
		return r;
	*why = "it stamps another text";
	if (!stamps(response, note_text))
		return -ERR_CHECKSUM;
	*why = "the file with the authority's certificates can't be read";
	X509_STORE *store = store_of(ca_file, timegm(&tm));
	if (!store)
		return -EACCES;
	*why = "memory ended, or the request isn't one";
	TS_VERIFY_CTX *c = context_of(request, note_text);
	if (!c) {
		X509_STORE_free(store);
		return -ENOMEM;
	}
	TS_VERIFY_CTX_set_store(c, store); /* which owns it from here on */
	*why = "OpenSSL doesn't verify it";
	r = TS_RESP_verify_response(c, response) == 1 ? 0 : -EACCES;
	TS_VERIFY_CTX_free(c);
	return r;
}

int timestamp_verify(struct text response, struct text request, struct text note_text, const char *ca_file,
    int64_t *ret_time, const char **ret_why)
{
	const char *why = "no time stamp response (RFC 3161, DER)";
	int64_t time;
	ERR_clear_error();
	TS_RESP *parsed = parse_response(response);
	int r = parsed ? verify(parsed, request, note_text, ca_file, &time, &why) : -ERR_MALFORMED;
	if (r == -EACCES) {
		unsigned long error = ERR_peek_error();
		const char *reason = ERR_reason_error_string(error);
		if (ERR_GET_REASON(error) == TS_R_NONCE_MISMATCH)
			r = -ERR_CHECKSUM;
		why = reason ? reason : why;
	}
	ERR_clear_error();
	TS_RESP_free(parsed);
	if (r == 0)
		*ret_time = time;
	else if (ret_why)
		*ret_why = why;
	return r;
}

static const char *name_of(uint64_t size, char *name)
{
	snprintf(name, NAME_SIZE, "checkpoint-%llu.tsr", (unsigned long long)size);
	return name;
}

int timestamp_store(int folder, uint64_t size, struct text response)
{
	char name[NAME_SIZE];
	return ledger_file_replace(folder, name_of(size, name), response);
}

int timestamp_read(int folder, uint64_t size, struct dynbuf *out)
{
	char name[NAME_SIZE];
	struct dynbuf b = {.max = TIMESTAMP_MAX};
	int fd, r = ledger_file_open(folder, name_of(size, name), O_RDONLY, &fd);
	if (r < 0)
		return r;
	r = ledger_file_read_all(fd, &b);
	close(fd);
	if (r == 0) {
		dynbuf_text(out, dynbuf_view(&b));
		r = out->error;
	}
	dynbuf_free(&b);
	return r;
}
