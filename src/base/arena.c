/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_ALIGN = 16, ARENA_BLOCK = 64 * 1024 };

struct arena_block {
	struct arena_block *next;
	size_t used;
	size_t size;
	_Alignas(ARENA_ALIGN) unsigned char bytes[];
};

void arena_free(struct arena *a)
{
	for (struct arena_block *b = a->head; b;) {
		struct arena_block *next = b->next;
		free(b);
		b = next;
	}
	*a = (struct arena){.max = a->max};
}

void arena_reset(struct arena *a)
{
	struct arena_block *keep = a->head;
	if (!keep)
		return;
	a->head = keep->next;
	arena_free(a);
	memset(keep->bytes, 0, keep->used);
	keep->used = 0;
	keep->next = NULL;
	a->head = keep;
}

void *arena_alloc(struct arena *a, size_t n)
{
	if (n > SIZE_MAX - ARENA_ALIGN - sizeof(struct arena_block))
		return NULL;
	n = (n + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	if (n == 0)
		n = ARENA_ALIGN;
	if (a->max && n > a->max - a->used)
		return NULL;
	struct arena_block *b = a->head;
	if (!b || n > b->size - b->used) {
		size_t size = n > ARENA_BLOCK / 4 ? n : ARENA_BLOCK;
		b = calloc(1, sizeof(*b) + size);
		if (!b)
			return NULL;
		b->size = size;
		if (a->head && size == n && size != ARENA_BLOCK) {
			/* a large block of its own goes behind the head, which may have room left */
			b->next = a->head->next;
			a->head->next = b;
		} else {
			b->next = a->head;
			a->head = b;
		}
	}
	void *p = b->bytes + b->used;
	b->used += n;
	a->used += n;
	return p;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	size_t n;
	if (__builtin_mul_overflow(count, size, &n))
		return NULL;
	return arena_alloc(a, n);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = n < SIZE_MAX ? arena_alloc(a, n + 1) : NULL;
	if (p && n)
		memcpy(p, s, n);
	return p;
}

struct text arena_text(struct arena *a, struct text t)
{
	char *p = arena_strndup(a, t.p, t.n);
	return (struct text){.p = p, .n = p ? t.n : 0};
}
