/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Feeds of lines: a value a line with # comments, and CSV (RFC 4180) with a header that names the columns.
 * CSV without such a header is taken for a list, of whose lines the first column counts.
 */

#include <errno.h>

#include "base/err.h"
#include "base/timefmt.h"
#include "detect/indicator_store.h"

enum { COLUMNS_MAX = 64 };

/* What a column holds. */
enum column {
	COLUMN_NONE,
	COLUMN_VALUE,
	COLUMN_TYPE,
	COLUMN_DESCRIPTION,
	COLUMN_TLP,
	COLUMN_FROM,
	COLUMN_UNTIL,
	COLUMN_TO_IDS
};

struct reader {
	struct text bytes;
	size_t at;
	uint32_t line; /* of the row just read */
	uint32_t next_line;
	struct dynbuf row; /* the unquoted cells, one behind the other */
	size_t end[COLUMNS_MAX];
	size_t n;
};

static bool row_cell(struct reader *r)
{
	bool quoted = r->at < r->bytes.n && r->bytes.p[r->at] == '"';
	r->at += quoted;
	while (r->at < r->bytes.n) {
		char c = r->bytes.p[r->at];
		if (quoted && c == '"') {
			r->at++;
			if (r->at >= r->bytes.n || r->bytes.p[r->at] != '"') {
				quoted = false;
				continue;
			}
		} else if (!quoted && (c == ',' || c == '\n')) {
			break;
		}
		r->next_line += c == '\n';
		dynbuf_u8(&r->row, (uint8_t)c);
		r->at++;
	}
	if (r->n < COLUMNS_MAX)
		r->end[r->n++] = r->row.n;
	return r->at < r->bytes.n && r->bytes.p[r->at] == ',';
}

/* The next row that isn't a comment. */
static bool row_next(struct reader *r)
{
	while (r->at < r->bytes.n) {
		r->line = r->next_line;
		if (r->bytes.p[r->at] == '#') {
			struct text rest = text_sub(r->bytes, r->at, r->bytes.n);
			r->at += text_find(rest, '\n') + 1;
			r->next_line++;
			continue;
		}
		dynbuf_reset(&r->row);
		r->n = 0;
		while (row_cell(r))
			r->at++;
		r->at++; /* the line's end */
		r->next_line++;
		return true;
	}
	return false;
}

static struct text row_at(const struct reader *r, size_t i)
{
	size_t from = i ? r->end[i - 1] : 0;
	if (i >= r->n || r->end[i] == from) /* an empty row has no memory yet */
		return text_bytes("", 0);
	return text_trim(text_bytes(r->row.p + from, r->end[i] - from));
}

static enum column column_of(struct text name)
{
	static const struct {
		const char *name;
		enum column column;
	} names[] = {
	    {"value", COLUMN_VALUE},
	    {"indicator", COLUMN_VALUE},
	    {"ioc", COLUMN_VALUE},
	    {"ioc_value", COLUMN_VALUE},
	    {"type", COLUMN_TYPE},
	    {"kind", COLUMN_TYPE},
	    {"ioc_type", COLUMN_TYPE},
	    {"indicator_type", COLUMN_TYPE},
	    {"description", COLUMN_DESCRIPTION},
	    {"comment", COLUMN_DESCRIPTION},
	    {"malware", COLUMN_DESCRIPTION},
	    {"tlp", COLUMN_TLP},
	    {"valid_from", COLUMN_FROM},
	    {"valid_until", COLUMN_UNTIL},
	    {"expires", COLUMN_UNTIL},
	    {"to_ids", COLUMN_TO_IDS},
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (text_equal_nocase(name, text_of(names[i].name)))
			return names[i].column;
	return COLUMN_NONE;
}

/* Whether the row is a header: a column of values among its names. */
static bool header_read(const struct reader *r, enum column columns[COLUMNS_MAX])
{
	bool found = false;
	for (size_t i = 0; i < COLUMNS_MAX; i++) {
		columns[i] = i < r->n ? column_of(row_at(r, i)) : COLUMN_NONE;
		found = found || columns[i] == COLUMN_VALUE;
	}
	return found;
}

static int time_cell(struct indicator_set *s, const struct feed_entry *e, struct text t, int64_t *ret_ns)
{
	if (t.n == 0 || time_parse(t, ret_ns) == 0)
		return 0;
	feed_problem(s, e, t, "not a time: RFC 3339, or a date");
	return -EINVAL;
}

static int row_add(struct indicator_set *s, const struct reader *r, const enum column columns[COLUMNS_MAX])
{
	struct feed_entry e = FEED_ENTRY_NONE;
	struct text type = text_of(NULL), value = text_of(NULL);
	bool blank = true;
	int error = 0;
	e.line = r->line;
	for (size_t i = 0; i < r->n && error == 0; i++) {
		struct text cell = row_at(r, i);
		blank = blank && cell.n == 0;
		switch (columns[i]) {
		case COLUMN_NONE: break;
		case COLUMN_VALUE: value = cell; break;
		case COLUMN_TYPE: type = cell; break;
		case COLUMN_DESCRIPTION: e.description = cell; break;
		case COLUMN_TLP:
			e.tlp = feed_tlp(cell);
			if (cell.n && e.tlp == MSG_TLP_NONE) {
				feed_problem(s, &e, cell, "not a TLP label");
				error = -EINVAL;
			}
			break;
		case COLUMN_FROM: error = time_cell(s, &e, cell, &e.valid_from); break;
		case COLUMN_UNTIL: error = time_cell(s, &e, cell, &e.valid_until); break;
		case COLUMN_TO_IDS:
			if (text_equal(cell, TEXT("0")) || text_equal_nocase(cell, TEXT("false"))) {
				feed_problem(s, &e, value, "to_ids is not set");
				error = -EINVAL;
			}
			break;
		}
	}
	return blank || error < 0 ? 0 : feed_add(s, &e, type, value);
}

/* The name isn't needed: problems know their feed. */
int feed_load_csv(struct indicator_set *s, const char *name, struct text bytes)
{
	struct reader r = {.bytes = bytes, .next_line = 1, .row = {.max = 1 << 20}};
	enum column columns[COLUMNS_MAX];
	int error = 0;
	bool more = row_next(&r);
	while (more && r.n == 1 && row_at(&r, 0).n == 0)
		more = row_next(&r);
	if (!more || !header_read(&r, columns)) {
		dynbuf_free(&r.row);
		return feed_load_list(s, name, bytes);
	}
	while (error == 0 && row_next(&r)) {
		if (r.row.error < 0) {
			struct feed_entry at = FEED_ENTRY_NONE;
			at.line = r.line;
			feed_problem(s, &at, text_of(NULL), "a row longer than 1 MiB: is a quote left open?");
			continue;
		}
		error = row_add(s, &r, columns);
	}
	dynbuf_free(&r.row);
	return error;
}

/* The value of a line: what stands before a comment, a blank or a comma. */
static struct text line_value(struct text line)
{
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] == '#' && (i == 0 || line.p[i - 1] == ' ' || line.p[i - 1] == '\t'))
			line.n = i;
	line = text_trim(line);
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] == ',' || line.p[i] == ';' || line.p[i] == ' ' || line.p[i] == '\t')
			line.n = i;
	if (line.n > 1 && line.p[0] == '"' && line.p[line.n - 1] == '"')
		line = text_sub(line, 1, line.n - 2);
	return line;
}

int feed_load_list(struct indicator_set *s, const char *name, struct text bytes)
{
	struct feed_entry e = FEED_ENTRY_NONE;
	(void)name;
	for (size_t at = 0; at < bytes.n;) {
		struct text line = text_sub(bytes, at, bytes.n);
		line.n = text_find(line, '\n');
		at += line.n + 1;
		e.line++;
		struct text value = line_value(line);
		if (value.n == 0)
			continue;
		int error = feed_add(s, &e, text_of(NULL), value);
		if (error < 0)
			return error;
	}
	return 0;
}
