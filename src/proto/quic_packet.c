/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/quic_packet.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/err.h"

enum { QUIC_TAG_SIZE = 16, QUIC_SAMPLE_SIZE = 16, QUIC_SECRET_SIZE = 32, QUIC_DRAFT = 0xff0000 };

struct quic_salt {
	uint32_t first, last; /* versions */
	uint8_t salt[20];
	const char *key, *iv, *header; /* labels */
};

static const struct quic_salt salts[] = {
    /* RFC 9001, 5.2 */
    {QUIC_VERSION_1, QUIC_VERSION_1,
        {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc,
            0xbb, 0x7f, 0x0a},
        "quic key", "quic iv", "quic hp"},
    /* RFC 9369, 3.3.1 */
    {QUIC_VERSION_2, QUIC_VERSION_2,
        {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9,
            0xbd, 0x2e, 0xd9},
        "quicv2 key", "quicv2 iv", "quicv2 hp"},
    /* draft-ietf-quic-tls-29 to -32 */
    {0xff00001d, 0xff000020,
        {0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43,
            0x90, 0xa8, 0x99},
        "quic key", "quic iv", "quic hp"},
};

static const struct quic_salt *salt_of(uint32_t version)
{
	for (size_t i = 0; i < sizeof(salts) / sizeof(salts[0]); i++)
		if (version >= salts[i].first && version <= salts[i].last)
			return &salts[i];
	return NULL;
}

bool quic_version_known(uint32_t version)
{
	return salt_of(version) != NULL;
}

const char *quic_version_text(uint32_t version, char *buf)
{
	if (version == QUIC_VERSION_1)
		return "1";
	if (version == QUIC_VERSION_2)
		return "2";
	if (version >> 8 == QUIC_DRAFT)
		snprintf(buf, QUIC_VERSION_TEXT_SIZE, "draft-%u", version & 0xff);
	else if (version >> 24 == 'Q' && (version >> 16 & 0xff) == '0')
		snprintf(buf, QUIC_VERSION_TEXT_SIZE, "Q0%c%c", (char)(version >> 8 & 0x7f),
		    (char)(version & 0x7f));
	else
		snprintf(buf, QUIC_VERSION_TEXT_SIZE, "0x%08x", version);
	return buf;
}

uint64_t quic_varint(struct cursor *c)
{
	uint8_t first = cursor_u8(c);
	uint64_t value = first & 0x3f;
	for (int more = (1 << (first >> 6)) - 1; more > 0; more--)
		value = value * 256 + cursor_u8(c);
	return cursor_ok(c) ? value : 0;
}

static struct text connection_id(struct cursor *c)
{
	uint8_t n = cursor_u8(c);
	if (n > QUIC_CID_MAX)
		c->failed = true;
	return cursor_text(c, n);
}

int quic_header_read(struct cursor *c, struct quic_header *ret_header)
{
	const uint8_t *packet = cursor_peek(c, 1);
	struct quic_header h = {.packet = packet};
	size_t start = c->pos;
	uint8_t first = cursor_u8(c);
	h.version = cursor_be32(c);
	h.dcid = connection_id(c);
	h.scid = connection_id(c);
	if (!cursor_ok(c) || !(first & 0x80))
		return -ERR_MALFORMED;
	if (!quic_version_known(h.version)) {
		*ret_header = h;
		return -ERR_UNSUPPORTED;
	}
	/* version 2 rotates the types by one (RFC 9369, 3.2) */
	unsigned type = first >> 4 & 3;
	h.type = (enum quic_type)(h.version == QUIC_VERSION_2 ? (type + 3) % 4 : type);
	if (h.type == QUIC_RETRY) {
		cursor_skip(c, cursor_left(c));
		*ret_header = h;
		return 0;
	}
	if (h.type == QUIC_INITIAL) {
		uint64_t token = quic_varint(c);
		cursor_skip(c, token < cursor_left(c) ? (size_t)token : cursor_left(c));
	}
	uint64_t length = quic_varint(c);
	h.number_at = c->pos - start;
	if (!cursor_ok(c) || length > cursor_left(c))
		return -ERR_MALFORMED;
	cursor_skip(c, (size_t)length);
	h.size = c->pos - start;
	*ret_header = h;
	return 0;
}

/* HKDF-Expand-Label (RFC 8446, 7.1) with an empty context, of at most one block of SHA-256. */
static int expand_label(const uint8_t secret[QUIC_SECRET_SIZE], const char *label, uint8_t *out, size_t n)
{
	uint8_t info[64] = {0, (uint8_t)n}, block[EVP_MAX_MD_SIZE];
	unsigned block_n = 0;
	int label_n = snprintf((char *)info + 3, sizeof(info) - 5, "tls13 %s", label);
	info[2] = (uint8_t)label_n;
	info[3 + label_n] = 0; /* the context's length */
	info[4 + label_n] = 1; /* the block's number (RFC 5869, 2.3) */
	if (!HMAC(EVP_sha256(), secret, QUIC_SECRET_SIZE, info, (size_t)label_n + 5, block, &block_n) ||
	    n > block_n)
		return -ENOMEM;
	memcpy(out, block, n);
	return 0;
}

int quic_client_keys(uint32_t version, struct text dcid, struct quic_keys *ret_keys)
{
	const struct quic_salt *s = salt_of(version);
	uint8_t initial[EVP_MAX_MD_SIZE], client[QUIC_SECRET_SIZE];
	unsigned n = 0;
	if (!s)
		return -ERR_UNSUPPORTED;
	if (!HMAC(EVP_sha256(), s->salt, sizeof(s->salt), (const uint8_t *)dcid.p, dcid.n, initial, &n))
		return -ENOMEM;
	int r = expand_label(initial, "client in", client, sizeof(client));
	if (r == 0)
		r = expand_label(client, s->key, ret_keys->key, sizeof(ret_keys->key));
	if (r == 0)
		r = expand_label(client, s->iv, ret_keys->iv, sizeof(ret_keys->iv));
	if (r == 0)
		r = expand_label(client, s->header, ret_keys->header, sizeof(ret_keys->header));
	return r;
}

/* Header protection (RFC 9001, 5.4.3): AES-ECB of a sample of the payload. */
static int header_mask(const struct quic_keys *k, const uint8_t *sample, uint8_t mask[QUIC_SAMPLE_SIZE])
{
	int n = 0;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	bool ok = ctx && EVP_EncryptInit_ex(ctx, EVP_aes_128_ecb(), NULL, k->header, NULL) == 1 &&
	          EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
	          EVP_EncryptUpdate(ctx, mask, &n, sample, QUIC_SAMPLE_SIZE) == 1 && n == QUIC_SAMPLE_SIZE;
	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : -ENOMEM;
}

/* AES-128-GCM (RFC 9001, 5.3): `sealed` ends in the tag. */
static int open_sealed(const struct quic_keys *k, const uint8_t nonce[QUIC_IV_SIZE], const uint8_t *head,
    size_t head_n, const uint8_t *sealed, size_t sealed_n, uint8_t *out)
{
	int n = 0;
	uint8_t tag[QUIC_TAG_SIZE];
	size_t text_n = sealed_n - QUIC_TAG_SIZE;
	memcpy(tag, sealed + text_n, sizeof(tag));
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	bool ready = ctx && EVP_DecryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, k->key, nonce) == 1 &&
	             EVP_DecryptUpdate(ctx, NULL, &n, head, (int)head_n) == 1 &&
	             EVP_DecryptUpdate(ctx, out, &n, sealed, (int)text_n) == 1 &&
	             EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, sizeof(tag), tag) == 1;
	bool genuine = ready && EVP_DecryptFinal_ex(ctx, out + n, &n) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return genuine ? 0 : ready ? -ERR_CHECKSUM : -ENOMEM;
}

int quic_initial_open(const struct quic_keys *k, const struct quic_header *h, uint8_t *frames, size_t *ret_n)
{
	uint8_t mask[QUIC_SAMPLE_SIZE], nonce[QUIC_IV_SIZE], head[512];
	/* the sample stands where a packet number of four bytes would end */
	if (h->size < h->number_at + 4 + QUIC_SAMPLE_SIZE || h->size > QUIC_PACKET_MAX)
		return -ERR_MALFORMED;
	int r = header_mask(k, h->packet + h->number_at + 4, mask);
	if (r < 0)
		return r;
	uint8_t first = h->packet[0] ^ (mask[0] & 0x0f);
	size_t number_n = (size_t)(first & 3) + 1, head_n = h->number_at + number_n;
	if (h->size < head_n + QUIC_TAG_SIZE)
		return -ERR_MALFORMED;
	/* a long token makes a long head: then the clear head goes in front of the frames' room instead */
	uint8_t *clear = head_n <= sizeof(head) ? head : frames;
	memcpy(clear, h->packet, head_n);
	clear[0] = first;
	memcpy(nonce, k->iv, sizeof(nonce));
	for (size_t i = 0; i < number_n; i++) {
		clear[h->number_at + i] ^= mask[1 + i];
		nonce[QUIC_IV_SIZE - number_n + i] ^= clear[h->number_at + i];
	}
	size_t sealed_n = h->size - head_n;
	r = open_sealed(
	    k, nonce, clear, head_n, h->packet + head_n, sealed_n, clear == head ? frames : frames + head_n);
	if (r < 0)
		return r;
	if (clear != head)
		memmove(frames, frames + head_n, sealed_n - QUIC_TAG_SIZE);
	*ret_n = sealed_n - QUIC_TAG_SIZE;
	return 0;
}
