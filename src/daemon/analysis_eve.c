/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/analysis_eve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/dynbuf.h"
#include "base/vec.h"
#include "exchange/ends.h"
#include "exchange/eve.h"

/* Lines are written so many bytes at a time: a page at a time, the kernel spends as long on them as their
 * making takes. */
enum { LINES_BYTES = 256 << 10 };

struct analysis_eve {
	FILE *out;
	struct eve_writer *writer;
	struct dynbuf lines; /* not written yet */
};

int analysis_eve_new(struct analysis_eve **ret_eve, FILE *out)
{
	struct analysis_eve *e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	int r = eve_writer_new(&e->writer);
	if (r < 0) {
		free(e);
		return r;
	}
	e->out = out;
	*ret_eve = e;
	return 0;
}

void analysis_eve_free(struct analysis_eve *e)
{
	if (!e)
		return;
	eve_writer_free(e->writer);
	dynbuf_free(&e->lines);
	free(e);
}

static int write_lines(struct analysis_eve *e)
{
	struct text lines = dynbuf_view(&e->lines);
	errno = 0;
	if (lines.n && fwrite(lines.p, 1, lines.n, e->out) != lines.n)
		return errno ? -errno : -EIO;
	dynbuf_reset(&e->lines);
	return 0;
}

static int put_line(struct analysis_eve *e, int error, struct text line)
{
	if (error < 0)
		return error;
	uint8_t *to = dynbuf_grow(&e->lines, line.n + 1);
	if (!to)
		return e->lines.error;
	memcpy(to, line.p, line.n);
	to[line.n] = '\n';
	return e->lines.n < LINES_BYTES ? 0 : write_lines(e);
}

int analysis_eve_flow(struct analysis_eve *e, const struct msg_flow *f)
{
	struct text line = {0};
	int r = eve_writer_flow(e->writer, f, &line);
	return put_line(e, r, line);
}

int analysis_eve_transaction(
    struct analysis_eve *e, const struct msg_flow *f, const struct msg_transaction *t)
{
	struct text line = {0};
	int r = eve_writer_transaction(e->writer, f, t, &line);
	return put_line(e, r, line);
}

struct alerts {
	struct analysis_eve *eve;
	struct exchange_ends *ends;
};

static int put_alerts(void *context, const struct msg_detection *d)
{
	const struct alerts *a = context;
	int r = 0;
	for (uint32_t i = 0; i < d->flows.n && r == 0; i++) {
		struct msg_flow f;
		struct text line = {0};
		if (!exchange_ends_get(a->ends, d->flows.v[i], &f))
			continue;
		r = eve_writer_alert(a->eve->writer, &f, d, &line);
		r = put_line(a->eve, r, line);
	}
	return r;
}

/* The flows that detections rest on. */
struct cited {
	uint64_t *ids;
	size_t n, cap;
};

static int cite(void *context, const struct msg_detection *d)
{
	struct cited *c = context;
	for (uint32_t i = 0; i < d->flows.n; i++) {
		int r = VEC_RESERVE(c->ids, &c->cap, c->n, SIZE_MAX);
		if (r < 0)
			return r;
		c->ids[c->n++] = d->flows.v[i];
	}
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	uint64_t x, y;
	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

int analysis_eve_alerts(struct analysis_eve *e, struct archive *archive, const struct detections *detections)
{
	struct cited cited = {0};
	struct alerts alerts = {.eve = e};
	int r = detections_each(detections, cite, &cited);
	if (r == 0 && cited.n) {
		qsort(cited.ids, cited.n, sizeof(*cited.ids), compare_ids);
		r = exchange_ends_new(&alerts.ends, archive, cited.ids, cited.n);
	}
	while (r == 0 && alerts.ends && (r = exchange_ends_turn(alerts.ends)) > 0)
		r = detections_each(detections, put_alerts, &alerts);
	exchange_ends_free(alerts.ends);
	free(cited.ids);
	return r < 0 ? r : write_lines(e);
}
