/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Candidate first entries: who can have reached an asset by a time, told backwards. Besides the machines
 * themselves every outside address counts that one of them answered, and those that a detection ties to it.
 */

#include <errno.h>
#include <stdlib.h>

#include "archive/archive.h"
#include "base/table.h"
#include "spread/edges.h"
#include "spread/reach.h"

/* What a hop of each grade leaves of a candidate's rank, and what each hop on the way costs. */
static const double grade_rank[REACH_LEVELS] = {0.9, 0.6, 0.3};
static const double hop_rank = 0.85, inside_rank = 0.5;

struct entry_key {
	struct net_addr peer;
	uint32_t asset;
	uint32_t zero;
};

struct entry_value {
	int64_t time;
	uint64_t flow;
	double rank;
};

/* A detection that ties an outside address, or none, to an asset. */
struct tie {
	uint32_t asset;
	struct net_addr peer; /* none: the detection is of the asset alone */
	int64_t time;
	uint64_t flow;
};

struct entries {
	const struct spread_input *in;
	const struct reach *reach;
	struct table *found; /* struct entry_key -> struct entry_value */
	struct tie *ties;    /* by (asset, peer, time) */
	size_t n_ties;
};

static int tie_compare_key(const struct tie *x, const struct tie *y)
{
	if (x->asset != y->asset)
		return x->asset < y->asset ? -1 : 1;
	return net_addr_compare(x->peer, y->peer);
}

static int tie_compare(const void *a, const void *b)
{
	const struct tie *x = a, *y = b;
	int order = tie_compare_key(x, y);
	return order ? order : x->time < y->time ? -1 : x->time > y->time;
}

static bool tie_counts(const struct msg_detection *d)
{
	return d->asset_role == MSG_ROLE_ACTOR || d->asset_role == MSG_ROLE_VICTIM;
}

static int ties_make(struct entries *s)
{
	const struct spread_input *in = s->in;
	s->ties = calloc(2 * in->n_detections + 1, sizeof(*s->ties));
	if (!s->ties)
		return -ENOMEM;
	for (size_t i = 0; i < in->n_detections; i++) {
		const struct msg_detection *d = &in->detections[i];
		struct tie t = {.asset = asset_of(in->assets, d->asset),
		    .time = d->time,
		    .flow = d->flows.n ? d->flows.v[0] : 0};
		if (t.asset == ASSET_NONE || !tie_counts(d))
			continue;
		s->ties[s->n_ties++] = t;
		if (net_addr_is_none(d->peer) || net_zone_is_inside(in->zones, d->peer))
			continue;
		t.peer = d->peer;
		s->ties[s->n_ties++] = t;
	}
	qsort(s->ties, s->n_ties, sizeof(*s->ties), tie_compare);
	return 0;
}

/* The first tie of (asset, peer) no later than `by`; NULL where there is none. */
static const struct tie *tie_find(const struct entries *s, uint32_t asset, struct net_addr peer, int64_t by)
{
	struct tie key = {.asset = asset, .peer = peer, .time = INT64_MIN};
	size_t low = 0, high = s->n_ties;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (tie_compare(&s->ties[mid], &key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	bool found = low < s->n_ties && tie_compare_key(&s->ties[low], &key) == 0 && s->ties[low].time <= by;
	return found ? &s->ties[low] : NULL;
}

static double power(double base, uint32_t n)
{
	double p = 1;
	for (uint32_t i = 0; i < n && p > 1e-9; i++)
		p *= base;
	return p;
}

/* By how sure a way the asset is on the way to the one asked for. */
static double way_rank(const struct entries *s, uint32_t asset)
{
	enum spread_grade g = reach_grade(s->reach, asset);
	const struct reach_label *label = &s->reach->levels[g][asset];
	return label->hops ? grade_rank[g] * power(hop_rank, label->hops) : 1;
}

/* Notes a candidate; of one pair the better rank stands, then the earlier time. */
static void entry_note(struct entries *s, uint32_t asset, struct net_addr peer, struct entry_value value)
{
	struct entry_key key = {.peer = peer, .asset = asset};
	int fresh;
	struct entry_value *known = table_put(s->found, &key, &fresh);
	if (!known)
		return; /* SPREAD_ENTRIES_MAX pairs: whoever a detection speaks for has come in before
		           (entries_tied) */
	if (fresh || value.rank > known->rank || (value.rank == known->rank && value.time < known->time))
		*known = value;
}

/* What detections tie to the machines on the way: noted first, so that no flood of pairs can crowd it out. */
static void entries_tied(struct entries *s, uint32_t asset)
{
	for (size_t i = 0; i < s->n_ties; i++) {
		const struct tie *t = &s->ties[i];
		const struct reach_label *label = &s->reach->levels[SPREAD_POSSIBLE][t->asset];
		bool first = i == 0 || tie_compare_key(&s->ties[i - 1], t) != 0;
		bool itself = t->asset == asset && net_addr_is_none(t->peer);
		if (first && !itself && label->reached && t->time <= label->time)
			entry_note(s, t->asset, t->peer,
			    (struct entry_value){.time = t->time, .flow = t->flow, .rank = 1});
	}
}

static void entries_inside(struct entries *s, const struct spread_edges *e, uint32_t asset)
{
	static const struct net_addr none;
	for (uint32_t i = 0; i < s->reach->n_assets; i++) {
		enum spread_grade g = reach_grade(s->reach, i);
		if (g > SPREAD_POSSIBLE || i == asset)
			continue;
		const struct reach_label *label = &s->reach->levels[g][i];
		const struct spread_edge *edge = &e->v[label->edge];
		if (tie_find(s, i, none, s->reach->levels[SPREAD_POSSIBLE][i].time))
			continue; /* stands there already, with its own time */
		entry_note(s, i, none,
		    (struct entry_value){
		        .time = edge->first, .flow = edge->flow, .rank = inside_rank * way_rank(s, i)});
	}
}

/* Flows that an outside address opened to a machine on the way, in time. */
static int entries_flow(void *context, const struct msg_flow *f)
{
	struct entries *s = context;
	uint32_t asset = asset_of(s->in->assets, f->responder);
	if (asset == ASSET_NONE || !spread_flow_answered(f) || net_zone_is_inside(s->in->zones, f->initiator))
		return 0;
	const struct reach_label *label = &s->reach->levels[SPREAD_POSSIBLE][asset];
	if (!label->reached || f->first > label->time)
		return 0;
	struct entry_value value = {.time = f->first, .flow = f->id};
	if (tie_find(s, asset, f->initiator, label->time))
		value.rank = 1;
	else
		value.rank = way_rank(s, asset) * grade_rank[spread_grade_of_flow(f)];
	entry_note(s, asset, f->initiator, value);
	return 0;
}

static int entry_compare(const void *a, const void *b)
{
	const struct spread_entry *x = a, *y = b;
	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	bool x_inside = net_addr_is_none(x->peer), y_inside = net_addr_is_none(y->peer);
	if (x_inside != y_inside)
		return x_inside ? 1 : -1; /* a named way in says more than a machine alone */
	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	if (x->asset != y->asset)
		return x->asset < y->asset ? -1 : 1;
	return net_addr_compare(x->peer, y->peer);
}

static int entries_list(const struct entries *s, size_t max, struct arena *arena,
    struct spread_entry **ret_entries, size_t *ret_n)
{
	size_t n = 0, pos = 0;
	const void *key;
	struct spread_entry *all = calloc(table_count(s->found) + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	for (struct entry_value *v; (v = table_next(s->found, &pos, &key)) != NULL;) {
		const struct entry_key *k = key;
		all[n++] = (struct spread_entry){
		    .asset = k->asset, .peer = k->peer, .time = v->time, .flow = v->flow, .rank = v->rank};
	}
	qsort(all, n, sizeof(*all), entry_compare);
	n = n < max ? n : max;
	struct spread_entry *kept = arena_array(arena, n, sizeof(*kept));
	if (kept) {
		for (size_t i = 0; i < n; i++)
			kept[i] = all[i];
		*ret_entries = kept;
		*ret_n = n;
	}
	free(all);
	return kept ? 0 : -ENOMEM;
}

/* Backward reach and then the candidates, over edges that are there. */
static int entries_find(
    struct entries *s, const struct spread_edges *e, struct reach *r, uint32_t asset, int64_t time)
{
	static const struct archive_filter every;
	struct spread_index index;
	int error = spread_index_new(&index, e, r->n_assets, true);
	if (error < 0)
		return error;
	error = reach_backward(r, e, &index, asset, time);
	spread_index_free(&index);
	if (error == 0)
		error = ties_make(s);
	if (error < 0)
		return error;
	entries_tied(s, asset);
	error = archive_scan_flows(s->in->archive, &every, entries_flow, s);
	if (error >= 0)
		entries_inside(s, e, asset);
	return error < 0 ? error : 0;
}

int spread_entries(const struct spread_input *in, uint32_t asset, int64_t time, size_t max,
    struct arena *arena, struct spread_entry **ret_entries, size_t *ret_n)
{
	struct spread_edges edges;
	struct reach reach = {0};
	struct entries s = {.in = in, .reach = &reach};
	if (asset >= asset_count(in->assets))
		return -EINVAL;
	int error = spread_edges_read(&edges, in);
	if (error < 0)
		return error;
	error = reach_new(&reach, asset_count(in->assets));
	if (error == 0)
		error = table_new(&s.found, sizeof(struct entry_key), sizeof(struct entry_value),
		    SPREAD_ENTRIES_MAX, asset_map_seed(in->assets));
	if (error == 0)
		error = entries_find(&s, &edges, &reach, asset, time);
	if (error == 0)
		error = entries_list(&s, max, arena, ret_entries, ret_n);
	table_free(s.found);
	free(s.ties);
	reach_free(&reach);
	spread_edges_free(&edges);
	return error;
}
