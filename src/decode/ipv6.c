/* SPDX-License-Identifier: GPL-2.0-or-later */

/* IPv6 and its extension headers, RFC 8200; jumbograms, RFC 2675. */

#include "decode/walk.h"

enum {
	IPV6_HEAD = 40,
	EXTENSIONS_MAX = 16,
	EXTENSION_LEAST = 8,
	FRAGMENT_MORE = 1,
	FRAGMENT_OFFSET_MASK = 0xfff8,

	NEXT_HOP_BY_HOP = 0,
	NEXT_ROUTING = 43,
	NEXT_FRAGMENT = 44,
	NEXT_NONE = 59,
	NEXT_DESTINATION = 60,
	NEXT_MOBILITY = 135,
	NEXT_HIP = 139,
	NEXT_SHIM6 = 140,

	OPTION_PAD1 = 0,
	OPTION_JUMBO = 0xc2,
};

/* The length that a jumbo option in a leading hop-by-hop header gives to the whole datagram; 0 without one.
 */
static uint32_t jumbo_length(const struct walk *w)
{
	const uint8_t *p = walk_peek(w, IPV6_HEAD + EXTENSION_LEAST);
	if (!p || p[6] != NEXT_HOP_BY_HOP)
		return 0;
	size_t n = (p[IPV6_HEAD + 1] + 1u) * 8;
	p = walk_peek(w, IPV6_HEAD + n);
	if (!p)
		return 0;
	struct cursor c = cursor_of(p + IPV6_HEAD + 2, n - 2);
	while (cursor_left(&c)) {
		uint8_t type = cursor_u8(&c);
		if (type == OPTION_PAD1)
			continue;
		uint8_t length = cursor_u8(&c);
		if (type == OPTION_JUMBO && length == 4) {
			uint32_t jumbo = cursor_be32(&c);
			return cursor_ok(&c) && jumbo <= UINT32_MAX - IPV6_HEAD ? jumbo + IPV6_HEAD : 0;
		}
		cursor_skip(&c, length);
	}
	return 0;
}

/* The datagram's length with its header: a payload length of 0 is a jumbogram, left to the card, or truly
 * empty. */
static uint32_t ipv6_length(struct walk *w, const uint8_t *p)
{
	uint32_t payload = load_be16(p + 4);
	if (payload)
		return decode_datagram_length(w, IPV6_HEAD + payload);
	uint32_t jumbo = jumbo_length(w);
	if (jumbo && !w->absurd)
		return decode_datagram_length(w, jumbo);
	return decode_datagram_length(w, p[6] == NEXT_NONE ? IPV6_HEAD : 0);
}

/* Whether the walk goes on: it does too where a datagram is whole in one fragment (RFC 6946). */
static bool ipv6_fragment(struct walk *w, const uint8_t *p)
{
	uint16_t offset = load_be16(p + 2);
	if (!(offset & (FRAGMENT_OFFSET_MASK | FRAGMENT_MORE)))
		return true;
	const struct fragment f = {
	    .id = load_be32(p + 4),
	    .offset = offset & FRAGMENT_OFFSET_MASK,
	    .more = offset & FRAGMENT_MORE,
	    .v6 = true,
	};
	return decode_fragment(w, &f);
}

/* The walk can't pass the header where it stands: what can be said is the protocol it would have been. */
static enum decode_step extensions_end(struct walk *w, enum decode_event event)
{
	struct packet_layer *l = walk_layer(w);
	l->protocol = w->protocol;
	walk_set_payload(w, l);
	return walk_stop(w, event);
}

/* From w->protocol on. */
static enum decode_step ipv6_extensions(struct walk *w)
{
	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		const uint8_t *p;
		switch (w->protocol) {
		case NEXT_FRAGMENT:
			p = walk_take(w, EXTENSION_LEAST);
			if (!p)
				return extensions_end(w, DECODE_EVENT_IPV6_EXTENSION);
			w->protocol = p[0];
			if (!ipv6_fragment(w, p))
				return DECODE_DONE;
			continue;
		case NEXT_HOP_BY_HOP:
		case NEXT_ROUTING:
		case NEXT_DESTINATION:
		case NEXT_MOBILITY:
		case NEXT_HIP:
		case NEXT_SHIM6: break;
		default: return DECODE_TRANSPORT;
		}
		p = walk_peek(w, EXTENSION_LEAST);
		if (!p || !walk_take(w, (p[1] + 1u) * 8))
			return extensions_end(w, DECODE_EVENT_IPV6_EXTENSION);
		if (w->protocol == NEXT_ROUTING && p[2] == 0)
			walk_event(w, DECODE_EVENT_IPV6_ROUTING_TYPE0);
		w->protocol = p[0];
	}
	return extensions_end(w, DECODE_EVENT_IPV6_EXTENSIONS_TOO_MANY);
}

enum decode_step decode_ipv6(struct walk *w)
{
	const uint8_t *p = walk_peek(w, IPV6_HEAD);
	if (!p)
		return walk_stop(w, DECODE_EVENT_IPV6_TRUNCATED);
	if (p[0] >> 4 != 6)
		return walk_stop(w, DECODE_EVENT_IPV6_VERSION);
	uint32_t total = ipv6_length(w, p);
	walk_limit(w, total);
	if (!walk_take(w, IPV6_HEAD))
		return walk_stop(w, DECODE_EVENT_IPV6_TRUNCATED);
	struct packet_layer *l = decode_layer_push(w);
	if (!l)
		return DECODE_DONE;
	l->src = net_addr_v6(p + 8);
	l->dst = net_addr_v6(p + 24);
	l->ttl = p[7];
	l->wire_bytes = total;
	w->protocol = p[6];
	if (w->protocol == PACKET_TCP || w->protocol == PACKET_UDP)
		return DECODE_TRANSPORT;
	return ipv6_extensions(w);
}
