/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_VEC_H
#define BASE_VEC_H

/*
 * Growth of a plain array that its owner keeps as (pointer, count, capacity). The owner frees it with free().
 */

#include <stddef.h>

/*
 * Sees to it that items[count] exists: doubles *cap when count has reached it, up to max elements of `size`
 * bytes. Returns 0, -ENOMEM, or -ERR_LIMIT where max is reached. The array may move.
 */
int vec_reserve(void **items, size_t *cap, size_t count, size_t size, size_t max);

/* vec_reserve for a typed array: VEC_RESERVE(list->items, &list->cap, list->n, limit). */
#define VEC_RESERVE(items, cap, count, max)                                                                  \
	vec_reserve((void **)&(items), (cap), (count), sizeof(*(items)), (max))

/*
 * Room for n elements of an array that is filled anew each time: what was in it is lost where it moves.
 * *items isn't NULL then, even for none. 0 or -ENOMEM.
 */
int vec_room(void **items, size_t *cap, size_t n, size_t size);

#define VEC_ROOM(items, cap, n) vec_room((void **)&(items), (cap), (n), sizeof(*(items)))

#endif
