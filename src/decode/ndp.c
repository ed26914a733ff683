/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Neighbour discovery, RFC 4861: who has which address. */

#include "decode/walk.h"

enum {
	NDP_HOP_LIMIT = 255, /* 7.1.1: anything less came through a router, and lies */

	ROUTER_SOLICITATION = 133,
	ROUTER_ADVERTISEMENT = 134,
	NEIGHBOUR_SOLICITATION = 135,
	NEIGHBOUR_ADVERTISEMENT = 136,

	ROUTER_ADVERTISEMENT_REST = 8, /* behind the first 8 bytes */
	TARGET = 16,
	OPTION_SOURCE_LINK = 1,
	OPTION_TARGET_LINK = 2,
	OPTION_UNIT = 8,
};

/* The link-layer address in that option, NULL without one. */
static const uint8_t *link_option(struct walk *w, struct cursor *c, uint8_t wanted)
{
	while (cursor_left(c)) {
		const uint8_t *p = cursor_peek(c, 2);
		size_t n = p ? p[1] * (size_t)OPTION_UNIT : 0;
		uint8_t kind = p ? p[0] : 0;
		p = n ? cursor_take(c, n) : NULL;
		if (!p) {
			walk_event(w, DECODE_EVENT_NDP_MALFORMED);
			return NULL;
		}
		if (kind == wanted && n == OPTION_UNIT)
			return p + 2;
	}
	return NULL;
}

void decode_ndp(struct walk *w, uint8_t type)
{
	const struct packet_layer *l = walk_layer(w);
	struct cursor c = w->c;
	struct net_addr owner = l->src;
	uint8_t option = OPTION_SOURCE_LINK;
	if (l->ttl != NDP_HOP_LIMIT) {
		walk_event(w, DECODE_EVENT_NDP_MALFORMED);
		return;
	}
	if (type == ROUTER_ADVERTISEMENT) {
		cursor_skip(&c, ROUTER_ADVERTISEMENT_REST);
	} else if (type == NEIGHBOUR_SOLICITATION) {
		cursor_skip(&c, TARGET);
	} else if (type == NEIGHBOUR_ADVERTISEMENT) {
		const uint8_t *target = cursor_take(&c, TARGET);
		if (target)
			owner = net_addr_v6(target);
		option = OPTION_TARGET_LINK;
	} else if (type != ROUTER_SOLICITATION) {
		return;
	}
	if (!cursor_ok(&c)) {
		walk_event(w, DECODE_EVENT_NDP_MALFORMED);
		return;
	}
	const uint8_t *mac = link_option(w, &c, option);
	if (mac && !net_addr_is_unspecified(owner) && !net_addr_is_multicast(owner))
		decode_bind(w, PACKET_BINDING_NDP, owner, mac);
}
