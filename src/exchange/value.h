/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXCHANGE_VALUE_H
#define EXCHANGE_VALUE_H

/*
 * Values of records as text and back, the same for CSV and JSON, without loss (doc/archive.md has the forms):
 *
 *   number, name   decimal; a number with a name as that: "tls"
 *   time           RFC 3339 in UTC with nine digits; one that RFC 3339 has no year for: "ns:" and the number.
 *                  Also read: zones as +0100, none at all where the caller says which it is
 *                  0 is the empty text, but in a column that must be there
 *   real           as many digits as needed to read the same number back
 *   addr, mac      as people write them; none is the empty text, but in a column that must be there
 *   text           clean UTF-8. A byte that isn't, or that a terminal obeys, stands as \xNN; so does a
 *                  backslash that would otherwise begin such a group
 *   fields         NAME=VALUE;NAME=VALUE, values by their kind (net/field.h)
 *
 * Writing is on the hot path of exports: no printf for what every record has. Reading gives the reason of a
 * refusal as words; what it reads is borrowed from the text or stands in the arena given.
 */

#include "exchange/kinds.h"

/* The room that any value but a text or a list needs. */
enum { EXCHANGE_VALUE_SIZE = 64 };

/* Dates that were written or read last: neighbours have the same. Zeroed struct = none. */
struct exchange_clock {
	int64_t day; /* since 1970 */
	bool any;
	char date[12]; /* "2026-11-23T" */
};

/* What plain numbers in a column of times count. */
enum exchange_time_unit {
	EXCHANGE_TIME_RFC3339, /* plain numbers are refused */
	EXCHANGE_TIME_S,       /* with a fraction, or without */
	EXCHANGE_TIME_MS,
	EXCHANGE_TIME_US,
	EXCHANGE_TIME_NS,
};

/* How values are read. */
struct exchange_reading {
	enum exchange_time_unit time_unit;
	bool plain_text; /* \xNN is four bytes of text, as other systems have it */
	bool zoned;      /* times that name no zone are this far ahead of UTC; else they are refused */
	int32_t zone_s;
	struct arena *arena;
	struct exchange_clock clock;
};

/* The text of a value that is neither text nor list: its length; at most EXCHANGE_VALUE_SIZE bytes at `at`.
 */
size_t exchange_value_text(
    const struct exchange_column *c, const void *record, struct exchange_clock *clock, char *at);
/* Appends t with \xNN where that is needed, also for the byte `also` (0: none). Errors stay in out->error. */
void exchange_escape(struct dynbuf *out, struct text t, char also);
/* Appends the value of a metadata field by its kind, escaped. */
void exchange_field_put(struct dynbuf *out, const struct field_value *v, char also);
/* The name of a metadata field, or its number where it has none. buf has 24 bytes. */
struct text exchange_field_name(unsigned field, char *buf);

/*
 * Reads a value into the column's place of the record. 0; -ENOMEM; -EINVAL or -ERANGE, and *ret_wanted says
 * what would be right: "a number from 0 to 255".
 */
int exchange_value_parse(const struct exchange_column *c, struct text t, struct exchange_reading *r,
    void *record, const char **ret_wanted);
/* One metadata field. The same returns. */
int exchange_field_parse(struct text name, struct text value, struct exchange_reading *r,
    struct field_value *ret_field, const char **ret_wanted);
/* The bytes of an escaped text. -ENOMEM, -ERANGE (beyond MSG_TEXT_MAX). */
int exchange_unescape(struct text t, struct exchange_reading *r, struct text *ret_text);

#endif
