/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detect/behaviour.h"

#include <string.h>

#include "base/hash.h"
#include "base/timefmt.h"
#include "detect/names.h"
#include "flow/flow.h"
#include "net/app.h"

/* Which doesn't answer for so long isn't there any more. */
#define SERVICE_STANDS (7 * DETECT_DAY_NS)

enum { PROTOCOL_UDP = 17 };

struct service_key {
	struct net_addr addr;
	uint16_t port;
	uint8_t protocol;
	uint8_t zero;
};

int history_start(struct detector *d)
{
	struct history *h = &d->history;
	int error = detect_table_new(d, &h->hosts, sizeof(struct net_addr), sizeof(struct host), 70);
	if (error == 0)
		error = detect_table_new(d, &h->peers, sizeof(struct net_addr), sizeof(struct peer), 50);
	if (error == 0)
		error = detect_table_new(d, &h->names, sizeof(uint64_t), sizeof(struct named), 60);
	if (error == 0)
		error = detect_table_new(
		    d, &h->services, sizeof(struct service_key), sizeof(struct detect_use), 40);
	return error;
}

static void peer_take(struct detector *d, struct peer *p, struct net_addr asker, int64_t first, int fresh)
{
	if (fresh || first < p->first)
		p->first = first;
	uint32_t hash = (uint32_t)hash_bytes(&asker, sizeof(asker), d->config.seed);
	for (uint8_t i = 0; i < p->n_askers; i++)
		if (p->askers[i] == hash)
			return;
	if (p->n_askers < PEER_ASKERS_MAX) {
		p->askers[p->n_askers++] = hash;
		p->weight = p->n_askers;
	}
}

void history_expect_name(const struct detector *d, uint64_t key)
{
	detect_table_expect(d->history.names, &key);
}

struct named *history_name(struct detector *d, uint64_t key, struct net_addr asker, int64_t time)
{
	int fresh;
	struct named *n = detect_table_put(d, d->history.names, &key, time, &fresh);
	if (n)
		peer_take(d, &n->by, asker, time, fresh);
	return n;
}

void history_authority_vote(struct named *n, struct net_addr server)
{
	if (n->votes == 0)
		n->authority = server;
	if (net_addr_equal(n->authority, server))
		n->votes++;
	else
		n->votes--;
}

struct net_addr history_authority(const struct detector *d, uint64_t key)
{
	const struct named *n = detect_table_get(d->history.names, &key);
	return n ? n->authority : (struct net_addr){{0}};
}

static void earliest(int64_t *at, int64_t time)
{
	if (*at == 0 || time < *at)
		*at = time;
}

static struct host *host_take(struct detector *d, struct net_addr a, bool inside, const struct msg_flow *f)
{
	int fresh;
	struct host *h = detect_table_put(d, d->history.hosts, &a, f->last, &fresh);
	if (!h)
		return NULL;
	if (fresh || f->first < h->first)
		h->first = f->first;
	h->inside = inside;
	h->weight = inside ? 1 : 0; /* outside addresses come without end, inside ones don't */
	return h;
}

static uint64_t app_bit(uint16_t app)
{
	return app < 64 ? UINT64_C(1) << app : 0;
}

/* Whether anybody may ask for the service: scans do, and unanswered datagrams that leave are none. */
static bool service_matters(const struct observation *o)
{
	return o->to_host && (o->f->protocol != PROTOCOL_UDP || o->to_inside);
}

static struct service_key service_key_of(const struct msg_flow *f)
{
	return (struct service_key){.addr = f->responder, .port = f->responder_port, .protocol = f->protocol};
}

void history_expect(const struct detector *d, const struct observation *o)
{
	const struct history *h = &d->history;
	const struct msg_flow *f = o->f;
	struct service_key k = service_key_of(f);
	detect_table_expect(o->to_inside ? h->hosts : h->peers, &f->responder);
	detect_table_expect(o->from_inside ? h->hosts : h->peers, &f->initiator);
	if (service_matters(o))
		detect_table_expect(h->services, &k);
}

void history_flow(struct detector *d, struct observation *o)
{
	const struct msg_flow *f = o->f;
	bool answered = detect_answered(f), foreign = !o->from_inside && !o->to_inside;
	/* Who only knocks, and who doesn't answer, leaves no trace here: scans and forged sources cost
	 * nothing. */
	uint64_t forgotten = d->stats.forgotten;
	if (o->to_host && answered && (o->to_inside || foreign))
		o->responder = host_take(d, f->responder, o->to_inside, f);
	if (o->from_host && (o->from_inside || (answered && foreign)))
		o->initiator = host_take(d, f->initiator, o->from_inside, f);
	/* Making room for the one may have cost the other its entry. */
	if (o->responder && d->stats.forgotten != forgotten)
		o->responder = detect_table_get(d->history.hosts, &f->responder);
	bool counts = answered && observe_once(o, TOLD_ANSWERED);
	bool outbound = answered && o->from_inside && !o->to_inside;
	if (o->initiator) {
		o->initiator->begun += observe_once(o, TOLD_BEGUN);
		o->initiator->answered += counts;
		o->initiator->client_apps |= app_bit(f->app);
		if (app_is_admin(f->app) && answered)
			earliest(&o->initiator->admin_first, f->first);
		o->initiator->outbound += counts && outbound;
		if (outbound)
			earliest(&o->initiator->outbound_first, f->first);
	}
	if (answered && o->responder) {
		o->responder->served += counts;
		o->responder->served_apps |= app_bit(f->app);
		earliest(&o->responder->served_first, f->first);
	}
	if (f->packets_in > 0 && f->tcp_state != FLOW_TCP_REFUSED && service_matters(o)) {
		struct service_key k = service_key_of(f);
		detect_table_put(d, d->history.services, &k, f->last, NULL);
	}
	if (o->from_inside == o->to_inside || (!o->from_inside && !answered))
		return;
	struct net_addr outside = o->from_inside ? f->responder : f->initiator;
	struct net_addr asker = o->from_inside ? f->initiator : f->responder;
	int fresh;
	struct peer *p = detect_table_put(d, d->history.peers, &outside, f->last, &fresh);
	if (p)
		peer_take(d, p, asker, f->first, fresh);
	o->peer = p;
	if (f->name.n && o->from_inside)
		history_name(d, history_name_key(d, f->name), f->initiator, f->first);
}

void detector_soon(const struct detector *d, const struct flow *f, bool again)
{
	const struct history *h = &d->history;
	const struct service_key service = {
	    .addr = f->responder, .port = f->responder_port, .protocol = f->protocol};
	void (*fetch)(const struct table *t, const void *key) = again ? table_prefetch_entry : table_prefetch;
	fetch(h->hosts->t, &f->initiator);
	fetch(h->hosts->t, &f->responder);
	fetch(h->peers->t, &f->responder);
	fetch(h->services->t, &service);
}

struct host *history_host(const struct detector *d, struct net_addr a)
{
	return detect_table_get(d->history.hosts, &a);
}

unsigned history_peer_users(const struct detector *d, struct net_addr peer)
{
	const struct peer *p = detect_table_get(d->history.peers, &peer);
	return p ? p->n_askers : 0;
}

uint64_t history_name_key(const struct detector *d, struct text name)
{
	return name_hash(name_registered(name), d->config.seed);
}

unsigned history_name_key_users(const struct detector *d, uint64_t key)
{
	const struct named *n = detect_table_get(d->history.names, &key);
	return n ? n->by.n_askers : 0;
}

unsigned history_name_users(const struct detector *d, struct text name)
{
	return history_name_key_users(d, history_name_key(d, name));
}

int64_t history_peer_first(const struct detector *d, struct net_addr peer)
{
	const struct peer *p = detect_table_get(d->history.peers, &peer);
	return p ? p->first : INT64_MAX;
}

bool history_service_answers(const struct detector *d, struct net_addr a, uint8_t protocol, uint16_t port)
{
	struct service_key k = {.addr = a, .port = port, .protocol = protocol};
	const struct detect_use *use = detect_table_get(d->history.services, &k);
	return use && d->last - use->last <= SERVICE_STANDS;
}

double history_rarity(unsigned users)
{
	static const double by_users[] = {1, 1, 0.7, 0.5, 0.35, 0.25, 0.2, 0.15};
	return users < sizeof(by_users) / sizeof(*by_users) ? by_users[users] : 0.1;
}
