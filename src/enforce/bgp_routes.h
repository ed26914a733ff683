/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_BGP_ROUTES_H
#define ENFORCE_BGP_ROUTES_H

/*
 * The routes that we want a router to have, and what of them it was told. Several cuts may want the same
 * route: it goes when the last of them does. What is to be told waits in line and is written into UPDATEs as
 * there is room, many routes to a message; a route that is wanted and unwanted again meanwhile costs nothing.
 * Rules that let pass go before those that discard, and are withdrawn after them. Pure.
 *
 * A route is named by a flow specification rule; of a blackhole route only `dst` is used, and is a prefix.
 * Owns its table, whose bound is given.
 */

#include "base/table.h"
#include "enforce/bgp_update.h"
#include "enforce/flowspec.h"

enum { BGP_LINES = 4 };

struct bgp_route;

struct bgp_line {
	struct bgp_route *first, *last;
};

struct bgp_routes {
	struct table *table; /* struct flowspec_rule -> struct bgp_route */
	size_t max;
	bool blackhole;    /* unicast families, else those of flow specification */
	bool live;         /* false: everything is to be withdrawn, and stays known */
	unsigned families; /* that the router takes in this session; 0: there is none */
	size_t waiting;    /* routes in line */
	struct bgp_line lines[BGP_LINES][2];
	struct bgp_update_writer writer;
};

/* max: the most routes. 0 or -errno. */
int bgp_routes_begin(struct bgp_routes *r, bool blackhole, size_t max, uint64_t seed);
void bgp_routes_free(struct bgp_routes *r);

/* One more cut wants this route, for BGP_DISCARD, BGP_PASS or BGP_BLACKHOLE: always the same for the same
 * route. 0, -ENOMEM, or -ERR_LIMIT. */
int bgp_routes_want(struct bgp_routes *r, const struct flowspec_rule *rule, enum bgp_action action);
/* One fewer does. It was wanted before. */
void bgp_routes_unwant(struct bgp_routes *r, const struct flowspec_rule *rule);
/* Another session, which knows nothing yet; families 0: no session. */
void bgp_routes_session(struct bgp_routes *r, unsigned families);
/* The router has asked for all routes of these families again. */
void bgp_routes_again(struct bgp_routes *r, unsigned families);
void bgp_routes_set_live(struct bgp_routes *r, bool live);
/* Appends UPDATEs to `out` as long as one more can't make it longer than max. Nothing without a session. */
void bgp_routes_write(struct bgp_routes *r, const struct bgp_attributes *a, struct dynbuf *out, size_t max);
/* Whether the router can be told of such a route in this session. */
bool bgp_routes_takes(const struct bgp_routes *r, const struct flowspec_rule *rule);

#endif
