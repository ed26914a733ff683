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
	archive_segment_close(&c->segment);
	c->valid = false;
}

/* The place in the cache that holds the block, or the one to hold it: an empty one, or that not used for
 * longest. */
static struct archive_cached *cache_place(struct archive *a, uint64_t segment, size_t block)
{
	struct archive_cached *oldest = &a->cached[0];
	for (struct archive_cached *c = a->cached; c < a->cached + ARCHIVE_CACHED; c++) {
		if (c->valid && c->segment.number == segment && c->block.number == block)
			return c;
		if (!c->valid ? oldest->valid : oldest->valid && c->used < oldest->used)
			oldest = c;
	}
	if (oldest->valid)
		forget(oldest);
	return oldest;
}

/* The row of id in a block, the last if there are several. */
static int find_row(struct archive_block *b, uint64_t id, uint32_t *ret_row)
{
	const struct archive_column_data *ids;
	int r = archive_block_column(b, ARCHIVE_COLUMN_ID, &ids);
	if (r < 0)
		return r;
	for (size_t row = b->rows; row-- > 0;)
		if ((ids->absent ? 0 : archive_stream_at(&ids->numbers, row)) == id) {
			*ret_row = (uint32_t)row;
			return 0;
		}
	return -ENOENT;
}

static int find_in_block(struct archive *a, size_t segment, size_t block, uint64_t id, struct arena *arena,
    struct msg_flow *ret_flow)
{
	const struct archive_kind *k = &a->kinds[MSG_FLOW];
	struct archive_cached *c = cache_place(a, k->segments[segment].number, block);
	struct msg_flow f;
	uint32_t row;
	int r = 0;
	if (!c->valid) {
		r = archive_store_segment(a, k, segment, &c->segment);
		if (r < 0)
			return r;
		archive_block_open(&c->block, &c->segment, block);
		c->valid = true;
	}
	c->used = ++a->lookups;
	r = find_row(&c->block, id, &row);
	if (r == 0)
		r = archive_block_fill(&c->block, &row, 1, &f);
	if (r == 0)
		r = copy_flow(&f, arena, ret_flow);
	if (r < 0 && r != -ENOENT)
		forget(c);
	return r;
}

static int find_in_segment(
    struct archive *a, size_t number, uint64_t id, struct arena *arena, struct msg_flow *ret_flow)
{
	struct archive_segment segment;
	int r = archive_store_segment(a, &a->kinds[MSG_FLOW], number, &segment);
	if (r < 0)
		return r;
	r = -ENOENT;
	for (size_t block = segment.n_blocks; r == -ENOENT && block-- > 0;)
		if (archive_span_has_id(&segment.blocks[block].span, id))
			r = find_in_block(a, number, block, id, arena, ret_flow);
	archive_segment_close(&segment);
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
			a->cached[i].segment.fd = -1;
	}
	/* newest first: a flow's last record comes after its snapshots */
	for (size_t i = k->n_segments; r == -ENOENT && i-- > 0;) {
		if (k->segments[i].error)
			bad = k->segments[i].error;
		else if (archive_span_has_id(&k->segments[i].span, id))
			r = find_in_segment(a, i, id, arena, ret_flow);
	}
	/* where a segment can't be read, "not there" would be more than we know */
	return r == -ENOENT && bad ? bad : r;
}
