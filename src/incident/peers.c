/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The outside ends of incidents: what they were (the worst of what detections call them), how much went to
 * and from them in all flows of the archive, and what they call themselves: the name that flows gave (SNI,
 * HTTP host), else that of a DNS answer.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "incident/correlate.h"
#include "incident/names.h"

enum { PEER_FLOWS_MAX = 64 };

/* One address, whichever incidents it is a peer of. */
struct peer_total {
	struct net_addr addr;
	uint64_t bytes_out, bytes_in;
	const char *name;               /* in the arena */
	uint64_t flows[PEER_FLOWS_MAX]; /* ids, sorted */
	size_t n_flows;
};

struct peer_scan {
	const struct correlation *c;
	struct incident_flows *flows;
	struct peer_total *totals; /* by address */
	size_t n;
};

/* Worse is larger; 0: nothing that makes it a peer of the incident. */
static int role_weight(uint8_t role)
{
	switch (role) {
	case MSG_ROLE_EXFILTRATION: return 5;
	case MSG_ROLE_C2: return 4;
	case MSG_ROLE_ATTACKER:
	case MSG_ROLE_ACTOR: /* it acted upon us */ return 3;
	case MSG_ROLE_DELIVERY: return 2;
	case MSG_ROLE_SCANNER: return 1;
	default: return 0;
	}
}

static enum msg_role role_of_peer(uint8_t role)
{
	return role == MSG_ROLE_ACTOR ? MSG_ROLE_ATTACKER : (enum msg_role)role;
}

static int peer_compare(const void *a, const void *b)
{
	const struct incident_peer *x = a, *y = b;
	int order = net_addr_compare(x->addr, y->addr);
	return order ? order : role_weight(y->role) - role_weight(x->role);
}

static int peer_rank_compare(const void *a, const void *b)
{
	const struct incident_peer *x = a, *y = b;
	int order = role_weight(y->role) - role_weight(x->role);
	if (order == 0 && x->bytes_out != y->bytes_out)
		order = x->bytes_out > y->bytes_out ? -1 : 1;
	return order ? order : net_addr_compare(x->addr, y->addr);
}

/* The peers of one incident by address, each once with its worst role. */
static int peers_list(const struct correlation *c, struct incident *incident)
{
	struct incident_peer *v = arena_array(c->arena, incident->n_detections, sizeof(*v));
	size_t n = 0, unique = 0;
	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < incident->n_detections; i++) {
		const struct msg_detection *d = incident->detections[i];
		if (role_weight(d->peer_role) && !net_addr_is_none(d->peer) &&
		    !net_zone_is_inside(c->in->zones, d->peer))
			v[n++] = (struct incident_peer){
			    .addr = d->peer, .name = "", .role = role_of_peer(d->peer_role)};
	}
	qsort(v, n, sizeof(*v), peer_compare);
	for (size_t i = 0; i < n; i++)
		if (unique == 0 || !net_addr_equal(v[unique - 1].addr, v[i].addr))
			v[unique++] = v[i];
	incident->peers = v;
	incident->n_peers = unique;
	return 0;
}

static int total_compare(const void *a, const void *b)
{
	const struct peer_total *x = a, *y = b;
	return net_addr_compare(x->addr, y->addr);
}

static struct peer_total *total_find(const struct peer_scan *s, struct net_addr addr)
{
	struct peer_total key = {.addr = addr};
	return s->n ? bsearch(&key, s->totals, s->n, sizeof(key), total_compare) : NULL;
}

static int totals_make(struct peer_scan *s, const struct incident *incidents, size_t n)
{
	size_t count = 0, unique = 0;
	for (size_t i = 0; i < n; i++)
		count += incidents[i].n_peers;
	s->totals = calloc(count + 1, sizeof(*s->totals));
	if (!s->totals)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < incidents[i].n_peers; k++)
			s->totals[s->n++].addr = incidents[i].peers[k].addr;
	qsort(s->totals, s->n, sizeof(*s->totals), total_compare);
	for (size_t i = 0; i < s->n; i++)
		if (unique == 0 || !net_addr_equal(s->totals[unique - 1].addr, s->totals[i].addr))
			s->totals[unique++] = s->totals[i];
	s->n = unique;
	return 0;
}

static uint64_t sum(uint64_t a, uint64_t b)
{
	uint64_t r;
	return __builtin_add_overflow(a, b, &r) ? UINT64_MAX : r;
}

/* Whether a tunnel around f runs to the same outside address: then the tunnel's flow holds f's bytes already.
 */
static bool counted_outside(const struct peer_scan *s, const struct msg_flow *f, struct net_addr peer)
{
	struct incident_tunnel outer[INCIDENT_TUNNELS_MAX];
	size_t n = incident_flows_outer(s->flows, f, outer);
	for (size_t i = 0; i < n; i++)
		if (net_addr_equal(outer[i].initiator, peer) || net_addr_equal(outer[i].responder, peer))
			return true;
	return false;
}

static int total_flow(void *context, const struct msg_flow *f)
{
	struct peer_scan *s = context;
	struct peer_total *t = total_find(s, f->responder);
	bool to_peer = t != NULL;
	if (!t)
		t = total_find(s, f->initiator);
	if (!t || !net_zone_is_inside(s->c->in->zones, to_peer ? f->initiator : f->responder))
		return 0;
	if (!counted_outside(s, f, t->addr)) {
		t->bytes_out = sum(t->bytes_out, to_peer ? f->payload_out : f->payload_in);
		t->bytes_in = sum(t->bytes_in, to_peer ? f->payload_in : f->payload_out);
	}
	if (t->n_flows < PEER_FLOWS_MAX)
		t->flows[t->n_flows++] = f->id;
	return to_peer && !t->name ? incident_name_keep(s->c->arena, f->name, &t->name) : 0;
}

static int peers_fill(const struct peer_scan *s, struct incident *incident)
{
	for (size_t i = 0; i < incident->n_peers; i++) {
		struct incident_peer *p = &incident->peers[i];
		const struct peer_total *t = total_find(s, p->addr);
		uint64_t *flows = arena_array(s->c->arena, t->n_flows, sizeof(*flows));
		if (!flows)
			return -ENOMEM;
		if (t->n_flows)
			memcpy(flows, t->flows, t->n_flows * sizeof(*flows));
		p->flows = flows;
		p->n_flows = t->n_flows;
		p->bytes_out = t->bytes_out;
		p->bytes_in = t->bytes_in;
		p->name = t->name ? t->name : "";
	}
	qsort(incident->peers, incident->n_peers, sizeof(*incident->peers), peer_rank_compare);
	return 0;
}

static int totals_scan(struct peer_scan *s)
{
	struct net_addr *addrs = calloc(s->n, sizeof(*addrs));
	const char **names = calloc(s->n, sizeof(*names));
	int error = addrs && names ? 0 : -ENOMEM;
	for (size_t i = 0; i < s->n && error == 0; i++)
		addrs[i] = s->totals[i].addr;
	struct archive_filter filter = {.addrs = addrs, .n_addrs = s->n};
	if (error == 0)
		error = incident_flows_scan(s->flows, &filter, total_flow, s);
	for (size_t i = 0; i < s->n && error == 0; i++)
		names[i] = s->totals[i].name;
	if (error == 0)
		error = incident_names_dns(s->c->in->archive, addrs, names, s->n, s->c->arena);
	for (size_t i = 0; i < s->n && error == 0; i++)
		s->totals[i].name = names[i];
	free(addrs);
	free(names);
	return error;
}

int correlation_peers(
    const struct correlation *c, struct incident_flows *flows, struct incident *incidents, size_t n)
{
	struct peer_scan s = {.c = c, .flows = flows};
	int error = 0;
	for (size_t i = 0; i < n && error == 0; i++)
		error = peers_list(c, &incidents[i]);
	if (error == 0)
		error = totals_make(&s, incidents, n);
	if (error == 0 && s.n)
		error = totals_scan(&s);
	for (size_t i = 0; i < n && error == 0; i++)
		error = peers_fill(&s, &incidents[i]);
	free(s.totals);
	return error;
}
