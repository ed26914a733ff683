/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/dynbuf.h"
#include "base/err.h"
#include "base/text.h"

static void assert_printable(struct text t, const char *wanted)
{
	struct dynbuf b = {0};
	char buf[256];
	assert_int_equal(text_append_printable(&b, t), 0);
	assert_int_equal(b.n, strlen(wanted));
	if (b.n)
		assert_memory_equal(b.p, wanted, b.n);
	dynbuf_free(&b);
	assert_string_equal(text_printable(t, buf, sizeof(buf)), wanted);
}

static void test_well_formed_text_stays_and_the_rest_is_spelled(void **state)
{
	(void)state;
	/* the bounds of each sequence length, RFC 3629 section 4, and just outside */
	const struct {
		const char *bytes, *wanted;
	} cases[] = {
	    {"", ""}, {"plain ~ text", "plain ~ text"}, {"\x1f\x20\x7e\x7f", "\\x1f ~\\x7f"},
	    {"\033[31m", "\\x1b[31m"}, {"a\nb\tc\r", "a\\x0ab\\x09c\\x0d"}, {"\xc2\xa0", "\xc2\xa0"},
	    {"\xc2\x9f", "\\xc2\\x9f"}, /* C1 */
	    {"\xdf\xbf", "\xdf\xbf"}, {"\xe0\xa0\x80", "\xe0\xa0\x80"}, {"\xed\x9f\xbf", "\xed\x9f\xbf"},
	    {"\xee\x80\x80", "\xee\x80\x80"}, {"\xf0\x90\x80\x80", "\xf0\x90\x80\x80"},
	    {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"}, {"\xc0\x80", "\\xc0\\x80"}, /* overlong NUL */
	    {"\xc1\xbf", "\\xc1\\xbf"},                                           /* overlong */
	    {"\xe0\x9f\xbf", "\\xe0\\x9f\\xbf"},                                  /* overlong */
	    {"\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf"},                         /* overlong */
	    {"\xed\xa0\x80", "\\xed\\xa0\\x80"},                                  /* a surrogate */
	    {"\xed\xbf\xbf", "\\xed\\xbf\\xbf"},                                  /* a surrogate */
	    {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},                         /* beyond U+10FFFF */
	    {"\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80"}, {"\xff\xfe", "\\xff\\xfe"}, {"\x80", "\\x80"},
	    {"\xe2\x82", "\\xe2\\x82"}, /* ends within */
	    {"\xe2\x82x", "\\xe2\\x82x"},
	    {"\xe2\x80\xae"
	     "exe",
	        "\\xe2\\x80\\xae"
	        "exe"},                          /* right-to-left override */
	    {"\xe2\x81\xa6", "\\xe2\\x81\\xa6"}, /* an isolate */
	    {"\xe2\x80\x8b", "\\xe2\\x80\\x8b"}, /* no width */
	    {"\xe2\x80\xa8", "\\xe2\\x80\\xa8"}, /* line separator */
	    {"\xd8\x9c", "\\xd8\\x9c"},          /* Arabic letter mark */
	    {"\xe2\x81\xa0", "\\xe2\\x81\\xa0"}, /* word joiner */
	    {"\xef\xbb\xbf", "\\xef\\xbb\\xbf"}, /* byte order mark */
	    {"\xe2\x82\xac", "\xe2\x82\xac"},    /* the euro */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_printable(text_of(cases[i].bytes), cases[i].wanted);
	assert_printable(TEXT("a\0b"), "a\\x00b");
}

static void test_what_does_not_fit_ends_in_dots_and_never_within_a_character(void **state)
{
	(void)state;
	const struct {
		const char *bytes;
		size_t size;
		const char *wanted;
	} cases[] = {
	    {"abcdef", 7, "abcdef"},
	    {"abcdef", 6, "ab..."},
	    {"abcdef", 5, "a..."},
	    {"abcdef", 4, "..."},
	    {"abcdef", 3, ".."},
	    {"abcdef", 1, ""},
	    {"\xe2\x82\xac\xe2\x82\xac", 7, "\xe2\x82\xac\xe2\x82\xac"},
	    {"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac", 9, "\xe2\x82\xac..."},
	    {"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac", 6, "..."},
	    {"\n\n", 9, "\\x0a\\x0a"},
	    {"\n\n", 8, "\\x0a..."},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *buf = malloc(cases[i].size); /* of exactly that size, for the sanitizer */
		assert_non_null(buf);
		assert_string_equal(
		    text_printable(text_of(cases[i].bytes), buf, cases[i].size), cases[i].wanted);
		free(buf);
	}
	char untouched = 'x';
	text_printable(TEXT("abc"), &untouched, 0);
	assert_int_equal(untouched, 'x');
}

static void test_texts_compare_as_bytes(void **state)
{
	(void)state;
	assert_true(text_equal(TEXT("a\0b"), TEXT("a\0b")));
	assert_false(text_equal(TEXT("a\0b"), TEXT("a\0c")));
	assert_false(text_equal(TEXT("a"), TEXT("ab")));
	assert_true(text_equal(text_of(NULL), TEXT("")));
	assert_true(text_equal_nocase(TEXT("ExAmPle"), TEXT("eXaMpLE")));
	assert_false(text_equal_nocase(TEXT("[ab"), TEXT("{ab"))); /* beside the letters, 0x20 apart */
	assert_true(text_starts_nocase(TEXT("Bearer x"), TEXT("bearer ")));
	assert_false(text_starts_nocase(TEXT("bear"), TEXT("bearer")));
	assert_true(text_compare(TEXT("ab"), TEXT("abc")) < 0);
	assert_true(text_compare(TEXT("b"), TEXT("abc")) > 0);
	assert_true(text_compare(TEXT("\x80"), TEXT("a")) > 0); /* unsigned */
	assert_int_equal(text_compare(TEXT("x"), TEXT("x")), 0);
}

static void test_parts_are_clamped(void **state)
{
	(void)state;
	assert_true(text_equal(text_sub(TEXT("abcdef"), 2, 3), TEXT("cde")));
	assert_true(text_equal(text_sub(TEXT("abcdef"), 4, 9), TEXT("ef")));
	assert_int_equal(text_sub(TEXT("abc"), 9, 1).n, 0);
	assert_int_equal(text_sub(TEXT("abc"), SIZE_MAX, SIZE_MAX).n, 0);
	assert_int_equal(text_find(TEXT("a.b.c"), '.'), 1);
	assert_int_equal(text_find(TEXT("abc"), '.'), 3);
	assert_true(text_equal(text_trim(TEXT(" \t\r\na b\n ")), TEXT("a b")));
	assert_int_equal(text_trim(TEXT(" \n")).n, 0);
}

static void test_every_error_has_a_phrase(void **state)
{
	(void)state;
	const int errors[] = {-ERR_TRUNCATED, -ERR_MALFORMED, -ERR_UNSUPPORTED, -ERR_LIMIT, -ERR_CHECKSUM,
	    -ERR_INVALID, -1, -99999, 0, 1};
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		assert_true(strlen(err_text(errors[i])) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_well_formed_text_stays_and_the_rest_is_spelled),
	    cmocka_unit_test(test_what_does_not_fit_ends_in_dots_and_never_within_a_character),
	    cmocka_unit_test(test_texts_compare_as_bytes),
	    cmocka_unit_test(test_parts_are_clamped),
	    cmocka_unit_test(test_every_error_has_a_phrase),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
