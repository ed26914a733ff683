/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/table.h"

static void test_the_bound_holds(void **state)
{
	(void)state;
	for (size_t max = 1; max <= 130; max += 43) {
		struct table *t;
		assert_int_equal(table_new(&t, sizeof(uint64_t), sizeof(int), max, 7), 0);
		for (uint64_t k = 0; k < max; k++) {
			int fresh = -1;
			int *v = table_put(t, &k, &fresh);
			assert_non_null(v);
			assert_int_equal(*v, 0);
			assert_int_equal(fresh, 1);
			*v = (int)k + 1;
		}
		assert_int_equal(table_count(t), max);
		uint64_t more = max;
		assert_null(table_put(t, &more, NULL));
		assert_null(table_get(t, &more));
		uint64_t there = 0;
		int fresh = -1;
		assert_non_null(table_put(t, &there, &fresh)); /* what is there can be had at the bound too */
		assert_int_equal(fresh, 0);
		assert_true(table_remove(t, &there));
		assert_false(table_remove(t, &there));
		int *v = table_put(t, &more, NULL);
		assert_non_null(v);
		assert_int_equal(*v, 0); /* a place used again is zeroed */
		assert_int_equal(table_count(t), max);
		table_free(t);
	}
}

static void test_senseless_sizes_are_refused(void **state)
{
	(void)state;
	struct table *t = NULL;
	assert_int_equal(table_new(&t, 0, 4, 10, 7), -EINVAL);
	assert_int_equal(table_new(&t, 4, 4, 0, 7), -EINVAL);
	assert_null(t);
	table_free(NULL);
}

enum { KEYS = 700, MAX = 512, STEPS = 200000 };

/* Random puts and removals, so that entries are displaced and closed up in every way, against an array. */
static void test_it_agrees_with_a_model(void **state)
{
	(void)state;
	static uint32_t model[KEYS]; /* 0: not there */
	struct table *t;
	size_t count = 0;
	uint64_t random = 88172645463325252u; /* xorshift64, Marsaglia 2003 */
	assert_int_equal(table_new(&t, sizeof(uint32_t), sizeof(uint32_t), MAX, 99), 0);
	memset(model, 0, sizeof(model));
	for (uint32_t step = 1; step <= STEPS; step++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		uint32_t key = (uint32_t)(random % KEYS);
		if (random >> 40 & 1) {
			int fresh = -1;
			uint32_t *v = table_put(t, &key, &fresh);
			if (!model[key] && count == MAX) {
				assert_null(v);
				continue;
			}
			assert_non_null(v);
			assert_int_equal(fresh, model[key] == 0);
			assert_int_equal(*v, model[key]);
			count += model[key] == 0;
			*v = model[key] = step;
		} else {
			assert_int_equal(!!table_remove(t, &key), model[key] != 0);
			count -= model[key] != 0;
			model[key] = 0;
		}
		assert_int_equal(table_count(t), count);
		if (step % 1000)
			continue;
		size_t pos = 0, seen = 0;
		const void *at;
		for (const uint32_t *v; (v = table_next(t, &pos, &at)); seen++) {
			uint32_t k;
			memcpy(&k, at, sizeof(k));
			assert_int_equal(*v, model[k]);
		}
		assert_int_equal(seen, count);
		for (uint32_t k = 0; k < KEYS; k++) {
			const uint32_t *v = table_get(t, &k);
			assert_int_equal(v ? *v : 0, model[k]);
		}
	}
	table_clear(t);
	assert_int_equal(table_count(t), 0);
	size_t pos = 0;
	assert_null(table_next(t, &pos, NULL));
	table_free(t);
}

static void test_values_never_move(void **state)
{
	(void)state;
	struct table *t;
	uint64_t *at[1000];
	assert_int_equal(table_new(&t, sizeof(uint32_t), sizeof(uint64_t), 100000, 7), 0);
	for (uint32_t k = 0; k < 100000; k++) {
		uint64_t *v = table_put(t, &k, NULL);
		assert_non_null(v);
		*v = k;
		if (k < 1000)
			at[k] = v;
	}
	for (uint32_t k = 0; k < 1000; k++) {
		assert_ptr_equal(table_get(t, &k), at[k]);
		assert_true(*at[k] == k);
	}
	table_free(t);
}

static void test_what_iteration_gives_may_be_removed_meanwhile(void **state)
{
	(void)state;
	struct table *t;
	assert_int_equal(table_new(&t, sizeof(uint32_t), sizeof(uint32_t), 1000, 7), 0);
	for (uint32_t k = 0; k < 1000; k++)
		*(uint32_t *)table_put(t, &k, NULL) = k;
	size_t pos = 0, seen = 0;
	const void *key;
	for (; table_next(t, &pos, &key); seen++) {
		uint32_t k;
		memcpy(&k, key, sizeof(k));
		if (k % 2)
			assert_true(table_remove(t, &k));
	}
	assert_int_equal(seen, 1000);
	assert_int_equal(table_count(t), 500);
	table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_bound_holds),
	    cmocka_unit_test(test_senseless_sizes_are_refused),
	    cmocka_unit_test(test_it_agrees_with_a_model),
	    cmocka_unit_test(test_values_never_move),
	    cmocka_unit_test(test_what_iteration_gives_may_be_removed_meanwhile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
