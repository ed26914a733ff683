/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Runs of integers: every shape comes back, in no more bytes than its encoding should need; broken bytes are
 * refused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "archive/stream.h"
#include "base/err.h"

enum { VALUES = 1000 };

static size_t round_trip(const uint64_t *v, size_t n)
{
	struct dynbuf out = {0};
	struct archive_stream s = {0};
	archive_stream_put(&out, v, n, 1);
	assert_int_equal(out.error, 0);
	size_t size = out.n;
	/* in memory of exactly its size, so that a read past the end shows */
	uint8_t *exact = malloc(size);
	memcpy(exact, out.p, size);
	struct cursor c = cursor_of(exact, size);
	assert_int_equal(archive_stream_get(&c, n, &s), 0);
	assert_int_equal(cursor_left(&c), 0);
	for (size_t i = 0; i < n; i++)
		assert_true(archive_stream_at(&s, i) == v[i]);
	archive_stream_expand(&s);
	for (size_t i = 0; i < n; i++)
		assert_true(s.v[i] == v[i]);
	for (size_t cut = 0; cut < size; cut += 1 + cut / 16) {
		c = cursor_of(exact, cut);
		assert_int_equal(archive_stream_get(&c, n, &s), -ERR_MALFORMED);
	}
	archive_stream_free(&s);
	dynbuf_free(&out);
	free(exact);
	return size;
}

static void shapes_take_the_bytes_they_should(void **state)
{
	uint64_t v[VALUES];
	(void)state;
	/* a constant, whatever its size: encoding, base, width */
	for (size_t i = 0; i < VALUES; i++)
		v[i] = UINT64_C(0xfedcba9876543210);
	assert_int_equal(round_trip(v, VALUES), 10);
	assert_int_equal(round_trip(v, 1), 10);
	assert_int_equal(round_trip(v, 0), 10);
	/* ids that rise by one: encoding, first, base, width */
	for (size_t i = 0; i < VALUES; i++)
		v[i] = 1000000 + i;
	assert_int_equal(round_trip(v, VALUES), 18);
	/* that fall, through zero */
	for (size_t i = 0; i < VALUES; i++)
		v[i] = 500 - i;
	assert_int_equal(round_trip(v, VALUES), 18);
	/* two far values in turn: a dictionary of two, and a byte each */
	for (size_t i = 0; i < VALUES; i++)
		v[i] = i * i % 7 < 3 ? 5 : UINT64_C(1) << 40;
	assert_int_equal(round_trip(v, VALUES), 3 + 2 * 8 + VALUES);
}

/* Scattered values with a largest one: neither differences nor a dictionary are shorter. */
static size_t scattered(uint64_t largest)
{
	uint64_t v[64], x = 1;
	for (size_t i = 0; i < 64; i++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		v[i] = x % largest;
	}
	v[10] = 0;
	v[20] = largest;
	return round_trip(v, 64);
}

static void widths_change_at_their_bounds(void **state)
{
	(void)state;
	for (unsigned bytes = 1; bytes < 8; bytes++) {
		uint64_t bound = UINT64_C(1) << bytes * 8;
		assert_int_equal(scattered(bound - 1), 10 + 64 * bytes);
		assert_int_equal(scattered(bound), 10 + 64 * (bytes + 1));
	}
	assert_int_equal(scattered(UINT64_MAX), 10 + 64 * 8);
}

static void dictionaries_hold_at_most_256_values(void **state)
{
	enum { MANY = 4000 };
	static uint64_t v[MANY];
	(void)state;
	for (unsigned distinct = 255; distinct <= 257; distinct++) {
		for (size_t i = 0; i < MANY; i++)
			v[i] = (i * 7 % distinct) * UINT64_C(0x9e3779b97f4a7c15);
		size_t size = round_trip(v, MANY);
		assert_int_equal(size, distinct <= 256 ? 3 + distinct * 8 + MANY : 10 + MANY * 8);
	}
}

static void extremes_come_back(void **state)
{
	const uint64_t extremes[] = {
	    0, 1, UINT64_MAX, UINT64_C(1) << 63, (UINT64_C(1) << 63) - 1, UINT64_MAX - 1, 0, 0};
	uint64_t v[64];
	(void)state;
	for (size_t n = 0; n <= 8; n++)
		round_trip(extremes, n);
	for (unsigned seed = 0; seed < 200; seed++) {
		uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
		for (size_t i = 0; i < 64; i++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			v[i] = x >> (seed % 64);
		}
		round_trip(v, 64);
	}
}

static void zigzag_differences_come_back_over_the_whole_range(void **state)
{
	const uint64_t rows[] = {
	    0, 1, 2, UINT64_MAX, UINT64_MAX - 1, UINT64_C(1) << 63, (UINT64_C(1) << 63) - 1};
	(void)state;
	for (size_t i = 0; i < 7; i++)
		for (size_t k = 0; k < 7; k++)
			assert_true(archive_unzigzag(archive_zigzag(rows[i], rows[k])) + rows[i] == rows[k]);
	assert_int_equal(archive_zigzag(7, 7), 0);
	assert_int_equal(archive_zigzag(7, 6), 1);
	assert_int_equal(archive_zigzag(7, 8), 2);
}

static void broken_bytes_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t size, n;
	} rows[] = {
	    {"\x03\0\0\0\0\0\0\0\0\0", 10, 1},                   /* no such encoding */
	    {"\x00\0\0\0\0\0\0\0\0\x09zzzzzzzzz", 19, 1},        /* nine bytes wide */
	    {"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x00", 18, 0}, /* differences of nothing */
	    {"\x02\x01\x01\0\0\0\0\0\0\0\0", 11, 0},             /* 257 values */
	    {"\x02\x01\0\x05\0\0\0\0\0\0\0\x01", 12, 1},         /* the second of one */
	    {"\x02\0\0\x00", 4, 1},                              /* the first of none */
	};
	struct archive_stream s = {0};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cursor c = cursor_of(rows[i].bytes, rows[i].size);
		assert_int_equal(archive_stream_get(&c, rows[i].n, &s), -ERR_MALFORMED);
		assert_int_equal(s.n, 0);
	}
	archive_stream_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(shapes_take_the_bytes_they_should),
	    cmocka_unit_test(widths_change_at_their_bounds),
	    cmocka_unit_test(dictionaries_hold_at_most_256_values),
	    cmocka_unit_test(extremes_come_back),
	    cmocka_unit_test(zigzag_differences_come_back_over_the_whole_range),
	    cmocka_unit_test(broken_bytes_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
