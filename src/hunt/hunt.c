/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hunt/hunt.h"

#include <errno.h>
#include <stdlib.h>

#include "hunt/groups.h"
#include "hunt/result.h"
#include "hunt/seen.h"
#include "hunt/sight.h"
#include "hunt/snapshots.h"

enum { THREADS_MAX = 64 };

struct worker {
	const struct hunt_scene *scene;
	struct hunt_groups groups;
	struct hunt_snapshots *snapshots;
	struct hunt_seen_set seen;
};

struct work {
	const struct hunt_input *in;
	struct hunt_scene scene;
	struct hunt_targets targets;
	struct table *assets;
	struct worker *workers;
	struct hunt_snapshots snapshots[THREADS_MAX];
	void *contexts[THREADS_MAX];
	unsigned threads;
	struct hunt_search search;
};

static int on_flow(void *context, const struct msg_flow *f)
{
	struct worker *w = context;
	struct hunt_flow flow = hunt_flow_of(f);
	if (!hunt_snapshots_take(w->snapshots, &flow))
		hunt_sight_flow(w->scene, &flow, &w->groups);
	return 0;
}

/* Which addresses the site file calls one machine. */
static int assets_make(struct work *w)
{
	const struct hunt_input *in = w->in;
	int error = 0;
	if (in->n_assets)
		error = table_new(
		    &w->assets, sizeof(struct net_addr), sizeof(struct net_addr), ASSETS_MAX, in->seed);
	for (size_t i = 0; i < in->n_assets && error == 0; i++) {
		const struct asset_hint *hint = &in->assets[i];
		for (size_t k = 0; k < hint->n_addrs; k++) {
			struct net_addr *machine = table_put(w->assets, &hint->addrs[k], NULL);
			if (machine)
				*machine = hint->addrs[0];
		}
	}
	return error;
}

static int workers_new(struct work *w)
{
	const struct hunt_input *in = w->in;
	size_t hits = in->hits_max ? in->hits_max : HUNT_HITS_MAX;
	int error = 0;
	w->workers = calloc(w->threads, sizeof(*w->workers));
	if (!w->workers)
		return -ENOMEM;
	for (unsigned i = 0; i < w->threads && error == 0; i++) {
		struct worker *worker = &w->workers[i];
		worker->scene = &w->scene;
		worker->snapshots = &w->snapshots[i];
		error = hunt_groups_new(&worker->groups, hits, in->seed);
		if (error == 0)
			error = hunt_snapshots_new(worker->snapshots, HUNT_SNAPSHOTS_MAX, in->seed);
		if (error == 0)
			error = hunt_seen_new(&worker->seen, &w->scene, HUNT_SEEN_MAX, in->seed);
	}
	return error;
}

/* A list that is not there must stand as NULL: a list of none would want nothing. */
#define LIST(v, n) ((n) ? (v) : NULL)

static int search_flows(struct work *w)
{
	const struct hunt_targets *t = &w->targets;
	const struct archive_filter filter = {.from = w->in->from,
	    .to = w->in->to,
	    .addrs = LIST(t->addrs, t->n_addrs),
	    .prefixes = LIST(t->prefixes, t->n_prefixes),
	    .domains = LIST(t->domains, t->n_domains),
	    .n_addrs = t->n_addrs,
	    .n_prefixes = t->n_prefixes,
	    .n_domains = t->n_domains,
	    .columns = hunt_flow_columns(t->n_domains > 0)};
	if (t->n_addrs + t->n_prefixes + t->n_domains == 0)
		return 0;
	for (unsigned i = 0; i < w->threads; i++)
		w->contexts[i] = &w->workers[i];
	int error = archive_hunt_flows(
	    w->in->archive, &filter, w->threads, on_flow, w->contexts, &w->search.flows);
	for (unsigned i = 1; i < w->threads && error == 0; i++)
		hunt_groups_merge(&w->workers[0].groups, &w->workers[i].groups);
	if (error < 0)
		return error;
	hunt_snapshots_settle(w->snapshots, w->threads, &w->scene, &w->workers[0].groups);
	w->search.snapshots_left_out = w->snapshots[0].left_out;
	return 0;
}

static int search_transactions(struct work *w)
{
	const struct hunt_targets *t = &w->targets;
	const struct archive_transaction_filter filter = {.from = w->in->from,
	    .to = w->in->to,
	    .addrs = LIST(t->addrs, t->n_addrs),
	    .prefixes = LIST(t->prefixes, t->n_prefixes),
	    .domains = LIST(t->hosts, t->n_hosts),
	    .values = LIST(t->values, t->n_values),
	    .n_addrs = t->n_addrs,
	    .n_prefixes = t->n_prefixes,
	    .n_domains = t->n_hosts,
	    .n_values = t->n_values};
	/* of an archive of flows alone the keys need not be made ready once more */
	if (t->n_addrs + t->n_prefixes + t->n_hosts + t->n_values == 0 ||
	    archive_runs(w->in->archive, MSG_TRANSACTION) == 0)
		return 0;
	for (unsigned i = 0; i < w->threads; i++)
		w->contexts[i] = &w->workers[i].seen;
	int error = archive_hunt_transactions(
	    w->in->archive, &filter, w->threads, hunt_seen_transaction, w->contexts, &w->search.transactions);
	for (unsigned i = 1; i < w->threads && error == 0; i++)
		hunt_seen_merge(&w->workers[0].seen, &w->workers[i].seen);
	w->search.seen_left_out = w->workers[0].seen.left_out;
	return error < 0 ? error : hunt_seen_settle(&w->workers[0].seen, &w->workers[0].groups);
}

static void work_end(struct work *w)
{
	for (unsigned i = 0; w->workers && i < w->threads; i++) {
		hunt_groups_free(&w->workers[i].groups);
		hunt_snapshots_free(&w->snapshots[i]);
		hunt_seen_free(&w->workers[i].seen);
	}
	free(w->workers);
	hunt_targets_free(&w->targets);
	table_free(w->assets);
}

static int work_all(struct work *w, struct hunt_result *r)
{
	int error = hunt_targets_make(&w->targets, w->in->indicators);
	if (error == 0)
		error = assets_make(w);
	w->scene = (struct hunt_scene){.in = w->in, .targets = &w->targets, .assets = w->assets};
	if (error == 0)
		error = workers_new(w);
	if (error == 0)
		error = search_flows(w);
	if (error == 0)
		error = search_transactions(w);
	if (error < 0)
		return error;
	w->search.sightings_left_out = w->workers[0].groups.left_out;
	error = hunt_result_make(r, w->in, &w->targets, &w->workers[0].groups);
	return error < 0 ? error : hunt_cover(r, w->in, &w->search);
}

int hunt_run(const struct hunt_input *in, struct hunt_result **ret_result)
{
	struct hunt_result *r = calloc(1, sizeof(*r));
	struct work *w = calloc(1, sizeof(*w));
	int error = -ENOMEM;
	if (r && w) {
		w->in = in;
		w->threads = in->threads == 0 ? 1 : in->threads < THREADS_MAX ? in->threads : THREADS_MAX;
		error = work_all(w, r);
	}
	if (w)
		work_end(w);
	free(w);
	if (error < 0) {
		hunt_free(r);
		return error;
	}
	*ret_result = r;
	return 0;
}

void hunt_free(struct hunt_result *r)
{
	if (!r)
		return;
	arena_free(&r->arena);
	free(r->hits);
	free(r);
}
