/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXCHANGE_RECORDS_H
#define EXCHANGE_RECORDS_H

/* Records from a file, be it CSV or JSON lines: what an import reads. */

#include "exchange/import.h"

struct exchange_records {
	enum exchange_format format;
	struct exchange_csv_records csv;
	struct exchange_json_records *json;
	int fd;
};

/* From the file's beginning. 0; -ERR_MALFORMED and *problem (no such columns); other errors of reading. */
int exchange_records_begin(struct exchange_records *r, const struct exchange_import_options *o, int fd,
    struct exchange_problem *problem);
/* As exchange_json_records_next. */
int exchange_records_next(struct exchange_records *r, unsigned *ret_record, union archive_record *ret_m,
    struct exchange_problem *problem);
void exchange_records_end(struct exchange_records *r);
/* Of the record given last, as text: its line, and how many bytes it has. */
uint64_t exchange_records_line(const struct exchange_records *r);
size_t exchange_records_bytes(const struct exchange_records *r);
/* The columns of a kind that the records had, as bits. */
uint64_t exchange_records_carried(const struct exchange_records *r, unsigned record);

#endif
