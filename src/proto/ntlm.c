/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/ntlm.h"

#include <string.h>

#include "base/cursor.h"
#include "base/err.h"
#include "proto/utf16.h"

enum {
	NTLM_FLAG_UNICODE = 1,
	NTLM_V1_RESPONSE =
	    24, /* bytes of every NTLMv1 response; NTLMv2's is longer (MS-NLMP 2.2.2.6, 2.2.2.8) */
};

/* A (length, allocated, offset) triple: MS-NLMP calls it Fields. */
struct ntlm_buffer {
	uint16_t length;
	uint32_t offset;
};

static struct ntlm_buffer buffer_read(struct cursor *c)
{
	struct ntlm_buffer b;
	b.length = cursor_le16(c);
	cursor_skip(c, 2);
	b.offset = cursor_le32(c);
	return b;
}

enum ntlm_type ntlm_type_of(const uint8_t *p, size_t n)
{
	if (n < 12 || memcmp(p, "NTLMSSP", 8) != 0)
		return NTLM_NONE;
	uint32_t type = load_le32(p + 8);
	return type >= NTLM_NEGOTIATE && type <= NTLM_AUTHENTICATE ? (enum ntlm_type)type : NTLM_NONE;
}

static uint16_t name_read(const uint8_t *p, size_t n, struct ntlm_buffer b, bool unicode, char *out)
{
	if (b.offset > n || b.length > n - b.offset)
		return 0;
	if (unicode)
		return (uint16_t)utf16le_text(p + b.offset, b.length, out, NTLM_NAME_SIZE).n;
	size_t k = b.length < NTLM_NAME_SIZE ? b.length : NTLM_NAME_SIZE;
	memcpy(out, p + b.offset, k);
	return (uint16_t)k;
}

int ntlm_authenticate_parse(const uint8_t *p, size_t n, struct ntlm_names *ret_names)
{
	if (ntlm_type_of(p, n) != NTLM_AUTHENTICATE)
		return -ERR_MALFORMED;
	struct cursor c = cursor_of(p, n);
	cursor_skip(&c, 12);
	struct ntlm_buffer lm = buffer_read(&c), nt = buffer_read(&c);
	struct ntlm_buffer domain = buffer_read(&c), user = buffer_read(&c), host = buffer_read(&c);
	(void)buffer_read(&c); /* session key */
	/* The oldest senders leave the flags out: what they send is Unicode all the same. */
	bool unicode = cursor_left(&c) < 4 || cursor_le32(&c) & NTLM_FLAG_UNICODE;
	if (!cursor_ok(&c))
		return -ERR_MALFORMED;
	memset(ret_names, 0, sizeof(*ret_names));
	ret_names->domain_n = name_read(p, n, domain, unicode, ret_names->domain);
	ret_names->user_n = name_read(p, n, user, unicode, ret_names->user);
	ret_names->host_n = name_read(p, n, host, unicode, ret_names->host);
	ret_names->version = nt.length == NTLM_V1_RESPONSE ? 1 : nt.length > NTLM_V1_RESPONSE ? 2 : 0;
	/* MS-NLMP 3.2.5.1.2: an empty user and NT response, an LM response of at most one zero byte. */
	ret_names->anonymous = user.length == 0 && nt.length == 0 && lm.length <= 1;
	return 0;
}
