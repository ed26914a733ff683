/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"

enum stream_encoding { STREAM_PLANES, STREAM_DELTA, STREAM_DICT };

enum { DICT_MAX = 256, DICT_SLOTS = 1024 };

/* Distinct values in the order in which they first come. */
struct dict {
	uint64_t values[DICT_MAX];
	uint16_t slots[DICT_SLOTS]; /* number + 1; 0: free */
	size_t n;
};

static unsigned width_of(uint64_t v)
{
	return v ? (71 - (unsigned)__builtin_clzll(v)) / 8 : 0;
}

/* The number of v, which is added if it is new; DICT_MAX where there is no room. */
static size_t dict_number(struct dict *d, uint64_t v, uint64_t seed)
{
	size_t slot = hash_bytes(&v, sizeof(v), seed) % DICT_SLOTS;
	while (d->slots[slot]) {
		size_t number = d->slots[slot] - 1u;
		if (d->values[number] == v)
			return number;
		slot = (slot + 1) % DICT_SLOTS;
	}
	if (d->n == DICT_MAX)
		return DICT_MAX;
	d->values[d->n++] = v;
	d->slots[slot] = (uint16_t)d->n;
	return d->n - 1;
}

static bool dict_fill(struct dict *d, const uint64_t *v, size_t n, uint64_t seed)
{
	memset(d->slots, 0, sizeof(d->slots));
	d->n = 0;
	for (size_t i = 0; i < n; i++)
		if ((i == 0 || v[i] != v[i - 1]) && dict_number(d, v[i], seed) == DICT_MAX)
			return false;
	return true;
}

static void put_dict(struct dynbuf *out, struct dict *d, const uint64_t *v, size_t n, uint64_t seed)
{
	dynbuf_u8(out, STREAM_DICT);
	dynbuf_le16(out, (uint16_t)d->n);
	for (size_t i = 0; i < d->n; i++)
		dynbuf_le64(out, d->values[i]);
	uint8_t *to = n ? dynbuf_grow(out, n) : NULL;
	if (!to)
		return;
	size_t number = 0;
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || v[i] != v[i - 1])
			number = dict_number(d, v[i], seed);
		to[i] = (uint8_t)number;
	}
}

static void put_planes(struct dynbuf *out, const uint64_t *v, size_t n, uint64_t base, unsigned width)
{
	for (unsigned shift = 0; shift < width * 8; shift += 8) {
		uint8_t *to = dynbuf_grow(out, n);
		if (!to)
			return;
		for (size_t i = 0; i < n; i++)
			to[i] = (uint8_t)((v[i] - base) >> shift);
	}
}

static void put_delta_planes(struct dynbuf *out, const uint64_t *v, size_t n, uint64_t base, unsigned width)
{
	for (unsigned shift = 0; shift < width * 8; shift += 8) {
		uint8_t *to = dynbuf_grow(out, n - 1);
		if (!to)
			return;
		for (size_t i = 1; i < n; i++)
			to[i - 1] = (uint8_t)((archive_zigzag(v[i - 1], v[i]) - base) >> shift);
	}
}

/* What the two ways would take, in bytes that aren't zero: zeros cost next to nothing once compressed. */
struct survey {
	uint64_t min, max, delta_min, delta_max;
	size_t plain, delta;
};

static struct survey survey_of(const uint64_t *v, size_t n)
{
	struct survey s = {.min = v[0], .max = v[0], .delta_min = n > 1 ? UINT64_MAX : 0};
	for (size_t i = 1; i < n; i++) {
		uint64_t z = archive_zigzag(v[i - 1], v[i]);
		s.min = v[i] < s.min ? v[i] : s.min;
		s.max = v[i] > s.max ? v[i] : s.max;
		s.delta_min = z < s.delta_min ? z : s.delta_min;
		s.delta_max = z > s.delta_max ? z : s.delta_max;
	}
	if (s.min == s.max)
		return s;
	for (size_t i = 0; i < n; i++)
		s.plain += width_of(v[i] - s.min);
	for (size_t i = 1; i < n; i++)
		s.delta += width_of(archive_zigzag(v[i - 1], v[i]) - s.delta_min);
	return s;
}

void archive_stream_put(struct dynbuf *out, const uint64_t *v, size_t n, uint64_t seed)
{
	struct dict d;
	struct survey s = n ? survey_of(v, n) : (struct survey){0};
	unsigned width = width_of(s.max - s.min);
	size_t least = s.delta < s.plain ? s.delta : s.plain;
	if (width > 1 && least > n && dict_fill(&d, v, n, seed) && least > n + d.n * 8) {
		put_dict(out, &d, v, n, seed);
	} else if (s.delta < s.plain) {
		width = width_of(s.delta_max - s.delta_min);
		dynbuf_u8(out, STREAM_DELTA);
		dynbuf_le64(out, v[0]);
		dynbuf_le64(out, s.delta_min);
		dynbuf_u8(out, (uint8_t)width);
		put_delta_planes(out, v, n, s.delta_min, width);
	} else {
		dynbuf_u8(out, STREAM_PLANES);
		dynbuf_le64(out, s.min);
		dynbuf_u8(out, (uint8_t)width);
		put_planes(out, v, n, s.min, width);
	}
}

static void add_planes(uint64_t *v, const uint8_t *p, size_t n, uint64_t base, unsigned width)
{
	for (size_t i = 0; i < n; i++)
		v[i] = base + p[i];
	for (unsigned plane = 1; plane < width; plane++) {
		const uint8_t *from = p + plane * n;
		unsigned shift = plane * 8;
		for (size_t i = 0; i < n; i++)
			v[i] += (uint64_t)from[i] << shift;
	}
}

static const uint8_t *take_planes(struct cursor *c, size_t n, uint64_t *ret_base, unsigned *ret_width)
{
	*ret_base = cursor_le64(c);
	*ret_width = cursor_u8(c);
	if (*ret_width > 8)
		c->failed = true;
	return cursor_take(c, n * *ret_width);
}

static bool get_plain(struct cursor *c, size_t n, struct archive_stream *s)
{
	uint64_t base;
	unsigned width;
	const uint8_t *p = take_planes(c, n, &base, &width);
	if (!p)
		return false;
	if (width == 0) {
		s->v[0] = base;
		s->mask = 0;
	} else {
		add_planes(s->v, p, n, base, width);
	}
	return true;
}

static bool get_delta(struct cursor *c, size_t n, struct archive_stream *s)
{
	uint64_t first = cursor_le64(c), base;
	unsigned width;
	if (n == 0)
		return false;
	const uint8_t *p = take_planes(c, n - 1, &base, &width);
	if (!p)
		return false;
	s->v[0] = first;
	if (width == 0)
		for (size_t i = 1; i < n; i++)
			s->v[i] = base;
	else
		add_planes(s->v + 1, p, n - 1, base, width);
	for (size_t i = 1; i < n; i++)
		s->v[i] = s->v[i - 1] + archive_unzigzag(s->v[i]);
	return true;
}

static bool get_dict(struct cursor *c, size_t n, struct archive_stream *s)
{
	uint64_t values[DICT_MAX] = {0};
	size_t count = cursor_le16(c);
	if (count > DICT_MAX)
		return false;
	for (size_t i = 0; i < count; i++)
		values[i] = cursor_le64(c);
	const uint8_t *p = cursor_take(c, n);
	if (!p)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (p[i] >= count)
			return false;
		s->v[i] = values[p[i]];
	}
	return true;
}

int archive_stream_get(struct cursor *c, size_t n, struct archive_stream *s)
{
	s->n = 0;
	if (n >= s->cap) {
		uint64_t *v = realloc(s->v, (n + 1) * sizeof(*v));
		if (!v)
			return -ENOMEM;
		s->v = v;
		s->cap = n + 1;
	}
	bool good = false;
	s->mask = SIZE_MAX;
	s->v[0] = 0;
	switch (cursor_u8(c)) {
	case STREAM_PLANES: good = get_plain(c, n, s); break;
	case STREAM_DELTA: good = get_delta(c, n, s); break;
	case STREAM_DICT: good = get_dict(c, n, s); break;
	default: break;
	}
	if (!good || !cursor_ok(c))
		return -ERR_MALFORMED;
	s->n = n;
	return 0;
}

void archive_stream_expand(struct archive_stream *s)
{
	for (size_t i = 1; s->mask == 0 && i < s->n; i++)
		s->v[i] = s->v[0];
	s->mask = SIZE_MAX;
}

void archive_stream_free(struct archive_stream *s)
{
	free(s->v);
	*s = (struct archive_stream){0};
}
