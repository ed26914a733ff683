/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Ethernet II and IEEE 802.3 with LLC and SNAP (RFC 1042), and what an EtherType leads to. */

#include <string.h>

#include "decode/ethertype.h"
#include "decode/walk.h"

enum {
	ETHERNET_HEAD = 14,
	LLC_HEAD = 3,
	SNAP_HEAD = 5,
	LLC_CONTROL_UI = 3,
	LSAP_NULL = 0x00,
	LSAP_IP = 0x06,
	LSAP_STP = 0x42,
	LSAP_SNAP = 0xaa,
	LSAP_IPX = 0xe0,
	LSAP_NETBIOS = 0xf0,
	LSAP_ISO = 0xfe,
	LSAP_NOVELL_RAW = 0xff,
	OUI_ETHERTYPE = 0x000000,
	OUI_BRIDGE_TUNNEL = 0x0000f8, /* IEEE 802.1H */
	OUI_CISCO = 0x00000c,
	OUI_IEEE8021 = 0x0080c2,
	OUI_APPLE = 0x080007,
};

enum decode_step decode_ethernet(struct walk *w)
{
	const uint8_t *p = walk_take(w, ETHERNET_HEAD);
	if (!p)
		return walk_stop(w, DECODE_EVENT_LINK_TRUNCATED);
	struct packet *packet = w->packet;
	if (!packet->has_mac && packet->n_layers == 0) {
		memcpy(packet->dst_mac.b, p, 6);
		memcpy(packet->src_mac.b, p + 6, 6);
		packet->has_mac = true;
	}
	w->ethertype = load_be16(p + 12);
	if (w->ethertype == ETHERTYPE_IPV4)
		return DECODE_IPV4;
	return DECODE_ETHERTYPE;
}

enum decode_step decode_ethertype(struct walk *w)
{
	if (w->ethertype <= ETHERTYPE_LENGTH_MAX) {
		walk_limit(w, w->ethertype);
		return DECODE_LLC;
	}
	switch (w->ethertype) {
	case ETHERTYPE_IPV4: return DECODE_IPV4;
	case ETHERTYPE_IPV6: return DECODE_IPV6;
	case ETHERTYPE_ARP: return decode_arp(w);
	case ETHERTYPE_VLAN:
	case ETHERTYPE_QINQ:
	case ETHERTYPE_QINQ_9100:
	case ETHERTYPE_QINQ_9200: return decode_vlan(w);
	case ETHERTYPE_MPLS:
	case ETHERTYPE_MPLS_UPSTREAM: return DECODE_MPLS;
	case ETHERTYPE_PPP: return DECODE_PPP;
	case ETHERTYPE_PPPOE_SESSION: return decode_pppoe(w);
	case ETHERTYPE_TRANSPARENT_BRIDGING: return DECODE_ETHERNET;
	case ETHERTYPE_VNTAG: return decode_vntag(w);
	case ETHERTYPE_ETAG: return decode_etag(w);
	case ETHERTYPE_CISCO_METADATA: return decode_cisco_metadata(w);
	case ETHERTYPE_ARISTA: return decode_arista(w);
	case ETHERTYPE_MACSEC: return decode_macsec(w);
	case ETHERTYPE_PBB: return decode_pbb(w);
	case ETHERTYPE_NSH: return decode_nsh(w);
	default: break;
	}
	if (!ethertype_is_known(w->ethertype))
		walk_event(w, DECODE_EVENT_ETHERTYPE_UNKNOWN);
	return DECODE_DONE;
}

static enum decode_step decode_snap(struct walk *w)
{
	const uint8_t *p = walk_take(w, SNAP_HEAD);
	if (!p)
		return walk_stop(w, DECODE_EVENT_LINK_TRUNCATED);
	uint32_t oui = load_be32(p) >> 8;
	w->ethertype = load_be16(p + 3);
	if ((oui == OUI_ETHERTYPE || oui == OUI_BRIDGE_TUNNEL) && w->ethertype > ETHERTYPE_LENGTH_MAX)
		return DECODE_ETHERTYPE;
	if (oui != OUI_CISCO && oui != OUI_IEEE8021 && oui != OUI_APPLE)
		walk_event(w, DECODE_EVENT_LLC_UNKNOWN);
	return DECODE_DONE;
}

enum decode_step decode_llc(struct walk *w)
{
	const uint8_t *p = walk_take(w, LLC_HEAD);
	if (!p)
		return walk_stop(w, DECODE_EVENT_LINK_TRUNCATED);
	switch (p[0]) {
	case LSAP_SNAP:
		if (p[1] == LSAP_SNAP && p[2] == LLC_CONTROL_UI)
			return decode_snap(w);
		break;
	case LSAP_IP:
		if (p[1] == LSAP_IP && p[2] == LLC_CONTROL_UI)
			return DECODE_IPV4;
		break;
	case LSAP_NULL:
	case LSAP_STP:
	case LSAP_IPX:
	case LSAP_NETBIOS:
	case LSAP_ISO:
	case LSAP_NOVELL_RAW: return DECODE_DONE;
	default: break;
	}
	return walk_stop(w, DECODE_EVENT_LLC_UNKNOWN);
}
