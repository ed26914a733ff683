/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/line.h"

#include <string.h>

bool line_take(
    struct line_reader *r, const uint8_t *p, size_t n, bool end, struct text *ret_line, size_t *ret_used)
{
	size_t look = !r->passing && n > LINE_MAX_BYTES ? LINE_MAX_BYTES : n;
	const uint8_t *lf = look ? memchr(p, '\n', look) : NULL;
	size_t line = lf ? (size_t)(lf - p) : look;
	if (r->passing) {
		r->passing = lf == NULL;
		*ret_used = lf ? line + 1 : n;
		return false;
	}
	if (!lf && look < LINE_MAX_BYTES && !(end && n > 0)) {
		*ret_used = 0;
		return false;
	}
	r->passing = !lf && look == LINE_MAX_BYTES;
	*ret_used = lf ? line + 1 : look;
	if (lf && line > 0 && p[line - 1] == '\r')
		line--;
	*ret_line = (struct text){.p = (const char *)p, .n = line};
	return true;
}

struct text line_word(struct text line, struct text *ret_rest)
{
	size_t n = text_find(line, ' ');
	*ret_rest = text_trim(text_sub(line, n, line.n));
	return text_sub(line, 0, n);
}
