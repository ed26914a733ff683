/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/companions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/vec.h"

int archive_companions_put(struct archive_companions *c, uint32_t number, uint64_t value, uint8_t *ret_code)
{
	while (c->n <= number) {
		int r = VEC_RESERVE(c->counts, &c->counts_cap, c->n, ARCHIVE_STREAM_VALUES_MAX);
		if (r == 0)
			r = VEC_RESERVE(
			    c->values, &c->values_cap, 2 * c->n + 1, 2 * ARCHIVE_STREAM_VALUES_MAX);
		if (r < 0)
			return r;
		c->counts[c->n] = 0;
		c->values[2 * c->n] = c->values[2 * c->n + 1] = 0;
		c->n++;
	}
	uint64_t *of = &c->values[2 * (size_t)number];
	unsigned code = 0;
	while (code < c->counts[number] && of[code] != value)
		code++;
	if (code < ARCHIVE_COMPANION_OTHER && code == c->counts[number]) {
		of[code] = value;
		c->counts[number]++;
	}
	*ret_code = (uint8_t)code;
	return 0;
}

int archive_companions_store(
    const struct archive_companions *c, const uint32_t *places, size_t n, struct dynbuf *out, uint64_t seed)
{
	if (n > ARCHIVE_STREAM_VALUES_MAX)
		return -ERR_LIMIT;
	uint64_t *v = malloc((n + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (size_t which = 0; which < 2; which++) {
		memset(v, 0, n * sizeof(*v));
		for (size_t i = 0; i < n && i < c->n; i++)
			v[places[i]] = c->values[2 * i + which];
		(void)archive_stream_put(out, v, n, seed);
	}
	free(v);
	return out->error;
}

void archive_companions_reset(struct archive_companions *c)
{
	c->n = 0;
}

void archive_companions_free(struct archive_companions *c)
{
	free(c->values);
	free(c->counts);
	*c = (struct archive_companions){0};
}

unsigned archive_companion_place(const struct archive_layout *layout, unsigned column)
{
	unsigned place = 0;
	if (!layout->columns[column].companion)
		return ARCHIVE_COMPANIONS_MAX;
	for (unsigned i = 0; i < column; i++)
		place += layout->columns[i].companion > 0;
	return place;
}
