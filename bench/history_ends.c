/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/draw.h"
#include "bench/history_flow.h"

enum {
	AUTHORITIES = 150000,
	VISITORS = 300000,
	SCANNERS = 30000,
	PEERS_FIRST = 400000,
	PEERS_LAST = 1000000,
	FAVOURITES = 40
};

/* Salts of draw_hash: one for each population. */
enum { OF_AUTHORITY = 21, OF_PEER, OF_VISITOR, OF_SCANNER, OF_NAME, OF_FAVOURITE, OF_SERVER, OF_LIFE };

void history_ends_init(struct history_ends *e, const struct world *w)
{
	*e = (struct history_ends){.world = w,
	    .authority_root = pow(AUTHORITIES + 1.0, 0.1),
	    .visitor_root = pow(VISITORS + 1.0, 0.5),
	    .scanner_root = pow(SCANNERS + 1.0, 0.2),
	    .favourite_root = pow(FAVOURITES + 1.0, 0.2)};
	for (unsigned z = 0; z < WORLD_ZONES; z++)
		e->zone_root[z] = sqrt((double)world_zone_count(w, z) + 1);
	history_ends_at(e, 0, 0);
}

void history_ends_at(struct history_ends *e, double day, double share)
{
	e->day = day;
	e->names = (uint32_t)(e->world->n_names * (0.7 + 0.3 * share));
	e->names += e->names == 0;
	e->peers = (uint32_t)(PEERS_FIRST + (PEERS_LAST - PEERS_FIRST) * share);
	e->name_root = pow(e->names + 1.0, 0.1);
	e->peer_root = pow(e->peers + 1.0, 0.2);
}

static uint32_t below(uint32_t rank, uint32_t n)
{
	return rank < n ? rank : n - 1;
}

/* Addresses are given anew every so often: which lease of `thing` runs today. Days: least..least + spread. */
static uint64_t lease(const struct history_ends *e, uint64_t thing, unsigned least, unsigned spread)
{
	uint64_t hash = draw_hash(OF_LIFE, thing);
	double days = least + (double)(hash % 1024) / 1024 * spread;
	return (uint64_t)(e->day / days + draw_unit(hash));
}

static uint32_t outside_of(const struct history_ends *e, uint64_t salt, uint64_t thing, uint64_t lease_number)
{
	return world_outside(e->world, draw_hash(e->world->seed ^ salt << 48 ^ thing, lease_number));
}

/* Popular services stand behind many addresses; a client is sent to one of them for a day. */
static uint32_t address_of_name(const struct history_ends *e, uint32_t rank, uint32_t client)
{
	unsigned spread = rank < 100 ? 64 : rank < 2000 ? 16 : rank < 20000 ? 4 : 1;
	uint64_t slot = spread == 1 ? 0 : draw_hash((uint64_t)client << 32 | rank, (uint64_t)e->day) % spread;
	uint64_t thing = (uint64_t)rank << 8 | slot;
	return outside_of(e, OF_NAME, thing, lease(e, thing, 3, 120));
}

/* Half of what a client asks for is among its own favourites; a little is new. */
static uint32_t draw_name(const struct history_ends *e, uint32_t client, uint64_t *state)
{
	uint64_t r = draw_next(state);
	if (r % 20 == 0)
		return e->names - 1 - draw_below(r, e->names / 50 + 1);
	double u = draw_unit(draw_mix(r));
	if (r % 20 <= 10) {
		uint32_t favourite = draw_zipf80(u, e->favourite_root);
		u = draw_unit(draw_hash((uint64_t)OF_FAVOURITE << 32 | client, favourite));
	}
	return below(draw_zipf90(u, e->name_root) - 1, e->names);
}

static uint32_t draw_peer(const struct history_ends *e, uint64_t *state)
{
	uint64_t r = draw_next(state);
	uint32_t rank = r % 8 == 0 ? e->peers - 1 - draw_below(r, e->peers / 50)
	                           : below(draw_zipf80(draw_unit(r), e->peer_root) - 1, e->peers);
	return outside_of(e, OF_PEER, rank, lease(e, rank, 10, 60));
}

static uint32_t draw_visitor(const struct history_ends *e, uint64_t *state)
{
	uint32_t rank = below(draw_zipf50(draw_unit(draw_next(state)), e->visitor_root) - 1, VISITORS);
	return outside_of(e, OF_VISITOR, rank, lease(e, rank, 1, 20));
}

static uint32_t draw_scanner(const struct history_ends *e, uint64_t *state)
{
	uint32_t rank = below(draw_zipf80(draw_unit(draw_next(state)), e->scanner_root) - 1, SCANNERS);
	return outside_of(e, OF_SCANNER, rank, lease(e, rank, 1, 8));
}

static const struct world_asset *draw_asset(
    const struct history_ends *e, unsigned zone, uint64_t *state, unsigned *ret_zone)
{
	const struct world *w = e->world;
	uint64_t r = draw_next(state);
	if (zone == WORLD_ANY) {
		size_t i = draw_below(r, (uint32_t)w->n_assets);
		for (zone = 0; i >= w->zone_at[zone + 1];)
			zone++;
		*ret_zone = zone;
		return &w->assets[i];
	}
	size_t n = world_zone_count(w, zone);
	*ret_zone = zone;
	return &w->assets[w->zone_at[zone] +
	                  below(draw_zipf50(draw_unit(r), e->zone_root[zone]) - 1, (uint32_t)n)];
}

/* A client has its own server of each kind, which it asks four times of five. */
static const struct world_asset *draw_server(
    const struct history_ends *e, const struct service *s, unsigned number, uint32_t client, uint64_t *state)
{
	size_t n = world_zone_count(e->world, s->zone);
	size_t first = s->first < n ? s->first : 0, count = s->count < n - first ? s->count : n - first;
	uint64_t r = draw_next(state);
	if (r % 5)
		r = draw_hash((uint64_t)OF_SERVER << 32 | client, number);
	return &e->world->assets[e->world->zone_at[s->zone] + first + draw_below(r, (uint32_t)count)];
}

static void draw_responder(struct history_ends *e, const struct service *s, unsigned number, uint64_t *state,
    struct history_pair *pair)
{
	uint32_t rank;
	pair->to_zone = WORLD_OUTSIDE;
	switch ((enum service_target)s->target) {
	case SERVICE_INSIDE:
		pair->to = draw_server(e, s, number, pair->initiator, state);
		pair->to_zone = s->zone;
		break;
	case SERVICE_ANYWHERE: pair->to = draw_asset(e, WORLD_ANY, state, &pair->to_zone); break;
	case SERVICE_NAMED:
		rank = draw_name(e, pair->initiator, state);
		pair->responder = address_of_name(e, rank, pair->initiator);
		/* one of twelve hellos doesn't tell it */
		if (draw_next(state) % 12)
			pair->name = e->world->names[rank];
		break;
	case SERVICE_AUTHORITY:
		rank = below(draw_zipf90(draw_unit(draw_next(state)), e->authority_root) - 1, AUTHORITIES);
		pair->responder = outside_of(e, OF_AUTHORITY, rank, 0);
		break;
	case SERVICE_PEER: pair->responder = draw_peer(e, state); break;
	}
}

void history_draw_ends(struct history_ends *e, const struct service *s, unsigned number, uint64_t *state,
    struct history_pair *ret_pair)
{
	struct history_pair pair = {.from_zone = WORLD_OUTSIDE};
	if (s->from == WORLD_OUTSIDE)
		pair.initiator = number == SERVICE_SCAN_IN ? draw_scanner(e, state) : draw_visitor(e, state);
	else
		pair.from = draw_asset(e, s->from, state, &pair.from_zone);
	if (number == SERVICE_SCAN_INSIDE) /* one machine at a time */
		pair.from = &e->world->assets[e->world->zone_at[WORLD_LAB]] +
		            (uint64_t)e->day % world_zone_count(e->world, WORLD_LAB);
	if (pair.from)
		pair.initiator = pair.from->addr;
	draw_responder(e, s, number, state, &pair);
	if (pair.to == pair.from && pair.to) {
		/* nobody calls itself: the neighbour in the zone, or the one before the last */
		const struct world_asset *end = &e->world->assets[e->world->zone_at[pair.to_zone + 1]];
		pair.to += pair.to + 1 < end ? 1 : -1;
	}
	if (pair.to) {
		pair.responder = pair.to->addr;
		if (s->named)
			pair.name = pair.to->name;
	}
	*ret_pair = pair;
}
