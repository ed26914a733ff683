/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "contain/resolve.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/vec.h"
#include "contain/guardrail.h"
#include "net/lengths.h"

/* One end of a cut of the plan: borrowed prefixes, or its own list's. */
struct end {
	const struct net_prefix *v;
	size_t n;
	struct pieces_list own;
};

struct ends {
	struct end from, to;
};

struct zone_end {
	struct end end;
	bool known;
};

/* A cut, and which of the plan's it is of. */
struct made {
	struct cut cut;
	uint32_t of;
};

struct work {
	const struct resolve_input *in;
	struct pieces pieces;
	struct guardrails spared;   /* which ends would be of nothing but what is spared */
	uint8_t *shut;              /* a byte a zone: the plan parts it from everything */
	struct zone_end *zone_ends; /* of each zone, and of the outside */
	unsigned lengths;           /* that the prefixes of an end may have in a family; 0: any number */
	struct made *v;
	size_t n, cap;
};

static const struct net_prefix anywhere;

static bool is_v4(struct net_prefix p)
{
	return p.bits >= 96 && net_addr_is_v4(p.addr);
}

/* Whether packets pass between the two: both of one family, or one of them anywhere. */
static bool can_meet(struct net_prefix a, struct net_prefix b)
{
	return a.bits == 0 || b.bits == 0 || is_v4(a) == is_v4(b);
}

/* Keeps what isn't spared as a whole. */
static int keep(struct work *w, struct net_prefix p, struct pieces_list *list)
{
	const struct cut alone = {.from = net_prefix_of(p.addr, p.bits)};
	if (guardrail_of_cut(&w->spared, &alone) == GUARDRAIL_NEVER_CUT)
		return 0;
	int r = VEC_RESERVE(list->v, &list->cap, list->n, PIECES_MAX);
	if (r == 0)
		list->v[list->n++] = alone.from;
	return r;
}

/* What an end names, with fewer lengths where that is asked for: of a prefix that is split parts may be
 * spared. */
static int end_of(struct work *w, const struct net_prefix *v, size_t n, struct end *e)
{
	struct pieces_list named = {.n = 0};
	int r = w->lengths ? lengths_fewer(v, n, w->lengths, &named) : 0;
	const struct net_prefix *all = w->lengths ? named.v : v;
	size_t n_all = w->lengths ? named.n : n;
	for (size_t i = 0; i < n_all && r == 0; i++)
		r = keep(w, all[i], &e->own);
	free(named.v);
	e->v = e->own.v;
	e->n = e->own.n;
	return r;
}

/* The same of a zone or (NET_ZONE_NONE) of the outside, worked out once for all cuts. */
static int end_of_zone(struct work *w, uint16_t zone, struct end *e)
{
	const struct net_prefix *v;
	size_t n = pieces_of(&w->pieces, zone, &v);
	struct zone_end *of = &w->zone_ends[zone == NET_ZONE_NONE ? net_zone_count(w->in->zones) : zone];
	int r = of->known ? 0 : end_of(w, v, n, &of->end);
	of->known = true;
	e->v = of->end.v;
	e->n = of->end.n;
	return r;
}

static void forget_zone_ends(struct work *w)
{
	for (size_t i = 0; w->zone_ends && i <= net_zone_count(w->in->zones); i++) {
		free(w->zone_ends[i].end.own.v);
		w->zone_ends[i] = (struct zone_end){.known = false};
	}
}

static void end_of_anywhere(struct end *e)
{
	e->v = &anywhere;
	e->n = 1;
}

static bool is_shut(const struct work *w, const struct plan_cut *c, uint16_t zone)
{
	return c->kind == PLAN_CUT_ZONE_ZONE && c->direction == PLAN_BOTH && zone != NET_ZONE_NONE &&
	       w->shut[zone];
}

/* As plan_blocks reads a cut: an end that names nothing is anywhere where the cut's kind says so, else it is
 * nobody. */
static int find_ends(struct work *w, const struct plan_cut *c, struct ends *e)
{
	int r = 0;
	if (is_shut(w, c, c->from_zone) || is_shut(w, c, c->to_zone)) {
		end_of_anywhere(&e->to);
		return end_of_zone(w, is_shut(w, c, c->from_zone) ? c->from_zone : c->to_zone, &e->from);
	}
	if (c->from_zone != NET_ZONE_NONE)
		r = end_of_zone(w, c->from_zone, &e->from);
	else if (c->n_from)
		r = end_of(w, c->from, c->n_from, &e->from);
	else if (c->kind == PLAN_CUT_DESTINATION)
		end_of_anywhere(&e->from);
	if (r < 0)
		return r;
	if (c->to_external)
		r = end_of_zone(w, NET_ZONE_NONE, &e->to);
	else if (c->to_zone != NET_ZONE_NONE)
		r = end_of_zone(w, c->to_zone, &e->to);
	else if (c->n_to)
		r = end_of(w, c->to, c->n_to, &e->to);
	else if (c->kind == PLAN_CUT_HOST)
		end_of_anywhere(&e->to);
	return r;
}

static size_t count_family(const struct end *e, bool v4)
{
	size_t n = 0;
	for (size_t i = 0; i < e->n; i++)
		n += e->v[i].bits == 0 || is_v4(e->v[i]) == v4;
	return n;
}

/* So many pairs there are at the most; both counts are at most PIECES_MAX, so the products fit. */
static size_t count_pairs(const struct ends *e)
{
	return count_family(&e->from, true) * count_family(&e->to, true) +
	       count_family(&e->from, false) * count_family(&e->to, false);
}

static int add_pairs(struct work *w, const struct ends *e, size_t pairs, uint32_t of, enum cut_direction d)
{
	size_t room = w->n + pairs;
	if (room > w->cap) {
		size_t cap = room > 2 * w->cap ? room : 2 * w->cap;
		struct made *v = reallocarray(w->v, cap, sizeof(*v));
		if (!v)
			return -ENOMEM;
		w->v = v;
		w->cap = cap;
	}
	for (size_t i = 0; i < e->from.n; i++)
		for (size_t j = 0; j < e->to.n; j++)
			if (can_meet(e->from.v[i], e->to.v[j]))
				w->v[w->n++] = (struct made){
				    .cut = {.from = e->from.v[i], .to = e->to.v[j], .direction = (uint8_t)d},
				    .of = of};
	return 0;
}

static const char *problem(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static const char *problem(struct arena *arena, const char *format, ...)
{
	char line[512];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	const char *copy = arena_strndup(arena, line, n < (int)sizeof(line) ? (size_t)n : sizeof(line) - 1);
	return copy ? copy : "it can't be told as pairs of prefixes";
}

/* The outside is cut as a whole; a plan that names a part of it as a zone is none that the planner makes. */
static bool is_external(const struct work *w, uint16_t zone)
{
	return zone != NET_ZONE_NONE && net_zone_at(w->in->zones, zone)->class == NET_ZONE_EXTERNAL;
}

/* All pairs of one of the plan's cuts. *ret_problem is set where they are too many. */
static int add_cut(struct work *w, size_t number, struct arena *arena, const char **ret_problem)
{
	const struct plan_cut *c = &w->in->plan->cuts[number];
	size_t most = w->in->most && w->in->most < RESOLVE_CUTS_MAX ? w->in->most : RESOLVE_CUTS_MAX;
	struct ends e = {.from = {.n = 0}};
	if (is_external(w, c->from_zone) || is_external(w, c->to_zone)) {
		*ret_problem = problem(arena, "cut %zu names a zone outside, which is cut as a whole: %s",
		    number + 1, c->why ? c->why : "");
		return 0;
	}
	int r = find_ends(w, c, &e);
	size_t pairs = r == 0 ? count_pairs(&e) : 0;
	if (r == 0 && pairs > most - w->n)
		*ret_problem = problem(arena,
		    "cut %zu needs %zu pairs of prefixes with %zu before it, and %zu is the most that can be "
		    "ordered: %s",
		    number + 1, pairs, w->n, most, c->why ? c->why : "");
	else if (r == 0)
		r = add_pairs(
		    w, &e, pairs, (uint32_t)number, c->direction == PLAN_BOTH ? CUT_BOTH : CUT_FROM_ONLY);
	free(e.from.own.v);
	free(e.to.own.v);
	return r;
}

static int by_cut(const void *left, const void *right)
{
	const struct made *a = left, *b = right;
	int order = cut_compare(&a->cut, &b->cut);
	return order ? order : (a->of > b->of) - (a->of < b->of);
}

static int give(struct work *w, struct arena *arena, struct resolution *ret_resolution)
{
	if (w->n)
		qsort(w->v, w->n, sizeof(*w->v), by_cut);
	struct cut *cuts = arena_array(arena, w->n, sizeof(*cuts));
	uint32_t *of = arena_array(arena, w->n, sizeof(*of));
	size_t n = 0;
	if (!cuts || !of)
		return -ENOMEM;
	for (size_t i = 0; i < w->n; i++) {
		if (n && cut_compare(&cuts[n - 1], &w->v[i].cut) == 0)
			continue;
		cuts[n] = w->v[i].cut;
		of[n++] = w->v[i].of;
	}
	ret_resolution->cuts = cuts;
	ret_resolution->of = of;
	ret_resolution->n = n;
	return 0;
}

/* A copy of all that is left alone, which the results keep. */
static int find_spared(const struct resolve_input *in, struct arena *arena, struct resolution *made)
{
	size_t n = in->plan->n_never_cut;
	struct net_prefix *spared = arena_array(arena, n + in->n_spare, sizeof(*spared));
	if (!spared)
		return -ENOMEM;
	if (n)
		memcpy(spared, in->plan->never_cut, n * sizeof(*spared));
	if (in->n_spare)
		memcpy(spared + n, in->spare, in->n_spare * sizeof(*spared));
	made->spared = spared;
	made->n_spared = n + in->n_spare;
	return 0;
}

static bool is_inside(const struct work *w, uint16_t zone)
{
	const struct net_prefix *v;
	return net_zone_at(w->in->zones, zone)->class != NET_ZONE_EXTERNAL && pieces_of(&w->pieces, zone, &v);
}

/* Whether the zone is one prefix in each family: no router stands between machines of it. */
static bool is_one_segment(const struct work *w, uint16_t zone)
{
	const struct net_prefix *v;
	size_t n = pieces_of(&w->pieces, zone, &v), of_v4 = 0;
	for (size_t i = 0; i < n; i++)
		of_v4 += is_v4(v[i]);
	return of_v4 <= 1 && n - of_v4 <= 1;
}

static bool is_shutting(const struct plan_cut *c, size_t zones)
{
	return c->kind == PLAN_CUT_ZONE_ZONE && c->direction == PLAN_BOTH && c->from_zone < zones &&
	       (c->to_external || c->to_zone < zones);
}

/* Marks the zones that the plan parts, both ways, from the outside and from every other. */
static int find_shut(struct work *w)
{
	const struct plan *p = w->in->plan;
	size_t zones = net_zone_count(w->in->zones);
	uint8_t *parted = calloc(zones + 1, zones + 1); /* from each zone; the outside is the last of them */
	w->shut = calloc(zones + 1, 1);
	w->zone_ends = calloc(zones + 1, sizeof(*w->zone_ends));
	int r = parted && w->shut && w->zone_ends ? 0 : -ENOMEM;
	for (size_t i = 0; i < p->n_cuts && r == 0; i++) {
		const struct plan_cut *c = &p->cuts[i];
		size_t to = is_shutting(c, zones) && !c->to_external ? c->to_zone : zones;
		if (!is_shutting(c, zones))
			continue;
		parted[c->from_zone * (zones + 1) + to] = parted[to * (zones + 1) + c->from_zone] = 1;
	}
	for (uint16_t z = 0; z < zones && r == 0; z++) {
		bool all = is_inside(w, z) && is_one_segment(w, z) && parted[z * (zones + 1) + zones];
		for (uint16_t other = 0; other < zones && all; other++)
			all = other == z || !is_inside(w, other) || parted[z * (zones + 1) + other];
		w->shut[z] = all;
	}
	free(parted);
	return r;
}

/* All cuts of the plan as pairs, or *ret_problem. */
static int make_pairs(struct work *w, struct arena *arena, const char **ret_problem)
{
	int r = 0;
	w->n = 0;
	*ret_problem = NULL;
	forget_zone_ends(w);
	for (size_t i = 0; i < w->in->plan->n_cuts && r == 0 && !*ret_problem; i++)
		r = add_cut(w, i, arena, ret_problem);
	return r;
}

static int by_shape(const void *left, const void *right)
{
	return memcmp(left, right, 4);
}

/* Of how many shapes the pairs are: family, both lengths and direction. */
static int count_shapes(const struct work *w, size_t *ret_n)
{
	uint8_t(*v)[4] = calloc(w->n + 1, sizeof(*v));
	size_t n = 0;
	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < w->n; i++) {
		const struct cut *c = &w->v[i].cut;
		v[i][0] = is_v4(c->from.bits ? c->from : c->to);
		v[i][1] = c->from.bits;
		v[i][2] = c->to.bits;
		v[i][3] = c->direction;
	}
	qsort(v, w->n, sizeof(*v), by_shape);
	for (size_t i = 0; i < w->n; i++)
		n += i == 0 || by_shape(v[i - 1], v[i]) != 0;
	free(v);
	*ret_n = n;
	return 0;
}

/* With as many lengths as there is room for: fewer lengths are more pairs. */
static int fit(struct work *w, struct arena *arena, const char **ret_problem)
{
	static const uint8_t tries[] = {0, 32, 24, 16, 12, 8, 6, 5, 4, 3, 2, 1};
	size_t shapes = 0;
	int r = 0;
	for (size_t i = 0; i < sizeof(tries); i++) {
		w->lengths = tries[i];
		r = make_pairs(w, arena, ret_problem);
		if (r < 0 || *ret_problem || !w->in->most_shapes)
			return r;
		r = count_shapes(w, &shapes);
		if (r < 0 || shapes <= w->in->most_shapes)
			return r;
	}
	*ret_problem = problem(arena,
	    "its ends are of %zu pairs of prefix lengths, and %zu is the most that can be "
	    "looked up",
	    shapes, w->in->most_shapes);
	return 0;
}

static int64_t shortest_lease(const struct plan *p)
{
	int64_t shortest = p->n_cuts ? p->cuts[0].lease_ns : 0;
	for (size_t i = 1; i < p->n_cuts; i++)
		shortest = p->cuts[i].lease_ns < shortest ? p->cuts[i].lease_ns : shortest;
	return shortest;
}

int resolve_plan(const struct resolve_input *in, struct arena *arena, struct resolution *ret_resolution)
{
	struct resolution made = {.lease_ns = shortest_lease(in->plan)};
	struct work w = {.in = in};
	int r = find_spared(in, arena, &made);
	w.spared = (struct guardrails){
	    .never_cut = made.spared, .n_never_cut = made.n_spared, .spared_pass = true};
	if (r == 0)
		r = guardrails_prepare(&w.spared);
	if (r == 0)
		r = pieces_make(&w.pieces, in->zones, NULL, 0);
	if (r == 0)
		r = find_shut(&w);
	if (r == 0)
		r = fit(&w, arena, &made.problem);
	/* what was more than fits: told in words */
	if (r == -ERR_LIMIT && w.lengths) {
		made.problem = "its ends are more prefixes than can be ordered";
		r = 0;
	}
	if (made.problem)
		w.n = 0;
	if (r == 0)
		r = give(&w, arena, &made);
	forget_zone_ends(&w);
	pieces_free(&w.pieces);
	guardrails_free(&w.spared);
	free(w.zone_ends);
	free(w.shut);
	free(w.v);
	if (r == 0)
		*ret_resolution = made;
	return r;
}
