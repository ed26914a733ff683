/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_TUPLES_H
#define ARCHIVE_TUPLES_H

/*
 * Columns whose values go with each other, as a service's port, protocol and application do and the ways in
 * which a connection ends: the rows of a block have few different combinations of them. A tuple is such a
 * combination; rows hold their tuple's number, and each column holds a value for each tuple. Numbers follow
 * frequency, 0 is the most frequent, so that archive_stream_put stores them in little more than their
 * entropy.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ARCHIVE_TUPLES_ROWS_MAX = 1 << 16 };

/* Memory that is used again. Zeroed struct = empty. */
struct archive_tuples {
	size_t n;
	uint64_t *numbers; /* by row */
	uint32_t *rows;    /* by tuple: the first row that has it */
	uint64_t *hashes;  /* by row */
	uint32_t *slots;
	uint32_t *found; /* by tuple in the order in which they come: row, count and number */
	size_t rows_cap;
};

/*
 * Numbers the tuples of n rows, columns[k][i] being row i's value in column k. 0; 1 where there are more than
 * `most` or, by ill chance, two can't be told apart: then there are no numbers; -ENOMEM. n is at most
 * ARCHIVE_TUPLES_ROWS_MAX. seed: see base/hash.h.
 */
int archive_tuples_make(struct archive_tuples *t, const uint64_t *const *columns, size_t n_columns, size_t n,
    size_t most, uint64_t seed);
void archive_tuples_free(struct archive_tuples *t);

#endif
