/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef INCIDENT_ASSET_H
#define INCIDENT_ASSET_H

/*
 * Assets: machines, with the addresses, MACs and names that were bound to them (ARP, NDP, DHCP, site file).
 * Addresses belong together when a MAC that isn't a router's holds them, when the site file says so, or when
 * DHCP gave both to one client. A MAC that stands for addresses of several zones or for more than
 * ASSET_ADDRS_MAX addresses is a router's and binds nothing. Only inside addresses become assets; external
 * ones are peers. Numbered 0..n-1 in order of address.
 *
 * An address is a machine's only when something speaks for a machine: it sent a packet in a flow, a binding
 * names it, or the site file does. What was only sent to (a scanned address where nobody lives, a broadcast
 * address) is no asset. Only bindings join; the MACs of flows merely show who is a router. An address that
 * several machines' MACs claim joins nothing: it may have changed hands, or somebody lies. doc/incident.md
 * tells more.
 *
 * Bounds: ASSETS_MAX addresses and as many MACs; what finds no room is counted (asset_map_left_out) and left
 * out.
 */

#include "base/arena.h"
#include "msg/msg.h"
#include "net/zone.h"

enum { ASSET_ADDRS_MAX = 64, ASSETS_MAX = 1 << 20, ASSET_NAMES_MAX = 16, ASSET_NONE = 0xffffffff };

struct asset {
	struct net_addr *addrs; /* sorted; addrs[0] names the asset where it has no name */
	size_t n_addrs;
	const char **names; /* printable */
	size_t n_names;
	struct net_mac mac; /* zero where none is known */
	uint16_t zone;      /* of addrs[0] */
	uint32_t roles;     /* of the site file (bits of enum site_role_bit) */
	bool seen;          /* it sent something in a flow */
};

/* What the site file tells, handed over by whoever knows conf/. */
struct asset_hint {
	const char *name;
	const struct net_addr *addrs;
	size_t n_addrs;
	uint32_t roles;
};

struct asset_map;

/*
 * Collects: add hints, bindings and the addresses of flows in any order, then build once; only then ask. All
 * return 0 or -ENOMEM. What they are given is borrowed for the call.
 */
int asset_map_new(struct asset_map **ret_map, const struct net_zone_map *zones, uint64_t seed);
void asset_map_free(struct asset_map *m);
int asset_map_hint(struct asset_map *m, const struct asset_hint *hint);
int asset_map_binding(struct asset_map *m, const struct msg_binding *b);
int asset_map_flow(struct asset_map *m, const struct msg_flow *f);
int asset_map_build(struct asset_map *m);
/* Addresses, MACs and names that found no room. */
size_t asset_map_left_out(const struct asset_map *m);
/* The seed that it was made with, for the tables of whoever works on it. */
uint64_t asset_map_seed(const struct asset_map *m);

size_t asset_count(const struct asset_map *m);
const struct asset *asset_at(const struct asset_map *m, uint32_t asset);
/* ASSET_NONE for an external or unknown address. */
uint32_t asset_of(const struct asset_map *m, struct net_addr a);
/* Name or first address, for people. buf has ASSET_TEXT_SIZE bytes. Returns buf. */
enum { ASSET_TEXT_SIZE = 128 };
char *asset_text(const struct asset_map *m, uint32_t asset, char *buf);

#endif
