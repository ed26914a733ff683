/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/stream_form.h"

#include <string.h>

#include "archive/bits.h"

/* More classes than these only as one for each length: the search is quadratic in the lengths. */
enum { SEARCHED_MAX = 16, TABLE_ENTRY_BITS = 16 };

struct search {
	size_t m; /* lengths that occur, ascending */
	uint8_t length[STREAM_LENGTHS];
	uint64_t before[STREAM_LENGTHS + 1]; /* numbers of the lengths before */
	/* by count of classes and of lengths: the bits of those lengths' numbers, and where the last class
	 * begins */
	uint64_t bits[SEARCHED_MAX + 1][STREAM_LENGTHS + 1];
	uint8_t from[SEARCHED_MAX + 1][STREAM_LENGTHS + 1];
};

/* The width of a class of lengths i to j. */
static unsigned width_of(const struct search *s, size_t i, size_t j)
{
	unsigned length = s->length[j];
	return i == j && length ? length - 1 : length;
}

static void search(struct search *s, size_t most)
{
	for (size_t j = 1; j <= s->m; j++) {
		s->bits[1][j] = s->before[j] * width_of(s, 0, j - 1);
		s->from[1][j] = 0;
	}
	for (size_t k = 2; k <= most; k++)
		for (size_t j = k; j <= s->m; j++) {
			uint64_t best = UINT64_MAX;
			for (size_t i = k - 1; i < j; i++) {
				uint64_t bits = s->bits[k - 1][i] +
				                (s->before[j] - s->before[i]) * width_of(s, i, j - 1);
				if (bits < best) {
					best = bits;
					s->from[k][j] = (uint8_t)i;
				}
			}
			s->bits[k][j] = best;
		}
}

/* Class k holds lengths i to j. */
static void set_class(struct stream_classes *c, const struct search *s, size_t k, size_t i, size_t j)
{
	c->low[k] = s->length[i];
	c->width[k] = (uint8_t)width_of(s, i, j);
	for (size_t l = i; l <= j; l++)
		c->of[s->length[l]] = (uint8_t)k;
	c->rest += (s->before[j + 1] - s->before[i]) * c->width[k];
}

static uint64_t overhead(const struct search *s, size_t classes)
{
	return classes == 1 ? 0 : s->before[s->m] * archive_bits_of(classes - 1) + classes * TABLE_ENTRY_BITS;
}

void stream_classes_choose(const uint32_t lengths[STREAM_LENGTHS], struct stream_classes *ret_classes)
{
	struct search s;
	uint64_t each = 0;
	s.m = 0;
	s.before[0] = 0;
	for (unsigned l = 0; l < STREAM_LENGTHS; l++)
		if (lengths[l]) {
			each += (uint64_t)lengths[l] * (l ? l - 1 : 0);
			s.length[s.m] = (uint8_t)l;
			s.before[s.m + 1] = s.before[s.m] + lengths[l];
			s.m++;
		}
	struct stream_classes c = {.n = 1};
	if (s.m == 0) {
		*ret_classes = c;
		return;
	}
	size_t most = s.m < SEARCHED_MAX ? s.m : SEARCHED_MAX;
	search(&s, most);
	/* a single class begins at 0, so that it is BITS */
	c.bits = s.before[s.m] * s.length[s.m - 1];
	for (size_t k = 2; k <= most; k++) {
		uint64_t bits = s.bits[k][s.m] + overhead(&s, k);
		if (bits < c.bits) {
			c.bits = bits;
			c.n = k;
		}
	}
	if (s.m <= STREAM_CLASSES_MAX && each + overhead(&s, s.m) < c.bits) {
		c.bits = each + overhead(&s, s.m);
		c.n = s.m;
		for (size_t i = 0; i < s.m; i++)
			set_class(&c, &s, i, i, i);
	} else if (c.n == 1) {
		c.width[0] = s.length[s.m - 1];
	} else {
		for (size_t k = c.n, end = s.m; k > 0; k--) {
			size_t from = s.from[k][end];
			set_class(&c, &s, k - 1, from, end - 1);
			end = from;
		}
	}
	*ret_classes = c;
}
