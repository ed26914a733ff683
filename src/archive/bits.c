/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/bits.h"

#include <string.h>

uint64_t archive_bits_at(const uint8_t *p, size_t size, size_t bit, unsigned width)
{
	uint8_t end[9] = {0};
	size_t at = bit / 8;
	if (size >= 9 && at <= size - 9)
		return archive_bits_load(p, bit, width);
	if (at < size)
		memcpy(end, p + at, size - at);
	return archive_bits_load(end, bit % 8, width);
}

void archive_bits_get(const uint8_t *p, size_t n, unsigned width, uint64_t base, uint64_t scale, uint64_t *v)
{
	size_t size = archive_bits_size(n, width), fast = 0, bit = 0;
	uint64_t mask = archive_bits_mask(width);
	if (width > 0 && width <= 57 && size >= 8) {
		/* those whose 8 bytes are all there */
		fast = ((size - 8) * 8 + 7) / width + 1;
		fast = fast < n ? fast : n;
	}
	if (scale == 1)
		for (size_t i = 0; i < fast; i++, bit += width)
			v[i] = base + (load_le64(p + bit / 8) >> bit % 8 & mask);
	else
		for (size_t i = 0; i < fast; i++, bit += width)
			v[i] = base + scale * (load_le64(p + bit / 8) >> bit % 8 & mask);
	for (size_t i = fast; i < n; i++)
		v[i] = base + scale * archive_bits_at(p, size, i * width, width);
}

void archive_bits_put(uint8_t *to, const uint64_t *v, size_t n, unsigned width)
{
	struct archive_bits_writer w = {.to = to};
	for (size_t i = 0; i < n; i++)
		archive_bits_put_one(&w, v[i], width);
	archive_bits_end(&w);
}
