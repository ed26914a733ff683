/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spread/search.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive/archive.h"
#include "spread/heap.h"

/* Segments read whole at once: one a thread. More than a part of all machines: much changes. */
enum { STRETCH_WHOLE = 2, STRETCH_CHANGED = 32 };

static int times_new(struct search_times *t, size_t n)
{
	for (int g = 0; g < REACH_LEVELS; g++) {
		t->v[g] = calloc(n + 1, sizeof(int64_t));
		if (!t->v[g])
			return -ENOMEM;
		for (size_t i = 0; i < n; i++)
			t->v[g][i] = INT64_MAX;
	}
	return 0;
}

static int end_compare(const void *a, const void *b)
{
	const struct search_end *x = a, *y = b;
	return net_addr_compare(x->addr, y->addr);
}

static int ends_make(struct search *s)
{
	const struct asset_map *assets = s->in->assets;
	for (uint32_t i = 0; i < s->n; i++)
		s->n_ends += asset_at(assets, i)->n_addrs;
	s->ends = calloc(s->n_ends + 1, sizeof(*s->ends));
	s->addrs = calloc(s->n_ends + 1, sizeof(*s->addrs));
	if (!s->ends || !s->addrs)
		return -ENOMEM;
	size_t n = 0;
	for (uint32_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < asset_at(assets, i)->n_addrs; k++)
			s->ends[n++] = (struct search_end){.addr = asset_at(assets, i)->addrs[k], .asset = i};
	qsort(s->ends, n, sizeof(*s->ends), end_compare);
	for (size_t i = 0; i < n; i++)
		s->addrs[i] = s->ends[i].addr;
	return 0;
}

static void search_seed(struct search *s)
{
	s->earliest = INT64_MAX;
	for (size_t i = 0; i < s->in->n_seeds; i++) {
		const struct spread_seed *seed = &s->in->seeds[i];
		if (seed->asset >= s->n || (s->in->config.until && seed->time >= s->in->config.until))
			continue;
		for (unsigned g = seed->confirmed ? SPREAD_CONFIRMED : SPREAD_LIKELY; g < REACH_LEVELS; g++)
			search_lower(&s->times, g, seed->asset, seed->time);
		s->earliest = seed->time < s->earliest ? seed->time : s->earliest;
	}
}

static void search_free(struct search *s)
{
	spread_proof_free(s->proof);
	free(s->ends);
	free(s->addrs);
	free(s->provable);
	for (int g = 0; g < REACH_LEVELS; g++) {
		free(s->times.v[g]);
		free(s->asked.v[g]);
	}
	spread_edges_free(&s->edges);
}

static int search_new(struct search *s, const struct spread_input *in)
{
	*s = (struct search){.in = in,
	    .n = asset_count(in->assets),
	    .covered_from = INT64_MAX,
	    .fresh_from = INT64_MIN,
	    .fresh_until = INT64_MIN,
	    .edges = {.max = in->config.edges_max ? in->config.edges_max : SPREAD_EDGES_MAX}};
	struct archive_stat stat;
	archive_get_stat(in->archive, &stat);
	s->logins = stat.records[MSG_TRANSACTION] > 0;
	int error = spread_proof_new(&s->proof, in->assets, in->detections, in->n_detections);
	if (error == 0)
		error = ends_make(s);
	if (error == 0)
		error = times_new(&s->times, s->n);
	if (error == 0)
		error = times_new(&s->asked, s->n);
	s->provable = error == 0 ? calloc(s->n + 1, 1) : NULL;
	if (error == 0 && !s->provable)
		error = -ENOMEM;
	if (error == 0) {
		spread_proof_targets(s->proof, s->provable);
		search_seed(s);
	}
	return error;
}

static bool hop_offers(
    const struct search *s, const struct spread_edge *e, unsigned level, int64_t *ret_arrival)
{
	int64_t held = s->times.v[level][e->from];
	*ret_arrival = e->first > held ? e->first : held;
	return held < e->last;
}

/* Arrivals from where they were lowered on, over the edges that are there. */
static void level_settle(struct search *s, const struct spread_index *x, unsigned level, struct heap *h)
{
	int64_t *times = s->times.v[level];
	for (struct heap_item at; heap_take(h, &at);) {
		for (uint32_t i = x->start[at.node]; i < x->start[at.node + 1]; i++) {
			const struct spread_edge *e = &s->edges.v[x->order[i]];
			int64_t arrival;
			if (e->grade > level || !hop_offers(s, e, level, &arrival) || arrival >= times[e->to])
				continue;
			times[e->to] = arrival;
			heap_put(h, (struct heap_item){.time = arrival, .node = e->to});
		}
	}
}

/* Lowers arrivals to what all edges together give. */
static int search_settle(struct search *s)
{
	struct spread_index index;
	struct heap h;
	int error = spread_index_new(&index, &s->edges, s->n, false);
	if (error < 0)
		return error;
	error = heap_new(&h, s->n);
	for (unsigned g = 0; error == 0 && g < REACH_LEVELS; g++) {
		for (size_t i = 0; i < s->edges.n; i++) {
			const struct spread_edge *e = &s->edges.v[i];
			int64_t arrival;
			if (e->grade > g || !hop_offers(s, e, g, &arrival) || arrival >= s->times.v[g][e->to])
				continue;
			s->times.v[g][e->to] = arrival;
			heap_put(&h, (struct heap_item){.time = arrival, .node = e->to});
		}
		level_settle(s, &index, g, &h);
	}
	if (error == 0)
		heap_free(&h);
	spread_index_free(&index);
	return error;
}

/* Drops the edges that began after everybody was reached to whom they lead: they never will decide. */
static void edges_drop_late(struct search *s)
{
	size_t n = 0;
	for (size_t i = 0; i < s->edges.n; i++) {
		const struct spread_edge *e = &s->edges.v[i];
		bool late = true;
		for (unsigned g = e->grade; g < REACH_LEVELS; g++)
			late &= e->first > s->times.v[g][e->to];
		if (!late)
			s->edges.v[n++] = *e;
	}
	s->edges.n = n;
}

/*
 * Keeps the edges that give somebody his arrival. Where all is asked that there is to ask, the others are
 * given again by their segments should their beginnings be reached sooner.
 */
static void edges_keep_tight(struct search *s)
{
	size_t n = 0;
	for (size_t i = 0; i < s->edges.n; i++) {
		const struct spread_edge *e = &s->edges.v[i];
		bool tight = false;
		for (unsigned g = e->grade; g < REACH_LEVELS; g++) {
			int64_t arrival;
			tight |= hop_offers(s, e, g, &arrival) && arrival <= s->times.v[g][e->to];
		}
		if (tight)
			s->edges.v[n++] = *e;
	}
	s->edges.n = n;
}

/* An order that hangs on nobody's turn. */
static int cite_compare(const void *a, const void *b)
{
	const struct spread_edge *x = a, *y = b;
	if (x->flow != y->flow)
		return x->flow < y->flow ? -1 : 1;
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->to != y->to)
		return x->to < y->to ? -1 : 1;
	if (x->last != y->last)
		return x->last < y->last ? -1 : 1;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	if (x->grade != y->grade)
		return x->grade < y->grade ? -1 : 1;
	return x->app < y->app ? -1 : x->app > y->app;
}

/* Whether nobody is reached by x who isn't by y: of a flow that was recorded while it ran, y is the later. */
static bool is_covered(const struct spread_edge *x, const struct spread_edge *y)
{
	return x->flow == y->flow && x->from == y->from && x->to == y->to && x->last <= y->last &&
	       x->first >= y->first && x->grade >= y->grade;
}

/* In that order, each once: a hop that hangs on its logins may have been given twice, and one by a flow that
 * was recorded while it ran comes with each of its records. */
static void edges_order(struct spread_edges *e)
{
	size_t n = 0;
	if (e->n)
		qsort(e->v, e->n, sizeof(*e->v), cite_compare);
	for (size_t i = 0; i < e->n; i++) {
		bool replaces = n > 0 && is_covered(&e->v[n - 1], &e->v[i]);
		n -= replaces;
		e->v[n++] = e->v[i];
	}
	e->n = n;
}

/* What the segments visited were not asked for yet, and for how many assets. */
static size_t search_open(struct search *s)
{
	size_t n = 0;
	s->open_first = INT64_MAX;
	s->open_until = INT64_MIN;
	for (int g = 0; g < REACH_LEVELS; g++)
		for (size_t i = 0; i < s->n; i++) {
			int64_t time = s->times.v[g][i], asked = s->asked.v[g][i];
			if (time >= asked)
				continue;
			n++;
			s->open_first = time < s->open_first ? time : s->open_first;
			s->open_until = asked > s->open_until ? asked : s->open_until;
		}
	return n;
}

/* Reads, then settles: *ret_open tells for how many arrivals there is more to ask. */
static int search_step(struct search *s, size_t *ret_open)
{
	int error = search_visit(s);
	if (error == -E2BIG) {
		s->whole = false;
		s->covered_from = INT64_MAX;
		error = search_visit(s);
	}
	for (int g = 0; g < REACH_LEVELS; g++)
		memcpy(s->asked.v[g], s->times.v[g], s->n * sizeof(int64_t));
	if (error == 0)
		error = search_settle(s);
	if (error == 0) {
		edges_drop_late(s);
		*ret_open = search_open(s);
	}
	return error;
}

/* One stretch of time until nothing in it changes. *ret_changed: how many arrivals it lowered at first. */
static int search_stretch(struct search *s, int64_t until, size_t *ret_changed)
{
	size_t open = 0;
	s->fresh_from = s->fresh_until;
	s->fresh_until = until;
	s->covered_from = s->whole ? s->fresh_from : INT64_MAX;
	int error = search_step(s, &open);
	*ret_changed = open;
	while (error == 0 && open) {
		s->fresh_from = s->fresh_until;
		error = search_step(s, &open);
	}
	edges_keep_tight(s);
	return error;
}

/* Whether many were reached while flows of these segments ran. */
static bool many_reached_since(const struct search *s, const struct search_span *spans, size_t n)
{
	int64_t first = INT64_MAX;
	size_t reached = 0;
	for (size_t i = 0; i < n; i++)
		first = spans[i].first < first ? spans[i].first : first;
	for (size_t i = 0; i < s->n; i++) {
		int64_t time = s->times.v[SPREAD_POSSIBLE][i];
		reached += time >= first && time != INT64_MAX;
	}
	return reached > s->n / STRETCH_CHANGED;
}

/*
 * Stretches of some segments each: many where hardly anything changes. Where much does, few that are read
 * whole: else each hop of the spread would have them read again.
 */
static int search_run(struct search *s, const struct search_span *spans, size_t n)
{
	size_t stretch = STRETCH_WHOLE, changed = 0, at = 0;
	int error = 0;
	s->whole = true;
	while (at < n && spans[at].last <= s->earliest)
		at++;
	while (error == 0 && at < n) {
		size_t next = at + stretch < n ? at + stretch : n;
		s->timed = many_reached_since(s, spans + at, next - at);
		error = search_stretch(s, spans[next - 1].last, &changed);
		while (at < n && spans[at].last <= s->fresh_until)
			at++;
		s->whole = changed > s->n / STRETCH_CHANGED;
		stretch = s->whole ? STRETCH_WHOLE : stretch * 2;
	}
	return error;
}

int spread_search(struct spread_edges *e, const struct spread_input *in, uint64_t *ret_looked)
{
	struct search s;
	struct search_span *spans = NULL;
	size_t n = 0;
	int error = search_new(&s, in);
	if (error == 0)
		error = search_spans(in->archive, &spans, &n);
	if (error == 0 && n && s.earliest != INT64_MAX) {
		error = search_run(&s, spans, n);
		edges_order(&s.edges);
	} else if (error == 0 && s.earliest != INT64_MAX) {
		error = spread_edges_read(&s.edges, in);
	}
	if (error == 0) {
		*e = s.edges;
		*ret_looked = s.looked;
		s.edges = (struct spread_edges){0};
	}
	free(spans);
	search_free(&s);
	return error;
}
