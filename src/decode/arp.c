/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "decode/ethertype.h"
#include "decode/walk.h"

enum {
	ARP_HEAD = 8,
	ARP_ETHERNET = 1,
	ARP_IEEE802 = 6,
	ARP_FOR_ETHERNET_AND_IPV4 = 20,
};

void decode_bind(struct walk *w, enum packet_binding_source source, struct net_addr addr, const uint8_t *mac)
{
	static const uint8_t none[6];
	struct packet_binding *b = &w->packet->binding;
	/* a group or zero address is nobody's */
	if (b->source != PACKET_BINDING_NONE || (mac[0] & 1) || memcmp(mac, none, 6) == 0)
		return;
	b->source = source;
	b->addr = addr;
	memcpy(b->mac.b, mac, 6);
}

/* ARP (RFC 826): both requests and replies state who the sender is; a probe (RFC 5227) has no sender address.
 */
enum decode_step decode_arp(struct walk *w)
{
	const uint8_t *p = walk_take(w, ARP_HEAD);
	if (!p)
		return walk_stop(w, DECODE_EVENT_ARP_MALFORMED);
	uint16_t hardware = load_be16(p);
	if (hardware != ARP_ETHERNET && hardware != ARP_IEEE802)
		return DECODE_DONE;
	if (load_be16(p + 2) != ETHERTYPE_IPV4)
		return DECODE_DONE;
	if (p[4] != 6 || p[5] != 4)
		return walk_stop(w, DECODE_EVENT_ARP_MALFORMED);
	p = walk_take(w, ARP_FOR_ETHERNET_AND_IPV4);
	if (!p)
		return walk_stop(w, DECODE_EVENT_ARP_MALFORMED);
	struct net_addr sender = net_addr_v4(p + 6);
	if (!net_addr_is_unspecified(sender) && !net_addr_is_multicast(sender))
		decode_bind(w, PACKET_BINDING_ARP, sender, p);
	return DECODE_DONE;
}
