/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/err.h"
#include "capture/source.h"

/* zstd, RFC 8878: one or more frames after one another are one file. */
struct unzstd {
	ZSTD_DStream *d;
	bool in_frame;
};

enum { ZSTD_WINDOW_LOG = 27 }; /* 128 MiB, what zstd -d itself takes unasked */

static void unzstd_free(struct source *s)
{
	struct unzstd *u = s->unpacker;
	ZSTD_freeDStream(u->d);
	free(u);
}

/* What the decompressor holds now: its window is made when a frame's head is read. */
static int unzstd_charge(struct source *s)
{
	struct unzstd *u = s->unpacker;
	size_t now = ZSTD_sizeof_DStream(u->d);
	s->budget->used += now - s->unpacker_bytes;
	s->unpacker_bytes = now;
	if (s->budget->used > s->budget->max)
		return source_fail(s, -ERR_LIMIT, "unpacking all zstd files at once needs too much memory");
	return 0;
}

/* One step; `more` tells whether stored bytes are left. Without them it may still hold bytes that found no
 * room. */
static int unzstd_step(struct source *s, ZSTD_outBuffer *to, bool more)
{
	struct unzstd *u = s->unpacker;
	ZSTD_inBuffer from = {
	    .src = s->packed + s->packed_at, .size = more ? s->packed_end - s->packed_at : 0};
	size_t left = ZSTD_decompressStream(u->d, to, &from);
	s->packed_at += from.pos;
	if (ZSTD_isError(left)) {
		bool memory = ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation;
		return source_fail(s, memory ? -ENOMEM : -ERR_MALFORMED, ZSTD_getErrorName(left));
	}
	u->in_frame = left != 0;
	return unzstd_charge(s);
}

static ptrdiff_t pull_zstd(struct source *s, uint8_t *out, size_t room)
{
	struct unzstd *u = s->unpacker;
	ZSTD_outBuffer to = {.dst = out, .size = room};
	while (to.pos == 0) {
		int more = source_packed_more(s);
		if (more < 0)
			return more;
		if (!more && !u->in_frame)
			return 0;
		int r = unzstd_step(s, &to, more);
		if (r < 0)
			return r;
		if (!more && to.pos == 0 && u->in_frame)
			return source_fail(s, -ERR_TRUNCATED, "the zstd data ends early");
	}
	return (ptrdiff_t)to.pos;
}

int source_zstd_start(struct source *s)
{
	struct unzstd *u = calloc(1, sizeof(*u));
	if (!u)
		return -ENOMEM;
	u->d = ZSTD_createDStream();
	if (!u->d || ZSTD_isError(ZSTD_DCtx_setParameter(u->d, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG))) {
		ZSTD_freeDStream(u->d);
		free(u);
		return -ENOMEM;
	}
	u->in_frame = true;
	s->unpacker = u;
	s->unpacker_free = unzstd_free;
	s->pull = pull_zstd;
	return 0;
}
