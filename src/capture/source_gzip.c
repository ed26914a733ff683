/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/err.h"
#include "capture/source.h"

/* gzip, RFC 1952: one or more members after one another are one file. */
struct gzip {
	z_stream z;
	bool in_member;
};

enum { GZIP_WINDOW_BITS = 15 + 16 }; /* the largest window; +16: a gzip head, not zlib's */

static void gzip_free(struct source *s)
{
	struct gzip *g = s->unpacker;
	inflateEnd(&g->z);
	free(g);
}

/* Between members: 1 where another begins, 0 where only zero padding (tapes, blocks) or nothing follows. */
static int member_next(struct source *s)
{
	struct gzip *g = s->unpacker;
	for (;;) {
		int r = source_packed_more(s);
		if (r <= 0)
			return r;
		if (s->packed[s->packed_at] != 0)
			break;
		s->packed_at++;
	}
	if (s->packed[s->packed_at] != 0x1f)
		return source_fail(s, -ERR_MALFORMED, "bytes that aren't gzip follow the packed ones");
	inflateReset(&g->z);
	g->in_member = true;
	return 1;
}

static ptrdiff_t pull_gzip(struct source *s, uint8_t *out, size_t room)
{
	struct gzip *g = s->unpacker;
	g->z.next_out = out;
	g->z.avail_out = (uInt)room;
	while (g->z.avail_out == room) {
		int r = g->in_member ? source_packed_more(s) : member_next(s);
		if (r < 0)
			return r;
		if (r == 0)
			return g->in_member ? source_fail(s, -ERR_TRUNCATED, "the gzip data ends early") : 0;
		g->z.next_in = s->packed + s->packed_at;
		g->z.avail_in = (uInt)(s->packed_end - s->packed_at);
		r = inflate(&g->z, Z_NO_FLUSH);
		s->packed_at = s->packed_end - g->z.avail_in;
		if (r == Z_STREAM_END)
			g->in_member = false;
		else if (r == Z_MEM_ERROR)
			return source_fail(s, -ENOMEM, "out of memory");
		else if (r != Z_OK && r != Z_BUF_ERROR && g->z.avail_out == room)
			return source_fail(
			    s, -ERR_MALFORMED, g->z.msg ? g->z.msg : "the gzip data is damaged");
	}
	return (ptrdiff_t)(room - g->z.avail_out);
}

int source_gzip_start(struct source *s)
{
	struct gzip *g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	if (inflateInit2(&g->z, GZIP_WINDOW_BITS) != Z_OK) {
		free(g);
		return -ENOMEM;
	}
	g->in_member = true;
	s->unpacker = g;
	s->unpacker_free = gzip_free;
	s->pull = pull_gzip;
	return 0;
}
