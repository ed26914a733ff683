/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_POOL_H
#define BASE_POOL_H

/*
 * Objects of one size, up to a bound, in one piece of memory that is taken as it is used: numbered, so that
 * four bytes lead to one. What was given back is taken first. Objects never move.
 */

#include <stddef.h>
#include <stdint.h>

struct pool {
	unsigned char *base;
	size_t size; /* of an object; at least 4 */
	uint32_t max;
	uint32_t high; /* objects below it have been in use */
	uint32_t
	    spare; /* number + 1 of the object that was given back last; it holds that of the one before */
};

/* 0, -EINVAL or -ENOMEM. `p` may be all zero for pool_free. */
int pool_new(struct pool *p, size_t size, uint32_t max);
void pool_free(struct pool *p);
/* An object, zeroed; NULL at the bound. */
void *pool_take(struct pool *p);
void pool_give(struct pool *p, void *object);

static inline void *pool_at(const struct pool *p, uint32_t number)
{
	return p->base + (size_t)number * p->size;
}

static inline uint32_t pool_number(const struct pool *p, const void *object)
{
	return (uint32_t)((size_t)((const unsigned char *)object - p->base) / p->size);
}

#endif
