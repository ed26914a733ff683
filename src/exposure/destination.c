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

/* The rows of one exposure. */
struct rows {
	const struct gather *g;
	struct arena *arena;
	struct row *v; /* by address */
	struct large_flow *flows;
	size_t n;
};

/* The rows of all of them, and the addresses that they are for. */
struct pass {
	struct rows *rows;
	size_t n;
	struct ends *ends;
	struct net_addr *addrs; /* sorted */
	const char **names;
	size_t n_addrs;
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

static int rows_flow(const struct rows *rows, const struct gather_flow *flow)
{
	const struct msg_flow *f = flow->f;
	struct end to;
	uint64_t bytes;
	if (!gather_in_window(rows->g->in, f) || !gather_outflow(rows->g, flow, &to, &bytes) || bytes == 0)
		return 0;
	struct exposure_destination key = {.addr = to.addr};
	struct row row_key = {.d = &key};
	struct row *r = rows->n ? bsearch(&row_key, rows->v, rows->n, sizeof(*rows->v), row_compare) : NULL;
	if (!r)
		return 0;
	row_flow(r, bytes, f->id);
	if (r->d->name || !net_addr_equal(f->responder, to.addr))
		return 0;
	return incident_name_keep(rows->arena, f->name, &r->d->name);
}

static int pass_flow(void *context, const struct msg_flow *f)
{
	const struct pass *p = context;
	const struct gather_flow flow = {
	    .f = f, .initiator = ends_of(p->ends, f->initiator), .responder = ends_of(p->ends, f->responder)};
	int error = 0;
	for (size_t i = 0; i < p->n && error == 0; i++)
		error = rows_flow(&p->rows[i], &flow);
	return error;
}

static int rows_new(struct rows *rows, const struct gather *g, struct arena *arena, struct exposure *e)
{
	const struct asset_map *assets = g->in->assets;
	*rows = (struct rows){.g = g, .arena = arena, .n = e->n_destinations};
	rows->v = calloc(rows->n + 1, sizeof(*rows->v));
	rows->flows = calloc(rows->n * EXPOSURE_FLOWS_MAX + 1, sizeof(*rows->flows));
	if (!rows->v || !rows->flows)
		return -ENOMEM;
	for (size_t i = 0; i < rows->n; i++) {
		struct exposure_destination *d = &e->destinations[i];
		/* machines inside by what they are called there; all others wait for the flows */
		uint32_t asset = asset_of(assets, d->addr);
		d->name = asset != ASSET_NONE && asset_at(assets, asset)->n_names
		              ? asset_at(assets, asset)->names[0]
		              : NULL;
		rows->v[i] = (struct row){.d = d, .flows = rows->flows + i * EXPOSURE_FLOWS_MAX};
	}
	qsort(rows->v, rows->n, sizeof(*rows->v), row_compare);
	return 0;
}

static int addr_compare(const void *a, const void *b)
{
	const struct net_addr *x = a, *y = b;
	return net_addr_compare(*x, *y);
}

/* The addresses of all rows, each once. */
static int addrs_make(struct pass *p)
{
	size_t n = 0, unique = 0;
	for (size_t i = 0; i < p->n; i++)
		n += p->rows[i].n;
	p->addrs = calloc(n + 1, sizeof(*p->addrs));
	p->names = calloc(n + 1, sizeof(*p->names));
	if (!p->addrs || !p->names)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; i < p->n; i++)
		for (size_t k = 0; k < p->rows[i].n; k++)
			p->addrs[n++] = p->rows[i].v[k].d->addr;
	qsort(p->addrs, n, sizeof(*p->addrs), addr_compare);
	for (size_t i = 0; i < n; i++)
		if (unique == 0 || !net_addr_equal(p->addrs[unique - 1], p->addrs[i]))
			p->addrs[unique++] = p->addrs[i];
	p->n_addrs = unique;
	return 0;
}

static const char **name_of(const struct pass *p, struct net_addr a)
{
	const struct net_addr *found = bsearch(&a, p->addrs, p->n_addrs, sizeof(a), addr_compare);
	return &p->names[found - p->addrs];
}

/* Asks DNS for the names that no flow told. */
static int names_make(const struct pass *p, struct archive *archive, struct arena *arena)
{
	for (size_t i = 0; i < p->n_addrs; i++)
		p->names[i] = "";
	for (size_t i = 0; i < p->n; i++)
		for (size_t k = 0; k < p->rows[i].n; k++)
			if (!p->rows[i].v[k].d->name)
				*name_of(p, p->rows[i].v[k].d->addr) = NULL;
	int error = incident_names_dns(archive, p->addrs, p->names, p->n_addrs, arena);
	for (size_t i = 0; i < p->n && error == 0; i++)
		for (size_t k = 0; k < p->rows[i].n; k++) {
			struct exposure_destination *d = p->rows[i].v[k].d;
			const char *name = *name_of(p, d->addr);
			if (!d->name)
				d->name = name ? name : "";
		}
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

static int pass_run(struct pass *p, struct gather *gathers, struct arena *arena)
{
	struct archive_filter filter = {.addrs = p->addrs,
	    .n_addrs = p->n_addrs,
	    .columns = gather_outflow_columns() | UINT64_C(1) << MSG_FLOW_FIELD_NAME};
	gather_window(gathers, p->n, &filter.from, &filter.to);
	int error = incident_flows_scan(gathers[0].flows, &filter, pass_flow, p);
	if (error == 0)
		error = names_make(p, gathers[0].in->archive, arena);
	for (size_t i = 0; i < p->n && error == 0; i++)
		error = rows_finish(&p->rows[i]);
	return error;
}

int destinations_make(struct gather *gathers, size_t n, struct arena *arena, struct exposure *exposures)
{
	struct pass p = {.n = n, .ends = gathers[0].places.ends};
	int error = 0;
	p.rows = calloc(n, sizeof(*p.rows));
	if (!p.rows)
		return -ENOMEM;
	for (size_t i = 0; i < n && error == 0; i++) {
		error = destinations_choose(&gathers[i], arena, &exposures[i]);
		if (error == 0)
			error = rows_new(&p.rows[i], &gathers[i], arena, &exposures[i]);
	}
	if (error == 0)
		error = addrs_make(&p);
	if (error == 0 && p.n_addrs)
		error = pass_run(&p, gathers, arena);
	for (size_t i = 0; i < n; i++) {
		free(p.rows[i].v);
		free(p.rows[i].flows);
	}
	free(p.rows);
	free(p.addrs);
	free(p.names);
	return error;
}
