/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tuples of columns: every row gets back its values, the frequent ones have small numbers, and too many are
 * none. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "archive/tuples.h"

enum { ROWS = 2048, COLUMNS = 3 };

static uint64_t v[COLUMNS][ROWS];
static const uint64_t *const columns[COLUMNS] = {v[0], v[1], v[2]};

static void check_rows(const struct archive_tuples *t, size_t n)
{
	size_t counts[ROWS] = {0};
	for (size_t i = 0; i < n; i++) {
		assert_in_range(t->numbers[i], 0, t->n - 1);
		counts[t->numbers[i]]++;
		for (size_t k = 0; k < COLUMNS; k++)
			assert_true(v[k][i] == v[k][t->rows[t->numbers[i]]]);
	}
	for (size_t i = 0; i < t->n; i++) {
		assert_true(counts[i] > 0 && (i == 0 || counts[i] <= counts[i - 1]));
		assert_int_equal(t->numbers[t->rows[i]], i);
	}
}

static void rows_get_back_their_values(void **state)
{
	struct archive_tuples t = {0};
	uint64_t x = 9;
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		uint64_t kind = x % 7 < 4 ? 0 : x % 7 < 6 ? 1 : 2 + (x >> 8) % 50;
		v[0][i] = kind ? 443 : 53;
		v[1][i] = kind * UINT64_C(0xfedcba9876543210);
		v[2][i] = kind == 1;
	}
	assert_int_equal(archive_tuples_make(&t, columns, COLUMNS, ROWS, 100, 1), 0);
	assert_int_equal(t.n, 52);
	check_rows(&t, ROWS);
	assert_int_equal(v[0][t.rows[0]], 53);
	assert_int_equal(v[2][t.rows[1]], 1);
	/* fewer, in the same memory */
	assert_int_equal(archive_tuples_make(&t, columns, COLUMNS, 10, 100, 1), 0);
	check_rows(&t, 10);
	assert_int_equal(archive_tuples_make(&t, columns, COLUMNS, 0, 100, 1), 0);
	assert_int_equal(t.n, 0);
	archive_tuples_free(&t);
}

static void more_than_may_be_are_none(void **state)
{
	struct archive_tuples t = {0};
	(void)state;
	for (size_t distinct = 99; distinct <= 101; distinct++) {
		for (size_t i = 0; i < ROWS; i++) {
			v[0][i] = i % distinct % 10;
			v[1][i] = i % distinct / 10;
			v[2][i] = 0;
		}
		int r = archive_tuples_make(&t, columns, COLUMNS, ROWS, 100, 1);
		assert_int_equal(r, distinct <= 100 ? 0 : 1);
		if (r == 0)
			assert_int_equal(t.n, distinct);
	}
	/* every row another */
	for (size_t i = 0; i < ROWS; i++)
		v[2][i] = i;
	assert_int_equal(archive_tuples_make(&t, columns, COLUMNS, ROWS, ROWS, 1), 0);
	assert_int_equal(t.n, ROWS);
	check_rows(&t, ROWS);
	archive_tuples_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows_get_back_their_values),
	    cmocka_unit_test(more_than_may_be_are_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
