/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow/entry.h"

/*
 * Which list a flow waits in. A class has one timeout, so that each list stands in order of its ends; and one
 * tier, the lowest of which goes first when the table is full. Flows that nobody answered come first in
 * whatever protocol: a flood of forged packets pushes out itself, not what is established.
 */

/* Repetitions and late answers come within it. */
#define EXCHANGE_OVER_NS (5 * INT64_C(1000000000))

enum tier { TIER_UNANSWERED, TIER_CLOSED, TIER_HALF_OPEN, TIER_OPEN };

static const uint8_t tiers[FLOW_CLASS_COUNT] = {
    [FLOW_CLASS_TCP_NEW] = TIER_UNANSWERED,
    [FLOW_CLASS_TCP_ONE_WAY] = TIER_UNANSWERED,
    [FLOW_CLASS_TCP_ONE_WAY_CLOSED] = TIER_UNANSWERED,
    [FLOW_CLASS_TCP_HALF_OPEN] = TIER_HALF_OPEN,
    [FLOW_CLASS_TCP_OPEN] = TIER_OPEN,
    [FLOW_CLASS_TCP_CLOSED] = TIER_CLOSED,
    [FLOW_CLASS_UDP_NEW] = TIER_UNANSWERED,
    [FLOW_CLASS_UDP_EXCHANGE] = TIER_OPEN,
    [FLOW_CLASS_UDP_ANSWERED] = TIER_OPEN,
    [FLOW_CLASS_ICMP_NEW] = TIER_UNANSWERED,
    [FLOW_CLASS_ICMP_ANSWERED] = TIER_OPEN,
    [FLOW_CLASS_OTHER_NEW] = TIER_UNANSWERED,
    [FLOW_CLASS_OTHER_ANSWERED] = TIER_OPEN,
};

static const uint8_t tcp_classes[][2] = {
    /* state: nobody answered, somebody did */
    [FLOW_TCP_NONE] = {FLOW_CLASS_TCP_NEW, FLOW_CLASS_TCP_HALF_OPEN},
    [FLOW_TCP_SYN_SENT] = {FLOW_CLASS_TCP_NEW, FLOW_CLASS_TCP_HALF_OPEN},
    [FLOW_TCP_SYN_RECEIVED] = {FLOW_CLASS_TCP_NEW, FLOW_CLASS_TCP_HALF_OPEN},
    [FLOW_TCP_ESTABLISHED] = {FLOW_CLASS_TCP_ONE_WAY, FLOW_CLASS_TCP_OPEN},
    [FLOW_TCP_CLOSING] = {FLOW_CLASS_TCP_ONE_WAY, FLOW_CLASS_TCP_OPEN},
    [FLOW_TCP_CLOSED] = {FLOW_CLASS_TCP_ONE_WAY_CLOSED, FLOW_CLASS_TCP_CLOSED},
    [FLOW_TCP_RESET] = {FLOW_CLASS_TCP_ONE_WAY_CLOSED, FLOW_CLASS_TCP_CLOSED},
    [FLOW_TCP_REFUSED] = {FLOW_CLASS_TCP_ONE_WAY_CLOSED, FLOW_CLASS_TCP_CLOSED},
    [FLOW_TCP_MIDSTREAM] = {FLOW_CLASS_TCP_ONE_WAY, FLOW_CLASS_TCP_OPEN},
};

static uint8_t class_of(const struct flow *f)
{
	bool answered = f->flags & FLOW_ANSWERED;
	switch (f->protocol) {
	case PACKET_TCP: return tcp_classes[f->tcp][answered];
	case PACKET_UDP:
		return !answered ? FLOW_CLASS_UDP_NEW
		       : f->side[FLOW_FORWARD].packets == 1 && f->side[FLOW_REVERSE].packets == 1
		           ? FLOW_CLASS_UDP_EXCHANGE
		           : FLOW_CLASS_UDP_ANSWERED;
	case PACKET_ICMP:
	case PACKET_ICMPV6: return answered ? FLOW_CLASS_ICMP_ANSWERED : FLOW_CLASS_ICMP_NEW;
	}
	return answered ? FLOW_CLASS_OTHER_ANSWERED : FLOW_CLASS_OTHER_NEW;
}

void flow_classes_set(int64_t timeouts[FLOW_CLASS_COUNT], const struct flow_timeouts *o)
{
	timeouts[FLOW_CLASS_TCP_NEW] = o->tcp_new_ns;
	timeouts[FLOW_CLASS_TCP_ONE_WAY] = o->tcp_established_ns;
	timeouts[FLOW_CLASS_TCP_ONE_WAY_CLOSED] = o->tcp_closed_ns;
	timeouts[FLOW_CLASS_TCP_HALF_OPEN] = o->tcp_new_ns;
	timeouts[FLOW_CLASS_TCP_OPEN] = o->tcp_established_ns;
	timeouts[FLOW_CLASS_TCP_CLOSED] = o->tcp_closed_ns;
	timeouts[FLOW_CLASS_UDP_NEW] = o->udp_new_ns;
	timeouts[FLOW_CLASS_UDP_EXCHANGE] = o->udp_answered_ns;
	timeouts[FLOW_CLASS_UDP_ANSWERED] = o->udp_answered_ns;
	timeouts[FLOW_CLASS_ICMP_NEW] = o->icmp_ns;
	timeouts[FLOW_CLASS_ICMP_ANSWERED] = o->icmp_ns;
	timeouts[FLOW_CLASS_OTHER_NEW] = o->other_ns;
	timeouts[FLOW_CLASS_OTHER_ANSWERED] = o->other_ns;
}

void flow_list_remove(struct flow_table *t, struct flow_entry *e)
{
	struct flow_entry *older = flow_entry_at(t, e->older), *newer = flow_entry_at(t, e->newer);
	if (older)
		older->newer = e->newer;
	else
		t->lists[e->class].oldest = newer;
	if (newer)
		newer->older = e->older;
	else
		t->lists[e->class].newest = older;
}

void flow_list_append(struct flow_table *t, struct flow_entry *e)
{
	e->class = class_of(&e->f);
	struct flow_entry *older = t->lists[e->class].newest;
	e->older = flow_entry_number(t, older);
	e->newer = 0;
	if (older)
		older->newer = flow_entry_number(t, e);
	else
		t->lists[e->class].oldest = e;
	t->lists[e->class].newest = e;
}

void flow_list_touch(struct flow_table *t, struct flow_entry *e)
{
	if (!e->newer && class_of(&e->f) == e->class)
		return;
	flow_list_remove(t, e);
	flow_list_append(t, e);
}

struct flow_entry *flow_list_over(const struct flow_table *t)
{
	struct flow_entry *oldest = t->lists[FLOW_CLASS_UDP_EXCHANGE].oldest;
	return oldest && t->now - oldest->f.last_ns > EXCHANGE_OVER_NS ? oldest : NULL;
}

struct flow_entry *flow_list_victim(const struct flow_table *t)
{
	struct flow_entry *victim = NULL;
	for (int c = 0; c < FLOW_CLASS_COUNT; c++) {
		struct flow_entry *oldest = t->lists[c].oldest;
		if (!oldest)
			continue;
		if (!victim || tiers[c] < tiers[victim->class] ||
		    (tiers[c] == tiers[victim->class] && oldest->f.last_ns < victim->f.last_ns))
			victim = oldest;
	}
	return victim;
}

struct flow_entry *flow_list_oldest(const struct flow_table *t)
{
	struct flow_entry *found = NULL;
	for (int c = 0; c < FLOW_CLASS_COUNT; c++) {
		struct flow_entry *e = t->lists[c].oldest;
		if (e && (!found || e->f.last_ns < found->f.last_ns ||
		             (e->f.last_ns == found->f.last_ns && e->f.id < found->f.id)))
			found = e;
	}
	return found;
}
