/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/cursor.h"
#include "base/dynbuf.h"
#include "base/err.h"
#include "base/vec.h"

static void test_an_arena_gives_zeroed_aligned_memory_up_to_its_bound(void **state)
{
	(void)state;
	struct arena a = {.max = 256};
	const uint8_t *p = arena_alloc(&a, 1);
	assert_non_null(p);
	assert_int_equal((uintptr_t)p % 16, 0);
	assert_int_equal(*p, 0);
	assert_non_null(arena_alloc(&a, 240)); /* 16 + 240: the bound itself */
	assert_int_equal(a.used, 256);
	assert_null(arena_alloc(&a, 1));
	arena_reset(&a);
	assert_null(arena_alloc(&a, 257));
	assert_non_null(arena_alloc(&a, 256));
	arena_free(&a);
	assert_int_equal(a.used, 0);
}

static void test_products_that_overflow_give_nothing(void **state)
{
	(void)state;
	struct arena a = {0};
	assert_null(arena_array(&a, SIZE_MAX / 2, 3));
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_non_null(arena_array(&a, 0, 8)); /* an empty list is no failure */
	arena_free(&a);
}

static void test_memory_of_a_reset_arena_is_zeroed_again(void **state)
{
	(void)state;
	struct arena a = {0};
	for (int round = 0; round < 3; round++) {
		for (size_t n = 1; n < 100000; n *= 3) {
			uint8_t *p = arena_alloc(&a, n);
			assert_non_null(p);
			for (size_t i = 0; i < n; i++)
				assert_int_equal(p[i], 0);
			memset(p, 0xff, n);
		}
		arena_reset(&a);
	}
	assert_string_equal(arena_strndup(&a, "abcdef", 3), "abc");
	assert_true(text_equal(arena_text(&a, TEXT("a\0b")), TEXT("a\0b")));
	arena_free(&a);
	arena_free(&a);
}

static void test_a_buffer_keeps_its_first_failure(void **state)
{
	(void)state;
	struct dynbuf b = {.max = 8};
	dynbuf_str(&b, "1234567");
	dynbuf_u8(&b, '8');
	assert_int_equal(b.error, 0);
	assert_true(text_equal(dynbuf_view(&b), TEXT("12345678")));
	dynbuf_u8(&b, '9');
	assert_int_equal(b.error, -ERR_LIMIT);
	assert_int_equal(b.n, 8);
	dynbuf_drop_front(&b, 4);
	dynbuf_u8(&b, 'x');
	assert_int_equal(b.error, -ERR_LIMIT); /* sticky, though there would be room */
	dynbuf_reset(&b);
	dynbuf_printf(&b, "%s", "12345678");
	assert_int_equal(b.error, 0);
	assert_int_equal(b.n, 8);
	dynbuf_reset(&b);
	dynbuf_printf(&b, "%s", "123456789");
	assert_int_equal(b.error, -ERR_LIMIT);
	dynbuf_free(&b);
}

static void test_a_buffer_writes_little_endian_and_drops_at_the_front(void **state)
{
	(void)state;
	struct dynbuf b = {0};
	dynbuf_le16(&b, 0x0102);
	dynbuf_le32(&b, 0x03040506);
	dynbuf_le64(&b, UINT64_C(0x0708090a0b0c0d0e));
	assert_memory_equal(b.p, "\x02\x01\x06\x05\x04\x03\x0e\x0d\x0c\x0b\x0a\x09\x08\x07", 14);
	dynbuf_drop_front(&b, 2);
	assert_int_equal(b.p[0], 6);
	dynbuf_drop_front(&b, SIZE_MAX);
	assert_int_equal(b.n, 0);
	assert_null(dynbuf_grow(&b, SIZE_MAX));
	dynbuf_free(&b);
}

static void test_an_array_grows_to_its_bound_and_no_further(void **state)
{
	(void)state;
	uint32_t *items = NULL;
	size_t cap = 0;
	for (size_t n = 0; n < 100; n++) {
		assert_int_equal(VEC_RESERVE(items, &cap, n, 100), 0);
		assert_true(cap > n && cap <= 100);
		items[n] = (uint32_t)n;
	}
	assert_int_equal(VEC_RESERVE(items, &cap, 100, 100), -ERR_LIMIT);
	assert_int_equal(items[99], 99);
	free(items);
}

static void test_a_cursor_reads_on_and_is_tested_once(void **state)
{
	(void)state;
	const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	struct cursor c = cursor_of(bytes, sizeof(bytes));
	assert_int_equal(cursor_u8(&c), 1);
	assert_int_equal(cursor_be16(&c), 0x0203);
	assert_int_equal(cursor_be24(&c), 0x040506);
	assert_int_equal(cursor_be32(&c), 0x0708090a);
	assert_int_equal(cursor_le32(&c), 0x0e0d0c0b);
	assert_int_equal(cursor_left(&c), 1);
	assert_null(cursor_peek(&c, 2));
	assert_true(cursor_ok(&c)); /* looking ahead is no failure */
	assert_int_equal(cursor_be16(&c), 0);
	assert_false(cursor_ok(&c));
	assert_int_equal(cursor_left(&c), 0);
	assert_int_equal(cursor_u8(&c), 0); /* though a byte is there: failed stays failed */
	cursor_seek(&c, 0);
	assert_false(cursor_ok(&c));
}

static void test_no_length_leads_a_cursor_out(void **state)
{
	(void)state;
	uint8_t *bytes = calloc(1, 8);
	assert_non_null(bytes);
	for (size_t at = 0; at <= 9; at++)
		for (int k = 0; k < 4; k++) {
			const size_t lengths[] = {
			    8 - (at < 8 ? at : 8), 9 - (at < 9 ? at : 9), SIZE_MAX, SIZE_MAX - at};
			struct cursor c = cursor_of(bytes, 8);
			cursor_seek(&c, at);
			bool fits = at <= 8 && lengths[k] <= 8 - at;
			struct cursor sub = cursor_sub(&c, lengths[k]);
			assert_int_equal(cursor_ok(&sub), fits);
			assert_int_equal(cursor_ok(&c), fits);
			assert_int_equal(sub.size, fits ? lengths[k] : 0);
		}
	struct cursor empty = cursor_of(NULL, 0);
	assert_int_equal(cursor_text(&empty, 0).n, 0);
	assert_true(cursor_ok(&empty));
	free(bytes);
}

static void test_loads_and_stores_are_inverse(void **state)
{
	(void)state;
	uint8_t b[8];
	store_le64(b, UINT64_C(0x8182838485868788));
	assert_true(load_le64(b) == UINT64_C(0x8182838485868788));
	assert_true(load_be64(b) == UINT64_C(0x8887868584838281));
	store_be32(b, 0xf1f2f3f4);
	assert_true(load_be32(b) == 0xf1f2f3f4);
	assert_true(load_le32(b) == 0xf4f3f2f1);
	store_be16(b, 0xf1f2);
	assert_int_equal(load_be16(b), 0xf1f2);
	assert_int_equal(load_le16(b), 0xf2f1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_an_arena_gives_zeroed_aligned_memory_up_to_its_bound),
	    cmocka_unit_test(test_products_that_overflow_give_nothing),
	    cmocka_unit_test(test_memory_of_a_reset_arena_is_zeroed_again),
	    cmocka_unit_test(test_a_buffer_keeps_its_first_failure),
	    cmocka_unit_test(test_a_buffer_writes_little_endian_and_drops_at_the_front),
	    cmocka_unit_test(test_an_array_grows_to_its_bound_and_no_further),
	    cmocka_unit_test(test_a_cursor_reads_on_and_is_tested_once),
	    cmocka_unit_test(test_no_length_leads_a_cursor_out),
	    cmocka_unit_test(test_loads_and_stores_are_inverse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
