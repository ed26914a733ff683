/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "contain/plan.h"

#include <errno.h>
#include <string.h>

#include "archive/archive.h"
#include "contain/parts.h"

/* Beyond this many held machines, a plan by machine is no plan any more: whole zones are cut. */
enum { PLAN_HELD_MAX = 4096 };

static const char *const names[] = {"surgical", "guarded", "shutdown"};
static const char *const kinds[] = {
    [PLAN_CUT_HOST] = "host",
    [PLAN_CUT_HOST_ZONE] = "host-zone",
    [PLAN_CUT_ZONE_ZONE] = "zone-zone",
    [PLAN_CUT_DESTINATION] = "destination",
};

const char *plan_name_text(enum plan_name n)
{
	return names[n];
}

int plan_name_parse(struct text t, enum plan_name *ret_name)
{
	for (int i = 0; i < PLAN_COUNT; i++)
		if (text_equal(t, text_of(names[i]))) {
			*ret_name = (enum plan_name)i;
			return 0;
		}
	return -EINVAL;
}

const char *plan_cut_kind_name(enum plan_cut_kind k)
{
	return kinds[k];
}

const char *plan_direction_name(enum plan_direction d)
{
	return d == PLAN_BOTH ? "both" : "from";
}

static void hold(struct plan_work *w, uint32_t asset)
{
	if (w->is_held[asset])
		return;
	w->is_held[asset] = 1;
	w->held[w->n_held++] = asset;
}

/* Who counts as held: the incident's machines, then what the spread likely reached; `guarded` adds what no
 * sensor saw. */
static int find_held(struct plan_work *w, bool unseen)
{
	size_t n = asset_count(w->in->assets);
	w->held = arena_array(w->arena, n, sizeof(*w->held));
	w->is_held = arena_alloc(w->arena, n);
	if (!w->held || !w->is_held)
		return -ENOMEM;
	for (size_t i = 0; i < w->in->incident->n_assets; i++)
		if (w->in->incident->assets[i].state != INCIDENT_ASSET_TARGET)
			hold(w, w->in->incident->assets[i].asset);
	for (size_t i = 0; i < w->in->spread->n_assets; i++) {
		const struct spread_asset *a = &w->in->spread->assets[i];
		if (a->grade <= SPREAD_LIKELY || (unseen && a->grade == SPREAD_UNSEEN))
			hold(w, a->asset);
	}
	return 0;
}

static int find_live_zones(struct plan_work *w)
{
	size_t zones = net_zone_count(w->in->zones);
	w->zone_live = arena_alloc(w->arena, zones);
	if (!w->zone_live)
		return -ENOMEM;
	for (uint32_t i = 0; i < asset_count(w->in->assets); i++)
		if (asset_at(w->in->assets, i)->zone < zones)
			w->zone_live[asset_at(w->in->assets, i)->zone] = 1;
	for (size_t z = 0; z < zones; z++)
		w->zone_live[z] |= plan_zone_is_external(w->in, (uint16_t)z) ||
		                   net_zone_at(w->in->zones, (uint16_t)z)->class == NET_ZONE_PROTECTED;
	return 0;
}

/* Marks the zones towards which held machines were seen to act against others. */
static int find_attacked(struct plan_work *w)
{
	const struct incident *incident = w->in->incident;
	size_t zones = net_zone_count(w->in->zones);
	uint32_t *index = arena_array(w->arena, asset_count(w->in->assets), sizeof(*index));
	w->attacked = arena_array(w->arena, w->n_held, zones);
	if (!index || !w->attacked)
		return -ENOMEM;
	for (size_t i = 0; i < w->n_held; i++)
		index[w->held[i]] = (uint32_t)i + 1;
	for (size_t i = 0; i < incident->n_detections; i++) {
		const struct msg_detection *d = incident->detections[i];
		/* whichever of the two acted: what passed between them is to pass no more */
		const struct net_addr ends[2][2] = {{d->asset, d->peer}, {d->peer, d->asset}};
		for (int side = 0; side < 2; side++) {
			uint32_t from = asset_of(w->in->assets, ends[side][0]);
			uint16_t zone = net_zone_of(w->in->zones, ends[side][1]);
			bool acted = side == 0 ? d->asset_role == MSG_ROLE_ACTOR
			                       : d->asset_role != MSG_ROLE_ACTOR;
			if (acted && from != ASSET_NONE && index[from] && zone < zones &&
			    !plan_zone_is_external(w->in, zone))
				w->attacked[(index[from] - 1) * zones + zone] = 1;
		}
	}
	return 0;
}

static int make_plan(struct plan_work *w, enum plan_name name)
{
	struct graph_cuts cuts;
	*w->plan = (struct plan){.name = name};
	int r = find_held(w, name == PLAN_GUARDED);
	if (r == 0)
		r = find_live_zones(w);
	if (r < 0)
		return r;
	bool many = w->n_held > PLAN_HELD_MAX;
	if (many) {
		r = plan_add_guardrail(w, "%zu machines are held: more than %d are not cut one by one",
		    w->n_held, PLAN_HELD_MAX);
	} else {
		r = find_attacked(w);
		if (r == 0)
			r = graph_minimal_cut(w, &cuts);
		if (r == 0)
			w->plan->attack_paths_before = cuts.paths_before;
	}
	if (r == 0)
		r = name == PLAN_SHUTDOWN || many ? cuts_of_shutdown(w) : cuts_from_graph(w, &cuts);
	if (r == 0)
		r = cuts_guard(w);
	if (r == 0)
		r = plan_close_lists(w);
	return r == 0 ? cost_count(w) : r;
}

int plan_compute(const struct plan_input *in, struct arena *arena, struct plan *ret_plans)
{
	struct use_list uses;
	struct reasons *reasons;
	struct plan plans[PLAN_COUNT] = {0};
	int r = use_collect(in, arena, &uses);
	if (r == 0)
		r = reasons_new(&reasons, in, arena);
	for (int i = 0; i < PLAN_COUNT && r == 0; i++) {
		struct plan_work w = {
		    .in = in, .arena = arena, .uses = &uses, .reasons = reasons, .plan = &plans[i]};
		r = make_plan(&w, (enum plan_name)i);
	}
	if (r == 0)
		memcpy(ret_plans, plans, sizeof(plans));
	return r;
}
