/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/bgp_routes.h"

#include <assert.h>
#include <errno.h>

#include "base/err.h"

/* What waits, in the order in which it is told. */
enum line { LINE_PASS, LINE_STOP, LINE_WITHDRAW_STOP, LINE_WITHDRAW_PASS, LINE_NONE };

_Static_assert((int)LINE_NONE == (int)BGP_LINES, "a line for each");

struct bgp_route {
	struct flowspec_rule rule;
	struct bgp_route *next; /* in its line */
	uint32_t wanted;        /* by so many cuts; 0: it goes when the router was told */
	uint8_t action;         /* enum bgp_action */
	bool told;              /* the router has it, or will with what is written */
	bool waits;             /* in a line, which may be the wrong one by now */
};

int bgp_routes_begin(struct bgp_routes *r, bool blackhole, size_t max, uint64_t seed)
{
	*r = (struct bgp_routes){.blackhole = blackhole, .max = max};
	return table_new(&r->table, sizeof(struct flowspec_rule), sizeof(struct bgp_route), max, seed);
}

void bgp_routes_free(struct bgp_routes *r)
{
	table_free(r->table);
	r->table = NULL;
}

static enum bgp_family family_of(const struct bgp_routes *r, bool v6)
{
	enum bgp_family v4 = r->blackhole ? BGP_UNICAST_V4 : BGP_FLOW_V4;
	return v6 ? v4 + 1 : v4;
}

bool bgp_routes_takes(const struct bgp_routes *r, const struct flowspec_rule *rule)
{
	return r->families & 1u << family_of(r, rule->v6);
}

/* What the router is to be told of it. */
static enum line line_of(const struct bgp_routes *r, const struct bgp_route *route)
{
	bool pass = route->action == BGP_PASS;
	bool want = route->wanted && r->live && bgp_routes_takes(r, &route->rule);
	if (want == route->told)
		return LINE_NONE;
	return want ? (pass ? LINE_PASS : LINE_STOP) : (pass ? LINE_WITHDRAW_PASS : LINE_WITHDRAW_STOP);
}

static void append(struct bgp_routes *r, enum line l, struct bgp_route *route)
{
	struct bgp_line *line = &r->lines[l][route->rule.v6];
	route->next = NULL;
	if (line->first)
		line->last->next = route;
	else
		line->first = route;
	line->last = route;
	route->waits = true;
	r->waiting++;
}

static struct bgp_route *take_first(struct bgp_routes *r, struct bgp_line *line)
{
	struct bgp_route *route = line->first;
	line->first = route->next;
	route->waits = false;
	r->waiting--;
	return route;
}

/* Sees to it that it stands in line where there is something to be told; one that nobody wants goes. */
static void settle(struct bgp_routes *r, struct bgp_route *route)
{
	enum line l = line_of(r, route);
	if (route->waits)
		return;
	if (l != LINE_NONE) {
		append(r, l, route);
	} else if (!route->wanted) {
		struct flowspec_rule rule = route->rule;
		(void)table_remove(r->table, &rule);
	}
}

int bgp_routes_want(struct bgp_routes *r, const struct flowspec_rule *rule, enum bgp_action action)
{
	int fresh;
	struct bgp_route *route = table_put(r->table, rule, &fresh);
	if (!route)
		return table_count(r->table) >= r->max ? -ERR_LIMIT : -ENOMEM;
	if (fresh) {
		route->rule = *rule;
		route->action = (uint8_t)action;
	}
	assert(route->action == action);
	route->wanted++;
	settle(r, route);
	return 0;
}

void bgp_routes_unwant(struct bgp_routes *r, const struct flowspec_rule *rule)
{
	struct bgp_route *route = table_get(r->table, rule);
	assert(route && route->wanted);
	route->wanted--;
	settle(r, route);
}

static void settle_all(struct bgp_routes *r)
{
	struct bgp_route *route;
	size_t at = 0;
	while ((route = table_next(r->table, &at, NULL)))
		settle(r, route);
}

void bgp_routes_session(struct bgp_routes *r, unsigned families)
{
	struct bgp_route *route;
	size_t at = 0;
	for (int l = 0; l < BGP_LINES; l++)
		r->lines[l][0] = r->lines[l][1] = (struct bgp_line){0};
	r->waiting = 0;
	r->families = families;
	while ((route = table_next(r->table, &at, NULL)))
		route->told = route->waits = false;
	settle_all(r);
}

void bgp_routes_again(struct bgp_routes *r, unsigned families)
{
	struct bgp_route *route;
	size_t at = 0;
	while ((route = table_next(r->table, &at, NULL)))
		if (families & 1u << family_of(r, route->rule.v6) && route->wanted && r->live) {
			route->told = false;
			settle(r, route);
		}
}

void bgp_routes_set_live(struct bgp_routes *r, bool live)
{
	if (r->live == live)
		return;
	r->live = live;
	settle_all(r);
}

static size_t encode(
    const struct bgp_routes *r, const struct bgp_route *route, uint8_t nlri[FLOWSPEC_NLRI_MAX])
{
	if (r->blackhole)
		return bgp_prefix_encode(route->rule.dst, family_of(r, route->rule.v6), nlri);
	int n = flowspec_encode(&route->rule, nlri);
	assert(n > 0); /* bgp_cuts lets in no other */
	return (size_t)n;
}

/* One UPDATE of what waits in a line. Who isn't to be told that any more goes to where he belongs. */
static void write_line(
    struct bgp_routes *r, const struct bgp_attributes *a, enum line l, bool v6, struct dynbuf *out)
{
	struct bgp_line *line = &r->lines[l][v6];
	bool withdraw = l == LINE_WITHDRAW_STOP || l == LINE_WITHDRAW_PASS;
	enum bgp_action announce = l == LINE_PASS ? BGP_PASS : r->blackhole ? BGP_BLACKHOLE : BGP_DISCARD;
	uint8_t nlri[FLOWSPEC_NLRI_MAX];
	bgp_update_begin(&r->writer, a, family_of(r, v6), withdraw ? BGP_WITHDRAW : announce);
	while (line->first) {
		if (line_of(r, line->first) == l) {
			if (!bgp_update_add(&r->writer, nlri, encode(r, line->first, nlri)))
				break;
			line->first->told = !withdraw;
		}
		settle(r, take_first(r, line));
	}
	bgp_update_end(&r->writer, out);
}

static void write_lines(struct bgp_routes *r, const struct bgp_attributes *a, struct dynbuf *out, size_t max)
{
	for (int l = 0; l < BGP_LINES; l++)
		for (int v6 = 0; v6 < 2; v6++)
			while (r->lines[l][v6].first && out->n + BGP_MESSAGE_MAX <= max)
				write_line(r, a, (enum line)l, v6, out);
}

void bgp_routes_write(struct bgp_routes *r, const struct bgp_attributes *a, struct dynbuf *out, size_t max)
{
	/* a second round only for one that stood in the wrong line, and behind its own */
	while (r->families && r->waiting && !out->error && out->n + BGP_MESSAGE_MAX <= max)
		write_lines(r, a, out, max);
}
