/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONTAIN_CUT_H
#define CONTAIN_CUT_H

/*
 * A cut as it is ordered and enforced: packets between two prefixes. Plans speak of machines, zones and
 * destinations (plan.h); by the time that a cut is ordered these are addresses, so that nothing that is
 * learned later changes what a person approved.
 *
 * Cuts are compared byte by byte: prefixes have no host bits set, and there is no padding.
 */

#include <string.h>

#include "net/addr.h"

/* CUT_FROM_ONLY stops what `from` begins; what others begin towards it goes on, with its answers. */
enum cut_direction { CUT_BOTH, CUT_FROM_ONLY };

struct cut {
	struct net_prefix from, to; /* 0 bits: anywhere, of either family */
	uint8_t direction;          /* enum cut_direction */
};

_Static_assert(sizeof(struct cut) == 2 * sizeof(struct net_prefix) + 1, "no padding");

/* Whether it has that form: what comes from elsewhere may not. */
static inline bool cut_is_sound(const struct cut *c)
{
	if (c->from.bits > 128 || c->to.bits > 128 || c->direction > CUT_FROM_ONLY)
		return false;
	struct net_prefix from = net_prefix_of(c->from.addr, c->from.bits);
	struct net_prefix to = net_prefix_of(c->to.addr, c->to.bits);
	return memcmp(&from, &c->from, sizeof(from)) == 0 && memcmp(&to, &c->to, sizeof(to)) == 0;
}

static inline int cut_compare(const struct cut *a, const struct cut *b)
{
	return memcmp(a, b, sizeof(*a));
}

#endif
