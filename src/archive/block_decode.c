/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive/block_read.h"
#include "archive/segment.h"
#include "archive/varint.h"
#include "base/err.h"
#include "base/vec.h"

enum { AHEAD = 32 }; /* rows */

/* Numbers into something that has n elements. */
static int check_below(const struct archive_stream *s, size_t n)
{
	uint64_t most = 0;
	for (size_t i = 0; i < (s->mask ? s->n : s->n > 0); i++)
		most = s->v[i] > most ? s->v[i] : most;
	return s->n && most >= n ? -ERR_MALFORMED : 0;
}

/* n texts: d->items or d->numbers gets their numbers, d->texts the distinct ones. */
static int get_texts(
    struct cursor *c, size_t n, struct archive_column_data *d, struct archive_stream *numbers)
{
	size_t distinct = cursor_le32(c);
	if (distinct > n)
		return -ERR_MALFORMED;
	int r = archive_stream_get(c, n, numbers);
	if (r == 0)
		r = check_below(numbers, distinct);
	if (r == 0)
		r = archive_stream_get(c, distinct, &d->lengths);
	if (r == 0)
		r = VEC_ROOM(d->texts, &d->texts_cap, distinct);
	if (r < 0)
		return r;
	size_t left = cursor_left(c);
	uint8_t *bytes = block_room(&d->bytes, left + 1); /* + 1: an empty text has an address too */
	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, cursor_take(c, left), left);
	for (size_t i = 0; i < distinct; i++) {
		uint64_t length = archive_stream_at(&d->lengths, i);
		if (length > left || length > MSG_TEXT_MAX)
			return -ERR_MALFORMED;
		d->texts[i] = text_bytes(bytes, (size_t)length);
		bytes += length;
		left -= (size_t)length;
	}
	return left ? -ERR_MALFORMED : 0;
}

/* Counts of n lists of at most `most` items each: where each begins, and how many items there are. */
static int get_counts(
    struct cursor *c, size_t n, size_t most, struct archive_column_data *d, size_t *ret_total)
{
	size_t total = 0;
	int r = archive_stream_get(c, n, &d->numbers);
	if (r == 0)
		r = VEC_ROOM(d->starts, &d->starts_cap, n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		uint64_t count = archive_stream_at(&d->numbers, i);
		if (count > most || total > ARCHIVE_BLOCK_ITEMS - count)
			return -ERR_MALFORMED;
		d->starts[i] = (uint32_t)total;
		total += (size_t)count;
	}
	*ret_total = total;
	return 0;
}

static int get_u64s(struct cursor *c, size_t n, struct archive_column_data *d)
{
	size_t total = 0;
	int r = get_counts(c, n, MSG_LIST_MAX, d, &total);
	if (r == 0)
		r = archive_stream_get(c, total, &d->items);
	if (r == 0)
		archive_stream_expand(&d->items); /* lists lead into it */
	return r;
}

static int get_fields(struct cursor *c, size_t n, struct archive_column_data *d)
{
	struct archive_stream numbers = {0};
	size_t total = 0;
	int r = get_counts(c, n, MSG_FIELDS_MAX, d, &total);
	if (r == 0)
		r = archive_stream_get(c, total, &d->items);
	if (r == 0)
		r = check_below(&d->items, UINT16_MAX + 1);
	if (r == 0)
		r = get_texts(c, total, d, &numbers);
	if (r == 0)
		r = VEC_ROOM(d->fields, &d->fields_cap, total);
	for (size_t i = 0; r == 0 && i < total; i++)
		d->fields[i] = (struct field_value){.field = (enum field)archive_stream_at(&d->items, i),
		    .value = d->texts[archive_stream_at(&numbers, i)]};
	archive_stream_free(&numbers);
	return r;
}

/* No column is near to itself by any way (tests/unit/archive). */
static int resolve_near(struct archive_block *b, const struct archive_column *column, struct archive_near by,
    struct archive_column_data *d)
{
	const struct archive_column_data *base = NULL;
	struct archive_stream near = {0};
	archive_stream_expand(&d->numbers);
	int r = archive_block_column(b, column->base, &base);
	if (r < 0)
		return r;
	if (base->absent || base->numbers.mask == 0) {
		uint64_t one = base->absent ? 0 : base->numbers.v[0];
		r = VEC_ROOM(near.v, &near.cap, b->rows);
		for (size_t i = 0; r == 0 && i < b->rows; i++)
			near.v[i] = one;
	}
	if (r == 0)
		archive_near_resolve(by, near.v ? near.v : base->numbers.v, d->numbers.v, b->rows);
	archive_stream_free(&near);
	return r;
}

static size_t dictionary_entries(const struct archive_block *b, const struct archive_column *column)
{
	return b->segment->trailer.entries[column->dictionary];
}

/* The rows' values, of which each tuple has one. */
static int get_by_tuple(
    struct cursor *c, const struct archive_column_data *leader, size_t rows, struct archive_column_data *d)
{
	int r = archive_stream_get(c, leader->n_tuples, &d->lengths);
	if (r == 0)
		r = VEC_ROOM(d->numbers.v, &d->numbers.cap, rows);
	if (r < 0)
		return r;
	archive_stream_expand(&d->lengths);
	for (size_t i = 0; i < rows; i++)
		d->numbers.v[i] = d->lengths.v[archive_stream_at(&leader->items, i)];
	d->numbers.n = rows;
	d->numbers.mask = SIZE_MAX;
	return 0;
}

static int get_tuples(struct cursor *c, size_t rows, struct archive_column_data *d)
{
	uint64_t n = archive_varint_get(c);
	if (n == 0 || n > rows)
		return -ERR_MALFORMED;
	int r = archive_stream_get(c, rows, &d->items);
	if (r == 0)
		r = check_below(&d->items, (size_t)n);
	d->n_tuples = (size_t)n;
	return r;
}

/* The column whose chunk holds the tuples. No column leads itself by any way (tests/unit/archive). */
static int load_leader(struct archive_block *b, const struct archive_column *column,
    const struct archive_column_data **ret_leader)
{
	int r = archive_block_column(b, column->leader, ret_leader);
	if (r == 0 && ((*ret_leader)->absent || (*ret_leader)->n_tuples == 0))
		r = -ERR_MALFORMED;
	return r;
}

static int decode_numbers(struct archive_block *b, const struct archive_column *column, unsigned form,
    const struct archive_column_data *leader, struct cursor *c, struct archive_column_data *d)
{
	struct archive_near by;
	int r = form == ARCHIVE_CHUNK_TUPLES ? get_tuples(c, b->rows, d) : 0;
	bool near = block_has_near(column, form);
	if (r == 0 && near && !block_get_near(c, &by))
		r = -ERR_MALFORMED;
	if (r == 0)
		r = leader ? get_by_tuple(c, leader, b->rows, d)
		           : archive_stream_get(c, b->rows, &d->numbers);
	if (r == 0 && cursor_left(c))
		r = -ERR_MALFORMED;
	if (r == 0 && column->dictionary)
		r = check_below(&d->numbers, dictionary_entries(b, column));
	return r == 0 && near ? resolve_near(b, column, by, d) : r;
}

/* What stands in the chunk of a column that goes with an address. The streams are the column's. */
static int get_codes(struct archive_block *b, struct cursor *c, struct archive_column_data *d)
{
	size_t others = 0;
	int r = archive_stream_get(c, b->rows, &d->items);
	if (r == 0)
		r = check_below(&d->items, ARCHIVE_COMPANION_CODES);
	if (r < 0)
		return r;
	uint64_t stored = archive_varint_get(c);
	for (size_t i = 0; i < b->rows; i++)
		others += archive_stream_at(&d->items, i) == ARCHIVE_COMPANION_OTHER;
	r = stored == others ? archive_stream_get(c, others, &d->lengths) : -ERR_MALFORMED;
	return r == 0 && cursor_left(c) ? -ERR_MALFORMED : r;
}

static int decode_companion(
    struct archive_block *b, unsigned number, struct cursor *c, struct archive_column_data *d)
{
	struct archive_dictionary_reader *addrs = &b->dictionaries[ARCHIVE_DICTIONARY_ADDRS];
	const struct archive_layout *l = b->segment->is.layout;
	const struct archive_column_data *address = NULL;
	unsigned place = archive_companion_place(l, number);
	size_t others = 0;
	int r = get_codes(b, c, d);
	if (r == 0)
		r = VEC_ROOM(d->numbers.v, &d->numbers.cap, b->rows);
	if (r == 0)
		r = archive_dictionary_companions(addrs);
	if (r == 0)
		r = archive_block_column(b, l->columns[number].companion, &address);
	if (r == 0 && (address->absent || number >= b->segment->is.n_columns))
		r = -ERR_MALFORMED;
	for (size_t i = 0; r == 0 && i < b->rows; i++) {
		size_t entry = (size_t)archive_stream_at(&address->numbers, i);
		/* what goes with an address lies anywhere */
		if (i + AHEAD < b->rows && addrs->first[place].mask)
			__builtin_prefetch(
			    &addrs->first[place].v[archive_stream_at(&address->numbers, i + AHEAD)]);
		switch (archive_stream_at(&d->items, i)) {
		case ARCHIVE_COMPANION_FIRST:
			d->numbers.v[i] = archive_stream_at(&addrs->first[place], entry);
			break;
		case ARCHIVE_COMPANION_SECOND:
			d->numbers.v[i] = archive_stream_at(&addrs->second[place], entry);
			break;
		default: d->numbers.v[i] = archive_stream_at(&d->lengths, others++); break;
		}
	}
	d->numbers.n = b->rows;
	d->numbers.mask = SIZE_MAX;
	return r;
}

static int decode_column(struct archive_block *b, const struct archive_column *column,
    const struct archive_chunk *chunk, struct archive_column_data *d)
{
	const struct archive_column_data *leader = chunk->form == ARCHIVE_CHUNK_TUPLES ? d : NULL;
	struct cursor c;
	int r = 0;
	d->n_tuples = 0;
	if (chunk->form == ARCHIVE_CHUNK_BY_TUPLE)
		r = load_leader(b, column, &leader);
	if (r == 0)
		r = block_read_chunk(b, chunk, &c);
	if (r < 0)
		return r;
	if (column->companion && chunk->form == ARCHIVE_CHUNK_COMPANION)
		return decode_companion(b, chunk->column, &c, d);
	if (column->dictionary || archive_column_is_number(column))
		return decode_numbers(b, column, chunk->form, leader, &c, d);
	switch (column->type) {
	case ARCHIVE_COLUMN_TEXT: r = get_texts(&c, b->rows, d, &d->numbers); break;
	case ARCHIVE_COLUMN_U64S: r = get_u64s(&c, b->rows, d); break;
	case ARCHIVE_COLUMN_FIELDS: r = get_fields(&c, b->rows, d); break;
	case ARCHIVE_COLUMN_UINT:
	case ARCHIVE_COLUMN_REAL:
	case ARCHIVE_COLUMN_ADDR: /* always of a dictionary */
	case ARCHIVE_COLUMN_MAC: break;
	}
	return r == 0 && cursor_left(&c) ? -ERR_MALFORMED : r;
}

int archive_block_column(
    struct archive_block *b, unsigned column, const struct archive_column_data **ret_data)
{
	struct archive_column_data *d = &b->columns[column];
	if (!d->loaded) {
		const struct archive_chunk *chunk = NULL;
		int r = block_find_chunk(b, column, &chunk);
		d->absent = chunk == NULL;
		if (chunk)
			r = decode_column(b, &b->segment->is.layout->columns[column], chunk, d);
		if (r < 0)
			return r;
		d->loaded = true;
	}
	*ret_data = d;
	return 0;
}
