/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Runs of integers: every shape comes back, in no more bytes than it should need; bytes made by hand after
 * doc/archive-format.md read as that page says; broken ones are refused.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "archive/stream.h"
#include "base/err.h"

enum { VALUES = 2048 };

static uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state;
	x ^= x << 13, x ^= x >> 7, x ^= x << 17;
	return *state = x;
}

static void check_picks(const uint8_t *p, size_t size, const uint64_t *v, size_t n)
{
	uint32_t *rows = malloc((n + 1) * sizeof(*rows));
	struct archive_stream s = {0};
	for (size_t step = 1; step <= n; step = step * 3 + 1) {
		size_t n_rows = 0;
		for (size_t i = step / 2; i < n; i += step)
			rows[n_rows++] = (uint32_t)i;
		struct cursor c = cursor_of(p, size);
		assert_int_equal(archive_stream_pick(&c, n, rows, n_rows, &s), 0);
		assert_int_equal(cursor_left(&c), 0);
		assert_int_equal(s.n, n_rows);
		for (size_t k = 0; k < n_rows; k++)
			assert_true(archive_stream_at(&s, k) == v[rows[k]]);
	}
	archive_stream_free(&s);
	free(rows);
}

/* The bytes of a run, once it has come back from memory of exactly its size, so that a read past the end
 * shows. */
static size_t round_trip(const uint64_t *v, size_t n)
{
	struct dynbuf out = {0};
	struct archive_stream s = {0};
	archive_stream_put(&out, v, n, 1);
	assert_int_equal(out.error, 0);
	size_t size = out.n;
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
	check_picks(exact, size, v, n);
	for (size_t cut = 0; cut < size; cut += 1 + cut / 16) {
		uint8_t *shorter = malloc(cut ? cut : 1);
		memcpy(shorter, exact, cut);
		c = cursor_of(shorter, cut);
		assert_int_equal(archive_stream_get(&c, n, &s), -ERR_MALFORMED);
		free(shorter);
	}
	archive_stream_free(&s);
	dynbuf_free(&out);
	free(exact);
	return size;
}

static void bytes_made_by_hand_read_as_described(void **state)
{
	static const struct {
		const char *bytes;
		size_t size, n;
		uint64_t v[4];
	} rows[] = {
	    /* a constant: base 0x1234 */
	    {"\x00\x02\x34\x12\x00", 5, 3, {0x1234, 0x1234, 0x1234}},
	    /* bits: base 5, width 3; 1, 0, 7 */
	    {"\x00\x01\x05\x03\xc1\x01", 6, 3, {6, 5, 12}},
	    /* bits: width 64 */
	    {"\x00\x00\x40\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8", 11, 1, {UINT64_C(0xf8f9fafbfcfdfeff)}},
	    /* bits: width 60, the second across nine bytes */
	    {"\x00\x00\x3c\x01\0\0\0\0\0\0\x20\0\0\0\0\0\0\x80", 18, 2, {1, UINT64_C(0x800000000000002)}},
	    /* differences: base 2, first 10; 1, 0 */
	    {"\x08\x11\x02\x0a\x01\x01", 6, 3, {10, 13, 15}},
	    /* differences of one value */
	    {"\x08\x10\x0a\x00", 4, 1, {10}},
	    /* scale 1000, width 2; 3, 0, 1 */
	    {"\x10\x00\xe8\x03\0\0\0\0\0\0\x02\x13", 12, 3, {3000, 0, 1000}},
	    /* dictionary: base 100, two values of width 4: 9, 2; numbers of width 1: 1, 0, 1 */
	    {"\x04\x01\x64\x02\x00\x04\x29\x01\x05", 9, 3, {102, 109, 102}},
	    /* classes: from 0 on in 1 bit, from 8 on in 3 bits; 0, 1, 0, 1; 1, 4, 0, 1 */
	    {"\x01\x00\x02\x00\x01\x04\x03\x0a\x29", 9, 4, {1, 12, 0, 9}},
	    /* planes: width 2 */
	    {"\x02\x00\x02\x01\x02\x00\x01", 7, 2, {1, 258}},
	    /* planes of a dictionary */
	    {"\x06\x00\x02\x00\x04\x29\x01\x01\x01\x00", 10, 3, {2, 2, 9}},
	    /* all of it: differences by classes into a dictionary of scaled values: 7, + 20, + 50, + 20 */
	    {"\x1d\x11\x0a\x07\x0a\0\0\0\0\0\0\0\x02\x00\x03\x21\x02\x00\x00\x01\x00\x02", 22, 4,
	        {7, 27, 77, 97}},
	};
	struct archive_stream s = {0};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t *exact = malloc(rows[i].size);
		memcpy(exact, rows[i].bytes, rows[i].size);
		struct cursor c = cursor_of(exact, rows[i].size);
		assert_int_equal(archive_stream_get(&c, rows[i].n, &s), 0);
		assert_int_equal(cursor_left(&c), 0);
		for (size_t k = 0; k < rows[i].n; k++)
			assert_int_equal(archive_stream_at(&s, k), rows[i].v[k]);
		check_picks(exact, rows[i].size, rows[i].v, rows[i].n);
		free(exact);
	}
	archive_stream_free(&s);
}

static void regular_shapes_take_a_few_bytes(void **state)
{
	uint64_t v[VALUES], x = 1;
	(void)state;
	/* a constant: form, size of the base, base, width */
	for (size_t i = 0; i < VALUES; i++)
		v[i] = UINT64_C(0xfedcba9876543210);
	assert_int_equal(round_trip(v, VALUES), 11);
	assert_int_equal(round_trip(v, 1), 11);
	assert_int_equal(round_trip(v, 0), 3);
	/* ids that rise by one: form, sizes, step, first (3 bytes), width */
	for (size_t i = 0; i < VALUES; i++)
		v[i] = 1000000 + i;
	assert_int_equal(round_trip(v, VALUES), 7);
	/* that fall through zero: the step is eight bytes then */
	for (size_t i = 0; i < VALUES; i++)
		v[i] = 500 - i;
	assert_int_equal(round_trip(v, VALUES), 2 + 8 + 2 + 1);
	/* that fall by 1000 */
	for (size_t i = 0; i < VALUES; i++)
		v[i] = 5000000 - i * 1000;
	assert_int_equal(round_trip(v, VALUES), 2 + 8 + 3 + 1);
	/* two far values in turn: one bit each */
	for (size_t i = 0; i < VALUES; i++)
		v[i] = next_random(&x) % 2 ? 5 : UINT64_C(1) << 40;
	assert_int_equal(round_trip(v, VALUES), 2 + 1 + 8 + 1 + VALUES / 8);
}

static void random_shapes_take_little_more_than_their_entropy(void **state)
{
	static uint64_t v[VALUES];
	uint64_t x = 88172645463325252u, at = 0;
	(void)state;
	/* even below 2^20: 20 bits */
	for (size_t i = 0; i < VALUES; i++)
		v[i] = next_random(&x) >> 44;
	assert_in_range(round_trip(v, VALUES), VALUES * 20 / 8, VALUES * 20 / 8 + 16);
	/* times that rise by an even draw below 2^17 µs, in ns: 17 bits */
	for (size_t i = 0; i < VALUES; i++)
		v[i] = UINT64_C(1700000000000000000) + (at += next_random(&x) >> 47) * 1000;
	assert_in_range(round_trip(v, VALUES), VALUES * 17 / 8, VALUES * 17 / 8 + 32);
	/* even over the 16 magnitudes from 2^8 on: 4 bits and 8 to 23, 19.5 on average */
	for (size_t i = 0; i < VALUES; i++) {
		uint64_t r = next_random(&x) >> 16;
		v[i] = UINT64_C(1) << (8 + r % 16) | (r >> 4 & ((UINT64_C(1) << (8 + r % 16)) - 1));
	}
	assert_in_range(round_trip(v, VALUES), VALUES * 19 / 8, VALUES * 20 / 8);
	/* eight bits, and one in fifty as large as can be: at most 10.5 bits */
	for (size_t i = 0; i < VALUES; i++)
		v[i] = next_random(&x) % 50 ? next_random(&x) >> 56 : next_random(&x);
	assert_in_range(round_trip(v, VALUES), VALUES * 9 / 8, VALUES * 21 / 16);
	/*
	 * eight far values that come as often as 20, 10, 5 and five times 1: 2.04 bits by entropy, 3 by
	 * number, 2.35 in four classes of them
	 */
	for (size_t i = 0; i < VALUES; i++) {
		uint64_t r = next_random(&x) >> 20;
		unsigned k = r % 2 ? 0 : r % 4 ? 1 : r % 8 ? 2 : 3 + (unsigned)(r >> 8) % 5;
		v[i] = (k + 1) * UINT64_C(0x9e3779b97f4a7c15);
	}
	assert_in_range(round_trip(v, VALUES), VALUES * 2 / 8, VALUES * 5 / 16 + 8 * 8 + 32);
	/* 300 hardware addresses: nine bits each, 48 for each of the 300 */
	for (size_t i = 0; i < VALUES; i++)
		v[i] = (next_random(&x) >> 20) % 300 * UINT64_C(0x9e3779b97f4b) % (UINT64_C(1) << 48);
	assert_in_range(round_trip(v, VALUES), VALUES, 300 * 6 + VALUES * 9 / 8 + 32);
}

static void sequences_that_come_again_are_left_to_the_compressor(void **state)
{
	static uint64_t v[VALUES];
	uint64_t x = 7, period[40];
	struct dynbuf out = {0};
	(void)state;
	for (size_t i = 0; i < 40; i++)
		period[i] = next_random(&x) >> 40;
	for (size_t i = 0; i < VALUES; i++)
		v[i] = period[i % 40];
	assert_true(archive_stream_put(&out, v, VALUES, 1));
	round_trip(v, VALUES);
	for (size_t i = 0; i < VALUES; i++)
		v[i] = next_random(&x) >> 40;
	dynbuf_reset(&out);
	assert_false(archive_stream_put(&out, v, VALUES, 1));
	dynbuf_free(&out);
}

/* Scattered values with a largest one: neither differences nor a dictionary are shorter. */
static size_t scattered(uint64_t largest)
{
	uint64_t v[64], x = 1;
	for (size_t i = 0; i < 64; i++)
		v[i] = next_random(&x) % largest;
	v[10] = 0;
	v[20] = largest;
	return round_trip(v, 64);
}

static void widths_change_at_their_bounds(void **state)
{
	(void)state;
	for (unsigned bits = 9; bits < 64; bits++) {
		uint64_t bound = UINT64_C(1) << bits;
		assert_int_equal(scattered(bound - 1), 3 + 8 * bits);
		assert_in_range(scattered(bound), 3 + 8 * bits + 1, 3 + 8 * (bits + 1));
	}
	assert_int_equal(scattered(UINT64_MAX), 3 + 8 * 64);
}

static void dictionaries_hold_as_many_values_as_stated(void **state)
{
	enum { MANY = 1 << 18 };
	static uint64_t v[MANY];
	uint64_t x = 3;
	(void)state;
	for (unsigned distinct = UINT16_MAX - 1; distinct <= UINT16_MAX + 1; distinct++) {
		/* first at random, or it would look as if none came again */
		for (size_t i = 0; i < MANY; i++)
			v[i] = (i < MANY / 2 ? next_random(&x) % distinct : i % distinct) *
			       UINT64_C(0x9e3779b97f4a7c15);
		struct dynbuf out = {0};
		archive_stream_put(&out, v, MANY, 1);
		if (distinct <= ARCHIVE_STREAM_DICTIONARY_MAX)
			assert_in_range(out.n, distinct * 8, distinct * 8 + MANY * 3);
		else
			assert_in_range(out.n, MANY * 63 / 8, MANY * 8 + 32);
		dynbuf_free(&out);
		round_trip(v, MANY);
	}
}

static void extremes_come_back(void **state)
{
	const uint64_t extremes[] = {
	    0, 1, UINT64_MAX, UINT64_C(1) << 63, (UINT64_C(1) << 63) - 1, UINT64_MAX - 1, 0, 0};
	static uint64_t v[VALUES];
	(void)state;
	for (size_t n = 0; n <= 8; n++)
		round_trip(extremes, n);
	for (unsigned seed = 0; seed < 400; seed++) {
		uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
		unsigned n = seed % 4 ? 67 : VALUES;
		for (size_t i = 0; i < n; i++) {
			v[i] = next_random(&x) >> (seed % 64);
			if (seed % 3 == 0)
				v[i] = v[i] >> (x % 64);
			if (seed % 5 == 0 && i)
				v[i] += v[i - 1];
		}
		round_trip(v, n);
	}
	/* every length of number, so that there are more than the classes can be */
	for (size_t i = 0; i < VALUES; i++)
		v[i] = UINT64_MAX >> i % 64;
	v[7] = 0;
	round_trip(v, VALUES);
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

static struct archive_near check_near(const uint64_t *v, const uint64_t *near, size_t n, bool fits)
{
	static uint64_t made[VALUES];
	struct archive_near by = {.origin = 7};
	memcpy(made, v, n * sizeof(*v));
	assert_int_equal(archive_near_make(made, near, n, &by), fits);
	if (fits)
		archive_near_resolve(by, near, made, n);
	assert_memory_equal(made, v, n * sizeof(*v));
	return by;
}

static void near_values_come_back_and_rise_from_the_nearest(void **state)
{
	static uint64_t v[VALUES], near[VALUES];
	uint64_t x = 5;
	(void)state;
	/* beginnings before their ends, in whole microseconds, some with no duration, some that never were */
	for (size_t i = 0; i < VALUES; i++) {
		near[i] = UINT64_C(1700000000000000000) + (next_random(&x) >> 20);
		uint64_t r = next_random(&x) >> 30;
		v[i] = r % 5 == 0 ? 0 : r % 5 == 1 ? near[i] : near[i] - r % 100000 * 1000;
	}
	struct archive_near by = check_near(v, near, VALUES, true);
	assert_true(by.origin == 0 && by.step == (uint64_t)-1000);
	/* lengths of packets, more than those of their payload by 42, 54 or 66 */
	for (size_t i = 0; i < VALUES; i++)
		v[i] = near[i] + 42 + next_random(&x) % 3 * 12;
	by = check_near(v, near, VALUES, true);
	assert_true(by.origin == 42 && by.step == 12);
	memset(v, 0, sizeof(v));
	check_near(v, near, VALUES, true);
	check_near(v, near, 0, true);
	/* as far apart as can be */
	const uint64_t far[] = {UINT64_MAX / 2 + 1, UINT64_MAX / 2, 0, 1}, zero[4] = {0};
	check_near(far, zero, 4, false);
	check_near(far + 1, zero, 3, true);
	check_near((const uint64_t[]){UINT64_MAX / 2 + 1, UINT64_MAX / 2 - 1}, zero, 2, true);
}

static void broken_bytes_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t size, n;
	} rows[] = {
	    {"\x03\x00\x00", 3, 1},                               /* no such packing */
	    {"\x20\x00\x00", 3, 1},                               /* no such flag */
	    {"\x00\x09zzzzzzzzz\x00", 12, 1},                     /* a base of nine bytes */
	    {"\x00\x10z\x00", 4, 1},                              /* a first value without differences */
	    {"\x08\x00\x00", 3, 0},                               /* differences of nothing */
	    {"\x00\x00\x41zzzzzzzzz", 12, 1},                     /* 65 bits */
	    {"\x02\x00\x09zzzzzzzzz", 12, 1},                     /* nine planes */
	    {"\x04\x00\x00\x00\x04\x00", 6, 1},                   /* an empty dictionary */
	    {"\x04\x00\x01\x00\x04\x07\x01\x01", 8, 1},           /* the second of one */
	    {"\x01\x00\x01\x00\x01\x00", 6, 1},                   /* one class */
	    {"\x01\x00\x03\x00\x01\x00\x01\x00\x01\x03z", 11, 1}, /* the fourth of three classes */
	    {"\x01\x00\x02\x00\x41\x00\x01\x00zzzzzzzzz", 17, 1}, /* a class of 65 bits */
	    {"\x01\x00\x02\x41\x01\x00\x01\x00z", 9, 1},          /* a class from 2^64 on */
	};
	struct archive_stream s = {0};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cursor c = cursor_of(rows[i].bytes, rows[i].size);
		assert_int_equal(archive_stream_get(&c, rows[i].n, &s), -ERR_MALFORMED);
		assert_int_equal(s.n, 0);
		c = cursor_of(rows[i].bytes, rows[i].size);
		const uint32_t row = 0;
		assert_int_equal(archive_stream_pick(&c, rows[i].n, &row, rows[i].n, &s), -ERR_MALFORMED);
		assert_int_equal(s.n, 0);
	}
	archive_stream_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bytes_made_by_hand_read_as_described),
	    cmocka_unit_test(regular_shapes_take_a_few_bytes),
	    cmocka_unit_test(random_shapes_take_little_more_than_their_entropy),
	    cmocka_unit_test(sequences_that_come_again_are_left_to_the_compressor),
	    cmocka_unit_test(widths_change_at_their_bounds),
	    cmocka_unit_test(dictionaries_hold_as_many_values_as_stated),
	    cmocka_unit_test(extremes_come_back),
	    cmocka_unit_test(zigzag_differences_come_back_over_the_whole_range),
	    cmocka_unit_test(near_values_come_back_and_rise_from_the_nearest),
	    cmocka_unit_test(broken_bytes_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
