/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hunt/result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* msg/records.schema, record binding: names that a machine goes by, from the most to the least told. Names of
 * DNS answers (4) are what outsiders write. */
enum { BINDING_DHCP = 3, BINDING_HOST_NAME = 5, NAME_SIZE = 128 };

struct naming {
	struct hunt_result *r;
	struct table *names; /* address of an asset with hits -> struct asset_name */
};

struct asset_name {
	const char *name;
	uint8_t source; /* 0: the site file's */
};

static int name_keep(void *context, const struct msg_binding *b)
{
	struct naming *n = context;
	char clean[NAME_SIZE];
	if (b->name.n == 0 || (b->source != BINDING_DHCP && b->source != BINDING_HOST_NAME))
		return 0;
	struct asset_name *name = table_get(n->names, &b->addr);
	if (!name || (name->name && name->source <= b->source))
		return 0;
	text_printable(b->name, clean, sizeof(clean));
	name->name = arena_strndup(&n->r->arena, clean, strlen(clean));
	name->source = b->source;
	return name->name ? 0 : -ENOMEM;
}

/* Names by the site file, else by what machines called themselves, where those are few enough to look
 * through. */
static int names_find(struct naming *n, const struct hunt_input *in)
{
	struct archive_stat stat;
	int error = 0;
	for (size_t i = 0; i < n->r->n_hits && error == 0; i++)
		if (!net_addr_is_none(n->r->hits[i].asset))
			error = table_put(n->names, &n->r->hits[i].asset, NULL) ? 0 : -ENOMEM;
	for (size_t i = 0; i < in->n_assets && error == 0; i++) {
		struct asset_name *name = in->assets[i].n_addrs ? table_get(n->names, &in->assets[i].addrs[0])
		                                                : NULL;
		if (name && !name->name)
			*name = (struct asset_name){.name = arena_strndup(&n->r->arena, in->assets[i].name,
			                                strlen(in->assets[i].name))};
	}
	archive_get_stat(in->archive, &stat);
	if (error < 0 || stat.records[MSG_BINDING] > HUNT_NAMED_MAX)
		return error;
	error = archive_scan_bindings(in->archive, name_keep, n);
	return error == -ENOMEM ? error : 0; /* what can't be read is told as a gap of the archive */
}

static int names_give(struct hunt_result *r, const struct hunt_input *in)
{
	struct naming n = {.r = r};
	int error = table_new(
	    &n.names, sizeof(struct net_addr), sizeof(struct asset_name), HUNT_HITS_MAX, in->seed);
	if (error == 0)
		error = names_find(&n, in);
	for (size_t i = 0; i < r->n_hits && error == 0; i++) {
		const struct asset_name *name = table_get(n.names, &r->hits[i].asset);
		r->hits[i].name = name && name->name ? name->name : "";
	}
	if (error == 0)
		r->assets = table_count(n.names);
	table_free(n.names);
	return error;
}

static int ids_give(struct hunt_result *r, struct hunt_hit *hit, const struct hunt_group *g)
{
	uint64_t *ids = arena_array(&r->arena, g->n_ids, sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	for (uint32_t i = 0; i < g->n_ids; i++)
		ids[i] = g->ids[i].id;
	hit->ids = ids;
	hit->n_ids = g->n_ids;
	return 0;
}

static struct hunt_hit hit_of(const struct hunt_input *in, const struct hunt_targets *targets,
    const struct hunt_group_key *key, const struct hunt_group *g)
{
	const struct hunt_target *t = &targets->v[key->target];
	struct hunt_hit hit = {.sources = t->sources,
	    .asset = key->asset,
	    .name = "",
	    .zone = net_addr_is_none(key->asset) ? (uint16_t)NET_ZONE_NONE
	                                         : net_zone_of(in->zones, key->asset),
	    .places = g->places,
	    .relations = g->relations,
	    .first = g->first,
	    .last = g->last,
	    .bytes_out = g->bytes_out,
	    .bytes_in = g->bytes_in,
	    .flows = g->flows,
	    .opened = g->opened,
	    .answered = g->answered,
	    .first_answered = g->first_answered,
	    .lookups = g->lookups,
	    .lookup_bytes_out = g->lookup_bytes_out,
	    .lookup_bytes_in = g->lookup_bytes_in,
	    .valid = g->valid,
	    .n_peers = g->n_peers,
	    .more_peers = g->more_peers};
	indicator_at(targets->set, t->number, &hit.indicator);
	hit.indicator.valid_from = t->valid_from;
	hit.indicator.valid_until = t->valid_until;
	memcpy(hit.peers, g->peers, sizeof(hit.peers));
	return hit;
}

static int indicator_compare(const struct indicator *a, const struct indicator *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	int order = text_compare(a->key, b->key);
	if (order == 0 && a->bits != b->bits)
		order = a->bits < b->bits ? -1 : 1;
	return order ? order : (a->port > b->port) - (a->port < b->port);
}

/* What went out, be it by way of look-ups; then what is oldest. */
static int hit_compare(const void *left, const void *right)
{
	const struct hunt_hit *a = left, *b = right;
	if (a->bytes_out != b->bytes_out)
		return a->bytes_out > b->bytes_out ? -1 : 1;
	if (a->lookup_bytes_out != b->lookup_bytes_out && !a->flows && !b->flows)
		return a->lookup_bytes_out > b->lookup_bytes_out ? -1 : 1;
	if (!a->flows != !b->flows)
		return a->flows ? -1 : 1;
	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	int order = net_addr_compare(a->asset, b->asset);
	return order ? order : indicator_compare(&a->indicator, &b->indicator);
}

int hunt_result_make(struct hunt_result *r, const struct hunt_input *in, const struct hunt_targets *targets,
    const struct hunt_groups *groups)
{
	size_t n = table_count(groups->table), pos = 0;
	uint8_t *met = calloc(targets->n + 1, 1);
	const void *key;
	int error = 0;
	r->hits = reallocarray(NULL, n + 1, sizeof(*r->hits));
	if (!r->hits || !met)
		error = -ENOMEM;
	for (const struct hunt_group *g; error == 0 && (g = table_next(groups->table, &pos, &key));) {
		const struct hunt_group_key *k = key;
		struct hunt_hit *hit = &r->hits[r->n_hits++];
		*hit = hit_of(in, targets, k, g);
		error = ids_give(r, hit, g);
		r->indicators_hit += !met[k->target];
		met[k->target] = 1;
	}
	free(met);
	r->hits_left_out = groups->left_out;
	if (error == 0 && r->n_hits) {
		qsort(r->hits, r->n_hits, sizeof(*r->hits), hit_compare);
		error = names_give(r, in);
	}
	return error;
}
