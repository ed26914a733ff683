/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXCHANGE_CSV_H
#define EXCHANGE_CSV_H

/*
 * A reader of CSV as RFC 4180 has it, which tells where each cell stands: libcsv doesn't, and takes what is
 * no CSV without a word. Lines end with LF or CRLF; a quoted cell may hold both, separators, NUL, and quotes
 * written twice. Empty lines are passed over. Another separator than the comma can be given.
 *
 * A row with a mistake is an error with its place; the reader then goes on behind that line.
 * Bounds: CSV_CELLS_MAX cells a row, EXCHANGE_LINE_MAX bytes.
 */

#include "base/text.h"
#include "exchange/input.h"

enum { CSV_CELLS_MAX = 1024 };

struct csv_cell {
	struct text text; /* without quotes; borrowed until the next row */
	uint64_t line, column;
	bool quoted;
	size_t from; /* the reader's own */
};

struct csv_reader {
	struct exchange_input in;
	char separator;
	struct csv_cell *cells;
	size_t n_cells, cap_cells;
	uint64_t line;  /* on which the row begins */
	size_t taken;   /* bytes of the row, to be passed over before the next */
	uint64_t lines; /* in them */
};

int csv_reader_begin(struct csv_reader *r, char separator, exchange_read_fn read, void *context);
/* The next row: 1 and its cells, 0 at the end; -ERR_MALFORMED or -ERR_LIMIT and *problem, after which it can
 * be asked again; -ENOMEM or an error of reading. */
int csv_reader_next(struct csv_reader *r, struct exchange_problem *problem);
void csv_reader_free(struct csv_reader *r);

#endif
