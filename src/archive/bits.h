/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_BITS_H
#define ARCHIVE_BITS_H

/*
 * Numbers of a fixed count of bits, one after the other without gaps: number i stands in bits i * width to
 * (i + 1) * width - 1, where bit k is bit k % 8 (of value 1 << k % 8) of byte k / 8. The last byte is filled
 * with zeros. Widths are 0 to 64. Nothing is read but the archive_bits_size bytes.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/cursor.h"

/* Bits that v needs: 0 for 0. Without a branch, for it would be a gamble. */
static inline unsigned archive_bits_of(uint64_t v)
{
	return 64 - (unsigned)__builtin_clzll(v | 1) - (v == 0);
}

static inline uint64_t archive_bits_mask(unsigned width)
{
	return width ? UINT64_MAX >> (64 - width) : 0;
}

/* Bytes of n numbers; n is at most 2^32 or so: n * 64 must not overflow. */
static inline size_t archive_bits_size(size_t n, unsigned width)
{
	return (n * width + 7) / 8;
}

/*
 * `width` bits from `bit` on, from memory that holds at least 9 bytes from bit / 8 on; widths up to 57 need 8
 * of them.
 */
static inline uint64_t archive_bits_load(const uint8_t *p, size_t bit, unsigned width)
{
	unsigned shift = bit % 8;
	uint64_t v = load_le64(p + bit / 8) >> shift;
	if (shift && shift + width > 64)
		v |= (uint64_t)p[bit / 8 + 8] << (64 - shift);
	return v & archive_bits_mask(width);
}

/* The same where only `size` bytes are there: what is behind them is zero. */
static inline uint64_t archive_bits_at(const uint8_t *p, size_t size, size_t bit, unsigned width)
{
	uint8_t end[9] = {0};
	size_t at = bit / 8;
	if (size >= 9 && at <= size - 9)
		return archive_bits_load(p, bit, width);
	if (at < size)
		memcpy(end, p + at, size - at);
	return archive_bits_load(end, bit % 8, width);
}

/* v[i] = base + scale * number i, modulo 2^64, for n numbers from archive_bits_size bytes at p. */
void archive_bits_get(const uint8_t *p, size_t n, unsigned width, uint64_t base, uint64_t scale, uint64_t *v);

/* Writers touch up to so many bytes behind the last one of theirs. */
enum { ARCHIVE_BITS_SLACK = 8 };

struct archive_bits_writer {
	uint8_t *to;
	uint64_t pending;
	unsigned n; /* bits pending, below 8 */
};

/* v has at most `width` bits. Eight bytes are stored each time, so that nothing hangs on the width. */
static inline void archive_bits_put_one(struct archive_bits_writer *w, uint64_t v, unsigned width)
{
	unsigned before = w->n, n = before + width;
	uint64_t bits = w->pending | v << before;
	store_le64(w->to, bits);
	w->to += n / 8;
	w->n = n % 8;
	w->pending = n < 64 ? bits >> (n & 56) : v >> 1 >> (63 - before);
}

/* Writes what is pending. */
static inline void archive_bits_end(struct archive_bits_writer *w)
{
	store_le64(w->to, w->pending);
}

/* n numbers of at most `width` bits each, as archive_bits_size bytes. */
void archive_bits_put(uint8_t *to, const uint64_t *v, size_t n, unsigned width);

#endif
