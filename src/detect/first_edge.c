/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Lateral movement by who administers whom (Ho et al., "Hopper", USENIX Security 2021; Neil et al., "Scan
 * statistics for the online detection of locally anomalous subgraphs", 2013): an administrative session
 * between two machines that was never seen before, many new ones from one source (fan-out), and one that
 * leaves a machine after that machine became suspicious (pivot). A new edge alone is everyday work of
 * administrators, and stays weak.
 *
 * Without an end in sight, what is new is known when the time of learning is over: a session that goes on is
 * then told of at once, as is the pivot it makes. The rest, and of records that have an end everything, is
 * said when all is looked over.
 */

#include "detect/behaviour.h"

#include <stdio.h>
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
	uint32_t pivot;   /* as of which hop it was told as one, 0: never */
	struct flow_sample flows;
};

/* Per target: by how many sources it is administered over this protocol. Per source: its new edges. */
struct run {
	uint32_t n;
	int64_t first, last;
	struct flow_sample flows;
};

struct degree {
	struct run run,
	    best; /* new edges with less than FANOUT_WINDOW between them: the last ones, the most */
};

struct degrees {
	struct table *in;  /* (target, app) as edge_key without source */
	struct table *out; /* source */
};

/* What a look does, one after the other. */
enum stage { STAGE_BEGIN, STAGE_COUNT, STAGE_EDGES, STAGE_FANOUT, STAGE_HOP, STAGE_PIVOTS, STAGE_TAKE_BACK };

struct edge_state {
	struct detect_table *edges;
	uint64_t flow; /* whose logins `granted` and `refused` tell */
	uint32_t granted, refused;
	struct degrees degrees;  /* of the last count, with the edges that came since */
	struct degrees counting; /* of the count that goes on */
	enum stage stage;
	/* Hops are numbered through all rounds: those of this one are [first, hop]. What was reached in an
	 * earlier round is reached again or is taken back. */
	uint32_t first_hop, hop;
	size_t found; /* pivots of this hop that are new to the round, or say something else by now */
};

static void edge_begin(void *state)
{
	struct edge_state *s = state;
	s->hop = 1; /* 0 is no hop */
}

static void degrees_free(struct degrees *g)
{
	table_free(g->in);
	table_free(g->out);
	*g = (struct degrees){NULL, NULL};
}

static void edge_end(void *state)
{
	struct edge_state *s = state;
	degrees_free(&s->degrees);
	degrees_free(&s->counting);
}

static void edge_transaction(struct detector *d, void *state, const struct exchange *x)
{
	const struct msg_flow *f = x->f;
	const struct msg_transaction *t = x->t;
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

static struct edge_key target_key(const struct edge_key *k)
{
	struct edge_key t = *k;
	memset(&t.from, 0, sizeof(t.from));
	return t;
}

static int degrees_new(const struct detector *d, struct degrees *g)
{
	int error = table_new(&g->in, sizeof(struct edge_key), sizeof(uint32_t), SOURCES_MAX, d->config.seed);
	if (error == 0)
		error = table_new(
		    &g->out, sizeof(struct net_addr), sizeof(struct degree), SOURCES_MAX, d->config.seed);
	if (error < 0)
		degrees_free(g);
	return error;
}

static void degrees_add(const struct degrees *g, const struct edge_key *k, const struct edge *e, bool is_new)
{
	struct edge_key t = target_key(k);
	uint32_t *in = table_put(g->in, &t, NULL);
	if (in)
		(*in)++;
	struct degree *out = is_new ? table_put(g->out, &k->from, NULL) : NULL;
	if (!out)
		return;
	struct run *run = &out->run;
	if (run->n == 0 || e->first - run->last > FANOUT_WINDOW)
		*run = (struct run){.first = e->first, .last = e->first};
	run->n++;
	run->first = e->first < run->first ? e->first : run->first;
	run->last = e->first > run->last ? e->first : run->last;
	if (e->flows.n)
		flow_sample_add(&run->flows, e->flows.id[0]);
	if (run->n >= out->best.n)
		out->best = *run;
}

static uint32_t target_degree(const struct degrees *g, const struct edge_key *k)
{
	struct edge_key t = target_key(k);
	const uint32_t *n = g->in ? table_get(g->in, &t) : NULL;
	return n ? *n : 1;
}

/* How much a new edge says: little; less where the target serves many (a file server, a directory), more
 * where servers that are open to the outside begin to administer. */
static double edge_confidence(const struct detector *d, const struct edge_key *k, uint32_t sources)
{
	enum net_zone_class from = detect_zone_class(d, k->from);
	enum net_zone_class to = detect_zone_class(d, k->to);
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

static void fanout_report(struct detector *d, struct net_addr from, const struct run *g)
{
	char why[DETECT_WHY_SIZE], text[NET_ADDR_TEXT_SIZE], span[24];
	time_span_human(g->last - g->first, span, sizeof(span));
	snprintf(why, sizeof(why), "%s began %u administrative sessions with machines new to it within %s",
	    detect_addr(from, text), g->n, span);
	bool management = detect_zone_class(d, from) == NET_ZONE_MANAGEMENT;
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
    const struct suspicion *s, uint32_t sources, uint32_t hop)
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
	    .chain = hop,
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

/* A session out of a machine that was suspicious before. Who was suspicious before the session is not so
 * because of it: that keeps two machines from raising each other. It speaks of the target alone; of the
 * source everything was said. */
static bool pivot_judge(
    struct detector *d, const struct edge_state *s, const struct edge_key *k, const struct edge *e)
{
	struct suspicion from = suspicion_of(d, k->from);
	if (from.confidence < 0.5 || e->first < from.since)
		return false;
	struct suspicion to = suspicion_of(d, k->to);
	if (to.confidence >= 0.5 && to.since < e->first)
		return false; /* already */
	pivot_report(d, k, e, &from, target_degree(&s->degrees, k), s->hop);
	return true;
}

/* As of the hop that is being followed. */
static void pivot_follow(struct detector *d, struct edge_state *s, const struct edge_key *k, struct edge *e)
{
	uint64_t said = d->stats.detections;
	if (!pivot_judge(d, s, k, e))
		return;
	s->found += e->pivot < s->first_hop || d->stats.detections != said;
	e->pivot = s->hop;
}

static void pivot_take_back(
    struct detector *d, const struct edge_state *s, const struct edge_key *k, struct edge *e)
{
	if (e->pivot == 0 || e->pivot >= s->first_hop)
		return;
	e->pivot = 0;
	detect_take_back(
	    d, &(struct finding){.name = "lateral.pivot",
	           .technique = edge_technique(k->app),
	           .asset = k->to,
	           .peer = k->from,
	           .subject = k->app,
	           .why = "by what is known now, it didn't come from a machine that was suspicious before"});
}

static void edge_logins(struct edge_state *s, struct edge *e, uint64_t flow)
{
	if (s->flow != flow)
		return;
	e->granted += s->granted;
	e->refused += s->refused;
	s->granted = s->refused = 0;
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
	bool counts = observe_once(o, TOLD_EDGE);
	e->n += counts;
	e->out = f->payload_out > e->out ? f->payload_out : e->out;
	e->in = f->payload_in > e->in ? f->payload_in : e->in;
	bool told = s->flow == f->id && s->granted + s->refused;
	edge_logins(s, e, f->id);
	flow_sample_add(&e->flows, f->id);
	if (!d->live)
		return;
	bool is_new = e->first > detect_learned_at(d);
	if (fresh && s->degrees.in)
		degrees_add(&s->degrees, &k, e, is_new);
	if (fresh && is_new)
		edge_report(d, &k, e, target_degree(&s->degrees, &k));
	if ((counts || told) && pivot_judge(d, s, &k, e))
		e->pivot = s->hop;
}

/* All edges are counted: by these numbers they are judged from now on. */
static void count_end(struct edge_state *s)
{
	degrees_free(&s->degrees);
	s->degrees = s->counting;
	s->counting = (struct degrees){NULL, NULL};
}

/* What a look does with one edge. */
static void edge_visit(struct detector *d, struct edge_state *s, const struct edge_key *k, struct edge *e)
{
	bool is_new = e->first > detect_learned_at(d);
	if (s->stage == STAGE_COUNT)
		degrees_add(&s->counting, k, e, is_new);
	else if (s->stage == STAGE_EDGES && is_new)
		edge_report(d, k, e, target_degree(&s->degrees, k));
	else if (s->stage == STAGE_PIVOTS)
		pivot_follow(d, s, k, e);
	else if (s->stage == STAGE_TAKE_BACK)
		pivot_take_back(d, s, k, e);
}

static bool edges_visit(struct detector *d, struct edge_state *s, struct look *l)
{
	const void *key;
	d->suspects_stand = s->stage == STAGE_PIVOTS;
	bool more = true;
	for (struct edge *e; more && (e = table_next(s->edges->t, &l->at, &key));) {
		edge_visit(d, s, key, e);
		more = look_on(l, 2);
	}
	d->suspects_stand = false;
	return more;
}

static bool fanouts_visit(struct detector *d, const struct edge_state *s, struct look *l)
{
	const void *key;
	for (const struct degree *g; (g = table_next(s->degrees.out, &l->at, &key));) {
		struct net_addr from;
		memcpy(&from, key, sizeof(from));
		if (g->best.n >= FANOUT_MIN)
			fanout_report(d, from, &g->best);
		if (!look_on(l, 1))
			return false;
	}
	return true;
}

/* What the stage has to do. True: it is over. */
static bool stage_run(struct detector *d, struct edge_state *s, struct look *l)
{
	switch (s->stage) {
	case STAGE_BEGIN: degrees_free(&s->counting); return degrees_new(d, &s->counting) == 0;
	case STAGE_FANOUT: return fanouts_visit(d, s, l);
	case STAGE_HOP:
		s->hop++;
		s->found = 0;
		detect_suspicion_collect(d, s->first_hop, s->hop);
		return true;
	case STAGE_COUNT:
	case STAGE_EDGES:
	case STAGE_PIVOTS:
	case STAGE_TAKE_BACK: break;
	}
	return edges_visit(d, s, l);
}

/*
 * Counts the edges, says which are new, who made many, and follows those out of suspicious machines, and out
 * of those that they reach, and so on: at most CHAIN_MAX hops.
 */
static bool edge_look(struct detector *d, void *state, struct look *l)
{
	struct edge_state *s = state;
	if (l->whole && l->at == 0)
		s->stage = STAGE_BEGIN;
	for (;;) {
		if (!stage_run(d, s, l))
			return s->stage == STAGE_BEGIN; /* memory has ended: nothing to look at */
		l->at = 0;
		switch (s->stage) {
		case STAGE_COUNT:
			count_end(s);
			s->stage = STAGE_EDGES;
			break;
		case STAGE_FANOUT:
			s->first_hop = s->hop + 1;
			s->stage = STAGE_HOP;
			break;
		case STAGE_PIVOTS:
			s->stage = s->found && s->hop - s->first_hop + 1 < CHAIN_MAX ? STAGE_HOP
			                                                             : STAGE_TAKE_BACK;
			break;
		case STAGE_TAKE_BACK: s->stage = STAGE_BEGIN; return true;
		case STAGE_BEGIN:
		case STAGE_EDGES:
		case STAGE_HOP: s->stage++; break;
		}
	}
}

const struct behaviour behaviour_first_edge = {
    .name = "first edge",
    .state_size = sizeof(struct edge_state),
    .tables = {BEHAVIOUR_TABLE(
        struct edge_state, edges, sizeof(struct edge_key), sizeof(struct edge), EDGE_PER_MILLE)},
    .begin = edge_begin,
    .end = edge_end,
    .transaction = edge_transaction,
    .fields = (const enum field[]){FIELD_AUTH_RESULT, FIELD_NONE},
    .flow = edge_flow,
    .look = edge_look,
};
