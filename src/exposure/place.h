/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXPOSURE_PLACE_H
#define EXPOSURE_PLACE_H

/*
 * Places: where data can be. A machine inside is one place with all its addresses, each outside address is
 * one, and inside addresses that the asset map has no machine for share one (PLACE_SOMEBODY): as if they were
 * one machine, which can only raise a bound. So do outside addresses beyond PLACE_OUTSIDE_MAX.
 *
 * What an address is doesn't hang on the zone in question: struct ends tells it once for all exposures that
 * are worked out together, and numbers the outside. Private to exposure/.
 */

#include "base/table.h"
#include "exposure/exposure.h"

enum { PLACE_OUTSIDE_MAX = 1 << 20, PLACE_NONE = 0xffffffff };

enum place_kind {
	PLACE_ZONE,    /* of the zone in question: every byte there is its data */
	PLACE_INSIDE,  /* elsewhere in the organization: may pass data on */
	PLACE_OUTSIDE, /* what arrives there has left */
};

/* What an address is. */
struct end {
	struct net_addr addr;
	uint32_t asset; /* ASSET_NONE: no machine's */
	uint16_t zone;
	bool nowhere; /* multicast, unspecified, loopback: no place */
	bool inside;
	bool known;
};

enum { ENDS_KEPT = 1 << 13 };

struct ends {
	const struct asset_map *assets;
	const struct net_zone_map *zones;
	uint64_t seed;
	struct end *kept;      /* ENDS_KEPT of them: the one met last at each place */
	struct table *outside; /* struct net_addr -> uint32_t */
	struct net_addr *outside_addrs;
	size_t n_outside, cap_outside;
};

/* 0 or -ENOMEM. */
int ends_new(struct ends *e, const struct asset_map *assets, const struct net_zone_map *zones);
void ends_free(struct ends *e);
/* What a is. */
struct end ends_of(struct ends *e, struct net_addr a);

struct places {
	const struct exposure_input *in;
	struct ends *ends; /* borrowed */
	uint32_t n_assets;
	uint8_t *asset_in_zone;
	int64_t *held_from; /* of each asset: from when an intruder can hold it; INT64_MAX: never. NULL: no
	                       spread is given */
};

int places_new(struct places *p, const struct exposure_input *in, struct ends *ends);
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
int place_of(const struct places *p, const struct end *end, uint32_t *ret_place);
enum place_kind place_kind_of(const struct places *p, uint32_t place);
/* An address for the report: an asset's first one; none for the places that stand for many. */
struct net_addr place_addr(const struct places *p, uint32_t place);
/* Whether an end belongs to the zone, by itself or by its machine. */
static inline bool place_end_in_zone(const struct places *p, const struct end *end)
{
	return end->asset != ASSET_NONE ? p->asset_in_zone[end->asset] : end->zone == p->in->zone;
}
/* Whether a detection or an indicator names the outside address. */
bool place_is_bad(const struct exposure_input *in, struct net_addr a);
/* From when an intruder can hold the place: INT64_MIN always, INT64_MAX never. Without a spread: always. */
int64_t place_held_from(const struct places *p, uint32_t place);

#endif
