/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DETECT_DETECT_H
#define DETECT_DETECT_H

/*
 * Detections from finished flows and their transactions: indicators and behaviours (design 5.1); rules get
 * their place beside them. Every detection names its source, ATT&CK technique, confidence, asset, peer, flows
 * and one sentence of why with the numbers.
 *
 * Flows come once each (vantages merged), in the order in which they end, each right after its own
 * transactions; times are the records' own. Snapshots of long flows (end == FLOW_END_NONE) come before their
 * final record with the same id, and hold totals so far. The detector owns its state; each behaviour's table
 * is bounded, and what falls out at a bound is counted. Deterministic: results don't depend on the seed.
 *
 * A detection may be emitted more than once with the same id as its evidence grows; the last one stands.
 */

#include "msg/msg.h"
#include "net/zone.h"

/* The numbers that the behaviours turn on; each with its source in doc/detect.md. Zero: the default. */
struct detect_tuning {
	int64_t learning_ns; /* "first seen" is said only of what comes this long after the first record;
	                      * default 10 min, or a quarter of what was seen, whichever is less */
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
/* The end of the records (or, live, a moment to look again): emits what only the whole shows. */
void detector_finish(struct detector *d, int64_t now);
const struct detect_stats *detector_stats(const struct detector *d);

#endif
