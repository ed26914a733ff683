/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/block.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "archive/checksum.h"
#include "base/err.h"

/* Level 1: the planes leave little to search for, and level 3 was measured to win 3 % for twice the time. */
enum { ZSTD_LEVEL = 1, COMPRESS_MIN = 64 };

struct addr_key {
	uint64_t high, low;
	uint32_t number; /* as interned */
};

struct archive_encoder {
	uint64_t seed;
	ZSTD_CCtx *zstd;
	struct archive_intern texts, addrs;
	struct dynbuf raw;
	uint64_t *v;
	struct text *items;
	size_t v_cap, items_cap;
	uint32_t *addr_numbers; /* by address column and row, then by interned number its place once sorted */
	size_t addr_numbers_cap;
	struct addr_key *keys;
	size_t keys_cap;
};

/* The block being made. */
struct block_out {
	struct archive_encoder *e;
	const struct archive_layout *layout;
	const uint8_t *records;
	size_t n;
	struct dynbuf *out, *directory;
	uint16_t chunks;
};

int archive_encoder_new(struct archive_encoder **ret_encoder, uint64_t seed)
{
	struct archive_encoder *e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->seed = e->texts.seed = e->addrs.seed = seed;
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
	archive_intern_free(&e->addrs);
	dynbuf_free(&e->raw);
	free(e->v);
	free(e->items);
	free(e->addr_numbers);
	free(e->keys);
	free(e);
}

static int scratch(void **p, size_t *cap, size_t n, size_t size)
{
	if (n <= *cap)
		return 0;
	void *grown = reallocarray(*p, n, size);
	if (!grown)
		return -ENOMEM;
	*p = grown;
	*cap = n;
	return 0;
}

#define SCRATCH(p, cap, n) scratch((void **)&(p), &(cap), n, sizeof(*(p)))

static const uint8_t *cell(const struct block_out *b, const struct archive_column *column, size_t row)
{
	return b->records + row * b->layout->size + column->offset;
}

/* Closes the chunk whose raw bytes stand in e->raw: compressed if that saves an eighth. */
static int put_chunk(struct block_out *b, unsigned column, unsigned type)
{
	struct archive_encoder *e = b->e;
	size_t raw = e->raw.n, at = b->out->n, stored = raw;
	unsigned compression = ARCHIVE_COMPRESSION_NONE;
	if (e->raw.error)
		return e->raw.error;
	uint8_t *to = dynbuf_grow(b->out, ZSTD_compressBound(raw));
	if (!to)
		return b->out->error;
	if (raw >= COMPRESS_MIN) {
		size_t got = ZSTD_compressCCtx(
		    e->zstd, to, ZSTD_compressBound(raw), e->raw.p, raw, ZSTD_LEVEL);
		if (!ZSTD_isError(got) && got < raw - raw / 8) {
			stored = got;
			compression = ARCHIVE_COMPRESSION_ZSTD;
		}
	}
	if (compression == ARCHIVE_COMPRESSION_NONE)
		memcpy(to, e->raw.p, raw);
	b->out->n = at + stored;
	dynbuf_le16(b->directory, (uint16_t)column);
	dynbuf_u8(b->directory, (uint8_t)type);
	dynbuf_u8(b->directory, (uint8_t)compression);
	dynbuf_le32(b->directory, (uint32_t)stored);
	dynbuf_le32(b->directory, (uint32_t)raw);
	dynbuf_le64(b->directory, archive_checksum(to, stored, 0));
	b->chunks++;
	dynbuf_reset(&e->raw);
	return b->directory->error;
}

/* Values of a column of numbers, into e->v. Gives whether any isn't zero. */
static bool gather_numbers(struct block_out *b, const struct archive_column *column)
{
	uint64_t *v = b->e->v, any = 0;
	size_t step = b->layout->size;
	const uint8_t *p = cell(b, column, 0);
#define GATHER(type)                                                                                         \
	for (size_t i = 0; i < b->n; i++, p += step) {                                                       \
		type one;                                                                                    \
		memcpy(&one, p, sizeof(one));                                                                \
		any |= v[i] = one;                                                                           \
	}
	switch (column->size) {
	case 1: GATHER(uint8_t); break;
	case 2: GATHER(uint16_t); break;
	case 4: GATHER(uint32_t); break;
	case 8: GATHER(uint64_t); break;
	default: break;
	}
#undef GATHER
	return any != 0;
}

/*
 * Turns e->v into differences to the column that this one is near to: 0 stays 0 (never, none), else the
 * zigzag difference plus one. False where a difference is too large for that: the column is then stored as it
 * is.
 */
static bool make_relative(struct block_out *b, const struct archive_column *column)
{
	const struct archive_column *base = &b->layout->columns[column->base];
	uint64_t *v = b->e->v, near;
	for (size_t i = 0; i < b->n; i++) {
		memcpy(&near, cell(b, base, i), sizeof(near));
		if (v[i] && archive_zigzag(near, v[i]) == UINT64_MAX)
			return false;
	}
	for (size_t i = 0; i < b->n; i++) {
		memcpy(&near, cell(b, base, i), sizeof(near));
		v[i] = v[i] ? archive_zigzag(near, v[i]) + 1 : 0;
	}
	return true;
}

static bool gather_macs(struct block_out *b, const struct archive_column *column)
{
	uint64_t *v = b->e->v, any = 0;
	for (size_t i = 0; i < b->n; i++) {
		const uint8_t *p = cell(b, column, i);
		any |= v[i] = (uint64_t)load_be16(p) << 32 | load_be32(p + 2);
	}
	return any != 0;
}

static int addr_key_compare(const void *a, const void *b)
{
	const struct addr_key *x = a, *y = b;
	if (x->high != y->high)
		return x->high < y->high ? -1 : 1;
	return (x->low > y->low) - (x->low < y->low);
}

/* Interned addresses in ascending order: the dictionary's chunk, and by interned number each one's place in
 * it. */
static int put_addrs(struct block_out *b, uint32_t *places)
{
	struct archive_encoder *e = b->e;
	size_t n = e->addrs.n;
	if (SCRATCH(e->keys, e->keys_cap, n) < 0 || SCRATCH(e->v, e->v_cap, n) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const uint8_t *p = (const uint8_t *)e->addrs.texts[i].p;
		e->keys[i] = (struct addr_key){
		    .high = load_be64(p), .low = load_be64(p + 8), .number = (uint32_t)i};
	}
	qsort(e->keys, n, sizeof(*e->keys), addr_key_compare);
	dynbuf_le32(&e->raw, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		places[e->keys[i].number] = (uint32_t)i;
		e->v[i] = e->keys[i].high;
	}
	archive_stream_put(&e->raw, e->v, n, e->seed);
	for (size_t i = 0; i < n; i++)
		e->v[i] = e->keys[i].low;
	archive_stream_put(&e->raw, e->v, n, e->seed);
	return put_chunk(b, ARCHIVE_CHUNK_ADDRS, ARCHIVE_COLUMN_ADDR);
}

/* All columns of addresses at once, for they share the dictionary. */
static int put_addr_columns(struct block_out *b)
{
	struct archive_encoder *e = b->e;
	const struct archive_layout *l = b->layout;
	size_t columns = 0, at = 0;
	for (size_t i = 0; i < l->n_columns; i++)
		columns += l->columns[i].type == ARCHIVE_COLUMN_ADDR;
	if (columns == 0)
		return 0;
	size_t cells = columns * b->n;
	if (archive_intern_reset(&e->addrs, cells) < 0 ||
	    SCRATCH(e->addr_numbers, e->addr_numbers_cap, cells * 2) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < l->n_columns; i++)
		for (size_t row = 0; l->columns[i].type == ARCHIVE_COLUMN_ADDR && row < b->n; row++)
			e->addr_numbers[at++] = archive_intern_put(
			    &e->addrs, text_bytes(cell(b, &l->columns[i], row), 16));
	uint32_t *places = e->addr_numbers + cells;
	int r = put_addrs(b, places);
	at = 0;
	for (size_t i = 0; r == 0 && i < l->n_columns; i++) {
		if (l->columns[i].type != ARCHIVE_COLUMN_ADDR)
			continue;
		if (SCRATCH(e->v, e->v_cap, b->n) < 0)
			return -ENOMEM;
		for (size_t row = 0; row < b->n; row++)
			e->v[row] = places[e->addr_numbers[at++]];
		archive_stream_put(&e->raw, e->v, b->n, e->seed);
		r = put_chunk(b, (unsigned)i, ARCHIVE_COLUMN_ADDR);
	}
	return r;
}

/* n texts, one at each `step` bytes: for each its number among the distinct ones, then those: their lengths,
 * their bytes. */
static int put_texts(struct block_out *b, const uint8_t *p, size_t step, size_t n)
{
	struct archive_encoder *e = b->e;
	struct text t;
	if (archive_intern_reset(&e->texts, n) < 0 || SCRATCH(e->v, e->v_cap, n) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		memcpy(&t, p + i * step, sizeof(t));
		e->v[i] = archive_intern_put(&e->texts, t);
	}
	dynbuf_le32(&e->raw, (uint32_t)e->texts.n);
	archive_stream_put(&e->raw, e->v, n, e->seed);
	for (size_t i = 0; i < e->texts.n; i++)
		e->v[i] = e->texts.texts[i].n;
	archive_stream_put(&e->raw, e->v, e->texts.n, e->seed);
	for (size_t i = 0; i < e->texts.n; i++)
		dynbuf_text(&e->raw, e->texts.texts[i]);
	return e->raw.error;
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
	int r = put_texts(b, cell(b, column, 0), b->layout->size, b->n);
	return r < 0 ? r : put_chunk(b, number, ARCHIVE_COLUMN_TEXT);
}

/* The rows' counts, and their sum. */
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
	archive_stream_put(&e->raw, e->v, b->n, e->seed);
	if (SCRATCH(e->v, e->v_cap, total) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < b->n; i++) {
		struct msg_u64s list;
		memcpy(&list, cell(b, column, i), sizeof(list));
		if (list.n)
			memcpy(e->v + at, list.v, list.n * sizeof(*e->v));
		at += list.n;
	}
	archive_stream_put(&e->raw, e->v, total, e->seed);
	return put_chunk(b, number, ARCHIVE_COLUMN_U64S);
}

static int put_fields_column(struct block_out *b, unsigned number, const struct archive_column *column)
{
	struct archive_encoder *e = b->e;
	size_t total = gather_counts(b, column), at = 0;
	if (total == 0)
		return 0;
	if (total > ARCHIVE_BLOCK_ITEMS)
		return -ERR_LIMIT;
	archive_stream_put(&e->raw, e->v, b->n, e->seed);
	if (SCRATCH(e->v, e->v_cap, total) < 0 || SCRATCH(e->items, e->items_cap, total) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < b->n; i++) {
		struct msg_fields list;
		memcpy(&list, cell(b, column, i), sizeof(list));
		for (uint32_t k = 0; k < list.n; k++, at++) {
			e->v[at] = list.v[k].field;
			e->items[at] = list.v[k].value;
		}
	}
	archive_stream_put(&e->raw, e->v, total, e->seed);
	int r = put_texts(b, (const uint8_t *)e->items, sizeof(*e->items), total);
	return r < 0 ? r : put_chunk(b, number, ARCHIVE_COLUMN_FIELDS);
}

static int put_column(struct block_out *b, unsigned number)
{
	const struct archive_column *column = &b->layout->columns[number];
	bool any = false;
	switch (column->type) {
	case ARCHIVE_COLUMN_ADDR: return 0; /* put_addr_columns did them */
	case ARCHIVE_COLUMN_TEXT: return put_text_column(b, number, column);
	case ARCHIVE_COLUMN_U64S: return put_u64s_column(b, number, column);
	case ARCHIVE_COLUMN_FIELDS: return put_fields_column(b, number, column);
	case ARCHIVE_COLUMN_RELATIVE:
	case ARCHIVE_COLUMN_UINT:
	case ARCHIVE_COLUMN_REAL: any = gather_numbers(b, column); break;
	case ARCHIVE_COLUMN_MAC: any = gather_macs(b, column); break;
	}
	if (!any)
		return 0;
	unsigned type = column->base && make_relative(b, column) ? ARCHIVE_COLUMN_RELATIVE : column->type;
	archive_stream_put(&b->e->raw, b->e->v, b->n, b->e->seed);
	return put_chunk(b, number, type);
}

/* Appends the block's entry, whose count of chunks is filled in last. */
static size_t begin_entry(struct block_out *b)
{
	struct archive_span s = {0};
	for (size_t i = 0; i < b->n; i++)
		archive_span_add(&s, b->layout, b->records + i * b->layout->size);
	size_t at = b->directory->n;
	dynbuf_le32(b->directory, (uint32_t)s.records);
	dynbuf_le32(b->directory, (uint32_t)s.untimed);
	dynbuf_le64(b->directory, s.id_min);
	dynbuf_le64(b->directory, s.id_max);
	dynbuf_le64(b->directory, (uint64_t)s.first);
	dynbuf_le64(b->directory, (uint64_t)s.last);
	dynbuf_le16(b->directory, 0);
	return at;
}

int archive_block_encode(struct archive_encoder *e, const struct archive_layout *layout, const void *records,
    size_t n, struct dynbuf *out, struct dynbuf *directory)
{
	struct block_out b = {
	    .e = e, .layout = layout, .records = records, .n = n, .out = out, .directory = directory};
	dynbuf_reset(&e->raw);
	if (n == 0 || n > ARCHIVE_BLOCK_ROWS)
		return -ERR_LIMIT;
	if (SCRATCH(e->v, e->v_cap, n) < 0)
		return -ENOMEM;
	size_t at = begin_entry(&b);
	int r = put_addr_columns(&b);
	for (unsigned i = 0; r == 0 && i < layout->n_columns; i++)
		r = put_column(&b, i);
	if (r < 0)
		return r;
	if (directory->error)
		return directory->error;
	store_le16(directory->p + at + ARCHIVE_BLOCK_ENTRY_SIZE - 2, b.chunks);
	return 0;
}
