/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "contain/resolve.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/pieces.h"

/* One end of a cut of the plan: borrowed prefixes, or its own list's. */
struct end {
	const struct net_prefix *v;
	size_t n;
	struct pieces_list own;
};

struct ends {
	struct end from, to;
};

/* A cut, and which of the plan's it is of. */
struct made {
	struct cut cut;
	uint32_t of;
};

struct work {
	const struct resolve_input *in;
	struct pieces pieces;
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

static int end_of_prefixes(struct work *w, const struct net_prefix *v, size_t n, struct end *e)
{
	int r = 0;
	for (size_t i = 0; i < n && r == 0; i++)
		r = pieces_without(&w->pieces, net_prefix_of(v[i].addr, v[i].bits), &e->own);
	e->v = e->own.v;
	e->n = e->own.n;
	return r;
}

static void end_of_anywhere(struct end *e)
{
	e->v = &anywhere;
	e->n = 1;
}

/* As plan_blocks reads a cut: an end that names nothing is anywhere where the cut's kind says so, else it is
 * nobody. */
static int find_ends(struct work *w, const struct plan_cut *c, struct ends *e)
{
	int r = 0;
	if (c->from_zone != NET_ZONE_NONE)
		e->from.n = pieces_of(&w->pieces, c->from_zone, &e->from.v);
	else if (c->n_from)
		r = end_of_prefixes(w, c->from, c->n_from, &e->from);
	else if (c->kind == PLAN_CUT_DESTINATION)
		end_of_anywhere(&e->from);
	if (r < 0)
		return r;
	if (c->to_external)
		e->to.n = pieces_of(&w->pieces, NET_ZONE_NONE, &e->to.v);
	else if (c->to_zone != NET_ZONE_NONE)
		e->to.n = pieces_of(&w->pieces, c->to_zone, &e->to.v);
	else if (c->n_to)
		r = end_of_prefixes(w, c->to, c->n_to, &e->to);
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

int resolve_plan(const struct resolve_input *in, struct arena *arena, struct resolution *ret_resolution)
{
	struct resolution made = {.n = 0};
	struct work w = {.in = in};
	int r = find_spared(in, arena, &made);
	if (r == 0)
		r = pieces_make(&w.pieces, in->zones, made.spared, made.n_spared);
	for (size_t i = 0; i < in->plan->n_cuts && r == 0 && !made.problem; i++) {
		int64_t lease_ns = in->plan->cuts[i].lease_ns;
		if (i == 0 || lease_ns < made.lease_ns)
			made.lease_ns = lease_ns;
		r = add_cut(&w, i, arena, &made.problem);
	}
	if (made.problem)
		w.n = 0;
	if (r == 0)
		r = give(&w, arena, &made);
	pieces_free(&w.pieces);
	free(w.v);
	if (r == 0)
		*ret_resolution = made;
	return r;
}
