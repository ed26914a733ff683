/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What both versions of IP share. */

#include "decode/walk.h"
#include "net/app.h"

enum {
	AH_LEAST = 12,
	PROTOCOL_ETHERIP = 97,
	PROTOCOL_PIM = 103,
	PROTOCOL_MPLS = 137,
	PROTOCOL_ETHERNET = 143
};

enum decode_step decode_ip(struct walk *w)
{
	const uint8_t *p = walk_peek(w, 1);
	if (!p)
		return walk_stop(w, DECODE_EVENT_IPV4_TRUNCATED);
	return p[0] >> 4 == 6 ? DECODE_IPV6 : DECODE_IPV4;
}

struct packet_layer *decode_layer_push(struct walk *w)
{
	struct packet *packet = w->packet;
	if (packet->n_layers == PACKET_LAYERS_MAX) {
		walk_event(w, DECODE_EVENT_TUNNEL_TOO_DEEP);
		return NULL;
	}
	struct packet_layer *l = &packet->layers[packet->n_layers++];
	l->bad_sum = false;
	l->fragment = false;
	l->has_ports = false;
	l->app = APP_UNKNOWN;
	l->src_port = l->dst_port = 0;
	/* the walk may end before the transport */
	l->protocol = 0;
	l->payload = NULL;
	l->payload_length = l->payload_captured = 0;
	return l;
}

uint32_t decode_datagram_length(struct walk *w, uint32_t claim)
{
	uint32_t held = w->absurd ? (uint32_t)cursor_left(&w->c) : w->length;
	if (claim == 0)
		return held; /* the network card was to cut and number it: captured before that */
	if (claim > w->length) {
		walk_event(w, DECODE_EVENT_IP_LENGTH_IMPOSSIBLE);
		claim = w->length;
	}
	/* the frame's length is false: the first datagram in it says better */
	if (w->absurd && w->packet->n_layers == 0 && w->c.pos + claim > w->packet->frame_bytes)
		w->packet->frame_bytes = (uint32_t)w->c.pos + claim;
	return claim;
}

/* The authentication header (RFC 4302) leaves what it protects readable. */
enum decode_step decode_ah(struct walk *w)
{
	const uint8_t *p = walk_peek(w, AH_LEAST);
	size_t n = p ? (p[1] + 2u) * 4 : 0;
	if (n < AH_LEAST || !walk_take(w, n))
		return walk_stop(w, DECODE_EVENT_IPV6_EXTENSION);
	w->protocol = p[0];
	return DECODE_TRANSPORT;
}

enum decode_step decode_transport(struct walk *w)
{
	struct packet_layer *l = walk_layer(w);
	l->protocol = w->protocol;
	walk_set_payload(w, l);
	switch (w->protocol) {
	case PACKET_TCP: return decode_tcp(w);
	case PACKET_UDP: return decode_udp(w);
	case PACKET_ICMP: return decode_icmp(w);
	case PACKET_ICMPV6: return decode_icmpv6(w);
	case PACKET_SCTP: return decode_sctp(w);
	case PACKET_GRE: return decode_gre(w);
	case PACKET_IPIP:
	case PACKET_IPV6: return decode_ipip(w);
	case PROTOCOL_ETHERNET: return decode_ethernet_in_ip(w);
	case PROTOCOL_ETHERIP: return decode_etherip(w);
	case PROTOCOL_MPLS: return decode_mpls_in_ip(w);
	case PROTOCOL_PIM: return decode_pim(w);
	case PACKET_AH: return decode_ah(w);
	case PACKET_ESP: l->app = APP_ESP; return DECODE_DONE;
	default: return DECODE_DONE;
	}
}
