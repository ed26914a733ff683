/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "contain/reasons.h"

#include <errno.h>

#include "contain/parts.h"

/* A detection, and its two machines with what a cut asks of them. */
struct told {
	const struct msg_detection *detection;
	struct plan_end asset, peer;
};

/* What there is about one machine. */
struct about {
	const struct incident_asset *incident; /* NULL: not in it, or as a target alone */
	const struct spread_asset *spread;     /* NULL: not in it */
	uint32_t first, n;                     /* numbers[first ...]: its detections, in their order */
};

struct reasons {
	struct told *told;
	size_t n_told;
	struct about *about; /* of each asset */
	uint32_t *numbers;
};

static void find_standing(struct reasons *r, const struct plan_input *in)
{
	for (size_t i = 0; i < in->incident->n_assets; i++) {
		const struct incident_asset *a = &in->incident->assets[i];
		if (a->state != INCIDENT_ASSET_TARGET && !r->about[a->asset].incident)
			r->about[a->asset].incident = a;
	}
	for (size_t i = 0; i < in->spread->n_assets; i++) {
		const struct spread_asset *a = &in->spread->assets[i];
		if (!r->about[a->asset].spread)
			r->about[a->asset].spread = a;
	}
}

/* Runs over both machines of each detection: counts how many each has, then puts their numbers down. */
static uint32_t number_told(struct reasons *r, const uint32_t (*assets)[2], bool put)
{
	uint32_t n = 0;
	for (size_t i = 0; i < r->n_told; i++)
		for (int side = 0; side < 2; side++) {
			uint32_t asset = assets[i][side];
			if (asset == ASSET_NONE || (side == 1 && asset == assets[i][0]))
				continue;
			struct about *a = &r->about[asset];
			if (put)
				r->numbers[a->first + a->n] = (uint32_t)i;
			a->n++;
			n++;
		}
	return n;
}

static int find_told(struct reasons *r, const struct plan_input *in, struct arena *arena)
{
	const struct incident *incident = in->incident;
	uint32_t(*assets)[2] = arena_array(arena, incident->n_detections, sizeof(*assets));
	r->n_told = incident->n_detections;
	r->told = arena_array(arena, r->n_told, sizeof(*r->told));
	if (!assets || !r->told)
		return -ENOMEM;
	for (size_t i = 0; i < r->n_told; i++) {
		const struct msg_detection *d = incident->detections[i];
		r->told[i] = (struct told){.detection = d,
		    .asset = plan_end_of(in->zones, d->asset),
		    .peer = plan_end_of(in->zones, d->peer)};
		assets[i][0] = asset_of(in->assets, d->asset);
		assets[i][1] = asset_of(in->assets, d->peer);
	}
	r->numbers = arena_array(arena, number_told(r, assets, false), sizeof(*r->numbers));
	if (!r->numbers)
		return -ENOMEM;
	uint32_t first = 0;
	for (size_t i = 0; i < asset_count(in->assets); i++) {
		struct about *a = &r->about[i];
		a->first = first;
		first += a->n;
		a->n = 0;
	}
	number_told(r, assets, true);
	return 0;
}

int reasons_new(struct reasons **ret_reasons, const struct plan_input *in, struct arena *arena)
{
	struct reasons *r = arena_alloc(arena, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->about = arena_array(arena, asset_count(in->assets), sizeof(*r->about));
	if (!r->about)
		return -ENOMEM;
	find_standing(r, in);
	int result = find_told(r, in, arena);
	if (result == 0)
		*ret_reasons = r;
	return result;
}

const char *reasons_standing(const struct reasons *r, uint32_t asset)
{
	const struct about *a = &r->about[asset];
	if (a->incident)
		return incident_asset_state_name(a->incident->state);
	if (a->spread)
		return a->spread->grade == SPREAD_UNSEEN ? "in a segment that no sensor saw"
		                                         : "likely reached";
	return "held";
}

static size_t add_flows(const struct msg_detection *d, uint64_t *ids, size_t n)
{
	for (uint32_t i = 0; i < d->flows.n && n < REASONS_FLOWS; i++) {
		bool known = false;
		for (size_t j = 0; j < n; j++)
			known |= ids[j] == d->flows.v[i];
		if (!known)
			ids[n++] = d->flows.v[i];
	}
	return n;
}

static bool crosses(const struct plan_cut *cut, const struct told *t)
{
	return plan_cut_stops(cut, &t->asset, &t->peer) || plan_cut_stops(cut, &t->peer, &t->asset);
}

size_t reasons_flows(const struct reasons *r, uint32_t asset, const struct plan_cut *cut, uint64_t *ids)
{
	const struct about *about = asset == ASSET_NONE ? NULL : &r->about[asset];
	size_t n = 0, n_told = about ? about->n : r->n_told;
	for (int crossing = 1; crossing >= (about ? 0 : 1); crossing--)
		for (size_t i = 0; i < n_told && n < REASONS_FLOWS; i++) {
			const struct told *t = &r->told[about ? r->numbers[about->first + i] : i];
			if (crosses(cut, t) == crossing)
				n = add_flows(t->detection, ids, n);
		}
	if (n == 0 && about && about->spread)
		for (; n < about->spread->n_path && n < REASONS_FLOWS; n++)
			ids[n] = about->spread->path[n].flow;
	return n;
}
