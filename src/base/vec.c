/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/vec.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"

int vec_reserve(void **items, size_t *cap, size_t count, size_t size, size_t max)
{
	if (count < *cap)
		return 0;
	if (count >= max)
		return -ERR_LIMIT;
	size_t next = *cap ? *cap * 2 : 16;
	if (next > max)
		next = max;
	size_t bytes;
	if (__builtin_mul_overflow(next, size, &bytes))
		return -ENOMEM;
	void *p = realloc(*items, bytes);
	if (!p)
		return -ENOMEM;
	*items = p;
	*cap = next;
	return 0;
}

int vec_room(void **items, size_t *cap, size_t n, size_t size)
{
	if (*cap && n <= *cap)
		return 0;
	size_t next = n ? n : 1;
	void *p = reallocarray(NULL, next, size);
	if (!p)
		return -ENOMEM;
	free(*items);
	*items = p;
	*cap = next;
	return 0;
}
