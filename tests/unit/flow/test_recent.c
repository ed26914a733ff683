/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "flow/recent.h"

/* A record of 32 bytes takes 64 of the ring: four fit into 256. */
enum { SIZE = 256, BYTES = 32, FIT = 4 };

static uint8_t source[1024];

static int fill(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(source); i++)
		source[i] = (uint8_t)(i * 7 + i / 256);
	return 0;
}

static struct recent *ring(void)
{
	struct recent *r = NULL;
	assert_int_equal(recent_new(&r, SIZE), 0);
	return r;
}

static void what_was_kept_last_can_be_compared_with(void **state)
{
	(void)state;
	for (uint64_t n = FIT - 1; n <= FIT + 1; n++) {
		struct recent *r = ring();
		recent_chain chain = 0;
		for (uint64_t i = 0; i < n; i++)
			recent_keep(
			    r, 5, &chain, (struct recent_bytes){i * BYTES, source + i * BYTES, BYTES});
		struct recent_found all = recent_compare(
		    r, 5, chain, (struct recent_bytes){0, source, n * BYTES});
		assert_int_equal(all.compared, (n > FIT ? FIT : n) * BYTES);
		assert_false(all.differs);
		recent_free(r);
	}
}

static void the_first_byte_that_differs_is_found_over_records(void **state)
{
	(void)state;
	struct recent *r = ring();
	recent_chain chain = 0;
	uint8_t other[3 * BYTES];
	for (uint64_t i = 0; i < 3; i++)
		recent_keep(r, 5, &chain, (struct recent_bytes){100 + i * BYTES, source + i * BYTES, BYTES});
	for (size_t at = 0; at < sizeof(other); at++) {
		memcpy(other, source, sizeof(other));
		other[at] ^= 1;
		other[sizeof(other) - 1] ^= 2;
		struct recent_found f = recent_compare(
		    r, 5, chain, (struct recent_bytes){100, other, sizeof(other)});
		assert_true(f.differs);
		assert_int_equal(f.first.seq, 100 + at);
		assert_memory_equal(f.first.p, source + at, f.first.n);
		assert_int_equal(f.compared, sizeof(other));
	}
	/* in part before and behind what is known */
	struct recent_found f = recent_compare(r, 5, chain, (struct recent_bytes){90, source, 20});
	assert_int_equal(f.compared, 10);
	f = recent_compare(r, 5, chain, (struct recent_bytes){1000, source, 20});
	assert_int_equal(f.compared, 0);
	recent_free(r);
}

static void owners_do_not_mix_and_too_much_is_not_kept(void **state)
{
	(void)state;
	struct recent *r = ring();
	recent_chain a = 0, b = 0;
	recent_keep(r, 1, &a, (struct recent_bytes){0, source, BYTES});
	recent_keep(r, 2, &b, (struct recent_bytes){0, source + 1, BYTES});
	assert_false(recent_compare(r, 1, a, (struct recent_bytes){0, source, BYTES}).differs);
	assert_true(recent_compare(r, 2, b, (struct recent_bytes){0, source, BYTES}).differs);
	assert_int_equal(recent_compare(r, 2, a, (struct recent_bytes){0, source, BYTES}).compared, 0);
	assert_int_equal(recent_compare(r, 1, 0, (struct recent_bytes){0, source, BYTES}).compared, 0);
	for (size_t n = SIZE / 4 - 1; n <= SIZE / 4 + 1; n++) {
		recent_chain before = a;
		recent_keep(r, 1, &a, (struct recent_bytes){0, source, n});
		assert_int_equal(a != before, n <= SIZE / 4);
	}
	recent_free(r);
}

static void so_many_records_are_looked_at(void **state)
{
	(void)state;
	for (uint64_t n = RECENT_LOOKS - 1; n <= RECENT_LOOKS + 1; n++) {
		struct recent *r = NULL;
		recent_chain chain = 0;
		assert_int_equal(recent_new(&r, 1 << 16), 0);
		for (uint64_t i = 0; i < n; i++)
			recent_keep(r, 5, &chain, (struct recent_bytes){i, source + i, 1});
		assert_int_equal(recent_compare(r, 5, chain, (struct recent_bytes){0, source, 100}).compared,
		    n > RECENT_LOOKS ? RECENT_LOOKS : n);
		recent_free(r);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_kept_last_can_be_compared_with),
	    cmocka_unit_test(the_first_byte_that_differs_is_found_over_records),
	    cmocka_unit_test(owners_do_not_mix_and_too_much_is_not_kept),
	    cmocka_unit_test(so_many_records_are_looked_at),
	};
	return cmocka_run_group_tests(tests, fill, NULL);
}
