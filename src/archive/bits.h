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
	return (63U ^ (unsigned)__builtin_clzll(v | 1)) + (v != 0);
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

/* Zeroed, but for where it writes. */
struct archive_bits_writer {
	uint8_t *to;
	uint64_t pending;
	unsigned n; /* bits pending, at most ARCHIVE_BITS_PENDING */
};

/* Of what is pending whole bytes are stored, eight with what has no room beside it; less than one stays. So
 * there is room then for ARCHIVE_BITS_PART more. */
enum { ARCHIVE_BITS_PENDING = 63, ARCHIVE_BITS_PART = 56 };

static inline void archive_bits_put_part(struct archive_bits_writer *w, uint64_t v, unsigned width)
{
	if (w->n + width > ARCHIVE_BITS_PENDING) {
		store_le64(w->to, w->pending);
		w->to += w->n / 8;
		w->pending >>= w->n & 56;
		w->n %= 8;
	}
	w->pending |= v << w->n;
	w->n += width;
}

/*
 * v has at most `width` bits. Up to ARCHIVE_BITS_SLACK bytes are touched behind those that hold bits; none
 * where all widths are at most ARCHIVE_BITS_SHORT, for then each byte of the eight holds some.
 */
enum { ARCHIVE_BITS_SLACK = 8, ARCHIVE_BITS_SHORT = 7 };

static inline void archive_bits_put_one(struct archive_bits_writer *w, uint64_t v, unsigned width)
{
	if (width > ARCHIVE_BITS_PART) {
		archive_bits_put_part(w, v & UINT32_MAX, 32);
		v >>= 32;
		width -= 32;
	}
	archive_bits_put_part(w, v, width);
}

/* Writes what is pending, and nothing behind it. */
static inline void archive_bits_end(struct archive_bits_writer *w)
{
	for (; w->n > 0; w->n -= w->n < 8 ? w->n : 8, w->pending >>= 8)
		*w->to++ = (uint8_t)w->pending;
}

/* n numbers of at most `width` bits each, as archive_bits_size bytes. */
void archive_bits_put(uint8_t *to, const uint64_t *v, size_t n, unsigned width);

#endif
