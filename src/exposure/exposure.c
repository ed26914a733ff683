/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exposure/exposure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive/archive.h"
#include "base/err.h"
#include "exposure/coverage.h"
#include "exposure/destination.h"
#include "exposure/network.h"

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Edges up to which igraph is asked for the flow of each edge: its time for that grows with their square. */
enum { PROOF_EDGES_MAX = 50000 };

/* The maximum flow, merging transfers until the graph is small enough. */
static int chain_solve(struct gather *g, const struct network_query *query, struct network_result *ret_result)
{
	for (;;) {
		int error = network_flow(&g->transfers, &g->places, query, ret_result);
		if (error != -ERR_LIMIT)
			return error;
		error = transfers_merge(&g->transfers, &g->places);
		if (error < 0)
			return error;
	}
}

static int largest_compare(const void *a, const void *b)
{
	const struct exposure_transfer *x = a, *y = b;
	if (x->used != y->used)
		return x->used > y->used ? -1 : 1;
	return x->flow < y->flow ? -1 : x->flow > y->flow;
}

static int time_compare(const void *a, const void *b)
{
	const struct exposure_transfer *x = a, *y = b;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	if (x->last != y->last)
		return x->last < y->last ? -1 : 1;
	if (x->flow != y->flow)
		return x->flow < y->flow ? -1 : 1;
	return net_addr_compare(x->from, y->from); /* the two directions of one flow */
}

/* The transfers that the maximum flow runs through: the largest, by time. */
static int proof_make(const struct gather *g, const uint64_t *used, struct arena *arena, struct exposure *e)
{
	size_t n = 0;
	struct exposure_transfer *all;
	for (size_t i = 0; i < g->transfers.n; i++)
		n += used[i] > 0;
	all = calloc(n + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; i < g->transfers.n; i++) {
		const struct transfer *t = &g->transfers.v[i];
		if (used[i])
			all[n++] = (struct exposure_transfer){.from = place_addr(&g->places, t->from),
			    .to = place_addr(&g->places, t->to),
			    .first = t->first,
			    .last = t->last,
			    .capacity = t->bytes,
			    .used = used[i],
			    .flow = t->flow};
	}
	if (n > EXPOSURE_TRANSFERS_MAX) {
		qsort(all, n, sizeof(*all), largest_compare);
		n = EXPOSURE_TRANSFERS_MAX;
	}
	qsort(all, n, sizeof(*all), time_compare);
	e->transfers = arena_array(arena, n, sizeof(*all));
	e->n_transfers = n;
	if (e->transfers && n)
		memcpy(e->transfers, all, n * sizeof(*all));
	free(all);
	return e->transfers ? 0 : -ENOMEM;
}

/*
 * The widest bound first: should it have to merge, the narrower one is computed over the same, merged
 * transfers and stays below it. The proof comes last; where it must merge further, it shows hops of several
 * flows as one, and the bounds stand.
 */
static int chain_make(struct gather *g, struct arena *arena, struct exposure *e)
{
	struct network_result any = {0}, intruder = {0}, proof = {0};
	struct network_query query = {
	    .edges_max = g->in->transfers_max ? g->in->transfers_max : EXPOSURE_TRANSFERS_MAX};
	if (query.edges_max < TRANSFERS_LEAST_MAX)
		query.edges_max = TRANSFERS_LEAST_MAX;
	int error = chain_solve(g, &query, &any);
	query.intruder_only = g->in->spread != NULL;
	if (error == 0 && query.intruder_only)
		error = chain_solve(g, &query, &intruder);
	if (error < 0)
		return error;
	e->chained_any_bytes = any.bytes;
	e->chained_bytes = query.intruder_only ? intruder.bytes : any.bytes;
	e->coarse = g->transfers.coarse;
	query.used = true;
	if (query.edges_max > PROOF_EDGES_MAX)
		query.edges_max = PROOF_EDGES_MAX;
	error = chain_solve(g, &query, &proof);
	if (error == 0)
		error = proof_make(g, proof.used, arena, e);
	free(proof.used);
	return error;
}

/* A lost packet counts in full wherever it may have gone; and what left by a chain has first left the zone.
 */
static void bounds_close(const struct gather *g, struct exposure *e)
{
	uint64_t lost = e->coverage.lost_bytes_bound;
	e->direct_bytes = bytes_sum(g->direct_bytes, lost);
	e->direct_external_bytes = bytes_sum(g->direct_external_bytes, lost);
	e->chained_any_bytes = least(bytes_sum(e->chained_any_bytes, lost), e->direct_bytes);
	e->chained_bytes = least(bytes_sum(e->chained_bytes, lost), e->chained_any_bytes);
}

/* From what was gathered to the answer; the transfers are not needed any more then. */
static int exposure_finish(struct gather *g, struct arena *arena, struct exposure *e)
{
	const struct exposure_input *in = g->in;
	struct archive_stat stat = {0};
	struct exposure made = {.zone = in->zone, .from = in->from, .to = in->to};
	archive_get_stat(in->archive, &stat);
	if (made.from == 0)
		made.from = stat.first;
	if (made.to == 0)
		made.to = stat.last;
	int error = chain_make(g, arena, &made);
	transfers_free(&g->transfers);
	if (error == 0)
		*e = made;
	return error;
}

/* n exposures by the same passes; made[] is theirs. */
static int compute_together(const struct exposure_input *ins, size_t n, struct incident_flows *flows,
    struct arena *arena, struct exposure *made)
{
	struct gather gathers[EXPOSURE_TOGETHER_MAX] = {0};
	struct ends ends;
	int error = ends_new(&ends, ins[0].assets, ins[0].zones);
	if (error < 0)
		return error;
	for (size_t i = 0; i < n && error == 0; i++)
		error = gather_new(&gathers[i], &ins[i], flows, &ends);
	if (error == 0)
		error = gather_run(gathers, n);
	for (size_t i = 0; i < n && error == 0; i++)
		error = exposure_finish(&gathers[i], arena, &made[i]);
	if (error == 0)
		error = destinations_make(gathers, n, arena, made);
	for (size_t i = 0; i < n && error == 0; i++) {
		error = coverage_make(&ins[i], &gathers[i], arena, &made[i]);
		bounds_close(&gathers[i], &made[i]);
	}
	for (size_t i = 0; i < n; i++)
		gather_free(&gathers[i]);
	ends_free(&ends);
	return error;
}

int exposure_compute_all(
    const struct exposure_input *ins, size_t n, struct arena *arena, struct exposure *exposures)
{
	struct incident_flows *flows;
	if (n == 0)
		return 0;
	int error = incident_flows_open(&flows, ins[0].archive);
	if (error < 0)
		return error;
	for (size_t i = 0, some; i < n && error == 0; i += some) {
		some = n - i < EXPOSURE_TOGETHER_MAX ? n - i : EXPOSURE_TOGETHER_MAX;
		error = compute_together(&ins[i], some, flows, arena, &exposures[i]);
	}
	incident_flows_close(flows);
	return error;
}

int exposure_compute(const struct exposure_input *in, struct arena *arena, struct exposure *ret_exposure)
{
	struct exposure made;
	int error = exposure_compute_all(in, 1, arena, &made);
	if (error == 0)
		*ret_exposure = made;
	return error;
}
