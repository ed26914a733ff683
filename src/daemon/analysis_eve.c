/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/analysis_eve.h"

#include <errno.h>
#include <stdlib.h>

#include "base/dynbuf.h"
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
	dynbuf_text(&e->lines, line);
	dynbuf_u8(&e->lines, '\n');
	if (e->lines.error)
		return e->lines.error;
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

static int put_alerts(struct analysis_eve *e, const struct exchange_ends *ends, const struct msg_detection *d)
{
	int r = 0;
	for (uint32_t i = 0; i < d->flows.n && r == 0; i++) {
		struct msg_flow f;
		struct text line = {0};
		if (!exchange_ends_get(ends, d->flows.v[i], &f))
			continue;
		r = eve_writer_alert(e->writer, &f, d, &line);
		r = put_line(e, r, line);
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
	return r < 0 ? r : write_lines(e);
}
