/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "exchange/records_csv.h"

int exchange_csv_begin(struct exchange_csv_writer *w, unsigned record, struct dynbuf *out)
{
	*w = (struct exchange_csv_writer){0};
	if (!exchange_kind_of(record, &w->kind))
		return -EINVAL;
	for (size_t i = 0; i < w->kind.n_columns; i++) {
		if (i)
			dynbuf_u8(out, ',');
		dynbuf_str(out, w->kind.columns[i].name);
	}
	dynbuf_str(out, "\n");
	return out->error;
}

void exchange_csv_end(struct exchange_csv_writer *w)
{
	dynbuf_free(&w->scratch);
}

/* A byte that stands in a cell as it is, wherever. */
static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != ',' && c != '\\';
}

/* What a spreadsheet takes for the beginning of a formula. Records hold what strangers sent. */
static bool begins_formula(char c)
{
	return c == '=' || c == '+' || c == '-' || c == '@';
}

static void put_cell(struct dynbuf *out, struct text cell)
{
	if (text_find(cell, '"') == cell.n && text_find(cell, ',') == cell.n) {
		dynbuf_text(out, cell);
		return;
	}
	dynbuf_u8(out, '"');
	for (size_t at = 0; at < cell.n;) {
		struct text rest = text_sub(cell, at, cell.n);
		size_t quote = text_find(rest, '"');
		dynbuf_append(out, rest.p, quote);
		if (quote < rest.n)
			dynbuf_append(out, "\"\"", 2);
		at += quote + 1;
	}
	dynbuf_u8(out, '"');
}

static void put_text(struct exchange_csv_writer *w, struct text t, struct dynbuf *out)
{
	bool formula = t.n && begins_formula(t.p[0]);
	size_t plain = 0;
	while (!formula && plain < t.n && is_plain((unsigned char)t.p[plain]))
		plain++;
	if (!formula && plain == t.n) {
		dynbuf_text(out, t);
		return;
	}
	dynbuf_reset(&w->scratch);
	if (formula)
		dynbuf_printf(&w->scratch, "\\x%02x", (unsigned char)t.p[0]);
	exchange_escape(&w->scratch, text_sub(t, formula, t.n), 0);
	put_cell(out, dynbuf_view(&w->scratch));
}

static void put_ids(const struct msg_u64s *ids, struct dynbuf *out)
{
	static const struct exchange_column number = {.form = EXCHANGE_FORM_NUMBER, .size = 8};
	char text[EXCHANGE_VALUE_SIZE];
	for (uint32_t i = 0; i < ids->n; i++) {
		if (i)
			dynbuf_u8(out, ' ');
		dynbuf_append(out, text, exchange_value_text(&number, &ids->v[i], NULL, text));
	}
}

static void put_fields(struct exchange_csv_writer *w, const struct msg_fields *f, struct dynbuf *out)
{
	char number[24];
	dynbuf_reset(&w->scratch);
	for (uint32_t i = 0; i < f->n; i++) {
		if (i)
			dynbuf_u8(&w->scratch, ';');
		dynbuf_text(&w->scratch, exchange_field_name(f->v[i].field, number));
		dynbuf_u8(&w->scratch, '=');
		exchange_field_put(&w->scratch, &f->v[i], ';');
	}
	put_cell(out, dynbuf_view(&w->scratch));
}

int exchange_csv_put(struct exchange_csv_writer *w, const void *record, struct dynbuf *out)
{
	size_t begin = out->n;
	for (size_t i = 0; i < w->kind.n_columns; i++) {
		const struct exchange_column *c = &w->kind.columns[i];
		const void *at = (const uint8_t *)record + c->offset;
		uint8_t *to;
		switch (c->form) {
		case EXCHANGE_FORM_TEXT: put_text(w, *(const struct text *)at, out); break;
		case EXCHANGE_FORM_IDS: put_ids(at, out); break;
		case EXCHANGE_FORM_FIELDS: put_fields(w, at, out); break;
		case EXCHANGE_FORM_NUMBER:
		case EXCHANGE_FORM_NAMED:
		case EXCHANGE_FORM_TIME:
		case EXCHANGE_FORM_REAL:
		case EXCHANGE_FORM_ADDR:
		case EXCHANGE_FORM_MAC:
			to = dynbuf_grow(out, EXCHANGE_VALUE_SIZE);
			if (to)
				out->n -= EXCHANGE_VALUE_SIZE -
				          exchange_value_text(c, record, &w->clock, (char *)to);
			break;
		}
		dynbuf_u8(out, i + 1 < w->kind.n_columns ? ',' : '\n');
	}
	int error = out->error ? out->error : w->scratch.error;
	if (error < 0 && out->n >= begin) /* no half row */
		out->n = begin;
	return error;
}
