/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/asn1.h"

#include "base/err.h"

int asn1_header(const uint8_t *p, size_t n, uint8_t *ret_tag, size_t *ret_header, uint32_t *ret_length)
{
	if (n < 2)
		return -ERR_TRUNCATED;
	if ((p[0] & 0x1f) == 0x1f)
		return -ERR_MALFORMED;
	size_t octets = p[1] & 0x7f;
	uint32_t length = p[1];
	if (p[1] & 0x80) {
		if (octets == 0 || octets > 4)
			return -ERR_MALFORMED;
		if (n < 2 + octets)
			return -ERR_TRUNCATED;
		length = 0;
		for (size_t i = 0; i < octets; i++)
			length = length * 256 + p[2 + i];
	} else {
		octets = 0;
	}
	*ret_tag = p[0];
	*ret_header = 2 + octets;
	*ret_length = length;
	return 0;
}

bool asn1_next(struct cursor *c, struct asn1_element *ret_element)
{
	uint8_t tag;
	size_t header;
	uint32_t length;
	if (cursor_left(c) == 0)
		return false;
	if (asn1_header(c->base + c->pos, cursor_left(c), &tag, &header, &length) < 0) {
		c->failed = true;
		return false;
	}
	cursor_skip(c, header);
	struct cursor body = cursor_sub(c, length);
	if (!cursor_ok(&body))
		return false;
	*ret_element = (struct asn1_element){.tag = tag, .body = body};
	return true;
}

struct cursor asn1_take(struct cursor *c, uint8_t tag)
{
	struct asn1_element e;
	if (asn1_next(c, &e) && e.tag == tag)
		return e.body;
	c->failed = true;
	return (struct cursor){.failed = true};
}

struct cursor asn1_optional(struct cursor *c, uint8_t tag)
{
	const uint8_t *p = cursor_peek(c, 1);
	if (!p || *p != tag)
		return (struct cursor){.failed = true};
	return asn1_take(c, tag);
}

int64_t asn1_integer(struct cursor *body)
{
	size_t n = cursor_left(body);
	const uint8_t *p = n > 0 && n <= 8 ? cursor_take(body, n) : NULL;
	if (!p) {
		body->failed = true;
		return 0;
	}
	uint64_t v = p[0] & 0x80 ? UINT64_MAX : 0;
	for (size_t i = 0; i < n; i++)
		v = v * 256 + p[i];
	return (int64_t)v;
}

struct text asn1_text(const struct cursor *body)
{
	size_t n = cursor_left(body);
	return (struct text){.p = n ? (const char *)body->base + body->pos : NULL, .n = n};
}
