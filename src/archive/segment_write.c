/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/segment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive/segment_form.h"
#include "base/err.h"
#include "base/vec.h"

enum { COLLECT_BATCH = 64 };

int archive_segment_writer_new(
    struct archive_segment_writer **ret_writer, const struct archive_layout *layout, uint64_t seed)
{
	struct archive_segment_writer *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->layout = layout;
	for (unsigned d = 1; d < ARCHIVE_DICTIONARIES; d++)
		archive_collected_init(&w->collected[d], (enum archive_dictionary)d, seed);
	for (unsigned i = 0; i < layout->n_columns; i++) {
		if (layout->columns[i].dictionary)
			w->numbered[w->n_numbered++].column = (uint8_t)i;
		if (!archive_column_is_number(&layout->columns[i]) &&
		    layout->columns[i].type != ARCHIVE_COLUMN_ADDR)
			w->borrowing[w->n_borrowing++] = (uint8_t)i;
		if (layout->columns[i].companion)
			w->companion_columns[w->n_companions++] = (uint8_t)i;
	}
	w->staged = reallocarray(NULL, ARCHIVE_BLOCK_ROWS, layout->size);
	int r = w->staged ? archive_encoder_new(&w->encoder, seed) : -ENOMEM;
	if (r < 0) {
		archive_segment_writer_free(w);
		return r;
	}
	*ret_writer = w;
	return 0;
}

void archive_segment_writer_free(struct archive_segment_writer *w)
{
	if (!w)
		return;
	for (unsigned d = 1; d < ARCHIVE_DICTIONARIES; d++)
		archive_collected_free(&w->collected[d]);
	for (unsigned i = 0; i < w->n_numbered; i++)
		free(w->numbered[i].numbers);
	for (unsigned i = 0; i < w->n_companions; i++)
		archive_companions_free(&w->companions[i]);
	archive_chunks_free(&w->chunks);
	archive_encoder_free(w->encoder);
	arena_free(&w->arena);
	free(w->staged);
	free(w->blocks);
	free(w->runs);
	free(w);
}

void archive_segment_writer_reset(struct archive_segment_writer *w)
{
	for (unsigned d = 1; d < ARCHIVE_DICTIONARIES; d++)
		archive_collected_reset(&w->collected[d]);
	for (unsigned i = 0; i < w->n_companions; i++)
		archive_companions_reset(&w->companions[i]);
	dynbuf_reset(&w->chunks.bytes);
	arena_reset(&w->arena);
	w->chunks.n = w->n_blocks = w->n_runs = w->n_staged = 0;
	w->rows = w->staged_bytes = 0;
	w->run = (struct archive_span){0};
	w->block = (struct writer_block){0};
}

/* Room for a row's numbers. */
static int reserve_numbers(struct archive_segment_writer *w)
{
	for (unsigned i = 0; i < w->n_numbered; i++) {
		struct writer_numbers *n = &w->numbered[i];
		if (w->rows < n->cap)
			continue;
		int r = VEC_RESERVE(n->numbers, &n->cap, w->rows, ARCHIVE_SEGMENT_ROWS_MAX);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Texts and lists are borrowed by the record: the staged one gets copies of its own. */
static int copy_text(struct archive_segment_writer *w, struct text *t)
{
	if (t->n == 0)
		return 0;
	char *to = arena_alloc(&w->arena, t->n);
	if (!to)
		return -ENOMEM;
	memcpy(to, t->p, t->n);
	t->p = to;
	return 0;
}

static int copy_u64s(struct archive_segment_writer *w, struct msg_u64s *list)
{
	if (list->n == 0)
		return 0;
	uint64_t *to = arena_array(&w->arena, list->n, sizeof(*to));
	if (!to)
		return -ENOMEM;
	memcpy(to, list->v, list->n * sizeof(*to));
	list->v = to;
	return 0;
}

/* The values stand behind the list. */
static int copy_fields(struct archive_segment_writer *w, struct msg_fields *list)
{
	size_t size = list->n * sizeof(*list->v);
	if (list->n == 0)
		return 0;
	for (uint32_t i = 0; i < list->n; i++)
		size += list->v[i].value.n;
	struct field_value *to = arena_alloc(&w->arena, size);
	if (!to)
		return -ENOMEM;
	char *bytes = (char *)(to + list->n);
	for (uint32_t i = 0; i < list->n; i++) {
		struct text value = list->v[i].value;
		to[i] = (struct field_value){.field = list->v[i].field, .value = {.p = bytes, .n = value.n}};
		if (value.n)
			memcpy(bytes, value.p, value.n);
		bytes += value.n;
	}
	list->v = to;
	return 0;
}

static int copy_member(struct archive_segment_writer *w, const struct archive_column *column, uint8_t *record)
{
	void *at = record + column->offset;
	switch (column->type) {
	case ARCHIVE_COLUMN_TEXT: return copy_text(w, at);
	case ARCHIVE_COLUMN_U64S: return copy_u64s(w, at);
	case ARCHIVE_COLUMN_FIELDS: return copy_fields(w, at);
	case ARCHIVE_COLUMN_UINT:
	case ARCHIVE_COLUMN_REAL:
	case ARCHIVE_COLUMN_ADDR:
	case ARCHIVE_COLUMN_MAC: break;
	}
	return 0;
}

static const uint8_t *staged_cell(
    const struct archive_segment_writer *w, const struct archive_column *column, size_t row)
{
	return w->staged + row * w->layout->size + column->offset;
}

/* What comes again from row to row, as an absent name or a scanner's address, is looked up once. */
static int collect_column(struct archive_segment_writer *w, const struct writer_numbers *n)
{
	const struct archive_column *column = &w->layout->columns[n->column];
	struct text texts[ARCHIVE_BLOCK_ROWS];
	uint32_t *numbers = n->numbers + (w->rows - w->n_staged), found[ARCHIVE_BLOCK_ROWS];
	size_t n_texts = 0;
	for (size_t i = 0; i < w->n_staged; i++) {
		const uint8_t *cell = staged_cell(w, column, i);
		struct text t = text_bytes(cell, sizeof(struct net_addr));
		if (column->type == ARCHIVE_COLUMN_TEXT)
			memcpy(&t, cell, sizeof(t));
		if (n_texts == 0 || !text_equal(t, texts[n_texts - 1]))
			texts[n_texts++] = t;
		numbers[i] = (uint32_t)n_texts - 1;
	}
	int r = archive_collected_put(&w->collected[column->dictionary], texts, n_texts, found);
	for (size_t i = 0; r == 0 && i < w->n_staged; i++)
		numbers[i] = found[numbers[i]];
	return r;
}

/* What a column says that goes with an address. */
static int collect_companion(struct archive_segment_writer *w, unsigned place)
{
	const struct archive_column *column = &w->layout->columns[w->companion_columns[place]];
	uint64_t values[ARCHIVE_BLOCK_ROWS];
	unsigned address = 0;
	while (w->numbered[address].column != column->companion)
		address++;
	(void)archive_numbers_of(column, w->staged, w->layout->size, w->n_staged, values);
	return archive_companions_put(&w->companions[place],
	    w->numbered[address].numbers + (w->rows - w->n_staged), values, w->n_staged, w->codes[place]);
}

/* Values on their way into a dictionary: many at a time, for each look-up waits for memory. */
struct batch {
	struct text texts[COLLECT_BATCH];
	uint64_t hashes[COLLECT_BATCH];
	size_t n;
};

static int collect_batch(struct archive_collected *c, struct batch *b)
{
	uint32_t ignored[COLLECT_BATCH];
	size_t n = b->n;
	b->n = 0;
	return archive_collected_put_hashed(c, b->texts, b->hashes, n, ignored);
}

static int collect_value(struct archive_segment_writer *w, struct batch *b, enum archive_dictionary into,
    struct text value, uint64_t hash)
{
	if (value.n == 0 || (into == ARCHIVE_DICTIONARY_ADDRS && value.n != sizeof(struct net_addr)))
		return 0;
	b->texts[b->n] = value;
	b->hashes[b->n++] = hash;
	return b->n == COLLECT_BATCH ? collect_batch(&w->collected[into], b) : 0;
}

/* What hunts find transactions by, of the block that was just encoded: each value once, with the hash that it
 * was found again by there. */
static int collect_values(struct archive_segment_writer *w)
{
	const struct archive_block_values values = archive_block_values(w->encoder);
	struct batch batch;
	int r = 0;
	for (unsigned d = 1; r == 0 && d < ARCHIVE_DICTIONARIES; d++) {
		batch.n = 0;
		for (size_t i = 0; r == 0 && i < values.n; i++)
			if (values.into[i] >> d & 1)
				r = collect_value(
				    w, &batch, (enum archive_dictionary)d, values.texts[i], values.hashes[i]);
		if (r == 0)
			r = collect_batch(&w->collected[d], &batch);
	}
	return r;
}

/* What the staged records hold, but for values of fields. It may be done again. */
static int collect(struct archive_segment_writer *w)
{
	int r = 0;
	for (unsigned i = 0; r == 0 && i < w->n_numbered; i++)
		r = collect_column(w, &w->numbered[i]);
	for (unsigned i = 0; r == 0 && i < w->n_companions; i++)
		r = collect_companion(w, i);
	return r;
}

/* What the tables say of the block that is being filled, and of the run. */
static void note(struct archive_segment_writer *w, const uint8_t *record)
{
	const struct archive_span one = archive_span_of(w->layout, record);
	uint64_t reference = 0;
	archive_span_merge(&w->block.span, &one);
	archive_span_merge(&w->run, &one);
	if (w->layout->reference)
		memcpy(
		    &reference, record + w->layout->columns[w->layout->reference].offset, sizeof(reference));
	if (w->block.span.records == 1 || reference < w->block.reference_min)
		w->block.reference_min = reference;
	if (reference > w->block.reference_max)
		w->block.reference_max = reference;
}

/* Encodes the staged records as the next block. On an error they stay staged. */
int writer_encode_block(struct archive_segment_writer *w)
{
	size_t chunks = w->chunks.n, bytes = w->chunks.bytes.n;
	int r = VEC_RESERVE(w->blocks, &w->cap_blocks, w->n_blocks, ARCHIVE_SEGMENT_BLOCKS_MAX);
	if (r == 0)
		r = collect(w);
	if (r == 0)
		r = archive_block_encode(w->encoder, w->layout, w->staged, w->n_staged, w->codes, &w->chunks);
	if (r == 0)
		r = collect_values(w);
	if (r < 0) {
		w->chunks.n = chunks;
		w->chunks.bytes.n = bytes;
		w->chunks.bytes.error = 0;
		return r;
	}
	w->block.first_chunk = chunks;
	w->block.n_chunks = w->chunks.n - chunks;
	w->block.first_row = w->rows - w->n_staged;
	w->blocks[w->n_blocks] = w->block;
	return 0;
}

static int close_block(struct archive_segment_writer *w)
{
	int r = 0;
	/* room in all three first: a block ends in all or in none */
	for (unsigned d = 1; r == 0 && d < ARCHIVE_DICTIONARIES; d++)
		r = VEC_RESERVE(w->collected[d].blocks, &w->collected[d].cap_blocks, w->collected[d].n_blocks,
		    ARCHIVE_SEGMENT_BLOCKS_MAX);
	if (r == 0)
		r = writer_encode_block(w);
	if (r < 0)
		return r;
	for (unsigned d = 1; d < ARCHIVE_DICTIONARIES; d++)
		(void)archive_collected_end_block(&w->collected[d]);
	w->n_blocks++;
	w->n_staged = 0;
	w->staged_bytes = 0;
	w->block = (struct writer_block){0};
	arena_reset(&w->arena);
	return 0;
}

int archive_segment_writer_add(struct archive_segment_writer *w, const void *record, size_t encoded)
{
	uint8_t *staged = w->staged + w->n_staged * w->layout->size;
	int r = 0;
	if (w->n_staged == ARCHIVE_BLOCK_ROWS ||
	    (w->n_staged && w->staged_bytes + encoded > ARCHIVE_BLOCK_BYTES)) {
		r = close_block(w);
		staged = w->staged;
	}
	if (r == 0)
		r = reserve_numbers(w);
	if (r < 0)
		return r;
	memcpy(staged, record, w->layout->size);
	for (unsigned i = 0; r == 0 && i < w->n_borrowing; i++)
		r = copy_member(w, &w->layout->columns[w->borrowing[i]], staged);
	if (r < 0)
		return r;
	note(w, staged);
	w->n_staged++;
	w->staged_bytes += encoded;
	w->rows++;
	return 0;
}

int archive_segment_writer_end_run(struct archive_segment_writer *w)
{
	int r = VEC_RESERVE(w->runs, &w->cap_runs, w->n_runs, ARCHIVE_SEGMENT_RUNS_MAX);
	if (r < 0 || w->run.records == 0)
		return r;
	w->runs[w->n_runs++] = w->run;
	w->run = (struct archive_span){0};
	return 0;
}
