/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXPOSURE_PLACE_H
#define EXPOSURE_PLACE_H

/*
 * Places: where data can be. A machine inside is one place with all its addresses, each outside address is
 * one, and inside addresses that the asset map has no machine for share one (PLACE_SOMEBODY): as if they were
 * one machine, which can only raise a bound. So do outside addresses beyond PLACE_OUTSIDE_MAX. Private to
 * exposure/.
 */

#include "base/table.h"
#include "exposure/exposure.h"

enum { PLACE_OUTSIDE_MAX = 1 << 20, PLACE_NONE = 0xffffffff };

enum place_kind {
	PLACE_ZONE,    /* of the zone in question: every byte there is its data */
	PLACE_INSIDE,  /* elsewhere in the organization: may pass data on */
	PLACE_OUTSIDE, /* what arrives there has left */
};

struct places {
	const struct exposure_input *in;
	uint32_t n_assets;
	uint8_t *asset_in_zone;
	int64_t *held_from;    /* of each asset: from when an intruder can hold it; INT64_MAX: never. NULL: no
	                          spread is given */
	struct table *outside; /* struct net_addr -> uint32_t */
	struct net_addr *outside_addrs;
	size_t n_outside, cap_outside;
};

int places_new(struct places *p, const struct exposure_input *in);
void places_free(struct places *p);

/* n_assets: somebody inside; n_assets + 1: any zone address without a machine; n_assets + 2: the outside at
 * large. */
static inline uint32_t place_somebody(const struct places *p)
{
	return p->n_assets;
}
static inline uint32_t place_zone(const struct places *p)
{
	return p->n_assets + 1;
}
static inline uint32_t place_outside(const struct places *p)
{
	return p->n_assets + 2;
}

/* *ret_place: PLACE_NONE for what is no place (multicast, unspecified, loopback). 0 or -ENOMEM. */
int place_of(struct places *p, struct net_addr a, uint32_t *ret_place);
enum place_kind place_kind_of(const struct places *p, uint32_t place);
/* An address for the report: an asset's first one; none for the places that stand for many. */
struct net_addr place_addr(const struct places *p, uint32_t place);
/* Whether an address belongs to the zone, by itself or by its machine. */
bool place_addr_in_zone(const struct places *p, struct net_addr a);
/* Whether a detection or an indicator names the outside address. */
bool place_is_bad(const struct exposure_input *in, struct net_addr a);
/* From when an intruder can hold the place: INT64_MIN always, INT64_MAX never. Without a spread: always. */
int64_t place_held_from(const struct places *p, uint32_t place);

#endif
