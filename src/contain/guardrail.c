/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "contain/guardrail.h"

#include <errno.h>
#include <stdlib.h>

enum { V4_BITS = 96, PACE_MAX = sizeof(((struct guardrail_pace *)0)->times) / sizeof(int64_t) };

static const int64_t minute_ns = INT64_C(60) * 1000000000;

static bool anywhere(struct net_prefix p)
{
	return p.bits == 0;
}

/* Whether the rule about `listed` forbids an end of a cut. */
static bool forbids(const struct guardrails *g, struct net_prefix listed, struct net_prefix end)
{
	return net_prefix_covers(listed, end) || (!g->spared_pass && net_prefix_covers(end, listed));
}

static bool touches_list(
    const struct guardrails *g, const struct net_prefix *list, size_t n, struct net_prefix p)
{
	for (size_t i = 0; i < n; i++)
		if (forbids(g, list[i], p))
			return true;
	return false;
}

/* None of them lies within another, so that only the last one before p may hold it, and only the first one
 * after may lie within it. */
static bool touches_prepared(
    const struct guardrails *g, const struct guardrail_prefixes *list, struct net_prefix p)
{
	size_t from = 0, to = list->n;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		if (net_addr_compare(list->v[middle].addr, p.addr) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return (from < list->n && forbids(g, list->v[from], p)) || (from && forbids(g, list->v[from - 1], p));
}

static bool is_never_cut(const struct guardrails *g, struct net_prefix p)
{
	return !anywhere(p) && (g->prepared ? touches_prepared(g, &g->prepared_never_cut, p)
	                                    : touches_list(g, g->never_cut, g->n_never_cut, p));
}

static bool is_control(const struct guardrails *g, struct net_prefix p)
{
	return !anywhere(p) && (g->prepared ? touches_prepared(g, &g->prepared_control, p)
	                                    : touches_list(g, g->control, g->n_control, p));
}

/* By address, and of those with one address the widest first. */
static int compare(const void *a, const void *b)
{
	const struct net_prefix *x = a, *y = b;
	int order = net_addr_compare(x->addr, y->addr);
	return order ? order : (x->bits > y->bits) - (x->bits < y->bits);
}

static int prepare(struct guardrail_prefixes *ret_list, const struct net_prefix *v, size_t n)
{
	struct guardrail_prefixes list = {.v = calloc(n + 1, sizeof(*list.v))};
	if (!list.v)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		list.v[i] = net_prefix_of(v[i].addr, v[i].bits);
	qsort(list.v, n, sizeof(*list.v), compare);
	for (size_t i = 0; i < n; i++)
		if (list.n == 0 || !net_prefix_covers(list.v[list.n - 1], list.v[i]))
			list.v[list.n++] = list.v[i];
	*ret_list = list;
	return 0;
}

int guardrails_prepare(struct guardrails *g)
{
	struct guardrail_prefixes never, control;
	int r = prepare(&never, g->never_cut, g->n_never_cut);
	if (r < 0)
		return r;
	r = prepare(&control, g->control, g->n_control);
	if (r < 0) {
		free(never.v);
		return r;
	}
	guardrails_free(g);
	g->prepared_never_cut = never;
	g->prepared_control = control;
	g->prepared = true;
	return 0;
}

void guardrails_free(struct guardrails *g)
{
	free(g->prepared_never_cut.v);
	free(g->prepared_control.v);
	g->prepared_never_cut = g->prepared_control = (struct guardrail_prefixes){0};
	g->prepared = false;
}

/* A prefix of IPv6 that holds all of IPv4 as we write it: no network looks so, only a mistake or worse. */
static bool mixes_families(struct net_prefix p)
{
	bool v4 = p.bits >= V4_BITS && net_addr_is_v4(p.addr);
	return !anywhere(p) && !v4 && net_prefix_contains(p, net_addr_v4((const uint8_t[4]){0}));
}

static bool too_wide(const struct guardrails *g, struct net_prefix p)
{
	bool v4 = p.bits >= V4_BITS && net_addr_is_v4(p.addr);
	return anywhere(p) || (v4 ? p.bits < V4_BITS + g->widest_v4 : p.bits < g->widest_v6);
}

enum guardrail guardrail_of_cut(const struct guardrails *g, const struct cut *c)
{
	if (anywhere(c->from) && anywhere(c->to))
		return GUARDRAIL_ANYWHERE;
	if (is_never_cut(g, c->from) || is_never_cut(g, c->to))
		return GUARDRAIL_NEVER_CUT;
	if (is_control(g, c->from) || is_control(g, c->to))
		return GUARDRAIL_CONTROL_PATH;
	/* one machine from half the world is a narrow cut, as one machine from all of it is */
	if (mixes_families(c->from) || mixes_families(c->to) || (too_wide(g, c->from) && too_wide(g, c->to)))
		return GUARDRAIL_WIDEST_PREFIX;
	return GUARDRAIL_NONE;
}

enum guardrail guardrail_of_order(const struct guardrails *g, const struct cut *cuts, size_t n,
    int64_t lease_ns, size_t standing, size_t *ret_at)
{
	enum guardrail broken = GUARDRAIL_NONE;
	size_t at = 0;
	while (at < n && (broken = guardrail_of_cut(g, &cuts[at])) == GUARDRAIL_NONE)
		at++;
	if (broken == GUARDRAIL_NONE &&
	    (lease_ns <= 0 || (g->longest_lease_ns && lease_ns > g->longest_lease_ns)))
		broken = GUARDRAIL_LEASE;
	if (broken == GUARDRAIL_NONE && g->most_cuts && (n > g->most_cuts || standing > g->most_cuts - n))
		broken = GUARDRAIL_MOST_CUTS;
	if (ret_at)
		*ret_at = at;
	return broken;
}

const char *guardrail_name(enum guardrail r)
{
	switch (r) {
	case GUARDRAIL_NONE: return "none";
	case GUARDRAIL_NEVER_CUT: return "never-cut";
	case GUARDRAIL_CONTROL_PATH: return "control-path";
	case GUARDRAIL_WIDEST_PREFIX: return "widest-prefix";
	case GUARDRAIL_ANYWHERE: return "anywhere";
	case GUARDRAIL_LEASE: return "longest-lease";
	case GUARDRAIL_MOST_CUTS: return "most-cuts";
	case GUARDRAIL_MOST_ORDERS: return "most-orders";
	}
	return "unknown";
}

bool guardrail_pace_take(struct guardrail_pace *p, const struct guardrails *g, int64_t now)
{
	size_t most = g->most_orders_a_minute < PACE_MAX ? g->most_orders_a_minute : PACE_MAX;
	size_t known = p->n < PACE_MAX ? p->n : PACE_MAX, recent = 0;
	for (size_t i = 0; i < known; i++)
		recent += now - p->times[(p->n - 1 - i) % PACE_MAX] < minute_ns;
	if (g->most_orders_a_minute && recent >= most)
		return false;
	p->times[p->n++ % PACE_MAX] = now;
	return true;
}
