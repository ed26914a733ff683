/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Rows of a block as encoded records, column by column without a struct between: whoever audits an archive
 * does this for every record of it. The bytes are those of msg/codec.h. */

#include <string.h>

#include "archive/block.h"
#include "archive/dictionary.h"
#include "archive/segment.h"
#include "base/cursor.h"
#include "base/err.h"

enum { FIELD_HEAD = 6, COUNT_SIZE = 4 };

/* The rows that are being written. */
struct rows {
	struct archive_block *block;
	size_t from, n;
	uint8_t *
	    to[ARCHIVE_RECORDS]; /* of each: where it began, moved on by what isn't of the same size in all */
	size_t ahead;            /* what is, since then */
};

static int entry_of(struct archive_dictionary_reader *d, uint64_t number)
{
	return d->all_loaded ? 0 : archive_dictionary_entry(d, (size_t)number);
}

/* What a column of texts says in a row. */
static int text_at(struct archive_block *b, const struct archive_column *column,
    const struct archive_column_data *d, size_t row, struct text *ret_text)
{
	uint64_t number = d->absent ? 0 : archive_stream_at(&d->numbers, row);
	const struct text *texts = d->texts;
	int r = 0;
	*ret_text = (struct text){0};
	if (d->absent)
		return 0;
	if (column->dictionary) {
		struct archive_dictionary_reader *dictionary = &b->dictionaries[column->dictionary];
		r = entry_of(dictionary, number);
		texts = dictionary->texts;
	}
	if (r == 0)
		*ret_text = texts[number];
	return r;
}

static bool has_one_size(const struct archive_column *column)
{
	return column->type != ARCHIVE_COLUMN_TEXT && column->type != ARCHIVE_COLUMN_U64S &&
	       column->type != ARCHIVE_COLUMN_FIELDS;
}

static size_t fields_size(const struct archive_column_data *d, size_t row)
{
	size_t n = (size_t)archive_stream_at(&d->numbers, row), size = 0;
	for (size_t i = 0; i < n; i++)
		size += FIELD_HEAD + d->fields[d->starts[row] + i].value.n;
	return size;
}

/* Adds what a column that isn't of one size takes in each row. */
static int add_sizes(const struct rows *rows, const struct archive_column *column,
    const struct archive_column_data *d, size_t *sizes)
{
	for (size_t i = 0; i < rows->n; i++) {
		size_t row = rows->from + i;
		struct text t;
		int r = 0;
		sizes[i] += COUNT_SIZE;
		if (column->type == ARCHIVE_COLUMN_TEXT) {
			r = text_at(rows->block, column, d, row, &t);
			/* beyond the bound of a text is beyond that of a record too, as msg_put_text has it
			 */
			if (r == 0 && t.n)
				__builtin_prefetch(t.p);
			sizes[i] += r < 0 ? 0 : t.n > MSG_TEXT_MAX ? MSG_RECORD_MAX + 1 : t.n;
		} else if (!d->absent && column->type == ARCHIVE_COLUMN_U64S) {
			sizes[i] += sizeof(uint64_t) * (size_t)archive_stream_at(&d->numbers, row);
		} else if (!d->absent) {
			sizes[i] += fields_size(d, row);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* Asks for what the rows' numbers into a dictionary lead to, which lies anywhere, before it is needed. */
static void fetch(
    const struct rows *rows, const struct archive_column *column, const struct archive_column_data *d)
{
	const struct archive_dictionary_reader *dictionary = &rows->block->dictionaries[column->dictionary];
	bool addrs = column->type == ARCHIVE_COLUMN_ADDR;
	if (d->absent || !column->dictionary || (addrs ? !dictionary->addrs : !dictionary->texts))
		return;
	for (size_t i = 0; i < rows->n; i++) {
		uint64_t number = archive_stream_at(&d->numbers, rows->from + i);
		__builtin_prefetch(addrs ? (const void *)&dictionary->addrs[number]
		                         : (const void *)&dictionary->texts[number]);
	}
}

static int load_columns(const struct rows *rows, unsigned n_columns)
{
	const struct archive_layout *l = rows->block->segment->is.layout;
	for (unsigned i = 0; i < n_columns; i++) {
		const struct archive_column_data *d;
		int r = archive_block_column(rows->block, i, &d);
		if (r < 0)
			return r;
		fetch(rows, &l->columns[i], d);
	}
	return 0;
}

/* Finds how large each record is, and takes rows away from the end until they fit. */
static int size_all(struct rows *rows, unsigned n_columns, size_t *sizes)
{
	const struct archive_layout *l = rows->block->segment->is.layout;
	size_t fixed = MSG_HEADER_SIZE, total = 0, n = 0;
	memset(sizes, 0, rows->n * sizeof(*sizes));
	int r = load_columns(rows, n_columns);
	for (unsigned i = 0; r == 0 && i < n_columns; i++)
		if (has_one_size(&l->columns[i]))
			fixed += l->columns[i].size;
		else
			r = add_sizes(rows, &l->columns[i], &rows->block->columns[i], sizes);
	if (r < 0)
		return r;
	for (; n < rows->n && sizes[n] + fixed <= MSG_RECORD_MAX; n++) {
		sizes[n] += fixed;
		if (n && total + sizes[n] > ARCHIVE_RECORDS_BYTES)
			break;
		total += sizes[n];
	}
	rows->n = n;
	return n ? 0 : -ERR_LIMIT;
}

/* --- columns of one size --- */

static void put_numbers(const struct rows *rows, const struct archive_stream *s, size_t size)
{
#define PUT(store)                                                                                           \
	for (size_t i = 0; i < rows->n; i++) {                                                               \
		uint8_t *to = rows->to[i] + rows->ahead;                                                     \
		uint64_t v = archive_stream_at(s, rows->from + i);                                           \
		store;                                                                                       \
	}
	switch (size) {
	case 1: PUT(*to = (uint8_t)v); break;
	case 2: PUT(store_le16(to, (uint16_t)v)); break;
	case 4: PUT(store_le32(to, (uint32_t)v)); break;
	case 8: PUT(store_le64(to, v)); break;
	default: break;
	}
}

static void put_reals(const struct rows *rows, const struct archive_stream *s)
{
	double one;
	PUT(memcpy(&one, &v, sizeof(one));
	    store_le64(to, one == one ? v : 0)); /* as archive_block_fill does */
}

static void put_macs(const struct rows *rows, const struct archive_stream *s)
{
	PUT(store_be16(to, (uint16_t)(v >> 32)); store_be32(to + 2, (uint32_t)v));
#undef PUT
}

static int put_addrs(
    const struct rows *rows, struct archive_dictionary_reader *dictionary, const struct archive_stream *s)
{
	for (size_t i = 0; i < rows->n; i++) {
		uint64_t entry = archive_stream_at(s, rows->from + i);
		int r = entry_of(dictionary, entry);
		if (r < 0)
			return r;
		memcpy(rows->to[i] + rows->ahead, &dictionary->addrs[entry], sizeof(*dictionary->addrs));
	}
	return 0;
}

/* --- the others --- */

static uint8_t *put_text(uint8_t *to, struct text t)
{
	store_le32(to, (uint32_t)t.n);
	if (t.n)
		memcpy(to + COUNT_SIZE, t.p, t.n);
	return to + COUNT_SIZE + t.n;
}

static uint8_t *put_ids(uint8_t *to, const struct archive_column_data *d, size_t row)
{
	size_t n = (size_t)archive_stream_at(&d->numbers, row);
	store_le32(to, (uint32_t)n);
	to += COUNT_SIZE;
	for (size_t i = 0; i < n; i++, to += sizeof(uint64_t))
		store_le64(to, d->items.v[d->starts[row] + i]);
	return to;
}

static uint8_t *put_fields(uint8_t *to, const struct archive_column_data *d, size_t row)
{
	size_t n = (size_t)archive_stream_at(&d->numbers, row);
	store_le32(to, (uint32_t)n);
	to += COUNT_SIZE;
	for (size_t i = 0; i < n; i++) {
		const struct field_value *f = &d->fields[d->starts[row] + i];
		store_le16(to, (uint16_t)f->field);
		to = put_text(to + sizeof(uint16_t), f->value);
	}
	return to;
}

static int put_list(
    struct rows *rows, const struct archive_column *column, const struct archive_column_data *d)
{
	for (size_t i = 0; i < rows->n; i++) {
		uint8_t *to = rows->to[i] + rows->ahead;
		size_t row = rows->from + i;
		struct text t;
		if (column->type == ARCHIVE_COLUMN_TEXT) {
			int r = text_at(rows->block, column, d, row, &t);
			if (r < 0)
				return r;
			rows->to[i] = put_text(to, t);
		} else if (d->absent) {
			rows->to[i] = put_text(to, (struct text){0});
		} else if (column->type == ARCHIVE_COLUMN_U64S) {
			rows->to[i] = put_ids(to, d, row);
		} else {
			rows->to[i] = put_fields(to, d, row);
		}
	}
	rows->ahead = 0;
	return 0;
}

static int put_column(
    struct rows *rows, const struct archive_column *column, const struct archive_column_data *d)
{
	int r = 0;
	if (!has_one_size(column))
		return put_list(rows, column, d);
	if (d->absent) /* the bytes are zero already */
		;
	else if (column->dictionary)
		r = put_addrs(rows, &rows->block->dictionaries[column->dictionary], &d->numbers);
	else if (column->type == ARCHIVE_COLUMN_REAL)
		put_reals(rows, &d->numbers);
	else if (column->type == ARCHIVE_COLUMN_MAC)
		put_macs(rows, &d->numbers);
	else
		put_numbers(rows, &d->numbers, column->size);
	rows->ahead += column->size;
	return r;
}

int archive_block_records(
    struct archive_block *b, size_t from, size_t n, unsigned n_columns, struct archive_records *out)
{
	const struct archive_layout *l = b->segment->is.layout;
	struct rows rows = {.block = b, .from = from, .n = n < ARCHIVE_RECORDS ? n : ARCHIVE_RECORDS};
	size_t sizes[ARCHIVE_RECORDS], total = 0;
	int r = size_all(&rows, n_columns, sizes);
	for (size_t i = 0; r == 0 && i < rows.n; i++)
		total += sizes[i];
	dynbuf_reset(&out->bytes);
	uint8_t *at = r == 0 ? dynbuf_grow(&out->bytes, total) : NULL;
	if (!at)
		return r < 0 ? r : out->bytes.error;
	memset(at, 0, total);
	for (size_t i = 0; i < rows.n; at += sizes[i++]) {
		store_le16(at, l->record);
		store_le32(at + 2, (uint32_t)(sizes[i] - MSG_HEADER_SIZE));
		out->records[i] = text_bytes(at, sizes[i]);
		rows.to[i] = at + MSG_HEADER_SIZE;
	}
	for (unsigned i = 0; r == 0 && i < n_columns; i++)
		r = put_column(&rows, &l->columns[i], &b->columns[i]);
	out->n = rows.n;
	return r;
}
