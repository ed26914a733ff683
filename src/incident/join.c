/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Which detections belong together. Those that speak for compromise join by what they share inside the
 * window: the asset, a flow, an outside peer that took part, an indicator, and the machine that one took
 * control of. What was only tried (targets) glues nothing together: it is added afterwards to the group that
 * it fits best. So the scanners of the whole Internet, which every outside address meets every day, can't
 * make one incident of two.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "incident/correlate.h"
#include "incident/union.h"

/* Techniques of lateral movement, remote execution and the use of somebody's credentials on another machine.
 */
static const char *const control_techniques[] = {
    "T1021", /* remote services */
    "T1047", /* Windows management instrumentation */
    "T1053", /* scheduled task */
    "T1059", /* command interpreter, when it is another machine's */
    "T1072", /* software deployment tools */
    "T1210", /* exploitation of remote services */
    "T1543", /* create a service */
    "T1550", /* alternate authentication material */
    "T1563", /* remote service session hijacking */
    "T1569", /* service execution */
    "T1570", /* lateral tool transfer */
};

struct text technique_parent(struct text technique)
{
	return text_sub(technique, 0, text_find(technique, '.'));
}

bool technique_controls(struct text technique)
{
	struct text parent = technique_parent(technique);
	for (size_t i = 0; i < sizeof(control_techniques) / sizeof(*control_techniques); i++)
		if (text_equal(parent, text_of(control_techniques[i])))
			return true;
	return false;
}

enum link_kind { LINK_ASSET, LINK_PEER, LINK_INDICATOR };

/* One thing that a detection shares with others. */
struct link {
	enum link_kind kind;
	uint32_t asset;
	struct net_addr addr;
	struct text text;
	int64_t time, last;
	uint32_t evidence;
};

struct flow_link {
	uint64_t flow;
	uint32_t evidence;
};

struct links {
	struct link *v;
	size_t n;
	struct flow_link *flows;
	size_t n_flows;
};

/* Order by what is shared, not by time. */
static int link_compare_key(const struct link *x, const struct link *y)
{
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	switch (x->kind) {
	case LINK_ASSET: return x->asset == y->asset ? 0 : x->asset < y->asset ? -1 : 1;
	case LINK_PEER: return net_addr_compare(x->addr, y->addr);
	case LINK_INDICATOR: return text_compare(x->text, y->text);
	}
	return 0;
}

static int link_compare(const void *a, const void *b)
{
	const struct link *x = a, *y = b;
	int order = link_compare_key(x, y);
	if (order == 0 && x->time != y->time)
		order = x->time < y->time ? -1 : 1;
	if (order == 0)
		order = x->evidence < y->evidence ? -1 : x->evidence > y->evidence;
	return order;
}

static int flow_link_compare(const void *a, const void *b)
{
	const struct flow_link *x = a, *y = b;
	if (x->flow != y->flow)
		return x->flow < y->flow ? -1 : 1;
	return x->evidence < y->evidence ? -1 : x->evidence > y->evidence;
}

/* A place outside that took part in the intrusion, and so can tie two machines to one intruder. */
static bool peer_role_joins(uint8_t role)
{
	return role == MSG_ROLE_C2 || role == MSG_ROLE_EXFILTRATION || role == MSG_ROLE_DELIVERY ||
	       role == MSG_ROLE_ATTACKER || role == MSG_ROLE_ACTOR;
}

/* Whether the machine at the other end shares the intruder with this one, by what this detection says. */
static bool inside_peer_joins(const struct evidence *e)
{
	if (e->d->peer_role == MSG_ROLE_TARGET || e->d->peer_role == MSG_ROLE_SCANNER)
		return false;
	if (e->d->asset_role == MSG_ROLE_VICTIM || e->d->peer_role == MSG_ROLE_VICTIM)
		return true;
	return technique_controls(e->d->technique);
}

static void links_of(struct links *l, const struct evidence *e, uint32_t index)
{
	const struct msg_detection *d = e->d;
	struct link base = {
	    .time = d->time, .last = d->last > d->time ? d->last : d->time, .evidence = index};
	struct link link = base;
	link.kind = LINK_ASSET;
	link.asset = e->asset;
	l->v[l->n++] = link;
	if (e->peer != ASSET_NONE && e->peer != e->asset && inside_peer_joins(e)) {
		link.asset = e->peer;
		l->v[l->n++] = link;
	} else if (e->peer == ASSET_NONE && !net_addr_is_none(d->peer) && peer_role_joins(d->peer_role)) {
		link = base;
		link.kind = LINK_PEER;
		link.addr = d->peer;
		l->v[l->n++] = link;
	}
	if (d->indicator.n) {
		link = base;
		link.kind = LINK_INDICATOR;
		link.text = d->indicator;
		l->v[l->n++] = link;
	}
	for (uint32_t i = 0; i < d->flows.n && i < MSG_FLOWS_MAX; i++)
		l->flows[l->n_flows++] = (struct flow_link){.flow = d->flows.v[i], .evidence = index};
}

static int links_make(struct links *l, const struct correlation *c)
{
	size_t n_flows = 0;
	for (size_t i = 0; i < c->n_evidence; i++)
		n_flows += c->evidence[i].d->flows.n < MSG_FLOWS_MAX ? c->evidence[i].d->flows.n
		                                                     : MSG_FLOWS_MAX;
	l->v = calloc(c->n_evidence * 3 + 1, sizeof(*l->v));
	l->flows = calloc(n_flows + 1, sizeof(*l->flows));
	if (!l->v || !l->flows)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_evidence; i++)
		if (c->evidence[i].speaks)
			links_of(l, &c->evidence[i], (uint32_t)i);
	qsort(l->v, l->n, sizeof(*l->v), link_compare);
	qsort(l->flows, l->n_flows, sizeof(*l->flows), flow_link_compare);
	return 0;
}

/* The sum of a time and a span, at the end of time where it would pass it. */
static int64_t time_after(int64_t time, int64_t span)
{
	int64_t sum;
	return __builtin_add_overflow(time, span, &sum) ? INT64_MAX : sum;
}

static void links_join(const struct links *l, int64_t window, struct union_sets *sets)
{
	int64_t end = INT64_MIN;
	for (size_t i = 0; i < l->n; i++) {
		bool same = i > 0 && link_compare_key(&l->v[i - 1], &l->v[i]) == 0;
		if (same && l->v[i].time <= time_after(end, window))
			union_join(sets, l->v[i - 1].evidence, l->v[i].evidence);
		end = same && end > l->v[i].last ? end : l->v[i].last;
	}
	for (size_t i = 1; i < l->n_flows; i++)
		if (l->flows[i].flow == l->flows[i - 1].flow)
			union_join(sets, l->flows[i - 1].evidence, l->flows[i].evidence);
}

/*
 * The evidence with the same key that is nearest in time, GROUP_NONE where none lies inside the window. Only
 * its two neighbours in order of time are looked at, so that a flood of targets costs a search each and no
 * more.
 */
static uint32_t link_nearest(const struct links *l, const struct link *key, int64_t window)
{
	size_t low = 0, high = l->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (link_compare(&l->v[mid], key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	bool after = low < l->n && link_compare_key(&l->v[low], key) == 0 &&
	             l->v[low].time <= time_after(key->last, window);
	bool before = low > 0 && link_compare_key(&l->v[low - 1], key) == 0 &&
	              key->time <= time_after(l->v[low - 1].last, window);
	if (before && (!after || key->time - l->v[low - 1].time <= l->v[low].time - key->time))
		return l->v[low - 1].evidence;
	return after ? l->v[low].evidence : GROUP_NONE;
}

static uint32_t flow_link_find(const struct links *l, uint64_t flow)
{
	size_t low = 0, high = l->n_flows;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (l->flows[mid].flow < flow)
			low = mid + 1;
		else
			high = mid;
	}
	return low < l->n_flows && l->flows[low].flow == flow ? l->flows[low].evidence : GROUP_NONE;
}

/*
 * The evidence that a mere attempt belongs to: it shares a flow; or the machine inside that tried it; or the
 * place outside that took part otherwise; or it was tried on a machine of that group, unless it is only a
 * scan from outside.
 */
static uint32_t attempt_belongs(const struct links *l, const struct evidence *e, int64_t window)
{
	const struct msg_detection *d = e->d;
	for (uint32_t i = 0; i < d->flows.n && i < MSG_FLOWS_MAX; i++) {
		uint32_t found = flow_link_find(l, d->flows.v[i]);
		if (found != GROUP_NONE)
			return found;
	}
	struct link key = {.time = d->time, .last = d->last > d->time ? d->last : d->time};
	uint32_t found = GROUP_NONE;
	if (e->peer != ASSET_NONE) {
		key.kind = LINK_ASSET;
		key.asset = e->peer;
		found = link_nearest(l, &key, window);
	} else if (!net_addr_is_none(d->peer)) {
		key.kind = LINK_PEER;
		key.addr = d->peer;
		found = link_nearest(l, &key, window);
	}
	bool noise = d->peer_role == MSG_ROLE_SCANNER && e->peer == ASSET_NONE;
	if (found == GROUP_NONE && e->asset != ASSET_NONE && !noise) {
		key.kind = LINK_ASSET;
		key.asset = e->asset;
		found = link_nearest(l, &key, window);
	}
	return found;
}

/* Numbers the groups in order of their first evidence, and lets the attempts in. */
static void groups_number(struct correlation *c, const struct links *l, const struct union_sets *sets)
{
	for (size_t i = 0; i < c->n_evidence; i++) {
		struct evidence *e = &c->evidence[i];
		if (!e->speaks)
			continue;
		uint32_t root = union_root(sets, (uint32_t)i);
		e->group = root == i ? (uint32_t)c->n_groups++ : c->evidence[root].group;
	}
	for (size_t i = 0; i < c->n_evidence; i++) {
		struct evidence *e = &c->evidence[i];
		if (e->speaks)
			continue;
		uint32_t with = attempt_belongs(l, e, c->config.window_ns);
		e->group = with == GROUP_NONE ? GROUP_NONE : c->evidence[with].group;
	}
}

int correlation_join(struct correlation *c)
{
	struct links l = {0};
	struct union_sets sets = {0};
	int error = links_make(&l, c);
	if (error == 0)
		error = union_new(&sets, c->n_evidence);
	if (error == 0) {
		links_join(&l, c->config.window_ns, &sets);
		groups_number(c, &l, &sets);
	}
	union_free(&sets);
	free(l.v);
	free(l.flows);
	return error;
}
