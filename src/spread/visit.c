/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Reads the archive for a search: which segments, which flows of them, and which of their hops are kept. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive/archive.h"
#include "base/vec.h"
#include "spread/search.h"

/*
 * What an address can be for a search, as bits: those of a hop's beginning and its end meet where the hop can
 * matter. The upper half of the byte is for hops that run against their flow.
 */
enum {
	MARK_PROVEN = 1 << 0,   /* if a detection rests on it */
	MARK_LIKELY = 1 << 1,   /* if its protocol is an administrative one */
	MARK_POSSIBLE = 1 << 2, /* whatever it is */
	MARK_EARLY = 1 << 3,    /* if it began before its end was reached */
	MARKS_BACK = 4,         /* bits */
	MARKS = 0x0f,
};

enum { VISIT_SPANS_MAX = 1 << 24 };

/* One thread's part of a visit. */
struct visit {
	const struct search *s;
	struct search_times bounds; /* as s->times, lowered by the hops kept of this segment */
	struct spread_edges found;
	size_t segment; /* where its hops begin among those found */
	int64_t first, last;
	int64_t early; /* the latest arrival of those that are marked so */
	bool fresh, whole;
	bool full; /* more than SEARCH_WHOLE_MAX */
	uint64_t looked;
};

/* Each segment is weighed by itself, so that what is kept doesn't hang on which thread came to which. */
static void bounds_reset(struct visit *v)
{
	for (size_t i = v->segment; i < v->found.n; i++)
		for (int g = 0; g < REACH_LEVELS; g++)
			v->bounds.v[g][v->found.v[i].to] = v->s->times.v[g][v->found.v[i].to];
	v->segment = v->found.n;
}

static int visit_enter(void *context, int64_t first, int64_t last)
{
	struct visit *v = context;
	const struct search *s = v->s;
	bounds_reset(v);
	v->first = first;
	v->last = last;
	v->early = INT64_MIN;
	v->fresh = last > s->fresh_from;
	v->whole = v->fresh && s->whole;
	if (last <= s->earliest || (s->in->config.until && first >= s->in->config.until))
		return 1;
	if (v->fresh)
		return last > s->fresh_until;
	return last > s->covered_from || last <= s->open_first || first > s->open_until;
}

/* The levels at which the asset's own hops are wanted of this segment. */
static unsigned levels_from(const struct visit *v, uint32_t asset)
{
	const struct search *s = v->s;
	unsigned levels = 0;
	if (v->whole)
		return (1u << REACH_LEVELS) - 1;
	for (int g = 0; g < REACH_LEVELS; g++) {
		int64_t time = s->times.v[g][asset], asked = s->asked.v[g][asset];
		if (time < v->last && (v->fresh || (time < asked && v->first <= asked)))
			levels |= 1u << g;
	}
	return levels;
}

/* The levels at which the asset could be reached by any flow of the segment, and whether at some it could by
 * flows that began early. */
static unsigned levels_to(struct visit *v, uint32_t asset, bool *ret_early)
{
	unsigned levels = 0;
	*ret_early = false;
	for (int g = 0; g < REACH_LEVELS; g++) {
		int64_t time = v->bounds.v[g][asset];
		if (time >= v->last) {
			levels |= 1u << g;
		} else if (time >= v->first) {
			*ret_early = true;
			v->early = time > v->early ? time : v->early;
		}
	}
	return levels;
}

static uint8_t marks_from(const struct visit *v, uint32_t asset)
{
	unsigned levels = levels_from(v, asset);
	return (uint8_t)((levels ? MARK_PROVEN | MARK_EARLY : 0) |
	                 (levels >> SPREAD_LIKELY & 1 ? MARK_LIKELY : 0) |
	                 (levels >> SPREAD_POSSIBLE & 1 ? MARK_POSSIBLE : 0));
}

static uint8_t marks_to(struct visit *v, uint32_t asset)
{
	bool early;
	unsigned levels = levels_to(v, asset, &early);
	return (uint8_t)((early ? MARK_EARLY : 0) | (levels && v->s->provable[asset] ? MARK_PROVEN : 0) |
	                 (levels >> SPREAD_LIKELY & 1 ? MARK_LIKELY : 0) |
	                 (levels >> SPREAD_POSSIBLE & 1 ? MARK_POSSIBLE : 0));
}

static int visit_ends(void *context, const struct net_addr *addrs, size_t n, uint8_t *from, uint8_t *to)
{
	struct visit *v = context;
	const struct search *s = v->s;
	for (size_t i = 0, k = 0; k < n; k++) {
		/* the store asks about addresses of ends alone, and both are sorted */
		while (i < s->n_ends && net_addr_compare(s->ends[i].addr, addrs[k]) < 0)
			i++;
		if (i == s->n_ends || !net_addr_equal(s->ends[i].addr, addrs[k]))
			continue;
		uint8_t begin = marks_from(v, s->ends[i].asset), end = marks_to(v, s->ends[i].asset);
		from[k] = (uint8_t)(begin | end << MARKS_BACK);
		to[k] = (uint8_t)(end | begin << MARKS_BACK);
	}
	return 0;
}

static bool visit_pick(void *context, const struct msg_flow *f, uint8_t common)
{
	const struct visit *v = context;
	uint8_t marks = common & MARKS;
	if (v->s->in->config.backflow || spread_flow_guessed(f))
		marks |= (uint8_t)(common >> MARKS_BACK);
	if (marks & (MARK_PROVEN | MARK_POSSIBLE) || (marks & MARK_EARLY && !v->s->timed))
		return true;
	if (marks & MARK_EARLY && f->first <= v->early)
		return true;
	return marks & MARK_LIKELY && spread_grade_of_flow(f) == SPREAD_LIKELY;
}

/* The arrival that the hop gives at a level; false where it gives none. */
static bool hop_arrival(const struct spread_edge *e, int64_t held, int64_t *ret_arrival)
{
	if (held >= e->last)
		return false;
	*ret_arrival = e->first > held ? e->first : held;
	return true;
}

/* Whether the hop gives an arrival no later than what is known, at any level from `grade` on. */
static bool hop_gives(const struct spread_edge *e, unsigned grade, const struct search_times *held,
    const struct search_times *known)
{
	for (unsigned g = grade; g < REACH_LEVELS; g++) {
		int64_t arrival;
		if (hop_arrival(e, held->v[g][e->from], &arrival) && arrival <= known->v[g][e->to])
			return true;
	}
	return false;
}

/* The same for whoever could come to hold its beginning. */
static bool hop_could_give(const struct search *s, const struct spread_edge *e)
{
	int64_t arrival;
	bool could = false;
	if (!hop_arrival(e, s->earliest, &arrival))
		return false;
	for (unsigned g = e->grade; g < REACH_LEVELS; g++)
		could |= arrival <= s->times.v[g][e->to];
	return could;
}

/* The surest grade that it has whatever its logins tell. */
static unsigned sure_grade(const struct spread_edge *e)
{
	return e->by_login ? SPREAD_POSSIBLE : e->grade;
}

/* But not again what gave one when the segment was visited before: that was kept. */
static bool hop_wanted(const struct visit *v, const struct spread_edge *e)
{
	const struct search *s = v->s;
	if (v->whole)
		return hop_could_give(s, e);
	if (!v->fresh && hop_gives(e, sure_grade(e), &s->asked, &s->times))
		return false;
	return hop_gives(e, e->grade, &s->times, &v->bounds);
}

static int hop_keep(struct visit *v, const struct spread_edge *e)
{
	size_t before = v->found.n;
	int error = spread_edges_add(&v->found, e);
	if (error < 0 || v->whole)
		return error; /* nobody is reached by what was only read */
	if (v->found.n <= before)
		v->segment = 0; /* they were merged: of any segment now */
	for (unsigned g = sure_grade(e); g < REACH_LEVELS; g++) {
		int64_t arrival;
		if (hop_arrival(e, v->s->times.v[g][e->from], &arrival))
			search_lower(&v->bounds, g, e->to, arrival);
	}
	return 0;
}

static size_t whole_max(const struct search *s)
{
	size_t room = s->edges.max - s->edges.n;
	return room < SEARCH_WHOLE_MAX ? room : SEARCH_WHOLE_MAX;
}

static int visit_flow(void *context, const struct msg_flow *f)
{
	struct visit *v = context;
	struct spread_edge hops[SPREAD_HOPS_OF_FLOW];
	size_t n = spread_flow_hops(v->s->in, v->s->proof, f, hops);
	int error = 0;
	v->looked++;
	for (size_t i = 0; i < n && error == 0; i++) {
		hops[i].by_login &= v->s->logins;
		if (!hop_wanted(v, &hops[i]))
			continue;
		v->full |= v->whole && v->found.n == whole_max(v->s);
		if (v->full)
			return 1;
		error = hop_keep(v, &hops[i]);
	}
	return error;
}

static int flow_id_compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

/* Grades the edges by the logins of their flows. */
static int logins_apply(struct archive *archive, struct spread_edge *v, size_t n)
{
	size_t n_flows = 0;
	struct spread_logins *logins;
	for (size_t i = 0; i < n; i++)
		n_flows += v[i].by_login;
	if (n_flows == 0)
		return 0;
	uint64_t *flows = calloc(n_flows, sizeof(*flows));
	if (!flows)
		return -ENOMEM;
	n_flows = 0;
	for (size_t i = 0; i < n; i++)
		if (v[i].by_login)
			flows[n_flows++] = v[i].flow;
	qsort(flows, n_flows, sizeof(*flows), flow_id_compare);
	int error = spread_logins_read(&logins, archive, flows, n_flows, 0);
	for (size_t i = 0; i < n && error == 0; i++)
		spread_logins_grade(logins, &v[i]);
	if (error == 0)
		spread_logins_free(logins);
	free(flows);
	return error;
}

/* What the threads found becomes edges of the search. */
static int visits_merge(struct search *s, struct visit *visits, size_t n)
{
	size_t total = 0, at = visits[0].found.n;
	bool full = false;
	for (size_t i = 0; i < n; i++) {
		total += visits[i].found.n;
		full |= visits[i].full;
	}
	if (s->whole && (full || total > s->edges.max - s->edges.n))
		return -E2BIG;
	for (size_t i = 0; i < n; i++) {
		s->looked += visits[i].looked;
		s->edges.coarse |= visits[i].found.coarse;
	}
	struct spread_edge *all = reallocarray(visits[0].found.v, total + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	visits[0].found.v = all;
	for (size_t i = 1; i < n; i++) {
		if (visits[i].found.n)
			memcpy(all + at, visits[i].found.v, visits[i].found.n * sizeof(*all));
		at += visits[i].found.n;
	}
	int error = logins_apply(s->in->archive, all, total);
	if (error == 0 && total > s->edges.max - s->edges.n)
		spread_edges_sort(all, total);
	for (size_t i = 0; i < total && error == 0; i++)
		error = spread_edges_add(&s->edges, &all[i]);
	return error;
}

static int visits_new(const struct search *s, struct visit *visits, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		/* where nobody says which segment it is: all of time, asked for before unless this is the
		 * first */
		visits[i] = (struct visit){.s = s,
		    .first = INT64_MIN,
		    .last = INT64_MAX,
		    .fresh = s->fresh_from == INT64_MIN,
		    .found = {.max = s->edges.max}};
		for (int g = 0; g < REACH_LEVELS; g++) {
			visits[i].bounds.v[g] = calloc(s->n + 1, sizeof(int64_t));
			if (!visits[i].bounds.v[g])
				return -ENOMEM;
			memcpy(visits[i].bounds.v[g], s->times.v[g], s->n * sizeof(int64_t));
		}
	}
	return 0;
}

/* A scan that passed over something unreadable may have missed a hop: no answer rather than a clearing. */
static int hunt_result(int error, const struct archive_hunt_stat *stat)
{
	if (error < 0)
		return error;
	return stat->n_gaps ? stat->gaps[0].error : 0;
}

int search_visit(struct search *s)
{
	const struct archive_hints hints = {.enter = visit_enter,
	    .ends = visit_ends,
	    .addrs = s->addrs,
	    .n_addrs = s->n_ends,
	    .flagged = s->in->config.backflow ? 0 : MARKS << MARKS_BACK,
	    .flags = spread_guessed_flag(),
	    .pick = visit_pick,
	    .pick_columns = (s->timed ? UINT64_C(1) << MSG_FLOW_FIELD_FIRST : 0) |
	                    UINT64_C(1) << MSG_FLOW_FIELD_PROTOCOL |
	                    UINT64_C(1) << MSG_FLOW_FIELD_RESPONDER_PORT |
	                    UINT64_C(1) << MSG_FLOW_FIELD_FLAGS | UINT64_C(1) << MSG_FLOW_FIELD_APP};
	const struct archive_filter filter = {.columns = spread_hop_columns(), .hints = &hints};
	struct visit visits[SPREAD_THREADS_MAX] = {0};
	struct archive_hunt_stat stat = {0};
	void *contexts[SPREAD_THREADS_MAX] = {0};
	unsigned n = s->in->config.threads ? s->in->config.threads : SPREAD_THREADS;
	n = n < SPREAD_THREADS_MAX ? n : SPREAD_THREADS_MAX;
	for (size_t i = 0; i < n; i++)
		contexts[i] = &visits[i];
	int error = visits_new(s, visits, n);
	if (error == 0)
		error = hunt_result(
		    archive_hunt_flows(s->in->archive, &filter, n, visit_flow, contexts, &stat), &stat);
	if (error == 0)
		error = visits_merge(s, visits, n);
	for (size_t i = 0; i < n; i++) {
		for (int g = 0; g < REACH_LEVELS; g++)
			free(visits[i].bounds.v[g]);
		spread_edges_free(&visits[i].found);
	}
	return error;
}

struct spans {
	struct search_span *v;
	size_t n, cap;
	int error;
};

static int spans_enter(void *context, int64_t first, int64_t last)
{
	struct spans *s = context;
	int error = VEC_RESERVE(s->v, &s->cap, s->n, VISIT_SPANS_MAX);
	if (error < 0)
		return error;
	s->v[s->n++] = (struct search_span){.first = first, .last = last};
	return 1;
}

static int spans_flow(void *context, const struct msg_flow *f)
{
	(void)context;
	(void)f;
	return 1; /* a store that asks no hints has no spans to tell */
}

static int span_compare(const void *a, const void *b)
{
	const struct search_span *x = a, *y = b;
	if (x->last != y->last)
		return x->last < y->last ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

int search_spans(struct archive *archive, struct search_span **ret_spans, size_t *ret_n)
{
	static const struct archive_hints hints = {.enter = spans_enter};
	const struct archive_filter filter = {.hints = &hints};
	struct archive_hunt_stat stat = {0};
	struct spans s = {0};
	void *contexts[1] = {&s};
	int error = hunt_result(archive_hunt_flows(archive, &filter, 1, spans_flow, contexts, &stat), &stat);
	if (error < 0) {
		free(s.v);
		return error;
	}
	if (s.n)
		qsort(s.v, s.n, sizeof(*s.v), span_compare);
	*ret_spans = s.v;
	*ret_n = s.n;
	return 0;
}
