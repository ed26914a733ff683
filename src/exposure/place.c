/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exposure/place.h"

#include <errno.h>
#include <stdlib.h>

#include "base/vec.h"

static int zone_members_find(struct places *p)
{
	p->asset_in_zone = calloc(p->n_assets + 1, 1);
	if (!p->asset_in_zone)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->n_assets; i++) {
		const struct asset *a = asset_at(p->in->assets, i);
		for (size_t k = 0; k < a->n_addrs && !p->asset_in_zone[i]; k++)
			p->asset_in_zone[i] = net_zone_of(p->in->zones, a->addrs[k]) == p->in->zone;
	}
	return 0;
}

static int held_find(struct places *p)
{
	const struct spread *s = p->in->spread;
	if (!s)
		return 0;
	p->held_from = calloc(p->n_assets + 1, sizeof(*p->held_from));
	if (!p->held_from)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->n_assets; i++)
		p->held_from[i] = INT64_MIN; /* whoever the spread doesn't speak of may be held */
	for (size_t i = 0; i < s->n_assets; i++) {
		const struct spread_asset *a = &s->assets[i];
		if (a->asset >= p->n_assets)
			continue;
		if (a->grade == SPREAD_CLEARED)
			p->held_from[a->asset] = INT64_MAX;
		else if (a->grade != SPREAD_UNSEEN)
			p->held_from[a->asset] = a->earliest;
	}
	return 0;
}

int places_new(struct places *p, const struct exposure_input *in, struct ends *ends)
{
	struct places made = {.in = in, .ends = ends, .n_assets = (uint32_t)asset_count(in->assets)};
	int error = zone_members_find(&made);
	if (error == 0)
		error = held_find(&made);
	if (error < 0) {
		places_free(&made);
		return error;
	}
	*p = made;
	return 0;
}

void places_free(struct places *p)
{
	free(p->asset_in_zone);
	free(p->held_from);
	*p = (struct places){0};
}

static int outside_of(const struct places *p, struct net_addr a, uint32_t *ret_place)
{
	struct ends *e = p->ends;
	int fresh;
	int error = VEC_RESERVE(e->outside_addrs, &e->cap_outside, e->n_outside, PLACE_OUTSIDE_MAX + 1);
	if (error < 0)
		return error;
	uint32_t *number = table_put(e->outside, &a, &fresh);
	if (!number) {
		*ret_place = place_outside(p);
		return 0;
	}
	if (fresh) {
		e->outside_addrs[e->n_outside] = a;
		*number = (uint32_t)e->n_outside++;
	}
	*ret_place = place_outside(p) + 1 + *number;
	return 0;
}

int place_of(const struct places *p, const struct end *end, uint32_t *ret_place)
{
	if (end->asset != ASSET_NONE)
		*ret_place = end->asset;
	else if (end->nowhere)
		*ret_place = PLACE_NONE;
	else if (end->zone == p->in->zone)
		*ret_place = place_zone(p);
	else if (end->inside)
		*ret_place = place_somebody(p);
	else
		return outside_of(p, end->addr, ret_place);
	return 0;
}

enum place_kind place_kind_of(const struct places *p, uint32_t place)
{
	if (place < p->n_assets)
		return p->asset_in_zone[place] ? PLACE_ZONE : PLACE_INSIDE;
	if (place == place_somebody(p))
		return PLACE_INSIDE;
	return place == place_zone(p) ? PLACE_ZONE : PLACE_OUTSIDE;
}

struct net_addr place_addr(const struct places *p, uint32_t place)
{
	static const struct net_addr none;
	if (place < p->n_assets)
		return asset_at(p->in->assets, place)->addrs[0];
	return place > place_outside(p) ? p->ends->outside_addrs[place - place_outside(p) - 1] : none;
}

static int addr_compare(const void *a, const void *b)
{
	const struct net_addr *x = a, *y = b;
	return net_addr_compare(*x, *y);
}

bool place_is_bad(const struct exposure_input *in, struct net_addr a)
{
	return in->n_bad_peers && bsearch(&a, in->bad_peers, in->n_bad_peers, sizeof(a), addr_compare);
}

int64_t place_held_from(const struct places *p, uint32_t place)
{
	if (!p->held_from || place >= p->n_assets)
		return INT64_MIN;
	return p->held_from[place];
}
