/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/store.h"

#include <errno.h>
#include <stdlib.h>

#include "archive/query.h"
#include "base/cursor.h"

enum { BATCH = 128 };

/* What a scan carries along. */
struct scan {
	struct archive *a;
	struct archive_kind *k;
	const struct archive_query *query;
	int (*each)(void *context, const void *record);
	void *context;
	struct archive_hunt_stat *stat; /* of a hunt */
	bool stopped;                   /* it was the callback that gave the error */
	struct archive_block block;
	uint32_t rows[ARCHIVE_BLOCK_ROWS];
	void *batch; /* BATCH records */
};

/* Gives the selected rows, if the query's last word is yes. */
static int give_rows(struct scan *s, size_t n)
{
	for (size_t at = 0; at < n; at += BATCH) {
		size_t some = n - at < BATCH ? n - at : BATCH;
		int r = archive_block_fill(&s->block, s->rows + at, some, s->batch);
		const uint8_t *record = s->batch;
		for (size_t i = 0; r == 0 && i < some; i++, record += s->k->layout->size)
			if (!s->query->wants || s->query->wants(s->query, record))
				s->stopped = (r = s->each(s->context, record)) != 0;
		if (r != 0)
			return r;
	}
	return 0;
}

static int scan_block(struct scan *s, const struct archive_segment *segment, size_t number)
{
	size_t n = (size_t)segment->blocks[number].span.records;
	archive_block_open(&s->block, segment, number);
	for (size_t i = 0; i < n; i++)
		s->rows[i] = (uint32_t)i;
	int r = s->query->select ? s->query->select(s->query, &s->block, s->rows, &n) : 0;
	return r < 0 ? r : give_rows(s, n);
}

static int scan_segment(struct scan *s, size_t number)
{
	struct archive_segment segment;
	const struct archive_segment_entry *entry = &s->k->segments[number];
	if (entry->error)
		return entry->error;
	if (s->query->skip && s->query->skip(s->query, &entry->span))
		return 0;
	int r = archive_store_segment(s->a, s->k, number, &segment);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < segment.n_blocks; i++)
		if (!s->query->skip || !s->query->skip(s->query, &segment.blocks[i].span))
			r = scan_block(s, &segment, i);
	archive_segment_close(&segment);
	return r;
}

/* What is in no segment yet, from memory. */
static int scan_open(struct scan *s)
{
	struct archive_open_segment *o = &s->k->open;
	struct arena arena = {0};
	struct cursor c = cursor_of(o->bytes.p, o->bytes.n);
	int r = 0;
	if (s->query->skip && s->query->skip(s->query, &o->span))
		return o->damage;
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
			r = s->each(s->context, s->batch);
		cursor_skip(&c, length);
		if (arena.used)
			arena_free(&arena);
	}
	arena_free(&arena);
	return r ? r : o->damage;
}

static void tell_gap(struct scan *s, const struct archive_gap *gap)
{
	struct archive_hunt_stat *stat = s->stat;
	if (stat->n_gaps < sizeof(stat->gaps) / sizeof(stat->gaps[0]))
		stat->gaps[stat->n_gaps] = *gap;
	stat->n_gaps++;
}

/* A segment's error ends a scan; a hunt tells it and goes on. */
static int scan_or_tell(struct scan *s, size_t number)
{
	const struct archive_segment_entry *e = &s->k->segments[number];
	struct archive_gap gap = {.record = s->k->layout->record,
	    .first_run = e->number,
	    .last_run = e->number,
	    .records = e->span.records,
	    .first = e->span.first,
	    .last = e->span.last};
	s->stopped = false;
	int r = scan_segment(s, number);
	if (!s->stat)
		return r;
	s->stat->segments++;
	if (r == 0 || r == -ENOMEM || s->stopped) {
		s->stat->records += e->span.records;
		return r;
	}
	gap.error = r;
	tell_gap(s, &gap);
	return 0;
}

/* stat: NULL for a scan, which ends at what can't be read. */
static int scan(struct archive *a, enum msg_record record, const struct archive_query *query,
    struct archive_hunt_stat *stat, int (*each)(void *context, const void *record), void *context)
{
	struct archive_kind *k = &a->kinds[record];
	struct scan *s = calloc(1, sizeof(*s));
	int r = 0;
	if (!s)
		return -ENOMEM;
	*s = (struct scan){.a = a, .k = k, .query = query, .stat = stat, .each = each, .context = context};
	s->batch = calloc(BATCH, k->layout->size);
	if (!s->batch) {
		free(s);
		return -ENOMEM;
	}
	k->open.scans++;
	for (size_t i = 0; r == 0 && i < k->n_segments; i++)
		r = scan_or_tell(s, i);
	if (r == 0)
		r = scan_open(s);
	if (stat)
		stat->records += k->open.records;
	k->open.scans--;
	archive_block_free(&s->block);
	free(s->batch);
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
		r = scan(a, MSG_FLOW, &query, NULL, flow_each, &call);
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
		r = scan(a, MSG_TRANSACTION, &query, NULL, transaction_each, &call);
	archive_query_free(&query);
	return r;
}

int archive_scan_detections(struct archive *a, archive_detection_fn each, void *context)
{
	struct detection_call call = {.each = each, .context = context};
	struct archive_query query = {0};
	return scan(a, MSG_DETECTION, &query, NULL, detection_each, &call);
}

int archive_scan_bindings(struct archive *a, archive_binding_fn each, void *context)
{
	struct binding_call call = {.each = each, .context = context};
	struct archive_query query = {0};
	return scan(a, MSG_BINDING, &query, NULL, binding_each, &call);
}

int archive_scan_coverage(struct archive *a, archive_coverage_fn each, void *context)
{
	struct coverage_call call = {.each = each, .context = context};
	struct archive_query query = {0};
	return scan(a, MSG_COVERAGE, &query, NULL, coverage_each, &call);
}

int archive_hunt_flows(struct archive *a, const struct archive_filter *filter, unsigned threads,
    archive_flow_fn each, void *const *contexts, struct archive_hunt_stat *ret_stat)
{
	struct flow_call call = {.each = each, .context = contexts[0]};
	struct archive_hunt_stat stat = {0};
	struct archive_query query;
	(void)threads;
	int r = archive_query_flows(&query, filter);
	if (r == 0)
		r = scan(a, MSG_FLOW, &query, &stat, flow_each, &call);
	archive_query_free(&query);
	*ret_stat = stat;
	return r;
}

int archive_hunt_transactions(struct archive *a, const struct archive_transaction_filter *filter,
    unsigned threads, archive_transaction_fn each, void *const *contexts, struct archive_hunt_stat *ret_stat)
{
	struct transaction_call call = {.each = each, .context = contexts[0]};
	struct archive_hunt_stat stat = {0};
	struct archive_query query;
	(void)threads;
	int r = archive_query_transactions(&query, filter);
	if (r == 0)
		r = scan(a, MSG_TRANSACTION, &query, &stat, transaction_each, &call);
	archive_query_free(&query);
	*ret_stat = stat;
	return r;
}
