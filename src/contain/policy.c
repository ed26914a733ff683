/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "contain/policy.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/table.h"

enum { NAME_SIZE = 128, PROTOCOL_TCP = 6, TCP_RST = 0x04 };

struct policy_spared {
	struct table *until; /* int64_t under struct cut */
};

int policy_spared_new(struct policy_spared **ret_spared, uint64_t seed)
{
	struct policy_spared *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	int r = table_new(&s->until, sizeof(struct cut), sizeof(int64_t), POLICY_SPARED_MAX, seed);
	if (r < 0) {
		free(s);
		return r;
	}
	*ret_spared = s;
	return 0;
}

void policy_spared_free(struct policy_spared *s)
{
	if (!s)
		return;
	table_free(s->until);
	free(s);
}

static void forget_past(struct policy_spared *s, int64_t now)
{
	size_t pos = 0;
	const int64_t *until;
	const void *key;
	while ((until = table_next(s->until, &pos, &key))) {
		struct cut c;
		memcpy(&c, key, sizeof(c));
		if (*until <= now)
			(void)table_remove(s->until, &c);
	}
}

static bool is_let_go(const struct order *o)
{
	switch (o->ends) {
	case ORDER_REJECTED:
	case ORDER_ROLLED_BACK:
	case ORDER_RELEASED: return o->approvals == 0;
	case ORDER_STANDS:
	case ORDER_WITHDRAWN:
	case ORDER_REFUSED:
	case ORDER_EXPIRED: return false;
	}
	return false;
}

int policy_spare(struct policy_spared *s, const struct order *o, int64_t now)
{
	int64_t until;
	if (!is_let_go(o))
		return 0;
	if (__builtin_add_overflow(now, o->lease_ns, &until))
		until = INT64_MAX;
	for (size_t i = 0; i < o->n_cuts; i++) {
		if (table_count(s->until) == POLICY_SPARED_MAX)
			forget_past(s, now);
		if (table_count(s->until) == POLICY_SPARED_MAX && !table_get(s->until, &o->cuts[i]))
			return -ERR_LIMIT;
		int64_t *at = table_put(s->until, &o->cuts[i], NULL);
		if (!at)
			return -ENOMEM;
		*at = until > *at ? until : *at;
	}
	return 0;
}

bool policy_flow_proves(const struct msg_flow *f)
{
	return f->protocol == PROTOCOL_TCP && f->established && f->payload_out && f->payload_in &&
	       !((f->tcp_flags_out | f->tcp_flags_in) & TCP_RST);
}

static bool is_machine(struct net_addr a)
{
	return !net_addr_is_unspecified(a) && !net_addr_is_multicast(a) && !net_addr_is_loopback(a) &&
	       !net_addr_is_link_local(a);
}

static bool rests_on_proof(const struct policy *p, const struct msg_detection *d)
{
	for (uint32_t i = 0; i < d->flows.n; i++)
		if (!p->proven || !p->proven(p->context, d->flows.v[i]))
			return false;
	return d->flows.n > 0;
}

/* What the row would cut, into decision->cut, or why it may not. */
static enum policy_answer aim(
    const struct policy *p, const struct msg_detection *d, const struct policy_row *row, struct cut *ret_cut)
{
	struct net_prefix asset = {.addr = d->asset, .bits = 128}, peer = {.addr = d->peer, .bits = 128};
	bool peer_inside = net_zone_is_inside(p->zones, d->peer);
	/* where an outside place is what is suspected, a scanner say, it is the asset */
	if (row->target == POLICY_PEER && peer_inside && is_machine(d->asset) &&
	    !net_zone_is_inside(p->zones, d->asset)) {
		peer = asset;
		peer_inside = false;
	}
	bool needs_proof = row->target == POLICY_ASSET || (row->target == POLICY_PAIR && peer_inside);
	if ((row->target != POLICY_PEER && !is_machine(d->asset)) ||
	    (row->target != POLICY_ASSET && !is_machine(peer.addr)))
		return POLICY_NO_MACHINE;
	if (row->target == POLICY_PEER && peer_inside)
		return POLICY_PEER_INSIDE;
	if (row->target != POLICY_PEER && !net_zone_is_inside(p->zones, d->asset))
		return POLICY_ASSET_OUTSIDE;
	if (needs_proof && !rests_on_proof(p, d))
		return POLICY_UNPROVEN;
	*ret_cut = (struct cut){.direction = CUT_BOTH};
	if (row->target != POLICY_PEER)
		ret_cut->from = asset;
	if (row->target != POLICY_ASSET)
		ret_cut->to = peer;
	return POLICY_ORDER;
}

/* How long that order will stand if it is confirmed where it must be. */
static int64_t left_of(const struct order *o, int64_t now)
{
	int64_t end, left;
	if (__builtin_add_overflow(o->approved_at, o->lease_ns, &end) ||
	    __builtin_sub_overflow(end, now, &left))
		return INT64_MAX;
	return left;
}

static bool is_spared(const struct policy *p, const struct cut *c, int64_t now)
{
	const int64_t *until = p->spared ? table_get(p->spared->until, c) : NULL;
	return until && *until > now;
}

static void decide_row(const struct policy *p, const struct msg_detection *d, const struct policy_row *row,
    int64_t now, struct policy_decision *ret)
{
	ret->row = row;
	/* also of what is no number */
	ret->answer = d->confidence >= row->confidence ? aim(p, d, row, &ret->cut) : POLICY_UNSURE;
	if (ret->answer != POLICY_ORDER)
		return;
	const struct order *standing = orders_wanting(p->orders, &ret->cut);
	if (standing && left_of(standing, now) >= row->lease_ns / 2) {
		ret->answer = POLICY_STANDS;
		return;
	}
	if (is_spared(p, &ret->cut, now)) {
		ret->answer = POLICY_SPARED;
		return;
	}
	ret->rule = guardrail_of_order(
	    p->guardrails, &ret->cut, 1, row->lease_ns, orders_standing(p->orders, &ret->cut, 1), NULL);
	/* of a person's order nothing but its own end is policy's business: there is one of its own then */
	if (ret->rule == GUARDRAIL_NONE && standing && standing->approvals == 0 && standing->n_cuts == 1) {
		ret->answer = POLICY_PROLONG;
		ret->prolong = standing->id;
		return;
	}
	if (ret->rule == GUARDRAIL_NONE && !guardrail_pace_take(p->pace, p->guardrails, now))
		ret->rule = GUARDRAIL_MOST_ORDERS;
	if (ret->rule != GUARDRAIL_NONE)
		ret->answer = POLICY_GUARDRAIL;
}

static bool names(const struct policy_row *row, struct text name)
{
	char buffer[NAME_SIZE];
	if (name.n >= sizeof(buffer) || (name.n && memchr(name.p, '\0', name.n)))
		return false;
	if (name.n)
		memcpy(buffer, name.p, name.n);
	buffer[name.n] = '\0';
	return fnmatch(row->detection, buffer, 0) == 0;
}

void policy_decide(
    const struct policy *p, const struct msg_detection *d, int64_t now, struct policy_decision *ret_decision)
{
	struct policy_decision first = {.answer = POLICY_NO_ROW};
	for (size_t i = 0; i < p->n_rows; i++) {
		struct policy_decision decision = {.answer = POLICY_NO_ROW};
		if (!names(&p->rows[i], d->name))
			continue;
		decide_row(p, d, &p->rows[i], now, &decision);
		if (decision.answer <= POLICY_STANDS) {
			*ret_decision = decision;
			return;
		}
		if (!first.row)
			first = decision;
	}
	*ret_decision = first;
}

struct order policy_order(const struct policy_decision *decision, uint64_t id, int64_t now)
{
	const struct policy_row *row = decision->row;
	struct order o = {.id = id,
	    .proposed = {.time = now},
	    .fail_closed = row->fail_closed,
	    .approve_ns = row->lease_ns,
	    .confirm_ns = row->confirm_ns,
	    .lease_ns = row->lease_ns,
	    .cuts = &decision->cut,
	    .n_cuts = 1};
	snprintf(o.proposed.who, sizeof(o.proposed.who), "policy %s", row->name);
	return o;
}

const char *policy_answer_text(enum policy_answer a)
{
	switch (a) {
	case POLICY_ORDER: return "it is ordered";
	case POLICY_PROLONG: return "the order for it stands longer";
	case POLICY_STANDS: return "it is cut already";
	case POLICY_NO_ROW: return "no row names such detections";
	case POLICY_UNSURE: return "its confidence is less than the row wants";
	case POLICY_NO_MACHINE: return "that is no machine's address";
	case POLICY_PEER_INSIDE: return "the peer is one of ours";
	case POLICY_ASSET_OUTSIDE: return "the asset is none of ours";
	case POLICY_UNPROVEN: return "a forged source address would have sufficed";
	case POLICY_SPARED: return "somebody let it go, or nobody confirmed it";
	case POLICY_GUARDRAIL: return "a guardrail forbids it";
	}
	return "unknown";
}
