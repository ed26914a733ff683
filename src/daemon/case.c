/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/case.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive/archive.h"
#include "base/table.h"
#include "base/vec.h"

/* What the scans collect. */
struct gather {
	struct case_answers *answers;
	const struct case_options *options;
	struct msg_detection *detections;
	size_t n_detections, cap_detections;
	struct table *detection_at; /* id -> index */
	struct msg_coverage *coverage;
	size_t n_coverage, cap_coverage;
};

static int keep_flow(void *context, const struct msg_flow *f)
{
	struct gather *g = context;
	struct report_case *r = &g->answers->report;
	if (f->duplicate_of) {
		r->duplicates++;
		return 0;
	}
	r->flows++;
	if (r->first == 0 || f->first < r->first)
		r->first = f->first;
	if (f->last > r->last)
		r->last = f->last;
	return asset_map_flow(g->answers->assets, f);
}

static int keep_binding(void *context, const struct msg_binding *b)
{
	struct gather *g = context;
	return asset_map_binding(g->answers->assets, b);
}

static struct msg_u64s copy_u64s(struct arena *arena, struct msg_u64s from)
{
	uint64_t *v = arena_array(arena, from.n, sizeof(*v));
	if (!v)
		return (struct msg_u64s){0};
	if (from.n)
		memcpy(v, from.v, from.n * sizeof(*v));
	return (struct msg_u64s){.v = v, .n = from.n};
}

/* The last state of a detection stands; its first place in the order stays. */
static int keep_detection(void *context, const struct msg_detection *d)
{
	struct gather *g = context;
	struct arena *arena = &g->answers->arena;
	size_t *at = table_put(g->detection_at, &d->id, NULL);
	if (!at)
		return -ENOMEM;
	if (*at == 0) {
		int r = VEC_RESERVE(g->detections, &g->cap_detections, g->n_detections, CASE_DETECTIONS_MAX);
		if (r < 0)
			return r;
		*at = ++g->n_detections;
	}
	struct msg_detection *keep = &g->detections[*at - 1];
	*keep = *d;
	keep->name = arena_text(arena, d->name);
	keep->technique = arena_text(arena, d->technique);
	keep->why = arena_text(arena, d->why);
	keep->indicator = arena_text(arena, d->indicator);
	keep->flows = copy_u64s(arena, d->flows);
	return 0;
}

static int keep_coverage(void *context, const struct msg_coverage *c)
{
	struct gather *g = context;
	struct arena *arena = &g->answers->arena;
	int r = VEC_RESERVE(g->coverage, &g->cap_coverage, g->n_coverage, CASE_COVERAGE_MAX);
	if (r < 0)
		return r;
	struct msg_coverage *keep = &g->coverage[g->n_coverage++];
	*keep = *c;
	keep->name = arena_text(arena, c->name);
	keep->origin = arena_text(arena, c->origin);
	keep->why = arena_text(arena, c->why);
	return 0;
}

static int by_time(const void *left, const void *right)
{
	const struct msg_detection *a = left, *b = right;
	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

static int take_hints(struct asset_map *assets, const struct site *site)
{
	int r = 0;
	for (size_t i = 0; i < site->n_assets && r == 0; i++) {
		const struct site_asset *a = &site->assets[i];
		r = asset_map_hint(assets,
		    &(struct asset_hint){
		        .name = a->name, .addrs = a->addrs, .n_addrs = a->n_addrs, .roles = a->roles});
	}
	return r;
}

static int gather_all(struct gather *g, struct archive *archive, const struct site *site)
{
	struct asset_map *assets = g->answers->assets;
	int r = take_hints(assets, site);
	if (r == 0)
		r = archive_scan_bindings(archive, keep_binding, g);
	if (r == 0)
		r = archive_scan_flows(archive, &(struct archive_filter){.duplicates = true}, keep_flow, g);
	if (r == 0)
		r = asset_map_build(assets);
	if (r == 0)
		r = archive_scan_detections(archive, keep_detection, g);
	if (r == 0)
		r = archive_scan_coverage(archive, keep_coverage, g);
	if (r == 0 && g->n_detections)
		qsort(g->detections, g->n_detections, sizeof(*g->detections), by_time);
	return r;
}

/* Whether a link that gave coverage carries the zone's traffic. Without links in the site file, what was seen
 * is covered. */
static bool zone_covered(const struct site *site, const struct report_case *r, uint16_t zone)
{
	for (size_t i = 0; i < site->n_links; i++) {
		const struct site_link *link = &site->links[i];
		bool carries = false, live = false;
		for (size_t j = 0; j < link->n_zones; j++)
			carries |= link->zones[j] == zone;
		for (size_t j = 0; j < r->n_coverage; j++)
			live |= r->coverage[j].packets &&
			        text_equal(r->coverage[j].name, text_of(link->name));
		if (carries && live)
			return true;
	}
	return site->n_links == 0;
}

static int find_covered(struct case_answers *a, const struct site *site)
{
	size_t n = asset_count(a->assets);
	a->covered = arena_alloc(&a->arena, n);
	a->compromised = arena_alloc(&a->arena, n);
	size_t zones = net_zone_count(site->zones);
	uint8_t *by_zone = arena_alloc(&a->arena, zones);
	if (!a->covered || !a->compromised || !by_zone)
		return -ENOMEM;
	for (size_t z = 0; z < zones; z++)
		by_zone[z] = zone_covered(site, &a->report, (uint16_t)z);
	for (uint32_t i = 0; i < n; i++) {
		uint16_t zone = asset_at(a->assets, i)->zone;
		a->covered[i] = zone >= zones || by_zone[zone];
	}
	return 0;
}

static int work_spread(struct case_answers *a, const struct site *site, struct archive *archive,
    const struct case_options *options, const struct incident *incident, struct spread *ret_spread)
{
	struct spread_seed *seeds = arena_array(&a->arena, incident->n_assets, sizeof(*seeds));
	size_t n = 0;
	if (!seeds)
		return -ENOMEM;
	for (size_t i = 0; i < incident->n_assets; i++) {
		const struct incident_asset *asset = &incident->assets[i];
		if (asset->state == INCIDENT_ASSET_TARGET)
			continue;
		bool confirmed = asset->state == INCIDENT_ASSET_COMPROMISED;
		a->compromised[asset->asset] |= confirmed;
		seeds[n++] = (struct spread_seed){
		    .asset = asset->asset, .time = asset->since, .confirmed = confirmed};
	}
	struct spread_input in = {.assets = a->assets,
	    .zones = site->zones,
	    .archive = archive,
	    .seeds = seeds,
	    .n_seeds = n,
	    .detections = a->report.detections,
	    .n_detections = a->report.n_detections,
	    .covered = a->covered,
	    .config = {.backflow = options->backflow}};
	return spread_compute(&in, &a->arena, ret_spread);
}

static int work_plans(struct case_answers *a, const struct site *site, struct archive *archive,
    const struct case_options *options, const struct incident *incident, const struct spread *spread,
    struct plan *ret_plans)
{
	struct plan_enforcement *points = arena_array(&a->arena, site->n_enforcement, sizeof(*points));
	struct plan_service *services = arena_array(&a->arena, site->n_services, sizeof(*services));
	if (!points || !services)
		return -ENOMEM;
	for (size_t i = 0; i < site->n_enforcement; i++)
		points[i] = (struct plan_enforcement){.name = site->enforcement[i].name,
		    .zones = site->enforcement[i].zones,
		    .n_zones = site->enforcement[i].n_zones};
	for (size_t i = 0; i < site->n_services; i++) {
		const struct site_service *s = &site->services[i];
		services[i] = (struct plan_service){.name = s->name,
		    .to_zone = s->to_zone,
		    .zone = s->zone,
		    .prefix = s->prefix,
		    .protocol = s->protocol,
		    .port = s->port,
		    .criticality = s->criticality};
	}
	struct plan_input in = {.assets = a->assets,
	    .zones = site->zones,
	    .archive = archive,
	    .incident = incident,
	    .spread = spread,
	    .enforcement = points,
	    .n_enforcement = site->n_enforcement,
	    .services = services,
	    .n_services = site->n_services,
	    .never_cut = site->never_cut,
	    .n_never_cut = site->n_never_cut,
	    .lease_ns = site->policy.lease_ns,
	    .max_cuts = site->policy.max_cuts,
	    .widest_prefix_v4 = site->policy.widest_prefix_v4,
	    .widest_prefix_v6 = site->policy.widest_prefix_v6,
	    .seed = options->seed};
	return plan_compute(&in, &a->arena, ret_plans);
}

/* The zones whose exposure is asked for: the named one, else the protected ones, else the internal ones. */
static int exposure_zones(
    const struct site *site, const struct case_options *options, uint16_t *zones, size_t *ret_n)
{
	size_t n = 0, all = net_zone_count(site->zones);
	if (options->zone) {
		int zone = net_zone_find(site->zones, text_of(options->zone));
		if (zone < 0)
			return -ENOENT;
		zones[n++] = (uint16_t)zone;
	}
	static const enum net_zone_class order[] = {NET_ZONE_PROTECTED, NET_ZONE_INTERNAL};
	for (size_t c = 0; c < 2 && n == 0; c++)
		for (size_t z = 0; z < all; z++)
			if (net_zone_at(site->zones, (uint16_t)z)->class == order[c])
				zones[n++] = (uint16_t)z;
	*ret_n = n;
	return 0;
}

static int by_addr(const void *left, const void *right)
{
	return memcmp(left, right, sizeof(struct net_addr));
}

static int work_exposures(struct case_answers *a, const struct site *site, struct archive *archive,
    const struct case_options *options, const struct incident *incident, const struct spread *spread,
    const struct exposure **ret_exposures, size_t *ret_n)
{
	uint16_t zones[NET_ZONE_MAX];
	size_t n;
	int r = exposure_zones(site, options, zones, &n);
	struct exposure *out = r == 0 ? arena_array(&a->arena, n, sizeof(*out)) : NULL;
	size_t n_peers = incident ? incident->n_peers : 0;
	struct net_addr *peers = arena_array(&a->arena, n_peers, sizeof(*peers));
	if (r < 0)
		return r;
	if (!out || !peers)
		return -ENOMEM;
	int64_t from = incident ? incident->first : 0;
	for (size_t i = 0; i < n_peers; i++)
		peers[i] = incident->peers[i].addr;
	for (size_t i = 0; incident && i < incident->n_assets; i++)
		if (incident->assets[i].state != INCIDENT_ASSET_TARGET && incident->assets[i].since < from)
			from = incident->assets[i].since;
	if (n_peers)
		qsort(peers, n_peers, sizeof(*peers), by_addr);
	for (size_t i = 0; i < n && r == 0; i++) {
		struct exposure_input in = {.assets = a->assets,
		    .zones = site->zones,
		    .archive = archive,
		    .spread = spread,
		    .compromised = a->compromised,
		    .bad_peers = peers,
		    .n_bad_peers = n_peers,
		    .coverage = a->report.coverage,
		    .n_coverage = a->report.n_coverage,
		    .zone = zones[i],
		    .from = from,
		    .baseline_until = from};
		r = exposure_compute(&in, &a->arena, &out[i]);
	}
	*ret_exposures = out;
	*ret_n = n;
	return r;
}

static int work_incident(struct case_answers *a, const struct site *site, struct archive *archive,
    const struct case_options *options, struct report_incident *i)
{
	struct spread *spread = arena_alloc(&a->arena, sizeof(*spread));
	struct plan *plans = arena_array(&a->arena, PLAN_COUNT, sizeof(*plans));
	if (!spread || !plans)
		return -ENOMEM;
	int r = work_spread(a, site, archive, options, i->incident, spread);
	if (r == 0)
		r = work_plans(a, site, archive, options, i->incident, spread, plans);
	if (r == 0)
		r = work_exposures(
		    a, site, archive, options, i->incident, spread, &i->exposures, &i->n_exposures);
	i->spread = spread;
	i->plans = plans;
	return r;
}

static int work_incidents(struct case_answers *a, const struct site *site, struct archive *archive,
    const struct case_options *options)
{
	struct incident_input in = {.assets = a->assets,
	    .zones = site->zones,
	    .detections = a->report.detections,
	    .n_detections = a->report.n_detections,
	    .archive = archive};
	struct incident *incidents = NULL;
	size_t n = 0, kept = 0;
	int r = incident_correlate(&in, &a->arena, &incidents, &n);
	if (r < 0)
		return r;
	struct report_incident *out = arena_array(&a->arena, n, sizeof(*out));
	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < n && r == 0; i++) {
		if (options->incident && strcmp(options->incident, incidents[i].id) != 0)
			continue;
		out[kept].incident = &incidents[i];
		if (kept < CASE_WORKED_MAX)
			r = work_incident(a, site, archive, options, &out[kept]);
		kept++;
	}
	a->report.incidents = out;
	a->report.n_incidents = kept;
	if (r == 0 && options->incident && kept == 0)
		r = -ENOENT;
	if (r == 0 && kept == 0)
		r = work_exposures(
		    a, site, archive, options, NULL, NULL, &a->report.exposures, &a->report.n_exposures);
	return r;
}

static int answer(struct case_answers *a, struct archive *archive, const struct site *site,
    const struct case_options *options, struct gather *g)
{
	int r = asset_map_new(&a->assets, site->zones, options->seed);
	if (r == 0)
		r = table_new(
		    &g->detection_at, sizeof(uint64_t), sizeof(size_t), CASE_DETECTIONS_MAX, options->seed);
	if (r == 0)
		r = gather_all(g, archive, site);
	if (r < 0)
		return r;
	struct msg_detection *detections = arena_array(&a->arena, g->n_detections, sizeof(*detections));
	struct msg_coverage *coverage = arena_array(&a->arena, g->n_coverage, sizeof(*coverage));
	if (!detections || !coverage)
		return -ENOMEM;
	if (g->n_detections)
		memcpy(detections, g->detections, g->n_detections * sizeof(*detections));
	if (g->n_coverage)
		memcpy(coverage, g->coverage, g->n_coverage * sizeof(*coverage));
	a->report.detections = detections;
	a->report.n_detections = g->n_detections;
	a->report.coverage = coverage;
	a->report.n_coverage = g->n_coverage;
	struct archive_stat stat;
	archive_get_stat(archive, &stat);
	a->report.transactions = stat.records[MSG_TRANSACTION];
	r = find_covered(a, site);
	return r == 0 ? work_incidents(a, site, archive, options) : r;
}

int case_answer(struct case_answers **ret_answers, struct archive *archive, const struct site *site,
    const struct case_options *options)
{
	struct case_answers *a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	struct gather g = {.answers = a, .options = options};
	a->report = (struct report_case){.site_name = site->name,
	    .site_guessed = site->guessed,
	    .zones = site->zones,
	    .archive = archive,
	    .version = BULKHEAD_VERSION};
	int r = answer(a, archive, site, options, &g);
	a->report.assets = a->assets;
	table_free(g.detection_at);
	free(g.detections);
	free(g.coverage);
	if (r < 0) {
		case_free(a);
		return r;
	}
	*ret_answers = a;
	return 0;
}

void case_free(struct case_answers *a)
{
	if (!a)
		return;
	asset_map_free(a->assets);
	arena_free(&a->arena);
	free(a);
}
