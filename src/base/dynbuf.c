/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/dynbuf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/err.h"

enum { DYNBUF_FIRST = 256, DYNBUF_DEFAULT_MAX = 1 << 30 };

void dynbuf_free(struct dynbuf *b)
{
	if (!b)
		return;
	free(b->p);
	*b = (struct dynbuf){.max = b->max};
}

void dynbuf_reset(struct dynbuf *b)
{
	b->n = 0;
	b->error = 0;
}

static int dynbuf_reserve(struct dynbuf *b, size_t n)
{
	size_t max = b->max ? b->max : DYNBUF_DEFAULT_MAX;
	if (b->error)
		return b->error;
	if (n > max - b->n)
		return b->error = -ERR_LIMIT;
	if (n <= b->cap - b->n)
		return 0;
	size_t cap = b->cap ? b->cap : DYNBUF_FIRST;
	while (cap < b->n + n)
		cap *= 2;
	uint8_t *p = realloc(b->p, cap + 1); /* the one is for the NUL of dynbuf_printf */
	if (!p)
		return b->error = -ENOMEM;
	b->p = p;
	b->cap = cap;
	return 0;
}

uint8_t *dynbuf_grow_more(struct dynbuf *b, size_t n)
{
	if (dynbuf_reserve(b, n ? n : 1) < 0)
		return NULL;
	uint8_t *p = b->p + b->n;
	b->n += n;
	return p;
}

void dynbuf_text(struct dynbuf *b, struct text t)
{
	dynbuf_append(b, t.p, t.n);
}

void dynbuf_str(struct dynbuf *b, const char *s)
{
	dynbuf_append(b, s, strlen(s));
}

void dynbuf_u8(struct dynbuf *b, uint8_t v)
{
	dynbuf_append(b, &v, 1);
}

void dynbuf_le16(struct dynbuf *b, uint16_t v)
{
	uint8_t *to = dynbuf_grow(b, 2);
	if (to)
		store_le16(to, v);
}

void dynbuf_le32(struct dynbuf *b, uint32_t v)
{
	uint8_t *to = dynbuf_grow(b, 4);
	if (to)
		store_le32(to, v);
}

void dynbuf_le64(struct dynbuf *b, uint64_t v)
{
	uint8_t *to = dynbuf_grow(b, 8);
	if (to)
		store_le64(to, v);
}

void dynbuf_printf(struct dynbuf *b, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length <= 0 || dynbuf_reserve(b, (size_t)length) < 0)
		return;
	va_start(args, format);
	vsnprintf((char *)b->p + b->n, (size_t)length + 1, format, args);
	va_end(args);
	b->n += (size_t)length;
}

void dynbuf_drop_front(struct dynbuf *b, size_t n)
{
	if (n >= b->n) {
		b->n = 0;
		return;
	}
	if (n) {
		memmove(b->p, b->p + n, b->n - n);
		b->n -= n;
	}
}

struct text dynbuf_view(const struct dynbuf *b)
{
	return (struct text){.p = (const char *)b->p, .n = b->n};
}
