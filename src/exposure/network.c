/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exposure/network.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <igraph/igraph.h>

#include "base/err.h"

/*
 * Each machine is a row of vertices in order of time, joined by edges without bound: data stays where it is.
 * A vertex stands for a run of arrivals followed by a run of departures, so that every departure finds just
 * the arrivals that came no later. Arcs between the same two vertices are one edge: that loses nothing.
 */

/* igraph counts in doubles, which hold whole numbers up to 2^53: 9 petabytes, more than any capture. */
#define CAPACITY_MAX (UINT64_C(1) << 53)

struct event {
	int64_t time;
	uint32_t place;
	uint32_t arc;
	bool departure;
};

struct network {
	struct arcs arcs; /* by (tail, head) once there are vertices */
	uint32_t n_vertices;
	uint32_t *row; /* of each vertex the one that follows on the same machine, 0: none */
	struct edge *edges;
	size_t n_edges;  /* those of arcs come first, in the arcs' order */
	uint64_t direct; /* straight from the zone to the outside */
};

static void network_free(struct network *n)
{
	free(n->arcs.v);
	free(n->row);
	free(n->edges);
}

static uint32_t vertex_of_place(const struct places *p, uint32_t place)
{
	switch (place_kind_of(p, place)) {
	case PLACE_ZONE: return ARC_SOURCE;
	case PLACE_OUTSIDE: return ARC_SINK;
	case PLACE_INSIDE: break;
	}
	return ARC_MACHINE + place;
}

static int arcs_make(struct network *n, const struct transfers *t, const struct places *p, bool intruder_only)
{
	n->arcs.n_places = (size_t)p->n_assets + 1; /* machines, and somebody */
	n->arcs.v = calloc(t->n + 1, sizeof(*n->arcs.v));
	if (!n->arcs.v)
		return -ENOMEM;
	for (size_t i = 0; i < t->n; i++) {
		const struct transfer *x = &t->v[i];
		if (intruder_only && x->intruder_first == INT64_MAX)
			continue;
		struct arc arc = {.first = intruder_only ? x->intruder_first : x->first,
		    .last = x->last,
		    .bytes = x->bytes,
		    .from = vertex_of_place(p, x->from),
		    .to = vertex_of_place(p, x->to),
		    .transfer = (uint32_t)i};
		if (arc.from == ARC_SOURCE && arc.to == ARC_SINK)
			n->direct = bytes_sum(n->direct, x->bytes);
		else
			n->arcs.v[n->arcs.n++] = arc;
	}
	return 0;
}

/* At one machine by time; what arrives comes before what departs at the same time. */
static int event_compare(const void *a, const void *b)
{
	const struct event *x = a, *y = b;
	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	if (x->departure != y->departure)
		return x->departure ? 1 : -1;
	return x->arc < y->arc ? -1 : x->arc > y->arc;
}

static size_t events_make(const struct network *n, struct event *events)
{
	size_t count = 0;
	for (size_t i = 0; i < n->arcs.n; i++) {
		const struct arc *arc = &n->arcs.v[i];
		if (arc->from >= ARC_MACHINE)
			events[count++] = (struct event){arc->last, arc->from, (uint32_t)i, true};
		if (arc->to >= ARC_MACHINE)
			events[count++] = (struct event){arc->first, arc->to, (uint32_t)i, false};
	}
	qsort(events, count, sizeof(*events), event_compare);
	return count;
}

/* Gives every arc its two vertices. */
static int vertices_make(struct network *n)
{
	struct event *events = calloc(2 * n->arcs.n + 1, sizeof(*events));
	n->row = calloc(2 * n->arcs.n + VERTEX_FIRST + 1, sizeof(*n->row));
	if (!events || !n->row) {
		free(events);
		return -ENOMEM;
	}
	size_t count = events_make(n, events);
	n->n_vertices = VERTEX_FIRST;
	for (size_t i = 0; i < count; i++) {
		const struct event *e = &events[i], *before = i ? &events[i - 1] : NULL;
		bool same = before && before->place == e->place;
		if (!same || (before->departure && !e->departure)) {
			if (same)
				n->row[n->n_vertices - 1] = n->n_vertices;
			n->n_vertices++;
		}
		if (e->departure)
			n->arcs.v[e->arc].tail = n->n_vertices - 1;
		else
			n->arcs.v[e->arc].head = n->n_vertices - 1;
	}
	for (size_t i = 0; i < n->arcs.n; i++) {
		if (n->arcs.v[i].from == ARC_SOURCE)
			n->arcs.v[i].tail = VERTEX_SOURCE;
		if (n->arcs.v[i].to == ARC_SINK)
			n->arcs.v[i].head = VERTEX_SINK;
	}
	free(events);
	return 0;
}

static int arc_compare(const void *a, const void *b)
{
	const struct arc *x = a, *y = b;
	if (x->tail != y->tail)
		return x->tail < y->tail ? -1 : 1;
	if (x->head != y->head)
		return x->head < y->head ? -1 : 1;
	return x->transfer < y->transfer ? -1 : x->transfer > y->transfer;
}

static bool same_edge(const struct arc *x, const struct arc *y)
{
	return x->tail == y->tail && x->head == y->head;
}

static int edges_make(struct network *n, size_t edges_max)
{
	size_t count = 0;
	uint64_t total = 0;
	qsort(n->arcs.v, n->arcs.n, sizeof(*n->arcs.v), arc_compare);
	for (size_t i = 0; i < n->arcs.n; i++)
		count += i == 0 || !same_edge(&n->arcs.v[i - 1], &n->arcs.v[i]);
	if (count > edges_max)
		return -ERR_LIMIT;
	n->edges = calloc(count + n->n_vertices, sizeof(*n->edges));
	if (!n->edges)
		return -ENOMEM;
	for (size_t i = 0; i < n->arcs.n; i++) {
		const struct arc *arc = &n->arcs.v[i];
		if (i == 0 || !same_edge(arc - 1, arc))
			n->edges[n->n_edges++] = (struct edge){.tail = arc->tail, .head = arc->head};
		struct edge *e = &n->edges[n->n_edges - 1];
		e->capacity = bytes_sum(e->capacity, arc->bytes);
		total = bytes_sum(total, arc->bytes);
	}
	for (uint32_t v = VERTEX_FIRST; v < n->n_vertices; v++)
		if (n->row[v])
			n->edges[n->n_edges++] = (struct edge){
			    .tail = v, .head = n->row[v], .capacity = total};
	return edges_cap(n->edges, n->n_edges, n->n_vertices);
}

/*
 * Push-relabel brings back to its source whatever can't reach the sink. Where the sink takes far less than
 * the source offers it is better begun there: with all edges turned around the maximum and the edges' flows
 * are the same. Where both are alike, data flows more easily forward in time than back (measured;
 * doc/exposure.md).
 */
static bool network_turned(const struct network *n)
{
	uint64_t offered = 0, taken = 0;
	for (size_t i = 0; i < n->n_edges; i++) {
		if (n->edges[i].tail == VERTEX_SOURCE)
			offered = bytes_sum(offered, n->edges[i].capacity);
		if (n->edges[i].head == VERTEX_SINK)
			taken = bytes_sum(taken, n->edges[i].capacity);
	}
	return taken < offered - offered / 3;
}

/* igraph's own edge list and capacities. */
static int graph_fill(
    const struct network *n, bool turned, igraph_vector_int_t *list, igraph_vector_t *capacity)
{
	if (igraph_vector_int_init(list, (igraph_integer_t)(2 * n->n_edges)) != IGRAPH_SUCCESS)
		return -ENOMEM;
	if (igraph_vector_init(capacity, (igraph_integer_t)n->n_edges) != IGRAPH_SUCCESS) {
		igraph_vector_int_destroy(list);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n->n_edges; i++) {
		const struct edge *e = &n->edges[i];
		VECTOR(*list)[2 * i] = turned ? e->head : e->tail;
		VECTOR(*list)[2 * i + 1] = turned ? e->tail : e->head;
		VECTOR(*capacity)[i] = (double)(e->capacity < CAPACITY_MAX ? e->capacity : CAPACITY_MAX);
	}
	return 0;
}

/*
 * Solves the graph; flow (may be NULL) has been initialized and holds the flow of each edge afterwards.
 * Push-relabel brings back to its source whatever can't reach the sink, so it begins at the narrower end:
 * with all edges turned around the maximum and the edges' flows are the same.
 */
static int graph_solve(const struct network *n, igraph_real_t *ret_value, igraph_vector_t *flow)
{
	igraph_t graph;
	igraph_vector_int_t list;
	igraph_vector_t capacity;
	bool turned = network_turned(n);
	int error = graph_fill(n, turned, &list, &capacity);
	if (error < 0)
		return error;
	if (igraph_create(&graph, &list, n->n_vertices, IGRAPH_DIRECTED) != IGRAPH_SUCCESS) {
		error = -ENOMEM;
	} else {
		if (igraph_maxflow(&graph, ret_value, flow, NULL, NULL, NULL,
		        turned ? VERTEX_SINK : VERTEX_SOURCE, turned ? VERTEX_SOURCE : VERTEX_SINK, &capacity,
		        NULL) != IGRAPH_SUCCESS)
			error = -ENOMEM;
		igraph_destroy(&graph);
	}
	igraph_vector_destroy(&capacity);
	igraph_vector_int_destroy(&list);
	return error;
}

/* Shares each edge's flow out to its transfers, in their order. */
static void used_share(const struct network *n, const igraph_vector_t *flow, uint64_t *used)
{
	size_t edge = 0;
	uint64_t left = 0;
	for (size_t i = 0; i < n->arcs.n; i++) {
		const struct arc *arc = &n->arcs.v[i];
		if (i == 0 || !same_edge(arc - 1, arc))
			left = (uint64_t)VECTOR(*flow)[edge++];
		uint64_t take = left < arc->bytes ? left : arc->bytes;
		used[arc->transfer] = take;
		left -= take;
	}
}

static int network_solve(const struct network *n, struct network_result *result)
{
	if (n->arcs.n == 0)
		return 0;
	igraph_real_t value = 0;
	igraph_vector_t flow;
	/* igraph's own way with an error is to abort the program */
	igraph_error_handler_t *before = igraph_set_error_handler(igraph_error_handler_ignore);
	int error = igraph_vector_init(&flow, 0) == IGRAPH_SUCCESS ? 0 : -ENOMEM;
	if (error == 0) {
		error = graph_solve(n, &value, result->used ? &flow : NULL);
		if (error == 0)
			result->bytes = value < (igraph_real_t)INT64_MAX ? (uint64_t)value : UINT64_MAX;
		if (error == 0 && result->used)
			used_share(n, &flow, result->used);
		igraph_vector_destroy(&flow);
	}
	igraph_set_error_handler(before);
	return error;
}

static int network_build(
    struct network *n, const struct transfers *t, const struct places *p, const struct network_query *query)
{
	int error = arcs_make(n, t, p, query->intruder_only);
	if (error == 0)
		error = arcs_clip(&n->arcs);
	if (error == 0)
		error = vertices_make(n);
	return error < 0 ? error : edges_make(n, query->edges_max);
}

/* What goes straight from the zone to the outside is used in full. */
static void used_direct(const struct transfers *t, const struct places *p, bool intruder_only, uint64_t *used)
{
	for (size_t i = 0; i < t->n; i++)
		if ((!intruder_only || t->v[i].intruder_first != INT64_MAX) &&
		    place_kind_of(p, t->v[i].from) == PLACE_ZONE &&
		    place_kind_of(p, t->v[i].to) == PLACE_OUTSIDE)
			used[i] = t->v[i].bytes;
}

int network_flow(const struct transfers *t, const struct places *p, const struct network_query *query,
    struct network_result *ret_result)
{
	struct network n = {0};
	struct network_result result = {0};
	int error = 0;
	if (query->used) {
		result.used = calloc(t->n + 1, sizeof(*result.used));
		error = result.used ? 0 : -ENOMEM;
	}
	if (error == 0)
		error = network_build(&n, t, p, query);
	if (error == 0)
		error = network_solve(&n, &result);
	if (error == 0) {
		result.bytes = bytes_sum(result.bytes, n.direct);
		if (result.used)
			used_direct(t, p, query->intruder_only, result.used);
		*ret_result = result;
	} else {
		free(result.used);
	}
	network_free(&n);
	return error;
}
