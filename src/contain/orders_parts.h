/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONTAIN_ORDERS_PARTS_H
#define CONTAIN_ORDERS_PARTS_H

/*
 * How orders.c (which holds them), orders_acts.c (what changes one, and what follows from that) and
 * orders_publish.c (generations and enforcers) keep all orders together. Private to these.
 *
 * A stand is a cut that at least one order names; the orders that want it now wait in its queue, so that
 * whichever ends, the next longest is at hand. A change marks the stands that it touched; publishing looks at
 * these alone.
 */

#include <sys/queue.h>

#include "base/pairing.h"
#include "base/table.h"
#include "contain/orders.h"

struct stand {
	struct cut cut;
	struct pairing wants;     /* by the latest end: keys are negative */
	uint32_t refs, closed;    /* orders that name it; wanting ones that fail closed */
	struct stand *next_dirty; /* of those that changed since the last generation */
	int64_t told_until;       /* as the last generation has it */
	bool told, told_closed, dirty;
};

struct want {
	struct pairing_node node; /* first: want_of */
	struct stand *stand;
	struct record *record;
};

TAILQ_HEAD(record_list, record);

struct record {
	struct order order;
	struct cut *cuts;             /* the order's own */
	struct want *wants;           /* one for each */
	struct pairing_node deadline; /* record_of */
	struct record_list *queue;    /* the one that it waits in: s->fresh, s->waiting[], or NULL */
	TAILQ_ENTRY(record) waiting, changed;
	struct record *picked;
	int64_t until; /* as its wants have it */
	bool is_wanted, is_changed;
};

/* Orders wait for all enforcers that carry one of their cuts: those that take all, or also those that take
 * one end, or those of one address too. */
enum { ORDERS_CLASSES = 3 };

struct orders {
	struct table *by_id;  /* struct record * */
	struct table *by_cut; /* struct stand */
	size_t n_cuts, n_wanted;
	struct pairing deadlines;
	struct record_list fresh;                   /* wait for a generation */
	struct record_list waiting[ORDERS_CLASSES]; /* wait for enforcers, by generation */
	struct record_list changed;
	struct stand *dirty;
	size_t n_dirty;
	uint64_t generation;
	struct orders_delta delta;
	struct wanted_cut *puts;
	struct cut *drops;
	size_t cap_puts, cap_drops;
	size_t n_enforcers;
	uint16_t takers[ORDERS_TAKES_ONE_ADDRESS + 1]; /* bits of enforcers */
	uint64_t in_force[ORDERS_ENFORCERS_MAX];
};

static inline struct want *want_of(struct pairing_node *node)
{
	return (struct want *)(void *)node;
}

static inline struct record *record_of(struct pairing_node *node)
{
	return (struct record *)(void *)((char *)node - offsetof(struct record, deadline));
}

struct record *orders_record(const struct orders *s, uint64_t id);
/* The enforcers that carry this cut, a bit for each. */
uint16_t orders_carriers(const struct orders *s, const struct cut *c);
/* After any change of an order: what is wanted, its deadline, what it waits for, and that it is to be stored.
 */
void orders_follow(struct orders *s, struct record *r);

#endif
