/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXCHANGE_RECORDS_JSON_H
#define EXCHANGE_RECORDS_JSON_H

/*
 * Records as JSON lines: an object a line, `record` names its kind, then the fields of msg/records.schema
 * under their names (doc/archive.md). One file may hold all kinds. Numbers above 2^53 - 1 are written as
 * strings of digits, since most readers would round them (RFC 7493, 2.2), and read either way.
 *
 * Read and written by yajl, not jansson: it tells where in the line a value stands, gives numbers as they
 * were written, and makes no tree of what may be a hundred million lines.
 *
 * Bounds: a line is at most EXCHANGE_LINE_MAX bytes and nests as deep as records do; the lists of msg.h.
 */

#include <yajl/yajl_gen.h>

#include "exchange/input.h"
#include "exchange/value.h"

struct exchange_json_writer {
	yajl_gen g;
	struct exchange_kind kinds[ARCHIVE_KINDS]; /* by enum msg_record */
	struct exchange_clock clock;
	struct dynbuf scratch;
};

/* 0 or -ENOMEM. */
int exchange_json_begin(struct exchange_json_writer *w);
/* Appends a record of that kind as a line. 0, -ENOMEM or -ERR_LIMIT. */
int exchange_json_put(struct exchange_json_writer *w, unsigned record, const void *m, struct dynbuf *out);
void exchange_json_end(struct exchange_json_writer *w);

struct exchange_json_options {
	unsigned record; /* what lines without `record` are; 0: each must say */
	enum exchange_time_unit time_unit;
	bool plain_text;
	bool zoned; /* as struct exchange_reading */
	int32_t zone_s;
};

struct exchange_json_records;

int exchange_json_records_new(struct exchange_json_records **ret_records,
    const struct exchange_json_options *o, exchange_read_fn read, void *context);
/* The next record: 1 and its kind, 0 at the end; -ERR_MALFORMED or -ERR_LIMIT and *problem, after which it
 * can be asked again; -ENOMEM or an error of reading. What the record points to is borrowed until the next.
 */
int exchange_json_records_next(struct exchange_json_records *r, unsigned *ret_record,
    union archive_record *ret_m, struct exchange_problem *problem);
void exchange_json_records_free(struct exchange_json_records *r);
/* The line of the record given last. */
uint64_t exchange_json_records_line(const struct exchange_json_records *r);
/* How many bytes that line has. */
size_t exchange_json_records_bytes(const struct exchange_json_records *r);
/* The columns of a kind that a record of it had so far, as bits. */
uint64_t exchange_json_records_carried(const struct exchange_json_records *r, unsigned record);

#endif
