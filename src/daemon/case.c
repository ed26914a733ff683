/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/case.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/case_parts.h"

int case_spread(struct case_answers *a, const struct site *site, struct archive *archive,
    const struct case_options *options, const struct spread_seed *seeds, size_t n, struct spread **ret_spread)
{
	struct spread *spread = arena_alloc(&a->arena, sizeof(*spread));
	const struct spread_input in = {.assets = a->assets,
	    .zones = site->zones,
	    .archive = archive,
	    .seeds = seeds,
	    .n_seeds = n,
	    .detections = a->report.detections,
	    .n_detections = a->report.n_detections,
	    .covered = a->covered,
	    .config = {.backflow = options->backflow, .threads = case_threads(options)}};
	int r = spread ? spread_compute(&in, &a->arena, spread) : -ENOMEM;
	if (r == 0)
		*ret_spread = spread;
	return r;
}

/* From the incident's machines. */
static int work_spread(struct case_answers *a, const struct site *site, struct archive *archive,
    const struct case_options *options, const struct incident *incident, struct spread **ret_spread)
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
	return case_spread(a, site, archive, options, seeds, n, ret_spread);
}

int case_plan_input(struct case_answers *a, const struct site *site, struct archive *archive,
    const struct case_options *options, const struct incident *incident, const struct spread *spread,
    struct plan_input *ret_in)
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
	*ret_in = (struct plan_input){.assets = a->assets,
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
	return 0;
}

static int work_plans(struct case_answers *a, const struct site *site, struct archive *archive,
    const struct case_options *options, const struct incident *incident, const struct spread *spread,
    struct plan *ret_plans)
{
	struct plan_input in;
	int r = case_plan_input(a, site, archive, options, incident, spread, &in);
	return r == 0 ? plan_compute(&in, &a->arena, ret_plans) : r;
}

static int by_addr(const void *left, const void *right)
{
	return memcmp(left, right, sizeof(struct net_addr));
}

/* What one exposure is asked with; zone by zone the same. */
static int exposure_input_of(struct case_answers *a, const struct site *site, struct archive *archive,
    const struct incident *incident, const struct spread *spread, struct exposure_input *ret_in)
{
	size_t n_peers = incident ? incident->n_peers : 0;
	struct net_addr *peers = arena_array(&a->arena, n_peers, sizeof(*peers));
	if (!peers)
		return -ENOMEM;
	int64_t from = incident ? incident->first : 0;
	for (size_t i = 0; i < n_peers; i++)
		peers[i] = incident->peers[i].addr;
	for (size_t i = 0; incident && i < incident->n_assets; i++)
		if (incident->assets[i].state != INCIDENT_ASSET_TARGET && incident->assets[i].since < from)
			from = incident->assets[i].since;
	if (n_peers)
		qsort(peers, n_peers, sizeof(*peers), by_addr);
	*ret_in = case_exposure_input(a, site, archive, spread, from);
	ret_in->bad_peers = peers;
	ret_in->n_bad_peers = n_peers;
	return 0;
}

/* Of all incidents that were worked out, or where there are none of the zones as such. */
static int work_exposures(struct case_answers *a, const struct site *site, struct archive *archive,
    const struct case_options *options, struct report_incident *incidents, size_t n)
{
	struct exposure_input ins[CASE_WORKED_MAX];
	struct exposure *exposures = NULL;
	size_t n_zones = 0;
	int r = n ? 0 : exposure_input_of(a, site, archive, NULL, NULL, &ins[0]);
	for (size_t i = 0; i < n && r == 0; i++)
		r = exposure_input_of(a, site, archive, incidents[i].incident, incidents[i].spread, &ins[i]);
	if (r == 0)
		r = case_exposures(a, site, options, ins, n ? n : 1, &exposures, &n_zones);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		incidents[i].exposures = exposures + i * n_zones;
		incidents[i].n_exposures = n_zones;
	}
	if (n == 0) {
		a->report.exposures = exposures;
		a->report.n_exposures = n_zones;
	}
	return 0;
}

static int work_incident(struct case_answers *a, const struct site *site, struct archive *archive,
    const struct case_options *options, struct report_incident *i)
{
	struct spread *spread = NULL;
	struct plan *plans = arena_array(&a->arena, PLAN_COUNT, sizeof(*plans));
	if (!plans)
		return -ENOMEM;
	int r = work_spread(a, site, archive, options, i->incident, &spread);
	if (r == 0)
		r = work_plans(a, site, archive, options, i->incident, spread, plans);
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
		if (kept < CASE_WORKED_MAX && !options->incidents_only)
			r = work_incident(a, site, archive, options, &out[kept]);
		kept++;
	}
	a->report.incidents = out;
	a->report.n_incidents = kept;
	if (r == 0 && options->incident && kept == 0)
		r = -ENOENT;
	if (options->incidents_only)
		return r;
	size_t worked = kept < CASE_WORKED_MAX ? kept : CASE_WORKED_MAX;
	return r == 0 ? work_exposures(a, site, archive, options, out, worked) : r;
}

int case_answer(struct case_answers **ret_answers, struct archive *archive, const struct site *site,
    const struct case_options *options)
{
	struct case_answers *a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	int r = case_gather(a, archive, site, options);
	if (r == 0)
		r = work_incidents(a, site, archive, options);
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
