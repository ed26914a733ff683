/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/pen.h"

#include <inttypes.h>
#include <string.h>

struct pen pen_of(FILE *out, bool colour)
{
	if (colour)
		return (struct pen){out, "\033[1m", "\033[2m", "\033[31m", "\033[33m", "\033[32m", "\033[0m"};
	return (struct pen){out, "", "", "", "", "", ""};
}

char *pen_count(uint64_t n, char *buf)
{
	char digits[PEN_COUNT_SIZE];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, n), at = 0;
	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			buf[at++] = ',';
		buf[at++] = digits[i];
	}
	buf[at] = '\0';
	return buf;
}

static bool begins_column(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

size_t pen_columns(const char *p, size_t n)
{
	size_t columns = 0;
	for (size_t i = 0; i < n; i++)
		columns += begins_column(p[i]);
	return columns;
}

void pen_cell(const struct pen *p, const char *text, size_t width)
{
	static const char more[] = "...";
	size_t n = strlen(text), columns = pen_columns(text, n);
	if (columns <= width) {
		fprintf(p->out, "%s%*s", text, (int)(width - columns), "");
		return;
	}
	size_t left = width > sizeof(more) - 1 ? width - (sizeof(more) - 1) : 0, end = 0;
	for (columns = 0; end < n; end++) {
		columns += begins_column(text[end]);
		if (columns > left)
			break;
	}
	fwrite(text, 1, end, p->out);
	fputs(more, p->out);
}
