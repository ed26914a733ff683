/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Mirrored frames over GRE: ERSPAN types I, II and III, draft-foschiano-erspan. */

#include "decode/ethertype.h"
#include "decode/walk.h"
#include "net/app.h"

enum {
	ERSPAN_II_HEAD = 8,
	ERSPAN_III_HEAD = 12,
	ERSPAN_III_PLATFORM = 8,
	ERSPAN_II_VERSION = 1,
	ERSPAN_III_VERSION = 2,
	ERSPAN_TRUNCATED = 0x04, /* byte 2: the mirror cut the frame */
	ERSPAN_III_HAS_PLATFORM = 0x01,
	ERSPAN_III_FRAME_TYPE_SHIFT = 2,
	ERSPAN_III_FRAME_TYPE_MASK = 0x1f,
	FRAME_TYPE_ETHERNET = 0,
	FRAME_TYPE_IP = 2,
	CUT_ROOM = 1 << 16,
};

static enum decode_step malformed(struct walk *w)
{
	return walk_stop(w, DECODE_EVENT_ERSPAN_MALFORMED);
}

/* A frame that the mirror cut: what it had on the wire is told by its own IP header alone. */
static enum decode_step enter(struct walk *w, bool cut, enum decode_step next)
{
	walk_enter_tunnel(w, APP_ERSPAN);
	if (cut)
		w->length += CUT_ROOM;
	return next;
}

static enum decode_step erspan_iii(struct walk *w)
{
	const uint8_t *p = walk_take(w, ERSPAN_III_HEAD);
	if (!p || p[0] >> 4 != ERSPAN_III_VERSION)
		return malformed(w);
	if ((p[11] & ERSPAN_III_HAS_PLATFORM) && !walk_take(w, ERSPAN_III_PLATFORM))
		return malformed(w);
	unsigned type = p[10] >> ERSPAN_III_FRAME_TYPE_SHIFT & ERSPAN_III_FRAME_TYPE_MASK;
	if (type != FRAME_TYPE_ETHERNET && type != FRAME_TYPE_IP)
		return malformed(w);
	return enter(w, p[2] & ERSPAN_TRUNCATED, type == FRAME_TYPE_IP ? DECODE_IP : DECODE_ETHERNET);
}

/* Type I has no header of its own, and no GRE sequence number, by which it is told from type II. */
enum decode_step decode_erspan(struct walk *w, bool has_sequence)
{
	if (w->ethertype == ETHERTYPE_ERSPAN_III)
		return erspan_iii(w);
	if (!has_sequence)
		return enter(w, false, DECODE_ETHERNET);
	const uint8_t *p = walk_take(w, ERSPAN_II_HEAD);
	if (!p || p[0] >> 4 != ERSPAN_II_VERSION)
		return malformed(w);
	return enter(w, p[2] & ERSPAN_TRUNCATED, DECODE_ETHERNET);
}
