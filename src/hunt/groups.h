/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUNT_GROUPS_H
#define HUNT_GROUPS_H

/*
 * What was found, added up by machine and target: a table for each thread, merged at the end. The order in
 * which sightings come changes nothing. Private to hunt/.
 */

#include "base/table.h"
#include "hunt/hunt.h"

/* Compared as bytes. */
struct hunt_group_key {
	struct net_addr asset;
	uint32_t target;
	uint32_t zero;
};

struct hunt_group_id {
	int64_t first;
	uint64_t id;
};

struct hunt_group {
	uint32_t places;
	uint8_t relations;
	uint8_t n_peers;
	bool more_peers;
	int64_t first, last, first_answered;
	uint64_t bytes_out, bytes_in, flows, opened, answered;
	uint64_t lookups, lookup_bytes_out, lookup_bytes_in, valid;
	struct net_addr peers[HUNT_PEERS_MAX];
	struct hunt_group_id *ids; /* by time; in the arena but for the first few */
	uint32_t n_ids, cap_ids;
	struct hunt_group_id few[2];
};

/* One flow with regard to one target. */
struct hunt_sighting {
	uint32_t target;
	uint32_t places;
	uint8_t relation;
	bool lookup; /* DNS: no contact */
	bool opened, answered, valid;
	struct net_addr asset, peer;
	int64_t first, last;
	uint64_t out, in;
	uint64_t id;
};

struct hunt_groups {
	struct table *table; /* struct hunt_group_key -> struct hunt_group */
	struct arena arena;  /* of ids: at its bound groups keep fewer of them */
	uint64_t left_out;   /* sightings of groups that found no room */
};

int hunt_groups_new(struct hunt_groups *g, size_t max, uint64_t seed);
void hunt_groups_free(struct hunt_groups *g);
void hunt_groups_add(struct hunt_groups *g, const struct hunt_sighting *s);
/* The flow stands in its group already: another place of it. False where there is no such group. */
bool hunt_groups_place(struct hunt_groups *g, const struct hunt_sighting *s);
/* Adds all of `from`, which is left as it is. */
void hunt_groups_merge(struct hunt_groups *g, const struct hunt_groups *from);

#endif
