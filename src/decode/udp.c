/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "decode/walk.h"

enum {
	UDP_HEAD = 8,
	PORT_DHCP_SERVER = 67,
	PORT_DHCP_CLIENT = 68,
	PORT_DHCPV6_CLIENT = 546,
	PORT_DHCPV6_SERVER = 547,
	PORT_GTP_USER = 2152,
	PORT_TEREDO = 3544,
	PORT_GRE = 4754,
	PORT_VXLAN = 4789,
	PORT_VXLAN_GPE = 4790,
	PORT_GENEVE = 6081,
	PORT_MPLS = 6635,
	PORT_VXLAN_LINUX = 8472, /* Linux' default before IANA gave one */
};

/* What is carried inside, or who has which address. */
static enum decode_step udp_payload(struct walk *w, const struct packet_layer *l)
{
	switch (l->dst_port) {
	case PORT_VXLAN:
	case PORT_VXLAN_LINUX: return decode_vxlan(w);
	case PORT_VXLAN_GPE: return decode_vxlan_gpe(w);
	case PORT_GENEVE: return decode_geneve(w);
	case PORT_GRE: return decode_gre_in_udp(w);
	case PORT_MPLS: return decode_mpls_in_udp(w);
	case PORT_GTP_USER: return decode_gtp(w);
	case PORT_DHCP_SERVER:
	case PORT_DHCP_CLIENT: decode_dhcp(w); return DECODE_DONE;
	case PORT_DHCPV6_CLIENT:
	case PORT_DHCPV6_SERVER: decode_dhcpv6(w); return DECODE_DONE;
	default: break;
	}
	if (l->src_port == PORT_GTP_USER)
		return decode_gtp(w);
	return decode_teredo(w, l->dst_port == PORT_TEREDO || l->src_port == PORT_TEREDO);
}

/* UDP, RFC 768. A length of 0 is a jumbogram's (RFC 2675) or left to the network card, both beyond 64 KiB. */
enum decode_step decode_udp(struct walk *w)
{
	const uint8_t *p = walk_peek(w, UDP_HEAD);
	if (!p)
		return walk_stop(w, DECODE_EVENT_UDP_TRUNCATED);
	uint32_t length = load_be16(p + 4);
	if (length && length < UDP_HEAD)
		return walk_stop(w, DECODE_EVENT_UDP_LENGTH);
	if (length ? length != w->length : w->length <= UINT16_MAX)
		walk_event(w, DECODE_EVENT_UDP_LENGTH);
	if (length)
		walk_limit(w, length);
	(void)walk_take(w, UDP_HEAD);
	struct packet_layer *l = walk_layer(w);
	l->src_port = load_be16(p);
	l->dst_port = load_be16(p + 2);
	l->has_ports = true;
	walk_set_payload(w, l);
	return cursor_left(&w->c) ? udp_payload(w, l) : DECODE_DONE;
}
