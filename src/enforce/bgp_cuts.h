/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_BGP_CUTS_H
#define ENFORCE_BGP_CUTS_H

/*
 * The cuts that a router is to carry out, each until its own end, and the routes that they make
 * (bgp_routes.h): by flow specification two rules that discard, one for each direction, and for each pass
 * that lies within a rule one or two more specific ones that let it through; by blackhole routes one route to
 * the end that isn't anywhere. Routes of BGP have no end of their own: bgp_cuts_expire withdraws them. Pure.
 *
 * Bounds: BGP_CUTS_MAX cuts, BGP_ROUTES_MAX routes; BGP_PASS_MAX passes.
 */

#include "enforce/backend.h"
#include "enforce/bgp_routes.h"

enum { BGP_CUTS_MAX = 1 << 17, BGP_ROUTES_MAX = 1 << 19, BGP_PASS_MAX = 1024 };

struct bgp_wish {
	struct flowspec_rule rule;
	enum bgp_action action;
};

struct bgp_cuts {
	struct table *table; /* struct cut -> its end */
	int64_t next_end;    /* none ends earlier */
	const struct backend_pass *pass;
	size_t n_pass;
	bool has_hop[2];         /* blackhole routes have somewhere to go: IPv4, IPv6 */
	struct bgp_wish *wishes; /* room for those of one cut */
	struct bgp_routes routes;
};

/* `pass` is borrowed, at most BGP_PASS_MAX of them. cuts_max: at most BGP_CUTS_MAX. 0 or -errno; freed after
 * a failure too. */
int bgp_cuts_begin(struct bgp_cuts *c, bool blackhole, const struct backend_pass *pass, size_t n_pass,
    size_t cuts_max, uint64_t seed);
void bgp_cuts_free(struct bgp_cuts *c);

/* Why there can be no routes for it, or NULL. Where there is a session, what the router doesn't take can't
 * be. */
const char *bgp_cuts_cannot(const struct bgp_cuts *c, const struct cut *cut);
/*
 * All steps or none, as backend.h says. -EOPNOTSUPP: bgp_cuts_cannot; -ENOENT: a RENEW of what isn't there;
 * -ERR_LIMIT; -ENOMEM. *ret_at (may be NULL): which step.
 */
int bgp_cuts_change(struct bgp_cuts *c, const struct backend_step *steps, size_t n, size_t *ret_at);
/* Takes away what the removals among the steps name, and nothing else. */
void bgp_cuts_remove(struct bgp_cuts *c, const struct backend_step *steps, size_t n);
/* Takes away what ends until `now`: how many. */
size_t bgp_cuts_expire(struct bgp_cuts *c, int64_t now);
void bgp_cuts_clear(struct bgp_cuts *c);
/* All of them, sorted; the caller frees it. 0 or -ENOMEM. */
int bgp_cuts_read(const struct bgp_cuts *c, struct backend_element **ret_elements, size_t *ret_n);

#endif
