/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "incident/asset.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/vec.h"
#include "incident/asset_map.h"

/* msg/records.schema, record binding: the numbers of packet_binding_source, and the one of NTLM and SMB host
 * names. */
enum binding_source { BINDING_ARP = 1, BINDING_NDP = 2, BINDING_DHCP = 3, BINDING_HOST_NAME = 5 };

enum { NAME_SIZE = 256, NAMES_OF_ONE_MAX = 8, HINTS_MAX = 1 << 16 };

void asset_map_free(struct asset_map *m)
{
	if (!m)
		return;
	table_free(m->addrs);
	table_free(m->macs);
	table_free(m->claims);
	table_free(m->names);
	free(m->hints);
	arena_free(&m->arena);
	free(m);
}

int asset_map_new(struct asset_map **ret_map, const struct net_zone_map *zones, uint64_t seed)
{
	struct asset_map *m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->zones = zones;
	m->seed = seed;
	int error = table_new(
	    &m->addrs, sizeof(struct net_addr), sizeof(struct asset_addr), ASSETS_MAX, seed);
	if (error == 0)
		error = table_new(
		    &m->macs, sizeof(struct net_mac), sizeof(struct asset_mac), ASSETS_MAX, seed);
	if (error == 0)
		error = table_new(
		    &m->claims, sizeof(struct asset_claim_key), 1, 2 * (size_t)ASSETS_MAX, seed);
	if (error == 0)
		error = table_new(
		    &m->names, sizeof(struct asset_name_key), sizeof(struct asset_name), ASSETS_MAX, seed);
	if (error < 0) {
		asset_map_free(m);
		return error;
	}
	*ret_map = m;
	return 0;
}

/* Whether an address can be one machine's of the organization. */
static bool addr_is_machine(const struct asset_map *m, struct net_addr a)
{
	return !net_addr_is_none(a) && !net_addr_is_unspecified(a) && !net_addr_is_multicast(a) &&
	       !net_addr_is_loopback(a) && net_zone_is_inside(m->zones, a);
}

static bool mac_is_machine(struct net_mac mac)
{
	static const struct net_mac none;
	return memcmp(&mac, &none, sizeof(mac)) != 0 && !(mac.b[0] & 1); /* group bit: IEEE 802, 8.2 */
}

static struct asset_addr *addr_put(struct asset_map *m, struct net_addr a)
{
	struct asset_addr *known = table_put(m->addrs, &a, NULL);
	if (!known)
		m->left_out++;
	return known;
}

static struct asset_mac *mac_put(struct asset_map *m, struct net_mac mac)
{
	int fresh;
	struct asset_mac *known = table_put(m->macs, &mac, &fresh);
	if (!known)
		m->left_out++;
	else if (fresh)
		known->member = ASSET_NONE;
	return known;
}

/*
 * Notes that mac and a were seen together. A router's MAC is noted once and its addresses no further, so that
 * one that forwards for the whole world takes no room.
 */
static void claim(struct asset_map *m, struct net_mac mac, struct net_addr a, enum asset_claim_bit how)
{
	if (!mac_is_machine(mac))
		return;
	struct asset_mac *known = mac_put(m, mac);
	if (!known || known->router)
		return;
	if (!net_zone_is_inside(m->zones, a)) {
		known->router = true;
		return;
	}
	struct asset_claim_key key = {.addr = a, .mac = mac};
	int fresh;
	uint8_t *bits = table_put(m->claims, &key, &fresh);
	if (!bits) {
		m->left_out++;
		return;
	}
	*bits |= (uint8_t)how;
	if (fresh && ++known->n_addrs > ASSET_ADDRS_MAX)
		known->router = true;
}

/* Keeps a name of an address or, where addr is none, of a MAC; *count bounds the names of one. */
static int name_keep(
    struct asset_map *m, struct asset_name_key key, uint8_t *count, const struct msg_binding *b)
{
	char clean[NAME_SIZE];
	struct text t = text_of(text_printable(text_trim(b->name), clean, sizeof(clean)));
	if (t.n == 0)
		return 0;
	key.hash = hash_bytes(t.p, t.n, m->seed);
	struct asset_name *name = table_get(m->names, &key);
	if (name) {
		if (b->first < name->first)
			name->first = b->first;
		if (b->source < name->source)
			name->source = b->source;
		return 0;
	}
	if (*count >= NAMES_OF_ONE_MAX || !(name = table_put(m->names, &key, NULL))) {
		m->left_out++;
		return 0;
	}
	*name = (struct asset_name){
	    .name = arena_strndup(&m->arena, t.p, t.n), .first = b->first, .source = b->source};
	if (!name->name) {
		table_remove(m->names, &key);
		return -ENOMEM;
	}
	++*count;
	return 0;
}

int asset_map_hint(struct asset_map *m, const struct asset_hint *hint)
{
	assert(!m->built);
	int error = VEC_RESERVE(m->hints, &m->cap_hints, m->n_hints, HINTS_MAX);
	if (error == -ERR_LIMIT) {
		m->left_out++;
		return 0;
	}
	if (error < 0)
		return error;
	char clean[NAME_SIZE];
	struct asset_hint_kept kept = {.roles = hint->roles};
	text_printable(text_of(hint->name), clean, sizeof(clean));
	kept.name = arena_strndup(&m->arena, clean, strlen(clean));
	kept.addrs = arena_array(&m->arena, hint->n_addrs, sizeof(*kept.addrs));
	if (!kept.name || !kept.addrs)
		return -ENOMEM;
	for (size_t i = 0; i < hint->n_addrs; i++)
		if (addr_is_machine(m, hint->addrs[i]) && addr_put(m, hint->addrs[i]))
			kept.addrs[kept.n_addrs++] = hint->addrs[i];
	if (kept.n_addrs)
		m->hints[m->n_hints++] = kept;
	return 0;
}

int asset_map_binding(struct asset_map *m, const struct msg_binding *b)
{
	assert(!m->built);
	bool resolved = b->source == BINDING_ARP || b->source == BINDING_NDP;
	if (!resolved && b->source != BINDING_DHCP && b->source != BINDING_HOST_NAME)
		return 0;
	bool machine = addr_is_machine(m, b->addr);
	struct asset_addr *addr = machine ? addr_put(m, b->addr) : NULL;
	/* an outside address that a MAC answers for shows a router */
	bool outside = !net_addr_is_none(b->addr) && !net_zone_is_inside(m->zones, b->addr);
	if (b->source != BINDING_HOST_NAME && (addr || outside))
		claim(m, b->mac, b->addr, resolved ? ASSET_CLAIM_RESOLVED : ASSET_CLAIM_LEASED);
	if (addr)
		return name_keep(m, (struct asset_name_key){.addr = b->addr}, &addr->n_names, b);
	struct asset_mac *mac = NULL;
	if (net_addr_is_none(b->addr) && b->source == BINDING_DHCP && b->name.n && mac_is_machine(b->mac))
		mac = mac_put(m, b->mac);
	return mac ? name_keep(m, (struct asset_name_key){.mac = b->mac}, &mac->n_names, b) : 0;
}

int asset_map_flow(struct asset_map *m, const struct msg_flow *f)
{
	assert(!m->built);
	const struct {
		struct net_addr addr;
		struct net_mac mac;
		bool sent;
	} ends[2] = {
	    {f->initiator, f->initiator_mac, f->packets_out || f->payload_out},
	    {f->responder, f->responder_mac, f->packets_in || f->payload_in},
	};
	for (int i = 0; i < 2; i++) {
		if (!ends[i].sent)
			continue;
		/* the frame's MACs are the outermost layer's, not those of a flow inside a tunnel */
		if (f->parent == 0 && !net_addr_is_unspecified(ends[i].addr) &&
		    !net_addr_is_none(ends[i].addr))
			claim(m, ends[i].mac, ends[i].addr, ASSET_CLAIM_SENT);
		struct asset_addr *addr = addr_is_machine(m, ends[i].addr) ? addr_put(m, ends[i].addr) : NULL;
		if (addr)
			addr->seen = true;
	}
	return 0;
}

size_t asset_map_left_out(const struct asset_map *m)
{
	return m->left_out;
}

uint64_t asset_map_seed(const struct asset_map *m)
{
	return m->seed;
}

size_t asset_count(const struct asset_map *m)
{
	return m->n_assets;
}

const struct asset *asset_at(const struct asset_map *m, uint32_t asset)
{
	assert(asset < m->n_assets);
	return &m->assets[asset];
}

uint32_t asset_of(const struct asset_map *m, struct net_addr a)
{
	const struct asset_addr *known = m->built ? table_get(m->addrs, &a) : NULL;
	return known ? known->asset : ASSET_NONE;
}

char *asset_text(const struct asset_map *m, uint32_t asset, char *buf)
{
	const struct asset *a = asset_at(m, asset);
	if (a->n_names)
		return text_printable(text_of(a->names[0]), buf, ASSET_TEXT_SIZE);
	return net_addr_text(a->addrs[0], buf);
}
