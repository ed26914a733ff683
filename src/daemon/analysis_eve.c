/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/analysis_eve.h"

#include <errno.h>
#include <stdlib.h>

#include "base/dynbuf.h"
#include "exchange/ends.h"
#include "exchange/eve.h"

struct analysis_eve {
	FILE *out;
	struct eve_writer *writer;
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
	free(e);
}

static int write_line(const struct analysis_eve *e, int error, struct text line)
{
	if (error < 0)
		return error;
	errno = 0;
	return fwrite(line.p, 1, line.n, e->out) == line.n && putc('\n', e->out) != EOF ? 0
	       : errno                                                                  ? -errno
	                                                                                : -EIO;
}

int analysis_eve_flow(struct analysis_eve *e, const struct msg_flow *f)
{
	struct text line = {0};
	int r = eve_writer_flow(e->writer, f, &line);
	return write_line(e, r, line);
}

int analysis_eve_transaction(
    struct analysis_eve *e, const struct msg_flow *f, const struct msg_transaction *t)
{
	struct text line = {0};
	int r = eve_writer_transaction(e->writer, f, t, &line);
	return write_line(e, r, line);
}

static int put_alerts(struct analysis_eve *e, const struct exchange_ends *ends, const struct msg_detection *d)
{
	int r = 0;
	for (uint32_t i = 0; i < d->flows.n && r == 0; i++) {
		struct msg_flow f;
		struct text line = {0};
		if (!exchange_ends_get(ends, d->flows.v[i], &f))
			continue;
		r = eve_writer_alert(e->writer, &f, d, &line);
		r = write_line(e, r, line);
	}
	return r;
}

int analysis_eve_alerts(struct analysis_eve *e, struct archive *archive, const struct table *detections)
{
	struct exchange_ends *ends = NULL;
	struct arena arena = {0};
	int r = table_count(detections) ? exchange_ends_new(&ends, archive) : 0;
	while (r == 0 && ends && (r = exchange_ends_turn(ends)) > 0) {
		size_t pos = 0;
		r = 0;
		for (const struct dynbuf *b; r == 0 && (b = table_next(detections, &pos, NULL));) {
			struct msg_detection d;
			arena_reset(&arena);
			r = msg_detection_decode(b->p, b->n, &arena, &d);
			if (r == 0)
				r = put_alerts(e, ends, &d);
		}
	}
	arena_free(&arena);
	exchange_ends_free(ends);
	return r;
}
