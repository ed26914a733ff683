/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exposure/destination.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "incident/names.h"

const char *exposure_class_name(enum exposure_class c)
{
	static const char *const names[] = {"compromised", "indicator", "first-seen", "baseline"};
	return names[c];
}

/* A flow among the largest of its destination. */
struct large_flow {
	uint64_t bytes, id;
};

/* A row at work, in order of address while the flows are read. */
struct row {
	struct exposure_destination *d;
	struct large_flow *flows; /* the largest first */
	size_t n_flows;
};

struct rows {
	struct gather *g;
	struct arena *arena;
	struct row *v;
	size_t n;
};

static enum exposure_class class_of(const struct exposure_input *in, struct net_addr a, bool baseline)
{
	uint32_t asset = asset_of(in->assets, a);
	if (asset != ASSET_NONE && in->compromised && in->compromised[asset])
		return EXPOSURE_COMPROMISED;
	if (place_is_bad(in, a))
		return EXPOSURE_INDICATOR;
	return baseline ? EXPOSURE_BASELINE : EXPOSURE_FIRST_SEEN;
}

static int destination_compare(const void *a, const void *b)
{
	const struct exposure_destination *x = a, *y = b;
	if (x->class != y->class)
		return x->class < y->class ? -1 : 1;
	if (x->payload_bytes != y->payload_bytes)
		return x->payload_bytes > y->payload_bytes ? -1 : 1;
	return net_addr_compare(x->addr, y->addr);
}

static int row_compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	return net_addr_compare(x->d->addr, y->d->addr);
}

/* Chooses the rows. */
static int destinations_choose(const struct gather *g, struct arena *arena, struct exposure *e)
{
	size_t n = 0, pos = 0;
	const void *key;
	struct exposure_destination *all = calloc(table_count(g->destinations) + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	for (struct destination_sum *s; (s = table_next(g->destinations, &pos, &key)) != NULL;) {
		struct net_addr addr = *(const struct net_addr *)key;
		if (s->bytes)
			all[n++] = (struct exposure_destination){.addr = addr,
			    .name = "",
			    .zone = net_zone_of(g->in->zones, addr),
			    .class = class_of(g->in, addr, s->baseline),
			    .payload_bytes = s->bytes,
			    .flows_total = s->flows};
	}
	qsort(all, n, sizeof(*all), destination_compare);
	e->destinations_total = n;
	e->destinations_unlisted_bytes = g->unlisted_bytes;
	for (size_t i = EXPOSURE_DESTINATIONS_MAX; i < n; i++)
		e->destinations_unlisted_bytes = bytes_sum(
		    e->destinations_unlisted_bytes, all[i].payload_bytes);
	e->n_destinations = n < EXPOSURE_DESTINATIONS_MAX ? n : EXPOSURE_DESTINATIONS_MAX;
	e->destinations = arena_array(arena, e->n_destinations, sizeof(*e->destinations));
	if (e->destinations && n)
		memcpy(e->destinations, all, e->n_destinations * sizeof(*all));
	free(all);
	return e->destinations ? 0 : -ENOMEM;
}

/* Keeps the flow where it is among the largest. */
static void row_flow(struct row *r, uint64_t bytes, uint64_t id)
{
	size_t at = r->n_flows;
	if (at == EXPOSURE_FLOWS_MAX && bytes <= r->flows[at - 1].bytes)
		return;
	if (at < EXPOSURE_FLOWS_MAX)
		r->n_flows++;
	else
		at--;
	for (; at > 0 && r->flows[at - 1].bytes < bytes; at--)
		r->flows[at] = r->flows[at - 1];
	r->flows[at] = (struct large_flow){.bytes = bytes, .id = id};
}

static int rows_flow(void *context, const struct msg_flow *f)
{
	struct rows *rows = context;
	struct net_addr to;
	uint64_t bytes;
	if (!gather_in_window(rows->g->in, f) || !gather_outflow(rows->g, f, &to, &bytes) || bytes == 0)
		return 0;
	struct exposure_destination key = {.addr = to};
	struct row row_key = {.d = &key};
	struct row *r = bsearch(&row_key, rows->v, rows->n, sizeof(*rows->v), row_compare);
	if (!r)
		return 0;
	row_flow(r, bytes, f->id);
	if (r->d->name || !net_addr_equal(f->responder, to))
		return 0;
	return incident_name_keep(rows->arena, f->name, &r->d->name);
}

/* Names the machines inside by what they are called there; all others wait for the flows. */
static void rows_name_assets(struct rows *rows)
{
	const struct asset_map *assets = rows->g->in->assets;
	for (size_t i = 0; i < rows->n; i++) {
		struct exposure_destination *d = rows->v[i].d;
		uint32_t asset = asset_of(assets, d->addr);
		d->name = asset != ASSET_NONE && asset_at(assets, asset)->n_names
		              ? asset_at(assets, asset)->names[0]
		              : NULL;
	}
}

static int rows_read(struct rows *rows, struct net_addr *addrs, const char **names)
{
	const struct exposure_input *in = rows->g->in;
	for (size_t i = 0; i < rows->n; i++)
		addrs[i] = rows->v[i].d->addr;
	const struct archive_filter filter = {
	    .from = in->from, .to = in->to, .addrs = addrs, .n_addrs = rows->n};
	int error = incident_flows_scan(rows->g->flows, &filter, rows_flow, rows);
	for (size_t i = 0; i < rows->n; i++)
		names[i] = rows->v[i].d->name;
	if (error == 0)
		error = incident_names_dns(in->archive, addrs, names, rows->n, rows->arena);
	for (size_t i = 0; i < rows->n && error == 0; i++)
		rows->v[i].d->name = names[i] ? names[i] : "";
	return error;
}

static int rows_finish(const struct rows *rows)
{
	for (size_t i = 0; i < rows->n; i++) {
		const struct row *r = &rows->v[i];
		uint64_t *ids = arena_array(rows->arena, r->n_flows, sizeof(*ids));
		if (!ids)
			return -ENOMEM;
		for (size_t k = 0; k < r->n_flows; k++)
			ids[k] = r->flows[k].id;
		r->d->flows = ids;
		r->d->n_flows = r->n_flows;
	}
	return 0;
}

static int rows_fill(struct rows *rows, struct exposure *e)
{
	struct large_flow *flows = calloc(rows->n * EXPOSURE_FLOWS_MAX, sizeof(*flows));
	struct net_addr *addrs = calloc(rows->n, sizeof(*addrs));
	const char **names = calloc(rows->n, sizeof(*names));
	int error = flows && addrs && names ? 0 : -ENOMEM;
	if (error == 0) {
		for (size_t i = 0; i < rows->n; i++)
			rows->v[i] = (struct row){
			    .d = &e->destinations[i], .flows = flows + i * EXPOSURE_FLOWS_MAX};
		qsort(rows->v, rows->n, sizeof(*rows->v), row_compare);
		rows_name_assets(rows);
		error = rows_read(rows, addrs, names);
	}
	if (error == 0)
		error = rows_finish(rows);
	free(flows);
	free(addrs);
	free(names);
	return error;
}

int destinations_make(struct gather *g, struct arena *arena, struct exposure *e)
{
	int error = destinations_choose(g, arena, e);
	if (error < 0 || e->n_destinations == 0)
		return error;
	struct rows rows = {.g = g, .arena = arena, .n = e->n_destinations};
	rows.v = calloc(rows.n, sizeof(*rows.v));
	error = rows.v ? rows_fill(&rows, e) : -ENOMEM;
	free(rows.v);
	return error;
}
