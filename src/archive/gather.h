/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_GATHER_H
#define ARCHIVE_GATHER_H

/*
 * Records turned into columns: the values of all columns of numbers (and of hardware addresses, as numbers),
 * some rows at a time, so that each record is taken from memory once and not once for each column.
 */

#include "archive/layout.h"

/* Memory that is used again. Zeroed struct = empty. */
struct archive_gathered {
	size_t rows, rows_cap;
	uint64_t *values;                  /* rows_cap of each column; of other columns they mean nothing */
	uint64_t any[ARCHIVE_COLUMNS_MAX]; /* all bits that a column's values have: 0 where all are zero */
};

static inline uint64_t *archive_gathered_column(const struct archive_gathered *g, size_t column)
{
	return g->values + column * g->rows_cap;
}

/* Types whose values archive_gather gives. */
static inline bool archive_column_is_number(const struct archive_column *column)
{
	return column->type == ARCHIVE_COLUMN_UINT || column->type == ARCHIVE_COLUMN_REAL ||
	       column->type == ARCHIVE_COLUMN_MAC;
}

/* The values of one such column in n records, of `step` bytes each. Gives all bits that they have. */
uint64_t archive_numbers_of(
    const struct archive_column *column, const void *records, size_t step, size_t n, uint64_t *ret_values);
/* n records, structs of the layout's size, one after the other. 0 or -ENOMEM. */
int archive_gather(
    struct archive_gathered *g, const struct archive_layout *layout, const void *records, size_t n);
void archive_gathered_free(struct archive_gathered *g);

#endif
