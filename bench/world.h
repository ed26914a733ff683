/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_WORLD_H
#define BENCH_WORLD_H

/*
 * Who is in a generated history: the organization's machines, the names of services outside, and the blocks
 * of address space that peers outside live in. All of it follows from the seed. Addresses outside are
 * anywhere in public space: they are numbers in a file, and nobody sends them anything.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "net/addr.h"

enum world_zone {
	WORLD_CLIENTS,
	WORLD_PHONES,
	WORLD_PRINTERS,
	WORLD_LAB,
	WORLD_SERVERS,
	WORLD_DATABASES,
	WORLD_CORE, /* resolvers, directory, time, monitoring, backup */
	WORLD_DMZ,
	WORLD_ZONES,
	WORLD_ANY = WORLD_ZONES, /* any of them */
	WORLD_OUTSIDE
};

enum { WORLD_BLOCKS = 1 << 16, WORLD_NAME_SIZE = 64 };

struct world_asset {
	struct text name;
	uint32_t addr;
	struct net_mac mac;
	uint16_t vlan;
	uint16_t port_low, port_range; /* of ephemeral ports */
};

struct world {
	uint64_t seed;
	struct arena arena;
	struct world_asset *assets; /* zone after zone */
	size_t n_assets, zone_at[WORLD_ZONES + 1];
	struct text *names; /* by rank */
	uint32_t n_names;
	uint32_t blocks[WORLD_BLOCKS]; /* /20 prefixes; the more popular first */
	double block_root;
};

/* 0 or -ENOMEM. At least 100 assets and a name are made whatever is asked. */
int world_new(struct world **ret_world, uint64_t seed, uint32_t assets, uint32_t names);
void world_free(struct world *w);
const char *world_zone_name(unsigned zone);
size_t world_zone_count(const struct world *w, unsigned zone);
/* The name of rank i; beyond n_names one that no flow ever has. Written to buf, of WORLD_NAME_SIZE. */
struct text world_write_name(const struct world *w, uint64_t i, char *buf);
/* The rank of a name that is borrowed from this world; UINT32_MAX where it is none of a service outside. */
uint32_t world_rank(const struct world *w, struct text name);
/* A public address by a hash, from one of the blocks. */
uint32_t world_outside(const struct world *w, uint64_t hash);
bool world_is_public(uint32_t addr);
struct net_addr world_addr(uint32_t addr);

#endif
