/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_TOGETHER_H
#define BENCH_TOGETHER_H

/* Columns that go together (archive/tuples.h), measured as a block of a segment stores them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TOGETHER_COLUMNS_MAX = 16, TOGETHER_BLOCK = 2048 };

struct together {
	size_t n;                                     /* columns */
	const uint64_t *values[TOGETHER_COLUMNS_MAX]; /* of all rows */
	const uint64_t *near[TOGETHER_COLUMNS_MAX];   /* NULL, or those of the column that it is near to */
	uint64_t bytes;
	double encode_s, decode_s; /* decode: of all the columns */
};

/* Adds `rows` rows to the figures. False where what is read back isn't what was written. */
bool together_measure(struct together *t, size_t rows);

#endif
