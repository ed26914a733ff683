/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_WATCH_H
#define DAEMON_WATCH_H

/*
 * What is cut, to be looked for: packets that should not be seen any more. A flow is looked up once for each
 * generation of the list and keeps the answer (struct flow_mark), so that a packet costs a comparison. A
 * lookup hashes once or twice for each pair of prefix lengths in use, whatever the number of cuts.
 *
 * A sight is a flow that goes on though it is cut: on a gateway a frame that leaves, on a tap packets both
 * ways, in both cases later than the cut's `since` and the grace. What only tells that something was stopped,
 * a RST or an ICMP error, isn't one; the sensor leaves such packets out.
 *
 * Pure. Owns its tables. Bounds: WATCH_CUTS_MAX cuts, WATCH_PASS_MAX exceptions, WATCH_SIGHTS_MAX sights of
 * which WATCH_SIGHTS_A_CUT of one cut, until they are given out; more are counted. Errors: -ENOMEM,
 * -ERR_LIMIT.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "contain/cut.h"
#include "contain/orders.h"
#include "flow/flow.h"

enum {
	WATCH_CUTS_MAX = ORDERS_CUTS_MAX,
	WATCH_PASS_MAX = 1024,
	WATCH_SIGHTS_MAX = 4096,
	WATCH_SIGHTS_A_CUT = 16,
};

enum watch_kind {
	WATCH_LEFT,     /* a gateway sent it on */
	WATCH_ANSWERED, /* a tap saw both directions */
};

struct watch_sight {
	struct cut cut; /* of those that it breaks the one that stands longest */
	enum watch_kind kind;
	struct net_addr initiator, responder;
	uint16_t initiator_port, responder_port;
	uint8_t protocol;
	uint16_t vantage;
	uint64_t flow;    /* its record; 0: a frame that left without having been seen to come in */
	uint64_t packets; /* since the last time that it was told */
	int64_t first, last;
};

struct watch_stats {
	uint64_t lookups, sights;
	uint64_t unlisted; /* packets that should not be, of sights that found no room */
};

struct watch {
	uint32_t generation; /* changes with the list; never 0 */
	size_t n;            /* cuts */
	struct watch_tables *tables;
	struct watch_stats stats;
};

/* grace_ns: what a packet that was on its way already is given. */
int watch_new(struct watch **ret_watch, int64_t grace_ns, uint64_t seed);
void watch_free(struct watch *w);
/* The cut is in force since `since` (flow time); told again, that changes. */
int watch_put(struct watch *w, const struct cut *cut, int64_t since);
/* It is not any more. -ENOENT: it wasn't there. */
int watch_drop(struct watch *w, const struct cut *cut);
void watch_clear(struct watch *w);
/* Passes although an end of it is cut off: an end in `prefix` with that port. 0: any protocol, any port. */
int watch_pass(struct watch *w, struct net_prefix prefix, uint8_t protocol, uint16_t port);
void watch_pass_clear(struct watch *w);

/*
 * The cut that stops what `from` sends to `to`: of several the one that stands longest, NULL where there is
 * none. Two machines of a segment that is cut from everything are none of its business. `begun`: `from` is
 * known to have begun; else cuts of one direction don't match.
 */
const struct cut *watch_match(
    struct watch *w, struct net_addr from, struct net_addr to, bool begun, int64_t *ret_since);

/* What watch_flow is told of a packet. */
struct watch_packet {
	bool forward; /* the initiator sent it */
	bool tap;     /* else it leaves a gateway */
	int64_t time;
};

/* A packet of a flow that watch_cares about. Writes the flow's mark. */
void watch_flow(struct watch *w, struct flow *f, const struct watch_packet *p);
/* A frame that left and belongs to no flow, as `sight` describes it (cut, packets and times aside). */
void watch_stray(struct watch *w, const struct watch_sight *sight, int64_t time);

/* Whether a packet of the flow needs watch_flow. */
static inline bool watch_cares(const struct watch *w, const struct flow *f)
{
	return w->n && (f->mark.generation != w->generation || f->mark.answer);
}

/* Gives out the sights, and forgets them. Stops at the first error of `each`, which it returns. */
int watch_tell(struct watch *w, int (*each)(void *context, const struct watch_sight *s), void *context);

#endif
