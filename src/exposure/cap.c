/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Lowers capacities to what they can bear. Through a vertex passes no more than comes in and no more than
 * goes out; so no edge needs more room than either of its ends allows. The vertices of a machine follow one
 * another in time and in number: one pass upwards carries what came in along all of them, one pass downwards
 * what can still go out.
 */

#include <errno.h>
#include <stdlib.h>

#include "exposure/network.h"

/* The edges of each vertex, by their tails or by their heads: order[start[v]] .. order[start[v + 1] - 1]. */
struct edge_index {
	uint32_t *order, *start;
};

static void index_free(struct edge_index *x)
{
	free(x->order);
	free(x->start);
	*x = (struct edge_index){0};
}

static int index_new(
    struct edge_index *x, const struct edge *edges, size_t n, uint32_t n_vertices, bool by_head)
{
	x->order = calloc(n + 1, sizeof(*x->order));
	x->start = calloc((size_t)n_vertices + 2, sizeof(*x->start));
	if (!x->order || !x->start) {
		index_free(x);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		x->start[(size_t)(by_head ? edges[i].head : edges[i].tail) + 2]++;
	for (size_t v = 2; v < (size_t)n_vertices + 2; v++)
		x->start[v] += x->start[v - 1];
	for (size_t i = 0; i < n; i++)
		x->order[x->start[(size_t)(by_head ? edges[i].head : edges[i].tail) + 1]++] = (uint32_t)i;
	return 0;
}

/* Lowers the edges of v in `lowered` to the sum of those in `summed`. */
static void vertex_cap(
    struct edge *edges, const struct edge_index *summed, const struct edge_index *lowered, uint32_t v)
{
	uint64_t most = 0;
	for (uint32_t i = summed->start[v]; i < summed->start[v + 1]; i++)
		most = bytes_sum(most, edges[summed->order[i]].capacity);
	for (uint32_t i = lowered->start[v]; i < lowered->start[v + 1]; i++) {
		struct edge *e = &edges[lowered->order[i]];
		e->capacity = e->capacity < most ? e->capacity : most;
	}
}

int edges_cap(struct edge *edges, size_t n, uint32_t n_vertices)
{
	enum { ROUNDS = 2 }; /* what a third finds is not worth its time */
	struct edge_index out = {0}, in = {0};
	int error = index_new(&out, edges, n, n_vertices, false);
	if (error < 0)
		return error;
	error = index_new(&in, edges, n, n_vertices, true);
	for (int round = 0; round < ROUNDS && error == 0; round++) {
		for (uint32_t v = VERTEX_FIRST; v < n_vertices; v++)
			vertex_cap(edges, &in, &out, v);
		for (uint32_t v = n_vertices; v-- > VERTEX_FIRST;)
			vertex_cap(edges, &out, &in, v);
	}
	index_free(&in);
	index_free(&out);
	return error;
}
