/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "flow/entry.h"

/*
 * Reassembly of one direction. In order, a segment's bytes are handed on where they lie; only what comes too
 * early is copied and held, sorted, at most STREAM_SEGMENTS_MAX segments and the configured window. The first
 * bytes seen win.
 */

enum { STREAM_SEGMENTS_MAX = 128 };

struct segment {
	uint64_t seq;
	uint32_t length;   /* of the sequence space */
	uint32_t captured; /* of those, held at p */
	uint8_t *p;
};

struct flow_stream {
	size_t n;
	size_t bytes; /* held, with what the segments cost themselves */
	struct segment v[STREAM_SEGMENTS_MAX];
};

static void account(struct flow_table *t, struct flow_stream *s, size_t add)
{
	s->bytes += add;
	t->stats.reassembly_bytes += add;
	if (t->stats.reassembly_bytes > t->stats.reassembly_peak)
		t->stats.reassembly_peak = t->stats.reassembly_bytes;
}

void stream_free(struct flow_table *t, struct flow_entry *e, enum flow_dir dir)
{
	struct flow_stream *s = e->f.stream[dir];
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].p);
	t->stats.reassembly_bytes -= s->bytes;
	free(s);
	e->f.stream[dir] = NULL;
}

/* Hands bytes on, after a gap, up to the configured depth. Whoever walks the stream frees it afterwards. */
static void hand(struct flow_table *t, struct flow_entry *e, enum flow_dir dir, const uint8_t *p, size_t n,
    uint64_t gap, int64_t time)
{
	uint64_t left = t->config.reassembly_depth - e->depth[dir];
	bool end = n >= left;
	if (!e->wanted[dir] || (n == 0 && gap == 0))
		return;
	if (end)
		n = (size_t)left;
	e->depth[dir] += n;
	bool more = t->config.data(t->config.context, &e->f, dir, p, n, gap, time);
	if (more && end)
		e->f.flags |= FLOW_DEPTH_REACHED;
	e->wanted[dir] = more && !end;
}

/* Hands on [seq, seq + length), of which `captured` bytes are at p: what of it comes next or after a gap. */
static void hand_span(struct flow_table *t, struct flow_entry *e, enum flow_dir dir, uint64_t seq,
    const uint8_t *p, size_t captured, size_t length, int64_t time)
{
	uint64_t *next = &e->handed[dir];
	uint64_t gap = seq > *next ? seq - *next : 0, skip = *next > seq ? *next - seq : 0;
	if (skip >= length)
		return;
	size_t held = captured > skip ? captured - (size_t)skip : 0;
	*next = seq + length;
	hand(t, e, dir, held ? p + skip : NULL, held, gap, time);
	hand(t, e, dir, NULL, 0, length - skip - held, time);
}

/* Hands on the held segments that now come next, and those that begin at or before `over` with what is
 * missing before them. */
static void drain(struct flow_table *t, struct flow_entry *e, enum flow_dir dir, uint64_t over, int64_t time)
{
	struct flow_stream *s = e->f.stream[dir];
	size_t i = 0;
	if (!s)
		return;
	for (; i < s->n && e->wanted[dir]; i++) {
		struct segment *g = &s->v[i];
		if (g->seq > e->handed[dir] && g->seq > over)
			break;
		hand_span(t, e, dir, g->seq, g->p, g->captured, g->length, time);
		t->stats.reassembly_bytes -= g->captured;
		s->bytes -= g->captured;
		free(g->p);
	}
	s->n -= i;
	memmove(s->v, s->v + i, s->n * sizeof(*s->v));
	if (!e->wanted[dir] || s->n == 0)
		stream_free(t, e, dir);
}

void stream_finish(struct flow_table *t, struct flow_entry *e, enum flow_dir dir, int64_t time)
{
	drain(t, e, dir, UINT64_MAX, time);
	stream_free(t, e, dir);
}

void stream_acked(struct flow_table *t, struct flow_entry *e, enum flow_dir dir, uint64_t acked, int64_t time)
{
	const struct flow_stream *s = e->f.stream[dir];
	if (!s || s->n == 0 || s->v[0].seq >= acked)
		return;
	drain(t, e, dir, acked - 1, time);
}

/* Whether [seq, seq + captured) has other bytes than those that are held of it. */
static bool conflicts(const struct flow_stream *s, uint64_t seq, const uint8_t *p, size_t captured)
{
	for (size_t i = 0; i < s->n && s->v[i].seq < seq + captured; i++) {
		const struct segment *g = &s->v[i];
		uint64_t from = seq > g->seq ? seq : g->seq;
		uint64_t end = seq + captured, end_g = g->seq + g->captured, to = end < end_g ? end : end_g;
		if (from < to && memcmp(g->p + (from - g->seq), p + (from - seq), (size_t)(to - from)) != 0)
			return true;
	}
	return false;
}

/* Makes room for a segment that comes too early, going past the oldest holes where the window is full. */
static bool make_room(
    struct flow_table *t, struct flow_entry *e, enum flow_dir dir, size_t captured, int64_t time)
{
	const size_t own = sizeof(struct flow_stream);
	const struct flow_stream *s;
	while ((s = e->f.stream[dir]) &&
	       (s->n == STREAM_SEGMENTS_MAX || s->bytes - own + captured > t->config.reassembly_window))
		drain(t, e, dir, s->v[0].seq, time);
	size_t more = s ? captured : own + captured;
	if (!e->wanted[dir] || captured > t->config.reassembly_window || more > t->config.reassembly_memory ||
	    t->stats.reassembly_bytes > t->config.reassembly_memory - more)
		return false;
	if (!s) {
		e->f.stream[dir] = calloc(1, own);
		if (!e->f.stream[dir])
			return false;
		account(t, e->f.stream[dir], own);
	}
	return true;
}

static bool insert(struct flow_table *t, struct flow_stream *s, size_t at, uint64_t seq, const uint8_t *p,
    size_t captured, size_t length)
{
	uint8_t *copy = NULL;
	if (length == 0)
		return true;
	if (s->n == STREAM_SEGMENTS_MAX)
		return false;
	if (captured) {
		copy = malloc(captured);
		if (!copy)
			return false;
		memcpy(copy, p, captured);
	}
	memmove(s->v + at + 1, s->v + at, (s->n - at) * sizeof(*s->v));
	s->v[at] = (struct segment){
	    .seq = seq, .length = (uint32_t)length, .captured = (uint32_t)captured, .p = copy};
	s->n++;
	account(t, s, captured);
	return true;
}

/* Holds what of [seq, seq + length) isn't held yet: the parts between the segments that are there. */
static bool hold(struct flow_table *t, struct flow_entry *e, enum flow_dir dir, uint64_t seq,
    const uint8_t *p, size_t captured, size_t length)
{
	struct flow_stream *s = e->f.stream[dir];
	uint64_t end = seq + length;
	for (size_t i = 0; seq < end; i++) {
		uint64_t to = i < s->n && s->v[i].seq < end ? s->v[i].seq : end, after;
		if (seq < to) {
			size_t part = (size_t)(to - seq);
			if (!insert(t, s, i, seq, p, part < captured ? part : captured, part))
				return false;
			after = to;
		} else {
			after = s->v[i].seq + s->v[i].length;
		}
		if (after <= seq)
			continue;
		size_t done = (size_t)((after < end ? after : end) - seq);
		size_t held = done < captured ? done : captured;
		p += held;
		captured -= held;
		seq += done;
	}
	return true;
}

/* Hands a segment on now, where it lies. Holes before it are given up; what is held of it comes first. */
static void pass(struct flow_table *t, struct flow_entry *e, enum flow_dir dir, uint64_t seq,
    const uint8_t *p, size_t captured, size_t length, int64_t time)
{
	uint64_t end = seq + length;
	drain(t, e, dir, seq, time);
	while (e->wanted[dir] && e->handed[dir] < end) {
		const struct flow_stream *s = e->f.stream[dir];
		uint64_t to = s && s->v[0].seq < end ? s->v[0].seq : end;
		size_t part = (size_t)(to - seq);
		hand_span(t, e, dir, seq, p, captured < part ? captured : part, part, time);
		drain(t, e, dir, 0, time);
	}
	if (!e->wanted[dir])
		stream_free(t, e, dir);
}

void stream_segment(struct flow_table *t, struct flow_entry *e, enum flow_dir dir, uint64_t seq,
    const uint8_t *p, size_t captured, size_t length, int64_t time)
{
	uint64_t next = e->handed[dir];
	if (seq + length <= next)
		return;
	if (e->f.stream[dir] && conflicts(e->f.stream[dir], seq, p, captured))
		e->f.flags |= FLOW_OVERLAP_CONFLICT;
	if (seq <= next || seq <= e->tcp[dir].acked) {
		pass(t, e, dir, seq, p, captured, length, time);
		return;
	}
	bool room = make_room(t, e, dir, captured, time);
	bool early = seq > e->handed[dir]; /* making room may have gone past the hole */
	if (room && early && hold(t, e, dir, seq, p, captured, length))
		return;
	if (e->wanted[dir] && early)
		e->f.flags |= FLOW_MEMORY_REACHED;
	pass(t, e, dir, seq, p, captured, length, time);
}
