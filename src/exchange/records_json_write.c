/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "exchange/records_json.h"

/* What a double, and so most readers of JSON, counts exactly. */
static const uint64_t safe_number = (UINT64_C(1) << 53) - 1;

int exchange_json_begin(struct exchange_json_writer *w)
{
	*w = (struct exchange_json_writer){.g = yajl_gen_alloc(NULL)};
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++)
		(void)exchange_kind_of(i, &w->kinds[i]);
	return w->g ? 0 : -ENOMEM;
}

void exchange_json_end(struct exchange_json_writer *w)
{
	if (w->g)
		yajl_gen_free(w->g);
	w->g = NULL;
	dynbuf_free(&w->scratch);
}

static void put_text(struct exchange_json_writer *w, struct text t)
{
	yajl_gen_string(w->g, (const unsigned char *)(t.n ? t.p : ""), t.n);
}

static void put_number(struct exchange_json_writer *w, uint64_t v, struct text digits)
{
	if (v > safe_number)
		put_text(w, digits);
	else
		yajl_gen_number(w->g, digits.p, digits.n);
}

static void put_ids(struct exchange_json_writer *w, const struct msg_u64s *ids)
{
	static const struct exchange_column number = {.form = EXCHANGE_FORM_NUMBER, .size = 8};
	char text[EXCHANGE_VALUE_SIZE];
	yajl_gen_array_open(w->g);
	for (uint32_t i = 0; i < ids->n; i++)
		put_number(
		    w, ids->v[i], text_bytes(text, exchange_value_text(&number, &ids->v[i], NULL, text)));
	yajl_gen_array_close(w->g);
}

static void put_fields(struct exchange_json_writer *w, const struct msg_fields *f)
{
	char number[24];
	yajl_gen_array_open(w->g);
	for (uint32_t i = 0; i < f->n; i++) {
		dynbuf_reset(&w->scratch);
		exchange_field_put(&w->scratch, &f->v[i], 0);
		yajl_gen_map_open(w->g);
		put_text(w, TEXT("name"));
		put_text(w, exchange_field_name(f->v[i].field, number));
		put_text(w, TEXT("value"));
		put_text(w, dynbuf_view(&w->scratch));
		yajl_gen_map_close(w->g);
	}
	yajl_gen_array_close(w->g);
}

static void put_value(struct exchange_json_writer *w, const struct exchange_column *c, const void *m)
{
	char text[EXCHANGE_VALUE_SIZE];
	const void *at = (const uint8_t *)m + c->offset;
	struct text t = text_bytes(text, exchange_value_text(c, m, &w->clock, text));
	switch (c->form) {
	case EXCHANGE_FORM_NUMBER: put_number(w, exchange_number_get(c, m), t); break;
	case EXCHANGE_FORM_REAL:
		/* infinity is no JSON number */
		if (t.p[t.n - 1] == 'f')
			put_text(w, t);
		else
			yajl_gen_number(w->g, t.p, t.n);
		break;
	case EXCHANGE_FORM_TIME:
	case EXCHANGE_FORM_ADDR:
	case EXCHANGE_FORM_MAC:
		if (t.n)
			put_text(w, t);
		else
			yajl_gen_null(w->g);
		break;
	case EXCHANGE_FORM_NAMED: put_text(w, t); break;
	case EXCHANGE_FORM_TEXT:
		dynbuf_reset(&w->scratch);
		exchange_escape(&w->scratch, *(const struct text *)at, 0);
		put_text(w, dynbuf_view(&w->scratch));
		break;
	case EXCHANGE_FORM_IDS: put_ids(w, at); break;
	case EXCHANGE_FORM_FIELDS: put_fields(w, at); break;
	}
}

int exchange_json_put(struct exchange_json_writer *w, unsigned record, const void *m, struct dynbuf *out)
{
	const struct exchange_kind *k = record < ARCHIVE_KINDS ? &w->kinds[record] : NULL;
	const unsigned char *p;
	size_t n, begin = out->n;
	if (!k || !k->name)
		return -EINVAL;
	yajl_gen_map_open(w->g);
	put_text(w, TEXT("record"));
	put_text(w, text_of(k->name));
	for (size_t i = 0; i < k->n_columns; i++) {
		put_text(w, text_bytes(k->columns[i].name, k->columns[i].name_size));
		put_value(w, &k->columns[i], m);
	}
	int error = w->scratch.error;
	if (yajl_gen_map_close(w->g) != yajl_gen_status_ok ||
	    yajl_gen_get_buf(w->g, &p, &n) != yajl_gen_status_ok)
		error = -ENOMEM;
	if (error == 0) {
		dynbuf_append(out, p, n);
		dynbuf_u8(out, '\n');
		error = out->error;
	}
	if (error < 0 && out->n >= begin)
		out->n = begin;
	yajl_gen_clear(w->g);
	yajl_gen_reset(w->g, NULL);
	return error;
}
