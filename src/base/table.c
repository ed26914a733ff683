/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/pages.h"

/*
 * Entries live in chunks that never move, the first ones small for tables that stay small; the index is open
 * addressing with linear probing over entry numbers, and removal shifts the run back so that there are no
 * tombstones.
 */
enum {
	FEW_SHIFT = 10, /* entries of a small chunk */
	FEW_CHUNKS = 16,
	MANY_SHIFT = 16, /* of a large one */
	FEW = FEW_CHUNKS << FEW_SHIFT,
	INDEX_FIRST = 64,
};

struct slot {
	uint32_t place; /* the entry's number + 1; 0: empty */
	uint32_t tag;   /* upper hash bits: most misses never touch the entry, and moving a slot neither */
};

struct table {
	size_t key_size;
	size_t value_at;   /* offset of the value in an entry */
	size_t entry_size; /* key, padding, value, used flag */
	size_t value_size;
	size_t max;
	size_t count;
	uint64_t seed;
	struct slot *slots;
	size_t mask;
	unsigned char *few[FEW_CHUNKS];
	unsigned char **many;
	size_t n_many;
	size_t high;     /* entry numbers below this have been in use */
	uint32_t *spare; /* removed entry numbers */
	size_t n_spare, cap_spare;
};

static unsigned char *entry_at(const struct table *t, size_t entry)
{
	if (entry < FEW)
		return t->few[entry >> FEW_SHIFT] + (entry & ((1 << FEW_SHIFT) - 1)) * t->entry_size;
	entry -= FEW;
	return t->many[entry >> MANY_SHIFT] + (entry & ((1 << MANY_SHIFT) - 1)) * t->entry_size;
}

static size_t many_bytes(const struct table *t)
{
	return t->entry_size << MANY_SHIFT;
}

static unsigned char *used_flag(const struct table *t, size_t entry)
{
	return entry_at(t, entry) + t->value_at + t->value_size;
}

int table_new(struct table **ret_table, size_t key_size, size_t value_size, size_t max, uint64_t seed)
{
	if (key_size == 0 || max == 0 || max >= UINT32_MAX)
		return -EINVAL;
	struct table *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->key_size = key_size;
	t->value_at = (key_size + 15) & ~(size_t)15;
	t->value_size = value_size;
	t->entry_size = (t->value_at + value_size + 1 + 15) & ~(size_t)15;
	t->max = max;
	t->seed = seed;
	t->mask = INDEX_FIRST - 1;
	t->slots = pages_new(INDEX_FIRST * sizeof(*t->slots));
	if (!t->slots) {
		free(t);
		return -ENOMEM;
	}
	*ret_table = t;
	return 0;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < FEW_CHUNKS; i++)
		free(t->few[i]);
	for (size_t i = 0; i < t->n_many; i++)
		pages_free(t->many[i], many_bytes(t));
	free(t->many);
	free(t->spare);
	pages_free(t->slots, (t->mask + 1) * sizeof(*t->slots));
	free(t);
}

size_t table_count(const struct table *t)
{
	return t->count;
}

/* The slot that holds key, or the empty one where it would go. */
static size_t slot_find(const struct table *t, const void *key, uint64_t hash)
{
	uint32_t tag = (uint32_t)(hash >> 32);
	size_t i = tag & t->mask;
	while (t->slots[i].place) {
		if (t->slots[i].tag == tag &&
		    memcmp(entry_at(t, t->slots[i].place - 1), key, t->key_size) == 0)
			break;
		i = (i + 1) & t->mask;
	}
	return i;
}

void *table_get(const struct table *t, const void *key)
{
	size_t i = slot_find(t, key, hash_bytes(key, t->key_size, t->seed));
	return t->slots[i].place ? entry_at(t, t->slots[i].place - 1) + t->value_at : NULL;
}

void table_prefetch(const struct table *t, const void *key)
{
	uint32_t tag = (uint32_t)(hash_bytes(key, t->key_size, t->seed) >> 32);
	__builtin_prefetch(&t->slots[tag & t->mask]);
}

void table_prefetch_entry(const struct table *t, const void *key)
{
	uint32_t tag = (uint32_t)(hash_bytes(key, t->key_size, t->seed) >> 32);
	const struct slot *slot = &t->slots[tag & t->mask];
	if (!slot->place || slot->tag != tag)
		return; /* absent, or further on */
	const unsigned char *at = entry_at(t, slot->place - 1);
	__builtin_prefetch(at, 1);
	__builtin_prefetch(at + t->entry_size - 1, 1);
}

static int index_grow(struct table *t)
{
	size_t old = t->mask + 1;
	struct slot *before = t->slots;
	struct slot *slots = pages_new(old * 2 * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	t->slots = slots;
	t->mask = old * 2 - 1;
	for (size_t i = 0; i < old; i++) {
		if (!before[i].place)
			continue;
		size_t at = before[i].tag & t->mask;
		while (t->slots[at].place)
			at = (at + 1) & t->mask;
		t->slots[at] = before[i];
	}
	pages_free(before, old * sizeof(*before));
	return 0;
}

static int few_add(struct table *t)
{
	/* a table that can't fill a chunk gets just what its bound needs */
	size_t n = t->max < 1 << FEW_SHIFT ? t->max : 1 << FEW_SHIFT;
	unsigned char **chunk = &t->few[t->high >> FEW_SHIFT];
	if (!*chunk)
		*chunk = calloc(n, t->entry_size);
	return *chunk ? 0 : -ENOMEM;
}

static int many_add(struct table *t)
{
	if ((t->high - FEW) >> MANY_SHIFT < t->n_many)
		return 0;
	unsigned char **many = realloc(t->many, (t->n_many + 1) * sizeof(*many));
	if (!many)
		return -ENOMEM;
	t->many = many;
	t->many[t->n_many] = pages_new(many_bytes(t));
	if (!t->many[t->n_many])
		return -ENOMEM;
	t->n_many++;
	return 0;
}

static int entry_take(struct table *t, uint32_t *ret_entry)
{
	if (t->n_spare) {
		*ret_entry = t->spare[--t->n_spare];
		return 0;
	}
	int r = t->high < FEW ? few_add(t) : many_add(t);
	if (r == 0)
		*ret_entry = (uint32_t)t->high++;
	return r;
}

void *table_put(struct table *t, const void *key, int *ret_fresh)
{
	uint64_t hash = hash_bytes(key, t->key_size, t->seed);
	size_t i = slot_find(t, key, hash);
	if (t->slots[i].place) {
		if (ret_fresh)
			*ret_fresh = 0;
		return entry_at(t, t->slots[i].place - 1) + t->value_at;
	}
	if (t->count == t->max)
		return NULL;
	if ((t->count + 1) * 10 > (t->mask + 1) * 7) {
		if (index_grow(t) < 0)
			return NULL;
		i = slot_find(t, key, hash);
	}
	uint32_t entry;
	if (entry_take(t, &entry) < 0)
		return NULL;
	unsigned char *at = entry_at(t, entry);
	memset(at, 0, t->entry_size);
	memcpy(at, key, t->key_size);
	*used_flag(t, entry) = 1;
	t->slots[i] = (struct slot){.place = entry + 1, .tag = (uint32_t)(hash >> 32)};
	t->count++;
	if (ret_fresh)
		*ret_fresh = 1;
	return at + t->value_at;
}

int table_remove(struct table *t, const void *key)
{
	size_t i = slot_find(t, key, hash_bytes(key, t->key_size, t->seed));
	if (!t->slots[i].place)
		return 0;
	uint32_t entry = t->slots[i].place - 1;
	if (t->n_spare == t->cap_spare) {
		size_t cap = t->cap_spare ? t->cap_spare * 2 : 64;
		uint32_t *spare = realloc(t->spare, cap * sizeof(*spare));
		if (spare) {
			t->spare = spare;
			t->cap_spare = cap;
		}
	}
	*used_flag(t, entry) = 0;
	if (t->n_spare < t->cap_spare)
		t->spare[t->n_spare++] = entry; /* else the entry stays unused: no memory to remember it */
	t->count--;
	for (size_t hole = i, j = i;;) {
		j = (j + 1) & t->mask;
		if (!t->slots[j].place) {
			t->slots[hole].place = 0;
			break;
		}
		size_t home = t->slots[j].tag & t->mask;
		if (((j - home) & t->mask) >= ((j - hole) & t->mask)) {
			t->slots[hole] = t->slots[j];
			hole = j;
		}
	}
	return 1;
}

void table_clear(struct table *t)
{
	memset(t->slots, 0, (t->mask + 1) * sizeof(*t->slots));
	for (size_t i = 0; i < t->high; i++)
		*used_flag(t, i) = 0;
	t->count = 0;
	t->high = 0;
	t->n_spare = 0;
}

void *table_next(const struct table *t, size_t *pos, const void **ret_key)
{
	for (; *pos < t->high; (*pos)++) {
		if (!*used_flag(t, *pos))
			continue;
		unsigned char *at = entry_at(t, (*pos)++);
		if (ret_key)
			*ret_key = at;
		return at + t->value_at;
	}
	return NULL;
}
