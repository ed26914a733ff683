/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "contain/parts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"

enum { CUTS_MAX = 1 << 16, LINE_MAX_BYTES = 512 };

bool plan_zone_is_external(const struct plan_input *in, uint16_t zone)
{
	return net_zone_at(in->zones, zone)->class == NET_ZONE_EXTERNAL;
}

static bool point_has(const struct plan_input *in, const struct plan_enforcement *p, uint16_t zone)
{
	bool external = plan_zone_is_external(in, zone);
	for (size_t i = 0; i < p->n_zones; i++)
		if (p->zones[i] == zone || (external && plan_zone_is_external(in, p->zones[i])))
			return true;
	return false;
}

const char *plan_point_between(const struct plan_input *in, uint16_t a, uint16_t b)
{
	if (a == b || (plan_zone_is_external(in, a) && plan_zone_is_external(in, b)))
		return NULL;
	for (size_t i = 0; i < in->n_enforcement; i++)
		if (point_has(in, &in->enforcement[i], a) && point_has(in, &in->enforcement[i], b))
			return in->enforcement[i].name;
	return NULL;
}

const char *plan_point_outside(const struct plan_input *in, uint16_t zone)
{
	return plan_point_between(in, zone, NET_ZONE_NONE);
}

/* Doubles a list in the arena when it is full; the old copy stays with the arena. */
static int arena_grow(struct arena *arena, void **items, size_t *cap, size_t n, size_t size, size_t max)
{
	if (n < *cap)
		return 0;
	size_t next = *cap ? *cap * 2 : 16;
	void *p = n < max ? arena_array(arena, next, size) : NULL;
	if (!p)
		return -ENOMEM;
	if (n)
		memcpy(p, *items, n * size);
	*items = p;
	*cap = next;
	return 0;
}

int plan_add_cut(struct plan_work *w, const struct plan_cut *cut)
{
	int r = arena_grow(
	    w->arena, (void **)&w->plan->cuts, &w->cap_cuts, w->plan->n_cuts, sizeof(*cut), CUTS_MAX);
	if (r == 0)
		w->plan->cuts[w->plan->n_cuts++] = *cut;
	return r;
}

/* Each line once, at most PLAN_LINES_MAX; *more counts what comes after those. */
static int add_line(struct plan_work *w, const char ***lines, size_t *n, size_t *cap, size_t *more,
    const char *format, va_list args)
{
	char line[LINE_MAX_BYTES];
	if (*n == PLAN_LINES_MAX) {
		++*more;
		return 0;
	}
	int length = vsnprintf(line, sizeof(line), format, args);
	size_t kept = length < (int)sizeof(line) ? (size_t)length : sizeof(line) - 1;
	for (size_t i = 0; i < *n; i++)
		if (strcmp((*lines)[i], line) == 0)
			return 0;
	int r = arena_grow(w->arena, (void **)lines, cap, *n, sizeof(**lines), PLAN_LINES_MAX);
	const char *copy = r == 0 ? arena_strndup(w->arena, line, kept) : NULL;
	if (!copy)
		return -ENOMEM;
	(*lines)[(*n)++] = copy;
	return 0;
}

int plan_add_step(struct plan_work *w, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int r = add_line(
	    w, &w->plan->manual_steps, &w->plan->n_manual_steps, &w->cap_steps, &w->more_steps, format, args);
	va_end(args);
	return r;
}

int plan_add_guardrail(struct plan_work *w, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int r = add_line(w, &w->plan->guardrails, &w->plan->n_guardrails, &w->cap_guardrails,
	    &w->more_guardrails, format, args);
	va_end(args);
	return r;
}

/* The last line gives way to how many more there would have been. */
static int close_list(struct plan_work *w, const char **lines, size_t n, size_t more)
{
	char line[LINE_MAX_BYTES];
	if (more == 0)
		return 0;
	int length = snprintf(line, sizeof(line), "and %zu more like these", more + 1);
	lines[n - 1] = arena_strndup(w->arena, line, (size_t)length);
	return lines[n - 1] ? 0 : -ENOMEM;
}

int plan_close_lists(struct plan_work *w)
{
	int r = close_list(w, w->plan->manual_steps, w->plan->n_manual_steps, w->more_steps);
	return r == 0 ? close_list(w, w->plan->guardrails, w->plan->n_guardrails, w->more_guardrails) : r;
}

static const char *arena_printf(struct arena *arena, const char *format, ...)
{
	char line[LINE_MAX_BYTES];
	va_list args;
	va_start(args, format);
	int length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	const char *copy = arena_strndup(
	    arena, line, length < (int)sizeof(line) ? (size_t)length : sizeof(line) - 1);
	return copy ? copy : "";
}

/* A cut that begins at a machine: its addresses, as many as a cut holds. */
static void cut_from_host(const struct plan_work *w, uint32_t asset, struct plan_cut *cut)
{
	const struct asset *a = asset_at(w->in->assets, asset);
	for (size_t i = 0; i < a->n_addrs && cut->n_from < 8; i++)
		if (!net_addr_is_link_local(a->addrs[i]))
			cut->from[cut->n_from++] = (struct net_prefix){.addr = a->addrs[i], .bits = 128};
	cut->from_zone = NET_ZONE_NONE;
}

/* ASSET_NONE: the cut is between zones. */
static int cite(const struct plan_work *w, struct plan_cut *cut, uint32_t asset)
{
	uint64_t *ids = arena_array(w->arena, REASONS_FLOWS, sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	cut->n_flows = reasons_flows(w->reasons, asset, cut, ids);
	cut->flows = ids;
	return 0;
}

static int add_host_cut(struct plan_work *w, size_t i, struct plan_cut cut, const char *from_what)
{
	uint32_t asset = w->held[i];
	char name[ASSET_TEXT_SIZE];
	cut_from_host(w, asset, &cut);
	cut.lease_ns = w->in->lease_ns;
	cut.why = arena_printf(w->arena, "%s is %s; this parts it from %s",
	    asset_text(w->in->assets, asset, name), reasons_standing(w->reasons, asset), from_what);
	int r = cite(w, &cut, asset);
	return r == 0 ? plan_add_cut(w, &cut) : r;
}

/* All cuts of one held machine. */
static int cuts_of_host(struct plan_work *w, const struct graph_cuts *g, size_t i)
{
	const struct plan_input *in = w->in;
	size_t zones = net_zone_count(in->zones);
	uint16_t own = asset_at(in->assets, w->held[i])->zone;
	if (g->host[i])
		return add_host_cut(w, i,
		    (struct plan_cut){.kind = PLAN_CUT_HOST,
		        .to_zone = NET_ZONE_NONE,
		        .enforcement = plan_point_outside(in, own) ? plan_point_outside(in, own) : ""},
		    "everything beyond its segment");
	int r = 0;
	if (g->outside[i])
		r = add_host_cut(w, i,
		    (struct plan_cut){.kind = PLAN_CUT_HOST_ZONE,
		        .to_zone = NET_ZONE_NONE,
		        .to_external = true,
		        .enforcement = plan_point_outside(in, own)},
		    "the outside");
	for (size_t z = 0; z < zones && r == 0; z++) {
		const struct net_zone *zone = net_zone_at(in->zones, (uint16_t)z);
		bool protected = zone->class == NET_ZONE_PROTECTED;
		const char *point = plan_point_between(in, own, (uint16_t)z);
		if (g->to_zone[i * zones + z] && point)
			r = add_host_cut(w, i,
			    (struct plan_cut){.kind = PLAN_CUT_HOST_ZONE,
			        .to_zone = (uint16_t)z,
			        .direction = protected ? PLAN_BOTH : PLAN_FROM_ONLY,
			        .enforcement = point},
			    zone->name);
	}
	return r;
}

static int add_zone_cut(struct plan_work *w, uint16_t from, uint16_t to, bool outside,
    enum plan_direction direction, const char *why)
{
	struct plan_cut cut = {.kind = PLAN_CUT_ZONE_ZONE,
	    .from_zone = from,
	    .to_zone = outside ? NET_ZONE_NONE : to,
	    .to_external = outside,
	    .direction = direction,
	    .lease_ns = w->in->lease_ns,
	    .why = why};
	cut.enforcement = outside ? plan_point_outside(w->in, from) : plan_point_between(w->in, from, to);
	int r = cite(w, &cut, ASSET_NONE);
	return r == 0 ? plan_add_cut(w, &cut) : r;
}

static int cuts_of_zones(struct plan_work *w, const struct graph_cuts *g)
{
	size_t zones = net_zone_count(w->in->zones);
	int r = 0;
	for (size_t a = 0; a < zones && r == 0; a++) {
		const char *name = net_zone_at(w->in->zones, (uint16_t)a)->name;
		if (g->zone_outside[a])
			r = add_zone_cut(w, (uint16_t)a, 0, true, PLAN_BOTH,
			    arena_printf(w->arena,
			        "held machines reach %s and could go on from there; cutting them off "
			        "from it would cost more",
			        name));
		for (size_t b = 0; b < zones && r == 0; b++)
			if (g->zone_zone[a * zones + b])
				r = add_zone_cut(w, (uint16_t)a, (uint16_t)b, false, PLAN_FROM_ONLY,
				    arena_printf(w->arena,
				        "held machines reach %s and could go on to %s; cutting them "
				        "off from it would cost more",
				        name, net_zone_at(w->in->zones, (uint16_t)b)->name));
	}
	return r;
}

/* The incident's peers that legitimate use knows, too. */
static int find_peers_used(const struct plan_work *w, struct table **ret_used)
{
	const struct incident *incident = w->in->incident;
	int r = table_new(ret_used, sizeof(struct net_addr), sizeof(bool),
	    incident->n_peers ? incident->n_peers : 1, w->in->seed);
	for (size_t i = 0; i < incident->n_peers && r == 0; i++)
		if (!table_put(*ret_used, &incident->peers[i].addr, NULL))
			r = -ENOMEM;
	for (size_t i = 0; i < w->uses->n && r == 0; i++) {
		const struct use *u = &w->uses->v[i];
		const struct net_addr *ends[] = {&u->initiator, &u->responder};
		for (int end = 0; end < 2; end++) {
			bool *used = table_get(*ret_used, ends[end]);
			if (used)
				*used = true;
		}
	}
	return r;
}

/* An address outside that serves the intruder and nobody else is cut from everybody: an implant that isn't
 * found yet loses it too. */
static int cut_peer(struct plan_work *w, const struct incident_peer *p, const char *point)
{
	char text[NET_ADDR_TEXT_SIZE];
	struct plan_cut cut = {.kind = PLAN_CUT_DESTINATION,
	    .from_zone = NET_ZONE_NONE,
	    .to_zone = NET_ZONE_NONE,
	    .to = {{.addr = p->addr, .bits = 128}},
	    .n_to = 1,
	    .lease_ns = w->in->lease_ns,
	    .enforcement = point,
	    .flows = p->flows,
	    .n_flows = p->n_flows < REASONS_FLOWS ? p->n_flows : REASONS_FLOWS};
	cut.why = arena_printf(w->arena, "%s serves the intruder (%s) and nobody else was seen to use it",
	    net_addr_text(p->addr, text), msg_role_name(p->role));
	return plan_add_cut(w, &cut);
}

static int cuts_of_peers(struct plan_work *w)
{
	const struct incident *incident = w->in->incident;
	const char *point = NULL;
	struct table *used = NULL;
	for (size_t z = 0; z < net_zone_count(w->in->zones) && !point; z++)
		point = plan_point_outside(w->in, (uint16_t)z);
	int r = point ? find_peers_used(w, &used) : 0;
	for (size_t i = 0; point && i < incident->n_peers && r == 0; i++) {
		const struct incident_peer *p = &incident->peers[i];
		if (!*(bool *)table_get(used, &p->addr) && !net_zone_is_inside(w->in->zones, p->addr))
			r = cut_peer(w, p, point);
	}
	table_free(used);
	return r;
}

/* How many machines of each zone aren't held, last those of none; NULL when memory ends. */
static size_t *count_others(const struct plan_work *w)
{
	size_t zones = net_zone_count(w->in->zones);
	size_t *others = arena_array(w->arena, zones + 1, sizeof(*others));
	for (uint32_t i = 0; others && i < asset_count(w->in->assets); i++) {
		uint16_t zone = asset_at(w->in->assets, i)->zone;
		if (!w->is_held[i])
			others[zone < zones ? zone : zones]++;
	}
	return others;
}

/* What the network can't part: machines of one segment, and pairs without an enforcement point. */
static int add_manual_steps(struct plan_work *w)
{
	const struct plan_input *in = w->in;
	size_t zones = net_zone_count(in->zones);
	const size_t *others = count_others(w);
	int r = others ? 0 : -ENOMEM;
	for (size_t i = 0; i < w->n_held && r == 0; i++) {
		uint16_t own = asset_at(in->assets, w->held[i])->zone;
		char name[ASSET_TEXT_SIZE];
		asset_text(in->assets, w->held[i], name);
		size_t neighbours = others[own < zones ? own : zones];
		if (neighbours)
			r = plan_add_step(w,
			    "%s: unplug it or shut its switch port; no enforcement point stands between it "
			    "and the %zu other machines of %s",
			    name, neighbours, net_zone_at(in->zones, own)->name);
		if (r == 0 && !plan_point_outside(in, own))
			r = plan_add_step(w,
			    "%s: no enforcement point parts %s from the outside; disconnect it by hand", name,
			    net_zone_at(in->zones, own)->name);
		for (size_t z = 0; z < zones && r == 0; z++)
			if (z != own && w->zone_live[z] && !plan_zone_is_external(in, (uint16_t)z) &&
			    !plan_point_between(in, own, (uint16_t)z))
				r = plan_add_step(w,
				    "no enforcement point parts %s from %s; separate them by hand",
				    net_zone_at(in->zones, own)->name,
				    net_zone_at(in->zones, (uint16_t)z)->name);
	}
	return r;
}

int cuts_from_graph(struct plan_work *w, const struct graph_cuts *g)
{
	int r = 0;
	w->plan->attack_paths_before = g->paths_before;
	w->plan->attack_paths_left = g->paths_left;
	for (size_t i = 0; i < w->n_held && r == 0; i++)
		r = cuts_of_host(w, g, i);
	if (r == 0)
		r = cuts_of_zones(w, g);
	if (r == 0)
		r = cuts_of_peers(w);
	return r == 0 ? add_manual_steps(w) : r;
}

int cuts_of_shutdown(struct plan_work *w)
{
	const struct plan_input *in = w->in;
	size_t zones = net_zone_count(in->zones);
	uint8_t *affected = arena_alloc(w->arena, zones);
	int r = affected ? 0 : -ENOMEM;
	for (size_t i = 0; i < w->n_held && r == 0; i++)
		if (asset_at(in->assets, w->held[i])->zone < zones)
			affected[asset_at(in->assets, w->held[i])->zone] = 1;
	for (size_t a = 0; a < zones && r == 0; a++) {
		const char *name = net_zone_at(in->zones, (uint16_t)a)->name;
		if (!affected[a] || plan_zone_is_external(in, (uint16_t)a))
			continue;
		const char *why = arena_printf(
		    w->arena, "machines of %s are held: the whole network is shut off", name);
		if (plan_point_outside(in, (uint16_t)a))
			r = add_zone_cut(w, (uint16_t)a, 0, true, PLAN_BOTH, why);
		for (size_t b = 0; b < zones && r == 0; b++)
			if (b != a && w->zone_live[b] && !(b < a && affected[b]) &&
			    !plan_zone_is_external(in, (uint16_t)b) &&
			    plan_point_between(in, (uint16_t)a, (uint16_t)b))
				r = add_zone_cut(w, (uint16_t)a, (uint16_t)b, false, PLAN_BOTH, why);
	}
	return r == 0 ? add_manual_steps(w) : r;
}
