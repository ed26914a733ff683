/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/key.h"

#include <errno.h>
#include <nettle/base64.h>
#include <nettle/sha2.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/err.h"
#include "base/num.h"
#include "ledger/base64.h"

/* The type's byte and the key's. */
enum { TYPED_BYTES = 1 + LEDGER_KEY_BYTES, TYPED_TEXT = 44, ID_DIGITS = 2 * LEDGER_KEY_ID_SIZE };

static const char private_word[] = "PRIVATE+KEY+";

struct ledger_key {
	struct ledger_verifier verifier;
	EVP_PKEY *pkey;
};

bool ledger_name_fit(struct text name)
{
	if (name.n == 0 || name.n > LEDGER_KEY_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~' || name.p[i] == '+')
			return false;
	return true;
}

static bool type_known(uint8_t type)
{
	return type == LEDGER_KEY_SIGNER || type == LEDGER_KEY_WITNESS;
}

static void put_id(struct ledger_verifier *v)
{
	struct sha256_ctx c;
	uint8_t type = (uint8_t)v->type;
	sha256_init(&c);
	sha256_update(&c, strlen(v->name), (const uint8_t *)v->name);
	sha256_update(&c, 1, (const uint8_t *)"\n");
	sha256_update(&c, 1, &type);
	sha256_update(&c, sizeof(v->public_key), v->public_key);
	sha256_digest(&c, sizeof(v->id), v->id);
}

/* NAME+ID+BASE64 taken apart; the bytes are not yet known to fit the id. */
static int parse_parts(
    struct text t, struct text *ret_name, uint8_t id[LEDGER_KEY_ID_SIZE], uint8_t typed[TYPED_BYTES])
{
	size_t plus = text_find(t, '+');
	struct text name = text_sub(t, 0, plus), rest = text_sub(t, plus + 1, t.n);
	struct text digits = text_sub(rest, 0, ID_DIGITS), bytes = text_sub(rest, ID_DIGITS + 1, rest.n);
	char again[ID_DIGITS + 1];
	if (!ledger_name_fit(name) || rest.n != ID_DIGITS + 1 + TYPED_TEXT || rest.p[ID_DIGITS] != '+' ||
	    num_parse_hex(digits, id, LEDGER_KEY_ID_SIZE) < 0 ||
	    !text_equal(digits, text_of(num_hex(id, LEDGER_KEY_ID_SIZE, again))) ||
	    base64_parse(bytes, typed, TYPED_BYTES) < 0 || !type_known(typed[0]))
		return -EINVAL;
	*ret_name = name;
	return 0;
}

int ledger_verifier_parse(struct text t, struct ledger_verifier *ret_verifier)
{
	struct ledger_verifier v = {0};
	uint8_t id[LEDGER_KEY_ID_SIZE], typed[TYPED_BYTES];
	struct text name;
	int r = parse_parts(t, &name, id, typed);
	if (r < 0)
		return r;
	memcpy(v.name, name.p, name.n);
	v.type = typed[0];
	memcpy(v.public_key, typed + 1, sizeof(v.public_key));
	put_id(&v);
	if (memcmp(v.id, id, sizeof(id)) != 0)
		return -EINVAL;
	*ret_verifier = v;
	return 0;
}

/* Into a buffer of fixed size, so that no copy of a secret is left behind by one that grew. */
static void print_typed(char *buf, const char *before, const struct ledger_verifier *v, const uint8_t *bytes)
{
	char hex[ID_DIGITS + 1], text[TYPED_TEXT];
	uint8_t typed[TYPED_BYTES] = {(uint8_t)v->type};
	memcpy(typed + 1, bytes, LEDGER_KEY_BYTES);
	base64_encode_raw(text, sizeof(typed), typed);
	snprintf(buf, LEDGER_KEY_TEXT_SIZE, "%s%s+%s+%.*s", before, v->name,
	    num_hex(v->id, sizeof(v->id), hex), TYPED_TEXT, text);
	OPENSSL_cleanse(typed, sizeof(typed));
	OPENSSL_cleanse(text, sizeof(text));
}

char *ledger_verifier_print(const struct ledger_verifier *v, char *buf)
{
	print_typed(buf, "", v, v->public_key);
	return buf;
}

bool ledger_verifier_equal(const struct ledger_verifier *a, const struct ledger_verifier *b)
{
	return a->type == b->type && memcmp(a->public_key, b->public_key, sizeof(a->public_key)) == 0 &&
	       strcmp(a->name, b->name) == 0;
}

int ledger_verifier_check(const struct ledger_verifier *v, const void *p, size_t n, const uint8_t *signature)
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(
	    EVP_PKEY_ED25519, NULL, v->public_key, sizeof(v->public_key));
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	int r = -ENOMEM;
	if (pkey && c && EVP_DigestVerifyInit(c, NULL, NULL, NULL, pkey) == 1)
		r = EVP_DigestVerify(c, signature, LEDGER_SIGNATURE_BYTES, p, n) == 1 ? 0 : -ERR_CHECKSUM;
	EVP_MD_CTX_free(c);
	EVP_PKEY_free(pkey);
	return r;
}

/* Takes the secret bytes, which the caller wipes. */
static int key_of(
    struct ledger_key **ret_key, enum ledger_key_type type, struct text name, const uint8_t *secret)
{
	struct ledger_key *k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	size_t n = sizeof(k->verifier.public_key);
	k->pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, LEDGER_KEY_BYTES);
	if (!k->pkey || EVP_PKEY_get_raw_public_key(k->pkey, k->verifier.public_key, &n) != 1 ||
	    n != sizeof(k->verifier.public_key)) {
		ledger_key_free(k);
		return -ENOMEM;
	}
	memcpy(k->verifier.name, name.p, name.n);
	k->verifier.type = type;
	put_id(&k->verifier);
	*ret_key = k;
	return 0;
}

int ledger_key_generate(struct ledger_key **ret_key, enum ledger_key_type type, struct text name)
{
	uint8_t secret[LEDGER_KEY_BYTES];
	if (!ledger_name_fit(name))
		return -EINVAL;
	if (getrandom(secret, sizeof(secret), 0) != (ssize_t)sizeof(secret))
		return -EIO;
	int r = key_of(ret_key, type, name, secret);
	OPENSSL_cleanse(secret, sizeof(secret));
	return r;
}

int ledger_key_parse(struct text t, struct ledger_key **ret_key)
{
	uint8_t id[LEDGER_KEY_ID_SIZE], typed[TYPED_BYTES] = {0};
	struct text name, word = text_of(private_word);
	struct ledger_key *k = NULL;
	if (!text_equal(text_sub(t, 0, word.n), word))
		return -EINVAL;
	int r = parse_parts(text_sub(t, word.n, t.n), &name, id, typed);
	if (r == 0)
		r = key_of(&k, typed[0], name, typed + 1);
	OPENSSL_cleanse(typed, sizeof(typed));
	if (r == 0 && memcmp(k->verifier.id, id, sizeof(id)) != 0) {
		ledger_key_free(k);
		r = -EINVAL;
	}
	if (r == 0)
		*ret_key = k;
	return r;
}

int ledger_key_print(const struct ledger_key *k, char *buf)
{
	uint8_t secret[LEDGER_KEY_BYTES];
	size_t n = sizeof(secret);
	if (EVP_PKEY_get_raw_private_key(k->pkey, secret, &n) != 1 || n != sizeof(secret))
		return -ENOMEM;
	print_typed(buf, private_word, &k->verifier, secret);
	OPENSSL_cleanse(secret, sizeof(secret));
	return 0;
}

void ledger_key_free(struct ledger_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->pkey); /* OpenSSL wipes the secret */
	free(k);
}

const struct ledger_verifier *ledger_key_verifier(const struct ledger_key *k)
{
	return &k->verifier;
}

int ledger_key_sign(const struct ledger_key *k, const void *p, size_t n, uint8_t *ret_signature)
{
	uint8_t signature[LEDGER_SIGNATURE_BYTES];
	size_t size = sizeof(signature);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool ok = c && EVP_DigestSignInit(c, NULL, NULL, NULL, k->pkey) == 1 &&
	          EVP_DigestSign(c, signature, &size, p, n) == 1 && size == sizeof(signature);
	EVP_MD_CTX_free(c);
	if (!ok)
		return -ENOMEM;
	memcpy(ret_signature, signature, sizeof(signature));
	return 0;
}
