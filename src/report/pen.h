/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef REPORT_PEN_H
#define REPORT_PEN_H

/* Where text for a terminal goes, and in which colours. Private to report/. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct pen {
	FILE *out;
	const char *bold, *dim, *red, *yellow, *green, *off; /* empty where there is no colour */
};

enum { PEN_COUNT_SIZE = 32 };

struct pen pen_of(FILE *out, bool colour);
/* "4,000,000". buf has PEN_COUNT_SIZE bytes. Returns buf. */
char *pen_count(uint64_t n, char *buf);
/* So many columns n bytes of UTF-8 take. */
size_t pen_columns(const char *p, size_t n);
/* Text in a column of that width: filled with blanks, or cut with "...". */
void pen_cell(const struct pen *p, const char *text, size_t width);

#endif
