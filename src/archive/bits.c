/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/bits.h"

#include <string.h>

/* Numbers whose eight bytes are all there, of `size` from p on. */
static size_t whole(size_t size, size_t n, unsigned width)
{
	size_t fast = size >= 8 ? ((size - 8) * 8 + 7) / width + 1 : 0;
	return fast < n ? fast : n;
}

static void get_fast(
    const uint8_t *p, size_t bit, size_t n, unsigned width, uint64_t base, uint64_t scale, uint64_t *v)
{
	uint64_t mask = archive_bits_mask(width);
	if (scale == 1)
		for (size_t i = 0; i < n; i++, bit += width)
			v[i] = base + (load_le64(p + bit / 8) >> bit % 8 & mask);
	else
		for (size_t i = 0; i < n; i++, bit += width)
			v[i] = base + scale * (load_le64(p + bit / 8) >> bit % 8 & mask);
}

void archive_bits_get(const uint8_t *p, size_t n, unsigned width, uint64_t base, uint64_t scale, uint64_t *v)
{
	size_t size = archive_bits_size(n, width);
	if (width == 0) {
		for (size_t i = 0; i < n; i++)
			v[i] = base;
	} else if (width > 57) {
		for (size_t i = 0; i < n; i++)
			v[i] = base + scale * archive_bits_at(p, size, i * width, width);
	} else {
		/* the last ones from where zeros stand behind them: less than eight bytes, and the bits
		 * before */
		uint8_t end[24] = {0};
		size_t fast = whole(size, n, width), begin = fast * width / 8;
		get_fast(p, 0, fast, width, base, scale, v);
		memcpy(end, p + begin, size - begin);
		get_fast(end, fast * width % 8, n - fast, width, base, scale, v + fast);
	}
}

void archive_bits_put(uint8_t *to, const uint64_t *v, size_t n, unsigned width)
{
	struct archive_bits_writer w = {.to = to};
	if (width > ARCHIVE_BITS_PART)
		for (size_t i = 0; i < n; i++)
			archive_bits_put_one(&w, v[i], width);
	else
		for (size_t i = 0; i < n; i++)
			archive_bits_put_part(&w, v[i], width);
	archive_bits_end(&w);
}
