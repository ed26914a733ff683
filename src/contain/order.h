/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONTAIN_ORDER_H
#define CONTAIN_ORDER_H

/*
 * Orders: cuts that somebody wants in force, from the proposal to their end (doc/orders.md). This is the life
 * cycle alone: pure, with the time as a parameter, so that every interleaving of acts, replies, crashes and
 * expiries can be tried. Who may act, where orders are stored and how cuts reach the kernel is others'
 * business.
 *
 *   proposed -> approved -> applied -> confirmed -> ended
 *
 * An order's cuts are wanted from its approval until its end. It has ended only when the enforcer said that a
 * generation without its cuts is in force: `ends` tells why it is going to, and from then on nothing brings
 * it back. Verification goes on beside: `check` tells what the sensor saw since the cuts are there.
 *
 * Times are nanoseconds of one clock that never jumps and goes on over restarts (daemon/order_store.h, which
 * converts: of what was before this boot they are negative): a wall clock that is set moves no deadline.
 */

#include "base/text.h"
#include "contain/cut.h"
#include "contain/guardrail.h"

enum order_state {
	ORDER_PROPOSED,  /* waits for approvals */
	ORDER_APPROVED,  /* its cuts are wanted; nobody said yet that they are there */
	ORDER_APPLIED,   /* they are there */
	ORDER_CONFIRMED, /* and somebody said in time that they shall stay */
	ORDER_ENDED
};

enum order_check {
	ORDER_UNCHECKED,
	ORDER_VERIFIED, /* packets that would have passed were looked for, and none did */
	ORDER_LEAKING   /* some did */
};

/* Why an order ends or has ended. */
enum order_end {
	ORDER_STANDS,
	ORDER_REJECTED,    /* by a person, before it was approved */
	ORDER_WITHDRAWN,   /* nobody approved it in time */
	ORDER_REFUSED,     /* by the enforcer: a guardrail, or the kernel */
	ORDER_ROLLED_BACK, /* nobody confirmed it in time */
	ORDER_EXPIRED,     /* its time is over */
	ORDER_RELEASED     /* by a person */
};

enum { ORDER_WHO_SIZE = 64, ORDER_WHY_SIZE = 256, ORDER_APPROVALS_MAX = 2 };

struct order_act {
	int64_t time; /* 0: not done */
	char who[ORDER_WHO_SIZE];
};

struct order {
	uint64_t id;
	enum order_state state;
	enum order_check check;
	enum order_end ends;
	struct order_act proposed, approved[ORDER_APPROVALS_MAX], confirmed, ended_by;
	uint8_t approvals;  /* so many different persons must approve it; 0: policy did */
	bool fail_closed;   /* should all of us die, its cuts stay to its end, not to the end of a lease */
	int64_t approve_ns; /* how long it waits for approvals */
	/* How long for the confirmation, from the approval on, so that the kernel can be told the end with
	 * the cut, and what reached no enforcer in that time never comes as a surprise; 0: needs none. */
	int64_t confirm_ns;
	int64_t lease_ns;                          /* how long it stands, from its approval on */
	int64_t approved_at, applied_at, ended_at; /* 0: not yet */
	uint64_t generation; /* the first with its cuts; when it ends, the first without them. 0: none yet */
	uint16_t enforcers;  /* a bit for each that must carry its cuts */
	char why[ORDER_WHY_SIZE]; /* what `ends` or `check` rests on */
	const struct cut *cuts;   /* sorted by cut_compare, without doubles */
	size_t n_cuts;
};

/* 0: done. What else an act gives says why it changed nothing: */
enum order_answer {
	ORDER_OK,
	ORDER_TOO_LATE,    /* it is past that, or ends */
	ORDER_TOO_EARLY,   /* it isn't there yet */
	ORDER_SAME_PERSON, /* who approved it already */
	ORDER_UNKNOWN      /* there is no such order (contain/orders.h) */
};

enum order_answer order_approve(struct order *o, int64_t now, const char *who);
enum order_answer order_reject(struct order *o, int64_t now, const char *who, const char *why);
enum order_answer order_confirm(struct order *o, int64_t now, const char *who);
enum order_answer order_release(struct order *o, int64_t now, const char *who, const char *why);
/* The enforcer refused its cuts. */
enum order_answer order_refuse(struct order *o, int64_t now, const char *why);
/* It shall stand for `lease_ns` from now on, if that is longer: of what policy ordered, when what it was
 * ordered for is seen again. What must be confirmed must be so in the same time as before. */
enum order_answer order_prolong(struct order *o, int64_t now, int64_t lease_ns);
/* What the sensor saw; only of an order whose cuts are there. */
enum order_answer order_checked(struct order *o, enum order_check check, const char *why);

/* What time alone brings. True: the order changed. */
bool order_tick(struct order *o, int64_t now);
/* When order_tick has something to do next; INT64_MAX: never. */
int64_t order_deadline(const struct order *o);

/* Whether its cuts are wanted in force. */
bool order_is_wanted(const struct order *o);
/* Until when they are: the time by which it must be confirmed, and once it is, its end. To be asked of a
 * wanted one. */
int64_t order_wanted_until(const struct order *o);
/* All its enforcers have generation `generation` in force. True: the order changed. */
bool order_in_force(struct order *o, uint64_t generation, int64_t now);

const char *order_state_name(const struct order *o); /* "verified" and "leaking" too */
const char *order_end_name(enum order_end e);

#endif
