/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Builds the assets: finds the routers, joins the addresses, numbers the machines, gathers their names. */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "incident/asset_map.h"
#include "incident/union.h"

struct addr_item {
	struct net_addr addr;
	struct asset_addr *state;
};

/* A name on its way to its asset. */
struct name_item {
	uint32_t asset;
	uint8_t rank; /* 0: the site file's; else the binding's source */
	int64_t first;
	const char *name;
};

static int addr_item_compare(const void *a, const void *b)
{
	const struct addr_item *x = a, *y = b;
	return net_addr_compare(x->addr, y->addr);
}

static int name_item_compare(const void *a, const void *b)
{
	const struct name_item *x = a, *y = b;
	if (x->asset != y->asset)
		return x->asset < y->asset ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return strcmp(x->name, y->name);
}

static bool claim_binds(uint8_t bits)
{
	return bits & (ASSET_CLAIM_RESOLVED | ASSET_CLAIM_LEASED);
}

/*
 * A MAC that stands for addresses of several zones is a router's. Addresses that DHCP leased to it are its
 * own wherever they lie (a notebook that moved), and link-local ones lie in no zone.
 */
static void routers_find(struct asset_map *m)
{
	size_t pos = 0;
	const void *key;
	for (uint8_t *bits; (bits = table_next(m->claims, &pos, &key)) != NULL;) {
		const struct asset_claim_key *claim = key;
		struct asset_mac *mac = table_get(m->macs, &claim->mac);
		if (*bits & ASSET_CLAIM_LEASED || net_addr_is_link_local(claim->addr))
			continue;
		uint16_t zone = net_zone_of(m->zones, claim->addr);
		if (mac->has_zone && mac->zone != zone)
			mac->router = true;
		mac->zone = zone;
		mac->has_zone = true;
	}
}

static void holders_count(struct asset_map *m)
{
	size_t pos = 0;
	const void *key;
	for (uint8_t *bits; (bits = table_next(m->claims, &pos, &key)) != NULL;) {
		const struct asset_claim_key *claim = key;
		const struct asset_mac *mac = table_get(m->macs, &claim->mac);
		struct asset_addr *addr = table_get(m->addrs, &claim->addr);
		if (addr && !mac->router && claim_binds(*bits))
			addr->holders++;
	}
}

/* What one MAC holds, and nobody else claims, is one machine. */
static void claims_join(struct asset_map *m, struct union_sets *sets)
{
	size_t pos = 0;
	const void *key;
	for (uint8_t *bits; (bits = table_next(m->claims, &pos, &key)) != NULL;) {
		const struct asset_claim_key *claim = key;
		struct asset_mac *mac = table_get(m->macs, &claim->mac);
		const struct asset_addr *addr = table_get(m->addrs, &claim->addr);
		if (!addr || mac->router || !claim_binds(*bits) || addr->holders != 1)
			continue;
		if (mac->member == ASSET_NONE)
			mac->member = addr->number;
		else
			union_join(sets, mac->member, addr->number);
	}
}

static void hints_join(struct asset_map *m, struct union_sets *sets)
{
	for (size_t i = 0; i < m->n_hints; i++) {
		const struct asset_hint_kept *hint = &m->hints[i];
		const struct asset_addr *first = table_get(m->addrs, &hint->addrs[0]);
		for (size_t k = 1; k < hint->n_addrs; k++) {
			const struct asset_addr *other = table_get(m->addrs, &hint->addrs[k]);
			union_join(sets, first->number, other->number);
		}
	}
}

/* Makes the assets from the sets. Roots are smallest members, so assets come out in order of their first
 * address. */
static int assets_make(struct asset_map *m, const struct addr_item *items, size_t n, struct union_sets *sets)
{
	size_t n_assets = 0;
	for (size_t i = 0; i < n; i++)
		n_assets += union_root(sets, (uint32_t)i) == i;
	m->assets = arena_array(&m->arena, n_assets, sizeof(*m->assets));
	if (!m->assets)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		uint32_t root = union_root(sets, (uint32_t)i);
		if (root == i)
			items[i].state->asset = (uint32_t)m->n_assets++;
		else
			items[i].state->asset = items[root].state->asset;
		m->assets[items[i].state->asset].n_addrs++;
	}
	for (size_t i = 0; i < n; i++) {
		struct asset *a = &m->assets[items[i].state->asset];
		if (!a->addrs) {
			a->addrs = arena_array(&m->arena, a->n_addrs, sizeof(*a->addrs));
			if (!a->addrs)
				return -ENOMEM;
			a->n_addrs = 0;
			a->zone = net_zone_of(m->zones, items[i].addr);
		}
		a->addrs[a->n_addrs++] = items[i].addr;
		a->seen |= items[i].state->seen;
	}
	return 0;
}

/* The MAC of an asset: of those that hold one of its addresses alone, the smallest. */
static void macs_assign(struct asset_map *m)
{
	static const struct net_mac none;
	size_t pos = 0;
	const void *key;
	for (uint8_t *bits; (bits = table_next(m->claims, &pos, &key)) != NULL;) {
		const struct asset_claim_key *claim = key;
		const struct asset_mac *mac = table_get(m->macs, &claim->mac);
		const struct asset_addr *addr = table_get(m->addrs, &claim->addr);
		if (!addr || mac->router || !claim_binds(*bits) || addr->holders != 1)
			continue;
		struct net_mac *have = &m->assets[addr->asset].mac;
		if (memcmp(have, &none, sizeof(none)) == 0 || memcmp(&claim->mac, have, sizeof(*have)) < 0)
			*have = claim->mac;
	}
}

/* All names, each with its asset. A MAC's name goes to the machine that holds the MAC. */
static size_t names_gather(struct asset_map *m, const struct addr_item *items, struct name_item *names)
{
	size_t n = 0, pos = 0;
	const void *key;
	for (size_t i = 0; i < m->n_hints; i++) {
		const struct asset_addr *addr = table_get(m->addrs, &m->hints[i].addrs[0]);
		m->assets[addr->asset].roles |= m->hints[i].roles;
		if (m->hints[i].name[0])
			names[n++] = (struct name_item){
			    .asset = addr->asset, .first = (int64_t)i, .name = m->hints[i].name};
	}
	for (struct asset_name *name; (name = table_next(m->names, &pos, &key)) != NULL;) {
		const struct asset_name_key *of = key;
		uint32_t asset = ASSET_NONE;
		if (!net_addr_is_none(of->addr)) {
			asset = asset_of(m, of->addr);
		} else {
			const struct asset_mac *mac = table_get(m->macs, &of->mac);
			if (mac && !mac->router && mac->member != ASSET_NONE)
				asset = items[mac->member].state->asset;
		}
		if (asset != ASSET_NONE)
			names[n++] = (struct name_item){asset, name->source, name->first, name->name};
	}
	return n;
}

static int names_assign(struct asset_map *m, const struct addr_item *items)
{
	struct name_item *names = calloc(m->n_hints + table_count(m->names) + 1, sizeof(*names));
	if (!names)
		return -ENOMEM;
	size_t n = names_gather(m, items, names);
	qsort(names, n, sizeof(*names), name_item_compare);
	for (size_t i = 0; i < n; i++) {
		struct asset *a = &m->assets[names[i].asset];
		if (!a->names)
			a->names = arena_array(&m->arena, ASSET_NAMES_MAX, sizeof(*a->names));
		if (!a->names) {
			free(names);
			return -ENOMEM;
		}
		bool known = a->n_names == ASSET_NAMES_MAX;
		for (size_t k = 0; k < a->n_names && !known; k++)
			known = text_equal_nocase(text_of(a->names[k]), text_of(names[i].name));
		if (!known)
			a->names[a->n_names++] = names[i].name;
	}
	free(names);
	return 0;
}

int asset_map_build(struct asset_map *m)
{
	assert(!m->built);
	size_t n = 0, pos = 0;
	const void *key;
	struct union_sets sets = {0};
	struct addr_item *items = calloc(table_count(m->addrs) + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	for (struct asset_addr *state; (state = table_next(m->addrs, &pos, &key)) != NULL;)
		items[n++] = (struct addr_item){.addr = *(const struct net_addr *)key, .state = state};
	qsort(items, n, sizeof(*items), addr_item_compare);
	for (size_t i = 0; i < n; i++)
		items[i].state->number = (uint32_t)i;
	int error = union_new(&sets, n);
	if (error == 0) {
		routers_find(m);
		holders_count(m);
		claims_join(m, &sets);
		hints_join(m, &sets);
		error = assets_make(m, items, n, &sets);
	}
	if (error == 0) {
		macs_assign(m);
		m->built = true;
		error = names_assign(m, items);
	}
	union_free(&sets);
	free(items);
	return error;
}
