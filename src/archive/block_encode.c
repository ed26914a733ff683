/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/block.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "archive/varint.h"
#include "base/err.h"
#include "base/vec.h"

/* Level 1: packed streams leave little to search for, and level 3 was measured to win 3 % for twice the time.
 */
enum { ZSTD_LEVEL = 1, COMPRESS_MIN = 64, CHUNKS_MAX = 1 << 26 };

/* Columns go together where there are fewer tuples than that. */
enum { ROWS_A_TUPLE = 4 };

struct archive_encoder {
	uint64_t seed;
	ZSTD_CCtx *zstd;
	struct archive_intern texts;  /* of a column */
	struct archive_intern values; /* of the fields */
	uint8_t *into; /* see struct archive_block_values; first of all values, then by number */
	size_t into_cap;
	struct archive_gathered gathered;
	struct archive_tuples tuples;
	struct dynbuf raw;
	uint64_t *near; /* numbers of the columns that are near to others, ARCHIVE_BLOCK_ROWS of each */
	size_t near_cap;
	uint64_t *v;
	struct text *items;
	size_t v_cap, items_cap;
};

/* A column of numbers that is to be stored. */
struct column_out {
	const uint64_t *v;
	bool is_near, done;
	struct archive_near by;
};

/* The block being made. */
struct block_out {
	struct archive_encoder *e;
	const struct archive_layout *layout;
	const uint8_t *records;
	size_t n;
	const uint8_t (*codes)[ARCHIVE_BLOCK_ROWS];
	struct archive_chunks *out;
	struct column_out columns[ARCHIVE_COLUMNS_MAX];
};

int archive_encoder_new(struct archive_encoder **ret_encoder, uint64_t seed)
{
	struct archive_encoder *e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->seed = e->texts.seed = e->values.seed = seed;
	e->zstd = ZSTD_createCCtx();
	if (!e->zstd) {
		free(e);
		return -ENOMEM;
	}
	*ret_encoder = e;
	return 0;
}

void archive_encoder_free(struct archive_encoder *e)
{
	if (!e)
		return;
	ZSTD_freeCCtx(e->zstd);
	archive_intern_free(&e->texts);
	archive_intern_free(&e->values);
	free(e->into);
	archive_gathered_free(&e->gathered);
	archive_tuples_free(&e->tuples);
	free(e->near);
	dynbuf_free(&e->raw);
	free(e->v);
	free(e->items);
	free(e);
}

void archive_chunks_free(struct archive_chunks *c)
{
	dynbuf_free(&c->bytes);
	free(c->chunks);
	*c = (struct archive_chunks){0};
}

static const uint8_t *cell(const struct block_out *b, const struct archive_column *column, size_t row)
{
	return b->records + row * b->layout->size + column->offset;
}

/* Closes the chunk whose raw bytes stand in e->raw: compressed if that may help and saves an eighth. */
static int put_chunk(struct archive_encoder *e, unsigned column, enum archive_chunk_form form, bool compress,
    struct archive_chunks *out)
{
	size_t raw = e->raw.n, at = out->bytes.n, stored = raw, room = raw;
	if (e->raw.error)
		return e->raw.error;
	int r = VEC_RESERVE(out->chunks, &out->cap, out->n, CHUNKS_MAX);
	if (r < 0)
		return r;
	compress = compress && raw >= COMPRESS_MIN;
	if (compress)
		room = ZSTD_compressBound(raw);
	uint8_t *to = dynbuf_grow(&out->bytes, room);
	if (!to)
		return out->bytes.error;
	if (compress) {
		size_t got = ZSTD_compressCCtx(e->zstd, to, room, e->raw.p, raw, ZSTD_LEVEL);
		compress = !ZSTD_isError(got) && got < raw - raw / 8;
		stored = compress ? got : raw;
	}
	if (!compress)
		memcpy(to, e->raw.p, raw);
	out->bytes.n = at + stored;
	out->chunks[out->n++] = (struct archive_chunk){.column = (uint8_t)column,
	    .form = (uint8_t)form,
	    .stored = (uint32_t)stored,
	    .raw = compress ? (uint32_t)raw : 0,
	    .at = at};
	dynbuf_reset(&e->raw);
	return 0;
}

/* What each column of numbers is to be stored as: differences to the column that it is near to, where they
 * aren't too large. */
static int prepare_numbers(struct block_out *b)
{
	struct archive_encoder *e = b->e;
	size_t n_near = 0;
	for (unsigned i = 0; i < b->layout->n_columns; i++)
		n_near += b->layout->columns[i].base > 0;
	if (VEC_ROOM(e->near, &e->near_cap, n_near * ARCHIVE_BLOCK_ROWS) < 0)
		return -ENOMEM;
	uint64_t *near = e->near;
	for (unsigned i = 0; i < b->layout->n_columns; i++) {
		struct column_out *c = &b->columns[i];
		unsigned base = b->layout->columns[i].base;
		*c = (struct column_out){.v = archive_gathered_column(&e->gathered, i)};
		if (!base || e->gathered.any[i] == 0)
			continue;
		memcpy(near, c->v, b->n * sizeof(*near));
		c->is_near = archive_near_make(
		    near, archive_gathered_column(&e->gathered, base), b->n, &c->by);
		if (c->is_near) {
			c->v = near;
			near += ARCHIVE_BLOCK_ROWS;
		}
	}
	return 0;
}

static void put_near(struct dynbuf *raw, struct archive_near by)
{
	archive_varint_put(raw, archive_zigzag(0, by.origin));
	archive_varint_put(raw, archive_zigzag(0, by.step));
}

static int put_numbers(struct block_out *b, unsigned number)
{
	struct archive_encoder *e = b->e;
	const struct column_out *c = &b->columns[number];
	if (e->gathered.any[number] == 0 || c->done)
		return 0;
	if (c->is_near)
		put_near(&e->raw, c->by);
	bool compress = archive_stream_put(&e->raw, c->v, b->n, e->seed);
	return put_chunk(e, number, c->is_near ? ARCHIVE_CHUNK_NEAR : ARCHIVE_CHUNK_PLAIN, compress, b->out);
}

/* The rows' codes, and the values of those that neither of the address's two is. */
static int put_companion(struct block_out *b, unsigned number, const uint8_t *codes)
{
	struct archive_encoder *e = b->e;
	const uint64_t *v = b->columns[number].v;
	size_t others = 0;
	for (size_t i = 0; i < b->n; i++)
		others += codes[i] == ARCHIVE_COMPANION_OTHER;
	if (e->gathered.any[number] == 0)
		return 0;
	if (others > b->n / 2)
		return put_numbers(b, number);
	for (size_t i = 0; i < b->n; i++)
		e->v[i] = codes[i];
	bool compress = archive_stream_put(&e->raw, e->v, b->n, e->seed);
	archive_varint_put(&e->raw, others);
	for (size_t i = 0, at = 0; i < b->n; i++)
		if (codes[i] == ARCHIVE_COMPANION_OTHER)
			e->v[at++] = v[i];
	compress |= archive_stream_put(&e->raw, e->v, others, e->seed);
	return put_chunk(e, number, ARCHIVE_CHUNK_COMPANION, compress, b->out);
}

/* The column's value in each tuple. */
static int put_by_tuple(struct block_out *b, unsigned number, enum archive_chunk_form form, bool compress)
{
	struct archive_encoder *e = b->e;
	const struct archive_tuples *t = &e->tuples;
	const struct column_out *c = &b->columns[number];
	if (b->layout->columns[number].base)
		put_near(&e->raw, c->by);
	for (size_t i = 0; i < t->n; i++)
		e->v[i] = c->v[t->rows[i]];
	compress |= archive_stream_put(&e->raw, e->v, t->n, e->seed);
	b->columns[number].done = true;
	return put_chunk(e, number, form, compress, b->out);
}

/* The columns that go together with this one, if there are few tuples of them; else nothing, and each is put
 * by itself. */
static int put_together(struct block_out *b, unsigned leader)
{
	struct archive_encoder *e = b->e;
	const uint64_t *v[ARCHIVE_COLUMNS_MAX] = {b->columns[leader].v};
	unsigned numbers[ARCHIVE_COLUMNS_MAX] = {leader};
	size_t n = 1;
	for (unsigned i = 0; i < b->layout->n_columns; i++) {
		const struct archive_column *column = &b->layout->columns[i];
		bool whole = !column->base || b->columns[i].is_near;
		if (column->leader == leader && i != leader && e->gathered.any[i] && whole) {
			v[n] = b->columns[i].v;
			numbers[n++] = i;
		}
	}
	if (n < 2)
		return 0;
	int r = archive_tuples_make(&e->tuples, v, n, b->n, b->n / ROWS_A_TUPLE, e->seed);
	if (r != 0)
		return r < 0 ? r : 0;
	archive_varint_put(&e->raw, e->tuples.n);
	bool compress = archive_stream_put(&e->raw, e->tuples.numbers, b->n, e->seed);
	r = put_by_tuple(b, leader, ARCHIVE_CHUNK_TUPLES, compress);
	for (size_t i = 1; r == 0 && i < n; i++)
		r = put_by_tuple(b, numbers[i], ARCHIVE_CHUNK_BY_TUPLE, false);
	return r;
}

/* The numbers of n texts, one at each `step` bytes, among the distinct ones: into e->v. */
static int number_texts(
    struct archive_encoder *e, struct archive_intern *distinct, const uint8_t *p, size_t step, size_t n)
{
	struct text t;
	if (archive_intern_reset(distinct, n) < 0 || VEC_ROOM(e->v, &e->v_cap, n) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		memcpy(&t, p + i * step, sizeof(t));
		e->v[i] = archive_intern_put(distinct, t);
	}
	return 0;
}

/* The n numbers of e->v, then the texts that they are of: their lengths, their bytes. */
static int put_texts(struct archive_encoder *e, const struct archive_intern *distinct, size_t n)
{
	size_t bytes = 0;
	dynbuf_le32(&e->raw, (uint32_t)distinct->n);
	(void)archive_stream_put(&e->raw, e->v, n, e->seed);
	for (size_t i = 0; i < distinct->n; i++)
		bytes += e->v[i] = distinct->texts[i].n;
	(void)archive_stream_put(&e->raw, e->v, distinct->n, e->seed);
	uint8_t *to = dynbuf_grow(&e->raw, bytes);
	if (!to)
		return e->raw.error;
	for (size_t i = 0; i < distinct->n; i++) {
		struct text t = distinct->texts[i];
		if (t.n)
			memcpy(to, t.p, t.n);
		to += t.n;
	}
	return 0;
}

static int put_text_column(struct block_out *b, unsigned number, const struct archive_column *column)
{
	bool any = false;
	struct text t;
	for (size_t i = 0; i < b->n && !any; i++) {
		memcpy(&t, cell(b, column, i), sizeof(t));
		any = t.n > 0;
	}
	if (!any)
		return 0;
	int r = number_texts(b->e, &b->e->texts, cell(b, column, 0), b->layout->size, b->n);
	if (r == 0)
		r = put_texts(b->e, &b->e->texts, b->n);
	return r < 0 ? r : put_chunk(b->e, number, ARCHIVE_CHUNK_PLAIN, true, b->out);
}

/* The rows' counts into e->v, and their sum. */
static size_t gather_counts(struct block_out *b, const struct archive_column *column)
{
	size_t total = 0;
	for (size_t i = 0; i < b->n; i++) {
		uint32_t n;
		const uint8_t *p = cell(b, column, i);
		/* both list structs end in this count */
		memcpy(&n, p + offsetof(struct msg_u64s, n), sizeof(n));
		total += b->e->v[i] = n;
	}
	return total;
}

_Static_assert(offsetof(struct msg_u64s, n) == offsetof(struct msg_fields, n), "lists of one shape");

static int put_u64s_column(struct block_out *b, unsigned number, const struct archive_column *column)
{
	struct archive_encoder *e = b->e;
	size_t total = gather_counts(b, column), at = 0;
	if (total == 0)
		return 0;
	if (total > ARCHIVE_BLOCK_ITEMS)
		return -ERR_LIMIT;
	bool compress = archive_stream_put(&e->raw, e->v, b->n, e->seed);
	if (VEC_ROOM(e->v, &e->v_cap, total) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < b->n; i++) {
		struct msg_u64s list;
		memcpy(&list, cell(b, column, i), sizeof(list));
		if (list.n)
			memcpy(e->v + at, list.v, list.n * sizeof(*e->v));
		at += list.n;
	}
	compress |= archive_stream_put(&e->raw, e->v, total, e->seed);
	return put_chunk(e, number, ARCHIVE_CHUNK_PLAIN, compress, b->out);
}

/* From the dictionaries of n values, numbered in e->v, to those of the distinct ones. */
static void merge_into(struct archive_encoder *e, size_t n)
{
	uint8_t *by_number = e->into + n;
	memset(by_number, 0, e->values.n);
	for (size_t i = 0; i < n; i++)
		by_number[e->v[i]] |= e->into[i];
	memmove(e->into, by_number, e->values.n);
}

struct archive_block_values archive_block_values(const struct archive_encoder *e)
{
	return (struct archive_block_values){
	    .texts = e->values.texts, .hashes = e->values.hashes, .into = e->into, .n = e->values.n};
}

static int put_fields_column(struct block_out *b, unsigned number, const struct archive_column *column)
{
	struct archive_encoder *e = b->e;
	size_t total = gather_counts(b, column), at = 0;
	if (total == 0)
		return 0;
	if (total > ARCHIVE_BLOCK_ITEMS)
		return -ERR_LIMIT;
	(void)archive_stream_put(&e->raw, e->v, b->n, e->seed);
	if (VEC_ROOM(e->v, &e->v_cap, total) < 0 || VEC_ROOM(e->items, &e->items_cap, total) < 0 ||
	    VEC_ROOM(e->into, &e->into_cap, 2 * total) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < b->n; i++) {
		struct msg_fields list;
		memcpy(&list, cell(b, column, i), sizeof(list));
		for (uint32_t k = 0; k < list.n; k++, at++) {
			e->v[at] = list.v[k].field;
			e->items[at] = list.v[k].value;
			e->into[at] = (uint8_t)(1U << archive_field_dictionary(list.v[k].field));
		}
	}
	(void)archive_stream_put(&e->raw, e->v, total, e->seed);
	int r = number_texts(e, &e->values, (const uint8_t *)e->items, sizeof(*e->items), total);
	if (r == 0) {
		merge_into(e, total);
		r = put_texts(e, &e->values, total);
	}
	return r < 0 ? r : put_chunk(e, number, ARCHIVE_CHUNK_PLAIN, true, b->out);
}

static int put_column(struct block_out *b, unsigned number)
{
	const struct archive_column *column = &b->layout->columns[number];
	if (column->dictionary)
		return 0;
	switch (column->type) {
	case ARCHIVE_COLUMN_TEXT: return put_text_column(b, number, column);
	case ARCHIVE_COLUMN_U64S: return put_u64s_column(b, number, column);
	case ARCHIVE_COLUMN_FIELDS: return put_fields_column(b, number, column);
	case ARCHIVE_COLUMN_UINT:
	case ARCHIVE_COLUMN_REAL:
	case ARCHIVE_COLUMN_MAC:
		return column->companion
		           ? put_companion(b, number, b->codes[archive_companion_place(b->layout, number)])
		           : put_numbers(b, number);
	case ARCHIVE_COLUMN_ADDR: break; /* always of a dictionary */
	}
	return 0;
}

int archive_block_encode(struct archive_encoder *e, const struct archive_layout *layout, const void *records,
    size_t n, const uint8_t (*codes)[ARCHIVE_BLOCK_ROWS], struct archive_chunks *out)
{
	struct block_out b = {
	    .e = e, .layout = layout, .records = records, .n = n, .codes = codes, .out = out};
	dynbuf_reset(&e->raw);
	e->values.n = 0;
	if (n == 0 || n > ARCHIVE_BLOCK_ROWS)
		return -ERR_LIMIT;
	int r = VEC_ROOM(e->v, &e->v_cap, ARCHIVE_BLOCK_ROWS);
	if (r == 0)
		r = archive_gather(&e->gathered, layout, records, n);
	if (r == 0)
		r = prepare_numbers(&b);
	for (unsigned i = 1; r == 0 && i < layout->n_columns; i++)
		if (layout->columns[i].leader == i)
			r = put_together(&b, i);
	for (unsigned i = 0; r == 0 && i < layout->n_columns; i++)
		r = put_column(&b, i);
	return r;
}

int archive_block_encode_numbers(struct archive_encoder *e, unsigned column, const uint32_t *numbers,
    const uint32_t *places, size_t n, struct archive_chunks *out)
{
	dynbuf_reset(&e->raw);
	if (VEC_ROOM(e->v, &e->v_cap, ARCHIVE_BLOCK_ROWS) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		e->v[i] = places[numbers[i]];
	bool compress = archive_stream_put(&e->raw, e->v, n, e->seed);
	return put_chunk(e, column, ARCHIVE_CHUNK_PLAIN, compress, out);
}
