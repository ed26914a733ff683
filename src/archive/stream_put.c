/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive/bits.h"
#include "archive/stream.h"
#include "archive/stream_form.h"
#include "base/err.h"

enum {
	REPEAT_BITS = 32, /* of numbers that come again together: what a match costs zstd, and a little */
	REPEAT_MIN_VALUES = 4,
	REPEAT_SLOTS = 2048,
	REPEAT_SAMPLE = 1024, /* so many numbers show whether sequences come again */
	REPEAT_LONG = 8192,   /* of longer runs so many in REPEAT_PARTS places */
	REPEAT_PARTS = 4,
	COMPRESS_MIN_BITS = 512,
	STEPS_AT_ONCE = 64,
};

/* A run being written. Numbers are values less the base, divided by the scale. */
struct run {
	const uint64_t *v;
	size_t n;
	uint64_t base, scale;
	uint64_t *x;   /* numbers: the values', the steps' or those into the dictionary */
	uint64_t most; /* largest number */
	uint64_t step; /* least step between numbers, as signed */
	uint64_t step_range;
	struct stream_dictionary dictionary;
	struct stream_classes classes;
	enum stream_packing packing;
	unsigned flags;
};

/* Numbers of all values into r->x. */
static void make_numbers(struct run *r)
{
	/* in variables, since for the compiler what is written might be the run's own */
	const struct stream_divisor by = stream_divisor_of(r->scale);
	const uint64_t *v = r->v, base = r->base;
	const size_t n = r->n;
	uint64_t *x = r->x;
	if (r->scale == 1)
		for (size_t i = 0; i < n; i++)
			x[i] = v[i] - base;
	else
		for (size_t i = 0; i < n; i++)
			x[i] = stream_divide(by, v[i] - base);
}

/* Whether steps take fewer bits than the numbers. Where they don't, that shows soon. */
static bool survey_steps(struct run *r)
{
	const unsigned width = archive_bits_of(r->most);
	int64_t least = INT64_MAX, most = INT64_MIN;
	uint64_t last = r->x[0];
	for (size_t i = 1, end; i < r->n; i = end) {
		end = r->n - i < STEPS_AT_ONCE ? r->n : i + STEPS_AT_ONCE;
		for (size_t k = i; k < end; k++) {
			int64_t d = (int64_t)(r->x[k] - last);
			last = r->x[k];
			least = d < least ? d : least;
			most = d > most ? d : most;
		}
		if (archive_bits_of((uint64_t)most - (uint64_t)least) >= width)
			return false;
	}
	r->step = (uint64_t)least;
	r->step_range = (uint64_t)most - (uint64_t)least;
	return true;
}

/* Counts in turn in two places, for a count that follows upon itself waits for itself. */
struct lengths {
	uint32_t of[2][STREAM_LENGTHS];
};

static void choose_classes(struct lengths *l, struct stream_classes *ret_classes)
{
	for (size_t k = 0; k < STREAM_LENGTHS; k++)
		l->of[0][k] += l->of[1][k];
	stream_classes_choose(l->of[0], ret_classes);
}

/* Where values are counted, each is looked at instead of each number. */
static void choose_plain(struct run *r)
{
	struct lengths l = {0};
	if (stream_dictionary_count(&r->dictionary, r->x, r->n, r->most))
		stream_dictionary_lengths(&r->dictionary, l.of[0]);
	else
		for (size_t i = 0; i < r->n; i++)
			l.of[i % 2][archive_bits_of(r->x[i])]++;
	choose_classes(&l, &r->classes);
}

static void choose_steps(struct run *r)
{
	struct lengths l = {0};
	struct stream_classes c;
	for (size_t i = 1; i < r->n; i++)
		l.of[i % 2][archive_bits_of(r->x[i] - r->x[i - 1] - r->step)]++;
	choose_classes(&l, &c);
	if (c.bits + 128 < r->classes.bits) {
		r->classes = c;
		r->flags |= STREAM_DIFFERENCES;
	}
}

static void choose_dictionary(struct run *r, uint64_t seed)
{
	struct stream_dictionary *d = &r->dictionary;
	uint32_t lengths[STREAM_LENGTHS] = {0};
	struct stream_classes c;
	/* no more values than the numbers take as they are */
	size_t most = (size_t)(r->classes.bits / (archive_bits_of(r->most) + 1));
	if (r->most <= 1 || !stream_dictionary_fill(d, r->x, r->n, most, seed))
		return;
	stream_dictionary_rank(d, lengths);
	stream_classes_choose(lengths, &c);
	c.bits += 24 + d->n * d->width;
	if (c.bits < r->classes.bits) {
		r->classes = c;
		r->flags = STREAM_DICTIONARY;
	}
}

/* Numbers that were seen together, as many at a time as carry REPEAT_BITS: how many come again. */
struct repeats {
	uint32_t seen[REPEAT_SLOTS];
	size_t together, found;
};

static void look_for_repeats(struct repeats *s, const uint64_t *x, size_t n)
{
	const uint64_t factor = UINT64_C(0x9e3779b97f4a7c15);
	const size_t k = s->together;
	uint64_t h = 0, last = 1;
	for (size_t i = 0; i <= k; i++)
		last *= factor;
	for (size_t i = 0; i < n; i++) {
		h = (h + x[i] + 1) * factor - (i >= k ? (x[i - k] + 1) * last : 0);
		uint32_t tag = (uint32_t)(h >> 32) | 1;
		uint32_t *slot = &s->seen[(h ^ h >> 29) % REPEAT_SLOTS];
		s->found += i >= k && *slot == tag;
		*slot = tag;
	}
}

/* Whether sequences come again, so that planes and zstd are shorter. Of long runs some parts are looked at.
 */
static bool repeats(const struct run *r)
{
	struct repeats s;
	size_t width = (size_t)(r->classes.bits / r->n) + 1;
	size_t n = r->n < REPEAT_SAMPLE ? r->n : REPEAT_SAMPLE, parts = r->n > REPEAT_LONG ? REPEAT_PARTS : 1;
	s.together = REPEAT_BITS / width + 1;
	s.together = s.together < REPEAT_MIN_VALUES ? REPEAT_MIN_VALUES : s.together;
	s.found = 0;
	if (r->dictionary.distinct || r->classes.bits < COMPRESS_MIN_BITS || n < 4 * s.together * parts)
		return false;
	memset(s.seen, 0, sizeof(s.seen));
	for (size_t part = 0; part < parts; part++)
		look_for_repeats(&s, r->x + r->n / parts * part, n / parts);
	return s.found > n / 4;
}

static void put_short(struct dynbuf *out, uint64_t v, size_t bytes)
{
	uint8_t eight[8];
	store_le64(eight, v);
	dynbuf_append(out, eight, bytes);
}

static size_t bytes_of(uint64_t v)
{
	return (archive_bits_of(v) + 7) / 8;
}

/* Room for packed bits, with the slack behind it that writing them needs. */
static uint8_t *grow_bits(struct dynbuf *out, size_t bytes)
{
	uint8_t *to = dynbuf_grow(out, bytes + ARCHIVE_BITS_SLACK);
	if (to)
		out->n -= ARCHIVE_BITS_SLACK;
	return to;
}

void stream_put_bits(struct dynbuf *out, const uint64_t *x, size_t n, unsigned width)
{
	dynbuf_u8(out, (uint8_t)width);
	uint8_t *to = grow_bits(out, archive_bits_size(n, width));
	if (to)
		archive_bits_put(to, x, n, width);
}

static void put_classes(struct dynbuf *out, const uint64_t *x, size_t n, const struct stream_classes *c)
{
	unsigned class_width = archive_bits_of(c->n - 1);
	uint64_t least[STREAM_CLASSES_MAX];
	dynbuf_u8(out, (uint8_t)c->n);
	for (size_t k = 0; k < c->n; k++) {
		dynbuf_u8(out, c->low[k]);
		dynbuf_u8(out, c->width[k]);
		least[k] = stream_class_least(c->low[k]);
	}
	const size_t size = archive_bits_size(n, class_width);
	uint8_t *to = grow_bits(out, size + (size_t)(c->rest + 7) / 8);
	if (!to)
		return;
	/* both at once: the classes are short, so writing them touches nothing of the remainders behind */
	struct archive_bits_writer classes = {.to = to}, rest = {.to = to + size};
	for (size_t i = 0; i < n; i++) {
		unsigned k = c->of[archive_bits_of(x[i])];
		archive_bits_put_part(&classes, k, class_width);
		archive_bits_put_one(&rest, x[i] - least[k], c->width[k]);
	}
	archive_bits_end(&classes);
	archive_bits_end(&rest);
}

_Static_assert(STREAM_CLASSES_MAX <= 1 << ARCHIVE_BITS_SHORT, "a class is short");

static void put_planes(struct dynbuf *out, const uint64_t *x, size_t n, unsigned width)
{
	dynbuf_u8(out, (uint8_t)width);
	for (unsigned shift = 0; shift < width * 8; shift += 8) {
		uint8_t *to = dynbuf_grow(out, n);
		if (!to)
			return;
		for (size_t i = 0; i < n; i++)
			to[i] = (uint8_t)(x[i] >> shift);
	}
}

static void put_form(struct dynbuf *out, const struct run *r)
{
	bool differences = r->flags & STREAM_DIFFERENCES;
	uint64_t base = differences ? r->step * r->scale : r->base;
	uint64_t first = differences ? r->v[0] : 0;
	bool even = differences && r->step_range == 0; /* steps */
	unsigned scaled = r->scale != 1 && !even ? STREAM_SCALED : 0;
	dynbuf_u8(out, (uint8_t)(r->packing | r->flags | scaled));
	dynbuf_u8(out, (uint8_t)(bytes_of(base) | bytes_of(first) << 4));
	put_short(out, base, bytes_of(base));
	put_short(out, first, bytes_of(first));
	if (scaled)
		dynbuf_le64(out, r->scale);
	if (r->flags & STREAM_DICTIONARY)
		stream_dictionary_put(out, &r->dictionary);
}

/* Makes r->x what is to be packed. Gives the first number and how many there are. */
static const uint64_t *final_numbers(struct run *r, size_t *ret_n)
{
	*ret_n = r->n;
	if (r->flags & STREAM_DICTIONARY) {
		stream_dictionary_number(&r->dictionary, r->x, r->n);
	} else if (r->flags & STREAM_DIFFERENCES) {
		const uint64_t step = r->step;
		uint64_t *x = r->x;
		for (size_t i = r->n - 1; i > 0; i--)
			x[i] -= x[i - 1] + step;
		*ret_n = r->n - 1;
		return r->x + 1;
	}
	return r->x;
}

static void put_constant(struct dynbuf *out, uint64_t v)
{
	dynbuf_u8(out, STREAM_BITS);
	dynbuf_u8(out, (uint8_t)bytes_of(v));
	put_short(out, v, bytes_of(v));
	dynbuf_u8(out, 0);
}

/* Chooses, and writes; r->base and r->most are there. */
static void put_run(struct dynbuf *out, struct run *r, uint64_t seed)
{
	r->scale = stream_scale(r->v, r->n, r->base);
	r->most = (r->most - r->base) / r->scale;
	make_numbers(r);
	choose_plain(r);
	if (survey_steps(r))
		choose_steps(r);
	choose_dictionary(r, seed);
	r->packing = r->classes.n > 1 ? STREAM_CLASSES : STREAM_BITS;
	if (repeats(r)) {
		r->packing = STREAM_PLANES;
		if (!(r->flags & STREAM_DICTIONARY) || r->dictionary.n > 256)
			r->flags = 0;
	}
	put_form(out, r);
	size_t n;
	const uint64_t *x = final_numbers(r, &n);
	bool dictionary = r->flags & STREAM_DICTIONARY;
	switch (r->packing) {
	case STREAM_BITS: stream_put_bits(out, x, n, r->classes.width[0]); break;
	case STREAM_CLASSES: put_classes(out, x, n, &r->classes); break;
	case STREAM_PLANES: put_planes(out, x, n, dictionary ? 1 : (unsigned)bytes_of(r->most)); break;
	}
}

bool archive_stream_put(struct dynbuf *out, const uint64_t *v, size_t n, uint64_t seed)
{
	uint64_t least = n ? v[0] : 0, most = least, different = 0;
	if (n > ARCHIVE_STREAM_VALUES_MAX) {
		out->error = -ERR_LIMIT;
		return false;
	}
	for (size_t i = 1; i < n; i++)
		different |= v[i] ^ least;
	if (different == 0) {
		put_constant(out, least);
		return false;
	}
	for (size_t i = 1; i < n; i++) {
		least = v[i] < least ? v[i] : least;
		most = v[i] > most ? v[i] : most;
	}
	struct run r = {.v = v, .n = n, .base = least, .most = most};
	r.x = malloc(n * sizeof(*r.x));
	if (!r.x || stream_dictionary_begin(&r.dictionary, n) < 0) {
		free(r.x);
		out->error = -ENOMEM;
		return false;
	}
	put_run(out, &r, seed);
	stream_dictionary_end(&r.dictionary);
	free(r.x);
	return r.packing == STREAM_PLANES;
}
