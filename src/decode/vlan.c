/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Tags between the Ethernet header and what it carries: IEEE 802.1Q and 802.1ad, 802.1BR, VN-Tag, Cisco's,
 * 802.1ah. */

#include "decode/walk.h"

enum {
	VLAN_TAG = 4,
	VNTAG = 6,
	ETAG = 8,
	CISCO_METADATA_TAG = 8,
	PBB_TAG = 4,
	VLAN_ID_MASK = 0x0fff,
	ARISTA_FRONT = 4, /* subtype and version */
	ARISTA_TIMESTAMP = 1,
	ARISTA_48_BIT = 0x20, /* the version's lower byte: the size of the timestamp */
	ARISTA_64_BIT = 0x10,
	MACSEC_TAG = 6,
	MACSEC_CHANNEL = 8,
	MACSEC_HAS_CHANNEL = 0x20,
	MACSEC_HIDDEN = 0x0c, /* encrypted, or changed */
	MACSEC_SHORT_MASK = 0x3f,
	MACSEC_ICV = 16,
};

enum decode_step decode_vlan(struct walk *w)
{
	const uint8_t *p = walk_take(w, VLAN_TAG);
	if (!p)
		return walk_stop(w, DECODE_EVENT_VLAN_TRUNCATED);
	struct packet *packet = w->packet;
	/* tags inside a tunnel belong to another network: the packet's are those of the link that was watched
	 */
	if (packet->n_layers == 0) {
		if (packet->n_vlans < PACKET_VLANS_MAX)
			packet->vlans[packet->n_vlans++] = load_be16(p) & VLAN_ID_MASK;
		else
			walk_event(w, DECODE_EVENT_VLAN_TOO_MANY);
	}
	w->ethertype = load_be16(p + 2);
	return DECODE_ETHERTYPE;
}

/* A tag of n bytes that ends in the next EtherType. */
static enum decode_step decode_tag(struct walk *w, size_t n)
{
	const uint8_t *p = walk_take(w, n);
	if (!p)
		return walk_stop(w, DECODE_EVENT_VLAN_TRUNCATED);
	w->ethertype = load_be16(p + n - 2);
	return DECODE_ETHERTYPE;
}

enum decode_step decode_vntag(struct walk *w)
{
	return decode_tag(w, VNTAG);
}

enum decode_step decode_etag(struct walk *w)
{
	return decode_tag(w, ETAG);
}

enum decode_step decode_cisco_metadata(struct walk *w)
{
	return decode_tag(w, CISCO_METADATA_TAG);
}

/* What switches of that make put in when they copy traffic to a tap. */
enum decode_step decode_arista(struct walk *w)
{
	const uint8_t *p = walk_peek(w, ARISTA_FRONT);
	if (!p)
		return walk_stop(w, DECODE_EVENT_VLAN_TRUNCATED);
	if (load_be16(p) != ARISTA_TIMESTAMP || (p[3] != ARISTA_48_BIT && p[3] != ARISTA_64_BIT))
		return walk_stop(w, DECODE_EVENT_ETHERTYPE_UNKNOWN);
	return decode_tag(w, ARISTA_FRONT + (p[3] == ARISTA_48_BIT ? 6 : 8) + 2);
}

/* MACsec that only proves who sent it leaves the frame readable, between its tag and a check value. */
enum decode_step decode_macsec(struct walk *w)
{
	const uint8_t *p = walk_peek(w, MACSEC_TAG);
	if (!p)
		return walk_stop(w, DECODE_EVENT_VLAN_TRUNCATED);
	if (p[0] & MACSEC_HIDDEN)
		return DECODE_DONE;
	uint32_t length = p[1] & MACSEC_SHORT_MASK;
	if (!walk_take(w, MACSEC_TAG + (p[0] & MACSEC_HAS_CHANNEL ? MACSEC_CHANNEL : 0)))
		return walk_stop(w, DECODE_EVENT_VLAN_TRUNCATED);
	if (length == 0)
		length = w->length > MACSEC_ICV ? w->length - MACSEC_ICV : 0;
	walk_limit(w, length);
	return decode_tag(w, 2);
}

/* 802.1ah: the customer's whole frame follows, and its addresses are those of machines. */
enum decode_step decode_pbb(struct walk *w)
{
	if (!walk_take(w, PBB_TAG))
		return walk_stop(w, DECODE_EVENT_VLAN_TRUNCATED);
	if (w->packet->n_layers == 0)
		w->packet->has_mac = false;
	return DECODE_ETHERNET;
}
