/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "contain/guardrail.h"

enum { V4_BITS = 96, PACE_MAX = sizeof(((struct guardrail_pace *)0)->times) / sizeof(int64_t) };

static const int64_t minute_ns = INT64_C(60) * 1000000000;

static bool anywhere(struct net_prefix p)
{
	return p.bits == 0;
}

static bool overlap(struct net_prefix a, struct net_prefix b)
{
	return net_prefix_covers(a, b) || net_prefix_covers(b, a);
}

static bool touches(const struct net_prefix *list, size_t n, struct net_prefix p)
{
	for (size_t i = 0; i < n; i++)
		if (!anywhere(p) && overlap(list[i], p))
			return true;
	return false;
}

static bool too_wide(const struct guardrails *g, struct net_prefix p)
{
	if (anywhere(p))
		return false;
	bool v4 = p.bits >= V4_BITS && net_addr_is_v4(p.addr);
	return v4 ? p.bits < V4_BITS + g->widest_v4 : p.bits < g->widest_v6;
}

enum guardrail guardrail_of_cut(const struct guardrails *g, const struct cut *c)
{
	if (anywhere(c->from) && anywhere(c->to))
		return GUARDRAIL_ANYWHERE;
	if (touches(g->never_cut, g->n_never_cut, c->from) || touches(g->never_cut, g->n_never_cut, c->to))
		return GUARDRAIL_NEVER_CUT;
	if (touches(g->control, g->n_control, c->from) || touches(g->control, g->n_control, c->to))
		return GUARDRAIL_CONTROL_PATH;
	if (too_wide(g, c->from) || too_wide(g, c->to))
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
