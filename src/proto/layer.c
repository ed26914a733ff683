/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * One parser at work: it is shown bytes, what it leaves unread is kept, what it wants skipped is never
 * copied.
 */

#include <assert.h>
#include <errno.h>

#include "base/err.h"
#include "proto/private.h"

bool proto_memory_take(struct proto *p, size_t bytes)
{
	if (bytes > p->config.memory_max || p->stats.memory > p->config.memory_max - bytes)
		return false;
	p->stats.memory += bytes;
	if (p->stats.memory > p->stats.memory_peak)
		p->stats.memory_peak = p->stats.memory;
	return true;
}

void proto_memory_give(struct proto *p, size_t bytes)
{
	assert(bytes <= p->stats.memory);
	p->stats.memory -= bytes;
}

int side_keep(struct proto *p, struct proto_side *s, const uint8_t *bytes, size_t n, size_t max)
{
	size_t cap = s->kept.cap;
	if (n > max || s->kept.n > max - n)
		return -ERR_LIMIT;
	/* the buffer at most doubles, or takes 256 bytes at first */
	if (n > cap - s->kept.n && p->stats.memory + 2 * (s->kept.n + n) + 256 > p->config.memory_max)
		return -ENOMEM;
	s->kept.max = max;
	dynbuf_append(&s->kept, bytes, n);
	if (s->kept.cap > cap)
		proto_memory_take(p, s->kept.cap - cap);
	return s->kept.error;
}

void side_free(struct proto *p, struct proto_side *s)
{
	proto_memory_give(p, s->kept.cap);
	dynbuf_free(&s->kept);
	s->kept.max = 0;
}

/* Drops what was read; a large buffer doesn't stay with a flow that needs it no more. */
static void side_drop_front(struct proto *p, struct proto_side *s, size_t n)
{
	dynbuf_drop_front(&s->kept, n);
	if (s->kept.n == 0 && s->kept.cap > PROTO_BUFFER_KEEP)
		side_free(p, s);
}

int layer_begin(struct proto *p, struct proto_layer *l, const struct proto_parser *parser)
{
	void *state = NULL;
	if (!proto_memory_take(p, parser->state_size))
		return -ENOMEM;
	if (parser->state_size && !(state = spare_take(&p->spare_states[parser->app]))) {
		proto_memory_give(p, parser->state_size);
		return -ENOMEM;
	}
	l->parser = parser;
	l->state = state;
	l->app = parser->app;
	return 0;
}

/* A parser is called with the fields of its own depth empty, and leaves none behind. */
static void layer_enter(struct proto_context *c, struct proto_layer *l)
{
	c->layer = l;
	c->first_field = c->proto->n_fields;
	c->first_value = c->proto->values.n;
}

void layer_end(struct proto_context *c, struct proto_layer *l)
{
	struct proto *p = c->proto;
	if (l->parser) {
		if (l->parser->close) {
			layer_enter(c, l);
			l->parser->close(c, l->state);
			proto_discard(c);
		}
		proto_memory_give(p, l->parser->state_size + l->account);
		spare_give(&p->spare_states[l->parser->app], l->state);
	}
	side_free(p, &l->side[0]);
	side_free(p, &l->side[1]);
	*l = (struct proto_layer){0};
}

static struct proto_progress layer_parse(
    struct proto_context *c, struct proto_layer *l, enum flow_dir dir, const uint8_t *p, size_t n, bool end)
{
	layer_enter(c, l);
	struct proto_progress r = l->parser->parse(c, l->state, dir, n ? p : (const uint8_t *)"", n, end);
	proto_discard(c);
	assert(r.used <= n);
	if (c->pf->over_memory)
		r.verdict = PROTO_BROKEN;
	return r;
}

/* What a verdict other than PROTO_MORE means for the layer. */
static enum layer_outcome layer_verdict(
    struct proto_context *c, struct proto_layer *l, enum flow_dir dir, struct proto_progress r)
{
	switch (r.verdict) {
	case PROTO_MORE: break;
	case PROTO_DONE:
		l->side[dir].done = true;
		side_free(c->proto, &l->side[dir]);
		return l->side[!dir].done ? LAYER_DONE : LAYER_GOES_ON;
	case PROTO_DONE_BOTH: return LAYER_DONE;
	case PROTO_SWITCH: return LAYER_SWITCH;
	case PROTO_BROKEN: return LAYER_BROKEN;
	}
	return LAYER_GOES_ON;
}

/* Shows the parser what is kept, as long as it consumes. */
static enum layer_outcome layer_feed_kept(
    struct proto_context *c, struct proto_layer *l, enum flow_dir dir, bool *wake_other)
{
	struct proto_side *s = &l->side[dir];
	struct proto_progress r = {.verdict = PROTO_MORE};
	size_t at = 0;
	do {
		r = layer_parse(c, l, dir, s->kept.p + at, s->kept.n - at, false);
		at += r.used;
		size_t skipped = r.skip < s->kept.n - at ? (size_t)r.skip : s->kept.n - at;
		at += skipped;
		s->skip = r.skip - skipped;
		r.used += skipped;
		*wake_other |= r.wake_other;
	} while (r.verdict == PROTO_MORE && r.used && at < s->kept.n);
	side_drop_front(c->proto, s, at);
	return layer_verdict(c, l, dir, r);
}

/* One round of layer_feed: from the buffer, with as much of the segment as fits, or from the segment itself.
 */
static enum layer_outcome layer_feed_some(
    struct proto_context *c, struct proto_layer *l, enum flow_dir dir, struct text *rest, bool *wake_other)
{
	struct proto_side *s = &l->side[dir];
	const uint8_t *p = (const uint8_t *)rest->p;
	size_t max = l->parser->buffer_max;
	if (s->kept.n) {
		size_t take = rest->n < max - s->kept.n ? rest->n : max - s->kept.n;
		/* no room: the parser waits for more than it may keep */
		if (take == 0 || side_keep(c->proto, s, p, take, max) < 0)
			return LAYER_BROKEN;
		*rest = text_sub(*rest, take, rest->n);
		return layer_feed_kept(c, l, dir, wake_other);
	}
	struct proto_progress r = layer_parse(c, l, dir, p, rest->n, false);
	p += r.used;
	*rest = text_sub(*rest, r.used, rest->n);
	s->skip = r.skip;
	*wake_other |= r.wake_other;
	if (r.verdict == PROTO_MORE && r.used == 0 && r.skip == 0) {
		if (side_keep(c->proto, s, p, rest->n, max) < 0)
			return LAYER_BROKEN;
		rest->n = 0;
	}
	return layer_verdict(c, l, dir, r);
}

enum layer_outcome layer_feed(struct proto_context *c, struct proto_layer *l, enum flow_dir dir,
    const uint8_t *p, size_t n, enum flow_dir *ret_dir, struct text *ret_rest)
{
	struct proto_side *s = &l->side[dir];
	struct text rest = text_bytes(p, n);
	enum layer_outcome outcome = LAYER_GOES_ON;
	bool wake_other = false, ignored = false;
	while (outcome == LAYER_GOES_ON && !s->done) {
		size_t take = s->skip < rest.n ? (size_t)s->skip : rest.n;
		s->skip -= take;
		rest = text_sub(rest, take, rest.n);
		if (rest.n == 0)
			break;
		outcome = layer_feed_some(c, l, dir, &rest, &wake_other);
	}
	*ret_dir = dir;
	*ret_rest = rest;
	if (outcome == LAYER_GOES_ON && wake_other && l->side[!dir].kept.n) {
		*ret_dir = !dir;
		*ret_rest = (struct text){0};
		outcome = layer_feed_kept(c, l, !dir, &ignored);
	}
	return outcome;
}

enum layer_outcome layer_datagram(
    struct proto_context *c, struct proto_layer *l, enum flow_dir dir, const uint8_t *p, size_t n)
{
	struct proto_progress r;
	do {
		r = layer_parse(c, l, dir, p, n, false);
		size_t used = r.skip < n - r.used ? r.used + (size_t)r.skip : n;
		p += used;
		n -= used;
	} while (r.verdict == PROTO_MORE && r.used && n);
	return layer_verdict(c, l, dir, r);
}

enum layer_outcome layer_gap(
    struct proto_context *c, struct proto_layer *l, enum flow_dir dir, uint64_t length)
{
	struct proto_side *s = &l->side[dir];
	uint64_t skipped = s->skip < length ? s->skip : length;
	s->skip -= skipped;
	length -= skipped;
	if (length == 0)
		return LAYER_GOES_ON;
	if (!l->parser->gap)
		return LAYER_BROKEN;
	length += s->kept.n;
	side_drop_front(c->proto, s, s->kept.n);
	layer_enter(c, l);
	bool goes_on = l->parser->gap(c, l->state, dir, length);
	proto_discard(c);
	return goes_on && !c->pf->over_memory ? LAYER_GOES_ON : LAYER_BROKEN;
}

void layer_finish(struct proto_context *c, struct proto_layer *l)
{
	for (int dir = FLOW_FORWARD; dir <= FLOW_REVERSE; dir++) {
		struct proto_side *s = &l->side[dir];
		struct proto_progress r = {.used = 1, .verdict = PROTO_MORE};
		size_t at = 0;
		while (!s->done && r.used && r.verdict == PROTO_MORE) {
			r = layer_parse(c, l, dir, s->kept.p ? s->kept.p + at : NULL, s->kept.n - at, true);
			at += r.used;
		}
		if (r.verdict == PROTO_DONE_BOTH || r.verdict == PROTO_BROKEN)
			return;
	}
}
