/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "bench/history_out.h"
#include "net/app.h"

enum { BUFFER = 1 << 18, LINE_MAX_BYTES = 1024 };

struct history_csv {
	const char *folder;
	FILE *file;
	uint64_t rows;
	unsigned part;
	size_t n;
	char buffer[BUFFER];
};

static const char header[] =
    "id,duplicate_of,vantage,protocol,initiator,responder,initiator_port,responder_port,first,last,packets_"
    "out,"
    "packets_in,wire_out,wire_in,payload_out,payload_in,retransmitted_out,retransmitted_in,tcp_flags_out,"
    "tcp_flags_in,tcp_state,end,app,name\n";

int history_csv_open(struct history_csv **ret_csv, const char *folder)
{
	struct history_csv *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->folder = folder;
	*ret_csv = c;
	return 0;
}

static int flush(struct history_csv *c)
{
	size_t n = c->n;
	c->n = 0;
	return n == 0 || fwrite(c->buffer, 1, n, c->file) == n ? 0 : -EIO;
}

static int end_part(struct history_csv *c)
{
	if (!c->file)
		return 0;
	int r = flush(c);
	if (fclose(c->file) != 0 && r == 0)
		r = -errno;
	c->file = NULL;
	return r;
}

static int begin_part(struct history_csv *c)
{
	char path[4096];
	int r = end_part(c);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/part-%03u.csv", c->folder, c->part++);
	if (!(c->file = fopen(path, "wbe")))
		return -errno;
	memcpy(c->buffer, header, sizeof(header) - 1);
	c->n = sizeof(header) - 1;
	return 0;
}

static char *number(char *p, uint64_t v)
{
	char digits[20];
	size_t n = 0;
	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	while (n)
		*p++ = digits[--n];
	*p++ = ',';
	return p;
}

static char *text(char *p, const char *from, size_t n, char end)
{
	memcpy(p, from, n);
	p[n] = end;
	return p + n + 1;
}

int history_csv_flow(struct history_csv *c, const struct msg_flow *f)
{
	int r = 0;
	if (c->rows++ % HISTORY_PART == 0)
		r = begin_part(c);
	if (r == 0 && BUFFER - c->n < LINE_MAX_BYTES)
		r = flush(c);
	if (r < 0)
		return r;
	const uint64_t numbers[] = {f->id, f->duplicate_of, f->vantage, f->protocol,
	    load_be32(f->initiator.b + 12), load_be32(f->responder.b + 12), f->initiator_port,
	    f->responder_port, (uint64_t)f->first, (uint64_t)f->last, f->packets_out, f->packets_in,
	    f->wire_out, f->wire_in, f->payload_out, f->payload_in, f->retransmitted_out, f->retransmitted_in,
	    f->tcp_flags_out, f->tcp_flags_in, f->tcp_state, f->end};
	const char *app = app_name(f->app);
	char *p = c->buffer + c->n;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		p = number(p, numbers[i]);
	p = text(p, app, strlen(app), ',');
	p = text(p, f->name.p ? f->name.p : "", f->name.n, '\n');
	c->n = (size_t)(p - c->buffer);
	return 0;
}

int history_csv_close(struct history_csv *c)
{
	int r = c ? end_part(c) : 0;
	free(c);
	return r;
}
