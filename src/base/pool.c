/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/pool.h"

#include <errno.h>
#include <sanitizer/asan_interface.h> /* with it, whoever touches what was given back is caught */
#include <string.h>

#include "base/pages.h"

int pool_new(struct pool *p, size_t size, uint32_t max)
{
	if (size < sizeof(p->spare) || max == 0 || max == UINT32_MAX || size > SIZE_MAX / max)
		return -EINVAL;
	*p = (struct pool){.base = pages_new(size * max), .size = size, .max = max};
	return p->base ? 0 : -ENOMEM;
}

void pool_free(struct pool *p)
{
	ASAN_UNPOISON_MEMORY_REGION(p->base, p->size * p->high);
	pages_free(p->base, p->size * p->max);
	*p = (struct pool){0};
}

void *pool_take(struct pool *p)
{
	if (!p->spare)
		return p->high < p->max ? pool_at(p, p->high++) : NULL; /* new pages are zero */
	void *object = pool_at(p, p->spare - 1);
	ASAN_UNPOISON_MEMORY_REGION(object, p->size);
	memcpy(&p->spare, object, sizeof(p->spare));
	memset(object, 0, p->size);
	return object;
}

void pool_give(struct pool *p, void *object)
{
	memcpy(object, &p->spare, sizeof(p->spare));
	p->spare = pool_number(p, object) + 1;
	ASAN_POISON_MEMORY_REGION(object, p->size);
}
