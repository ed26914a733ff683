/* SPDX-License-Identifier: GPL-2.0-or-later */

/* PPP (RFC 1661, 1662), PPP over Ethernet (RFC 2516) and Cisco HDLC. */

#include "decode/ethertype.h"
#include "decode/walk.h"

enum {
	PPP_ADDRESS_ALL = 0xff,
	PPP_CONTROL_UI = 0x03,
	PPP_IPV4 = 0x0021,
	PPP_IPV6 = 0x0057,
	PPP_MPLS = 0x0281,
	PPP_MPLS_MULTICAST = 0x0283,

	CHDLC_HEAD = 4,
	CHDLC_UNICAST = 0x0f,
	CHDLC_BROADCAST = 0x8f,

	PPPOE_HEAD = 6,
	PPPOE_VERSION_TYPE = 0x11,
	PPPOE_CODE_SESSION = 0,
};

enum decode_step decode_ppp(struct walk *w)
{
	const uint8_t *p = walk_peek(w, 2);
	if (p && p[0] == PPP_ADDRESS_ALL && p[1] == PPP_CONTROL_UI)
		(void)walk_take(w, 2);
	p = walk_take(w, 1);
	if (!p)
		return walk_stop(w, DECODE_EVENT_PPP_TRUNCATED);
	uint16_t protocol = p[0];
	if (!(p[0] & 1)) { /* else the field is compressed to its last byte */
		const uint8_t *low = walk_take(w, 1);
		if (!low)
			return walk_stop(w, DECODE_EVENT_PPP_TRUNCATED);
		protocol = load_be16(p);
	}
	switch (protocol) {
	case PPP_IPV4: return DECODE_IPV4;
	case PPP_IPV6: return DECODE_IPV6;
	case PPP_MPLS:
	case PPP_MPLS_MULTICAST: return DECODE_MPLS;
	default: return DECODE_DONE; /* control protocols, compressed headers */
	}
}

/* The link types PPP and PPP in HDLC-like framing: the latter may be Cisco HDLC in truth. */
enum decode_step decode_ppp_link(struct walk *w)
{
	const uint8_t *p = walk_peek(w, CHDLC_HEAD);
	if (p && (p[0] == CHDLC_UNICAST || p[0] == CHDLC_BROADCAST) && p[1] == 0)
		return decode_chdlc(w);
	return DECODE_PPP;
}

enum decode_step decode_chdlc(struct walk *w)
{
	const uint8_t *p = walk_take(w, CHDLC_HEAD);
	if (!p)
		return walk_stop(w, DECODE_EVENT_PPP_TRUNCATED);
	w->ethertype = load_be16(p + 2);
	if (w->ethertype <= ETHERTYPE_LENGTH_MAX) /* no lengths here */
		return walk_stop(w, DECODE_EVENT_ETHERTYPE_UNKNOWN);
	return DECODE_ETHERTYPE;
}

enum decode_step decode_pppoe(struct walk *w)
{
	const uint8_t *p = walk_take(w, PPPOE_HEAD);
	if (!p || p[0] != PPPOE_VERSION_TYPE || p[1] != PPPOE_CODE_SESSION || load_be16(p + 4) > w->length)
		return walk_stop(w, DECODE_EVENT_PPPOE_MALFORMED);
	walk_limit(w, load_be16(p + 4));
	return DECODE_PPP;
}
