/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hunt/groups.h"

#include <string.h>

enum { IDS_MEMORY = 256 << 20, IDS_GROW = 4 };

int hunt_groups_new(struct hunt_groups *g, size_t max, uint64_t seed)
{
	*g = (struct hunt_groups){.arena = {.max = IDS_MEMORY}};
	return table_new(&g->table, sizeof(struct hunt_group_key), sizeof(struct hunt_group), max, seed);
}

void hunt_groups_free(struct hunt_groups *g)
{
	table_free(g->table);
	arena_free(&g->arena);
	*g = (struct hunt_groups){.table = NULL};
}

static bool earlier(const struct hunt_group_id *a, const struct hunt_group_id *b)
{
	return a->first != b->first ? a->first < b->first : a->id < b->id;
}

/* Room for one more id, which may be none. */
static void ids_grow(struct hunt_groups *g, struct hunt_group *group)
{
	enum { FEW = sizeof(group->few) / sizeof(*group->few) };
	uint32_t cap = group->cap_ids ? group->cap_ids * IDS_GROW : FEW;
	if (cap > HUNT_FLOWS_MAX)
		cap = HUNT_FLOWS_MAX;
	if (group->n_ids < group->cap_ids || group->cap_ids == cap)
		return;
	struct hunt_group_id *ids = group->cap_ids ? arena_array(&g->arena, cap, sizeof(*ids)) : group->few;
	if (!ids)
		return;
	if (group->n_ids)
		memcpy(ids, group->ids, group->n_ids * sizeof(*ids));
	group->ids = ids;
	group->cap_ids = cap;
}

/* Keeps the earliest. */
static void id_keep(struct hunt_groups *g, struct hunt_group *group, struct hunt_group_id id)
{
	ids_grow(g, group);
	uint32_t at = group->n_ids;
	if (at == group->cap_ids && !earlier(&id, &group->ids[at - 1]))
		return;
	if (at == group->cap_ids)
		at--;
	else
		group->n_ids++;
	for (; at > 0 && earlier(&id, &group->ids[at - 1]); at--)
		group->ids[at] = group->ids[at - 1];
	group->ids[at] = id;
}

/* Keeps the smallest, each once. */
static void peer_keep(struct hunt_group *group, struct net_addr peer)
{
	uint8_t at = 0;
	int order = 1;
	while (at < group->n_peers && (order = net_addr_compare(peer, group->peers[at])) > 0)
		at++;
	if (at < group->n_peers && order == 0)
		return;
	if (group->n_peers == HUNT_PEERS_MAX)
		group->more_peers = true;
	else
		group->n_peers++;
	for (uint8_t i = group->n_peers - 1; i > at; i--)
		group->peers[i] = group->peers[i - 1];
	if (at < group->n_peers)
		group->peers[at] = peer;
}

static struct hunt_group *group_of(struct hunt_groups *g, const struct hunt_group_key *key, int *ret_fresh)
{
	struct hunt_group *group = table_put(g->table, key, ret_fresh);
	g->left_out += group == NULL;
	return group;
}

static uint64_t sum(uint64_t a, uint64_t b)
{
	uint64_t s;
	return __builtin_add_overflow(a, b, &s) ? UINT64_MAX : s;
}

static void span_widen(struct hunt_group *group, bool fresh, int64_t first, int64_t last)
{
	if (fresh || first < group->first)
		group->first = first;
	if (fresh || last > group->last)
		group->last = last;
}

void hunt_groups_add(struct hunt_groups *g, const struct hunt_sighting *s)
{
	const struct hunt_group_key key = {.asset = s->asset, .target = s->target};
	int fresh;
	struct hunt_group *group = group_of(g, &key, &fresh);
	if (!group)
		return;
	span_widen(group, fresh, s->first, s->last);
	group->places |= s->places;
	group->relations |= s->relation;
	group->valid += s->valid;
	id_keep(g, group, (struct hunt_group_id){.first = s->first, .id = s->id});
	if (s->lookup) {
		group->lookups++;
		group->lookup_bytes_out = sum(group->lookup_bytes_out, s->out);
		group->lookup_bytes_in = sum(group->lookup_bytes_in, s->in);
		return;
	}
	group->flows++;
	group->opened += s->opened;
	group->answered += s->answered;
	group->bytes_out = sum(group->bytes_out, s->out);
	group->bytes_in = sum(group->bytes_in, s->in);
	if (s->answered && (group->first_answered == 0 || s->first < group->first_answered))
		group->first_answered = s->first;
	if (!net_addr_is_none(s->peer))
		peer_keep(group, s->peer);
}

bool hunt_groups_place(struct hunt_groups *g, const struct hunt_sighting *s)
{
	const struct hunt_group_key key = {.asset = s->asset, .target = s->target};
	struct hunt_group *group = table_get(g->table, &key);
	if (group)
		group->places |= s->places;
	return group != NULL;
}

static void group_merge(
    struct hunt_groups *g, struct hunt_group *to, bool fresh, const struct hunt_group *from)
{
	span_widen(to, fresh, from->first, from->last);
	to->places |= from->places;
	to->relations |= from->relations;
	to->bytes_out = sum(to->bytes_out, from->bytes_out);
	to->bytes_in = sum(to->bytes_in, from->bytes_in);
	to->flows += from->flows;
	to->opened += from->opened;
	to->answered += from->answered;
	to->lookups += from->lookups;
	to->lookup_bytes_out = sum(to->lookup_bytes_out, from->lookup_bytes_out);
	to->lookup_bytes_in = sum(to->lookup_bytes_in, from->lookup_bytes_in);
	to->valid += from->valid;
	if (from->first_answered && (to->first_answered == 0 || from->first_answered < to->first_answered))
		to->first_answered = from->first_answered;
	for (uint8_t i = 0; i < from->n_peers; i++)
		peer_keep(to, from->peers[i]);
	to->more_peers |= from->more_peers;
	for (uint32_t i = 0; i < from->n_ids; i++)
		id_keep(g, to, from->ids[i]);
}

void hunt_groups_merge(struct hunt_groups *g, const struct hunt_groups *from)
{
	const void *key;
	size_t pos = 0;
	for (const struct hunt_group *group; (group = table_next(from->table, &pos, &key));) {
		int fresh;
		struct hunt_group *to = group_of(g, key, &fresh);
		if (to)
			group_merge(g, to, fresh, group);
	}
	g->left_out += from->left_out;
}
