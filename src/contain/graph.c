/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "contain/parts.h"

#include <errno.h>
#include <igraph/igraph.h>
#include <string.h>

/*
 * The graph. Nodes: the source; for each held machine an "in" and an "out" node (node splitting: the edge
 * between them is the cut of the whole machine); for each live zone an "in" and "out" node, which stands for
 * its machines that aren't held; the outside; the sink. Edges carry the cost of the cut that would part them;
 * what no enforcement point parts has no edge and becomes a manual step. From a zone the intruder goes on to
 * other zones: so a held machine is cut either from a zone, or that zone from what must be kept, whichever
 * costs less.
 *
 * Every cut costs CUT_ITSELF on top of the use it loses, so that of two cuts that lose the same the simpler
 * one is taken.
 */
#define CUT_ITSELF 0.001
/* The cut of a whole machine parts more than was asked for: only where it costs no more than its parts. */
#define HOST_ITSELF 0.0015
#define UNCUTTABLE  1e15

struct graph {
	const struct plan_work *w;
	size_t zones;
	igraph_vector_int_t edges;
	igraph_vector_t capacity;
	/* costs of uses, gathered once */
	double *to_zone;   /* [held * zones]: begun by the machine, or with a protected zone either way */
	double *outside;   /* [held] */
	double *host;      /* [held] */
	double *zone_zone; /* [zones * zones]: begun by a, not by held machines */
	double *zone_outside;
	uint32_t *index; /* asset -> number of the held machine + 1 */
};

enum { NODE_SOURCE, NODE_SINK, NODE_OUTSIDE, NODE_FIRST };

static igraph_integer_t node_host_in(size_t i)
{
	return (igraph_integer_t)(NODE_FIRST + 2 * i);
}

static igraph_integer_t node_host_out(size_t i)
{
	return node_host_in(i) + 1;
}

static igraph_integer_t node_zone_in(const struct graph *g, size_t z)
{
	return (igraph_integer_t)(NODE_FIRST + 2 * g->w->n_held + 2 * z);
}

static igraph_integer_t node_zone_out(const struct graph *g, size_t z)
{
	return node_zone_in(g, z) + 1;
}

static int add_edge(struct graph *g, igraph_integer_t from, igraph_integer_t to, double capacity)
{
	if (igraph_vector_int_push_back(&g->edges, from) != IGRAPH_SUCCESS ||
	    igraph_vector_int_push_back(&g->edges, to) != IGRAPH_SUCCESS ||
	    igraph_vector_push_back(&g->capacity, capacity) != IGRAPH_SUCCESS)
		return -ENOMEM;
	return 0;
}

static bool zone_is_protected(const struct graph *g, uint16_t zone)
{
	return net_zone_at(g->w->in->zones, zone)->class == NET_ZONE_PROTECTED;
}

static void count_held_use(struct graph *g, size_t i, uint16_t other_zone, bool begun, double weight)
{
	const struct plan_input *in = g->w->in;
	g->host[i] += weight;
	if (plan_zone_is_external(in, other_zone))
		g->outside[i] += weight;
	else if (begun || zone_is_protected(g, other_zone))
		g->to_zone[i * g->zones + other_zone] += weight;
}

/* What may never be cut goes on whatever the plan says: cutting beside it costs nothing there. */
static bool is_kept(const struct plan_input *in, const struct use *u)
{
	for (size_t i = 0; i < in->n_never_cut; i++)
		if (net_prefix_contains(in->never_cut[i], u->initiator) ||
		    net_prefix_contains(in->never_cut[i], u->responder))
			return true;
	return false;
}

/*
 * A use costs its flows a day times the service's criticality. What a held machine begins weighs without the
 * criticality: a service is worth that much to those who go on working, and nobody may go on working there.
 */
static void count_use(struct graph *g, const struct use *u)
{
	const struct plan_input *in = g->w->in;
	if (u->initiator_zone == u->responder_zone || is_kept(in, u))
		return;
	double flows = (double)u->flows * g->w->uses->per_day;
	uint32_t from = u->initiator_asset == ASSET_NONE ? 0 : g->index[u->initiator_asset];
	uint32_t to = u->responder_asset == ASSET_NONE ? 0 : g->index[u->responder_asset];
	double weight = from ? flows : flows * u->criticality;
	if (from)
		count_held_use(g, from - 1, u->responder_zone, true, weight);
	if (to)
		count_held_use(g, to - 1, u->initiator_zone, false, weight);
	if (from || to || plan_zone_is_external(in, u->initiator_zone))
		return;
	if (plan_zone_is_external(in, u->responder_zone))
		g->zone_outside[u->initiator_zone] += weight;
	else
		g->zone_zone[u->initiator_zone * g->zones + u->responder_zone] += weight;
}

static int count_uses(struct graph *g)
{
	const struct plan_work *w = g->w;
	size_t held = w->n_held;
	g->to_zone = arena_array(w->arena, held * g->zones, sizeof(double));
	g->outside = arena_array(w->arena, held, sizeof(double));
	g->host = arena_array(w->arena, held, sizeof(double));
	g->zone_zone = arena_array(w->arena, g->zones * g->zones, sizeof(double));
	g->zone_outside = arena_array(w->arena, g->zones, sizeof(double));
	g->index = arena_array(w->arena, asset_count(w->in->assets), sizeof(uint32_t));
	if (!g->to_zone || !g->outside || !g->host || !g->zone_zone || !g->zone_outside || !g->index)
		return -ENOMEM;
	for (size_t i = 0; i < held; i++)
		g->index[w->held[i]] = (uint32_t)i + 1;
	for (size_t i = 0; i < w->uses->n; i++)
		count_use(g, &w->uses->v[i]);
	return 0;
}

/* Edges of held machine number i. */
static int add_host(struct graph *g, size_t i)
{
	const struct plan_work *w = g->w;
	uint16_t zone = asset_at(w->in->assets, w->held[i])->zone;
	int r = add_edge(g, NODE_SOURCE, node_host_in(i), UNCUTTABLE);
	if (r == 0)
		r = add_edge(g, node_host_in(i), node_host_out(i), g->host[i] + HOST_ITSELF);
	for (size_t z = 0; z < g->zones && r == 0; z++)
		if (z != zone && w->zone_live[z] && !plan_zone_is_external(w->in, (uint16_t)z) &&
		    plan_point_between(w->in, zone, (uint16_t)z) && !w->attacked[i * g->zones + z])
			r = add_edge(g, node_host_out(i), node_zone_in(g, z),
			    g->to_zone[i * g->zones + z] + CUT_ITSELF);
	if (r == 0 && plan_point_outside(w->in, zone))
		r = add_edge(g, node_host_out(i), NODE_OUTSIDE, g->outside[i] + CUT_ITSELF);
	return r;
}

/* Edges of a zone's machines that aren't held. */
static int add_zone(struct graph *g, size_t z)
{
	const struct plan_input *in = g->w->in;
	if (plan_zone_is_external(in, (uint16_t)z) || !g->w->zone_live[z])
		return 0;
	int r = add_edge(g, node_zone_in(g, z), node_zone_out(g, z), UNCUTTABLE);
	if (r == 0 && zone_is_protected(g, (uint16_t)z))
		r = add_edge(g, node_zone_in(g, z), NODE_SINK, UNCUTTABLE);
	for (size_t other = 0; other < g->zones && r == 0; other++)
		if (other != z && g->w->zone_live[other] && !plan_zone_is_external(in, (uint16_t)other) &&
		    plan_point_between(in, (uint16_t)z, (uint16_t)other))
			r = add_edge(g, node_zone_out(g, z), node_zone_in(g, other),
			    g->zone_zone[z * g->zones + other] + CUT_ITSELF);
	if (r == 0 && plan_point_outside(in, (uint16_t)z))
		r = add_edge(g, node_zone_out(g, z), NODE_OUTSIDE, g->zone_outside[z] + CUT_ITSELF);
	return r;
}

static int build(struct graph *g)
{
	int r = add_edge(g, NODE_OUTSIDE, NODE_SINK, UNCUTTABLE);
	for (size_t i = 0; i < g->w->n_held && r == 0; i++)
		r = add_host(g, i);
	for (size_t z = 0; z < g->zones && r == 0; z++)
		r = add_zone(g, z);
	return r;
}

static int alloc_cuts(const struct graph *g, struct graph_cuts *c)
{
	struct arena *arena = g->w->arena;
	size_t held = g->w->n_held;
	c->host = arena_alloc(arena, held);
	c->outside = arena_alloc(arena, held);
	c->to_zone = arena_array(arena, held, g->zones);
	c->zone_zone = arena_array(arena, g->zones, g->zones);
	c->zone_outside = arena_alloc(arena, g->zones);
	if (c->to_zone && held && g->zones)
		memcpy(c->to_zone, g->w->attacked, held * g->zones);
	return c->host && c->outside && c->to_zone && c->zone_zone && c->zone_outside ? 0 : -ENOMEM;
}

/* Marks what one edge of the minimal cut means. */
static void mark_cut(const struct graph *g, struct graph_cuts *c, igraph_integer_t from, igraph_integer_t to)
{
	size_t held = g->w->n_held;
	size_t first_zone = NODE_FIRST + 2 * held;
	if (from >= (igraph_integer_t)first_zone) {
		size_t zone = ((size_t)from - first_zone) / 2;
		if (to == NODE_OUTSIDE)
			c->zone_outside[zone] = 1;
		else
			c->zone_zone[zone * g->zones + ((size_t)to - first_zone) / 2] = 1;
		return;
	}
	size_t i = ((size_t)from - NODE_FIRST) / 2;
	if (to == NODE_OUTSIDE)
		c->outside[i] = 1;
	else if (to == node_host_out(i))
		c->host[i] = 1;
	else
		c->to_zone[i * g->zones + ((size_t)to - first_zone) / 2] = 1;
}

/*
 * (held machine, thing to keep) pairs with a path over the edges that stand. The things to keep: the outside
 * and each live protected zone but the machine's own. `cut` marks edges that are gone; NULL: none is.
 */
static int count_paths(const struct graph *g, const uint8_t *cut, size_t n_edges, size_t *ret_paths)
{
	size_t nodes = NODE_FIRST + 2 * g->w->n_held + 2 * g->zones, paths = 0;
	uint8_t *reached = arena_alloc(g->w->arena, nodes);
	igraph_integer_t *queue = arena_array(g->w->arena, nodes, sizeof(*queue));
	/* adjacency as first edge and next edge of each node */
	int64_t *first = arena_array(g->w->arena, nodes, sizeof(*first));
	int64_t *next = arena_array(g->w->arena, n_edges, sizeof(*next));
	if (!reached || !queue || !first || !next)
		return -ENOMEM;
	memset(first, 0xff, nodes * sizeof(*first));
	for (size_t e = 0; e < n_edges; e++) {
		igraph_integer_t from = VECTOR(g->edges)[2 * e];
		next[e] = first[from];
		first[from] = (int64_t)e;
	}
	for (size_t i = 0; i < g->w->n_held; i++) {
		size_t head = 0, tail = 0;
		memset(reached, 0, nodes);
		queue[tail++] = node_host_in(i);
		reached[node_host_in(i)] = 1;
		while (head < tail) {
			igraph_integer_t at = queue[head++];
			for (int64_t e = first[at]; e >= 0; e = next[e]) {
				igraph_integer_t to = VECTOR(g->edges)[2 * e + 1];
				if (to == NODE_SINK || reached[to] || (cut && cut[e]))
					continue;
				reached[to] = 1;
				queue[tail++] = to;
			}
		}
		paths += reached[NODE_OUTSIDE];
		for (size_t z = 0; z < g->zones; z++)
			paths += reached[node_zone_in(g, z)] && zone_is_protected(g, (uint16_t)z);
	}
	*ret_paths = paths;
	return 0;
}

static int solve(struct graph *g, struct graph_cuts *c)
{
	size_t n_edges = (size_t)igraph_vector_size(&g->capacity);
	igraph_t network;
	igraph_vector_int_t cut;
	igraph_real_t value;
	uint8_t *gone = arena_alloc(g->w->arena, n_edges);
	if (!gone)
		return -ENOMEM;
	if (igraph_create(&network, &g->edges,
	        (igraph_integer_t)(NODE_FIRST + 2 * g->w->n_held + 2 * g->zones),
	        IGRAPH_DIRECTED) != IGRAPH_SUCCESS)
		return -ENOMEM;
	int r = igraph_vector_int_init(&cut, 0) == IGRAPH_SUCCESS ? 0 : -ENOMEM;
	if (r == 0) {
		if (igraph_maxflow(&network, &value, NULL, &cut, NULL, NULL, NODE_SOURCE, NODE_SINK,
		        &g->capacity, NULL) != IGRAPH_SUCCESS)
			r = -ENOMEM;
		for (igraph_integer_t i = 0; r == 0 && i < igraph_vector_int_size(&cut); i++) {
			size_t e = (size_t)VECTOR(cut)[i];
			gone[e] = 1;
			mark_cut(g, c, VECTOR(g->edges)[2 * e], VECTOR(g->edges)[2 * e + 1]);
		}
		igraph_vector_int_destroy(&cut);
	}
	igraph_destroy(&network);
	if (r == 0)
		r = count_paths(g, NULL, n_edges, &c->paths_before);
	return r == 0 ? count_paths(g, gone, n_edges, &c->paths_left) : r;
}

int graph_minimal_cut(const struct plan_work *w, struct graph_cuts *ret_cuts)
{
	struct graph g = {.w = w, .zones = net_zone_count(w->in->zones)};
	struct graph_cuts c = {0};
	igraph_set_error_handler(igraph_error_handler_ignore);
	if (igraph_vector_int_init(&g.edges, 0) != IGRAPH_SUCCESS)
		return -ENOMEM;
	if (igraph_vector_init(&g.capacity, 0) != IGRAPH_SUCCESS) {
		igraph_vector_int_destroy(&g.edges);
		return -ENOMEM;
	}
	int r = count_uses(&g);
	if (r == 0)
		r = build(&g);
	if (r == 0)
		r = alloc_cuts(&g, &c);
	if (r == 0)
		r = solve(&g, &c);
	igraph_vector_int_destroy(&g.edges);
	igraph_vector_destroy(&g.capacity);
	if (r == 0)
		*ret_cuts = c;
	return r;
}
