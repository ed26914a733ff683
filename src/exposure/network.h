/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXPOSURE_NETWORK_H
#define EXPOSURE_NETWORK_H

/*
 * The maximum flow from the zone to the outside through the time-expanded graph of transfers. doc/exposure.md
 * proves that it is never below what truly moved. Private to exposure/.
 *
 * clip.c narrows each transfer to the times at which it can have carried the zone's data on its way out and
 * drops those that can't; network.c makes the graph of what is left and asks igraph.
 */

#include "exposure/transfer.h"

/* A transfer at work: its ends as vertices of the clip search, the span in which it can matter. */
struct arc {
	int64_t first, last;
	uint64_t bytes;
	uint32_t from, to;   /* ARC_SOURCE, ARC_SINK or ARC_MACHINE + place */
	uint32_t transfer;   /* index */
	uint32_t tail, head; /* vertices of the graph, by network.c */
};

enum { ARC_SOURCE, ARC_SINK, ARC_MACHINE };

struct arcs {
	struct arc *v;
	size_t n;
	size_t n_places; /* from and to are below ARC_MACHINE + n_places */
};

/*
 * Narrows each arc's span to [earliest time at which the zone's data can be at its tail, latest time at which
 * data at its head can still get out], and removes arcs whose span is empty. 0 or -ENOMEM.
 */
int arcs_clip(struct arcs *a);

/* An edge of the graph: all arcs from one vertex to another, or the stay of data from one vertex to the next.
 */
struct edge {
	uint32_t tail, head;
	uint64_t capacity;
};

enum { VERTEX_SOURCE, VERTEX_SINK, VERTEX_FIRST };

/*
 * Lowers each edge's capacity to what can come to its tail and to what can leave its head. The maximum flow
 * stays what it was; igraph finds it many times sooner. 0 or -ENOMEM.
 */
int edges_cap(struct edge *edges, size_t n, uint32_t n_vertices);

struct network_result {
	uint64_t bytes; /* the maximum flow */
	uint64_t *used; /* of each transfer, when asked for; the caller frees it */
};

/* What is asked for. */
struct network_query {
	bool intruder_only; /* over the transfers of the intruder alone */
	bool used;          /* what of each transfer is used: igraph takes far longer to tell that */
	size_t edges_max;
};

/* -ERR_LIMIT where the graph would have more than edges_max edges (merge the transfers and ask again),
 * -ENOMEM. */
int network_flow(const struct transfers *t, const struct places *p, const struct network_query *query,
    struct network_result *ret_result);

#endif
