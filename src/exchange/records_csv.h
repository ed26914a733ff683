/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXCHANGE_RECORDS_CSV_H
#define EXCHANGE_RECORDS_CSV_H

/*
 * Records of one kind as CSV: a header row with the names of msg/records.schema, then a row for each record
 * (doc/archive.md). Also read: CSV of other systems, whose columns are mapped by their names: ours, the names
 * that a caller says, or for flows the common ones ("src_ip", "id.orig_h", "bytes_toserver" ...), source and
 * destination taken for initiator and responder.
 *
 * One record at a time is in memory. Errors of a row are told with their place, and the next can be read.
 */

#include "exchange/csv.h"
#include "exchange/value.h"

struct exchange_csv_writer {
	struct exchange_kind kind;
	struct exchange_clock clock;
	struct dynbuf scratch;
};

/* record: enum msg_record. Appends the header row to `out`. */
int exchange_csv_begin(struct exchange_csv_writer *w, unsigned record, struct dynbuf *out);
/* Appends a record's row. 0, -ENOMEM or -ERR_LIMIT. */
int exchange_csv_put(struct exchange_csv_writer *w, const void *record, struct dynbuf *out);
void exchange_csv_end(struct exchange_csv_writer *w);

/* How the columns of a file are to be taken; ours "-": not at all. */
struct exchange_csv_map {
	struct text ours, theirs;
};

struct exchange_csv_options {
	unsigned record; /* enum msg_record; 0: the kind whose header this is */
	char separator;  /* 0: a comma */
	enum exchange_time_unit time_unit;
	bool plain_text;
	bool zoned; /* as struct exchange_reading */
	int32_t zone_s;
	struct text empty;   /* a cell that says this is empty ("-"); none where it is empty itself */
	struct text columns; /* names for a file without a header row: "a,b,-,c"; "-": not taken */
	const struct exchange_csv_map *map;
	size_t n_map;
};

struct exchange_csv_records {
	struct csv_reader csv;
	struct exchange_kind kind;
	struct exchange_reading reading;
	int16_t columns[CSV_CELLS_MAX]; /* of ours, by cell; or one of enum exchange_csv_place */
	size_t n_columns;
	uint64_t carried;            /* bits: columns of ours that the file has */
	struct dynbuf not_taken;     /* names of its columns that are none of ours, as text for a person */
	bool has_duration, has_last; /* of flows */
	int app;                     /* the cell that others' names of applications come from, -1: none */
	struct text empty;
	uint64_t unknown_apps; /* of them that are none of ours, which counts as an unknown application */
	struct exchange_problem unknown_app; /* the first one */
	struct arena arena;
};

/*
 * Reads the header and maps it. 0; -ERR_MALFORMED and *problem: no header, a column twice, a name that isn't
 * there, or a column without which a record says nothing is missing; -ENOMEM or an error of reading.
 */
int exchange_csv_records_begin(struct exchange_csv_records *r, const struct exchange_csv_options *o,
    exchange_read_fn read, void *context, struct exchange_problem *problem);
/* The next record: 1, 0 at the end, -ERR_MALFORMED or -ERR_LIMIT and *problem, after which it can be asked
 * again; -ENOMEM or an error of reading. What the record points to is borrowed until the next. */
int exchange_csv_records_next(
    struct exchange_csv_records *r, union archive_record *ret_record, struct exchange_problem *problem);
void exchange_csv_records_end(struct exchange_csv_records *r);

#endif
