/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "decode/walk.h"
#include "net/app.h"

enum {
	GTP_HEAD = 8,
	GTP_VERSION_1 = 0x30, /* version 1, protocol type GTP, the reserved bit zero */
	GTP_VERSION_MASK = 0xf8,
	GTP_OPTIONAL = 0x07, /* any of extension, sequence, N-PDU: then all three fields stand */
	GTP_EXTENSION = 0x04,
	GTP_OPTIONAL_FIELDS = 4,
	GTP_USER_PACKET = 255,
	GTP_EXTENSION_UNIT = 4,
	GTP_EXTENSIONS_MAX = 8,
};

/* The size of the header with its extensions, 0 where it is broken. */
static size_t gtp_head(const struct walk *w, const uint8_t *p)
{
	size_t head = GTP_HEAD;
	if (!(p[0] & GTP_OPTIONAL))
		return head;
	head += GTP_OPTIONAL_FIELDS;
	p = walk_peek(w, head);
	if (!p)
		return 0;
	uint8_t next = p[0] & GTP_EXTENSION ? p[head - 1] : 0;
	for (int i = 0; next; i++) {
		p = i < GTP_EXTENSIONS_MAX ? walk_peek(w, head + 1) : NULL;
		size_t n = p ? p[head] * (size_t)GTP_EXTENSION_UNIT : 0;
		p = n ? walk_peek(w, head + n) : NULL;
		if (!p)
			return 0;
		head += n;
		next = p[head - 1];
	}
	return head;
}

/* GTP-U version 1 (3GPP TS 29.281) at its port: user packets; signalling is left as payload. */
enum decode_step decode_gtp(struct walk *w)
{
	const uint8_t *p = walk_peek(w, GTP_HEAD);
	if (!p || (p[0] & GTP_VERSION_MASK) != GTP_VERSION_1)
		return walk_stop(w, DECODE_EVENT_GTP_MALFORMED);
	if (p[1] != GTP_USER_PACKET)
		return DECODE_DONE;
	size_t head = gtp_head(w, p);
	if (head == 0 || load_be16(p + 2) != w->length - GTP_HEAD || !sane_ip(w, head))
		return walk_stop(w, DECODE_EVENT_GTP_MALFORMED);
	(void)walk_take(w, head);
	walk_enter_tunnel(w, APP_GTP);
	return DECODE_IP;
}
