/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Kerberoasting (T1558.003; Medin, "Attacking Microsoft Kerberos", 2014): one client asks for tickets to many
 * services within a short time, encrypted by RC4, which is quick to guess. A single RC4 ticket is an old
 * service; AS replies without pre-authentication (T1558.004) are asked for by nobody but who means to guess
 * the password.
 */

#include "detect/behaviour.h"

#include <stdio.h>
#include <string.h>

#include "base/timefmt.h"
#include "detect/names.h"

enum { SERVICES_MAX = 32, SERVICES_MIN = 4, TICKET_PER_MILLE = 10 };
#define WINDOW (10 * 60 * NS_PER_S)

struct client {
	struct detect_use use;
	int64_t first;
	struct net_addr kdc;
	uint32_t services[SERVICES_MAX];
	uint8_t n;
	struct flow_sample flows;
};

struct ticket_state {
	struct detect_table *clients;
};

static void roast_report(struct detector *d, struct net_addr asset, const struct client *c)
{
	char why[DETECT_WHY_SIZE], text[NET_ADDR_TEXT_SIZE], span[24];
	time_span_human(c->use.last - c->first, span, sizeof(span));
	snprintf(why, sizeof(why), "%s took RC4 tickets for %u services%s within %s",
	    detect_addr(asset, text), c->n, c->n == SERVICES_MAX ? " or more" : "", span);
	struct finding f = {
	    .name = "kerberos.roasting",
	    .technique = "T1558.003",
	    .confidence = detect_saturate(c->n, 4, 0.9),
	    .asset = asset,
	    .peer = c->kdc,
	    .asset_role = MSG_ROLE_ACTOR,
	    .peer_role = MSG_ROLE_TARGET,
	    .first = c->first,
	    .last = c->use.last,
	    .count = c->n,
	    .flows = c->flows.id,
	    .n_flows = c->flows.n,
	    .why = why,
	};
	detect_report(d, &f);
}

static void service_take(
    struct detector *d, struct ticket_state *s, const struct msg_flow *f, struct text service, int64_t time)
{
	/* Tickets for machines and for the ticket service itself aren't worth guessing: their keys are
	 * random. */
	if (service.n == 0 || text_starts_nocase(service, TEXT("krbtgt")) || service.p[service.n - 1] == '$')
		return;
	int fresh;
	struct client *c = detect_table_put(d, s->clients, &f->initiator, time, &fresh);
	if (!c)
		return;
	if (fresh || time - c->first > WINDOW) {
		c->n = 0;
		c->flows.n = 0;
		c->first = time;
	}
	c->kdc = f->responder;
	uint32_t hash = (uint32_t)name_hash(service, 0);
	for (uint8_t i = 0; i < c->n; i++)
		if (c->services[i] == hash)
			return;
	if (c->n < SERVICES_MAX)
		c->services[c->n++] = hash;
	c->use.weight = c->n;
	flow_sample_add(&c->flows, f->id);
	if (c->n >= SERVICES_MIN)
		roast_report(d, f->initiator, c);
}

static bool is_rc4(struct text etype)
{
	return text_starts_nocase(etype, TEXT("rc4-hmac")) || text_equal(etype, TEXT("23"));
}

static void unguarded_report(
    struct detector *d, const struct msg_flow *f, const struct msg_transaction *t, struct text user)
{
	char why[DETECT_WHY_SIZE], text[NET_ADDR_TEXT_SIZE], name[80];
	snprintf(why, sizeof(why), "%s took a reply for %s without pre-authentication",
	    detect_addr(f->initiator, text), detect_text(user, name, sizeof(name)));
	struct finding g = finding_of(f, t);
	g.name = "kerberos.no-preauth";
	g.technique = "T1558.004";
	g.confidence = 0.35;
	g.peer_role = MSG_ROLE_TARGET;
	g.why = why;
	detect_report(d, &g);
}

static void ticket_transaction(struct detector *d, void *state, const struct exchange *x)
{
	const struct msg_flow *f = x->f;
	const struct msg_transaction *t = x->t;
	struct text type = field_get(t->fields.v, t->fields.n, FIELD_KRB_TYPE);
	if (type.n == 0 || !x->from_inside)
		return;
	struct text etype = field_get(t->fields.v, t->fields.n, FIELD_KRB_ETYPE);
	struct text method = field_get(t->fields.v, t->fields.n, FIELD_AUTH_METHOD);
	if (text_contains_nocase(type, TEXT("TGS")) && text_contains_nocase(type, TEXT("REP")) &&
	    is_rc4(etype))
		service_take(d, state, f, field_get(t->fields.v, t->fields.n, FIELD_KRB_SERVICE), t->time);
	if (text_contains_nocase(method, TEXT("without pre-authentication")) && is_rc4(etype))
		unguarded_report(d, f, t, field_get(t->fields.v, t->fields.n, FIELD_AUTH_USER));
}

const struct behaviour behaviour_ticket = {
    .name = "Kerberos tickets",
    .state_size = sizeof(struct ticket_state),
    .tables = {BEHAVIOUR_TABLE(
        struct ticket_state, clients, sizeof(struct net_addr), sizeof(struct client), TICKET_PER_MILLE)},
    .transaction = ticket_transaction,
    .fields = (const enum field[]){FIELD_KRB_TYPE, FIELD_NONE},
};
