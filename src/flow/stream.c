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

/* Nothing more of this direction is wanted. */
static void stop(struct flow_table *t, struct flow_entry *e, enum flow_dir dir)
{
	e->wanted[dir] = false;
	stream_free(t, e, dir);
}

/* Hands bytes on, after a gap, up to the configured depth. */
static void hand(struct flow_table *t, struct flow_entry *e, enum flow_dir dir, const uint8_t *p, size_t n,
    uint64_t gap, int64_t time)
{
	uint64_t left = t->config.reassembly_depth - e->depth[dir];
	bool end = n >= left;
	if (!e->wanted[dir] || (n == 0 && gap == 0))
		return;
	if (n > left)
		n = (size_t)left;
	e->depth[dir] += n;
	bool more = t->config.data(t->config.context, &e->f, dir, p, n, gap, time);
	if (!more || end) {
		if (more)
			e->f.flags |= FLOW_DEPTH_REACHED;
		e->wanted[dir] = false; /* the stream itself is freed by whoever walks it */
	}
}

/* Hands on the held segments that now come next; `over`: also past holes. */
static void drain(struct flow_table *t, struct flow_entry *e, enum flow_dir dir, uint64_t over, int64_t time)
{
	struct flow_stream *s = e->f.stream[dir];
	size_t i = 0;
	if (!s)
		return;
	for (; i < s->n && e->wanted[dir]; i++) {
		struct segment *g = &s->v[i];
		uint64_t *next = &e->handed[dir];
		if (g->seq > *next && g->seq > over)
			break;
		uint64_t gap = g->seq > *next ? g->seq - *next : 0;
		uint64_t skip = *next > g->seq ? *next - g->seq : 0;
		if (skip < g->length) {
			size_t held = g->captured > skip ? g->captured - (size_t)skip : 0;
			hand(t, e, dir, held ? g->p + skip : NULL, held, gap, time);
			if (e->wanted[dir] && g->length > g->captured)
				hand(t, e, dir, NULL, 0,
				    g->length - (g->captured > skip ? g->captured : skip), time);
			*next = g->seq + g->length;
		}
		t->stats.reassembly_bytes -= g->captured;
		s->bytes -= g->captured;
		free(g->p);
		g->p = NULL;
	}
	if (!e->wanted[dir] || i == s->n) {
		memmove(s->v, s->v + i, (s->n - i) * sizeof(*s->v));
		s->n -= i;
		stream_free(t, e, dir);
	} else {
		memmove(s->v, s->v + i, (s->n - i) * sizeof(*s->v));
		s->n -= i;
	}
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

/* Whether the bytes that both hold are the same. */
static bool same_bytes(const struct segment *g, uint64_t seq, const uint8_t *p, size_t captured)
{
	uint64_t from = seq > g->seq ? seq : g->seq;
	uint64_t end_g = g->seq + g->captured, end = seq + captured;
	uint64_t to = end < end_g ? end : end_g;
	return from >= to || memcmp(g->p + (from - g->seq), p + (from - seq), (size_t)(to - from)) == 0;
}

static bool make_room(
    struct flow_table *t, struct flow_entry *e, enum flow_dir dir, size_t captured, int64_t time)
{
	if (!e->f.stream[dir]) {
		if (t->stats.reassembly_bytes + sizeof(struct flow_stream) > t->config.reassembly_memory)
			return false;
		e->f.stream[dir] = calloc(1, sizeof(struct flow_stream));
		if (!e->f.stream[dir])
			return false;
		account(t, e->f.stream[dir], sizeof(struct flow_stream));
	}
	/* a full window means that the hole before it stays: go past it */
	while (e->f.stream[dir] && (e->f.stream[dir]->n == STREAM_SEGMENTS_MAX ||
	                               e->f.stream[dir]->bytes - sizeof(struct flow_stream) + captured >
	                                   t->config.reassembly_window)) {
		if (e->f.stream[dir]->n == 0)
			return false;
		drain(t, e, dir, e->f.stream[dir]->v[0].seq, time);
	}
	if (!e->wanted[dir])
		return false;
	if (!e->f.stream[dir])
		return make_room(t, e, dir, captured, time);
	return t->stats.reassembly_bytes + captured <= t->config.reassembly_memory;
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
		uint64_t stop_at = i < s->n && s->v[i].seq < end ? s->v[i].seq : end;
		if (seq < stop_at) {
			size_t part = (size_t)(stop_at - seq), held = part < captured ? part : captured;
			if (!insert(t, s, i, seq, p, held, part))
				return false;
			p += held;
			captured -= held;
			seq = stop_at;
			continue;
		}
		if (i >= s->n)
			break;
		const struct segment *g = &s->v[i];
		if (g->seq + g->length <= seq)
			continue;
		if (!same_bytes(g, seq, p, captured))
			e->f.flags |= FLOW_OVERLAP_CONFLICT;
		uint64_t skip = g->seq + g->length - seq;
		if (skip > end - seq)
			skip = end - seq;
		size_t held = skip < captured ? (size_t)skip : captured;
		p += held;
		captured -= held;
		seq += skip;
	}
	return true;
}

void stream_segment(struct flow_table *t, struct flow_entry *e, enum flow_dir dir, uint64_t seq,
    const uint8_t *p, size_t captured, size_t length, int64_t time)
{
	uint64_t *next = &e->handed[dir];
	if (seq < *next) {
		uint64_t skip = *next - seq;
		if (skip >= length)
			return;
		size_t held = skip < captured ? (size_t)skip : captured;
		p += held;
		captured -= held;
		length -= (size_t)skip;
		seq = *next;
	}
	bool conflict_possible = e->f.stream[dir] != NULL;
	if (seq == *next && !conflict_possible) {
		hand(t, e, dir, p, captured, 0, time);
		if (e->wanted[dir] && captured < length)
			hand(t, e, dir, NULL, 0, length - captured, time);
		*next = seq + length;
		return;
	}
	if (!make_room(t, e, dir, captured, time) || !hold(t, e, dir, seq, p, captured, length)) {
		if (e->wanted[dir]) {
			e->f.flags |= FLOW_MEMORY_REACHED;
			stream_finish(t, e, dir, time);
			stop(t, e, dir);
		}
		return;
	}
	drain(t, e, dir, 0, time);
}
