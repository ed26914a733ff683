/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_MERGE_H
#define DAEMON_MERGE_H

/*
 * One flow seen from several vantages is one flow: the fuller record wins, the others are kept as its
 * duplicates and cited. Records of ended flows wait here for MERGE_WINDOW_NS of capture time for their like
 * from other vantages; transactions wait with their flow. Two records are of one flow when they have the same
 * addresses, protocol and ports (either way round), come from different vantages, and their times overlap
 * within MERGE_SKEW_NS (sensors' clocks differ).
 *
 * Where there is only one vantage no record waits, and transactions only where their flow matters to them.
 *
 * Live, a flow is told of while it goes on (merge_snapshot): its transactions so far, each once, then its
 * record. Only the vantage that saw it first tells: its id then stands for the flow, also where in the end
 * another vantage's record is the fuller one, which is given under that id.
 *
 * Bounds: MERGE_FLOWS_MAX ended flows and `memory_max` bytes of transactions; at a bound the oldest flow is
 * let go early, which at worst counts a flow twice: both are counted. `tellers_max` flows that run are told
 * of; others, counted, only when they end.
 */

#include "flow/flow.h"
#include "msg/msg.h"

#define MERGE_WINDOW_NS (INT64_C(150) * 1000000000)
#define MERGE_SKEW_NS   (INT64_C(5) * 1000000000)
enum { MERGE_FLOWS_MAX = 1 << 17, MERGE_TELLERS_MAX = 1 << 20 };

struct merge_config {
	size_t memory_max;  /* 0: 128 MiB */
	size_t tellers_max; /* 0: MERGE_TELLERS_MAX */
	uint64_t seed;
	/* Called for each flow that counts, its transactions first; then for its duplicates (duplicate_of
	 * set). Borrowed. */
	int (*transaction)(void *context, const struct msg_flow *f, const struct msg_transaction *t);
	int (*flow)(void *context, const struct msg_flow *f);
	void *context;
};

struct merge_stats {
	uint64_t duplicates;
	uint64_t early;             /* let go before their window had passed */
	uint64_t transactions_lost; /* of flows that outgrew memory_max alone */
	uint64_t snapshots;
	uint64_t snapshots_held;   /* not given: another vantage tells of the flow */
	uint64_t snapshots_untold; /* not given: so many flows are told of already */
};

struct merge;

int merge_new(struct merge **ret_merge, const struct merge_config *config);
void merge_free(struct merge *m);
/* A transaction of a flow that hasn't ended, to wait for its record. 0 or the callback's error. */
int merge_transaction(struct merge *m, const struct msg_transaction *t);
/* The same where nothing waits: f is the flow so far, without its name. */
int merge_transaction_now(struct merge *m, struct msg_flow *f, const struct msg_transaction *t);
/* The flow as it is so far (end == FLOW_END_NONE), after each packet of which something is to be told. */
int merge_snapshot(struct merge *m, const struct msg_flow *f, size_t vantages);
/* A flow has ended, at capture time `now`. `vantages`: how many there are by now. */
int merge_flow(struct merge *m, const struct msg_flow *f, size_t vantages, int64_t now);
/* That flow ends soon: fetches what is known of it; see flow_table_config. */
void merge_flow_soon(const struct merge *m, uint64_t flow, bool again);
/* Lets go what has waited long enough. */
int merge_expire(struct merge *m, int64_t now);
int merge_flush(struct merge *m);
const struct merge_stats *merge_stats(const struct merge *m);

#endif
