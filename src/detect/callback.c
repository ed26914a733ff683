/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Entry by causality: a server is asked something by somebody outside, and soon after calls out itself. What
 * was asked may be encrypted or unknown; that a machine which only ever answered now begins to call is seen
 * anyway (after King & Chen, "Backtracking intrusions", SOSP 2003; and the egress test of SANS's and MITRE's
 * guidance for T1190). Three degrees: it calls the asker back; what it was asked carried the marks of an
 * exploit (detect/exploit.c) and it calls anybody new; it never called out before and calls somebody new.
 *
 * Requests and calls come in the order in which they end, or in which it becomes known what they are, so
 * either may be seen first: both are kept for a while. Ordinary callbacks aside: FTP's data connections, mail
 * and name servers, ident, voice, peer-to-peer.
 *
 * A flow that goes on is taken when its protocol is known, or known to have no name; a call when it was
 * answered, refused or left without an answer. What is learned of it later is added: an exploit in a later
 * request, a late answer.
 */

#include "detect/callback.h"

#include <stdio.h>
#include <string.h>

#include "base/timefmt.h"
#include "flow/flow.h"
#include "net/app.h"

enum { REQUESTS_MAX = 8, CALLS_MAX = 8, CALLBACK_PER_MILLE = 40, SERVED_MIN = 3 };
#define ANSWERS_WITHIN (60 * NS_PER_S)
#define NEW_WITHIN     (30 * NS_PER_S)

struct request {
	struct net_addr peer;
	int64_t first, last;
	uint64_t flow;
	bool exploit;          /* carried the marks of one */
	struct net_addr named; /* which named this address to call */
	uint8_t place;         /* its own, among the server's requests */
	bool used;
};

struct call {
	struct net_addr peer;
	int64_t time;
	uint64_t flow;
	uint16_t app, port;
	uint8_t counted; /* bits of the requests with which it was reported */
	bool answered;
	bool used;
};

struct server {
	struct detect_use use;
	struct request requests[REQUESTS_MAX];
	struct call calls[CALLS_MAX];
	uint32_t n_requests, n_calls;
};

struct callback_state {
	struct detect_table *servers;
	/* The flow whose transactions come now and had an exploit's marks; TOLD_EXPLOIT from the next record
	 * on */
	uint64_t exploit_flow;
	struct net_addr exploit_named;
};

/* Protocols whose servers call out by nature. */
static bool calls_by_nature(const struct msg_flow *f)
{
	if (f->related || (f->flags & FLOW_EXPECTED) || f->responder_port == 113 || f->responder_port == 20 ||
	    f->initiator_port == 20)
		return true;
	switch (f->app) {
	case APP_DNS:
	case APP_NTP:
	case APP_SMTP:
	case APP_SIP:
	case APP_RTP:
	case APP_STUN:
	case APP_BITTORRENT:
	case APP_IKE:
	case APP_OPENVPN:
	case APP_WIREGUARD:
	case APP_FTP_DATA:
	case APP_SYSLOG:
	case APP_SNMP: return true;
	default: return f->protocol != 6;
	}
}

static void entry_report(struct detector *d, struct net_addr server, const struct request *r,
    const struct call *c, double confidence, const char *how)
{
	bool counted = c->counted >> r->place & 1;
	char why[DETECT_WHY_SIZE], asset[NET_ADDR_TEXT_SIZE], from[NET_ADDR_TEXT_SIZE],
	    to[NET_ADDR_TEXT_SIZE], after[24];
	time_span_human(c->time - r->first, after, sizeof(after));
	snprintf(why, sizeof(why), "%s was asked by %s and %s later called %s port %u%s: %s",
	    detect_addr(server, asset), detect_addr(r->peer, from), after, detect_addr(c->peer, to), c->port,
	    c->answered ? "" : " (unanswered)", how);
	uint64_t flows[2] = {r->flow, c->flow};
	struct finding f = {
	    .name = "entry.callback",
	    .technique = "T1190",
	    .confidence = c->answered ? confidence : confidence * 0.6,
	    .asset = server,
	    .peer = r->peer,
	    .asset_role = c->answered ? MSG_ROLE_VICTIM : MSG_ROLE_TARGET,
	    .peer_role = MSG_ROLE_ATTACKER,
	    .first = r->first,
	    .last = c->time > r->last ? c->time : r->last,
	    .count = counted ? 0 : 1,
	    .adds = true,
	    .flows = flows,
	    .n_flows = 2,
	    .why = why,
	};
	detect_report(d, &f);
	if (!r->exploit || !c->answered || !detect_inside(d, r->peer))
		return;
	f.technique = "T1210";
	f.asset = r->peer;
	f.peer = server;
	f.asset_role = MSG_ROLE_ACTOR;
	f.peer_role = MSG_ROLE_VICTIM;
	detect_report(d, &f);
}

/* A server that was watched for a while, answered several and never called out before this. */
static bool never_called(const struct detector *d, struct net_addr server, const struct call *c)
{
	const struct host *h = history_host(d, server);
	return h && h->served >= SERVED_MIN && h->served_first < c->time &&
	       (h->outbound_first == 0 || h->outbound_first >= c->time);
}

/* Whether the pair was reported. */
static bool pair_report(
    struct detector *d, struct net_addr server, const struct request *r, const struct call *c)
{
	int64_t after = c->time - r->first;
	if (after < 0 || after > ANSWERS_WITHIN)
		return false;
	bool outward = !detect_inside(d, c->peer);
	bool quiet = never_called(d, server, c);
	bool same = net_addr_equal(r->peer, c->peer);
	bool new_peer = outward && history_peer_first(d, c->peer) >= r->first &&
	                history_peer_users(d, c->peer) <= 1;
	if (r->exploit && net_addr_equal(r->named, c->peer)) {
		entry_report(d, server, r, c, 0.95, "the request carried an exploit that named whom to call");
		return true;
	}
	if (r->exploit && (same || new_peer || (quiet && outward))) {
		entry_report(d, server, r, c, 0.9, "the request carried an exploit");
		return true;
	}
	/* Inside, machines call each other both ways all day (agents, shares, directories): outside, hardly.
	 */
	if (detect_inside(d, r->peer) || !outward)
		return false;
	if (same)
		entry_report(d, server, r, c, quiet ? 0.7 : 0.4,
		    quiet ? "it called its asker back, and had never called out"
		          : "it called its asker back");
	else if (quiet && new_peer && after <= NEW_WITHIN)
		entry_report(d, server, r, c, app_port_is_usual(c->app, c->port) ? 0.2 : 0.35,
		    "it had never called out before");
	else
		return false;
	return true;
}

static void pair_judge(struct detector *d, struct net_addr server, const struct request *r, struct call *c)
{
	if (r->used && c->used && r->flow != c->flow && pair_report(d, server, r, c))
		c->counted |= (uint8_t)(1u << r->place);
}

static struct server *server_of(struct detector *d, struct callback_state *s, struct net_addr a, int64_t time)
{
	return detect_table_put(d, s->servers, &a, time, NULL);
}

void callback_mark_exploit(void *state, uint64_t flow, struct net_addr named)
{
	struct callback_state *s = state;
	s->exploit_named = named;
	s->exploit_flow = flow;
}

static struct request *request_find(struct server *v, uint64_t flow)
{
	for (uint32_t i = 0; i < REQUESTS_MAX; i++)
		if (v->requests[i].used && v->requests[i].flow == flow)
			return &v->requests[i];
	return NULL;
}

static struct call *call_find(struct server *v, uint64_t flow)
{
	for (uint32_t i = 0; i < CALLS_MAX; i++)
		if (v->calls[i].used && v->calls[i].flow == flow)
			return &v->calls[i];
	return NULL;
}

/* Marked requests aren't pushed out by the ordinary ones that come after. */
static struct request *request_place(struct server *v, bool exploit)
{
	uint32_t at = v->n_requests % REQUESTS_MAX;
	for (uint32_t i = 0; i < REQUESTS_MAX && !exploit && v->requests[at].exploit; i++)
		at = ++v->n_requests % REQUESTS_MAX;
	v->n_requests++;
	for (uint32_t i = 0; i < CALLS_MAX; i++)
		v->calls[i].counted &= (uint8_t) ~(1u << at);
	v->requests[at] = (struct request){.place = (uint8_t)at};
	return &v->requests[at];
}

static void request_take(
    struct detector *d, struct callback_state *s, const struct msg_flow *f, bool exploit, bool known)
{
	struct server *v = server_of(d, s, f->responder, f->last);
	if (!v)
		return;
	struct request *r = known ? request_find(v, f->id) : NULL;
	bool as_before = r && r->exploit == exploit;
	if (!r) {
		if (known && !exploit)
			return; /* pushed out by others */
		r = request_place(v, exploit);
	}
	uint8_t place = r->place;
	*r = (struct request){.peer = f->initiator,
	    .first = f->first,
	    .last = f->last,
	    .flow = f->id,
	    .exploit = exploit,
	    .named = s->exploit_flow == f->id ? s->exploit_named : r->named,
	    .place = place,
	    .used = true};
	v->use.weight = exploit ? 100 : 1;
	for (uint32_t i = 0; i < CALLS_MAX && !as_before; i++)
		pair_judge(d, f->responder, r, &v->calls[i]);
}

static void call_take(struct detector *d, struct callback_state *s, const struct msg_flow *f, bool known)
{
	struct server *v = server_of(d, s, f->initiator, f->last);
	if (!v)
		return;
	struct call *c = known ? call_find(v, f->id) : &v->calls[v->n_calls++ % CALLS_MAX];
	if (!c)
		return;
	*c = (struct call){.peer = f->responder,
	    .time = f->first,
	    .flow = f->id,
	    .app = f->app,
	    .port = f->responder_port,
	    .counted = known ? c->counted : 0,
	    .answered = detect_answered(f),
	    .used = true};
	for (uint32_t i = 0; i < REQUESTS_MAX; i++)
		pair_judge(d, f->initiator, &v->requests[i], c);
}

static void callback_request(struct detector *d, struct callback_state *s, const struct observation *o)
{
	const struct msg_flow *f = o->f;
	if (s->exploit_flow == f->id)
		*o->told |= TOLD_EXPLOIT;
	bool exploit = *o->told & TOLD_EXPLOIT;
	/* Administrative sessions into a server are followed by whatever their user does there. A request
	 * that was never answered counts: what it set off may keep the server from answering. */
	if (f->payload_out == 0 || f->packets_in == 0 ||
	    (!exploit && (o->from_inside || app_is_admin(f->app))))
		return;
	if (f->app != APP_UNKNOWN || o->settled || exploit) {
		bool known = !observe_once(o, TOLD_REQUEST);
		request_take(d, s, f, exploit, known);
	}
}

static void callback_call(struct detector *d, struct callback_state *s, const struct observation *o)
{
	const struct msg_flow *f = o->f;
	/* Inside, only calls that said something are of interest. */
	if (o->to_inside && f->payload_out == 0)
		return;
	if (o->ripe && observe_once(o, TOLD_CALL_ANSWERED))
		call_take(d, s, f, !observe_once(o, TOLD_CALL));
	else if ((o->settled || f->tcp_state == FLOW_TCP_REFUSED) && observe_once(o, TOLD_CALL))
		call_take(d, s, f, false);
}

static void callback_flow(struct detector *d, void *state, const struct observation *o)
{
	const struct msg_flow *f = o->f;
	struct callback_state *s = state;
	if (f->protocol != 6 || f->tcp_state == FLOW_TCP_MIDSTREAM ||
	    (f->flags & (FLOW_MIDSTREAM | FLOW_GUESSED_INITIATOR)) || calls_by_nature(f))
		return;
	callback_request(d, s, o);
	callback_call(d, s, o);
}

const struct behaviour behaviour_callback = {
    .name = "callback",
    .state_size = sizeof(struct callback_state),
    .tables = {BEHAVIOUR_TABLE(
        struct callback_state, servers, sizeof(struct net_addr), sizeof(struct server), CALLBACK_PER_MILLE)},
    .flow = callback_flow,
    .settle = callback_flow,
};
