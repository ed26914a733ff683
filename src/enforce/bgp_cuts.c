/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/bgp_cuts.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

int bgp_cuts_begin(struct bgp_cuts *c, bool blackhole, const struct backend_pass *pass, size_t n_pass,
    size_t cuts_max, uint64_t seed)
{
	assert(n_pass <= BGP_PASS_MAX && cuts_max <= BGP_CUTS_MAX);
	*c = (struct bgp_cuts){.pass = pass, .n_pass = n_pass, .next_end = INT64_MAX};
	c->wishes = calloc(FLOWSPEC_RULES_MAX * (1 + FLOWSPEC_PASSES_MAX * n_pass), sizeof(*c->wishes));
	int r = c->wishes ? 0 : -ENOMEM;
	if (r == 0)
		r = table_new(&c->table, sizeof(struct cut), sizeof(int64_t), cuts_max, seed);
	if (r == 0)
		r = bgp_routes_begin(&c->routes, blackhole, BGP_ROUTES_MAX, seed);
	return r;
}

void bgp_cuts_free(struct bgp_cuts *c)
{
	table_free(c->table);
	bgp_routes_free(&c->routes);
	free(c->wishes);
	*c = (struct bgp_cuts){0};
}

/* The end of a cut that a blackhole route can lead to: the one that isn't anywhere. */
static bool blackhole_of(const struct cut *cut, struct flowspec_rule *ret_rule)
{
	struct flowspec_rule rules[FLOWSPEC_RULES_MAX];
	size_t n = flowspec_of_cut(cut, rules);
	for (size_t i = 0; i < n; i++)
		if (rules[i].dst.bits && !rules[i].src.bits) {
			*ret_rule = rules[i];
			return true;
		}
	return false;
}

/* What has to pass at the named end can't; at the end that is anywhere nothing can be let through at all. */
static const char *cannot_blackhole(const struct bgp_cuts *c, const struct cut *cut)
{
	struct flowspec_rule rule;
	if (!blackhole_of(cut, &rule))
		return "a blackhole route stops what is sent to an address, whoever sends it: one end of the "
		       "cut "
		       "must be anywhere";
	if (!c->has_hop[rule.v6])
		return rule.v6 ? "no next hop for blackhole routes of IPv6 is configured"
		               : "no next hop for blackhole routes of IPv4 is configured";
	for (size_t i = 0; i < c->n_pass; i++) {
		struct net_prefix p = c->pass[i].prefix;
		if (p.bits && (net_prefix_covers(p, rule.dst) || net_prefix_covers(rule.dst, p)))
			return "something of it must pass, and a blackhole route stops all";
	}
	return NULL;
}

static const char *cannot_flow(const struct bgp_cuts *c, const struct cut *cut)
{
	struct flowspec_rule rules[FLOWSPEC_RULES_MAX], through[FLOWSPEC_PASSES_MAX];
	size_t n = flowspec_of_cut(cut, rules);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < c->n_pass; j++) {
			bool all;
			(void)flowspec_pass(&rules[i], &c->pass[j], through, &all);
			if (all)
				return "all of it must pass";
		}
	return NULL;
}

const char *bgp_cuts_cannot(const struct bgp_cuts *c, const struct cut *cut)
{
	struct flowspec_rule rules[FLOWSPEC_RULES_MAX];
	const char *why = flowspec_cannot(cut);
	if (!why)
		why = c->routes.blackhole ? cannot_blackhole(c, cut) : cannot_flow(c, cut);
	if (!why && c->routes.families && flowspec_of_cut(cut, rules) &&
	    !bgp_routes_takes(&c->routes, &rules[0]))
		why = "the router takes no such routes of this family: its side of the session lacks them";
	return why;
}

/* What the cut wishes for, in c->wishes: how many. Those that let pass stand first. */
static size_t wishes_of(struct bgp_cuts *c, const struct cut *cut)
{
	struct flowspec_rule rules[FLOWSPEC_RULES_MAX], through[FLOWSPEC_PASSES_MAX];
	size_t n_rules = flowspec_of_cut(cut, rules), n = 0;
	if (c->routes.blackhole) {
		c->wishes[0].action = BGP_BLACKHOLE;
		return blackhole_of(cut, &c->wishes[0].rule) ? 1 : 0;
	}
	for (size_t i = 0; i < n_rules; i++)
		for (size_t j = 0; j < c->n_pass; j++) {
			bool all;
			size_t m = flowspec_pass(&rules[i], &c->pass[j], through, &all);
			for (size_t k = 0; k < m; k++)
				c->wishes[n++] = (struct bgp_wish){.rule = through[k], .action = BGP_PASS};
		}
	for (size_t i = 0; i < n_rules; i++)
		c->wishes[n++] = (struct bgp_wish){.rule = rules[i], .action = BGP_DISCARD};
	return n;
}

static void remove_one(struct bgp_cuts *c, const struct cut *cut)
{
	struct cut copy = *cut; /* it may be the table's own */
	if (!table_remove(c->table, &copy))
		return;
	for (size_t n = wishes_of(c, &copy); n > 0; n--)
		bgp_routes_unwant(&c->routes, &c->wishes[n - 1].rule);
}

static int add_one(struct bgp_cuts *c, const struct cut *cut, int64_t until)
{
	int fresh, r = 0;
	int64_t *end = table_put(c->table, cut, &fresh);
	if (!end)
		return -ERR_LIMIT;
	*end = until;
	if (until < c->next_end)
		c->next_end = until;
	size_t n = fresh ? wishes_of(c, cut) : 0, done = 0;
	while (
	    done < n && (r = bgp_routes_want(&c->routes, &c->wishes[done].rule, c->wishes[done].action)) == 0)
		done++;
	if (r < 0) {
		while (done > 0)
			bgp_routes_unwant(&c->routes, &c->wishes[--done].rule);
		(void)table_remove(c->table, cut);
	}
	return r;
}

/* As it was before a step, to go back to. */
struct before {
	int64_t until;
	bool there;
};

static int apply(struct bgp_cuts *c, const struct backend_step *s)
{
	if (s->act == BACKEND_REMOVE) {
		remove_one(c, &s->cut);
		return 0;
	}
	if (s->act == BACKEND_RENEW && !table_get(c->table, &s->cut))
		return -ENOENT;
	return bgp_cuts_cannot(c, &s->cut) || s->fail_closed ? -EOPNOTSUPP : add_one(c, &s->cut, s->until);
}

/* What was just undone had room before; only a removal's memory could be refused now, and then the cut is
 * left out, which the next read-back shows. */
static void undo(struct bgp_cuts *c, const struct backend_step *steps, const struct before *before, size_t n)
{
	while (n > 0) {
		n--;
		if (before[n].there)
			(void)add_one(c, &steps[n].cut, before[n].until);
		else
			remove_one(c, &steps[n].cut);
	}
}

int bgp_cuts_change(struct bgp_cuts *c, const struct backend_step *steps, size_t n, size_t *ret_at)
{
	struct before *before = calloc(n ? n : 1, sizeof(*before));
	size_t i = 0;
	int r = before ? 0 : -ENOMEM;
	for (; i < n && r == 0; i++) {
		const int64_t *end = table_get(c->table, &steps[i].cut);
		before[i] = (struct before){.until = end ? *end : 0, .there = end};
		r = apply(c, &steps[i]);
	}
	if (r < 0) {
		if (before)
			undo(c, steps, before, i - 1);
		if (ret_at)
			*ret_at = before ? i - 1 : n;
	}
	free(before);
	return r;
}

void bgp_cuts_remove(struct bgp_cuts *c, const struct backend_step *steps, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (steps[i].act == BACKEND_REMOVE)
			remove_one(c, &steps[i].cut);
}

size_t bgp_cuts_expire(struct bgp_cuts *c, int64_t now)
{
	size_t at = 0, n = 0;
	const int64_t *end;
	const void *cut;
	if (now < c->next_end)
		return 0;
	c->next_end = INT64_MAX;
	while ((end = table_next(c->table, &at, &cut)))
		if (*end <= now) {
			remove_one(c, cut);
			n++;
		} else if (*end < c->next_end) {
			c->next_end = *end;
		}
	return n;
}

void bgp_cuts_clear(struct bgp_cuts *c)
{
	size_t at = 0;
	const void *cut;
	while (table_next(c->table, &at, &cut))
		remove_one(c, cut);
	c->next_end = INT64_MAX;
}

static int compare(const void *a, const void *b)
{
	const struct backend_element *x = a, *y = b;
	return cut_compare(&x->cut, &y->cut);
}

int bgp_cuts_read(const struct bgp_cuts *c, struct backend_element **ret_elements, size_t *ret_n)
{
	size_t count = table_count(c->table), at = 0, n = 0;
	struct backend_element *v = calloc(count ? count : 1, sizeof(*v));
	const int64_t *end;
	const void *cut;
	if (!v)
		return -ENOMEM;
	while ((end = table_next(c->table, &at, &cut))) {
		v[n] = (struct backend_element){.until = *end, .packets = UINT64_MAX, .bytes = UINT64_MAX};
		memcpy(&v[n++].cut, cut, sizeof(struct cut));
	}
	qsort(v, n, sizeof(*v), compare);
	*ret_elements = v;
	*ret_n = n;
	return 0;
}
