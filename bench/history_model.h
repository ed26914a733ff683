/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_HISTORY_MODEL_H
#define BENCH_HISTORY_MODEL_H

/*
 * Months of plausible flows of an organization, one after the other, in the order in which a sensor would
 * report them (by their end). Deterministic: options and seed are all it depends on, given one libm. The
 * distributions, where they are from and what is left out: bench/history.md. Nothing was chosen by what our
 * archive stores well.
 */

#include <stdbool.h>
#include <stdint.h>

#include "bench/world.h"
#include "msg/msg.h"

enum { HISTORY_VANTAGE_EDGE = 1, HISTORY_VANTAGE_CORE = 2 };

struct history_options {
	uint64_t flows, seed;
	uint32_t days, assets, names; /* names: of services outside that there are at the end */
	int64_t begin;
	bool whole_ns; /* all nanoseconds in time stamps; else microseconds, as capture files have them */
};

struct history;

/* The world is borrowed until history_free. 0, -EINVAL or -ENOMEM. */
int history_new(struct history **ret_history, const struct history_options *options, const struct world *w);
void history_free(struct history *h);
/*
 * The next flow; false at the end. Texts are the world's. Of a flow that two vantages saw, the fuller record
 * comes first; its `also` (borrowed until the next call) names the one that follows, whose duplicate_of names
 * it.
 */
bool history_draw(struct history *h, struct msg_flow *ret_flow);

#endif
