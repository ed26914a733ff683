/* SPDX-License-Identifier: GPL-2.0-or-later */

/* All indicators of a kind in the order of their keys: a radix sort by the first sixteen bytes, which tells
 * all addresses and most names apart, then by comparison what is still alike. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "detect/indicator.h"

enum { WORDS = 2, DIGITS = 8, VALUES = 256 };

struct sort_item {
	uint64_t words[WORDS]; /* of the key, the first the most significant */
	uint32_t number;
};

struct sort {
	const struct indicator_set *set;
	struct sort_item *items, *spare;
	size_t n;
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

/* One pass by one digit, which leaves the order of equals as it was. */
static void digit_sort(struct sort *s, size_t word, unsigned digit)
{
	size_t places[VALUES] = {0}, place = 0;
	unsigned shift = digit * 8;
	for (size_t i = 0; i < s->n; i++)
		places[s->items[i].words[word] >> shift & 0xff]++;
	if (places[s->items[0].words[word] >> shift & 0xff] == s->n)
		return;
	for (size_t v = 0; v < VALUES; v++) {
		size_t count = places[v];
		places[v] = place;
		place += count;
	}
	for (size_t i = 0; i < s->n; i++)
		s->spare[places[s->items[i].words[word] >> shift & 0xff]++] = s->items[i];
	struct sort_item *sorted = s->spare;
	s->spare = s->items;
	s->items = sorted;
}

static int number_compare(const void *left, const void *right, void *context)
{
	const struct sort_item *x = left, *y = right;
	struct indicator a, b;
	indicator_at(context, x->number, &a);
	indicator_at(context, y->number, &b);
	int order = text_compare(a.key, b.key);
	if (order)
		return order;
	if (a.bits != b.bits)
		return a.bits < b.bits ? -1 : 1;
	if (a.port != b.port)
		return a.port < b.port ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

static bool alike(const struct sort_item *a, const struct sort_item *b)
{
	return memcmp(a->words, b->words, sizeof(a->words)) == 0;
}

static void sort_all(struct sort *s)
{
	for (size_t word = WORDS; word-- > 0 && s->n;)
		for (unsigned digit = 0; digit < DIGITS; digit++)
			digit_sort(s, word, digit);
	for (size_t i = 0, end; i < s->n; i = end) {
		for (end = i + 1; end < s->n && alike(&s->items[i], &s->items[end]);)
			end++;
		if (end - i > 1)
			qsort_r(s->items + i, end - i, sizeof(*s->items), number_compare,
			    (void *)(uintptr_t)s->set);
	}
}

int indicator_sorted(const struct indicator_set *s, enum indicator_kind kind, uint32_t **ret_numbers)
{
	size_t count = indicator_count_of(s, kind), all = indicator_count(s);
	struct sort sort = {.set = s,
	    .items = calloc(count + 1, sizeof(*sort.items)),
	    .spare = calloc(count + 1, sizeof(*sort.items))};
	uint32_t *numbers = calloc(count + 1, sizeof(*numbers));
	int error = sort.items && sort.spare && numbers ? 0 : -ENOMEM;
	for (uint32_t number = 0; error == 0 && number < all && sort.n < count; number++) {
		struct indicator i;
		indicator_at(s, number, &i);
		if (i.kind == kind)
			sort.items[sort.n++] = (struct sort_item){
			    .words = {key_word(i.key, 0), key_word(i.key, 8)}, .number = number};
	}
	if (error == 0)
		sort_all(&sort);
	for (size_t i = 0; i < sort.n; i++)
		numbers[i] = sort.items[i].number;
	free(sort.items);
	free(sort.spare);
	if (error == 0)
		*ret_numbers = numbers;
	else
		free(numbers);
	return error;
}
