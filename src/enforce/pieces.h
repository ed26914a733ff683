/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_PIECES_H
#define ENFORCE_PIECES_H

/*
 * Zones as the kernel's sets want them. A zone's prefixes may hold other zones' longer ones, and an address
 * belongs to the longest; a set knows nothing of that. So each zone but the external ones is told as prefixes
 * that hold its own addresses and nobody else's. Private to enforce/.
 *
 * Bounds: PIECES_MAX in all; a map that needs more fails as a whole, since a cut with holes is none.
 */

#include "net/zone.h"

enum { PIECES_MAX = 1 << 20 };

struct pieces {
	struct net_prefix *v; /* zone by zone */
	size_t *from;         /* [zones + 1]: v[from[z]] .. v[from[z + 1] - 1] are of zone z */
	size_t n, cap;
};

/* 0, -ENOMEM or -ERR_LIMIT. Freed by pieces_free, also after a failure. */
int pieces_make(struct pieces *p, const struct net_zone_map *zones);
void pieces_free(struct pieces *p);

#endif
