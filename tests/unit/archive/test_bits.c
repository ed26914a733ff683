/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "archive/bits.h"

enum { NUMBERS = 150, MARK = 0xa5 };

/* Numbers that use all of their bits, in no order. */
static uint64_t number_of(size_t i, unsigned width)
{
	return ((uint64_t)i + 1) * UINT64_C(0x9e3779b97f4a7c15) & archive_bits_mask(width);
}

/* Bit by bit, as archive/bits.h says where they stand. */
static uint64_t bits_at(const uint8_t *p, size_t bit, unsigned width)
{
	uint64_t v = 0;
	for (unsigned k = 0; k < width; k++)
		v |= (uint64_t)(p[(bit + k) / 8] >> (bit + k) % 8 & 1) << k;
	return v;
}

static void a_number_has_the_bits_that_it_needs(void **state)
{
	(void)state;
	assert_int_equal(archive_bits_of(0), 0);
	for (unsigned bits = 1; bits <= 64; bits++) {
		uint64_t least = UINT64_C(1) << (bits - 1);
		assert_int_equal(archive_bits_of(least), bits);
		assert_int_equal(archive_bits_of(least | (least - 1)), bits);
	}
}

static void numbers_of_each_width_stand_without_gaps(void **state)
{
	uint64_t v[NUMBERS], got[NUMBERS];
	uint8_t bytes[NUMBERS * 8 + ARCHIVE_BITS_SLACK];
	(void)state;
	for (unsigned width = 0; width <= 64; width++) {
		size_t size = archive_bits_size(NUMBERS, width);
		for (size_t i = 0; i < NUMBERS; i++)
			v[i] = number_of(i, width);
		memset(bytes, MARK, sizeof(bytes));
		archive_bits_put(bytes, v, NUMBERS, width);
		for (size_t i = 0; i < NUMBERS; i++)
			assert_true(bits_at(bytes, i * width, width) == v[i]);
		for (size_t bit = NUMBERS * width; bit < size * 8; bit++)
			assert_int_equal(bits_at(bytes, bit, 1), 0);
		for (size_t i = size + ARCHIVE_BITS_SLACK; i < sizeof(bytes); i++)
			assert_int_equal(bytes[i], MARK);
		archive_bits_get(bytes, NUMBERS, width, 0, 1, got);
		assert_memory_equal(got, v, sizeof(v));
	}
}

static void numbers_of_changing_widths_follow_each_other(void **state)
{
	uint8_t bytes[NUMBERS * 8 + ARCHIVE_BITS_SLACK];
	struct archive_bits_writer w = {.to = bytes};
	size_t bit = 0;
	(void)state;
	for (size_t i = 0; i < NUMBERS; i++) {
		unsigned width = (unsigned)(i * 37 % 65);
		archive_bits_put_one(&w, number_of(i, width), width);
	}
	archive_bits_end(&w);
	for (size_t i = 0; i < NUMBERS; i++) {
		unsigned width = (unsigned)(i * 37 % 65);
		assert_true(bits_at(bytes, bit, width) == number_of(i, width));
		bit += width;
	}
	assert_ptr_equal(w.to, bytes + (bit + 7) / 8);
}

/* What stands behind classes is being written at the same time. */
static void short_numbers_touch_nothing_behind_them(void **state)
{
	uint8_t bytes[NUMBERS + ARCHIVE_BITS_SLACK];
	(void)state;
	for (unsigned width = 1; width <= ARCHIVE_BITS_SHORT; width++)
		for (size_t n = 0; n <= NUMBERS; n++) {
			struct archive_bits_writer w = {.to = bytes};
			memset(bytes, MARK, sizeof(bytes));
			for (size_t i = 0; i < n; i++)
				archive_bits_put_part(&w, number_of(i, width), width);
			archive_bits_end(&w);
			for (size_t i = archive_bits_size(n, width); i < sizeof(bytes); i++)
				assert_int_equal(bytes[i], MARK);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_number_has_the_bits_that_it_needs),
	    cmocka_unit_test(numbers_of_each_width_stand_without_gaps),
	    cmocka_unit_test(numbers_of_changing_widths_follow_each_other),
	    cmocka_unit_test(short_numbers_touch_nothing_behind_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
