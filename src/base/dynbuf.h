/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_DYNBUF_H
#define BASE_DYNBUF_H

/*
 * A growing byte buffer with a bound. It owns its memory. Appending is sticky: after a failure (`error` holds
 * -ENOMEM, or -ERR_LIMIT at the bound) later appends do nothing, so a writer tests once at the end. A zeroed
 * struct with `max` set is an empty buffer; max == 0 means 1 GiB.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

struct dynbuf {
	uint8_t *p;
	size_t n;   /* bytes in use */
	size_t cap; /* bytes allocated */
	size_t max; /* the bound on n */
	int error;
};

void dynbuf_free(struct dynbuf *b);
/* Empties it and clears the error; the memory stays for the next use. */
void dynbuf_reset(struct dynbuf *b);
/* More memory, or the bound: dynbuf_grow where there is no room. */
uint8_t *dynbuf_grow_more(struct dynbuf *b, size_t n);

/* Room for n more bytes at the end: a pointer to write to, already counted in b->n; NULL on failure. */
static inline uint8_t *dynbuf_grow(struct dynbuf *b, size_t n)
{
	/* what is allocated beyond the bound is for rounding: only dynbuf_grow_more looks at that */
	if (b->error || n >= b->cap - b->n || (b->max && n > b->max - b->n))
		return dynbuf_grow_more(b, n);
	uint8_t *p = b->p + b->n;
	b->n += n;
	return p;
}

static inline void dynbuf_append(struct dynbuf *b, const void *p, size_t n)
{
	uint8_t *to = n ? dynbuf_grow(b, n) : NULL;
	if (to)
		memcpy(to, p, n);
}

void dynbuf_text(struct dynbuf *b, struct text t);
void dynbuf_str(struct dynbuf *b, const char *s);
void dynbuf_u8(struct dynbuf *b, uint8_t v);
void dynbuf_le16(struct dynbuf *b, uint16_t v);
void dynbuf_le32(struct dynbuf *b, uint32_t v);
void dynbuf_le64(struct dynbuf *b, uint64_t v);
void dynbuf_printf(struct dynbuf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Drops the first n bytes (at most all) and moves the rest to the front. */
void dynbuf_drop_front(struct dynbuf *b, size_t n);
/* What it holds, borrowed until the next change. */
struct text dynbuf_view(const struct dynbuf *b);

#endif
