/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "flow/entry.h"

/*
 * Reassembly of one direction. In order, a segment's bytes are handed on where they lie; only what comes too
 * early, or is doubtful, is copied and held, sorted, at most STREAM_SEGMENTS_MAX segments and the configured
 * window. Of bytes that are held and come again those stay that the receiver's system takes (net/overlap.h);
 * a doubtful segment gives way to any other.
 */

enum { STREAM_SEGMENTS_MAX = 128 };

struct segment {
	uint64_t seq;
	uint32_t length;   /* of the sequence space */
	uint32_t captured; /* of those, held at p */
	uint8_t doubts;    /* enum flow_doubt: waits for its acknowledgement */
	uint8_t ttl;
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
	struct flow_stream *s = e->tcp[dir].stream;
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].p);
	t->stats.reassembly_bytes -= s->bytes;
	free(s);
	e->tcp[dir].stream = NULL;
}

/* Hands bytes on, after a gap, up to the configured depth. Whoever walks the stream frees it afterwards. */
static void hand(struct flow_table *t, struct flow_entry *e, enum flow_dir dir, const uint8_t *p, size_t n,
    uint64_t gap, int64_t time)
{
	uint64_t left = t->config.reassembly_depth - e->tcp[dir].depth;
	bool end = n >= left;
	if (!flow_wanted(e, dir) || (n == 0 && gap == 0))
		return;
	if (end)
		n = (size_t)left;
	e->tcp[dir].depth += n;
	bool more = t->config.data(t->config.context, &e->f, dir, p, n, gap, time);
	if (more && end) {
		e->f.flags |= FLOW_DEPTH_REACHED;
		t->stats.depth_reached++;
	}
	if (!more || end)
		flow_unwant(e, dir);
}

/* Hands on [seq, seq + length), of which `captured` bytes are at p: what of it comes next or after a gap. */
static void hand_span(struct flow_table *t, struct flow_entry *e, enum flow_dir dir, uint64_t seq,
    const uint8_t *p, size_t captured, size_t length, int64_t time)
{
	uint64_t *next = &e->tcp[dir].handed;
	uint64_t gap = seq > *next ? seq - *next : 0, skip = *next > seq ? *next - seq : 0;
	if (skip >= length)
		return;
	size_t held = captured > skip ? captured - (size_t)skip : 0;
	if (held && (e->tcp[dir].depth < TCP_WATCH_DEPTH || e->watched))
		recent_keep(t->recent, e->f.id, &e->tcp[dir].recent,
		    (struct recent_bytes){seq + skip, p + skip, held});
	*next = seq + length;
	hand(t, e, dir, held ? p + skip : NULL, held, gap, time);
	hand(t, e, dir, NULL, 0, length - skip - held, time);
}

/* Hands on the held segments that now come next, and those that begin at or before `over` with what is
 * missing before them. */
static void drain(struct flow_table *t, struct flow_entry *e, enum flow_dir dir, uint64_t over, int64_t time)
{
	struct flow_stream *s = e->tcp[dir].stream;
	size_t i = 0;
	if (!s)
		return;
	for (; i < s->n && flow_wanted(e, dir); i++) {
		struct segment *g = &s->v[i];
		if ((g->seq > e->tcp[dir].handed || g->doubts) && g->seq > over)
			break;
		if (g->doubts && over < e->tcp[dir].acked)
			tcp_doubts_cleared(e, dir, g->doubts, g->ttl);
		/* at the end: what a receiver that was heard never took isn't its stream */
		if (!g->doubts || over != UINT64_MAX || e->f.side[!dir].packets == 0)
			hand_span(t, e, dir, g->seq, g->p, g->captured, g->length, time);
		t->stats.reassembly_bytes -= g->captured;
		s->bytes -= g->captured;
		free(g->p);
	}
	s->n -= i;
	memmove(s->v, s->v + i, s->n * sizeof(*s->v));
	if (!flow_wanted(e, dir) || s->n == 0)
		stream_free(t, e, dir);
}

void stream_finish(struct flow_table *t, struct flow_entry *e, enum flow_dir dir, int64_t time)
{
	drain(t, e, dir, UINT64_MAX, time);
	stream_free(t, e, dir);
}

void stream_acked(struct flow_table *t, struct flow_entry *e, enum flow_dir dir, uint64_t acked, int64_t time)
{
	const struct flow_stream *s = e->tcp[dir].stream;
	if (!s || s->n == 0 || s->v[0].seq >= acked)
		return;
	drain(t, e, dir, acked - 1, time);
}

/* For want of room. */
static void go_past(
    struct flow_table *t, struct flow_entry *e, enum flow_dir dir, uint64_t over, int64_t time)
{
	t->stats.past_hole++;
	drain(t, e, dir, over, time);
}

/* Makes room for a segment that comes too early, going past the oldest holes where the window is full. */
static bool make_room(
    struct flow_table *t, struct flow_entry *e, enum flow_dir dir, size_t captured, int64_t time)
{
	const size_t own = sizeof(struct flow_stream);
	const struct flow_stream *s;
	while ((s = e->tcp[dir].stream) &&
	       (s->n == STREAM_SEGMENTS_MAX || s->bytes - own + captured > t->config.reassembly_window))
		go_past(t, e, dir, s->v[0].seq, time);
	size_t more = s ? captured : own + captured;
	if (!flow_wanted(e, dir) || captured > t->config.reassembly_window ||
	    more > t->config.reassembly_memory ||
	    t->stats.reassembly_bytes > t->config.reassembly_memory - more)
		return false;
	if (!s) {
		e->tcp[dir].stream = calloc(1, own);
		if (!e->tcp[dir].stream)
			return false;
		account(t, e->tcp[dir].stream, own);
	}
	return true;
}

static bool insert(struct flow_table *t, struct flow_stream *s, size_t at, const struct stream_piece *piece)
{
	uint8_t *copy = NULL;
	if (piece->length == 0)
		return true;
	if (s->n == STREAM_SEGMENTS_MAX)
		return false;
	if (piece->captured) {
		copy = malloc(piece->captured);
		if (!copy)
			return false;
		memcpy(copy, piece->p, piece->captured);
	}
	memmove(s->v + at + 1, s->v + at, (s->n - at) * sizeof(*s->v));
	s->v[at] = (struct segment){.seq = piece->seq,
	    .length = (uint32_t)piece->length,
	    .captured = (uint32_t)piece->captured,
	    .p = copy,
	    .doubts = piece->doubts,
	    .ttl = piece->ttl};
	s->n++;
	account(t, s, piece->captured);
	return true;
}

/* The part [from, to) of a piece. */
static struct stream_piece part_of(const struct stream_piece *s, uint64_t from, uint64_t to)
{
	size_t skip = (size_t)(from - s->seq), length = (size_t)(to - from);
	size_t left = s->captured > skip ? s->captured - skip : 0;
	struct stream_piece part = *s;
	part.seq = from;
	part.p = left ? s->p + skip : NULL;
	part.length = length;
	part.captured = left < length ? left : length;
	return part;
}

/* Holds what of the piece isn't held yet: the parts between the segments that are there. */
static bool hold(
    struct flow_table *t, struct flow_entry *e, enum flow_dir dir, const struct stream_piece *piece)
{
	struct flow_stream *s = e->tcp[dir].stream;
	uint64_t at = piece->seq, end = piece->seq + piece->length;
	for (size_t i = 0; at < end; i++) {
		uint64_t to = i < s->n && s->v[i].seq < end ? s->v[i].seq : end;
		if (at < to) {
			struct stream_piece part = part_of(piece, at, to);
			if (!insert(t, s, i, &part))
				return false;
			at = to;
		} else {
			uint64_t after = s->v[i].seq + s->v[i].length;
			at = after > at ? after : at;
		}
	}
	return true;
}

/* Takes what lies before `from` off the front of segment g. */
static void cut_front(struct flow_table *t, struct flow_stream *s, struct segment *g, uint64_t from)
{
	uint32_t off = (uint32_t)(from - g->seq), gone = off < g->captured ? off : g->captured;
	if (gone)
		memmove(g->p, g->p + gone, g->captured - gone);
	g->seq = from;
	g->length -= off;
	g->captured -= gone;
	s->bytes -= gone;
	t->stats.reassembly_bytes -= gone;
}

/* Takes [from, to) out of segment i, which is doubtful: its rest goes on waiting. */
static void cut_out(struct flow_table *t, struct flow_stream *s, size_t i, uint64_t from, uint64_t to)
{
	struct segment *g = &s->v[i];
	uint64_t end = g->seq + g->length;
	if (to < end && from > g->seq) {
		const struct stream_piece whole = {.seq = g->seq,
		    .p = g->p,
		    .captured = g->captured,
		    .length = g->length,
		    .doubts = g->doubts,
		    .ttl = g->ttl};
		struct stream_piece rest = part_of(&whole, to, end);
		(void)insert(t, s, i + 1, &rest); /* where it has no room it is a gap */
	}
	if (from > g->seq) {
		uint32_t left = (uint32_t)(from - g->seq), captured = left < g->captured ? left : g->captured;
		s->bytes -= g->captured - captured;
		t->stats.reassembly_bytes -= g->captured - captured;
		g->length = left;
		g->captured = captured;
	} else {
		cut_front(t, s, g, to < end ? to : end);
	}
}

static void remove_empty(struct flow_stream *s, size_t i)
{
	if (s->v[i].length)
		return;
	free(s->v[i].p);
	s->n--;
	memmove(s->v + i, s->v + i + 1, (s->n - i) * sizeof(*s->v));
}

/*
 * What is held and comes again: tells where it differs, and leaves held what the receiver takes. Afterwards
 * no doubtful segment lies under an undoubted piece.
 */
static void settle(
    struct flow_table *t, struct flow_entry *e, enum flow_dir dir, const struct stream_piece *piece)
{
	struct flow_stream *s = e->tcp[dir].stream;
	enum net_overlap how = tcp_overlap_policy(t, e, dir);
	uint64_t end = piece->seq + piece->length;
	for (size_t i = s->n; i-- > 0;) {
		struct segment *g = &s->v[i];
		uint64_t end_g = g->seq + g->length;
		uint64_t from = piece->seq > g->seq ? piece->seq : g->seq, to = end < end_g ? end : end_g;
		if (from >= to)
			continue;
		bool gives_way = g->doubts && !piece->doubts;
		bool later = gives_way || (!piece->doubts == !g->doubts &&
		                              net_overlap_later_wins(how, (struct net_extent){g->seq, end_g},
		                                  (struct net_extent){piece->seq, end}));
		uint64_t known = piece->seq + piece->captured, known_g = g->seq + g->captured;
		known = known < known_g ? known : known_g;
		size_t n = from < known ? (size_t)((to < known ? to : known) - from) : 0;
		const uint8_t *fresh = n ? piece->p + (from - piece->seq) : NULL;
		uint8_t *held = n ? g->p + (from - g->seq) : NULL;
		if (n && memcmp(held, fresh, n) != 0) {
			stream_conflict(t, e, from, n,
			    (struct flow_conflict){.dir = dir,
			        .kept = later ? fresh : held,
			        .other = later ? held : fresh,
			        .doubts = g->doubts | piece->doubts,
			        .policy = how});
			if (later && !gives_way)
				memcpy(held, fresh, n);
		}
		if (gives_way) {
			cut_out(t, s, i, from, to);
			remove_empty(s, i);
		}
	}
	if (s->n == 0)
		stream_free(t, e, dir);
}

/* Hands a segment on now, where it lies. Holes before it are given up; what is held of it comes first. */
static void pass(struct flow_table *t, struct flow_entry *e, enum flow_dir dir,
    const struct stream_piece *piece, int64_t time)
{
	uint64_t seq = piece->seq, end = seq + piece->length;
	drain(t, e, dir, seq, time);
	while (flow_wanted(e, dir) && e->tcp[dir].handed < end) {
		const struct flow_stream *s = e->tcp[dir].stream;
		uint64_t to = s && s->v[0].seq < end ? s->v[0].seq : end;
		size_t part = (size_t)(to - seq), captured = piece->captured;
		hand_span(t, e, dir, seq, piece->p, captured < part ? captured : part, part, time);
		drain(t, e, dir, 0, time);
	}
	if (!flow_wanted(e, dir))
		stream_free(t, e, dir);
}

/* A piece that comes too early, or that its receiver may drop: whether it could be held. */
static bool put_aside(struct flow_table *t, struct flow_entry *e, enum flow_dir dir,
    const struct stream_piece *piece, int64_t time)
{
	bool room = make_room(t, e, dir, piece->captured, time);
	uint64_t next = e->tcp[dir].handed,
	         end = piece->seq + piece->length; /* making room may have gone past it */
	if (next >= end)
		return false;
	struct stream_piece rest = piece->seq < next ? part_of(piece, next, end) : *piece;
	if (!room || (piece->seq <= next && !piece->doubts) || !hold(t, e, dir, &rest))
		return false;
	t->stats.doubtful += piece->doubts != 0;
	e->f.flags |= piece->doubts ? FLOW_DOUBTFUL : 0;
	return true;
}

void stream_segment(struct flow_table *t, struct flow_entry *e, enum flow_dir dir,
    const struct stream_piece *piece, int64_t time)
{
	uint64_t next = e->tcp[dir].handed, end = piece->seq + piece->length;
	if (piece->seq < next)
		stream_compare(t, e, dir, piece);
	if (end <= next)
		return;
	struct stream_piece taken = *piece;
	if (end <= e->tcp[dir].acked)
		taken.doubts = 0; /* somebody took these bytes */
	if (e->tcp[dir].stream)
		settle(t, e, dir, &taken);
	if ((piece->seq > next && piece->seq > e->tcp[dir].acked) || taken.doubts) {
		if (put_aside(t, e, dir, &taken, time))
			return;
		if (flow_wanted(e, dir) && piece->seq + piece->length > e->tcp[dir].handed &&
		    (piece->seq > e->tcp[dir].handed || taken.doubts))
			e->f.flags |= FLOW_MEMORY_REACHED;
		taken.doubts = 0;
		if (e->tcp[dir].stream)
			settle(t, e, dir, &taken);
	}
	pass(t, e, dir, &taken, time);
}
