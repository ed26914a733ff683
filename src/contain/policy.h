/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONTAIN_POLICY_H
#define CONTAIN_POLICY_H

/*
 * What is cut without asking anybody. Rows of the daemon's file name detections; one that a row names becomes
 * an order of one cut, or isn't ordered and it says why. Pure; what it decides the engine carries out.
 *
 * The enemy here is an intruder who forges detections to make us cut what matters. So:
 * - An outside peer may be cut on any evidence, our own machines only where a forged source address doesn't
 *   suffice: every flow that the detection rests on must prove its ends (policy_flow_proves).
 * - `peer` cuts the outside end alone, whether it is the detection's peer or, as a scanner from outside, its
 *   asset; `asset` ours alone; and neither what is no machine's address.
 * - Guardrails and their pace hold as for everybody.
 * - What a person released, or nobody confirmed, isn't cut again for as long as it had stood to be.
 * - What is seen again prolongs the order that stands, and adds none.
 * doc/orders.md tells what is left.
 */

#include "contain/orders.h"
#include "msg/msg.h"
#include "net/zone.h"

enum { POLICY_SPARED_MAX = 1 << 16 };

enum policy_target { POLICY_PEER, POLICY_ASSET, POLICY_PAIR };

/* One row; texts are borrowed. */
struct policy_row {
	const char *name;
	const char *detection; /* fnmatch(3) pattern of the detection's name */
	double confidence;     /* at least */
	enum policy_target target;
	int64_t lease_ns;
	int64_t confirm_ns; /* 0: none is asked for */
	bool fail_closed;
};

enum policy_answer {
	POLICY_ORDER,         /* a new order of decision.cut */
	POLICY_PROLONG,       /* the order decision.prolong stands, for less than half a lease */
	POLICY_STANDS,        /* it is cut already, for long enough */
	POLICY_NO_ROW,        /* no row names such detections */
	POLICY_UNSURE,        /* its confidence is less than the row wants */
	POLICY_NO_MACHINE,    /* none, multicast, broadcast, unspecified, loopback or link-local */
	POLICY_PEER_INSIDE,   /* a peer of ours is no peer to cut from everybody */
	POLICY_ASSET_OUTSIDE, /* and an asset that isn't ours no asset */
	POLICY_UNPROVEN,      /* a forged source address would have sufficed */
	POLICY_SPARED,        /* a person let it go */
	POLICY_GUARDRAIL      /* decision.rule */
};

/* Cuts that policy lets alone for a time, by a person's will. */
struct policy_spared;

int policy_spared_new(struct policy_spared **ret_spared, uint64_t seed);
void policy_spared_free(struct policy_spared *s);
/* An order has ended: the cuts of one that policy made are spared where a person released or rejected it, or
 * nobody confirmed it, for as long as its lease from `now` on. 0, -ERR_LIMIT or -ENOMEM: some weren't. */
int policy_spare(struct policy_spared *s, const struct order *o, int64_t now);

/* What a decision rests on, besides the detection. All borrowed. */
struct policy {
	const struct policy_row *rows;
	size_t n_rows;
	const struct net_zone_map *zones;
	const struct guardrails *guardrails;
	struct guardrail_pace *pace;
	const struct orders *orders;
	const struct policy_spared *spared;
	/* Whether the flow record of that id is known and proves its ends. */
	bool (*proven)(void *context, uint64_t flow);
	void *context;
};

struct policy_decision {
	enum policy_answer answer;
	const struct policy_row *row; /* NULL: no row */
	struct cut cut;               /* what was or would have been cut */
	uint64_t prolong;             /* the order to prolong, for row->lease_ns */
	enum guardrail rule;
};

/*
 * A flow that nobody can have forged who doesn't see both ends' packets: TCP, established, payload both ways,
 * and neither end ever reset it, as a machine does that is answered to what it never asked. UDP proves
 * nothing.
 */
bool policy_flow_proves(const struct msg_flow *f);

/* The first row that orders or prolongs decides; else the first that names the detection says why not. A new
 * order is counted in the pace. */
void policy_decide(
    const struct policy *p, const struct msg_detection *d, int64_t now, struct policy_decision *ret_decision);
/* The order of a decision, as a proposal that needs no approval but policy's own: it borrows
 * decision->cut. */
struct order policy_order(const struct policy_decision *decision, uint64_t id, int64_t now);

/* "a forged source address would have sufficed": for logs and people. */
const char *policy_answer_text(enum policy_answer a);

#endif
