/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "contain/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "contain/legitimate.h"
#include "contain/named.h"

enum { LOST_MAX = 256, LOST_KEPT = 65536 };

struct lost {
	uint64_t flows;
	uint32_t clients;
	uint8_t criticality;
	struct net_addr last; /* initiator: uses stand in their order, so each comes once */
};

static bool in_prefixes(const struct net_prefix *p, size_t n, struct net_addr a)
{
	for (size_t i = 0; i < n; i++)
		if (net_prefix_contains(p[i], a))
			return true;
	return false;
}

struct plan_end plan_end_of(const struct net_zone_map *zones, struct net_addr a)
{
	return (struct plan_end){
	    .addr = a, .zone = net_zone_of(zones, a), .outside = !net_zone_is_inside(zones, a)};
}

/* Whether the cut stops what begins at `from` towards `to`, taken in its own direction. */
static bool blocks_forward(const struct plan_cut *c, const struct plan_end *from, const struct plan_end *to)
{
	bool source = c->from_zone != NET_ZONE_NONE ? c->from_zone == from->zone
	              : c->n_from                   ? in_prefixes(c->from, c->n_from, from->addr)
	                                            : c->kind == PLAN_CUT_DESTINATION;
	bool target = c->to_external                ? to->outside
	              : c->to_zone != NET_ZONE_NONE ? c->to_zone == to->zone
	              : c->n_to                     ? in_prefixes(c->to, c->n_to, to->addr)
	                                            : c->kind == PLAN_CUT_HOST;
	return source && target;
}

bool plan_cut_stops(const struct plan_cut *c, const struct plan_end *from, const struct plan_end *to)
{
	return from->zone != to->zone &&
	       (blocks_forward(c, from, to) || (c->direction == PLAN_BOTH && blocks_forward(c, to, from)));
}

bool plan_cut_blocks(
    const struct plan_cut *c, const struct net_zone_map *zones, struct net_addr from, struct net_addr to)
{
	struct plan_end a = plan_end_of(zones, from), b = plan_end_of(zones, to);
	return plan_cut_stops(c, &a, &b);
}

/* What no cut of the plan stops, whatever it names. */
static bool is_spared(const struct plan *p, const struct plan_end *from, const struct plan_end *to)
{
	return from->zone == to->zone || in_prefixes(p->never_cut, p->n_never_cut, from->addr) ||
	       in_prefixes(p->never_cut, p->n_never_cut, to->addr);
}

bool plan_blocks(
    const struct plan *p, const struct net_zone_map *zones, struct net_addr from, struct net_addr to)
{
	struct plan_end a = plan_end_of(zones, from), b = plan_end_of(zones, to);
	if (is_spared(p, &a, &b))
		return false;
	for (size_t i = 0; i < p->n_cuts; i++)
		if (plan_cut_stops(&p->cuts[i], &a, &b))
			return true;
	return false;
}

static void count_lost(struct table *table, const struct use *u)
{
	struct legitimate_service key = {.service = u->service};
	int fresh;
	if (u->service < 0) {
		key.responder = u->responder;
		key.port = u->port;
		key.app = u->app;
		key.protocol = u->protocol;
	}
	struct lost *l = table_put(table, &key, &fresh);
	if (!l)
		return; /* counted in the sum all the same */
	if (fresh || !net_addr_equal(l->last, u->initiator))
		l->clients++;
	l->last = u->initiator;
	l->flows += u->flows;
	l->criticality = u->criticality;
}

static const char *lost_name(const struct plan_work *w, const struct legitimate_service *key)
{
	char line[LEGITIMATE_TEXT_SIZE];
	if (key->service >= 0)
		return w->in->services[key->service].name;
	legitimate_text(w->in, key, line);
	const char *copy = arena_strndup(w->arena, line, strlen(line));
	return copy ? copy : "";
}

static int by_weight(const void *left, const void *right)
{
	const struct plan_lost_service *a = left, *b = right;
	double x = a->flows_per_day * a->criticality, y = b->flows_per_day * b->criticality;
	if (x != y)
		return x > y ? -1 : 1;
	return strcmp(a->name, b->name);
}

static int give_services(struct plan_work *w, const struct table *table)
{
	struct plan_lost_service *v = arena_array(w->arena, table_count(table), sizeof(*v));
	size_t pos = 0, n = 0;
	const void *key;
	if (!v)
		return -ENOMEM;
	for (const struct lost *l; (l = table_next(table, &pos, &key));)
		v[n++] = (struct plan_lost_service){.name = lost_name(w, key),
		    .clients = l->clients,
		    .flows_per_day = (double)l->flows * w->uses->per_day,
		    .criticality = l->criticality};
	if (n)
		qsort(v, n, sizeof(*v), by_weight);
	w->plan->services_lost = v;
	w->plan->n_services_lost = n < LOST_MAX ? n : LOST_MAX;
	return 0;
}

/* Whether the plan stops the use. Adds to the own cost of each cut that alone would: weighted flows a day. */
static bool loses(struct plan_work *w, const struct named *named, const struct use *u)
{
	struct plan *p = w->plan;
	struct plan_end from = plan_end_of(w->in->zones, u->initiator),
	                to = plan_end_of(w->in->zones, u->responder);
	bool lost = false;
	if (is_spared(p, &from, &to))
		return false;
	struct named_walk walk = named_begin(named, u->initiator, u->responder);
	for (int64_t i; (i = named_next(&walk)) >= 0;)
		if (plan_cut_stops(&p->cuts[i], &from, &to)) {
			p->cuts[i].cost += (double)u->flows * w->uses->per_day * u->criticality;
			lost = true;
		}
	return lost;
}

int cost_count(struct plan_work *w)
{
	struct plan *p = w->plan;
	struct table *table = NULL;
	struct named *named = NULL;
	uint64_t lost = 0;
	int r = table_new(
	    &table, sizeof(struct legitimate_service), sizeof(struct lost), LOST_KEPT, w->in->seed);
	if (r == 0)
		r = named_new(&named, p, w->in->seed);
	for (size_t i = 0; i < w->uses->n && r == 0; i++) {
		const struct use *u = &w->uses->v[i];
		if (!loses(w, named, u))
			continue;
		lost += u->flows;
		count_lost(table, u);
	}
	p->legitimate_flows_per_day = (double)w->uses->flows * w->uses->per_day;
	p->legitimate_flows_lost_per_day = (double)lost * w->uses->per_day;
	if (r == 0)
		r = give_services(w, table);
	named_free(named);
	table_free(table);
	return r;
}
