/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A block's bytes: its table, and its chunks one by one, checked and decompressed. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "archive/block_read.h"
#include "archive/checksum.h"
#include "archive/file.h"
#include "archive/segment.h"
#include "archive/varint.h"
#include "base/err.h"

/* Of a block of flows about the chunks of its addresses and names, or of its times. */
enum { WINDOW_BYTES = 12 << 10 };

void archive_block_open(struct archive_block *b, const struct archive_segment *segment,
    struct archive_dictionary_reader *dictionaries, size_t number)
{
	b->segment = segment;
	b->dictionaries = dictionaries;
	b->number = number;
	b->rows = (size_t)segment->blocks[number].span.records;
	b->table_loaded = false;
	b->window.n = 0;
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
	archive_stream_free(&b->picked);
	dynbuf_free(&b->window);
	dynbuf_free(&b->raw);
	ZSTD_freeDCtx(b->zstd);
	*b = (struct archive_block){0};
}

uint8_t *block_room(struct dynbuf *b, size_t n)
{
	dynbuf_reset(b);
	return dynbuf_grow(b, n);
}

/*
 * Bytes of the block's file, good until the next call. Chunks that are wanted together stand together, so
 * some that follow are read along.
 */
static int read_bytes(struct archive_block *b, uint64_t at, size_t n, const uint8_t **ret_bytes)
{
	const struct archive_block_entry *e = &b->segment->blocks[b->number];
	uint64_t end = e->at + e->size;
	if (b->window.n == 0 || at < b->window_at || at + n > b->window_at + b->window.n) {
		size_t more = end - at < WINDOW_BYTES ? (size_t)(end - at) : WINDOW_BYTES;
		uint8_t *to = block_room(&b->window, more > n ? more : n);
		if (!to)
			return -ENOMEM;
		int r = archive_file_read(b->segment->fd, to, b->window.n, at);
		b->window_at = at;
		if (r < 0) {
			b->window.n = 0;
			return r;
		}
	}
	*ret_bytes = b->window.p + (at - b->window_at);
	return 0;
}

/* One entry of the table; *at moves behind the chunk, *left is what the block may still hold. */
static int read_chunk_entry(
    struct archive_block *b, struct cursor *c, uint64_t *at, uint64_t *left, uint64_t *raw)
{
	uint8_t what = cursor_u8(c);
	uint64_t stored = archive_varint_get(c), whole = archive_varint_get(c);
	struct archive_chunk chunk = {.column = what & (ARCHIVE_COLUMNS_MAX - 1),
	    .form = what / ARCHIVE_COLUMNS_MAX,
	    .stored = (uint32_t)stored,
	    .raw = (uint32_t)whole,
	    .checksum = cursor_le32(c),
	    .at = *at};
	*raw += whole ? whole : stored;
	if (!cursor_ok(c) || stored > *left || whole > ARCHIVE_BLOCK_RAW_MAX || *raw > ARCHIVE_BLOCK_RAW_MAX)
		return -ERR_MALFORMED;
	if (b->n_chunks == ARCHIVE_COLUMNS_MAX || b->places[chunk.column])
		return -ERR_MALFORMED;
	*at += stored;
	*left -= stored;
	b->chunks[b->n_chunks++] = chunk;
	b->places[chunk.column] = (uint8_t)b->n_chunks;
	return 0;
}

static int load_table(struct archive_block *b)
{
	const struct archive_block_entry *e = &b->segment->blocks[b->number];
	const uint8_t *bytes = NULL;
	uint64_t at = e->at + e->table, left = e->size - e->table, raw = 0;
	if (b->table_loaded)
		return 0;
	int r = read_bytes(b, e->at, e->table, &bytes);
	if (r < 0)
		return r;
	if (archive_checksum(bytes, e->table, b->segment->seed + e->at) != e->checksum)
		return -ERR_CHECKSUM;
	struct cursor c = cursor_of(bytes, e->table);
	b->n_chunks = 0;
	memset(b->places, 0, sizeof(b->places));
	while (r == 0 && cursor_left(&c))
		r = read_chunk_entry(b, &c, &at, &left, &raw);
	if (r == 0 && left)
		r = -ERR_MALFORMED;
	b->table_loaded = r == 0;
	return r;
}

/* The bytes of a chunk, checked and decompressed: a cursor over them, good until the next call. */
int block_read_chunk(struct archive_block *b, const struct archive_chunk *chunk, struct cursor *ret_cursor)
{
	const uint8_t *stored = NULL;
	int r = read_bytes(b, chunk->at, chunk->stored, &stored);
	if (r < 0)
		return r;
	if ((uint32_t)archive_checksum(stored, chunk->stored, b->segment->seed + chunk->at) !=
	    chunk->checksum)
		return -ERR_CHECKSUM;
	if (chunk->raw == 0) {
		*ret_cursor = cursor_of(stored, chunk->stored);
		return 0;
	}
	uint8_t *raw = block_room(&b->raw, chunk->raw);
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

int archive_block_verify(struct archive_block *b)
{
	struct cursor c;
	int r = load_table(b);
	for (size_t i = 0; r == 0 && i < b->n_chunks; i++)
		r = block_read_chunk(b, &b->chunks[i], &c);
	return r;
}

/* What a chunk that is near to another column begins with. */
bool block_get_near(struct cursor *c, struct archive_near *ret_by)
{
	uint64_t origin = archive_varint_get(c), step = archive_varint_get(c);
	*ret_by = (struct archive_near){.origin = archive_unzigzag(origin), .step = archive_unzigzag(step)};
	return cursor_ok(c);
}

static bool form_is_known(const struct archive_layout *l, unsigned number, unsigned form)
{
	const struct archive_column *column = &l->columns[number];
	switch ((enum archive_chunk_form)form) {
	case ARCHIVE_CHUNK_PLAIN: return true;
	case ARCHIVE_CHUNK_NEAR: return column->base || column->companion;
	case ARCHIVE_CHUNK_TUPLES: return column->leader && column->leader == number;
	case ARCHIVE_CHUNK_BY_TUPLE: return column->leader && column->leader != number;
	case ARCHIVE_CHUNK_FORMS: break;
	}
	return false;
}

/* Whether what comes first in the chunk tells how its numbers are near to another column's. */
bool block_has_near(const struct archive_column *column, unsigned form)
{
	return column->base && form != ARCHIVE_CHUNK_PLAIN;
}

/* The chunk of a column, NULL where the column is zero throughout. */
int block_find_chunk(struct archive_block *b, unsigned column, const struct archive_chunk **ret_chunk)
{
	int r = load_table(b);
	if (r < 0)
		return r;
	const struct archive_chunk *chunk = b->places[column] ? &b->chunks[b->places[column] - 1] : NULL;
	if (chunk && !form_is_known(b->segment->is.layout, column, chunk->form))
		return -ERR_UNSUPPORTED;
	*ret_chunk = chunk;
	return 0;
}
