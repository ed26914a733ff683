/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/companions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "archive/varint.h"
#include "base/err.h"
#include "base/vec.h"

enum {
	AHEAD = 16,                              /* rows that memory is asked for early */
	ZSTD_LEVEL = 3,                          /* once a segment */
	RAW_MAX = 16 * ARCHIVE_STREAM_VALUES_MAX /* more than any run takes */
};

/* Room for entries up to `number`. */
static int reach(struct archive_companions *c, uint32_t number)
{
	const size_t n = (size_t)number + 1;
	int r = 0;
	while (r == 0 && c->counts_cap < n)
		r = VEC_RESERVE(c->counts, &c->counts_cap, c->counts_cap, ARCHIVE_STREAM_VALUES_MAX);
	while (r == 0 && c->values_cap < 2 * n)
		r = VEC_RESERVE(c->values, &c->values_cap, c->values_cap, 2 * ARCHIVE_STREAM_VALUES_MAX);
	if (r == 0 && c->n < n) {
		memset(c->counts + c->n, 0, (n - c->n) * sizeof(*c->counts));
		memset(c->values + 2 * c->n, 0, (n - c->n) * 2 * sizeof(*c->values));
		c->n = n;
	}
	return r;
}

static uint8_t put(struct archive_companions *c, uint32_t number, uint64_t value)
{
	uint64_t *of = &c->values[2 * (size_t)number];
	unsigned code = 0;
	while (code < c->counts[number] && of[code] != value)
		code++;
	if (code < ARCHIVE_COMPANION_OTHER && code == c->counts[number]) {
		of[code] = value;
		c->counts[number]++;
	}
	return (uint8_t)code;
}

int archive_companions_put(struct archive_companions *c, const uint32_t *numbers, const uint64_t *values,
    size_t n, uint8_t *ret_codes)
{
	uint32_t last = 0;
	for (size_t i = 0; i < n; i++)
		last = numbers[i] > last ? numbers[i] : last;
	int r = n ? reach(c, last) : 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (i + AHEAD < n)
			__builtin_prefetch(&c->values[2 * (size_t)numbers[i + AHEAD]], 1);
		ret_codes[i] = put(c, numbers[i], values[i]);
	}
	return r;
}

/* One run of values: its stored size, its size when decompressed (0: it isn't compressed), its bytes. */
static int store_values(const uint64_t *v, size_t n, struct dynbuf *raw, struct dynbuf *out, uint64_t seed)
{
	dynbuf_reset(raw);
	bool compress = archive_stream_put(raw, v, n, seed);
	if (raw->error)
		return raw->error;
	size_t room = ZSTD_compressBound(raw->n), got = 0;
	uint8_t *packed = compress ? malloc(room) : NULL;
	if (compress && !packed)
		return -ENOMEM;
	if (compress)
		got = ZSTD_compress(packed, room, raw->p, raw->n, ZSTD_LEVEL);
	compress = compress && !ZSTD_isError(got) && got < raw->n;
	archive_varint_put(out, compress ? got : raw->n);
	archive_varint_put(out, compress ? raw->n : 0);
	dynbuf_append(out, compress ? packed : raw->p, compress ? got : raw->n);
	free(packed);
	return out->error;
}

int archive_companions_store(
    const struct archive_companions *c, const uint32_t *places, size_t n, struct dynbuf *out, uint64_t seed)
{
	struct dynbuf raw = {0};
	if (n > ARCHIVE_STREAM_VALUES_MAX)
		return -ERR_LIMIT;
	uint64_t *v = malloc((n + 1) * sizeof(*v));
	int r = v ? 0 : -ENOMEM;
	for (size_t which = 0; r == 0 && which < 2; which++) {
		memset(v, 0, n * sizeof(*v));
		for (size_t i = 0; i < n && i < c->n; i++)
			v[places[i]] = c->values[2 * i + which];
		r = store_values(v, n, &raw, out, seed);
	}
	dynbuf_free(&raw);
	free(v);
	return r;
}

int archive_companions_load(struct cursor *c, size_t n, struct archive_stream *s)
{
	uint64_t stored = archive_varint_get(c), raw = archive_varint_get(c);
	struct cursor in = cursor_sub(c, (size_t)stored);
	uint8_t *unpacked = NULL;
	if (!cursor_ok(&in) || raw > RAW_MAX || n > ARCHIVE_STREAM_VALUES_MAX)
		return -ERR_MALFORMED;
	if (raw) {
		unpacked = malloc((size_t)raw);
		if (!unpacked)
			return -ENOMEM;
		if (ZSTD_decompress(unpacked, (size_t)raw, in.base, in.size) != raw) {
			free(unpacked);
			return -ERR_MALFORMED;
		}
		in = cursor_of(unpacked, (size_t)raw);
	}
	int r = archive_stream_get(&in, n, s);
	if (r == 0 && cursor_left(&in))
		r = -ERR_MALFORMED;
	free(unpacked);
	return r;
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
