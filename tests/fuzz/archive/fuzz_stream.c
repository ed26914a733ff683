/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Runs of integers. The first byte tells which: any bytes as a run give an error, or values which the few
 * rows asked for agree with and which come back once they are written; any values come back, in hardly more
 * bytes than they had.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "archive/stream.h"
#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VALUES_MAX = 4096, OVERHEAD_MAX = 32 };

static void check_pick(const uint8_t *p, size_t size, const struct archive_stream *all, unsigned step)
{
	struct archive_stream some = {0};
	uint32_t rows[VALUES_MAX];
	size_t n = 0;
	for (size_t i = step / 2; i < all->n; i += step)
		rows[n++] = (uint32_t)i;
	struct cursor c = cursor_of(p, size);
	assert(archive_stream_pick(&c, all->n, rows, n, &some) == 0 && some.n == n);
	for (size_t i = 0; i < n; i++)
		assert(archive_stream_at(&some, i) == archive_stream_at(all, rows[i]));
	archive_stream_free(&some);
}

static void check_values(const uint64_t *v, size_t n, unsigned step)
{
	struct dynbuf out = {0};
	struct archive_stream s = {0};
	archive_stream_put(&out, v, n, 7);
	assert(out.error == 0 && out.n <= n * 8 + OVERHEAD_MAX);
	uint8_t *exact = malloc(out.n);
	assert(exact);
	memcpy(exact, out.p, out.n);
	struct cursor c = cursor_of(exact, out.n);
	assert(archive_stream_get(&c, n, &s) == 0 && s.n == n && cursor_left(&c) == 0);
	for (size_t i = 0; i < n; i++)
		assert(archive_stream_at(&s, i) == v[i]);
	check_pick(exact, out.n, &s, step);
	free(exact);
	archive_stream_free(&s);
	dynbuf_free(&out);
}

static void check_bytes(const uint8_t *p, size_t size, size_t n, unsigned step)
{
	struct archive_stream s = {0};
	uint32_t row = n ? (uint32_t)n - 1 : 0;
	struct cursor c = cursor_of(p, size);
	int r = archive_stream_get(&c, n, &s);
	assert(r == 0 || (r == -ERR_MALFORMED && s.n == 0));
	if (r == 0) {
		assert(cursor_ok(&c) && c.pos <= size);
		check_pick(p, size, &s, step);
		archive_stream_expand(&s);
		check_values(s.v, n, step);
	} else {
		/* nor may one row be read where it isn't */
		c = cursor_of(p, size);
		archive_stream_pick(&c, n, &row, n > 0, &s);
	}
	archive_stream_free(&s);
}

/* Values of so many bytes each, the shape by flags: sums, scaled, repeated, scattered by a factor. */
static void check_made(const uint8_t *p, size_t size, unsigned width, unsigned flags, unsigned step)
{
	static uint64_t v[VALUES_MAX];
	size_t n = 0;
	for (; n < VALUES_MAX && size >= width; n++, p += width, size -= width) {
		uint64_t one = 0;
		for (unsigned k = 0; k < width; k++)
			one |= (uint64_t)p[k] << k * 8;
		if (flags & 1)
			one = n ? v[n - 1] + one : one;
		if (flags & 2)
			one *= 1000;
		if (flags & 4)
			one = (one & 7) * UINT64_C(0x9e3779b97f4a7c15);
		if (flags & 8)
			one >>= one & 15;
		v[n] = one;
	}
	for (size_t i = 0; flags & 16 && n && n + i < VALUES_MAX && i < 1000; i++, n++)
		v[n] = v[i];
	check_values(v, n, step);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 4)
		return 0;
	size_t n = load_le16(data + 1) % (VALUES_MAX + 1);
	unsigned step = 1 + data[3];
	if (data[0] & 1)
		check_made(data + 4, size - 4, 1 + (data[0] >> 1) % 8, data[1], step);
	else
		check_bytes(data + 4, size - 4, n, step);
	return 0;
}
