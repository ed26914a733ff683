/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXCHANGE_KINDS_H
#define EXCHANGE_KINDS_H

/*
 * The kinds of records as they are exchanged: the fields of msg/records.schema under their own names, each
 * with the form that its value has as text. CSV columns and JSON keys are these. The rows come from
 * archive/layout.h, so a new field of the schema is exchanged from the day it is there; kinds.c only adds
 * what the layout doesn't say: which numbers are times, names, or references.
 */

#include <errno.h>
#include <string.h>

#include "archive/layout.h"

enum exchange_form {
	EXCHANGE_FORM_NUMBER,
	EXCHANGE_FORM_NAMED, /* a number that has a name: "tls"; one without a name in digits */
	EXCHANGE_FORM_TIME,
	EXCHANGE_FORM_REAL,
	EXCHANGE_FORM_ADDR,
	EXCHANGE_FORM_MAC,
	EXCHANGE_FORM_TEXT,
	EXCHANGE_FORM_IDS,
	EXCHANGE_FORM_FIELDS,
};

/* What a number refers to, for records that move to another archive. */
enum exchange_reference {
	EXCHANGE_REFERENCE_NONE,
	EXCHANGE_REFERENCE_SELF, /* the record's own id */
	EXCHANGE_REFERENCE_RECORD,
	EXCHANGE_REFERENCE_VANTAGE,
};

struct exchange_column {
	const char *name;
	enum exchange_form form;
	enum exchange_reference reference;
	uint8_t size; /* of the member */
	uint8_t name_size;
	uint16_t offset;                        /* in the record's struct */
	bool required;                          /* a record without it says nothing */
	bool protocol;                          /* a number that others write as "tcp" */
	const char *(*name_of)(unsigned value); /* NAMED */
	uint16_t n_named;                       /* of 0 to n_named - 1 */
};

struct exchange_kind {
	const char *name; /* "flow" */
	const struct archive_layout *layout;
	size_t n_columns;
	struct exchange_column columns[ARCHIVE_COLUMNS_MAX];
	size_t n_references;
	uint8_t references[ARCHIVE_COLUMNS_MAX]; /* the columns that refer to something */
};

/* False where there is no such kind of record. */
bool exchange_kind_of(unsigned record, struct exchange_kind *ret_kind);
/* The record's number by the kind's name, -1 where there is none. */
int exchange_kind_find(struct text name);
/* The number of a column by its name, -1 where there is none. */
int exchange_column_find(const struct exchange_kind *k, struct text name);
/* The same, sooner if it is the column behind another (-1: the first). */
int exchange_column_find_behind(const struct exchange_kind *k, int other, struct text name);

/* A column's number of a record, whatever its size. */
static inline uint64_t exchange_number_get(const struct exchange_column *c, const void *record)
{
	const uint8_t *p = (const uint8_t *)record + c->offset;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;
	switch (c->size) {
	case 1: return *p;
	case 2: memcpy(&u16, p, sizeof(u16)); return u16;
	case 4: memcpy(&u32, p, sizeof(u32)); return u32;
	default: memcpy(&u64, p, sizeof(u64)); return u64;
	}
}

/* -ERANGE where the column is too small for it. */
static inline int exchange_number_set(const struct exchange_column *c, void *record, uint64_t value)
{
	uint8_t *p = (uint8_t *)record + c->offset;
	uint16_t u16 = (uint16_t)value;
	uint32_t u32 = (uint32_t)value;
	if (c->size < 8 && value >> (8 * c->size))
		return -ERANGE;
	switch (c->size) {
	case 1: *p = (uint8_t)value; break;
	case 2: memcpy(p, &u16, sizeof(u16)); break;
	case 4: memcpy(p, &u32, sizeof(u32)); break;
	default: memcpy(p, &value, sizeof(value)); break;
	}
	return 0;
}

#endif
