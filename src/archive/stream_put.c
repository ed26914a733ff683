/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive/bits.h"
#include "archive/stream.h"
#include "archive/stream_form.h"
#include "base/err.h"

enum {
	SLOTS = 4 * ARCHIVE_STREAM_DICTIONARY_MAX,
	PROBES_MAX = 16, /* a run whose values collide gets no dictionary */
	EARLY = 256, /* after so many values, a dictionary that grows by nearly each of them is given up */
	GROUPS = 256,
	REPEAT_BITS = 32, /* of numbers that come again together: what a match costs zstd, and a little */
	REPEAT_MIN_VALUES = 4,
	REPEAT_SLOTS = 4096,
	COMPRESS_MIN_BITS = 512,
};

/* Distinct numbers, in the order in which they first come. */
struct dictionary {
	uint64_t values[ARCHIVE_STREAM_DICTIONARY_MAX];
	uint32_t counts[ARCHIVE_STREAM_DICTIONARY_MAX];
	uint16_t slots[SLOTS]; /* number + 1; 0: free */
	uint16_t rank[ARCHIVE_STREAM_DICTIONARY_MAX];
	size_t n;
	unsigned width; /* of its values */
};

/* A run being written. Numbers are values less the base, divided by the scale. */
struct run {
	const uint64_t *v;
	size_t n;
	uint64_t base, scale;
	uint64_t *x;      /* numbers: the values', the steps' or those into the dictionary */
	uint16_t *places; /* into the dictionary, as found */
	uint64_t most;    /* largest number */
	uint64_t step;    /* least step between numbers, as signed */
	uint64_t step_range;
	struct dictionary dictionary;
	struct stream_classes classes;
	bool distinct; /* values hardly ever come again */
	enum stream_packing packing;
	unsigned flags;
};

/* Numbers of all values into r->x. */
static void make_numbers(struct run *r)
{
	struct stream_divisor by = stream_divisor_of(r->scale);
	if (r->scale == 1)
		for (size_t i = 0; i < r->n; i++)
			r->x[i] = r->v[i] - r->base;
	else
		for (size_t i = 0; i < r->n; i++)
			r->x[i] = stream_divide(by, r->v[i] - r->base);
}

static void survey_steps(struct run *r)
{
	int64_t least = INT64_MAX, most = INT64_MIN;
	for (size_t i = 1; i < r->n; i++) {
		int64_t d = (int64_t)(r->x[i] - r->x[i - 1]);
		least = d < least ? d : least;
		most = d > most ? d : most;
	}
	r->step = (uint64_t)least;
	r->step_range = (uint64_t)most - (uint64_t)least;
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

static void choose_plain(struct run *r)
{
	struct lengths l = {0};
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

/* The place of x, which is added if it is new; the maximum where there is no room. */
static size_t place_of(struct dictionary *d, uint64_t x, uint64_t seed)
{
	size_t slot = (size_t)x;
	if (x >= SLOTS) {
		uint64_t h = (x ^ seed) * UINT64_C(0x9e3779b97f4a7c15);
		slot = (h ^ h >> 32) * UINT64_C(0xd6e8feb86659fd93) >> 52;
	}
	for (int probe = 0; probe < PROBES_MAX; probe++, slot = (slot + 1) % SLOTS) {
		size_t place = d->slots[slot] - (size_t)1;
		if (d->slots[slot] == 0) {
			if (d->n == ARCHIVE_STREAM_DICTIONARY_MAX)
				break;
			d->values[d->n] = x;
			d->counts[d->n++] = 0;
			d->slots[slot] = (uint16_t)d->n;
			return d->n - 1;
		}
		if (d->values[place] == x)
			return place;
	}
	return ARCHIVE_STREAM_DICTIONARY_MAX;
}

/* False where there are too many. r->distinct tells whether that showed because hardly any value comes again.
 */
static bool fill_dictionary(struct run *r, uint64_t seed)
{
	struct dictionary *d = &r->dictionary;
	size_t most = (size_t)(r->classes.bits / (d->width + 1)), place = 0;
	memset(d->slots, 0, sizeof(d->slots));
	d->n = 0;
	for (size_t i = 0; i < r->n; i++) {
		if (i == 0 || r->x[i] != r->x[i - 1])
			place = place_of(d, r->x[i], seed);
		r->distinct = i == EARLY && d->n > EARLY - EARLY / 16;
		if (place == ARCHIVE_STREAM_DICTIONARY_MAX || d->n > most || r->distinct)
			return false;
		r->places[i] = (uint16_t)place;
		d->counts[place]++;
	}
	return true;
}

/* Groups by how often a value comes, to an eighth or so: the order inside of one matters little. */
static unsigned frequency_group(uint32_t count)
{
	unsigned length = archive_bits_of(count);
	return length <= 3 ? count : (length - 2) * 8 - 4 + (count >> (length - 4) & 7);
}

/* Ranks by falling frequency, and how many numbers of each length there will be. */
static void rank_values(struct dictionary *d, uint32_t lengths[STREAM_LENGTHS])
{
	uint16_t starts[GROUPS + 1] = {0};
	for (size_t i = 0; i < d->n; i++)
		starts[GROUPS - 1 - frequency_group(d->counts[i]) + 1]++;
	for (size_t i = 1; i <= GROUPS; i++)
		starts[i] = (uint16_t)(starts[i] + starts[i - 1]);
	for (size_t i = 0; i < d->n; i++) {
		d->rank[i] = starts[GROUPS - 1 - frequency_group(d->counts[i])]++;
		lengths[archive_bits_of(d->rank[i])] += d->counts[i];
	}
}

static void choose_dictionary(struct run *r, uint64_t seed)
{
	struct dictionary *d = &r->dictionary;
	uint32_t lengths[STREAM_LENGTHS] = {0};
	struct stream_classes c;
	d->width = archive_bits_of(r->most);
	if (r->most <= 1 || !fill_dictionary(r, seed))
		return;
	rank_values(d, lengths);
	stream_classes_choose(lengths, &c);
	c.bits += 24 + d->n * d->width;
	if (c.bits < r->classes.bits) {
		r->classes = c;
		r->flags = STREAM_DICTIONARY;
	}
}

/*
 * Whether sequences come again, so that planes and zstd are shorter: the share of values at which some
 * numbers end that were seen before together, as many as carry REPEAT_BITS.
 */
static bool repeats(const struct run *r)
{
	uint32_t seen[REPEAT_SLOTS];
	size_t width = (size_t)(r->classes.bits / r->n) + 1, found = 0;
	size_t k = REPEAT_BITS / width + 1;
	k = k < REPEAT_MIN_VALUES ? REPEAT_MIN_VALUES : k;
	if (r->distinct || r->classes.bits < COMPRESS_MIN_BITS || r->n < 4 * k)
		return false;
	memset(seen, 0, sizeof(seen));
	const uint64_t factor = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t h = 0, last = 1;
	for (size_t i = 0; i <= k; i++)
		last *= factor;
	for (size_t i = 0; i < r->n; i++) {
		h = (h + r->x[i] + 1) * factor - (i >= k ? (r->x[i - k] + 1) * last : 0);
		uint32_t tag = (uint32_t)(h >> 32) | 1;
		uint32_t *slot = &seen[(h ^ h >> 29) % REPEAT_SLOTS];
		found += i >= k && *slot == tag;
		*slot = tag;
	}
	return found > r->n / 4;
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

static void put_bits(struct dynbuf *out, const uint64_t *x, size_t n, unsigned width)
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
	uint8_t *to = grow_bits(out, archive_bits_size(n, class_width));
	if (!to)
		return;
	struct archive_bits_writer classes = {.to = to};
	for (size_t i = 0; i < n; i++)
		archive_bits_put_one(&classes, c->of[archive_bits_of(x[i])], class_width);
	archive_bits_end(&classes);
	to = grow_bits(out, (size_t)(c->rest + 7) / 8);
	if (!to)
		return;
	struct archive_bits_writer rest = {.to = to};
	for (size_t i = 0; i < n; i++) {
		unsigned k = c->of[archive_bits_of(x[i])];
		archive_bits_put_one(&rest, x[i] - least[k], c->width[k]);
	}
	archive_bits_end(&rest);
}

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

static void put_dictionary(struct dynbuf *out, const struct dictionary *d)
{
	uint64_t ordered[ARCHIVE_STREAM_DICTIONARY_MAX];
	for (size_t i = 0; i < d->n; i++)
		ordered[d->rank[i]] = d->values[i];
	dynbuf_le16(out, (uint16_t)d->n);
	put_bits(out, ordered, d->n, d->width);
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
		put_dictionary(out, &r->dictionary);
}

/* Makes r->x what is to be packed. Gives the first number and how many there are. */
static const uint64_t *final_numbers(struct run *r, size_t *ret_n)
{
	*ret_n = r->n;
	if (r->flags & STREAM_DICTIONARY) {
		for (size_t i = 0; i < r->n; i++)
			r->x[i] = r->dictionary.rank[r->places[i]];
	} else if (r->flags & STREAM_DIFFERENCES) {
		for (size_t i = r->n - 1; i > 0; i--)
			r->x[i] -= r->x[i - 1] + r->step;
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
	survey_steps(r);
	if (archive_bits_of(r->step_range) < archive_bits_of(r->most))
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
	case STREAM_BITS: put_bits(out, x, n, r->classes.width[0]); break;
	case STREAM_CLASSES: put_classes(out, x, n, &r->classes); break;
	case STREAM_PLANES: put_planes(out, x, n, dictionary ? 1 : (unsigned)bytes_of(r->most)); break;
	}
}

bool archive_stream_put(struct dynbuf *out, const uint64_t *v, size_t n, uint64_t seed)
{
	uint64_t least = n ? v[0] : 0, most = least;
	if (n > ARCHIVE_STREAM_VALUES_MAX) {
		out->error = -ERR_LIMIT;
		return false;
	}
	for (size_t i = 1; i < n; i++) {
		least = v[i] < least ? v[i] : least;
		most = v[i] > most ? v[i] : most;
	}
	if (least == most) {
		put_constant(out, least);
		return false;
	}
	struct run r;
	r.x = malloc(n * (sizeof(*r.x) + sizeof(*r.places)));
	if (!r.x) {
		out->error = -ENOMEM;
		return false;
	}
	r.places = (uint16_t *)(r.x + n);
	r.v = v;
	r.n = n;
	r.base = least;
	r.most = most;
	r.distinct = false;
	r.flags = 0;
	put_run(out, &r, seed);
	free(r.x);
	return r.packing == STREAM_PLANES;
}
