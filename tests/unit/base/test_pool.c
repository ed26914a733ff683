/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/pages.h"
#include "base/pool.h"

enum { SIZE = 24 };

static int is_zero(const unsigned char *p, size_t n)
{
	while (n && !*p)
		p++, n--;
	return n == 0;
}

static void test_the_bound_holds(void **state)
{
	static const uint32_t bounds[] = {1, 2, 1000, 200000};
	(void)state;
	for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); i++) {
		struct pool p;
		assert_int_equal(pool_new(&p, SIZE, bounds[i]), 0);
		for (uint32_t n = 0; n < bounds[i]; n++) {
			unsigned char *object = pool_take(&p);
			assert_non_null(object);
			assert_int_equal(pool_number(&p, object), n);
			assert_ptr_equal(pool_at(&p, n), object);
			assert_true(is_zero(object, SIZE));
			memset(object, 0xa5, SIZE);
		}
		assert_null(pool_take(&p));
		pool_give(&p, pool_at(&p, bounds[i] - 1));
		assert_non_null(pool_take(&p));
		assert_null(pool_take(&p));
		pool_free(&p);
		pool_free(&p); /* is all zero by now */
	}
}

static void test_what_was_given_back_comes_again_zeroed(void **state)
{
	struct pool p;
	unsigned char *v[8];
	(void)state;
	assert_int_equal(pool_new(&p, SIZE, 8), 0);
	for (int i = 0; i < 8; i++)
		v[i] = memset(pool_take(&p), i + 1, SIZE);
	pool_give(&p, v[5]);
	pool_give(&p, v[2]);
	assert_ptr_equal(pool_take(&p), v[2]);
	assert_ptr_equal(pool_take(&p), v[5]);
	assert_true(is_zero(v[2], SIZE) && is_zero(v[5], SIZE));
	assert_int_equal(v[3][0], 4); /* the others stayed */
	assert_null(pool_take(&p));
	pool_free(&p);
}

static void test_senseless_sizes_are_refused(void **state)
{
	struct pool p;
	(void)state;
	assert_int_equal(pool_new(&p, 3, 10), -EINVAL);
	assert_int_equal(pool_new(&p, SIZE, 0), -EINVAL);
	assert_int_equal(pool_new(&p, SIZE, UINT32_MAX), -EINVAL);
	assert_int_equal(pool_new(&p, SIZE_MAX / 2, 3), -EINVAL);
}

static void test_pages_are_zero_and_aligned(void **state)
{
	static const size_t sizes[] = {1, 4096, (2 << 20) - 1, 2 << 20, (5 << 20) + 1};
	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		unsigned char *p = pages_new(sizes[i]);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % (sizes[i] < 2 << 20 ? 16 : 2 << 20), 0);
		assert_true(is_zero(p, sizes[i]));
		memset(p, 1, sizes[i]);
		pages_free(p, sizes[i]);
	}
	assert_null(pages_new(SIZE_MAX));
	assert_null(pages_new(SIZE_MAX - (1 << 20)));
	assert_null(pages_new(SIZE_MAX / 4));
	pages_free(NULL, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_bound_holds),
	    cmocka_unit_test(test_what_was_given_back_comes_again_zeroed),
	    cmocka_unit_test(test_senseless_sizes_are_refused),
	    cmocka_unit_test(test_pages_are_zero_and_aligned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
