/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PROTO_SPARE_H
#define PROTO_SPARE_H

/*
 * Blocks of one size that were in use and soon are again: flows and their parsers' states come and go by the
 * million. A few stay here instead of with malloc, and the one given last, which is still warm, goes out
 * first. Private to proto/.
 *
 * Bound: SPARE_BYTES of each kind. Where a sanitizer looks for what is used after its end none stays.
 */

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define SPARE_BYTES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SPARE_BYTES 0
#endif
#endif
#ifndef SPARE_BYTES
#define SPARE_BYTES (256u << 10)
#endif

/* Empty when zeroed but for `size`, which is that of a pointer at least. */
struct spare {
	size_t size;
	size_t n;
	void *top; /* each block's first word leads to the next */
};

/* A zeroed block, or NULL. */
static inline void *spare_take(struct spare *s)
{
	void *block = s->top;
	if (!block)
		return calloc(1, s->size);
	memcpy(&s->top, block, sizeof(s->top));
	s->n--;
	return memset(block, 0, s->size);
}

/* A block that spare_take gave; may be NULL. */
static inline void spare_give(struct spare *s, void *block)
{
	if (!block || (s->n + 1) * s->size > SPARE_BYTES) {
		free(block);
		return;
	}
	memcpy(block, &s->top, sizeof(s->top));
	s->top = block;
	s->n++;
}

static inline void spare_empty(struct spare *s)
{
	while (s->top) {
		void *block = s->top;
		memcpy(&s->top, block, sizeof(s->top));
		free(block);
	}
	s->n = 0;
}

#endif
