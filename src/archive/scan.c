/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/scan.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cursor.h"

int archive_scan_begin(struct archive_scan *s)
{
	archive_reader_init(&s->reader);
	s->entry = SIZE_MAX;
	s->batch = calloc(ARCHIVE_SCAN_BATCH, s->k->layout->size);
	return s->batch ? 0 : -ENOMEM;
}

void archive_scan_end(struct archive_scan *s)
{
	archive_reader_free(&s->reader);
	archive_lookup_free(&s->lookup);
	free(s->batch);
}

static uint64_t columns_of(const struct archive_scan *s)
{
	return s->query->columns ? s->query->columns : UINT64_MAX;
}

static int give(struct archive_scan *s, const void *record)
{
	int r = s->each(s->context, record);
	s->stopped = r != 0;
	return r;
}

/* Of the rows at `rows` those that the hint picks: their records, filled as far as it asked, are looked at
 * one by one. */
static int pick(struct archive_scan *s, uint32_t *rows, size_t *n)
{
	const struct archive_hints *h = s->query->filter.hints;
	size_t kept = 0;
	int r = archive_block_fill(&s->reader.block, rows, *n, h->pick_columns, s->batch);
	const struct msg_flow *f = s->batch;
	for (size_t i = 0; r == 0 && i < *n; i++) {
		rows[kept] = rows[i];
		kept += h->pick(s->hint_context, &f[i], s->lookup.common[rows[i]]);
	}
	*n = kept;
	return r;
}

static int give_batch(struct archive_scan *s, uint32_t *rows, size_t n)
{
	const struct archive_hints *h = s->query->filter.hints;
	int r = h && h->pick ? pick(s, rows, &n) : 0;
	if (r == 0 && n)
		r = archive_block_fill(&s->reader.block, rows, n, columns_of(s), s->batch);
	const uint8_t *record = s->batch;
	for (size_t i = 0; r == 0 && i < n; i++, record += s->k->layout->size)
		r = give(s, record);
	return r;
}

static int give_rows(struct archive_scan *s, size_t n)
{
	const struct archive_hints *h = s->query->filter.hints;
	int r = 0;
	/* of many rows columns are decoded once, of few just what these rows need */
	if (n > ARCHIVE_SCAN_BATCH)
		r = archive_block_load(&s->reader.block, h && h->pick ? h->pick_columns : columns_of(s));
	for (size_t at = 0; r == 0 && at < n; at += ARCHIVE_SCAN_BATCH)
		r = give_batch(s, s->rows + at, n - at < ARCHIVE_SCAN_BATCH ? n - at : ARCHIVE_SCAN_BATCH);
	return r;
}

static int scan_block(struct archive_scan *s, size_t number)
{
	const struct archive_query *q = s->query;
	const struct archive_block_entry *e = &s->reader.segment.blocks[number];
	if ((q->skip && q->skip(q, &e->span)) || (q->skip_block && q->skip_block(q, e)) ||
	    (s->lookup.by_key && !archive_bit(s->lookup.blocks, number)))
		return 0;
	int r = archive_reader_block(&s->reader, number);
	size_t n = s->reader.block.rows;
	for (size_t i = 0; i < n; i++)
		s->rows[i] = (uint32_t)i;
	if (r == 0 && q->select)
		r = q->select(q, &s->lookup, &s->reader.block, s->rows, &n);
	if (s->stat)
		s->stat->blocks_read++;
	return r < 0 || n == 0 ? r : give_rows(s, n);
}

/* Whether the hints and the segment's span let it be passed over: 1; 0; or a hint's error. */
static int pass_over(struct archive_scan *s, const struct archive_span *span)
{
	const struct archive_hints *h = s->query->filter.hints;
	if (s->query->skip && s->query->skip(s->query, span))
		return 1;
	if (!h || !h->enter)
		return 0;
	int r = h->enter(
	    s->hint_context, span->untimed ? INT64_MIN : span->first, span->untimed ? INT64_MAX : span->last);
	s->stopped = r < 0;
	return r;
}

size_t archive_scan_parts(const struct archive_scan *s, size_t entry)
{
	const struct archive_hints *h = s->query->filter.hints;
	size_t blocks = s->k->segments[entry].segment.trailer.n_blocks;
	return h && h->enter && blocks > ARCHIVE_SCAN_PART ? (blocks - 1) / ARCHIVE_SCAN_PART + 1 : 1;
}

/* Turns the reader to a segment. */
static int stand_at(struct archive_scan *s, size_t entry)
{
	if (s->entry == entry)
		return 0;
	int r = archive_store_reader(s->a, s->k, entry, &s->reader);
	s->entry = r == 0 ? entry : SIZE_MAX;
	return r;
}

static struct archive_span span_of_blocks(const struct archive_segment *g, size_t from, size_t to)
{
	struct archive_span span = {0};
	for (size_t i = from; i < to; i++)
		archive_span_merge(&span, &g->blocks[i].span);
	return span;
}

static int scan_blocks(struct archive_scan *s, size_t from, size_t to)
{
	int r = archive_lookup_keys(&s->lookup, s->query, &s->reader);
	if (r == 0)
		r = archive_lookup_ends(&s->lookup, s->query, &s->reader, s->hint_context);
	if (s->stat && r == 0)
		s->stat->segments_entered += from == 0;
	if (r == 0)
		r = archive_segment_load(&s->reader.segment);
	for (size_t i = from; r == 0 && i < to; i++)
		r = scan_block(s, i);
	return r;
}

int archive_scan_part(struct archive_scan *s, size_t entry, size_t part, struct archive_span *ret_span)
{
	const struct archive_segment_entry *e = &s->k->segments[entry];
	size_t parts = archive_scan_parts(s, entry), from = part * ARCHIVE_SCAN_PART,
	       to = part + 1 < parts ? from + ARCHIVE_SCAN_PART : e->segment.trailer.n_blocks;
	*ret_span = e->segment.trailer.span;
	int r = e->error;
	if (r == 0 && parts > 1) {
		r = stand_at(s, entry);
		if (r == 0)
			r = archive_segment_load(&s->reader.segment);
		if (r == 0)
			*ret_span = span_of_blocks(&s->reader.segment, from, to);
	}
	if (r < 0)
		return r;
	r = pass_over(s, ret_span);
	if (r)
		return r < 0 ? r : 0;
	r = stand_at(s, entry);
	if (r == 0)
		r = scan_blocks(s, from, to);
	/* 1 of a callback is passed on, 1 of a look-up is nothing found */
	return r == 1 && !s->stopped ? 0 : r;
}

static int scan_segment(struct archive_scan *s, size_t entry)
{
	struct archive_span span;
	int r = 0;
	for (size_t part = 0, n = archive_scan_parts(s, entry); r == 0 && part < n; part++)
		r = archive_scan_part(s, entry, part, &span);
	return r;
}

int archive_scan_open(struct archive_scan *s)
{
	struct archive_open_segment *o = &s->k->open;
	struct arena arena = {0};
	struct cursor c = cursor_of(o->bytes.p, o->bytes.n);
	int r = o->records ? pass_over(s, &o->span) : 0;
	if (r)
		return r < 0 ? r : o->damage;
	while (r == 0 && cursor_left(&c)) {
		uint16_t kind;
		size_t length, left = cursor_left(&c);
		const uint8_t *p = cursor_peek(&c, left);
		r = msg_peek(p, left, &kind, &length);
		if (r == 0)
			r = s->k->layout->decode(p, length, &arena, s->batch);
		if (r < 0)
			break;
		if (!s->query->wants || s->query->wants(s->query, s->batch))
			r = give(s, s->batch);
		cursor_skip(&c, length);
		if (arena.used)
			arena_reset(&arena);
	}
	arena_free(&arena);
	return r ? r : o->damage;
}

static int scan(struct archive *a, enum msg_record record, const struct archive_query *query,
    archive_record_fn each, void *context, void *hint_context)
{
	struct archive_kind *k = &a->kinds[record];
	struct archive_scan *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	*s = (struct archive_scan){
	    .a = a, .k = k, .query = query, .each = each, .context = context, .hint_context = hint_context};
	int r = archive_scan_begin(s);
	k->open.scans++;
	for (size_t i = 0; r == 0 && i < k->n_segments; i++)
		r = scan_segment(s, i);
	if (r == 0)
		r = archive_scan_open(s);
	k->open.scans--;
	archive_scan_end(s);
	free(s);
	return r;
}

/* Callbacks get records of their own type. */
#define EACH(kind)                                                                                           \
	struct kind##_call {                                                                                 \
		archive_##kind##_fn each;                                                                    \
		void *context;                                                                               \
	};                                                                                                   \
	static int kind##_each(void *context, const void *record)                                            \
	{                                                                                                    \
		const struct kind##_call *c = context;                                                       \
		return c->each(c->context, record);                                                          \
	}

EACH(flow)
EACH(transaction)
EACH(detection)
EACH(binding)
EACH(coverage)

int archive_scan_flows(
    struct archive *a, const struct archive_filter *filter, archive_flow_fn each, void *context)
{
	struct flow_call call = {.each = each, .context = context};
	struct archive_query query;
	int r = archive_query_flows(&query, filter);
	if (r == 0)
		r = scan(a, MSG_FLOW, &query, flow_each, &call, context);
	archive_query_free(&query);
	return r;
}

int archive_scan_transactions(
    struct archive *a, const uint64_t *flows, size_t n_flows, archive_transaction_fn each, void *context)
{
	struct transaction_call call = {.each = each, .context = context};
	struct archive_transaction_filter filter = {.flows = flows, .n_flows = n_flows};
	struct archive_query query;
	int r = archive_query_transactions(&query, flows ? &filter : NULL);
	if (r == 0)
		r = scan(a, MSG_TRANSACTION, &query, transaction_each, &call, NULL);
	archive_query_free(&query);
	return r;
}

int archive_scan_detections(struct archive *a, archive_detection_fn each, void *context)
{
	struct detection_call call = {.each = each, .context = context};
	struct archive_query query = {0};
	return scan(a, MSG_DETECTION, &query, detection_each, &call, NULL);
}

int archive_scan_bindings(struct archive *a, archive_binding_fn each, void *context)
{
	struct binding_call call = {.each = each, .context = context};
	struct archive_query query = {0};
	return scan(a, MSG_BINDING, &query, binding_each, &call, NULL);
}

int archive_scan_coverage(struct archive *a, archive_coverage_fn each, void *context)
{
	struct coverage_call call = {.each = each, .context = context};
	struct archive_query query = {0};
	return scan(a, MSG_COVERAGE, &query, coverage_each, &call, NULL);
}
