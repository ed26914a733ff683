/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_LIVE_TEXT_H
#define CMD_LIVE_TEXT_H

/*
 * What the texts of live answers are made of: members of a JSON object, printable whatever they hold, numbers
 * and times as people read them. A member that isn't there, or of another kind, reads as nothing: an answer
 * of another version is shown as far as it is understood.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { LIVE_CELL = 256 };

/* Where a page goes, and how. */
struct live_page {
	FILE *out;
	bool colour;
	int64_t now; /* of the wall clock; times are told as from now on */
};

struct live_page live_page(FILE *out, bool colour);

/* Each buf has LIVE_CELL bytes, and is returned. */
const char *live_text(const json_t *j, const char *key, char *buf);
json_int_t live_number(const json_t *j, const char *key);
bool live_yes(const json_t *j, const char *key);
bool live_is(const json_t *j, const char *key, const char *value);
/* "17:05:11 UTC (in 9 min 02 s)", with the date where that isn't today's; "" where there is none. */
const char *live_moment(const struct live_page *p, const json_t *j, const char *key, char *buf);
/* The time of day alone, or with the date. */
const char *live_time(const struct live_page *p, const json_t *j, const char *key, char *buf);
/* "1,204" */
const char *live_thousands(json_int_t n, char *buf);
/* "2 packets" */
const char *live_many(json_int_t n, const char *one, const char *many, char *buf);

enum live_paint { LIVE_PLAIN, LIVE_BOLD, LIVE_GOOD, LIVE_WARN, LIVE_BAD };

/* Colours only where the page has them. */
void live_paint(const struct live_page *p, enum live_paint how, const char *s);
/* A section's title. */
void live_title(const struct live_page *p, const char *s);

#endif
