/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Lateral movement by who administers whom (Ho et al., "Hopper", USENIX Security 2021; Neil et al., "Scan
 * statistics for the online detection of locally anomalous subgraphs", 2013): an administrative session
 * between two machines that was never seen before, many new ones from one source (fan-out), and one that
 * leaves a machine after that machine became suspicious (pivot). A new edge alone is everyday work of
 * administrators, and stays weak.
 *
 * What is new is known only when the time of learning is, so all of this is said at finish.
 */

#include "detect/behaviour.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "net/app.h"

enum {
	EDGE_PER_MILLE = 60,
	FANOUT_MIN = 5,
	CHAIN_MAX = 6,
	SOURCES_MAX = 1 << 16,
	WORKED_BYTES = 10000,
	POPULAR = 4
};
#define FANOUT_WINDOW (3600 * NS_PER_S)
/* What a session passes on of its source's suspicion. */
#define PIVOT_WEIGHT 0.85

struct edge_key {
	struct net_addr from, to;
	uint16_t app;
	uint16_t zero[3];
};

struct edge {
	struct detect_use use;
	int64_t first;
	uint32_t n, granted, refused;
	uint64_t out, in; /* of its largest session */
	struct flow_sample flows;
};

struct edge_state {
	struct detect_table *edges;
	uint64_t flow; /* whose logins `granted` and `refused` tell */
	uint32_t granted, refused;
};

static int edge_start(struct detector *d, void **ret_state)
{
	struct edge_state *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	int error = detect_table_new(
	    d, &s->edges, sizeof(struct edge_key), sizeof(struct edge), EDGE_PER_MILLE);
	if (error < 0)
		free(s);
	else
		*ret_state = s;
	return error;
}

static void edge_stop(void *state)
{
	free(state);
}

static void edge_transaction(
    struct detector *d, void *state, const struct msg_flow *f, const struct msg_transaction *t)
{
	struct edge_state *s = state;
	struct text result = field_get(t->fields.v, t->fields.n, FIELD_AUTH_RESULT);
	(void)d;
	if (result.n == 0)
		return;
	if (s->flow != f->id) {
		s->flow = f->id;
		s->granted = s->refused = 0;
	}
	if (text_equal(result, TEXT("success")))
		s->granted++;
	else
		s->refused++;
}

static void edge_flow(struct detector *d, void *state, const struct observation *o)
{
	struct edge_state *s = state;
	const struct msg_flow *f = o->f;
	if (!app_is_admin(f->app) || !detect_answered(f) || !o->from_inside || !o->to_inside ||
	    net_addr_equal(f->initiator, f->responder))
		return;
	struct edge_key k;
	memset(&k, 0, sizeof(k));
	k.from = f->initiator;
	k.to = f->responder;
	k.app = f->app;
	int fresh;
	struct edge *e = detect_table_put(d, s->edges, &k, f->last, &fresh);
	if (!e)
		return;
	if (fresh || f->first < e->first)
		e->first = f->first;
	e->n += o->fresh;
	e->out = f->payload_out > e->out ? f->payload_out : e->out;
	e->in = f->payload_in > e->in ? f->payload_in : e->in;
	if (s->flow == f->id) {
		e->granted += s->granted;
		e->refused += s->refused;
		s->granted = s->refused = 0;
	}
	flow_sample_add(&e->flows, f->id);
}

static const char *edge_technique(uint16_t app)
{
	switch (app) {
	case APP_RDP: return "T1021.001";
	case APP_SMB: return "T1021.002";
	case APP_DCERPC: return "T1021.003";
	case APP_SSH: return "T1021.004";
	case APP_VNC: return "T1021.005";
	case APP_WINRM: return "T1021.006";
	default: return "T1021";
	}
}

/* Whether somebody got in: told by the protocol, else by more bytes than a refused login moves. */
static bool edge_worked(const struct edge *e)
{
	if (e->granted || e->refused)
		return e->granted > 0;
	return e->out + e->in >= WORKED_BYTES;
}

/* Per target: by how many sources it is administered over this protocol. Per source: its new edges. */
struct degree {
	uint32_t n;
	int64_t first, last;
	struct flow_sample flows;
};

struct degrees {
	struct table *in;  /* (target, app) as edge_key without source */
	struct table *out; /* source */
};

static struct edge_key target_key(const struct edge_key *k)
{
	struct edge_key t = *k;
	memset(&t.from, 0, sizeof(t.from));
	return t;
}

static int degrees_collect(struct detector *d, const struct edge_state *s, int64_t learned, struct degrees *g)
{
	int error = table_new(&g->in, sizeof(struct edge_key), sizeof(uint32_t), SOURCES_MAX, d->config.seed);
	if (error == 0)
		error = table_new(
		    &g->out, sizeof(struct net_addr), sizeof(struct degree), SOURCES_MAX, d->config.seed);
	const void *key;
	size_t at = 0;
	for (const struct edge *e; error == 0 && (e = table_next(s->edges->t, &at, &key));) {
		const struct edge_key *k = key;
		struct edge_key t = target_key(k);
		uint32_t *in = table_put(g->in, &t, NULL);
		if (in)
			(*in)++;
		struct degree *out = e->first > learned ? table_put(g->out, &k->from, NULL) : NULL;
		if (!out)
			continue;
		if (out->n == 0 || e->first - out->last > FANOUT_WINDOW) {
			if (out->n < FANOUT_MIN)
				*out = (struct degree){.first = e->first};
		}
		out->n++;
		out->last = e->first > out->last ? e->first : out->last;
		if (e->flows.n)
			flow_sample_add(&out->flows, e->flows.id[0]);
	}
	return error;
}

static uint32_t target_degree(const struct degrees *g, const struct edge_key *k)
{
	struct edge_key t = target_key(k);
	const uint32_t *n = table_get(g->in, &t);
	return n ? *n : 0;
}

/* How much a new edge says: little; less where the target serves many (a file server, a directory), more
 * where servers that are open to the outside begin to administer. */
static double edge_confidence(const struct detector *d, const struct edge_key *k, uint32_t sources)
{
	enum net_zone_class from = net_zone_class_of(d->config.zones, k->from);
	enum net_zone_class to = net_zone_class_of(d->config.zones, k->to);
	const struct host *h = history_host(d, k->from);
	bool practised = h && h->admin_first && h->admin_first <= detect_learned_at(d);
	double c = practised ? 0.1 : 0.15;
	if (from == NET_ZONE_DMZ && to != NET_ZONE_DMZ)
		c = 0.3;
	else if (from == NET_ZONE_MANAGEMENT)
		c = 0.05;
	return c * history_rarity(sources);
}

static void edge_report(struct detector *d, const struct edge_key *k, const struct edge *e, uint32_t sources)
{
	char why[DETECT_WHY_SIZE], from[NET_ADDR_TEXT_SIZE], to[NET_ADDR_TEXT_SIZE];
	snprintf(why, sizeof(why),
	    "first %s session from %s to %s, which %u machine%s administer%s that way; %u since",
	    app_name(k->app), detect_addr(k->from, from), detect_addr(k->to, to), sources,
	    sources == 1 ? "" : "s", sources == 1 ? "s" : "", e->n);
	struct finding f = {
	    .name = "lateral.first-edge",
	    .technique = edge_technique(k->app),
	    .confidence = edge_confidence(d, k, sources),
	    .asset = k->from,
	    .peer = k->to,
	    .asset_role = MSG_ROLE_ACTOR,
	    .peer_role = MSG_ROLE_TARGET,
	    .subject = k->app,
	    .first = e->first,
	    .last = e->use.last,
	    .count = e->n,
	    .flows = e->flows.id,
	    .n_flows = e->flows.n,
	    .why = why,
	};
	detect_report(d, &f);
}

static void fanout_report(struct detector *d, struct net_addr from, const struct degree *g)
{
	char why[DETECT_WHY_SIZE], text[NET_ADDR_TEXT_SIZE], span[24];
	time_span_human(g->last - g->first, span, sizeof(span));
	snprintf(why, sizeof(why), "%s began %u administrative sessions with machines new to it within %s",
	    detect_addr(from, text), g->n, span);
	bool management = net_zone_class_of(d->config.zones, from) == NET_ZONE_MANAGEMENT;
	struct finding f = {
	    .name = "lateral.fanout",
	    .technique = "T1021",
	    .confidence = detect_saturate(g->n - FANOUT_MIN + 1, 10, management ? 0.3 : 0.7),
	    .asset = from,
	    .asset_role = MSG_ROLE_ACTOR,
	    .first = g->first,
	    .last = g->last,
	    .count = g->n,
	    .flows = g->flows.id,
	    .n_flows = g->flows.n,
	    .why = why,
	};
	detect_report(d, &f);
}

static void pivot_report(struct detector *d, const struct edge_key *k, const struct edge *e,
    const struct suspicion *s, uint32_t sources)
{
	char why[DETECT_WHY_SIZE], from[NET_ADDR_TEXT_SIZE], to[NET_ADDR_TEXT_SIZE], span[24];
	bool worked = edge_worked(e);
	time_span_human(e->first > s->since ? e->first - s->since : 0, span, sizeof(span));
	snprintf(why, sizeof(why),
	    "first %s session from %s to %s, %s after %s became suspicious itself (%.2f)%s", app_name(k->app),
	    detect_addr(k->from, from), detect_addr(k->to, to), span, from, s->confidence,
	    worked ? "" : "; nothing shows that it got in");
	double c = PIVOT_WEIGHT * s->confidence * (sources >= POPULAR ? history_rarity(sources) : 1);
	/* Everybody who logs in to a Windows domain speaks SMB and RPC to the directory. */
	const struct host *h = history_host(d, k->to);
	bool directory = h && (h->served_apps & (UINT64_C(1) << APP_LDAP | UINT64_C(1) << APP_KERBEROS));
	if (directory && (k->app == APP_SMB || k->app == APP_DCERPC))
		c *= 0.2;
	struct finding f = {
	    .name = "lateral.pivot",
	    .technique = edge_technique(k->app),
	    .confidence = worked ? c : 0.6 * c,
	    .asset = k->to,
	    .peer = k->from,
	    .asset_role = worked ? MSG_ROLE_VICTIM : MSG_ROLE_TARGET,
	    .peer_role = MSG_ROLE_ATTACKER,
	    .subject = k->app,
	    .first = e->first,
	    .last = e->use.last,
	    .count = e->n,
	    .flows = e->flows.id,
	    .n_flows = e->flows.n,
	    .why = why,
	};
	detect_report(d, &f);
}

/*
 * New edges out of suspicious machines, and out of those that they reach, and so on: at most CHAIN_MAX hops.
 * Who was suspicious before the session is not so because of it: that keeps two machines from raising each
 * other. It speaks of the target alone; of the source everything was said.
 */
static void pivots_follow(struct detector *d, const struct edge_state *s, const struct degrees *g)
{
	for (int hop = 0; hop < CHAIN_MAX; hop++) {
		struct table *suspects;
		if (suspicion_collect(d, &suspects) < 0)
			return;
		const void *key;
		size_t at = 0;
		uint64_t before = d->stats.detections;
		for (const struct edge *e; (e = table_next(s->edges->t, &at, &key));) {
			const struct edge_key *k = key;
			struct suspicion from = suspicion_of(suspects, k->from);
			struct suspicion to = suspicion_of(suspects, k->to);
			bool already = to.confidence >= 0.5 && to.since < e->first;
			if (from.confidence >= 0.5 && e->first >= from.since && !already)
				pivot_report(d, k, e, &from, target_degree(g, k));
		}
		table_free(suspects);
		if (d->stats.detections == before)
			return;
	}
}

static void edge_finish(struct detector *d, void *state, int64_t now)
{
	struct edge_state *s = state;
	struct degrees g = {NULL, NULL};
	int64_t learned = detect_learned_at(d);
	(void)now;
	if (degrees_collect(d, s, learned, &g) == 0) {
		const void *key;
		size_t at = 0;
		for (const struct edge *e; (e = table_next(s->edges->t, &at, &key));)
			if (e->first > learned)
				edge_report(d, key, e, target_degree(&g, key));
		at = 0;
		for (const struct degree *o; (o = table_next(g.out, &at, &key));) {
			struct net_addr from;
			memcpy(&from, key, sizeof(from));
			if (o->n >= FANOUT_MIN)
				fanout_report(d, from, o);
		}
		pivots_follow(d, s, &g);
	}
	table_free(g.in);
	table_free(g.out);
}

const struct behaviour behaviour_first_edge = {
    .name = "first edge",
    .start = edge_start,
    .stop = edge_stop,
    .transaction = edge_transaction,
    .flow = edge_flow,
    .finish = edge_finish,
};
