/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_BGP_UPDATE_H
#define ENFORCE_BGP_UPDATE_H

/*
 * UPDATE messages (RFC 4271, 4.3; RFC 4760; RFC 8955). Those that we send announce or withdraw as many routes
 * of one kind as fit: flow specification rules that discard (traffic-rate 0) or let pass (no action), or
 * blackhole routes (RFC 7999). Those that we are sent are read for their form only, since nothing in them is
 * wanted.
 *
 * What is wrong with them is answered as RFC 7606 says: the session ends, and with it every cut, only where
 * the routes themselves can't be told apart; an attribute that is wrong takes the routes with it that it came
 * with, and of those we want none. Pure.
 */

#include "enforce/bgp_message.h"

enum bgp_action { BGP_WITHDRAW, BGP_DISCARD, BGP_PASS, BGP_BLACKHOLE, BGP_ACTIONS };

/* What is the same in all that we announce in one session. */
struct bgp_attributes {
	uint32_t local_as;
	bool internal;               /* the peer is of our AS: an empty path, and a local preference */
	bool as4;                    /* AS numbers have four octets in this session */
	struct net_addr next_hop[2]; /* of blackhole routes: IPv4, IPv6 */
};

/* One UPDATE as it is filled. A value; begun anew for each message. */
struct bgp_update_writer {
	uint8_t head[96], routes[BGP_MESSAGE_MAX], tail[96]; /* they follow each other in the message */
	size_t n_head, n_routes, n_tail;
	size_t count;      /* of routes */
	bool in_attribute; /* the routes lie in MP_REACH_NLRI or MP_UNREACH_NLRI */
	bool in_withdrawn; /* they lie in the field of withdrawn routes */
};

/* Begins an UPDATE that does this with routes of that family: BGP_BLACKHOLE of unicast, BGP_DISCARD and
 * BGP_PASS of flow specification, BGP_WITHDRAW of any. */
void bgp_update_begin(struct bgp_update_writer *w, const struct bgp_attributes *a, enum bgp_family family,
    enum bgp_action action);
/* Adds one route as NLRI: false where it doesn't fit any more. */
bool bgp_update_add(struct bgp_update_writer *w, const uint8_t *nlri, size_t n);
/* Appends the message; nothing where no route was added. A failure sticks to `out`. */
void bgp_update_end(struct bgp_update_writer *w, struct dynbuf *out);

/* A prefix as NLRI of a unicast family: its size, at most 17. */
size_t bgp_prefix_encode(struct net_prefix p, enum bgp_family family, uint8_t *ret_nlri);
/* Takes one prefix off c. -ERR_MALFORMED: longer than an address, or c ends inside it. */
int bgp_prefix_decode(struct cursor *c, enum bgp_family family, struct net_prefix *ret_prefix);

enum bgp_attribute {
	BGP_ORIGIN = 1,
	BGP_AS_PATH = 2,
	BGP_NEXT_HOP = 3,
	BGP_LOCAL_PREF = 5,
	BGP_COMMUNITIES = 8,
	BGP_MP_REACH = 14,
	BGP_MP_UNREACH = 15,
	BGP_EXTENDED_COMMUNITIES = 16,
	BGP_AS4_PATH = 17,
};

/* Routes of one family. */
struct bgp_routes_of {
	bool present;
	uint16_t afi;
	uint8_t safi;
	struct cursor next_hop; /* of announced ones */
	struct cursor nlri;
};

/* An UPDATE as it was read; everything is borrowed from the message. */
struct bgp_update {
	struct cursor withdrawn, nlri; /* of IPv4 unicast, outside of attributes */
	struct bgp_routes_of reach, unreach;
	struct cursor value[32]; /* of attributes of these numbers, but for the two of routes */
	uint32_t seen;           /* a bit for each attribute below 32 that is there */
	bool refused;            /* an attribute is wrong: what is announced counts as withdrawn (RFC 7606) */
};

/* What stands behind the header. Routes of families of ours are looked at one by one. 0, or -ERR_MALFORMED
 * and *ret_problem where RFC 7606 lets nothing but an end of the session. */
int bgp_update_decode(struct cursor body, struct bgp_update *ret_update, struct bgp_problem *ret_problem);

#endif
