/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/gather.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"

enum { ROWS_AT_ONCE = 64 }; /* of some hundred bytes: they stay in the first cache */

static uint64_t gather_macs(const uint8_t *p, size_t step, size_t n, uint64_t *v)
{
	uint64_t any = 0;
	for (size_t i = 0; i < n; i++, p += step)
		any |= v[i] = (uint64_t)load_be16(p) << 32 | load_be32(p + 2);
	return any;
}

static uint64_t gather_numbers(const uint8_t *p, size_t size, size_t step, size_t n, uint64_t *v)
{
	uint64_t any = 0;
#define GATHER(type)                                                                                         \
	for (size_t i = 0; i < n; i++, p += step) {                                                          \
		type one;                                                                                    \
		memcpy(&one, p, sizeof(one));                                                                \
		any |= v[i] = one;                                                                           \
	}
	switch (size) {
	case 1: GATHER(uint8_t); break;
	case 2: GATHER(uint16_t); break;
	case 4: GATHER(uint32_t); break;
	case 8: GATHER(uint64_t); break;
	default: break;
	}
#undef GATHER
	return any;
}

uint64_t archive_numbers_of(
    const struct archive_column *column, const void *records, size_t step, size_t n, uint64_t *ret_values)
{
	const uint8_t *p = (const uint8_t *)records + column->offset;
	return column->type == ARCHIVE_COLUMN_MAC ? gather_macs(p, step, n, ret_values)
	                                          : gather_numbers(p, column->size, step, n, ret_values);
}

static void gather_rows(struct archive_gathered *g, const struct archive_layout *layout,
    const uint8_t *records, size_t first, size_t n)
{
	for (size_t k = 0; k < layout->n_columns; k++) {
		const struct archive_column *column = &layout->columns[k];
		if (archive_column_is_number(column))
			g->any[k] |= archive_numbers_of(column, records + first * layout->size, layout->size,
			    n, archive_gathered_column(g, k) + first);
	}
}

int archive_gather(
    struct archive_gathered *g, const struct archive_layout *layout, const void *records, size_t n)
{
	if (n > g->rows_cap) {
		uint64_t *values = reallocarray(g->values, n, ARCHIVE_COLUMNS_MAX * sizeof(*values));
		if (!values)
			return -ENOMEM;
		g->values = values;
		g->rows_cap = n;
	}
	g->rows = n;
	memset(g->any, 0, sizeof(g->any));
	for (size_t first = 0; first < n; first += ROWS_AT_ONCE)
		gather_rows(g, layout, records, first, n - first < ROWS_AT_ONCE ? n - first : ROWS_AT_ONCE);
	return 0;
}

void archive_gathered_free(struct archive_gathered *g)
{
	free(g->values);
	*g = (struct archive_gathered){0};
}
