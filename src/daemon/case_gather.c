/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Reads what every question needs of an archive: machines, detections, coverage, and what was seen when. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive/archive.h"
#include "base/table.h"
#include "base/vec.h"
#include "daemon/case_parts.h"
#include "daemon/machines.h"

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

/* How many flows there are and of when. */
static int count_flows(
    struct report_case *report, struct archive *archive, const struct case_options *options)
{
	struct machines_stat stat;
	int r = machines_count(archive, case_threads(options), &stat);
	if (r < 0)
		return r;
	report->flows = stat.flows;
	report->duplicates = stat.duplicates;
	report->first = stat.first;
	report->last = stat.last;
	return 0;
}

static int gather_all(struct gather *g, struct archive *archive, const struct site *site)
{
	struct asset_map *assets = g->answers->assets;
	int r = take_hints(assets, site);
	if (r == 0)
		r = archive_scan_bindings(archive, keep_binding, g);
	if (r == 0)
		r = machines_read(assets, site->zones, archive, g->options->seed);
	if (r == 0)
		r = count_flows(&g->answers->report, archive, g->options);
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

/* What was collected goes to the answers. */
static int gather_hand_over(struct gather *g)
{
	struct case_answers *a = g->answers;
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
	return 0;
}

int case_gather(struct case_answers *a, struct archive *archive, const struct site *site,
    const struct case_options *options)
{
	struct gather g = {.answers = a, .options = options};
	struct archive_stat stat;
	a->report = (struct report_case){.site_name = site->name,
	    .site_guessed = site->guessed,
	    .zones = site->zones,
	    .archive = archive,
	    .version = BULKHEAD_VERSION};
	archive_get_stat(archive, &stat);
	a->report.transactions = stat.records[MSG_TRANSACTION];
	int r = asset_map_new(&a->assets, site->zones, options->seed);
	if (r == 0)
		r = table_new(
		    &g.detection_at, sizeof(uint64_t), sizeof(size_t), CASE_DETECTIONS_MAX, options->seed);
	if (r == 0)
		r = gather_all(&g, archive, site);
	if (r == 0)
		r = gather_hand_over(&g);
	if (r == 0)
		r = find_covered(a, site);
	a->report.assets = a->assets;
	table_free(g.detection_at);
	free(g.detections);
	free(g.coverage);
	return r;
}
