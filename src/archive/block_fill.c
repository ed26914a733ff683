/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/block.h"

#include <string.h>

#include "archive/dictionary.h"
#include "archive/segment.h"
#include "base/cursor.h"

static void fill_numbers(const uint64_t *v, size_t n, uint8_t *to, size_t step, size_t size)
{
#define FILL(type)                                                                                           \
	for (size_t i = 0; i < n; i++, to += step) {                                                         \
		type one = (type)v[i];                                                                       \
		memcpy(to, &one, sizeof(one));                                                               \
	}
	switch (size) {
	case 1: FILL(uint8_t); break;
	case 2: FILL(uint16_t); break;
	case 4: FILL(uint32_t); break;
	case 8: FILL(uint64_t); break;
	default: break;
	}
#undef FILL
}

static void fill_reals(const uint64_t *v, size_t n, uint8_t *to, size_t step)
{
	for (size_t i = 0; i < n; i++, to += step) {
		double one;
		memcpy(&one, &v[i], sizeof(one));
		if (one != one) /* as msg_get_real does: a NaN would break every comparison after it */
			one = 0;
		memcpy(to, &one, sizeof(one));
	}
}

static void fill_macs(const uint64_t *v, size_t n, uint8_t *to, size_t step)
{
	for (size_t i = 0; i < n; i++, to += step) {
		store_be16(to, (uint16_t)(v[i] >> 32));
		store_be32(to + 2, (uint32_t)v[i]);
	}
}

static int fill_entries(
    struct archive_dictionary_reader *d, const uint64_t *v, size_t n, uint8_t *to, size_t step)
{
	bool addrs = d->type == ARCHIVE_DICTIONARY_ADDRS;
	for (size_t i = 0; i < n; i++, to += step) {
		int r = archive_dictionary_entry(d, (size_t)v[i]);
		if (r < 0)
			return r;
		if (addrs)
			memcpy(to, &d->addrs[v[i]], sizeof(*d->addrs));
		else
			memcpy(to, &d->texts[v[i]], sizeof(*d->texts));
	}
	return 0;
}

/* Columns that are numbers, or numbers into a dictionary. */
static int fill_picked(
    struct archive_block *b, unsigned number, const uint32_t *rows, size_t n, uint8_t *to, size_t step)
{
	const struct archive_column *column = &b->segment->is.layout->columns[number];
	uint64_t v[ARCHIVE_BLOCK_ROWS];
	int r = archive_block_pick(b, number, rows, n, v);
	if (r < 0)
		return r;
	/* without a chunk there is no entry either: the zeroes that stand there mean none */
	if (column->dictionary)
		return b->places[number] ? fill_entries(&b->dictionaries[column->dictionary], v, n, to, step)
		                         : 0;
	if (column->type == ARCHIVE_COLUMN_REAL)
		fill_reals(v, n, to, step);
	else if (column->type == ARCHIVE_COLUMN_MAC)
		fill_macs(v, n, to, step);
	else
		fill_numbers(v, n, to, step, column->size);
	return 0;
}

static void fill_listed(const struct archive_column *column, const struct archive_column_data *d,
    const uint32_t *rows, size_t n, uint8_t *to, size_t step)
{
	const struct archive_stream *s = &d->numbers;
	for (size_t i = 0; i < n; i++, to += step) {
		uint64_t number = archive_stream_at(s, rows[i]);
		if (column->type == ARCHIVE_COLUMN_TEXT) {
			memcpy(to, &d->texts[number], sizeof(struct text));
		} else if (column->type == ARCHIVE_COLUMN_U64S) {
			struct msg_u64s list = {.n = (uint32_t)number};
			list.v = list.n ? d->items.v + d->starts[rows[i]] : NULL;
			memcpy(to, &list, sizeof(list));
		} else {
			struct msg_fields list = {.n = (uint32_t)number};
			list.v = list.n ? d->fields + d->starts[rows[i]] : NULL;
			memcpy(to, &list, sizeof(list));
		}
	}
}

int archive_block_fill(
    struct archive_block *b, const uint32_t *rows, size_t n, uint64_t columns, void *records)
{
	const struct archive_layout *l = b->segment->is.layout;
	memset(records, 0, n * l->size);
	for (unsigned i = 0; i < l->n_columns; i++) {
		const struct archive_column *column = &l->columns[i];
		const struct archive_column_data *d = NULL;
		uint8_t *to = (uint8_t *)records + column->offset;
		bool simple = column->dictionary || archive_column_is_number(column);
		int r = 0;
		if (!(columns >> i & 1))
			continue;
		if (!simple)
			r = archive_block_column(b, i, &d);
		if (r == 0 && simple)
			r = fill_picked(b, i, rows, n, to, l->size);
		else if (r == 0 && !d->absent)
			fill_listed(column, d, rows, n, to, l->size);
		if (r < 0)
			return r;
	}
	return 0;
}

int archive_block_load(struct archive_block *b, uint64_t columns)
{
	const struct archive_column_data *ignored;
	int r = 0;
	for (unsigned i = 0; r == 0 && i < b->segment->is.layout->n_columns; i++)
		if (columns >> i & 1)
			r = archive_block_column(b, i, &ignored);
	return r;
}
