/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exchange/csv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/err.h"
#include "base/vec.h"

/* A row while it is read. Offsets count from the input's `at`, since the window may move. */
struct row {
	struct csv_reader *r;
	size_t pos;
	uint64_t line;     /* of pos */
	size_t line_begin; /* the offset of that line's first byte */
	struct exchange_problem *problem;
};

int csv_reader_begin(struct csv_reader *r, char separator, exchange_read_fn read, void *context)
{
	*r = (struct csv_reader){.separator = separator};
	return exchange_input_begin(&r->in, read, context);
}

void csv_reader_free(struct csv_reader *r)
{
	exchange_input_free(&r->in);
	free(r->cells);
	*r = (struct csv_reader){0};
}

/* Whether the byte at `pos` is there: 1, 0 at the end, or an error. */
static int have(struct row *w, size_t pos)
{
	struct exchange_input *in = &w->r->in;
	int r = 1;
	while (r > 0 && in->n - in->at <= pos)
		r = exchange_input_more(in);
	return r;
}

static char byte_at(const struct row *w, size_t pos)
{
	return w->r->in.p[w->r->in.at + pos];
}

static int wrong(struct row *w, size_t pos, const char *what)
{
	*w->problem = (struct exchange_problem){.line = w->line, .column = pos - w->line_begin + 1};
	snprintf(w->problem->what, sizeof(w->problem->what), "%s", what);
	return -ERR_MALFORMED;
}

static bool ends_cell(const struct row *w, char c)
{
	return c == w->r->separator || c == '\n';
}

/* A cell without quotes: up to the separator or the line's end. */
static int plain_cell(struct row *w, struct csv_cell *c)
{
	int r;
	c->from = w->pos;
	while ((r = have(w, w->pos)) > 0) {
		const struct exchange_input *in = &w->r->in;
		const char *p = in->p + in->at;
		size_t n = in->n - in->at, i = w->pos;
		while (i < n && !ends_cell(w, p[i]) && p[i] != '"')
			i++;
		w->pos = i;
		if (i == n)
			continue;
		if (p[i] == '"')
			return wrong(
			    w, i, "a quote within a cell that doesn't begin with one; write \"...\"\"...\"");
		break;
	}
	if (r < 0)
		return r;
	c->text.n = w->pos - c->from;
	/* the CR of a CRLF belongs to the line's end */
	bool at_end = r == 0 || byte_at(w, w->pos) == '\n';
	if (at_end && c->text.n && byte_at(w, w->pos - 1) == '\r')
		c->text.n--;
	return 0;
}

/* Looks for the quote that closes: w->pos is behind the one that opens, and then at it. Nothing is changed on
 * the way, so that reading can go on behind the line of a quote that is never closed. */
static int find_close(struct row *w, size_t *ret_doubled)
{
	struct row open = *w;
	size_t doubled = 0;
	int r;
	open.pos--;
	while ((r = have(w, w->pos)) > 0) {
		char c = byte_at(w, w->pos);
		if (c == '"') {
			r = have(w, w->pos + 1);
			if (r < 0)
				break;
			if (r == 0 || byte_at(w, w->pos + 1) != '"') {
				*ret_doubled = doubled;
				return 0;
			}
			doubled++;
			w->pos++;
		} else if (c == '\n') {
			w->line++;
			w->line_begin = w->pos + 1;
		}
		w->pos++;
	}
	if (r == 0 || r == -ERR_LIMIT) {
		*w = open;
		return wrong(w, w->pos, "a quote that is never closed, or not within 16 MiB");
	}
	return r;
}

static size_t unquote(char *p, size_t n)
{
	size_t to = 0;
	for (size_t i = 0; i < n; i++) {
		p[to++] = p[i];
		i += p[i] == '"';
	}
	return to;
}

static int quoted_cell(struct row *w, struct csv_cell *c)
{
	size_t doubled;
	c->from = w->pos;
	int r = find_close(w, &doubled);
	if (r < 0)
		return r;
	c->text.n = w->pos - c->from;
	w->pos++;
	r = have(w, w->pos);
	if (r > 0 && byte_at(w, w->pos) == '\r' && have(w, w->pos + 1) > 0 && byte_at(w, w->pos + 1) == '\n')
		w->pos++;
	r = have(w, w->pos);
	if (r > 0 && !ends_cell(w, byte_at(w, w->pos)))
		return wrong(
		    w, w->pos, "something behind a closing quote; a quote within a cell is written twice");
	if (r < 0)
		return r;
	if (doubled)
		c->text.n = unquote(w->r->in.p + w->r->in.at + c->from, c->text.n);
	return 0;
}

static int one_cell(struct row *w)
{
	struct csv_reader *reader = w->r;
	struct csv_cell c = {.line = w->line, .column = w->pos - w->line_begin + 1};
	int r = have(w, w->pos);
	if (r < 0)
		return r;
	c.quoted = r > 0 && byte_at(w, w->pos) == '"';
	r = VEC_RESERVE(reader->cells, &reader->cap_cells, reader->n_cells, CSV_CELLS_MAX);
	if (r < 0)
		return r == -ERR_LIMIT ? wrong(w, w->pos, "more than 1024 cells in a row") : r;
	w->pos += c.quoted;
	r = c.quoted ? quoted_cell(w, &c) : plain_cell(w, &c);
	if (r == 0)
		reader->cells[reader->n_cells++] = c;
	return r;
}

/* Behind a mistake, reading goes on with the line after the one that it stands on. */
static int give_up(struct row *w, int error)
{
	struct csv_reader *r = w->r;
	if (error == -ERR_LIMIT)
		*w->problem = (struct exchange_problem){.line = r->in.line, .column = 1};
	if (error == -ERR_LIMIT)
		snprintf(w->problem->what, sizeof(w->problem->what), "a row of more than %d bytes",
		    EXCHANGE_LINE_MAX);
	if (error != -ERR_LIMIT && error != -ERR_MALFORMED)
		return error;
	size_t left = r->in.n - r->in.at;
	exchange_input_take(&r->in, w->pos < left ? w->pos : left);
	r->in.line = w->line;
	int skipped = exchange_input_skip_line(&r->in);
	r->taken = 0;
	r->lines = 0;
	r->n_cells = 0;
	return skipped < 0 ? skipped : error;
}

static int skip_empty_lines(struct csv_reader *r)
{
	struct row w = {.r = r};
	for (;;) {
		int got = have(&w, 0);
		if (got <= 0)
			return got;
		size_t n = byte_at(&w, 0) == '\r' ? 1 : 0;
		got = have(&w, n);
		if (got < 0)
			return got;
		if (got == 0 || byte_at(&w, n) != '\n')
			return 1;
		exchange_input_take(&r->in, n + 1);
		r->in.line++;
	}
}

/* Where the next separator is among the n bytes, n where there is none: eight bytes a step, since most cells
 * are short and there are many (the usual way of finding a byte in a word). */
static size_t find_separator(const char *p, size_t n, uint64_t pattern)
{
	size_t at = 0;
	for (; at + sizeof(uint64_t) <= n; at += sizeof(uint64_t)) {
		uint64_t word = load_le64((const uint8_t *)p + at) ^ pattern;
		uint64_t found = (word - 0x0101010101010101) & ~word & 0x8080808080808080;
		if (found)
			return at + (size_t)__builtin_ctzll(found) / 8;
	}
	while (at < n && p[at] != (char)pattern)
		at++;
	return at;
}

/*
 * A row as nearly all are: one line, all of it in the window, without a quote. Anything else, and what could
 * be wrong with it, is left to one_cell; false then.
 */
static bool plain_row(struct csv_reader *r)
{
	const char *p = r->in.p + r->in.at;
	size_t left = r->in.n - r->in.at;
	const char *line_end = left ? memchr(p, '\n', left) : NULL;
	size_t n = line_end ? (size_t)(line_end - p) : 0;
	if (!line_end || n >= EXCHANGE_LINE_MAX || memchr(p, '"', n))
		return false;
	r->taken = n + 1;
	r->lines = 1;
	n -= n && p[n - 1] == '\r';
	uint64_t pattern = (uint8_t)r->separator * UINT64_C(0x0101010101010101);
	for (size_t from = 0;; from++) {
		if (r->n_cells == r->cap_cells &&
		    VEC_RESERVE(r->cells, &r->cap_cells, r->n_cells, CSV_CELLS_MAX) < 0)
			break;
		size_t length = find_separator(p + from, n - from, pattern);
		r->cells[r->n_cells++] = (struct csv_cell){
		    .text = {.p = p + from, .n = length}, .line = r->line, .column = from + 1};
		from += length;
		if (from == n)
			return true;
	}
	r->taken = 0;
	r->lines = 0;
	r->n_cells = 0;
	return false;
}

int csv_reader_next(struct csv_reader *r, struct exchange_problem *problem)
{
	exchange_input_take(&r->in, r->taken);
	r->in.line += r->lines;
	r->taken = 0;
	r->lines = 0;
	r->n_cells = 0;
	int got = skip_empty_lines(r);
	if (got <= 0)
		return got;
	struct row w = {.r = r, .line = r->in.line, .problem = problem};
	r->line = w.line;
	if (plain_row(r))
		return 1;
	for (bool more = true; more;) {
		got = one_cell(&w);
		if (got == 0)
			got = have(&w, w.pos);
		if (got < 0)
			return give_up(&w, got);
		more = got > 0 && byte_at(&w, w.pos) == r->separator;
		w.pos += got > 0;
	}
	r->taken = w.pos;
	r->lines = w.line - r->in.line + (got > 0);
	for (size_t i = 0; i < r->n_cells; i++)
		r->cells[i].text.p = r->in.p + r->in.at + r->cells[i].from;
	return 1;
}
