/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * ICMP (RFC 792) and ICMPv6 (RFC 4443). The payload is what follows the 8 bytes that every message has: an
 * echo's data, an error's quoted packet.
 */

#include "decode/walk.h"

enum { ICMP_HEAD = 8, NDP_ROUTER_SOLICITATION = 133, NDP_REDIRECT = 137 };

static bool icmp_head(struct walk *w, struct packet_layer *l)
{
	const uint8_t *p = walk_take(w, ICMP_HEAD);
	if (!p) {
		walk_event(w, DECODE_EVENT_ICMP_TRUNCATED);
		return false;
	}
	l->src_port = p[0];
	l->dst_port = p[1];
	l->has_ports = true;
	walk_set_payload(w, l);
	return true;
}

enum decode_step decode_icmp(struct walk *w)
{
	icmp_head(w, walk_layer(w));
	return DECODE_DONE;
}

enum decode_step decode_icmpv6(struct walk *w)
{
	struct packet_layer *l = walk_layer(w);
	if (icmp_head(w, l) && l->src_port >= NDP_ROUTER_SOLICITATION && l->src_port <= NDP_REDIRECT)
		decode_ndp(w, (uint8_t)l->src_port);
	return DECODE_DONE;
}
