/* SPDX-License-Identifier: GPL-2.0-or-later */

/* From a file's link type (https://www.tcpdump.org/linktypes.html) to the first layer. */

#include "decode/walk.h"

enum linktype {
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_PPP = 9,
	LINK_FDDI = 10,
	LINK_RAW_BSD = 12,
	LINK_RAW_OPENBSD = 14,
	LINK_PPP_HDLC = 50,
	LINK_PPP_ETHER = 51,
	LINK_RAW = 101,
	LINK_CHDLC = 104,
	LINK_IEEE80211 = 105,
	LINK_FRAME_RELAY = 107,
	LINK_LOOP = 108,
	LINK_ENC = 109,
	LINK_SLL = 113,
	LINK_PFLOG = 117,
	LINK_PRISM = 119,
	LINK_RADIOTAP = 127,
	LINK_AVS = 163,
	LINK_PPI = 192,
	LINK_PPP_WITH_DIRECTION = 204,
	LINK_CHDLC_WITH_DIRECTION = 205,
	LINK_FRAME_RELAY_WITH_DIRECTION = 206,
	LINK_MPLS = 219,
	LINK_IPNET = 226,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_NFLOG = 239,
	LINK_IPOIB = 242,
	LINK_PKTAP = 258,
	LINK_SLL2 = 276,
};

enum { PPI_LEAST = 8, PKTAP_LEAST = 12, PKTAP_RECORD_PACKET = 1, DIRECTION = 1 };

/* Per-packet information, and Apple's: both name the link type of what follows them. */
static enum decode_step decode_ppi(struct walk *w)
{
	const uint8_t *p = walk_peek(w, PPI_LEAST);
	size_t head = p ? load_le16(p + 2) : 0;
	uint32_t linktype = p ? load_le32(p + 4) : 0;
	if (head < PPI_LEAST || linktype > UINT16_MAX || !walk_take(w, head))
		return walk_stop(w, DECODE_EVENT_LINK_TRUNCATED);
	w->linktype = (uint16_t)linktype;
	return DECODE_LINK;
}

static enum decode_step decode_pktap(struct walk *w)
{
	const uint8_t *p = walk_peek(w, PKTAP_LEAST);
	size_t head = p ? load_le32(p) : 0;
	uint32_t record = p ? load_le32(p + 4) : 0, linktype = p ? load_le32(p + 8) : 0;
	if (head < PKTAP_LEAST || linktype > UINT16_MAX || !walk_take(w, head))
		return walk_stop(w, DECODE_EVENT_LINK_TRUNCATED);
	w->linktype = (uint16_t)linktype;
	return record == PKTAP_RECORD_PACKET ? DECODE_LINK : DECODE_DONE;
}

static enum decode_step after_direction(struct walk *w, enum decode_step (*next)(struct walk *w))
{
	return walk_take(w, DIRECTION) ? next(w) : walk_stop(w, DECODE_EVENT_LINK_TRUNCATED);
}

enum decode_step decode_link(struct walk *w)
{
	switch (w->linktype) {
	case LINK_ETHERNET: return decode_ethernet(w);
	case LINK_RAW_BSD:
	case LINK_RAW_OPENBSD:
	case LINK_RAW: return DECODE_IP;
	case LINK_IPV4: return DECODE_IPV4;
	case LINK_IPV6: return DECODE_IPV6;
	case LINK_SLL: return decode_sll(w);
	case LINK_SLL2: return decode_sll2(w);
	case LINK_NULL: return decode_null(w);
	case LINK_LOOP: return decode_loop(w);
	case LINK_ENC: return decode_enc(w);
	case LINK_PFLOG: return decode_pflog(w);
	case LINK_NFLOG: return decode_nflog(w);
	case LINK_PPP:
	case LINK_PPP_HDLC: return decode_ppp_link(w);
	case LINK_PPP_WITH_DIRECTION: return after_direction(w, decode_ppp_link);
	case LINK_PPP_ETHER: return decode_pppoe(w);
	case LINK_CHDLC: return decode_chdlc(w);
	case LINK_CHDLC_WITH_DIRECTION: return after_direction(w, decode_chdlc);
	case LINK_FRAME_RELAY: return decode_frame_relay(w);
	case LINK_FRAME_RELAY_WITH_DIRECTION: return after_direction(w, decode_frame_relay);
	case LINK_MPLS: return DECODE_MPLS;
	case LINK_FDDI: return decode_fddi(w);
	case LINK_IPOIB: return decode_ipoib(w);
	case LINK_IPNET: return decode_ipnet(w);
	case LINK_IEEE80211: return decode_ieee80211(w);
	case LINK_RADIOTAP: return decode_radiotap(w);
	case LINK_PRISM: return decode_prism(w);
	case LINK_AVS: return decode_avs(w);
	case LINK_PPI: return decode_ppi(w);
	case LINK_PKTAP: return decode_pktap(w);
	default: break;
	}
	return walk_stop(w, DECODE_EVENT_LINK_UNSUPPORTED);
}
