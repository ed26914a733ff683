/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/block.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "archive/checksum.h"
#include "archive/file.h"
#include "archive/segment.h"
#include "base/err.h"

void archive_block_open(struct archive_block *b, const struct archive_segment *segment, size_t number)
{
	b->segment = segment;
	b->number = number;
	b->rows = (size_t)segment->blocks[number].span.records;
	b->addrs_loaded = false;
	b->n_addrs = 0;
	for (size_t i = 0; i < ARCHIVE_COLUMNS_MAX; i++)
		b->columns[i].loaded = false;
}

void archive_block_free(struct archive_block *b)
{
	for (size_t i = 0; i < ARCHIVE_COLUMNS_MAX; i++) {
		struct archive_column_data *d = &b->columns[i];
		archive_stream_free(&d->numbers);
		archive_stream_free(&d->items);
		archive_stream_free(&d->lengths);
		dynbuf_free(&d->bytes);
		free(d->texts);
		free(d->fields);
		free(d->starts);
	}
	free(b->addrs);
	dynbuf_free(&b->stored);
	dynbuf_free(&b->raw);
	ZSTD_freeDCtx(b->zstd);
	*b = (struct archive_block){0};
}

static int reserve(void **p, size_t *cap, size_t n, size_t size)
{
	if (n <= *cap && *cap)
		return 0;
	void *grown = reallocarray(*p, n ? n : 1, size);
	if (!grown)
		return -ENOMEM;
	*p = grown;
	*cap = n ? n : 1;
	return 0;
}

#define RESERVE(p, cap, n) reserve((void **)&(p), &(cap), n, sizeof(*(p)))

static uint8_t *room(struct dynbuf *b, size_t n)
{
	dynbuf_reset(b);
	return dynbuf_grow(b, n);
}

/* The bytes of a chunk, checked and decompressed: a cursor over them, good until the next call. */
static int read_chunk(struct archive_block *b, const struct archive_chunk *chunk, struct cursor *ret_cursor)
{
	uint8_t *stored = room(&b->stored, chunk->stored);
	if (!stored)
		return -ENOMEM;
	int r = archive_file_read(b->segment->fd, stored, chunk->stored, chunk->at);
	if (r < 0)
		return r;
	if (archive_checksum(stored, chunk->stored, 0) != chunk->checksum)
		return -ERR_CHECKSUM;
	if (chunk->compression == ARCHIVE_COMPRESSION_NONE) {
		*ret_cursor = cursor_of(stored, chunk->stored);
		return 0;
	}
	uint8_t *raw = room(&b->raw, chunk->raw);
	if (!b->zstd)
		b->zstd = ZSTD_createDCtx();
	if (!raw || !b->zstd)
		return -ENOMEM;
	size_t got = ZSTD_decompressDCtx(b->zstd, raw, chunk->raw, stored, chunk->stored);
	if (ZSTD_isError(got) || got != chunk->raw)
		return -ERR_MALFORMED;
	*ret_cursor = cursor_of(raw, chunk->raw);
	return 0;
}

int archive_block_addrs(struct archive_block *b)
{
	struct archive_stream *high = &b->columns[0].items, *low = &b->columns[0].lengths;
	struct cursor c;
	if (b->addrs_loaded)
		return 0;
	const struct archive_chunk *chunk = archive_segment_chunk(b->segment, b->number, ARCHIVE_CHUNK_ADDRS);
	if (!chunk)
		return -ERR_MALFORMED;
	int r = read_chunk(b, chunk, &c);
	if (r < 0)
		return r;
	size_t n = cursor_le32(&c);
	if (n == 0 || n > b->rows * ARCHIVE_COLUMNS_MAX)
		return -ERR_MALFORMED;
	r = archive_stream_get(&c, n, high);
	if (r == 0)
		r = archive_stream_get(&c, n, low);
	if (r < 0)
		return r;
	if (RESERVE(b->addrs, b->addrs_cap, n) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		uint64_t h = archive_stream_at(high, i), l = archive_stream_at(low, i);
		store_be32(b->addrs[i].b, (uint32_t)(h >> 32));
		store_be32(b->addrs[i].b + 4, (uint32_t)h);
		store_be32(b->addrs[i].b + 8, (uint32_t)(l >> 32));
		store_be32(b->addrs[i].b + 12, (uint32_t)l);
		/* hunts search this by halves: an order that isn't one would hide addresses */
		if (i && net_addr_compare(b->addrs[i - 1], b->addrs[i]) >= 0)
			return -ERR_MALFORMED;
	}
	b->n_addrs = n;
	b->addrs_loaded = true;
	return 0;
}

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
		r = RESERVE(d->texts, d->texts_cap, distinct);
	if (r < 0)
		return r;
	size_t left = cursor_left(c);
	uint8_t *bytes = room(&d->bytes, left + 1); /* + 1: an empty text has an address too */
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
		r = RESERVE(d->starts, d->starts_cap, n);
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
		r = RESERVE(d->fields, d->fields_cap, total);
	for (size_t i = 0; r == 0 && i < total; i++)
		d->fields[i] = (struct field_value){.field = (enum field)archive_stream_at(&d->items, i),
		    .value = d->texts[archive_stream_at(&numbers, i)]};
	archive_stream_free(&numbers);
	return r;
}

/* Differences to another column, which is decoded first. No column is near to itself by any way
 * (tests/unit/archive). */
static int get_relative(struct archive_block *b, const struct archive_column *column, struct cursor *c,
    struct archive_column_data *d)
{
	const struct archive_column_data *base;
	int r = archive_stream_get(c, b->rows, &d->numbers);
	if (r < 0)
		return r;
	archive_stream_expand(&d->numbers);
	uint64_t *v = d->numbers.v;
	r = archive_block_column(b, column->base, &base);
	for (size_t i = 0; r == 0 && i < b->rows; i++)
		if (v[i])
			v[i] = archive_unzigzag(v[i] - 1) +
			       (base->absent ? 0 : archive_stream_at(&base->numbers, i));
	return r;
}

static int decode_column(struct archive_block *b, const struct archive_column *column, unsigned type,
    struct cursor *c, struct archive_column_data *d)
{
	int r = 0;
	switch ((enum archive_column_type)type) {
	case ARCHIVE_COLUMN_RELATIVE: r = get_relative(b, column, c, d); break;
	case ARCHIVE_COLUMN_UINT:
	case ARCHIVE_COLUMN_REAL:
	case ARCHIVE_COLUMN_MAC: r = archive_stream_get(c, b->rows, &d->numbers); break;
	case ARCHIVE_COLUMN_ADDR:
		r = archive_stream_get(c, b->rows, &d->numbers);
		if (r == 0)
			r = check_below(&d->numbers, b->n_addrs);
		break;
	case ARCHIVE_COLUMN_TEXT: r = get_texts(c, b->rows, d, &d->numbers); break;
	case ARCHIVE_COLUMN_U64S: r = get_u64s(c, b->rows, d); break;
	case ARCHIVE_COLUMN_FIELDS: r = get_fields(c, b->rows, d); break;
	}
	if (r == 0 && cursor_left(c))
		r = -ERR_MALFORMED;
	return r;
}

int archive_block_column(
    struct archive_block *b, unsigned column, const struct archive_column_data **ret_data)
{
	struct archive_column_data *d = &b->columns[column];
	const struct archive_column *type = &b->segment->layout->columns[column];
	if (!d->loaded) {
		const struct archive_chunk *chunk = archive_segment_chunk(b->segment, b->number, column);
		struct cursor c;
		int r = 0;
		d->absent = chunk == NULL;
		bool relative = chunk && chunk->type == ARCHIVE_COLUMN_RELATIVE && type->base;
		if (chunk && chunk->type != type->type && !relative)
			r = -ERR_MALFORMED;
		if (chunk && r == 0 && type->type == ARCHIVE_COLUMN_ADDR)
			r = archive_block_addrs(b);
		if (chunk && r == 0)
			r = read_chunk(b, chunk, &c);
		if (chunk && r == 0)
			r = decode_column(b, type, chunk->type, &c, d);
		if (r < 0)
			return r;
		d->loaded = true;
	}
	*ret_data = d;
	return 0;
}

static void fill_numbers(
    const struct archive_stream *s, const uint32_t *rows, size_t n, uint8_t *to, size_t step, size_t size)
{
#define FILL(type)                                                                                           \
	for (size_t i = 0; i < n; i++, to += step) {                                                         \
		type one = (type)archive_stream_at(s, rows[i]);                                              \
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

static void fill_reals(
    const struct archive_stream *s, const uint32_t *rows, size_t n, uint8_t *to, size_t step)
{
	for (size_t i = 0; i < n; i++, to += step) {
		uint64_t bits = archive_stream_at(s, rows[i]);
		double v;
		memcpy(&v, &bits, sizeof(v));
		if (v != v) /* as msg_get_real does: a NaN would break every comparison after it */
			v = 0;
		memcpy(to, &v, sizeof(v));
	}
}

static void fill_macs(
    const struct archive_stream *s, const uint32_t *rows, size_t n, uint8_t *to, size_t step)
{
	for (size_t i = 0; i < n; i++, to += step) {
		uint64_t v = archive_stream_at(s, rows[i]);
		store_be16(to, (uint16_t)(v >> 32));
		store_be32(to + 2, (uint32_t)v);
	}
}

static void fill_column(
    const struct archive_block *b, unsigned number, const uint32_t *rows, size_t n, uint8_t *to, size_t step)
{
	const struct archive_column *column = &b->segment->layout->columns[number];
	const struct archive_column_data *d = &b->columns[number];
	const struct archive_stream *s = &d->numbers;
	to += column->offset;
	switch (column->type) {
	case ARCHIVE_COLUMN_RELATIVE:
	case ARCHIVE_COLUMN_UINT: fill_numbers(s, rows, n, to, step, column->size); break;
	case ARCHIVE_COLUMN_REAL: fill_reals(s, rows, n, to, step); break;
	case ARCHIVE_COLUMN_MAC: fill_macs(s, rows, n, to, step); break;
	case ARCHIVE_COLUMN_ADDR:
		for (size_t i = 0; i < n; i++, to += step)
			memcpy(to, &b->addrs[archive_stream_at(s, rows[i])], sizeof(struct net_addr));
		break;
	case ARCHIVE_COLUMN_TEXT:
		for (size_t i = 0; i < n; i++, to += step)
			memcpy(to, &d->texts[archive_stream_at(s, rows[i])], sizeof(struct text));
		break;
	case ARCHIVE_COLUMN_U64S:
		for (size_t i = 0; i < n; i++, to += step) {
			struct msg_u64s list = {.n = (uint32_t)archive_stream_at(s, rows[i])};
			list.v = list.n ? d->items.v + d->starts[rows[i]] : NULL;
			memcpy(to, &list, sizeof(list));
		}
		break;
	case ARCHIVE_COLUMN_FIELDS:
		for (size_t i = 0; i < n; i++, to += step) {
			struct msg_fields list = {.n = (uint32_t)archive_stream_at(s, rows[i])};
			list.v = list.n ? d->fields + d->starts[rows[i]] : NULL;
			memcpy(to, &list, sizeof(list));
		}
		break;
	}
}

int archive_block_fill(struct archive_block *b, const uint32_t *rows, size_t n, void *records)
{
	const struct archive_layout *l = b->segment->layout;
	memset(records, 0, n * l->size);
	for (unsigned i = 0; i < l->n_columns; i++) {
		const struct archive_column_data *d;
		int r = archive_block_column(b, i, &d);
		if (r < 0)
			return r;
		if (!d->absent)
			fill_column(b, i, rows, n, records, l->size);
	}
	return 0;
}
