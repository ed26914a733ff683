/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

/*
 * The one way to read bytes that came from outside. A cursor stands on borrowed memory; a read past the end
 * sets `failed`, gives zero, and every later read gives zero too: read on, test once. Positions only move
 * forward but for cursor_seek. No read ever touches memory outside [base, base + size).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct cursor {
	const uint8_t *base;
	size_t size;
	size_t pos;
	bool failed;
};

static inline struct cursor cursor_of(const void *p, size_t n)
{
	/* nothing at all is a place too: pointers are only reckoned from one that is not NULL */
	return (struct cursor){.base = p ? p : "", .size = n};
}

static inline size_t cursor_left(const struct cursor *c)
{
	return c->failed ? 0 : c->size - c->pos;
}

static inline bool cursor_ok(const struct cursor *c)
{
	return !c->failed;
}

/* Takes n bytes: a pointer to them, or NULL (and failed) when fewer are left. n == 0 gives a valid pointer.
 */
static inline const uint8_t *cursor_take(struct cursor *c, size_t n)
{
	if (c->failed || n > c->size - c->pos) {
		c->failed = true;
		return NULL;
	}
	const uint8_t *p = c->base + c->pos;
	c->pos += n;
	return p;
}

/* Looks n bytes ahead without moving; NULL when fewer are left, which doesn't set failed. */
static inline const uint8_t *cursor_peek(const struct cursor *c, size_t n)
{
	return c->failed || n > c->size - c->pos ? NULL : c->base + c->pos;
}

static inline void cursor_skip(struct cursor *c, size_t n)
{
	(void)cursor_take(c, n);
}

/* Moves to an absolute position; past the end sets failed. */
static inline void cursor_seek(struct cursor *c, size_t pos)
{
	if (pos > c->size)
		c->failed = true;
	else if (!c->failed)
		c->pos = pos;
}

/* A cursor over the next n bytes, which are taken from c; failed where they aren't there. */
static inline struct cursor cursor_sub(struct cursor *c, size_t n)
{
	const uint8_t *p = cursor_take(c, n);
	return (struct cursor){.base = p, .size = p ? n : 0, .failed = p == NULL};
}

static inline struct text cursor_text(struct cursor *c, size_t n)
{
	const uint8_t *p = cursor_take(c, n);
	return (struct text){.p = (const char *)p, .n = p ? n : 0};
}

static inline uint8_t cursor_u8(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 1);
	return p ? p[0] : 0;
}

/* Integers from memory that is known to be there, in network and in little-endian order. */
static inline uint16_t load_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t load_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline uint64_t load_be64(const uint8_t *p)
{
	return (uint64_t)load_be32(p) << 32 | load_be32(p + 4);
}
static inline uint16_t load_le16(const uint8_t *p)
{
	return (uint16_t)(p[1] << 8 | p[0]);
}
static inline uint32_t load_le32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}
static inline uint64_t load_le64(const uint8_t *p)
{
	return (uint64_t)load_le32(p + 4) << 32 | load_le32(p);
}
static inline void store_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}
static inline void store_be32(uint8_t *p, uint32_t v)
{
	store_be16(p, (uint16_t)(v >> 16));
	store_be16(p + 2, (uint16_t)v);
}
static inline void store_le16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}
static inline void store_le32(uint8_t *p, uint32_t v)
{
	store_le16(p, (uint16_t)v);
	store_le16(p + 2, (uint16_t)(v >> 16));
}
static inline void store_le64(uint8_t *p, uint64_t v)
{
	store_le32(p, (uint32_t)v);
	store_le32(p + 4, (uint32_t)(v >> 32));
}

static inline uint16_t cursor_be16(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 2);
	return p ? load_be16(p) : 0;
}
static inline uint32_t cursor_be24(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 3);
	return p ? (uint32_t)p[0] << 16 | (uint32_t)load_be16(p + 1) : 0;
}
static inline uint32_t cursor_be32(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 4);
	return p ? load_be32(p) : 0;
}
static inline uint64_t cursor_be64(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 8);
	return p ? load_be64(p) : 0;
}
static inline uint16_t cursor_le16(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 2);
	return p ? load_le16(p) : 0;
}
static inline uint32_t cursor_le32(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 4);
	return p ? load_le32(p) : 0;
}
static inline uint64_t cursor_le64(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 8);
	return p ? load_le64(p) : 0;
}

#endif
