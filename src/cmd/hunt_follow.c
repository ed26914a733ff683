/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/hunt_follow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct seeds {
	struct case_seed *v;
	size_t n;
	struct net_addr *peers;
	size_t n_peers;
};

static int by_addr(const void *left, const void *right)
{
	const struct net_addr *a = left, *b = right;
	return net_addr_compare(*a, *b);
}

static int seeds_of(struct seeds *s, const struct hunt_result *r, const struct net_zone_map *zones)
{
	size_t kept = 0;
	s->v = reallocarray(NULL, r->n_hits + 1, (HUNT_PEERS_MAX + 1) * sizeof(*s->v));
	s->peers = reallocarray(NULL, r->n_hits + 1, HUNT_PEERS_MAX * sizeof(*s->peers));
	if (!s->v || !s->peers)
		return -ENOMEM;
	for (size_t i = 0; i < r->n_hits; i++) {
		const struct hunt_hit *hit = &r->hits[i];
		if (hit->answered == 0)
			continue;
		if (net_zone_is_inside(zones, hit->asset))
			s->v[s->n++] = (struct case_seed){.addr = hit->asset, .time = hit->first_answered};
		for (size_t k = 0; k < hit->n_peers; k++) {
			if (!net_zone_is_inside(zones, hit->peers[k]))
				s->peers[s->n_peers++] = hit->peers[k];
			else if (hit->indicator.kind == INDICATOR_ADDRESS)
				s->v[s->n++] = (struct case_seed){
				    .addr = hit->peers[k], .time = hit->first_answered};
		}
	}
	if (s->n_peers)
		qsort(s->peers, s->n_peers, sizeof(*s->peers), by_addr);
	for (size_t i = 0; i < s->n_peers; i++)
		if (kept == 0 || !net_addr_equal(s->peers[kept - 1], s->peers[i]))
			s->peers[kept++] = s->peers[i];
	s->n_peers = kept;
	return 0;
}

static int by_asset(const void *left, const void *right)
{
	const struct incident_asset *a = left, *b = right;
	if (a->asset != b->asset)
		return a->asset < b->asset ? -1 : 1;
	return (a->since > b->since) - (a->since < b->since);
}

/* The seeds as the renderers show them: each machine once, from its earliest time. */
static int incident_make(struct hunt_follow *f, const struct seeds *s)
{
	struct incident *incident = &f->incident;
	struct incident_asset *v = arena_array(&f->answers->arena, s->n, sizeof(*v));
	size_t n = 0, kept = 0;
	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++) {
		uint32_t asset = asset_of(f->answers->assets, s->v[i].addr);
		if (asset != ASSET_NONE)
			v[n++] = (struct incident_asset){
			    .asset = asset, .state = INCIDENT_ASSET_SUSPECT, .since = s->v[i].time};
	}
	qsort(v, n, sizeof(*v), by_asset);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || v[kept - 1].asset != v[i].asset)
			v[kept++] = v[i];
	memcpy(incident->id, "hunt", sizeof("hunt"));
	incident->assets = v;
	incident->n_assets = kept;
	f->followed = (struct report_incident){.incident = incident,
	    .spread = f->answers->spread,
	    .exposures = f->answers->report.exposures,
	    .n_exposures = f->answers->report.n_exposures};
	return 0;
}

int hunt_follow_work(struct hunt_follow *f, struct archive *archive, const struct site *site,
    const struct hunt_result *result, uint64_t seed)
{
	const struct case_options options = {.seed = seed};
	struct seeds s = {.n = 0};
	int error = seeds_of(&s, result, site->zones);
	if (error == 0 && s.n) {
		const struct case_follow follow = {
		    .seeds = s.v, .n_seeds = s.n, .peers = s.peers, .n_peers = s.n_peers};
		error = case_follow(&f->answers, archive, site, &follow, &options);
		if (error == 0 && f->answers->spread)
			error = incident_make(f, &s);
	}
	free(s.v);
	free(s.peers);
	return error;
}

void hunt_follow_free(struct hunt_follow *f)
{
	case_free(f->answers);
	f->answers = NULL;
}
