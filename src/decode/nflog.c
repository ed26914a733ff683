/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Linux netfilter's log: a head and attributes, one of which is the packet. */

#include "decode/walk.h"

enum {
	NFLOG_HEAD = 4,
	NFLOG_ATTRIBUTE_HEAD = 4,
	NFLOG_PAYLOAD = 9,
	NFLOG_TYPE_MASK = 0x7fff,
	NFLOG_INET = 2,
	NFLOG_INET6 = 10,
};

static uint16_t host16(const uint8_t *p, bool big)
{
	return big ? load_be16(p) : load_le16(p);
}

/* Attributes stand in the byte order of the machine that logged. Walks to the payload; false where there is
 * none. */
static bool nflog_payload(struct walk *w, bool big)
{
	struct walk at = *w;
	for (;;) {
		const uint8_t *p = walk_peek(&at, NFLOG_ATTRIBUTE_HEAD);
		uint32_t n = p ? host16(p, big) : 0;
		if (n < NFLOG_ATTRIBUTE_HEAD || n > at.length)
			return false;
		if ((host16(p + 2, big) & NFLOG_TYPE_MASK) == NFLOG_PAYLOAD) {
			(void)walk_take(&at, NFLOG_ATTRIBUTE_HEAD);
			walk_limit(&at, n - NFLOG_ATTRIBUTE_HEAD);
			*w = at;
			return true;
		}
		n = (n + 3) & ~3u;
		if (!walk_take(&at, n))
			return false;
	}
}

enum decode_step decode_nflog(struct walk *w)
{
	const uint8_t *p = walk_take(w, NFLOG_HEAD);
	if (!p || (!nflog_payload(w, false) && !nflog_payload(w, true)))
		return walk_stop(w, DECODE_EVENT_LINK_TRUNCATED);
	switch (p[0]) {
	case NFLOG_INET: return DECODE_IPV4;
	case NFLOG_INET6: return DECODE_IPV6;
	default:
		return sane_ip(w, 0) ? DECODE_IP
		                     : DECODE_DONE; /* bridge and others: from the network header on */
	}
}
