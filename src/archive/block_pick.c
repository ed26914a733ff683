/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Some rows of a column, without decoding the others. */

#include <string.h>

#include "archive/block_read.h"
#include "archive/segment.h"
#include "archive/varint.h"
#include "base/err.h"

/* The tuples of some rows, and how many tuples there are. */
static int pick_tuples(struct archive_block *b, unsigned leader, const uint32_t *rows, size_t n,
    uint64_t *into, size_t *ret_n_tuples)
{
	const struct archive_column_data *d = &b->columns[leader];
	const struct archive_chunk *chunk = NULL;
	struct cursor c;
	if (d->loaded && !d->absent && d->n_tuples) {
		for (size_t i = 0; i < n; i++)
			into[i] = archive_stream_at(&d->items, rows[i]);
		*ret_n_tuples = d->n_tuples;
		return 0;
	}
	int r = block_find_chunk(b, leader, &chunk);
	if (r == 0 && (!chunk || chunk->form != ARCHIVE_CHUNK_TUPLES))
		r = -ERR_MALFORMED;
	if (r == 0)
		r = block_read_chunk(b, chunk, &c);
	if (r != 0)
		return r;
	uint64_t n_tuples = archive_varint_get(&c);
	r = n_tuples == 0 || n_tuples > b->rows ? -ERR_MALFORMED
	                                        : archive_stream_pick(&c, b->rows, rows, n, &b->picked);
	for (size_t i = 0; r == 0 && i < n; i++) {
		into[i] = archive_stream_at(&b->picked, i);
		if (into[i] >= n_tuples)
			r = -ERR_MALFORMED;
	}
	if (r == 0)
		*ret_n_tuples = (size_t)n_tuples;
	return r;
}

/* Passes over the tuples that a leader's own values stand behind. */
static int skip_tuples(struct archive_block *b, struct cursor *c)
{
	(void)archive_varint_get(c);
	return archive_stream_pick(c, b->rows, NULL, 0, &b->picked);
}

/* Numbers as the chunk holds them. `into` holds the rows' tuples where the column's values are by tuple. */
static int pick_numbers(struct archive_block *b, struct cursor *c, size_t n_tuples, const uint32_t *rows,
    size_t n, uint64_t *into)
{
	struct archive_stream *s = &b->picked;
	int r = n_tuples ? archive_stream_get(c, n_tuples, s) : archive_stream_pick(c, b->rows, rows, n, s);
	if (r == 0 && cursor_left(c))
		r = -ERR_MALFORMED;
	for (size_t i = 0; r == 0 && i < n; i++)
		into[i] = archive_stream_at(s, n_tuples ? (size_t)into[i] : i);
	return r;
}

static int pick_chunk(struct archive_block *b, unsigned number, const struct archive_chunk *chunk,
    const uint32_t *rows, size_t n, uint64_t *into)
{
	const struct archive_column *column = &b->segment->is.layout->columns[number];
	bool near = block_has_near(column, chunk->form),
	     tuples = chunk->form == ARCHIVE_CHUNK_TUPLES || chunk->form == ARCHIVE_CHUNK_BY_TUPLE;
	struct archive_near by;
	struct cursor c;
	size_t n_tuples = 0;
	int r = tuples ? pick_tuples(b, column->leader, rows, n, into, &n_tuples) : 0;
	if (r == 0)
		r = block_read_chunk(b, chunk, &c);
	if (r == 0 && chunk->form == ARCHIVE_CHUNK_TUPLES)
		r = skip_tuples(b, &c);
	if (r == 0 && near && !block_get_near(&c, &by))
		r = -ERR_MALFORMED;
	if (r == 0)
		r = pick_numbers(b, &c, n_tuples, rows, n, into);
	for (size_t i = 0; r == 0 && column->dictionary && i < n; i++)
		if (into[i] >= b->segment->trailer.entries[column->dictionary])
			r = -ERR_MALFORMED;
	if (r == 0 && near) {
		uint64_t values[ARCHIVE_BLOCK_ROWS];
		r = archive_block_pick(b, column->base, rows, n, values);
		if (r == 0)
			archive_near_resolve(by, values, into, n);
	}
	return r;
}

int archive_block_pick(
    struct archive_block *b, unsigned column, const uint32_t *rows, size_t n, uint64_t *into)
{
	const struct archive_column_data *d = &b->columns[column];
	const struct archive_chunk *chunk = NULL;
	int r = d->loaded ? 0 : block_find_chunk(b, column, &chunk);
	/* what goes with an address has no shorter way */
	if (r == 0 && chunk && chunk->form == ARCHIVE_CHUNK_COMPANION &&
	    b->segment->is.layout->columns[column].companion)
		r = archive_block_column(b, column, &d);
	if (r < 0)
		return r;
	if (d->loaded) {
		for (size_t i = 0; i < n; i++)
			into[i] = d->absent ? 0 : archive_stream_at(&d->numbers, rows[i]);
		return 0;
	}
	if (!chunk) {
		memset(into, 0, n * sizeof(*into));
		return 0;
	}
	return pick_chunk(b, column, chunk, rows, n, into);
}

/* Decodes a column's values of all tuples into b->picked. */
static int get_tuples(
    struct archive_block *b, unsigned leader, const struct archive_chunk *chunk, size_t *ret_n)
{
	struct cursor c = {0};
	int r = pick_tuples(b, leader, NULL, 0, NULL, ret_n);
	if (r == 0)
		r = block_read_chunk(b, chunk, &c);
	if (r == 0)
		r = archive_stream_get(&c, *ret_n, &b->picked);
	return r == 0 && cursor_left(&c) ? -ERR_MALFORMED : r;
}

int archive_block_any(struct archive_block *b, unsigned column, uint64_t mask, bool *ret_any)
{
	const struct archive_column *of = &b->segment->is.layout->columns[column];
	const struct archive_column_data *d = &b->columns[column];
	const struct archive_chunk *chunk = NULL;
	uint64_t bits = 0;
	int r = d->loaded ? 0 : block_find_chunk(b, column, &chunk);
	if (r == 0 && chunk && chunk->form == ARCHIVE_CHUNK_BY_TUPLE && !of->base) {
		size_t n = 0;
		r = get_tuples(b, of->leader, chunk, &n);
		for (size_t i = 0; r == 0 && i < n; i++)
			bits |= archive_stream_at(&b->picked, i);
	} else if (r == 0 && (d->loaded || chunk)) {
		r = archive_block_column(b, column, &d);
		for (size_t i = 0; r == 0 && !d->absent && i < b->rows; i++)
			bits |= archive_stream_at(&d->numbers, i);
	}
	if (r == 0)
		*ret_any = bits & mask;
	return r;
}
