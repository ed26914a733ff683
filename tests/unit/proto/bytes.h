/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TEST_PROTO_BYTES_H
#define TEST_PROTO_BYTES_H

/* Messages made by hand: a buffer to append to, with lengths that are filled in when an element is closed. */

#include "drive.h"

#include "base/cursor.h"

struct bytes {
	size_t n;
	uint8_t p[16384];
};

static inline void put(struct bytes *b, const void *p, size_t n)
{
	assert_true(n <= sizeof(b->p) - b->n);
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
}

static inline void put_str(struct bytes *b, const char *s)
{
	put(b, s, strlen(s));
}

static inline void put_u8(struct bytes *b, unsigned v)
{
	uint8_t byte = (uint8_t)v;
	put(b, &byte, 1);
}

static inline void put_le16(struct bytes *b, unsigned v)
{
	uint8_t p[2];
	store_le16(p, (uint16_t)v);
	put(b, p, 2);
}

static inline void put_le32(struct bytes *b, uint32_t v)
{
	uint8_t p[4];
	store_le32(p, v);
	put(b, p, 4);
}

static inline void put_le64(struct bytes *b, uint64_t v)
{
	uint8_t p[8];
	store_le64(p, v);
	put(b, p, 8);
}

static inline void put_be16(struct bytes *b, unsigned v)
{
	uint8_t p[2];
	store_be16(p, (uint16_t)v);
	put(b, p, 2);
}

static inline void put_be32(struct bytes *b, uint32_t v)
{
	uint8_t p[4];
	store_be32(p, v);
	put(b, p, 4);
}

static inline void put_zero(struct bytes *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put_u8(b, 0);
}

/* ASCII as UTF-16, little-endian. */
static inline void put_utf16(struct bytes *b, const char *s)
{
	for (; *s; s++)
		put_le16(b, (unsigned char)*s);
}

/* Pairs of hexadecimal digits; blanks are for the reader. */
static inline void put_hex(struct bytes *b, const char *hex)
{
	char pair[2];
	for (int have = 0; *hex; hex++) {
		if (*hex == ' ')
			continue;
		pair[have++] = *hex;
		if (have == 2) {
			uint8_t byte;
			assert_int_equal(num_parse_hex(text_bytes(pair, 2), &byte, 1), 0);
			put_u8(b, byte);
			have = 0;
		}
	}
}

/* A BER element whose length is filled in by der_close: the form of two octets, which BER allows for any
 * length. */
static inline size_t der_open(struct bytes *b, unsigned tag)
{
	put_u8(b, tag);
	put_u8(b, 0x82);
	put_zero(b, 2);
	return b->n;
}

static inline void der_close(struct bytes *b, size_t open)
{
	store_be16(b->p + open - 2, (uint16_t)(b->n - open));
}

static inline void der_string(struct bytes *b, unsigned tag, const char *s)
{
	put_u8(b, tag);
	put_u8(b, (unsigned)strlen(s));
	put_str(b, s);
}

static inline void der_integer(struct bytes *b, unsigned tag, unsigned v)
{
	put_u8(b, tag);
	put_u8(b, v > 127 ? 2 : 1);
	if (v > 127)
		put_u8(b, v >> 8);
	put_u8(b, v);
}

/* [n] { element } around an integer or a string. */
static inline void der_context_integer(struct bytes *b, unsigned n, unsigned v)
{
	put_u8(b, 0xa0 + n);
	put_u8(b, v > 127 ? 4 : 3);
	der_integer(b, 2, v);
}

static inline void der_context_string(struct bytes *b, unsigned n, unsigned tag, const char *s)
{
	size_t o = der_open(b, 0xa0 + n);
	der_string(b, tag, s);
	der_close(b, o);
}

/* NTLMSSP AUTHENTICATE with Unicode names and an NT response of `response` bytes (MS-NLMP 2.2.1.3). */
static inline void put_ntlm_authenticate(
    struct bytes *b, const char *user, const char *domain, const char *host, unsigned response)
{
	size_t u = 2 * strlen(user), d = 2 * strlen(domain), h = 2 * strlen(host), at = 64;
	put(b, "NTLMSSP", 8);
	put_le32(b, 3);
	const size_t sizes[] = {0, response, d, u, h, 0},
	             offsets[] = {64, 64 + d + u + h, at, at + d, at + d + u, 64};
	for (int i = 0; i < 6; i++) {
		put_le16(b, (unsigned)sizes[i]);
		put_le16(b, (unsigned)sizes[i]);
		put_le32(b, (uint32_t)offsets[i]);
	}
	put_le32(b, 1);
	put_utf16(b, domain);
	put_utf16(b, user);
	put_utf16(b, host);
	for (unsigned i = 0; i < response; i++)
		put_u8(b, 0x11);
}

static inline void put_ntlm_negotiate(struct bytes *b)
{
	put(b, "NTLMSSP", 8);
	put_le32(b, 1);
	put_le32(b, 0xe2088297);
	put_zero(b, 16);
}

/* Ticket of RFC 4120 5.3: realm, service in two parts, encryption type. */
static inline void put_krb_ticket(
    struct bytes *b, const char *realm, const char *s1, const char *s2, unsigned etype)
{
	size_t app = der_open(b, 0x61), seq = der_open(b, 0x30);
	der_context_integer(b, 0, 5);
	der_context_string(b, 1, 0x1b, realm);
	size_t name = der_open(b, 0xa2), nseq = der_open(b, 0x30);
	der_context_integer(b, 0, 2);
	size_t parts = der_open(b, 0xa1), pseq = der_open(b, 0x30);
	der_string(b, 0x1b, s1);
	der_string(b, 0x1b, s2);
	der_close(b, pseq);
	der_close(b, parts);
	der_close(b, nseq);
	der_close(b, name);
	size_t enc = der_open(b, 0xa3), eseq = der_open(b, 0x30);
	der_context_integer(b, 0, etype);
	der_context_string(b, 2, 4, "ciphertext");
	der_close(b, eseq);
	der_close(b, enc);
	der_close(b, seq);
	der_close(b, app);
}

/* AP-REQ of RFC 4120 5.5.1 without its authenticator. */
static inline void put_krb_ap_req(
    struct bytes *b, const char *realm, const char *s1, const char *s2, unsigned etype)
{
	size_t app = der_open(b, 0x6e), seq = der_open(b, 0x30);
	der_context_integer(b, 0, 5);
	der_context_integer(b, 1, 14);
	size_t ticket = der_open(b, 0xa3);
	put_krb_ticket(b, realm, s1, s2, etype);
	der_close(b, ticket);
	der_close(b, seq);
	der_close(b, app);
}

#endif
