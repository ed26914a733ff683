/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

/*
 * A hash table from keys of one fixed size to values of one fixed size, with a bound. It owns both. Entries
 * never move, so a value's address stays good until that entry is removed. Entries are numbered 0..: the
 * number is stable too and is reused after removal. Keys are compared as bytes: zero any padding.
 */

#include <stddef.h>
#include <stdint.h>

struct table;

/* max: the most entries (> 0). seed: see base/hash.h. Returns 0, -EINVAL or -ENOMEM. Memory grows with use.
 */
int table_new(struct table **ret_table, size_t key_size, size_t value_size, size_t max, uint64_t seed);
void table_free(struct table *t);

size_t table_count(const struct table *t);
/* The value under key, or NULL. */
void *table_get(const struct table *t, const void *key);
/*
 * The value under key, made (zeroed) when it isn't there; *ret_fresh (may be NULL) tells which. NULL when the
 * table is at its bound or memory ends: the caller counts that and goes on.
 */
void *table_put(struct table *t, const void *key, int *ret_fresh);
/* Fetches the place where a look for key will begin, so that the next table_get or table_put of it needn't
 * wait. */
void table_prefetch(const struct table *t, const void *key);
/* A while later: fetches the entry that stands there. */
void table_prefetch_entry(const struct table *t, const void *key);
/* Removes key. Returns whether it was there. */
int table_remove(struct table *t, const void *key);
/* Removes everything, keeps the memory. */
void table_clear(struct table *t);
/*
 * Iteration in the order of entry numbers: table_next gives the next used entry at or after *pos and moves
 * *pos past it; NULL at the end. The entry just given may be removed meanwhile. *ret_key may be NULL.
 */
void *table_next(const struct table *t, size_t *pos, const void **ret_key);

#endif
