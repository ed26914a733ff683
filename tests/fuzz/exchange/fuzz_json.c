/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Any bytes as JSON lines: the first says how; what is read must be written and read as the same record. */

#include <stdlib.h>
#include <string.h>

#include "exchange/records_json.h"

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

static void must_come_back(struct exchange_json_writer *w, unsigned record, const union archive_record *m)
{
	struct dynbuf text = {0}, before = {0}, after = {0};
	struct exchange_json_records *r;
	struct exchange_json_options o = {0};
	struct exchange_problem problem;
	union archive_record back;
	unsigned found;
	const struct archive_layout *l = archive_layout_of(record);
	if (l->encode(&before, m) < 0)
		before.n = 0;
	if (exchange_json_put(w, record, m, &text) < 0)
		abort();
	struct source s = {.t = dynbuf_view(&text), .step = SIZE_MAX};
	if (exchange_json_records_new(&r, &o, read_source, &s) < 0 ||
	    exchange_json_records_next(r, &found, &back, &problem) != 1 || found != record)
		abort();
	if (l->encode(&after, &back) < 0)
		after.n = 0;
	if (!text_equal(dynbuf_view(&before), dynbuf_view(&after)))
		abort();
	exchange_json_records_free(r);
	dynbuf_free(&text);
	dynbuf_free(&before);
	dynbuf_free(&after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	struct exchange_json_options o = {.record = data[0] % 6,
	    .time_unit = (enum exchange_time_unit)(data[0] >> 3 & 3),
	    .plain_text = data[0] & 0x40};
	struct source s = {.t = text_bytes(data + 1, size - 1), .step = data[0] & 0x80 ? 1 : SIZE_MAX};
	struct exchange_json_writer w;
	struct exchange_json_records *r;
	struct exchange_problem problem;
	union archive_record m;
	unsigned record;
	if (exchange_json_begin(&w) < 0)
		abort();
	int got = exchange_json_records_new(&r, &o, read_source, &s);
	while (got >= 0 && (got = exchange_json_records_next(r, &record, &m, &problem)) != 0) {
		if (got == 1)
			must_come_back(&w, record, &m);
		got = 0; /* on behind a mistake */
	}
	exchange_json_records_free(r);
	exchange_json_end(&w);
	return 0;
}
