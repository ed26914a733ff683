/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/tuples.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 64, PROBES_MAX = 48 };

static int reserve(struct archive_tuples *t, size_t n)
{
	if (n <= t->rows_cap)
		return 0;
	archive_tuples_free(t);
	size_t slots = FIRST_SLOTS;
	while (slots < 2 * n)
		slots *= 2;
	t->numbers = calloc(n, sizeof(*t->numbers));
	t->hashes = calloc(n, sizeof(*t->hashes));
	t->rows = calloc(n, sizeof(*t->rows));
	t->found = calloc(3 * n, sizeof(*t->found));
	t->slots = calloc(slots, sizeof(*t->slots));
	if (!t->numbers || !t->hashes || !t->rows || !t->found || !t->slots) {
		archive_tuples_free(t);
		return -ENOMEM;
	}
	t->rows_cap = n;
	return 0;
}

void archive_tuples_free(struct archive_tuples *t)
{
	free(t->numbers);
	free(t->hashes);
	free(t->rows);
	free(t->found);
	free(t->slots);
	*t = (struct archive_tuples){0};
}

/* Column by column, so that nothing waits; what collides is found out afterwards. */
static void hash_rows(
    uint64_t *hashes, const uint64_t *const *columns, size_t n_columns, size_t n, uint64_t seed)
{
	for (size_t i = 0; i < n; i++)
		hashes[i] = seed;
	for (size_t k = 0; k < n_columns; k++) {
		const uint64_t *v = columns[k];
		for (size_t i = 0; i < n; i++) {
			uint64_t h = (hashes[i] ^ v[i]) * UINT64_C(0x9e3779b97f4a7c15);
			hashes[i] = h ^ h >> 32;
		}
	}
}

/* The place of a row's tuple among those found, by its hash; `most` where there is no room. */
static size_t find(struct archive_tuples *t, size_t row, size_t slot_mask, size_t most)
{
	size_t slot = (size_t)(t->hashes[row] * UINT64_C(0xd6e8feb86659fd93) >> 40) & slot_mask;
	for (size_t probe = 1; probe <= PROBES_MAX; slot = (slot + probe++) & slot_mask) {
		size_t place = t->slots[slot] - (size_t)1;
		if (t->slots[slot] == 0) {
			if (t->n == most)
				break;
			t->found[t->n] = (uint32_t)row;
			t->slots[slot] = (uint32_t)++t->n;
			return t->n - 1;
		}
		if (t->hashes[t->found[place]] == t->hashes[row])
			return place;
	}
	return most;
}

static bool all_equal(
    const struct archive_tuples *t, const uint64_t *const *columns, size_t n_columns, size_t n)
{
	uint64_t different = 0;
	for (size_t k = 0; k < n_columns; k++) {
		const uint64_t *v = columns[k];
		for (size_t i = 0; i < n; i++)
			different |= v[i] ^ v[t->rows[t->numbers[i]]];
	}
	return different == 0;
}

static int compare_counts(const void *a, const void *b)
{
	uint64_t x, y;
	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x < y) - (x > y);
}

/* Numbers by falling count, and by the order in which they came where those are equal. */
static void rank(struct archive_tuples *t, size_t n)
{
	uint32_t *counts = t->found + t->rows_cap, *numbers = t->found + 2 * t->rows_cap;
	uint64_t *keys = t->hashes; /* which aren't needed any more */
	memset(counts, 0, t->n * sizeof(*counts));
	for (size_t i = 0; i < n; i++)
		counts[t->numbers[i]]++;
	for (size_t i = 0; i < t->n; i++)
		keys[i] = (uint64_t)counts[i] << 32 | (UINT32_MAX - (uint32_t)i);
	qsort(keys, t->n, sizeof(*keys), compare_counts);
	for (size_t i = 0; i < t->n; i++) {
		uint32_t place = UINT32_MAX - (uint32_t)keys[i];
		numbers[place] = (uint32_t)i;
		t->rows[i] = t->found[place];
	}
	for (size_t i = 0; i < n; i++)
		t->numbers[i] = numbers[t->numbers[i]];
}

int archive_tuples_make(struct archive_tuples *t, const uint64_t *const *columns, size_t n_columns, size_t n,
    size_t most, uint64_t seed)
{
	assert(n <= ARCHIVE_TUPLES_ROWS_MAX);
	if (reserve(t, n) < 0)
		return -ENOMEM;
	most = most < n ? most : n;
	size_t slots = FIRST_SLOTS;
	while (slots < 2 * most)
		slots *= 2;
	memset(t->slots, 0, slots * sizeof(*t->slots));
	t->n = 0;
	hash_rows(t->hashes, columns, n_columns, n, seed);
	for (size_t i = 0; i < n; i++) {
		size_t place = find(t, i, slots - 1, most);
		if (place == most)
			return 1;
		t->numbers[i] = place;
	}
	rank(t, n);
	return all_equal(t, columns, n_columns, n) ? 0 : 1;
}
