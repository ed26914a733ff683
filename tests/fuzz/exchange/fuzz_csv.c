/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Any bytes as CSV: the first says of which kind and how; what is read must be written and read as the same
 * record. */

#include <stdlib.h>
#include <string.h>

#include "exchange/records_csv.h"

struct source {
	struct text t;
	size_t at, step;
};

static int64_t read_source(void *context, void *p, size_t n)
{
	struct source *s = context;
	size_t left = s->t.n - s->at, take = left < s->step ? left : s->step;
	if (take > n)
		take = n;
	if (take)
		memcpy(p, s->t.p + s->at, take);
	s->at += take;
	return (int64_t)take;
}

static void encode(const struct exchange_kind *k, const void *m, struct dynbuf *out)
{
	/* beyond the bound of a record only the archive refuses it */
	if (k->layout->encode(out, m) < 0)
		out->n = 0;
}

static void must_come_back(const struct exchange_kind *k, const union archive_record *m)
{
	struct dynbuf text = {0}, before = {0}, after = {0};
	struct exchange_csv_writer w;
	struct exchange_csv_records r;
	struct exchange_csv_options o = {0};
	struct exchange_problem problem;
	union archive_record back;
	encode(k, m, &before);
	if (exchange_csv_begin(&w, k->layout->record, &text) < 0 || exchange_csv_put(&w, m, &text) < 0)
		abort();
	struct source s = {.t = dynbuf_view(&text), .step = SIZE_MAX};
	if (exchange_csv_records_begin(&r, &o, read_source, &s, &problem) < 0 ||
	    exchange_csv_records_next(&r, &back, &problem) != 1)
		abort();
	encode(k, &back, &after);
	if (!text_equal(dynbuf_view(&before), dynbuf_view(&after)))
		abort();
	exchange_csv_records_end(&r);
	exchange_csv_end(&w);
	dynbuf_free(&text);
	dynbuf_free(&before);
	dynbuf_free(&after);
}

/* A row is read in one go where it can be, else byte by byte: with the same cells, places and mistakes. */
static void must_be_read_alike(struct text t, char separator)
{
	struct source whole = {.t = t, .step = SIZE_MAX}, pieces = {.t = t, .step = 1};
	struct csv_reader a, b;
	struct exchange_problem p = {0}, q = {0};
	int x = csv_reader_begin(&a, separator, read_source, &whole);
	int y = csv_reader_begin(&b, separator, read_source, &pieces);
	if (x < 0 || y < 0)
		abort();
	do {
		x = csv_reader_next(&a, &p);
		y = csv_reader_next(&b, &q);
		if (x != y || (x < 0 && (p.line != q.line || p.column != q.column)) ||
		    a.n_cells != b.n_cells || (x > 0 && a.line != b.line))
			abort();
		for (size_t i = 0; i < a.n_cells; i++)
			if (!text_equal(a.cells[i].text, b.cells[i].text) ||
			    a.cells[i].line != b.cells[i].line || a.cells[i].column != b.cells[i].column ||
			    a.cells[i].quoted != b.cells[i].quoted)
				abort();
	} while (x != 0);
	csv_reader_free(&a);
	csv_reader_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct exchange_csv_options o = {.record = data[0] % 6,
	    .time_unit = (enum exchange_time_unit)(data[1] % 5),
	    .separator = data[1] & 0x40 ? ';' : ',',
	    .plain_text = data[1] & 0x80,
	    .zoned = data[1] & 0x20,
	    .zone_s = -3600,
	    .empty = data[1] & 0x10 ? TEXT("-") : TEXT("")};
	must_be_read_alike(text_bytes(data + 2, size - 2), o.separator);
	struct source s = {.t = text_bytes(data + 2, size - 2), .step = data[0] & 0x80 ? 1 : SIZE_MAX};
	struct exchange_csv_records r;
	struct exchange_problem problem;
	union archive_record m;
	int got = exchange_csv_records_begin(&r, &o, read_source, &s, &problem);
	while (got >= 0 && (got = exchange_csv_records_next(&r, &m, &problem)) != 0) {
		if (got == 1)
			must_come_back(&r.kind, &m);
		got = 0; /* on behind a mistake */
	}
	exchange_csv_records_end(&r);
	return 0;
}
