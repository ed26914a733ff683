/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_LAYOUT_H
#define ARCHIVE_LAYOUT_H

/*
 * What each kind of record is made of, as columns: one row for each field of msg/records.schema, in its
 * order. A column's number is its place in that order and is stored in segments, so this table only grows at
 * its end.
 */

#include "msg/msg.h"

enum archive_column_type {
	ARCHIVE_COLUMN_UINT, /* u8, u16, u32, u64, time */
	ARCHIVE_COLUMN_REAL,
	ARCHIVE_COLUMN_ADDR,
	ARCHIVE_COLUMN_MAC,
	ARCHIVE_COLUMN_TEXT,
	ARCHIVE_COLUMN_U64S,
	ARCHIVE_COLUMN_FIELDS,
};

/* The dictionaries of a segment. Stored in segments: append only. */
enum archive_dictionary {
	ARCHIVE_DICTIONARY_NONE,
	ARCHIVE_DICTIONARY_ADDRS,
	ARCHIVE_DICTIONARY_NAMES,
	ARCHIVE_DICTIONARY_VALUES,
	ARCHIVE_DICTIONARIES
};

enum {
	ARCHIVE_COLUMNS_MAX = 64, /* of one kind, unknown newer ones included */
	ARCHIVE_KINDS = 8,        /* more than the largest enum msg_record */
	ARCHIVE_COLUMN_ID = 0,    /* every record begins with its id */
};

/* Columns that queries look at, or others are near to: their places in msg/records.schema. */
enum archive_column_number {
	ARCHIVE_FLOW_DUPLICATE_OF = 1,
	ARCHIVE_FLOW_PROTOCOL = 6,
	ARCHIVE_FLOW_INITIATOR = 7,
	ARCHIVE_FLOW_RESPONDER = 8,
	ARCHIVE_FLOW_FIRST = 14,
	ARCHIVE_FLOW_LAST = 15,
	ARCHIVE_FLOW_PACKETS_OUT = 17,
	ARCHIVE_FLOW_PACKETS_IN = 18,
	ARCHIVE_FLOW_PAYLOAD_OUT = 21,
	ARCHIVE_FLOW_PAYLOAD_IN = 22,
	ARCHIVE_FLOW_NAME = 34,
	ARCHIVE_TRANSACTION_FLOW = 1,
	ARCHIVE_TRANSACTION_TIME = 3,
	ARCHIVE_TRANSACTION_FIELDS = 4,
	ARCHIVE_DETECTION_TIME = 1,
	ARCHIVE_DETECTION_CONFIDENCE = 6,
	ARCHIVE_BINDING_FIRST = 1,
	ARCHIVE_BINDING_ADDR = 3,
	ARCHIVE_COVERAGE_FROM = 4,
};

/* The dictionary that a transaction's field goes into, so that hunts find it by key: a name of a machine or
 * domain; an address, where it has sixteen bytes; a fingerprint, hash or user as a value. */
enum archive_dictionary archive_field_dictionary(unsigned field);

struct archive_column {
	const char *name;
	enum archive_column_type type;
	uint8_t size;       /* of the member */
	uint8_t dictionary; /* enum archive_dictionary: the column holds numbers into it */
	uint8_t base;       /* the number of the column that this one's values are near to; 0: none */
	uint8_t leader; /* of the columns that this one's values go with (archive/tuples.h), it may be itself;
	                   0: none */
	uint8_t companion; /* the column of addresses that this one's values go with (archive/companions.h);
	                      0: none */
	uint16_t offset;   /* in the record's struct */
};

struct archive_layout {
	const char *name; /* of the files: "flow" */
	uint16_t record;  /* enum msg_record */
	uint16_t n_columns;
	size_t size; /* of the record's struct */
	const struct archive_column *columns;
	uint16_t first, last; /* offsets of the times that the record spans; the same where it has one */
	uint16_t real;        /* the number of its only column of type REAL; 0: none */
	uint16_t reference;   /* the number of the column that holds another record's id; 0: none */
	int (*encode)(struct dynbuf *out, const void *record);
	int (*decode)(const void *p, size_t n, struct arena *arena, void *ret_record);
};

/* Room for a decoded record of any kind. */
union archive_record {
	struct msg_flow flow;
	struct msg_transaction transaction;
	struct msg_detection detection;
	struct msg_binding binding;
	struct msg_coverage coverage;
};

/* NULL for a number that is no kind of record. */
const struct archive_layout *archive_layout_of(unsigned record);

/* What a run of records spans: for skipping whatever can't hold an answer. */
struct archive_span {
	uint64_t records;
	uint64_t untimed; /* of them, those whose times are both 0: they don't count in first and last */
	uint64_t id_min, id_max;
	int64_t first, last;
};

/* Of one record. */
struct archive_span archive_span_of(const struct archive_layout *layout, const void *record);
void archive_span_add(struct archive_span *s, const struct archive_layout *layout, const void *record);
void archive_span_merge(struct archive_span *s, const struct archive_span *other);
static inline bool archive_span_has_id(const struct archive_span *s, uint64_t id)
{
	return s->records && id >= s->id_min && id <= s->id_max;
}

#endif
