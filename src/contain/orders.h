/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONTAIN_ORDERS_H
#define CONTAIN_ORDERS_H

/*
 * All orders together: what they want in force at a time, as numbered generations. A generation is the whole
 * of the wanted cuts; the enforcer has one of them in force or the one before, never a part. Whoever keeps
 * orders stores them before a generation that holds them is published, so that a restart wants no less than
 * before.
 *
 * Owns nothing but its arrays; the orders' cuts are borrowed. Bounds: ORDERS_MAX orders, ORDERS_CUTS_MAX
 * cuts.
 */

#include "contain/order.h"

enum { ORDERS_MAX = 1 << 16, ORDERS_CUTS_MAX = 1 << 20 };

/* A cut that orders want. */
struct wanted_cut {
	struct cut cut;
	int64_t until;    /* of the orders that want it the longest */
	bool fail_closed; /* some of them says so */
};

struct orders {
	struct order *v;
	size_t n, cap;
	uint64_t generation;       /* the last one that was published */
	struct wanted_cut *wanted; /* of that generation, sorted by cut */
	size_t n_wanted;
};

void orders_free(struct orders *s);
/* A copy of `o` among them. -ENOMEM, -ERR_LIMIT, -EEXIST: its id is there. *ret_order is good until the next.
 */
int orders_add(struct orders *s, const struct order *o, struct order **ret_order);
struct order *orders_find(struct orders *s, uint64_t id);
/* Lets time pass for all of them: how many changed. */
size_t orders_tick(struct orders *s, int64_t now);
int64_t orders_deadline(const struct orders *s);
/* Works out what is wanted. *ret_changed: it differs from the last generation, or orders wait for one: there
 * is a new one then. 0, -ENOMEM, -ERR_LIMIT (the generation stays the last). */
int orders_publish(struct orders *s, bool *ret_changed);
/* The enforcer has that generation in force: how many orders changed. */
size_t orders_in_force(struct orders *s, uint64_t generation, int64_t now);
/* Cuts that are in force or wanted by orders other than `but`. */
size_t orders_standing(const struct orders *s, const struct order *but);

#endif
