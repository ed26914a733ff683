/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef INCIDENT_ASSET_MAP_H
#define INCIDENT_ASSET_MAP_H

/* The inside of struct asset_map, shared by asset.c (collects and answers) and asset_join.c (builds).
 * Private. */

#include "base/table.h"
#include "incident/asset.h"

/* What is known of one inside address. */
struct asset_addr {
	uint32_t number; /* in order of address, by asset_map_build */
	uint32_t asset;
	uint32_t holders; /* MACs that aren't a router's and claim it by a binding */
	uint8_t n_names;
	bool seen;
};

struct asset_mac {
	uint32_t n_addrs;
	uint32_t member; /* number of one address that it holds, ASSET_NONE before the first */
	uint16_t zone;   /* of the first address that counts */
	bool has_zone;
	bool router;
	uint8_t n_names;
};

/* How a MAC and an address were seen together. */
enum asset_claim_bit { ASSET_CLAIM_RESOLVED = 1, ASSET_CLAIM_LEASED = 2, ASSET_CLAIM_SENT = 4 };

struct asset_claim_key {
	struct net_addr addr;
	struct net_mac mac;
	uint8_t zero[2];
};

struct asset_name_key {
	struct net_addr addr; /* or none: the MAC's name */
	struct net_mac mac;
	uint8_t zero[2];
	uint64_t hash;
};

struct asset_name {
	const char *name;
	int64_t first;
	uint8_t source;
};

struct asset_hint_kept {
	const char *name;
	struct net_addr *addrs; /* the inside ones */
	size_t n_addrs;
	uint32_t roles;
};

struct asset_map {
	const struct net_zone_map *zones;
	uint64_t seed;
	struct arena arena;
	struct table *addrs;  /* struct net_addr -> struct asset_addr */
	struct table *macs;   /* struct net_mac -> struct asset_mac */
	struct table *claims; /* struct asset_claim_key -> uint8_t of enum asset_claim_bit */
	struct table *names;  /* struct asset_name_key -> struct asset_name */
	struct asset_hint_kept *hints;
	size_t n_hints, cap_hints;
	size_t left_out;
	struct asset *assets;
	size_t n_assets;
	bool built;
};

#endif
