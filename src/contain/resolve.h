/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONTAIN_RESOLVE_H
#define CONTAIN_RESOLVE_H

/*
 * From a plan to what is ordered and enforced: its machines, zones and destinations as cuts between prefixes
 * (cut.h). What the cuts stop is what plan_blocks says of two addresses that meet at an enforcement point:
 *
 * - a machine from everything beyond its segment, and a destination from everybody, are one cut with one end
 *   anywhere. There enforcement points let never_cut pass, and two machines of one zone meet none of them.
 * - zones are told as what is their own (net/pieces.h), "the outside" as what is nobody's, so that a cut from
 *   the outside leaves the inside alone.
 * - a zone that is parted both ways from the outside and from every other zone is one cut with one end
 * anywhere, as a machine is, if it is one segment: then machines of it meet no enforcement point.
 *
 * An end may hold prefixes of never_cut and `spare`: they pass (guardrail.h). What is nothing but a part of
 * one is left out. Holes for them would make an end of a few prefixes one of as many lengths as there are
 * bits, on both sides of each cut.
 *
 * What no router forwards (loopback, link-local, unspecified and the limited broadcast) may lie within an end
 * that is the outside: leaving holes for it would cost a hundred cuts a machine and save no packet.
 *
 * Bounds: RESOLVE_CUTS_MAX cuts, and `most_shapes` pairs of prefix lengths: where there are more, prefixes
 * are split into longer ones until they fit (net/lengths.h). A plan that needs more isn't cut in part: the
 * resolution says which of its cuts needs how many. So it does where a cut names a zone of class external:
 * the outside is cut as a whole.
 */

#include "contain/cut.h"
#include "contain/orders.h"
#include "contain/plan.h"

enum { RESOLVE_CUTS_MAX = ORDERS_CUTS_MAX };

struct resolve_input {
	const struct plan *plan; /* its never_cut counts */
	const struct net_zone_map *zones;
	const struct net_prefix *spare; /* besides: what the guardrails of enforcement points name */
	size_t n_spare;
	size_t most;        /* 0: RESOLVE_CUTS_MAX */
	size_t most_shapes; /* pairs of prefix lengths, of both families and directions; 0: any number */
};

struct resolution {
	const struct cut *cuts; /* sorted by cut_compare, without doubles */
	const uint32_t *of;     /* [n]: the first of the plan's cuts that wants it */
	size_t n;
	const struct net_prefix *spared; /* never_cut and `spare`: passes also where an end is anywhere */
	size_t n_spared;
	int64_t lease_ns;    /* the shortest of the plan's cuts; 0 where there are none */
	const char *problem; /* why it doesn't fit, then there are no cuts; NULL: it does */
};

/* 0 (look at `problem`), -ENOMEM, or -ERR_LIMIT where the zone map itself is beyond net/pieces.h's bound. The
 * results live in the arena. */
int resolve_plan(const struct resolve_input *in, struct arena *arena, struct resolution *ret_resolution);

#endif
