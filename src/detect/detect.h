/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DETECT_DETECT_H
#define DETECT_DETECT_H

/*
 * Detections from finished flows and their transactions: indicators and behaviours (design 5.1); rules get
 * their place beside them. Every detection names its source, ATT&CK technique, confidence, asset, peer, flows
 * and one sentence of why with the numbers.
 *
 * Flows come once each (vantages merged), in the order in which they end, each right after its own
 * transactions; times are the records' own. Whoever watches live gives snapshots (end == FLOW_END_NONE)
 * before their final record with the same id, which hold totals so far; then each record comes right after
 * the transactions that are new with it. The last word of both is the same, but live it comes sooner. The
 * first snapshot tells the detector that it is live: nothing is "first seen" then before the whole learning
 * time.
 *
 * The detector owns its state; each behaviour's table is bounded, and what falls out at a bound is counted.
 * Deterministic: results don't depend on the seed.
 *
 * A detection may be emitted more than once with the same id as its evidence grows; the last one stands. One
 * that turned out wrong is emitted again with DETECT_TAKEN_BACK.
 */

#include "flow/flow.h"
#include "msg/msg.h"
#include "net/zone.h"

/* The confidence of what was said and doesn't hold any more: less than of anything that is said. */
#define DETECT_TAKEN_BACK 0.01

/* The numbers that the behaviours turn on; each with its source in doc/detect.md. Zero: the default. */
struct detect_tuning {
	int64_t learning_ns; /* "first seen" is said only of what comes this long after the first record;
	                      * default 10 min; unless live, a quarter of what was seen if that is less */
};

struct detect_config {
	const struct net_zone_map *zones;
	const struct indicator_set *indicators; /* may be NULL */
	struct detect_tuning tuning;
	size_t memory_max; /* 0: 256 MiB */
	uint64_t seed;
	uint64_t (*next_id)(void *context);
	void (*emit)(void *context, const struct msg_detection *d); /* borrowed */
	void *context;
};

struct detect_stats {
	uint64_t flows, transactions, detections;
	uint64_t forgotten; /* state dropped at a bound */
	uint64_t untold;    /* findings, each time that there was no room to tell of it */
	size_t memory;
};

struct detector;

int detector_new(struct detector **ret_detector, const struct detect_config *config);
void detector_free(struct detector *d);
/* Asks other zones and indicators from now on (both borrowed, indicators may be NULL). What was learned
 * stays, and so do findings. */
void detector_change(
    struct detector *d, const struct net_zone_map *zones, const struct indicator_set *indicators);
/* One transaction of flow f, which is still being held and comes next. */
void detector_transaction(struct detector *d, const struct msg_flow *f, const struct msg_transaction *t);
void detector_flow(struct detector *d, const struct msg_flow *f);
/* f ends soon: fetches what detector_flow will look at; see flow_table_config. */
void detector_soon(const struct detector *d, const struct flow *f, bool again);
/* Live: a sensor left snapshots out, so who seems to be without an answer may have had one. Of the flows that
 * go on by now only their last record tells. */
void detector_missed(struct detector *d);
/*
 * Live: looks over a part of what is kept, for about a millisecond, and emits what that shows and what
 * changed enough since it was emitted. Each call goes on where the last one stood. False: there is more, to
 * be asked for some 20 ms later. True: a round is over; another is worth its cost after a second or more.
 * `now` is time of records: what was to come by then has come.
 */
bool detector_look(struct detector *d, int64_t now);
/* The end of the records: looks over everything, and emits what only the whole shows and what changed at all.
 * May be called again; without records in between nothing comes of that. */
void detector_finish(struct detector *d, int64_t now);
const struct detect_stats *detector_stats(const struct detector *d);

#endif
