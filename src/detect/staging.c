/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Contact with protected zones: bulk that flows out of one into a machine that never took from it (staging,
 * T1074), and peers that the zone's machines never had before. Both are weak alone (a backup does the one, a
 * new colleague the other): they are the links by which stronger evidence hangs together.
 */

#include "detect/behaviour.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "net/app.h"

enum { CONTACT_PER_MILLE = 30 };
#define STAGED_BYTES (1u << 20)

struct contact_key {
	struct net_addr host; /* in the protected zone */
	struct net_addr other;
};

struct contact {
	struct detect_use use;
	int64_t first;
	uint64_t taken; /* payload out of the zone */
	uint64_t given;
	uint32_t n;
	uint16_t app;
	bool begun_inside; /* by the protected machine */
	struct flow_sample flows;
};

struct contact_state {
	struct detect_table *contacts;
};

static void contact_flow(struct detector *d, void *state, const struct observation *o)
{
	struct contact_state *s = state;
	const struct msg_flow *f = o->f;
	bool from = o->from_class == NET_ZONE_PROTECTED;
	bool to = o->to_class == NET_ZONE_PROTECTED;
	if (from == to || !o->ripe || !detect_answered(f) || !o->to_host ||
	    app_class_of(f->app) == APP_CLASS_SERVICE)
		return;
	struct contact_key k;
	memset(&k, 0, sizeof(k));
	k.host = from ? f->initiator : f->responder;
	k.other = from ? f->responder : f->initiator;
	int fresh;
	struct contact *c = detect_table_put(d, s->contacts, &k, f->last, &fresh);
	if (!c)
		return;
	if (fresh || f->first < c->first) {
		c->first = f->first;
		c->begun_inside = from;
		c->app = f->app;
	}
	c->n += observe_once(o, TOLD_PROTECTED);
	c->taken += from ? o->out : o->in;
	c->given += from ? o->in : o->out;
	flow_sample_add(&c->flows, f->id);
}

static void staging_report(struct detector *d, const struct contact_key *k, const struct contact *c)
{
	char why[DETECT_WHY_SIZE], host[NET_ADDR_TEXT_SIZE], other[NET_ADDR_TEXT_SIZE], bytes[16];
	snprintf(why, sizeof(why),
	    "%s took %s from %s in a protected zone, with which it had no contact before",
	    detect_addr(k->other, other), num_bytes_human(c->taken, bytes, sizeof(bytes)),
	    detect_addr(k->host, host));
	struct finding f = {
	    .name = "staging",
	    .technique = "T1074",
	    .confidence = detect_saturate((double)c->taken, 8.0 * STAGED_BYTES, 0.12),
	    .asset = k->other,
	    .peer = k->host,
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

static void peer_report(
    struct detector *d, const struct contact_key *k, const struct contact *c, bool outside)
{
	char why[DETECT_WHY_SIZE], host[NET_ADDR_TEXT_SIZE], other[NET_ADDR_TEXT_SIZE];
	snprintf(why, sizeof(why), "%s, in a protected zone, first %s %s%s (%s)", detect_addr(k->host, host),
	    c->begun_inside ? "called" : "answered", detect_addr(k->other, other),
	    outside ? ", which is outside" : "", app_name(c->app));
	struct finding f = {
	    .name = "first-seen.protected",
	    .technique = c->begun_inside ? "T1041" : "T1021",
	    .confidence = (outside ? 0.2 : 0.05) *
	                  (outside ? history_rarity(history_peer_users(d, k->other)) : 1),
	    .asset = c->begun_inside || outside ? k->host : k->other,
	    .peer = c->begun_inside || outside ? k->other : k->host,
	    .asset_role = c->begun_inside ? MSG_ROLE_ACTOR
	                  : outside       ? MSG_ROLE_TARGET
	                                  : MSG_ROLE_ACTOR,
	    .peer_role = MSG_ROLE_NONE,
	    .first = c->first,
	    .last = c->use.last,
	    .count = c->n,
	    .flows = c->flows.id,
	    .n_flows = c->flows.n,
	    .why = why,
	};
	detect_report(d, &f);
}

static void contact_judge(struct detector *d, const struct contact_key *k, const struct contact *c)
{
	bool outside = !detect_inside(d, k->other);
	peer_report(d, k, c, outside);
	if (!outside && c->taken >= STAGED_BYTES && c->taken > 4 * c->given)
		staging_report(d, k, c);
}

static bool contact_look(struct detector *d, void *state, struct look *l)
{
	struct contact_state *s = state;
	int64_t learned = detect_learned_at(d);
	const void *key;
	for (const struct contact *c; (c = table_next(s->contacts->t, &l->at, &key));) {
		bool is_new = c->first > learned;
		if (is_new)
			contact_judge(d, key, c);
		if (!look_on(l, is_new ? 4 : 1))
			return false;
	}
	return true;
}

const struct behaviour behaviour_staging = {
    .name = "staging and first-seen peers of protected zones",
    .state_size = sizeof(struct contact_state),
    .tables = {BEHAVIOUR_TABLE(struct contact_state, contacts, sizeof(struct contact_key),
        sizeof(struct contact), CONTACT_PER_MILLE)},
    .flow = contact_flow,
    .look = contact_look,
};
