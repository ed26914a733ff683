/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_STREAM_H
#define ARCHIVE_STREAM_H

/*
 * Runs of integers as bytes. Three encodings, of which the writer takes the one with the fewest bytes:
 *
 *   PLANES  base, width w: the values less the base, their lowest bytes first, then all second bytes ... (w
 * planes) DELTA   first value, base, width: the zigzag differences of neighbours less the base, in planes
 *   DICT    at most 256 distinct values, then a byte for each value
 *
 * Planes rather than varints: they decode without branches, and zstd makes little of the planes that are
 * mostly zero. A width of 0 costs nothing: a constant, or numbers that rise evenly. doc/archive-format.md has
 * the bytes.
 */

#include "base/cursor.h"
#include "base/dynbuf.h"

/* A decoded run, whose memory is used again. Zeroed struct = empty. */
struct archive_stream {
	uint64_t *v;
	size_t n, cap;
	size_t mask; /* 0: every value is v[0]; else all ones */
};

static inline uint64_t archive_stream_at(const struct archive_stream *s, size_t i)
{
	return s->v[i & s->mask];
}

/* The difference of two numbers (modulo 2^64) such that small ones either way become small numbers. */
static inline uint64_t archive_zigzag(uint64_t from, uint64_t to)
{
	uint64_t d = to - from;
	return d >> 63 ? ~(d << 1) : d << 1;
}

static inline uint64_t archive_unzigzag(uint64_t z)
{
	return z >> 1 ^ (0 - (z & 1));
}

/* Writes a constant out into all n values. */
void archive_stream_expand(struct archive_stream *s);
/* seed: see base/hash.h. Errors stay in out->error. */
void archive_stream_put(struct dynbuf *out, const uint64_t *v, size_t n, uint64_t seed);
/*
 * Reads n values. 0, -ENOMEM, or -ERR_MALFORMED, after which the stream is empty. The caller bounds n. At
 * least one value can be read from v, be n zero.
 */
int archive_stream_get(struct cursor *c, size_t n, struct archive_stream *s);
void archive_stream_free(struct archive_stream *s);

#endif
