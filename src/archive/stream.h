/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_STREAM_H
#define ARCHIVE_STREAM_H

/*
 * Runs of integers as bytes. A run is made of numbers from 0 on, packed in one of three ways, and of what
 * makes values of them:
 *
 *   BITS     each number in the same count of bits
 *   CLASSES  each number's class in the same count of bits, then what is left of each number in as many bits
 * as its class tells: for magnitudes that are skewed, or that have exceptions PLANES   the lowest bytes of
 * all, then all second bytes ...: for zstd, where sequences come again
 *
 *   dictionary   the numbers count into a list of values, the most frequent first
 *   scale, base  value = base + scale * number, modulo 2^64
 *   differences  that value is the step from the value before
 *
 * The writer takes what it estimates to be shortest; values without structure take their entropy and a few
 * tenths of a bit. All but PLANES are as dense as they get and are stored as they are: decoding takes a
 * nanosecond a value or two, and a general compressor would win nothing. doc/archive-format.md has the bytes.
 */

#include "base/cursor.h"
#include "base/dynbuf.h"

enum { ARCHIVE_STREAM_VALUES_MAX = 1 << 24, ARCHIVE_STREAM_DICTIONARY_MAX = UINT16_MAX };

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
/*
 * Appends n values. True: a general compressor may make it shorter; false: it isn't worth
 * trying. seed: see base/hash.h. Errors stay in out->error: -ENOMEM, -ERR_LIMIT.
 */
bool archive_stream_put(struct dynbuf *out, const uint64_t *v, size_t n, uint64_t seed);
/*
 * Reads n values. 0, -ENOMEM, or -ERR_MALFORMED, after which the stream is empty. The caller bounds n. At
 * least one value can be read from v, be n zero.
 */
int archive_stream_get(struct cursor *c, size_t n, struct archive_stream *s);
/*
 * Reads, of a run of n values, those of n_rows rows, which ascend and are below n: s->n is n_rows and value k
 * is that of rows[k]. The cursor moves past the whole run. Without differences runs of BITS cost by row and
 * runs of CLASSES little more than that; others cost as archive_stream_get. Errors as there; a run that is
 * malformed only in values that weren't asked for may pass.
 */
int archive_stream_pick(
    struct cursor *c, size_t n, const uint32_t *rows, size_t n_rows, struct archive_stream *s);
void archive_stream_free(struct archive_stream *s);

/*
 * Values that are near to others of the same rows, as a time to another time: 0 (never, none) is number 0,
 * any other value is near + origin + step * (number - 1), modulo 2^64. The step may be negative, so that
 * numbers rise from the values that are nearest, and is the greatest that fits all.
 */
struct archive_near {
	uint64_t origin, step;
};

/* Makes n values the numbers of what they are near to. False, and nothing changed, where a number would take
 * 65 bits. */
bool archive_near_make(uint64_t *v, const uint64_t *near, size_t n, struct archive_near *ret_near);
/* The other way round, for any numbers. */
void archive_near_resolve(struct archive_near by, const uint64_t *near, uint64_t *v, size_t n);

#endif
