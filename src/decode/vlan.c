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

/* 802.1ah: the customer's whole frame follows, and its addresses are those of machines. */
enum decode_step decode_pbb(struct walk *w)
{
	if (!walk_take(w, PBB_TAG))
		return walk_stop(w, DECODE_EVENT_VLAN_TRUNCATED);
	if (w->packet->n_layers == 0)
		w->packet->has_mac = false;
	return DECODE_ETHERNET;
}
