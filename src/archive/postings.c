/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/postings.h"

#include <string.h>

#include "archive/varint.h"

static void put_bitmap(struct dynbuf *out, const uint32_t *numbers, size_t n, size_t blocks)
{
	archive_varint_put(out, 2 * blocks);
	uint8_t *to = dynbuf_grow(out, (blocks + 7) / 8);
	if (!to)
		return;
	memset(to, 0, (blocks + 7) / 8);
	for (size_t i = 0; i < n; i++)
		to[numbers[i] / 8] |= (uint8_t)(1 << numbers[i] % 8);
}

void archive_postings_put(struct dynbuf *out, const uint32_t *numbers, size_t n, size_t blocks)
{
	size_t at = out->n, bitmap = (blocks + 7) / 8;
	if (n == 1) {
		archive_varint_put(out, numbers[0]);
		return;
	}
	if (n && n <= bitmap) {
		archive_varint_put(out, blocks + n - 2);
		size_t list = out->n;
		archive_varint_put(out, numbers[0]);
		for (size_t i = 1; i < n; i++)
			archive_varint_put(out, numbers[i] - numbers[i - 1] - 1);
		if (out->error || out->n - list < bitmap)
			return;
		out->n = at;
	}
	put_bitmap(out, numbers, n, blocks);
}

static void set(uint64_t *bits, uint64_t block)
{
	if (bits)
		bits[block / 64] |= UINT64_C(1) << block % 64;
}

static bool get_list(struct cursor *c, uint64_t n, size_t blocks, uint64_t *bits)
{
	uint64_t block = archive_varint_get(c);
	for (uint64_t i = 0; i < n; i++) {
		if (i) {
			uint64_t more = archive_varint_get(c);
			if (more >= blocks)
				return false;
			block += more + 1;
		}
		if (block >= blocks || !cursor_ok(c))
			return false;
		set(bits, block);
	}
	return true;
}

bool archive_postings_get(struct cursor *c, size_t blocks, uint64_t *bits)
{
	uint64_t h = archive_varint_get(c);
	if (!cursor_ok(c) || h > 2 * (uint64_t)blocks)
		return false;
	if (h < blocks) {
		set(bits, h);
		return true;
	}
	if (h < 2 * (uint64_t)blocks)
		return get_list(c, h - blocks + 2, blocks, bits);
	const uint8_t *bitmap = cursor_take(c, (blocks + 7) / 8);
	for (size_t block = 0; bitmap && bits && block < blocks; block++)
		if (bitmap[block / 8] >> block % 8 & 1)
			set(bits, block);
	return bitmap != NULL;
}
