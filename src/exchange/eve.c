/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What an archive holds, as EVE JSON. */

#include "exchange/eve.h"

#include <errno.h>

#include "archive/archive.h"
#include "exchange/ends.h"
#include "exchange/exchange.h"

struct eve {
	FILE *out;
	struct exchange_ends *ends;
	struct eve_writer *writer;
};

static int write_line(const struct eve *e, int error, struct text line)
{
	if (error < 0)
		return error;
	return fwrite(line.p, 1, line.n, e->out) == line.n && fputc('\n', e->out) != EOF ? 0 : -EIO;
}

static int each_flow(void *context, const struct msg_flow *f)
{
	const struct eve *e = context;
	struct text line = {0};
	int r = eve_writer_flow(e->writer, f, &line);
	return write_line(e, r, line);
}

static int each_transaction(void *context, const struct msg_transaction *t)
{
	const struct eve *e = context;
	struct text line = {0};
	struct msg_flow f;
	if (!exchange_ends_get(e->ends, t->flow, &f))
		return 0; /* of another turn, or the flow's record was torn off the archive's end */
	int r = eve_writer_transaction(e->writer, &f, t, &line);
	return write_line(e, r, line);
}

static int write_alerts(const struct eve *e, const struct msg_detection *d)
{
	int r = 0;
	for (uint32_t i = 0; i < d->flows.n && r == 0; i++) {
		struct msg_flow f;
		struct text line = {0};
		if (!exchange_ends_get(e->ends, d->flows.v[i], &f))
			continue;
		r = eve_writer_alert(e->writer, &f, d, &line);
		r = write_line(e, r, line);
	}
	return r;
}

int exchange_eve(
    struct archive *archive, const struct msg_detection *detections, size_t n_detections, FILE *out)
{
	static const struct archive_filter all;
	struct eve e = {.out = out};
	int r = eve_writer_new(&e.writer);
	if (r == 0)
		r = exchange_ends_new(&e.ends, archive);
	if (r == 0)
		r = archive_scan_flows(archive, &all, each_flow, &e);
	while (r == 0 && (r = exchange_ends_turn(e.ends)) > 0) {
		r = archive_scan_transactions(archive, NULL, 0, each_transaction, &e);
		for (size_t i = 0; i < n_detections && r == 0; i++)
			r = write_alerts(&e, &detections[i]);
	}
	exchange_ends_free(e.ends);
	eve_writer_free(e.writer);
	return r;
}

int exchange_eve_flows(struct archive *archive, const struct archive_filter *filter, FILE *out)
{
	struct eve e = {.out = out};
	int r = eve_writer_new(&e.writer);
	if (r == 0)
		r = archive_scan_flows(archive, filter, each_flow, &e);
	eve_writer_free(e.writer);
	return r;
}
