/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/pieces.h"

#include <errno.h>
#include <stdlib.h>

#include "base/vec.h"

/* Whether longer prefixes, of whatever zone, lie within p: then its addresses may be of several zones. */
static bool is_mixed(const struct net_zone_map *zones, struct net_prefix p)
{
	for (uint16_t z = 0; z < net_zone_count(zones); z++)
		for (size_t i = 0; i < net_zone_prefixes(zones, z); i++) {
			struct net_prefix other = net_zone_prefix(zones, z, i);
			if (other.bits > p.bits && net_prefix_covers(p, other))
				return true;
		}
	return false;
}

static int add(struct net_prefix **v, size_t *cap, size_t *n, struct net_prefix p)
{
	int r = VEC_RESERVE(*v, cap, *n, PIECES_MAX);
	if (r == 0)
		(*v)[(*n)++] = p;
	return r;
}

/* What of prefix p is the zone's own: p itself, or that of its halves. At most 128 deep. */
static int split(struct pieces *pieces, const struct net_zone_map *zones, uint16_t zone, struct net_prefix p)
{
	if (!is_mixed(zones, p)) {
		bool own = net_zone_of(zones, p.addr) == zone;
		return own ? add(&pieces->v, &pieces->cap, &pieces->n, p) : 0;
	}
	struct net_prefix half = {.addr = p.addr, .bits = (uint8_t)(p.bits + 1)};
	int r = split(pieces, zones, zone, half);
	half.addr.b[p.bits / 8] |= (uint8_t)(0x80 >> p.bits % 8);
	return r < 0 ? r : split(pieces, zones, zone, half);
}

/* A prefix of the zone that lies within another of its own is told with that. */
static bool is_first_of_its_own(const struct net_zone_map *zones, uint16_t zone, size_t i)
{
	struct net_prefix p = net_zone_prefix(zones, zone, i);
	for (size_t j = 0; j < net_zone_prefixes(zones, zone); j++) {
		struct net_prefix other = net_zone_prefix(zones, zone, j);
		if (other.bits < p.bits && net_prefix_covers(other, p))
			return false;
	}
	return true;
}

int pieces_make(struct pieces *p, const struct net_zone_map *zones)
{
	size_t count = net_zone_count(zones);
	int r = 0;
	*p = (struct pieces){.from = calloc(count + 1, sizeof(*p->from))};
	if (!p->from)
		return -ENOMEM;
	for (uint16_t z = 0; z < count; z++) {
		bool external = net_zone_at(zones, z)->class == NET_ZONE_EXTERNAL;
		for (size_t i = 0; i < net_zone_prefixes(zones, z) && r == 0 && !external; i++)
			if (is_first_of_its_own(zones, z, i))
				r = split(p, zones, z, net_zone_prefix(zones, z, i));
		p->from[z + 1] = p->n;
	}
	return r;
}

void pieces_free(struct pieces *p)
{
	free(p->v);
	free(p->from);
	*p = (struct pieces){0};
}
