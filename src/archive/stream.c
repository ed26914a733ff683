/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/stream.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive/bits.h"
#include "archive/stream_form.h"
#include "base/err.h"

/* What stands before a run's numbers. */
struct form {
	enum stream_packing packing;
	bool differences;
	uint64_t base, scale, first;
	size_t n;        /* numbers */
	size_t n_values; /* of the dictionary; 0: none */
	const uint8_t *values;
	unsigned value_width;
};

static uint64_t get_short(struct cursor *c, size_t bytes)
{
	const uint8_t *p = cursor_take(c, bytes);
	return p ? archive_bits_at(p, bytes, 0, (unsigned)bytes * 8) : 0;
}

/* Values below are from a byte each: above 64 they are no width. */
static unsigned get_width(struct cursor *c)
{
	unsigned width = cursor_u8(c);
	if (width > 64)
		c->failed = true;
	return c->failed ? 0 : width;
}

static const uint8_t *take_bits(struct cursor *c, size_t n, unsigned width)
{
	return cursor_take(c, archive_bits_size(n, width));
}

static bool get_form(struct cursor *c, size_t n, struct form *f)
{
	unsigned flags = cursor_u8(c), sizes = cursor_u8(c);
	f->packing = flags & STREAM_PACKING_MASK;
	f->differences = flags & STREAM_DIFFERENCES;
	if (flags > STREAM_FLAGS || f->packing > STREAM_PLANES || (sizes & 15) > 8 || sizes >> 4 > 8 ||
	    (!f->differences && sizes >> 4) || (f->differences && n == 0) || n > ARCHIVE_STREAM_VALUES_MAX)
		return false;
	f->n = n - f->differences;
	f->base = get_short(c, sizes & 15);
	f->first = get_short(c, sizes >> 4);
	f->scale = flags & STREAM_SCALED ? cursor_le64(c) : 1;
	f->n_values = 0;
	if (flags & STREAM_DICTIONARY) {
		f->n_values = cursor_le16(c);
		f->value_width = get_width(c);
		if (f->n_values == 0)
			return false;
		f->values = take_bits(c, f->n_values, f->value_width);
	}
	return cursor_ok(c);
}

/* The classes' table as it is read. What a void class holds is nowhere: its remainders have bits without end.
 */
struct class_table {
	uint64_t least[STREAM_CLASSES_MAX], mask[STREAM_CLASSES_MAX], width[STREAM_CLASSES_MAX];
	unsigned n, widest;
};

static const uint64_t VOID_WIDTH = UINT64_MAX / 2 / ARCHIVE_STREAM_VALUES_MAX;

static bool get_class_table(struct cursor *c, struct class_table *t)
{
	t->n = cursor_u8(c);
	t->widest = 0;
	if (t->n < 2 || t->n > STREAM_CLASSES_MAX)
		return false;
	for (unsigned k = 0; k < STREAM_CLASSES_MAX; k++) {
		bool there = k < t->n;
		unsigned low = there ? get_width(c) : 0, width = there ? get_width(c) : 0;
		t->least[k] = stream_class_least(low);
		t->mask[k] = archive_bits_mask(width);
		t->width[k] = there ? width : VOID_WIDTH;
		t->widest = width > t->widest ? width : t->widest;
	}
	return cursor_ok(c);
}

/*
 * Where the classes' bits and the remainders' begin, how many bytes are there from each on, and what becomes
 * of the numbers.
 */
struct classed {
	const uint8_t *classes, *rest;
	size_t classes_left, rest_left;
	unsigned class_width;
	uint64_t base, scale;
};

/* How far a run of classes is read, and at which bits. */
struct classed_at {
	size_t i, class_bit, bit;
};

static inline void get_classed(const struct classed *in, const struct class_table *t, struct classed_at *at,
    uint64_t k, uint64_t rest, uint64_t *v)
{
	v[at->i++] = in->base + in->scale * (t->least[k] + (rest & t->mask[k]));
	at->class_bit += in->class_width;
	at->bit += t->width[k];
}

/* Those whose bits are loaded eight bytes at a time; of the classes as many bytes are there, for they come
 * before. */
static void get_fast(
    const struct classed *in, const struct class_table *t, struct classed_at *ret_at, uint64_t *v, size_t n)
{
	const uint8_t *classes = in->classes, *rest = in->rest;
	const uint64_t class_mask = archive_bits_mask(in->class_width);
	struct classed_at at = {.i = 0};
	while (in->rest_left >= 8 && at.i < n && at.bit / 8 <= in->rest_left - 8)
		get_classed(in, t, &at,
		    load_le64(classes + at.class_bit / 8) >> at.class_bit % 8 & class_mask,
		    load_le64(rest + at.bit / 8) >> at.bit % 8, v);
	*ret_at = at;
}

/* The others: less than eight bytes of remainders are left, which get zeros behind them. */
static void get_last(
    const struct classed *in, const struct class_table *t, struct classed_at *at, uint64_t *v, size_t n)
{
	uint8_t end[24] = {0};
	size_t done = at->bit / 8 < in->rest_left ? at->bit / 8 : in->rest_left;
	if (at->i < n)
		memcpy(end, in->rest + done, in->rest_left - done);
	while (at->i < n && at->bit / 8 - done <= sizeof(end) - 8) {
		uint64_t k = archive_bits_at(in->classes, in->classes_left, at->class_bit, in->class_width);
		get_classed(in, t, at, k, load_le64(end + (at->bit / 8 - done)) >> at->bit % 8, v);
	}
}

/* Gives the bits of all remainders, which are more than are there if those aren't. */
static size_t get_remainders(const struct classed *in, const struct class_table *t, uint64_t *v, size_t n)
{
	struct classed_at at = {.i = 0};
	if (t->widest > 57) {
		while (at.i < n) {
			uint64_t k = archive_bits_at(
			    in->classes, in->classes_left, at.class_bit, in->class_width);
			get_classed(in, t, &at, k, archive_bits_at(in->rest, in->rest_left, at.bit, 64), v);
		}
	} else {
		get_fast(in, t, &at, v, n);
		get_last(in, t, &at, v, n);
	}
	return at.i == n ? at.bit : VOID_WIDTH;
}

static bool get_classes(struct cursor *c, size_t n, uint64_t base, uint64_t scale, uint64_t *v)
{
	struct class_table t;
	if (!get_class_table(c, &t))
		return false;
	struct classed in = {.class_width = archive_bits_of(t.n - 1), .base = base, .scale = scale};
	in.classes_left = cursor_left(c);
	in.classes = take_bits(c, n, in.class_width);
	if (!in.classes)
		return false;
	in.rest_left = cursor_left(c);
	in.rest = cursor_peek(c, 0);
	cursor_skip(c, (get_remainders(&in, &t, v, n) + 7) / 8);
	return cursor_ok(c);
}

static bool get_planes(struct cursor *c, size_t n, uint64_t base, uint64_t scale, uint64_t *v)
{
	unsigned width = cursor_u8(c);
	const uint8_t *p = width <= 8 ? cursor_take(c, n * width) : NULL;
	if (!p)
		return false;
	for (size_t i = 0; i < n; i++)
		v[i] = base;
	for (unsigned plane = 0; plane < width; plane++, p += n) {
		uint64_t factor = scale << plane * 8;
		for (size_t i = 0; i < n; i++)
			v[i] += p[i] * factor;
	}
	return true;
}

/* Numbers into the dictionary become its values, which have room behind the numbers. */
static bool look_up(const struct form *f, uint64_t *v, size_t n)
{
	uint64_t *values = v + n, most = 0;
	archive_bits_get(f->values, f->n_values, f->value_width, f->base, f->scale, values);
	for (size_t i = 0; i < n; i++)
		most = v[i] > most ? v[i] : most;
	if (n && most >= f->n_values)
		return false;
	for (size_t i = 0; i < n; i++)
		v[i] = values[v[i]];
	return true;
}

/* The run's numbers as values, or as steps between values. */
static bool get_numbers(struct cursor *c, const struct form *f, uint64_t *v)
{
	bool plain = f->n_values == 0;
	uint64_t base = plain ? f->base : 0, scale = plain ? f->scale : 1;
	bool good = false;
	switch (f->packing) {
	case STREAM_BITS: {
		unsigned width = get_width(c);
		const uint8_t *p = take_bits(c, f->n, width);
		good = p != NULL;
		if (good)
			archive_bits_get(p, f->n, width, base, scale, v);
		break;
	}
	case STREAM_CLASSES: good = get_classes(c, f->n, base, scale, v); break;
	case STREAM_PLANES: good = get_planes(c, f->n, base, scale, v); break;
	}
	return good && (plain || look_up(f, v, f->n));
}

static bool get_values(struct cursor *c, size_t n, const struct form *f, struct archive_stream *s)
{
	const uint8_t *width = cursor_peek(c, 1);
	if (f->packing == STREAM_BITS && !f->differences && f->n_values == 0 && width && *width == 0) {
		s->v[0] = f->base;
		s->mask = 0;
		cursor_skip(c, 1);
		return true;
	}
	if (!get_numbers(c, f, s->v + f->differences))
		return false;
	if (f->differences)
		s->v[0] = f->first;
	uint64_t *v = s->v, sum = v[0];
	for (size_t i = 1; f->differences && i < n; i++)
		v[i] = sum += v[i];
	return true;
}

/* Room for n values, and for one where there are none. */
static int begin(struct archive_stream *s, size_t n)
{
	s->n = 0;
	s->mask = SIZE_MAX;
	if (n >= s->cap) {
		uint64_t *v = reallocarray(s->v, n + 1, sizeof(*v));
		if (!v)
			return -ENOMEM;
		s->v = v;
		s->cap = n + 1;
	}
	s->v[0] = 0;
	return 0;
}

int archive_stream_get(struct cursor *c, size_t n, struct archive_stream *s)
{
	struct form f = {.n_values = 0};
	bool good = get_form(c, n, &f);
	int r = begin(s, good ? n + f.n_values : 0);
	if (r < 0)
		return r;
	if (!good || !get_values(c, n, &f, s) || !cursor_ok(c)) {
		s->mask = SIZE_MAX;
		return -ERR_MALFORMED;
	}
	s->n = n;
	return 0;
}

/* The value of a number, by way of the dictionary if there is one. False: there is no such number in it. */
static bool value_of(const struct form *f, uint64_t number, uint64_t *ret_value)
{
	if (f->n_values && number >= f->n_values)
		return false;
	if (f->n_values)
		number = archive_bits_at(f->values, archive_bits_size(f->n_values, f->value_width),
		    number * f->value_width, f->value_width);
	*ret_value = f->base + f->scale * number;
	return true;
}

/* Rows of a run of BITS, each by its place. False: malformed. */
static bool pick_bits(
    struct cursor *c, const struct form *f, const uint32_t *rows, size_t n_rows, uint64_t *v)
{
	unsigned width = get_width(c);
	size_t size = archive_bits_size(f->n, width);
	const uint8_t *p = cursor_take(c, size);
	if (!p)
		return false;
	for (size_t i = 0; i < n_rows; i++)
		if (!value_of(f, archive_bits_at(p, size, rows[i] * (size_t)width, width), &v[i]))
			return false;
	return true;
}

enum { CLASS_GROUP_BITS = 8 };

/* How many bits the remainders of some classes take in all, by those classes' bits together. */
struct class_sums {
	unsigned classes, bits;
	uint64_t of[1 << CLASS_GROUP_BITS];
};

static void sum_classes(struct class_sums *s, const struct class_table *t, unsigned class_width)
{
	s->classes = CLASS_GROUP_BITS / class_width;
	s->bits = s->classes * class_width;
	s->of[0] = 0;
	for (unsigned bits = 0; bits < s->bits; bits += class_width)
		for (size_t k = (size_t)1 << class_width; k-- > 0;)
			for (size_t i = 0; i < (size_t)1 << bits; i++)
				s->of[k << bits | i] = s->of[i] + t->width[k];
}

/*
 * Rows of a run of CLASSES: the remainder of each stands behind those of all rows before it, whose bits are
 * added up some classes at a time. False: malformed.
 */
static bool pick_classes(
    struct cursor *c, const struct form *f, const uint32_t *rows, size_t n_rows, uint64_t *v)
{
	struct class_table t;
	struct class_sums sums;
	size_t picked = 0, i = 0;
	uint64_t bit = 0;
	if (!get_class_table(c, &t))
		return false;
	unsigned width = archive_bits_of(t.n - 1);
	size_t size = archive_bits_size(f->n, width);
	const uint8_t *classes = cursor_take(c, size);
	if (!classes)
		return false;
	sum_classes(&sums, &t, width);
	const uint64_t group_mask = archive_bits_mask(sums.bits);
	size_t left = cursor_left(c);
	const uint8_t *rest = cursor_peek(c, 0);
	while (i < f->n) {
		size_t next = picked < n_rows ? rows[picked] : f->n;
		/* most are loaded eight bytes at a time */
		for (; i + sums.classes <= next && i * width / 8 + 8 <= size; i += sums.classes)
			bit += sums.of[load_le64(classes + i * width / 8) >> i * width % 8 & group_mask];
		for (; i + sums.classes <= next; i += sums.classes)
			bit += sums.of[archive_bits_at(classes, size, i * width, sums.bits)];
		if (i == f->n)
			break;
		uint64_t k = archive_bits_at(classes, size, i * width, width);
		if (i == next) {
			uint64_t number = t.least[k] + (archive_bits_at(rest, left, bit, 64) & t.mask[k]);
			if (!value_of(f, number, &v[picked++]))
				return false;
		}
		bit += t.width[k];
		i++;
	}
	cursor_skip(c, (size_t)((bit + 7) / 8));
	return cursor_ok(c);
}

int archive_stream_pick(
    struct cursor *c, size_t n, const uint32_t *rows, size_t n_rows, struct archive_stream *s)
{
	struct cursor ahead = *c;
	struct form f = {.n_values = 0};
	assert(n_rows == 0 || rows[n_rows - 1] < n);
	s->n = 0;
	if (!get_form(&ahead, n, &f))
		return -ERR_MALFORMED;
	if (f.packing != STREAM_PLANES && !f.differences) {
		int r = begin(s, n_rows);
		if (r < 0)
			return r;
		if (f.packing == STREAM_BITS ? !pick_bits(&ahead, &f, rows, n_rows, s->v)
		                             : !pick_classes(&ahead, &f, rows, n_rows, s->v))
			return -ERR_MALFORMED;
		*c = ahead;
	} else {
		int r = archive_stream_get(c, n, s);
		if (r < 0)
			return r;
		for (size_t i = 0; i < n_rows; i++)
			s->v[i] = s->v[rows[i]];
	}
	s->n = n_rows;
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
