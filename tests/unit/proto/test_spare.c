/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/spare.h"

/* Blocks that come back: how many stay, and as what they go out again. */

static void as_many_stay_as_the_bound_has_room_for(void **state)
{
	(void)state;
	enum { SIZE = 64 << 10 };
	const size_t bound = SPARE_BYTES / SIZE; /* 0 under the sanitizer */
	for (size_t n = bound ? bound - 1 : 0; n <= bound + 1; n++) {
		struct spare s = {.size = SIZE};
		void *blocks[8];
		assert_true(n <= sizeof(blocks) / sizeof(*blocks));
		for (size_t i = 0; i < n; i++)
			assert_non_null(blocks[i] = spare_take(&s));
		for (size_t i = 0; i < n; i++)
			spare_give(&s, blocks[i]);
		assert_int_equal(s.n, n < bound ? n : bound);
		spare_empty(&s);
		assert_int_equal(s.n, 0);
		assert_null(s.top);
	}
}

static void a_block_goes_out_zeroed_each_time(void **state)
{
	(void)state;
	static const uint8_t zero[40];
	struct spare s = {.size = sizeof(zero)};
	for (int i = 0; i < 3; i++) {
		uint8_t *block = spare_take(&s);
		assert_non_null(block);
		assert_memory_equal(block, zero, sizeof(zero));
		memset(block, 0xff, sizeof(zero));
		spare_give(&s, block);
	}
	spare_give(&s, NULL);
	spare_empty(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(as_many_stay_as_the_bound_has_room_for),
	    cmocka_unit_test(a_block_goes_out_zeroed_each_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
