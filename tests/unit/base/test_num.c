/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/num.h"
#include "base/timefmt.h"

static void test_whole_numbers(void **state)
{
	(void)state;
	const struct {
		const char *text;
		uint64_t max;
		int r;
		uint64_t value;
	} cases[] = {
	    {"0", 0, 0, 0},
	    {"007", 7, 0, 7},
	    {"65535", 65535, 0, 65535},
	    {"65536", 65535, -ERANGE, 0},
	    {"18446744073709551615", UINT64_MAX, 0, UINT64_MAX},
	    {"18446744073709551616", UINT64_MAX, -ERANGE, 0},
	    {"184467440737095516150", UINT64_MAX, -ERANGE, 0},
	    {"", 9, -EINVAL, 0},
	    {"-1", 9, -EINVAL, 0},
	    {"+1", 9, -EINVAL, 0},
	    {" 1", 9, -EINVAL, 0},
	    {"1 ", 9, -EINVAL, 0},
	    {"0x1", 9, -EINVAL, 0},
	    {"1e1", 99, -EINVAL, 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t v = 4711;
		assert_int_equal(num_parse_u64(text_of(cases[i].text), cases[i].max, &v), cases[i].r);
		assert_true(v == (cases[i].r ? 4711 : cases[i].value));
	}
	int64_t s;
	assert_int_equal(num_parse_i64(TEXT("-9223372036854775807"), &s), 0);
	assert_true(s == -INT64_MAX);
	assert_int_equal(num_parse_i64(TEXT("9223372036854775808"), &s), -ERANGE);
	assert_int_equal(num_parse_i64(TEXT("--1"), &s), -EINVAL);
	assert_int_equal(num_parse_i64(TEXT("-"), &s), -EINVAL);
}

static void test_real_numbers_have_no_exponent_and_no_infinity(void **state)
{
	(void)state;
	double v;
	assert_int_equal(num_parse_real(TEXT("0.25"), 0, 1, &v), 0);
	assert_float_equal(v, 0.25, 1e-12);
	assert_int_equal(num_parse_real(TEXT("1"), 0, 1, &v), 0);
	assert_float_equal(v, 1, 0);
	assert_int_equal(num_parse_real(TEXT("1.000000000000001"), 0, 1, &v), -ERANGE);
	const char *bad[] = {"", ".", ".5", "1.", "1.2.3", "1e3", "nan", "inf", "-0.5", "0x1", "0,5"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(num_parse_real(text_of(bad[i]), 0, 1e9, &v), -EINVAL);
}

static void test_sizes(void **state)
{
	(void)state;
	uint64_t v;
	assert_int_equal(num_parse_size(TEXT("64M"), &v), 0);
	assert_true(v == UINT64_C(64) << 20);
	assert_int_equal(num_parse_size(TEXT("17179869183G"), &v), 0);
	assert_true(v == UINT64_C(17179869183) << 30);
	assert_int_equal(num_parse_size(TEXT("17179869184G"), &v), -ERANGE);
	assert_int_equal(num_parse_size(TEXT("K"), &v), -EINVAL);
	assert_int_equal(num_parse_size(TEXT("1T"), &v), -EINVAL);
	assert_int_equal(num_parse_size(TEXT("1KK"), &v), -EINVAL);
}

static void test_decimal_digits(void **state)
{
	uint64_t power = 1;
	(void)state;
	for (int i = 0; i < 20; i++, power *= 10)
		for (int beside = -1; beside <= 1; beside++) {
			char ours[NUM_DECIMAL_MAX], theirs[NUM_DECIMAL_MAX + 1];
			uint64_t v = power + (uint64_t)beside;
			int n = snprintf(theirs, sizeof(theirs), "%llu", (unsigned long long)v);
			assert_int_equal(num_decimal(v, ours), n);
			assert_memory_equal(ours, theirs, (size_t)n);
		}
	char most[NUM_DECIMAL_MAX];
	assert_int_equal(num_decimal(UINT64_MAX, most), 20);
	assert_memory_equal(most, "18446744073709551615", 20);
}

static void test_hexadecimal(void **state)
{
	(void)state;
	uint8_t b[4] = {0};
	char text[9];
	assert_int_equal(num_parse_hex(TEXT("00fFA510"), b, 4), 0);
	assert_memory_equal(b, "\x00\xff\xa5\x10", 4);
	assert_string_equal(num_hex(b, 4, text), "00ffa510");
	assert_int_equal(num_parse_hex(TEXT("00ffa5"), b, 4), -EINVAL);
	assert_int_equal(num_parse_hex(TEXT("00ffa5101"), b, 4), -EINVAL);
	assert_int_equal(num_parse_hex(TEXT("00ffa51g"), b, 4), -EINVAL);
	assert_int_equal(num_parse_hex(TEXT(""), b, 0), 0);
}

static void test_bytes_for_people(void **state)
{
	(void)state;
	const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {{0, "0 B"}, {999, "999 B"}, {1000, "1.0 kB"}, {1500, "1.5 kB"}, {999499, "999 kB"},
	    {999500, "1.0 MB"}, {1500000000, "1.5 GB"}, {UINT64_MAX, "18.4 EB"}};
	char buf[16];
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(num_bytes_human(cases[i].bytes, buf, sizeof(buf)), cases[i].text);
}

/* Seconds by date(1). */
static void test_times_parse_and_print_back(void **state)
{
	(void)state;
	const struct {
		const char *text;
		int64_t s, ns;
		const char *back;
	} cases[] = {
	    {"1970-01-01T00:00:00Z", 0, 0, "1970-01-01T00:00:00.000000000Z"},
	    {"2026-11-23T06:25:11.000000001Z", 1795415111, 1, "2026-11-23T06:25:11.000000001Z"},
	    {"2026-11-23T06:25:11.5Z", 1795415111, 500000000, "2026-11-23T06:25:11.500000000Z"},
	    {"2026-11-23T08:25:11+02:00", 1795415111, 0, "2026-11-23T06:25:11.000000000Z"},
	    {"2026-11-23T00:55:11-05:30", 1795415111, 0, "2026-11-23T06:25:11.000000000Z"},
	    {"2000-02-29T23:59:59Z", 951868799, 0, "2000-02-29T23:59:59.000000000Z"},
	    {"2024-12-31", 1735603200, 0, "2024-12-31T00:00:00.000000000Z"},
	    {"1969-12-31T23:59:59.75Z", -1, 750000000, "1969-12-31T23:59:59.750000000Z"},
	};
	char buf[TIME_TEXT_SIZE];
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int64_t ns;
		if (time_parse(text_of(cases[i].text), &ns) != 0)
			fail_msg("%s", cases[i].text);
		assert_true(ns == cases[i].s * NS_PER_S + cases[i].ns);
		assert_string_equal(time_rfc3339(ns, buf), cases[i].back);
	}
	assert_string_equal(time_rfc3339_ms(INT64_C(1795415111999999999), buf), "2026-11-23T06:25:11.999Z");
	assert_string_equal(time_human(INT64_C(1795415111999999999), buf), "2026-11-23 06:25:11 UTC");
}

static void test_what_is_no_time_is_refused(void **state)
{
	(void)state;
	const char *bad[] = {"", "yesterday", "2026-13-01", "2026-00-01", "2026-02-29",
	    "2026-04-31T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T06:60:00Z", "2026-11-23T06:25:61Z",
	    "2026-11-23T06:25:11", "2026-11-23T06:25:11.Z", "2026-11-23T06:25:11+2:00",
	    "2026-11-23T06:25:11Zx", "20261123", "26-11-23", "2026-11-23T06:25:11+24:60", "-026-11-23"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		int64_t ns = 4711;
		if (time_parse(text_of(bad[i]), &ns) != -EINVAL)
			fail_msg("'%s' was taken for a time", bad[i]);
		assert_true(ns == 4711);
	}
}

static void test_any_time_prints_within_its_buffer(void **state)
{
	(void)state;
	const int64_t times[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX};
	char buf[TIME_TEXT_SIZE], span[24];
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		assert_int_equal(strlen(time_rfc3339(times[i], buf)), 30);
		assert_true(strlen(time_human(times[i], buf)) < TIME_TEXT_SIZE);
		assert_true(strlen(time_span_human(times[i], span, sizeof(span))) < sizeof(span));
	}
	/* 2^63 nanoseconds are 9223372036.854775808 s */
	assert_string_equal(time_rfc3339(INT64_MAX, buf), "2262-04-11T23:47:16.854775807Z");
	assert_string_equal(time_rfc3339(INT64_MIN, buf), "1677-09-21T00:12:43.145224192Z");
}

static void test_digits_beyond_nanoseconds_do_not_count(void **state)
{
	(void)state;
	int64_t ns;
	assert_int_equal(time_parse(TEXT("1970-01-01T00:00:00.1234567899999Z"), &ns), 0);
	assert_true(ns == 123456789);
}

static void test_spans(void **state)
{
	(void)state;
	const struct {
		const char *text;
		int r;
		int64_t s;
	} cases[] = {{"90s", 0, 90}, {"90", 0, 90}, {"15m", 0, 900}, {"4h", 0, 14400}, {"2d", 0, 172800},
	    {"", -EINVAL, 0}, {"s", -EINVAL, 0}, {"-1s", -EINVAL, 0}, {"1w", -EINVAL, 0},
	    {"1.5h", -EINVAL, 0}, {"9223372037s", -ERANGE, 0}, {"9223372036s", 0, 9223372036},
	    {"106752d", -ERANGE, 0}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int64_t ns = 0;
		if (time_parse_span(text_of(cases[i].text), &ns) != cases[i].r)
			fail_msg("%s", cases[i].text);
		assert_true(ns == cases[i].s * NS_PER_S);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_whole_numbers),
	    cmocka_unit_test(test_real_numbers_have_no_exponent_and_no_infinity),
	    cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_decimal_digits),
	    cmocka_unit_test(test_hexadecimal),
	    cmocka_unit_test(test_bytes_for_people),
	    cmocka_unit_test(test_times_parse_and_print_back),
	    cmocka_unit_test(test_what_is_no_time_is_refused),
	    cmocka_unit_test(test_any_time_prints_within_its_buffer),
	    cmocka_unit_test(test_digits_beyond_nanoseconds_do_not_count),
	    cmocka_unit_test(test_spans),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
