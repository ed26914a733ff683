/* SPDX-License-Identifier: GPL-2.0-or-later */

/* GRE: version 0 (RFC 2784, 2890, with RFC 1701's routing; NVGRE, RFC 7637) and version 1 (PPTP, RFC 2637).
 */

#include "decode/ethertype.h"
#include "decode/walk.h"
#include "net/app.h"

enum {
	GRE_HEAD = 4,
	GRE_CHECKSUM = 0x8000,
	GRE_ROUTING = 0x4000,
	GRE_KEY = 0x2000,
	GRE_SEQUENCE = 0x1000,
	GRE_ACK = 0x0080,
	GRE_VERSION = 0x0007,
	GRE_WORD = 4, /* each optional field's size */
	GRE_ROUTE_HEAD = 4,
	WCCP_REDIRECT = 4,
	CISCO_METADATA = 8,
	ARUBA_FIRST = 0x8200, /* the access point's link is in the low digits */
	ARUBA_LAST = 0x8370,
	GRE_UDP_FLAGS = GRE_CHECKSUM | GRE_KEY | GRE_SEQUENCE, /* what RFC 8086 leaves of them */
};

static enum decode_step malformed(struct walk *w)
{
	return walk_stop(w, DECODE_EVENT_GRE_MALFORMED);
}

static enum decode_step gre_payload(struct walk *w, uint16_t flags, uint16_t protocol)
{
	const uint8_t *p;
	switch (protocol) {
	case ETHERTYPE_ERSPAN_II:
	case ETHERTYPE_ERSPAN_III: w->ethertype = protocol; return decode_erspan(w, flags & GRE_SEQUENCE);
	case ETHERTYPE_WCCP: /* version 2 puts a redirect header in front */
		p = walk_peek(w, 1);
		if (p && p[0] >> 4 != 4)
			(void)walk_take(w, WCCP_REDIRECT);
		walk_enter_tunnel(w, APP_GRE);
		return DECODE_IPV4;
	case ETHERTYPE_CISCO_METADATA: /* here the type of what follows stands first */
		p = walk_take(w, CISCO_METADATA);
		if (!p)
			return malformed(w);
		protocol = load_be16(p);
		break;
	default: break;
	}
	walk_enter_tunnel(w, APP_GRE);
	if (protocol >= ARUBA_FIRST && protocol <= ARUBA_LAST && protocol % 16 == 0)
		return decode_ieee80211(w);
	if (protocol <= ETHERTYPE_LENGTH_MAX)
		return walk_stop(w, DECODE_EVENT_ETHERTYPE_UNKNOWN);
	w->ethertype = protocol;
	return DECODE_ETHERTYPE;
}

/* Source route entries, up to the empty one. */
static bool skip_routes(struct walk *w)
{
	for (;;) {
		const uint8_t *p = walk_take(w, GRE_ROUTE_HEAD);
		if (!p)
			return false;
		if (load_be16(p) == 0 && p[3] == 0)
			return true;
		if (!walk_take(w, p[3]))
			return false;
	}
}

static enum decode_step gre_version_1(struct walk *w, uint16_t flags, uint16_t protocol)
{
	const uint8_t *key = flags & GRE_KEY ? walk_take(w, GRE_WORD) : NULL;
	if (!key || protocol != ETHERTYPE_PPP || (flags & (GRE_CHECKSUM | GRE_ROUTING)))
		return malformed(w);
	size_t more = (flags & GRE_SEQUENCE ? GRE_WORD : 0) + (flags & GRE_ACK ? GRE_WORD : 0);
	uint16_t length = load_be16(key);
	if (!walk_take(w, more) || length > w->length)
		return malformed(w);
	walk_limit(w, length);
	walk_enter_tunnel(w, APP_GRE);
	return length ? DECODE_PPP : DECODE_DONE;
}

enum decode_step decode_gre(struct walk *w)
{
	walk_layer(w)->app = APP_GRE;
	const uint8_t *p = walk_take(w, GRE_HEAD);
	if (!p)
		return malformed(w);
	uint16_t flags = load_be16(p), protocol = load_be16(p + 2);
	if ((flags & GRE_VERSION) == 1)
		return gre_version_1(w, flags, protocol);
	if ((flags & GRE_VERSION) != 0)
		return malformed(w);
	size_t more = (flags & (GRE_CHECKSUM | GRE_ROUTING) ? GRE_WORD : 0) +
	              (flags & GRE_KEY ? GRE_WORD : 0) + (flags & GRE_SEQUENCE ? GRE_WORD : 0);
	if (!walk_take(w, more))
		return malformed(w);
	if ((flags & GRE_ROUTING) && !skip_routes(w))
		return malformed(w);
	return gre_payload(w, flags, protocol);
}

/* GRE in UDP (RFC 8086) at its port, where what is inside holds together. */
enum decode_step decode_gre_in_udp(struct walk *w)
{
	const uint8_t *p = walk_peek(w, GRE_HEAD);
	if (!p || (load_be16(p) & ~GRE_UDP_FLAGS))
		return walk_stop(w, DECODE_EVENT_GRE_MALFORMED);
	uint16_t flags = load_be16(p), protocol = load_be16(p + 2);
	size_t head = GRE_HEAD;
	for (unsigned f = flags & GRE_UDP_FLAGS; f; f &= f - 1)
		head += GRE_WORD;
	bool ip = protocol == ETHERTYPE_IPV4 || protocol == ETHERTYPE_IPV6;
	bool ethernet = protocol == ETHERTYPE_TRANSPARENT_BRIDGING;
	if (!(ip && sane_ip(w, head)) && !(ethernet && sane_ethernet(w, head)))
		return walk_stop(w, DECODE_EVENT_GRE_MALFORMED);
	return decode_gre(w);
}
