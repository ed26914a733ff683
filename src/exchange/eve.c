/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Flows that an archive holds, as EVE JSON. */

#include "exchange/eve.h"

#include <errno.h>

#include "exchange/exchange.h"

struct eve {
	FILE *out;
	struct eve_writer *writer;
};

static int each_flow(void *context, const struct msg_flow *f)
{
	const struct eve *e = context;
	struct text line = {0};
	int r = eve_writer_flow(e->writer, f, &line);
	if (r < 0)
		return r;
	return fwrite(line.p, 1, line.n, e->out) == line.n && fputc('\n', e->out) != EOF ? 0 : -EIO;
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
