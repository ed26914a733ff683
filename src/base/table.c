/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/*
 * Entries live in chunks that never move; the index is open addressing with linear probing over entry
 * numbers, and removal shifts the run back so that there are no tombstones.
 */
enum { CHUNK_SHIFT = 10, CHUNK_ENTRIES = 1 << CHUNK_SHIFT, INDEX_FIRST = 64 };
#define SLOT_EMPTY UINT32_MAX

struct slot {
	uint32_t entry;
	uint32_t tag; /* upper hash bits: most misses never touch the entry, and moving a slot neither */
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
	unsigned char **chunks;
	size_t n_chunks;
	size_t high;     /* entry numbers below this have been in use */
	uint32_t *spare; /* removed entry numbers */
	size_t n_spare, cap_spare;
};

static unsigned char *entry_at(const struct table *t, size_t entry)
{
	return t->chunks[entry >> CHUNK_SHIFT] + (entry & (CHUNK_ENTRIES - 1)) * t->entry_size;
}

static unsigned char *used_flag(const struct table *t, size_t entry)
{
	return entry_at(t, entry) + t->value_at + t->value_size;
}

static void slots_clear(struct table *t)
{
	for (size_t i = 0; i <= t->mask; i++)
		t->slots[i].entry = SLOT_EMPTY;
}

int table_new(struct table **ret_table, size_t key_size, size_t value_size, size_t max, uint64_t seed)
{
	if (key_size == 0 || max == 0 || max >= SLOT_EMPTY)
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
	t->slots = malloc(INDEX_FIRST * sizeof(*t->slots));
	if (!t->slots) {
		free(t);
		return -ENOMEM;
	}
	slots_clear(t);
	*ret_table = t;
	return 0;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_chunks; i++)
		free(t->chunks[i]);
	free(t->chunks);
	free(t->spare);
	free(t->slots);
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
	while (t->slots[i].entry != SLOT_EMPTY) {
		if (t->slots[i].tag == tag && memcmp(entry_at(t, t->slots[i].entry), key, t->key_size) == 0)
			break;
		i = (i + 1) & t->mask;
	}
	return i;
}

void *table_get(const struct table *t, const void *key)
{
	size_t i = slot_find(t, key, hash_bytes(key, t->key_size, t->seed));
	return t->slots[i].entry == SLOT_EMPTY ? NULL : entry_at(t, t->slots[i].entry) + t->value_at;
}

static int index_grow(struct table *t)
{
	size_t old = t->mask + 1;
	struct slot *before = t->slots;
	struct slot *slots = malloc(old * 2 * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	t->slots = slots;
	t->mask = old * 2 - 1;
	slots_clear(t);
	for (size_t i = 0; i < old; i++) {
		if (before[i].entry == SLOT_EMPTY)
			continue;
		size_t at = before[i].tag & t->mask;
		while (t->slots[at].entry != SLOT_EMPTY)
			at = (at + 1) & t->mask;
		t->slots[at] = before[i];
	}
	free(before);
	return 0;
}

static int entry_take(struct table *t, uint32_t *ret_entry)
{
	if (t->n_spare) {
		*ret_entry = t->spare[--t->n_spare];
		return 0;
	}
	if (t->high >> CHUNK_SHIFT == t->n_chunks) {
		unsigned char **chunks = realloc(t->chunks, (t->n_chunks + 1) * sizeof(*chunks));
		if (!chunks)
			return -ENOMEM;
		t->chunks = chunks;
		/* a table that can't fill a chunk gets just what its bound needs */
		size_t n = t->max < CHUNK_ENTRIES ? t->max : CHUNK_ENTRIES;
		unsigned char *chunk = calloc(n, t->entry_size);
		if (!chunk)
			return -ENOMEM;
		t->chunks[t->n_chunks++] = chunk;
	}
	*ret_entry = (uint32_t)t->high++;
	return 0;
}

void *table_put(struct table *t, const void *key, int *ret_fresh)
{
	uint64_t hash = hash_bytes(key, t->key_size, t->seed);
	size_t i = slot_find(t, key, hash);
	if (t->slots[i].entry != SLOT_EMPTY) {
		if (ret_fresh)
			*ret_fresh = 0;
		return entry_at(t, t->slots[i].entry) + t->value_at;
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
	t->slots[i] = (struct slot){.entry = entry, .tag = (uint32_t)(hash >> 32)};
	t->count++;
	if (ret_fresh)
		*ret_fresh = 1;
	return at + t->value_at;
}

int table_remove(struct table *t, const void *key)
{
	size_t i = slot_find(t, key, hash_bytes(key, t->key_size, t->seed));
	uint32_t entry = t->slots[i].entry;
	if (entry == SLOT_EMPTY)
		return 0;
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
		if (t->slots[j].entry == SLOT_EMPTY) {
			t->slots[hole].entry = SLOT_EMPTY;
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
	slots_clear(t);
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
