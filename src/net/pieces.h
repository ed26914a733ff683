/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NET_PIECES_H
#define NET_PIECES_H

/*
 * Zones as sets of prefixes want them. A zone's prefixes may hold other zones' longer ones, and an address
 * belongs to the longest; a set in a kernel knows nothing of that. So each zone but the external ones is told
 * as the fewest prefixes that hold its own addresses and nobody else's, and what is outside (external zones,
 * and what is in none) the same way. Addresses that are to be left alone can be left out of all of them.
 *
 * No prefix among them holds addresses of both families: ::ffff:0:0/96 is never part of a wider one.
 *
 * What no router forwards (unspecified, loopback, link-local, the limited broadcast) counts as outside here
 * where no zone has it; multicast doesn't.
 *
 * Bounds: PIECES_MAX in all; a map that needs more fails as a whole, since a cut with holes is none. The work
 * is at most 256 steps for each prefix of the map and of what is left out.
 */

#include "net/trie.h"
#include "net/zone.h"

enum { PIECES_MAX = 1 << 20 };

struct pieces_list {
	struct net_prefix *v;
	size_t n, cap;
};

struct pieces {
	struct pieces_list all; /* zone by zone, the outside last; each part sorted by address */
	size_t *from; /* [zones + 2]: where the part of each zone begins, then the outside, the end */
	size_t n_zones;
	const struct net_zone_map *zones; /* borrowed */
	struct net_prefix *edges;         /* sorted: where the answer may change */
	size_t n_edges;
	struct net_trie *but; /* NULL: nothing is left out */
};

/* `but` (any order; may overlap) is left out. 0, -ENOMEM or -ERR_LIMIT. Freed by pieces_free, also after a
 * failure. */
int pieces_make(
    struct pieces *p, const struct net_zone_map *zones, const struct net_prefix *but, size_t n_but);
void pieces_free(struct pieces *p);
/* The prefixes of a zone, or of the outside (NET_ZONE_NONE): how many. */
size_t pieces_of(const struct pieces *p, uint16_t zone, const struct net_prefix **ret_v);
/* Those of all zones that aren't external. */
size_t pieces_inside(const struct pieces *p, const struct net_prefix **ret_v);
/* Appends to the list (zeroed = empty; the caller frees v) what of that prefix isn't left out. 0, -ENOMEM or
 * -ERR_LIMIT. */
int pieces_without(const struct pieces *p, struct net_prefix within, struct pieces_list *list);

#endif
