/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_VARINT_H
#define ARCHIVE_VARINT_H

/* Unsigned integers in as many bytes as they need: seven bits a byte, the lowest first, the eighth set in all
 * bytes but the last. At most ten bytes; bits beyond the 64th are dropped. */

#include "base/cursor.h"
#include "base/dynbuf.h"

enum { ARCHIVE_VARINT_MAX = 10 };

/* Writes v; gives the byte behind it. */
static inline uint8_t *archive_varint_write(uint8_t *to, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*to++ = (uint8_t)(v | 0x80);
	*to++ = (uint8_t)v;
	return to;
}

static inline void archive_varint_put(struct dynbuf *out, uint64_t v)
{
	uint8_t bytes[ARCHIVE_VARINT_MAX];
	dynbuf_append(out, bytes, (size_t)(archive_varint_write(bytes, v) - bytes));
}

static inline uint64_t archive_varint_get(struct cursor *c)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 7 * ARCHIVE_VARINT_MAX; shift += 7) {
		uint8_t byte = cursor_u8(c);
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return v;
	}
	c->failed = true;
	return 0;
}

#endif
