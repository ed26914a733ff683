/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/store.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/table.h"

/* A flow whose texts and lists live in the arena. */
static int copy_flow(const struct msg_flow *f, struct arena *arena, struct msg_flow *ret_flow)
{
	struct dynbuf bytes = {.max = MSG_RECORD_MAX + MSG_HEADER_SIZE};
	int r = msg_flow_encode(&bytes, f);
	if (r == 0) {
		struct text copy = arena_text(arena, dynbuf_view(&bytes));
		r = copy.p ? msg_flow_decode(copy.p, copy.n, arena, ret_flow) : -ENOMEM;
	}
	dynbuf_free(&bytes);
	return r;
}

/* Brings the table of the open segment's places up to date: look-ups pay for it, appending doesn't. */
static int index_open(struct archive *a, struct archive_open_segment *o)
{
	struct cursor c = cursor_of(o->bytes.p, o->bytes.n);
	int r = 0;
	if (!o->places)
		r = table_new(
		    &o->places, sizeof(uint64_t), sizeof(uint32_t), ARCHIVE_SEGMENT_RECORDS, a->seed);
	if (r < 0)
		return r;
	cursor_seek(&c, o->indexed);
	while (cursor_left(&c)) {
		uint16_t kind;
		size_t length, at = c.pos, left = cursor_left(&c);
		r = msg_peek(cursor_peek(&c, left), left, &kind, &length);
		if (r < 0)
			return r;
		cursor_skip(&c, length);
		/* the id is the record's first field */
		uint64_t id = load_le64(o->bytes.p + at + MSG_HEADER_SIZE);
		uint32_t *place = table_put(o->places, &id, NULL);
		if (!place)
			return -ENOMEM;
		*place = (uint32_t)at; /* the later record of an id stands: a flow after its snapshots */
		o->indexed = c.pos;
	}
	return 0;
}

static int find_open(struct archive *a, uint64_t id, struct arena *arena, struct msg_flow *ret_flow)
{
	struct archive_open_segment *o = &a->kinds[MSG_FLOW].open;
	uint16_t kind;
	size_t length;
	struct text copy;
	if (!archive_span_has_id(&o->span, id))
		return -ENOENT;
	int r = index_open(a, o);
	const uint32_t *place = r == 0 ? table_get(o->places, &id) : NULL;
	if (!place)
		return r < 0 ? r : -ENOENT;
	r = msg_peek(o->bytes.p + *place, o->bytes.n - *place, &kind, &length);
	if (r < 0)
		return r;
	copy = arena_text(arena, text_bytes(o->bytes.p + *place, length));
	return copy.p ? msg_flow_decode(copy.p, copy.n, arena, ret_flow) : -ENOMEM;
}

static void forget(struct archive_cached *c)
{
	archive_reader_close(&c->reader);
	c->used = 0;
}

/* The place in the cache that holds the segment, or the one to hold it: an empty one, or that not used for
 * longest. */
static struct archive_cached *cache_place(struct archive *a, uint64_t first)
{
	struct archive_cached *oldest = &a->cached[0];
	for (struct archive_cached *c = a->cached; c < a->cached + ARCHIVE_CACHED; c++) {
		if (c->used && c->first == first)
			return c;
		if (c->used < oldest->used)
			oldest = c;
	}
	forget(oldest);
	return oldest;
}

static int find_in_block(
    struct archive_cached *c, size_t number, uint64_t id, struct arena *arena, struct msg_flow *ret_flow)
{
	struct archive_block *b = &c->reader.block;
	const struct archive_column_data *ids;
	struct msg_flow f;
	int r = c->block == number ? 0 : archive_reader_block(&c->reader, number);
	c->block = r == 0 ? number : SIZE_MAX;
	if (r == 0)
		r = archive_block_column(b, ARCHIVE_COLUMN_ID, &ids);
	if (r != 0)
		return r;
	/* the last if there are several */
	for (uint32_t row = (uint32_t)b->rows; row-- > 0;) {
		if ((ids->absent ? 0 : archive_stream_at(&ids->numbers, row)) != id)
			continue;
		r = archive_block_fill(b, &row, 1, UINT64_MAX, &f);
		return r == 0 ? copy_flow(&f, arena, ret_flow) : r;
	}
	return -ENOENT;
}

static int find_in_segment(
    struct archive *a, size_t entry, uint64_t id, struct arena *arena, struct msg_flow *ret_flow)
{
	const struct archive_kind *k = &a->kinds[MSG_FLOW];
	struct archive_cached *c = cache_place(a, k->segments[entry].first);
	int r = 0;
	if (!c->used) {
		r = archive_store_reader(a, k, entry, &c->reader);
		if (r == 0)
			r = archive_segment_load(&c->reader.segment);
		c->block = SIZE_MAX;
		c->first = k->segments[entry].first;
	}
	c->used = ++a->lookups;
	if (r == 0)
		r = -ENOENT;
	for (size_t block = c->reader.segment.trailer.n_blocks; r == -ENOENT && block-- > 0;)
		if (archive_span_has_id(&c->reader.segment.blocks[block].span, id))
			r = find_in_block(c, block, id, arena, ret_flow);
	if (r < 0 && r != -ENOENT)
		forget(c);
	return r;
}

int archive_find_flow(struct archive *a, uint64_t id, struct arena *arena, struct msg_flow *ret_flow)
{
	const struct archive_kind *k = &a->kinds[MSG_FLOW];
	int r = find_open(a, id, arena, ret_flow), bad = 0;
	if (r == -ENOENT && !a->cached) {
		a->cached = calloc(ARCHIVE_CACHED, sizeof(*a->cached));
		if (!a->cached)
			return -ENOMEM;
		for (size_t i = 0; i < ARCHIVE_CACHED; i++)
			archive_reader_init(&a->cached[i].reader);
	}
	/* newest first: a flow's last record comes after its snapshots */
	for (size_t i = k->n_segments; r == -ENOENT && i-- > 0;) {
		if (k->segments[i].error)
			bad = k->segments[i].error;
		else if (archive_span_has_id(&k->segments[i].segment.trailer.span, id))
			r = find_in_segment(a, i, id, arena, ret_flow);
	}
	/* where a segment can't be read, "not there" would be more than we know */
	return r == -ENOENT && bad ? bad : r;
}

void archive_find_forget(struct archive *a)
{
	for (size_t i = 0; a->cached && i < ARCHIVE_CACHED; i++)
		forget(&a->cached[i]);
}
