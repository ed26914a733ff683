/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/utf16.h"

#include <string.h>

#include "base/cursor.h"

enum { SURROGATE_HIGH = 0xd800, SURROGATE_LOW = 0xdc00, SURROGATE_END = 0xe000, REPLACEMENT = 0xfffd };

/* The UTF-8 bytes of code point u in out; returns their number, 1 to 4. */
static size_t utf8_put(uint32_t u, char out[4])
{
	if (u < 0x80) {
		out[0] = (char)u;
		return 1;
	}
	size_t n = u < 0x800 ? 2 : u < 0x10000 ? 3 : 4;
	static const uint8_t lead[5] = {0, 0, 0xc0, 0xe0, 0xf0};
	for (size_t i = n - 1; i > 0; i--) {
		out[i] = (char)(0x80 | (u & 0x3f));
		u >>= 6;
	}
	out[0] = (char)(lead[n] | u);
	return n;
}

static uint32_t code_point(struct cursor *c)
{
	uint32_t u = cursor_le16(c);
	if (u < SURROGATE_HIGH || u >= SURROGATE_END)
		return u;
	const uint8_t *next = cursor_peek(c, 2);
	if (u >= SURROGATE_LOW || !next)
		return REPLACEMENT;
	uint32_t low = load_le16(next);
	if (low < SURROGATE_LOW || low >= SURROGATE_END)
		return REPLACEMENT;
	cursor_skip(c, 2);
	return 0x10000 + ((u - SURROGATE_HIGH) << 10) + (low - SURROGATE_LOW);
}

struct text utf16le_text(const uint8_t *p, size_t n, char *buf, size_t size)
{
	struct cursor c = cursor_of(p, n & ~(size_t)1);
	size_t used = 0;
	while (cursor_left(&c) >= 2) {
		char utf8[4];
		uint32_t u = code_point(&c);
		size_t k = utf8_put(u, utf8);
		if (u == 0 || k > size - used)
			break;
		memcpy(buf + used, utf8, k);
		used += k;
	}
	return (struct text){.p = buf, .n = used};
}
