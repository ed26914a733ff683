/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONTAIN_ORDERS_H
#define CONTAIN_ORDERS_H

/*
 * All orders together: what they want in force at a time, as numbered generations. A generation is the whole
 * of the wanted cuts; it is told as the difference to the one before, or whole to an enforcer that lost its
 * place. Whoever keeps orders stores them before a generation that holds them is told, so that a restart
 * wants no less than before; what changed since it was stored is asked for by orders_changed.
 *
 * It owns copies of the orders and their cuts. Adding, acting upon and ending an order with k cuts costs
 * O(k log n), publishing as much as changed. Ended orders leave memory once they are stored.
 *
 * Bounds: ORDERS_MAX orders, ORDERS_CUTS_MAX cuts of all orders in sum, ORDERS_ENFORCERS_MAX enforcers.
 */

#include "contain/order.h"

enum { ORDERS_MAX = 1 << 17, ORDERS_CUTS_MAX = 1 << 20, ORDERS_ENFORCERS_MAX = 16 };

/* Which cuts an enforcer is there for. */
enum orders_takes {
	ORDERS_TAKES_ALL,
	ORDERS_TAKES_ONE_END, /* those with one end anywhere: programs that look one address of a packet up */
	/* of these those of one machine or destination: routers that drop what is sent to an address, and can
	 * let nothing of a prefix pass */
	ORDERS_TAKES_ONE_ADDRESS
};

/* A cut that orders want. */
struct wanted_cut {
	struct cut cut;
	int64_t until;    /* of the order that wants it the longest */
	bool fail_closed; /* some of them says so */
};

/* What makes a generation of the one before. Good until the next orders_publish. */
struct orders_delta {
	uint64_t base, generation;
	const struct wanted_cut *puts; /* new, or until another time */
	size_t n_puts;
	const struct cut *drops;
	size_t n_drops;
};

struct orders;

/* generation: the last one that was ever published; what is added is in force nowhere as far as we know.
 * 0, -EINVAL, -ENOMEM. */
int orders_new(struct orders **ret_orders, const enum orders_takes *enforcers, size_t n_enforcers,
    uint64_t generation, uint64_t seed);
void orders_free(struct orders *s);

/*
 * A copy of `o` among them, in whatever state but ended; what waits for an enforcer gets a new generation.
 * Sets its `enforcers`. *ret_order (may be NULL) is good until it has ended and is stored. -EINVAL: no cuts,
 * or some that are not sound, sorted and different, or ended; -EEXIST: its id is there; -ENOTSUP: no enforcer
 * takes one of its cuts; -ERR_LIMIT; -ENOMEM.
 */
int orders_add(struct orders *s, const struct order *o, const struct order **ret_order);
/* NULL where there is none. */
const struct order *orders_find(const struct orders *s, uint64_t id);
/* Each order once: *pos begins at 0; NULL at the end. */
const struct order *orders_next(const struct orders *s, size_t *pos);
size_t orders_count(const struct orders *s);
/* The order that wants this very cut the longest, or NULL. */
const struct order *orders_wanting(const struct orders *s, const struct cut *c);
/* How many cuts stand beside these: what guardrail_of_order wants to know. */
size_t orders_standing(const struct orders *s, const struct cut *cuts, size_t n);

/* As order_approve and so on; ORDER_UNKNOWN: no such order. */
enum order_answer orders_approve(struct orders *s, uint64_t id, int64_t now, const char *who);
enum order_answer orders_reject(struct orders *s, uint64_t id, int64_t now, const char *who, const char *why);
enum order_answer orders_confirm(struct orders *s, uint64_t id, int64_t now, const char *who);
enum order_answer orders_release(
    struct orders *s, uint64_t id, int64_t now, const char *who, const char *why);
enum order_answer orders_refuse(struct orders *s, uint64_t id, int64_t now, const char *why);
enum order_answer orders_prolong(struct orders *s, uint64_t id, int64_t now, int64_t lease_ns);
enum order_answer orders_checked(
    struct orders *s, uint64_t id, int64_t now, enum order_check check, const char *why);
/* Lets time pass for all of them: how many changed. */
size_t orders_tick(struct orders *s, int64_t now);
/* When orders_tick has something to do next; INT64_MAX: never. */
int64_t orders_deadline(const struct orders *s);

/* An order that changed since it was stored, the longest ago first; NULL: none. */
const struct order *orders_changed(const struct orders *s);
/* The one that changed after that one, which has changed too; NULL: the first. To store several at once. */
const struct order *orders_changed_after(const struct orders *s, const struct order *o);
/* It is stored as it is now; one that has ended is gone with that. */
void orders_stored(struct orders *s, const struct order *o);

/* Makes a new generation where what is wanted differs from the last, or orders wait for one. 0 with
 * *ret_changed; -ENOMEM: the generation stays the last, and nothing is lost. */
int orders_publish(struct orders *s, bool *ret_changed);
/* What the last orders_publish did, where it changed something. */
const struct orders_delta *orders_delta(const struct orders *s);
uint64_t orders_generation(const struct orders *s);
/* Whether that enforcer carries this cut. */
bool orders_carries(const struct orders *s, unsigned enforcer, const struct cut *c);
/* All of the last generation that this enforcer carries, sorted by cut; the caller frees it. 0 or -ENOMEM. */
int orders_whole(const struct orders *s, unsigned enforcer, struct wanted_cut **ret_cuts, size_t *ret_n);

/* That enforcer has that generation in force, 0: none that we know of. One that was never published counts as
 * none. How many orders changed. */
size_t orders_in_force(struct orders *s, unsigned enforcer, uint64_t generation, int64_t now);
/* The generation that it has in force. */
uint64_t orders_enforced(const struct orders *s, unsigned enforcer);
/* The enforcers that have in force what the order waits for. */
uint16_t orders_confirmed_by(const struct orders *s, const struct order *o);
/*
 * That enforcer refused that generation, for cut c or (NULL) as a whole: the orders behind it are refused,
 * whoever else carries them. Those are the orders that this generation, or one since the last that the
 * enforcer has in force, brought; where c is of none of them, all that want it. How many were: where none
 * was, the generation is to be told again after a while. The enforcer wants the whole next.
 */
size_t orders_refused(struct orders *s, unsigned enforcer, uint64_t generation, const struct cut *c,
    const char *why, int64_t now);

#endif
