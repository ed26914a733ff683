/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DECODE_WALK_H
#define DECODE_WALK_H

/*
 * The walk through one frame, private to decode/. Each layer's function takes its header off the front,
 * writes what it found into the packet and says which layer comes next; decode.c runs them in a loop of at
 * most PACKET_DECODE_DEPTH_MAX steps, so nesting costs no stack.
 *
 * The walk knows two lengths: what was captured (the cursor) and what was on the wire (`length`). Headers are
 * read from the first, sizes are judged by the second.
 */

#include "base/cursor.h"
#include "decode/decode.h"
#include "decode/packet.h"

enum decode_step {
	DECODE_DONE,
	DECODE_LINK, /* by walk.linktype */
	DECODE_ETHERNET,
	DECODE_ETHERTYPE, /* by walk.ethertype */
	DECODE_LLC,
	DECODE_MPLS,
	DECODE_PPP,
	DECODE_IP, /* by the version in its first four bits */
	DECODE_IPV4,
	DECODE_IPV6,
	DECODE_TRANSPORT, /* by walk.protocol, an IP protocol number */
	DECODE_AMSDU,
};

struct walk {
	struct decoder *decoder;
	struct packet *packet;
	struct cursor c; /* captured bytes from here on */
	uint32_t length; /* bytes on the wire from here on: never less than cursor_left(&c) */
	uint16_t linktype;
	uint16_t ethertype;
	uint8_t protocol;
	bool absurd; /* the wire length is not to be believed */
	int error;
};

static inline void walk_event(struct walk *w, enum decode_event event)
{
	w->packet->events |= UINT64_C(1) << event;
}

/* An event that ends the walk. */
static inline enum decode_step walk_stop(struct walk *w, enum decode_event event)
{
	walk_event(w, event);
	return DECODE_DONE;
}

/* The next n bytes, taken off both lengths; NULL where they weren't captured. */
static inline const uint8_t *walk_take(struct walk *w, size_t n)
{
	const uint8_t *p = cursor_take(&w->c, n);
	if (p)
		w->length -= (uint32_t)n;
	return p;
}

static inline const uint8_t *walk_peek(const struct walk *w, size_t n)
{
	return cursor_peek(&w->c, n);
}

/* What follows has n bytes and no more: the rest is padding. */
static inline void walk_limit(struct walk *w, uint32_t n)
{
	if (n >= w->length)
		return;
	w->length = n;
	if (cursor_left(&w->c) > n)
		w->c.size = w->c.pos + n;
}

/* The innermost IP layer, NULL before the first. */
static inline struct packet_layer *walk_layer(struct walk *w)
{
	return w->packet->n_layers ? &w->packet->layers[w->packet->n_layers - 1] : NULL;
}

/* What is left is the layer's payload. */
static inline void walk_set_payload(struct walk *w, struct packet_layer *l)
{
	l->payload = w->c.base + w->c.pos;
	l->payload_length = w->length;
	l->payload_captured = (uint32_t)cursor_left(&w->c);
}

/* The layer is that tunnel, and what is left is the packet inside. */
static inline void walk_enter_tunnel(struct walk *w, uint16_t app)
{
	struct packet_layer *l = walk_layer(w);
	if (!l)
		return;
	l->app = app;
	walk_set_payload(w, l);
}

/* Links */
enum decode_step decode_link(struct walk *w);
enum decode_step decode_ethernet(struct walk *w);
enum decode_step decode_ethertype(struct walk *w);
enum decode_step decode_llc(struct walk *w);
enum decode_step decode_vlan(struct walk *w);
enum decode_step decode_vntag(struct walk *w);
enum decode_step decode_etag(struct walk *w);
enum decode_step decode_cisco_metadata(struct walk *w);
enum decode_step decode_arista(struct walk *w);
enum decode_step decode_macsec(struct walk *w);
enum decode_step decode_pbb(struct walk *w);
enum decode_step decode_mpls(struct walk *w);
enum decode_step decode_nsh(struct walk *w);
enum decode_step decode_ppp(struct walk *w);
enum decode_step decode_ppp_link(struct walk *w);
enum decode_step decode_pppoe(struct walk *w);
enum decode_step decode_chdlc(struct walk *w);
enum decode_step decode_frame_relay(struct walk *w);
enum decode_step decode_sll(struct walk *w);
enum decode_step decode_sll2(struct walk *w);
enum decode_step decode_null(struct walk *w);
enum decode_step decode_loop(struct walk *w);
enum decode_step decode_enc(struct walk *w);
enum decode_step decode_pflog(struct walk *w);
enum decode_step decode_nflog(struct walk *w);
enum decode_step decode_fddi(struct walk *w);
enum decode_step decode_ipoib(struct walk *w);
enum decode_step decode_ipnet(struct walk *w);
enum decode_step decode_ieee80211(struct walk *w);
enum decode_step decode_radiotap(struct walk *w);
enum decode_step decode_prism(struct walk *w);
enum decode_step decode_avs(struct walk *w);
enum decode_step decode_amsdu(struct walk *w);
enum decode_step decode_arp(struct walk *w);

/* Network */
enum decode_step decode_ip(struct walk *w);
enum decode_step decode_ipv4(struct walk *w);
enum decode_step decode_ipv6(struct walk *w);
/* A new innermost layer; NULL (and the event) where the packet has no more room. */
struct packet_layer *decode_layer_push(struct walk *w);
/* The datagram's length against what the wire can have held; `claim` 0: the sender left it to the network
 * card. */
uint32_t decode_datagram_length(struct walk *w, uint32_t claim);

struct fragment {
	uint32_t id;
	uint32_t offset;
	bool more;
	bool v6;
};
/*
 * The walk stands on a fragment's bytes, its protocol is that of the datagram. True where the fragment
 * completes it: the walk then stands on the joined bytes. Else the layer is marked as a fragment.
 */
bool decode_fragment(struct walk *w, const struct fragment *f);

/* Transport */
enum decode_step decode_transport(struct walk *w);
enum decode_step decode_tcp(struct walk *w);
enum decode_step decode_udp(struct walk *w);
enum decode_step decode_sctp(struct walk *w);
enum decode_step decode_icmp(struct walk *w);
enum decode_step decode_icmpv6(struct walk *w);
enum decode_step decode_ah(struct walk *w);

/* Tunnels */
enum decode_step decode_ipip(struct walk *w);
enum decode_step decode_ethernet_in_ip(struct walk *w);
enum decode_step decode_etherip(struct walk *w);
enum decode_step decode_mpls_in_ip(struct walk *w);
enum decode_step decode_pim(struct walk *w);
enum decode_step decode_gre(struct walk *w);
enum decode_step decode_erspan(struct walk *w, bool has_sequence);
/* These look into a UDP payload first: DECODE_DONE, with nothing taken, where it isn't theirs. */
enum decode_step decode_vxlan(struct walk *w);
enum decode_step decode_vxlan_gpe(struct walk *w);
enum decode_step decode_geneve(struct walk *w);
enum decode_step decode_gtp(struct walk *w);
enum decode_step decode_gre_in_udp(struct walk *w);
enum decode_step decode_mpls_in_udp(struct walk *w);
enum decode_step decode_teredo(struct walk *w, bool usual_port);

/* Who has which address. They read, and take nothing. */
void decode_ndp(struct walk *w, uint8_t type);
void decode_dhcp(struct walk *w);
void decode_dhcpv6(struct walk *w);
/* Sets the packet's binding, if it has none yet. */
void decode_bind(struct walk *w, enum packet_binding_source source, struct net_addr addr, const uint8_t *mac);

/*
 * Whether the bytes `at` behind the walk's position look like a packet of that kind: all that can be checked
 * without following it. For tunnels that are found by a guess.
 */
bool sane_ip(const struct walk *w, size_t at);
bool sane_ipv4_checksum(const uint8_t *header, size_t n);
bool sane_ethernet(const struct walk *w, size_t at);

/* Keeps the rest of an A-MSDU for decoder_more. */
void decoder_keep_rest(struct decoder *d, struct cursor rest, uint32_t length);

#endif
