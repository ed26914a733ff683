/* SPDX-License-Identifier: GPL-2.0-or-later */

/* All indicators of a kind in the order of their keys. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "detect/indicator.h"

/* The first sixteen bytes of the key as numbers: enough to tell most keys apart without going to them. */
struct sort_item {
	uint64_t high, low;
	uint32_t number;
	uint16_t port;
	uint8_t bits;
	bool longer; /* the key has more bytes than stand here */
	struct text key;
};

static uint64_t key_word(struct text key, size_t from)
{
	uint8_t bytes[8] = {0};
	if (from + 8 <= key.n)
		return load_be64((const uint8_t *)key.p + from);
	if (from < key.n)
		memcpy(bytes, key.p + from, key.n - from);
	return load_be64(bytes);
}

static int item_compare(const void *left, const void *right)
{
	const struct sort_item *a = left, *b = right;
	if (a->high != b->high)
		return a->high < b->high ? -1 : 1;
	if (a->low != b->low)
		return a->low < b->low ? -1 : 1;
	int order = a->longer || b->longer || a->key.n != b->key.n ? text_compare(a->key, b->key) : 0;
	if (order)
		return order;
	if (a->bits != b->bits)
		return a->bits < b->bits ? -1 : 1;
	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

int indicator_sorted(const struct indicator_set *s, enum indicator_kind kind, uint32_t **ret_numbers)
{
	size_t count = indicator_count_of(s, kind), all = indicator_count(s), n = 0;
	struct sort_item *items = malloc((count + 1) * sizeof(*items));
	uint32_t *numbers = malloc((count + 1) * sizeof(*numbers));
	if (!items || !numbers) {
		free(items);
		free(numbers);
		return -ENOMEM;
	}
	for (uint32_t number = 0; number < all && n < count; number++) {
		struct indicator i;
		indicator_at(s, number, &i);
		if (i.kind != kind)
			continue;
		items[n++] = (struct sort_item){.high = key_word(i.key, 0),
		    .low = key_word(i.key, 8),
		    .number = number,
		    .port = i.port,
		    .bits = i.bits,
		    .longer = i.key.n > 16,
		    .key = i.key};
	}
	qsort(items, n, sizeof(*items), item_compare);
	for (size_t i = 0; i < n; i++)
		numbers[i] = items[i].number;
	free(items);
	*ret_numbers = numbers;
	return 0;
}
