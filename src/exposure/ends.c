/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"
#include "exposure/place.h"

int ends_new(struct ends *e, const struct asset_map *assets, const struct net_zone_map *zones)
{
	struct ends made = {.assets = assets, .zones = zones, .seed = asset_map_seed(assets)};
	made.kept = calloc(ENDS_KEPT, sizeof(*made.kept));
	int error = made.kept ? 0 : -ENOMEM;
	if (error == 0)
		error = table_new(
		    &made.outside, sizeof(struct net_addr), sizeof(uint32_t), PLACE_OUTSIDE_MAX, made.seed);
	if (error < 0) {
		ends_free(&made);
		return error;
	}
	*e = made;
	return 0;
}

void ends_free(struct ends *e)
{
	free(e->kept);
	free(e->outside_addrs);
	table_free(e->outside);
	*e = (struct ends){0};
}

/* A few addresses stand in most flows, and looking up machine and zone costs far more than all the rest. */
struct end ends_of(struct ends *e, struct net_addr a)
{
	struct end *kept = &e->kept[hash_bytes(&a, sizeof(a), e->seed) % ENDS_KEPT];
	if (!kept->known || !net_addr_equal(kept->addr, a))
		*kept = (struct end){.addr = a,
		    .asset = asset_of(e->assets, a),
		    .zone = net_zone_of(e->zones, a),
		    .nowhere = net_addr_is_none(a) || net_addr_is_unspecified(a) ||
		               net_addr_is_multicast(a) || net_addr_is_loopback(a),
		    .inside = net_zone_is_inside(e->zones, a),
		    .known = true};
	return *kept;
}
