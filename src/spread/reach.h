/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SPREAD_REACH_H
#define SPREAD_REACH_H

/*
 * The searches behind spread: label-setting over time-stamped edges, once for each grade over the edges that
 * are at least that sure. So an asset that was reached early by chance and later by an administrator's login
 * has both labels. O(edges + assets log assets) each. Private to spread/.
 */

#include "spread/edges.h"

enum { REACH_LEVELS = SPREAD_POSSIBLE + 1, REACH_EDGE_NONE = 0xffffffff };

/* How an asset is reached by edges of one grade and better. */
struct reach_label {
	int64_t time;  /* forward: the earliest arrival; backward: the latest time at which it must be held */
	uint32_t edge; /* by which; REACH_EDGE_NONE at a seed */
	uint32_t hops;
	bool reached;
};

/* levels[g][asset], all owned together. */
struct reach {
	struct reach_label *levels[REACH_LEVELS];
	size_t n_assets;
};

int reach_new(struct reach *r, size_t n_assets);
void reach_free(struct reach *r);
/* Forward from seeds. x is by `from`. 0 or -ENOMEM. */
int reach_forward(struct reach *r, const struct spread_edges *e, const struct spread_index *x,
    const struct spread_seed *seeds, size_t n_seeds, int64_t until);
/* Backward from one asset held at `time`. x is by `to`. 0 or -ENOMEM. */
int reach_backward(struct reach *r, const struct spread_edges *e, const struct spread_index *x,
    uint32_t asset, int64_t time);
/* The best grade at which asset is reached, or SPREAD_CLEARED. */
enum spread_grade reach_grade(const struct reach *r, uint32_t asset);

#endif
