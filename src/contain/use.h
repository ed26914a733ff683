/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONTAIN_USE_H
#define CONTAIN_USE_H

/*
 * The legitimate use of the network, as a plan would lose it: who begins what towards whom, how often a day.
 * Counted over the baseline (before the incident, where enough of it was seen; else all of it), without flows
 * that a detection rests on and without those to or from the incident's peers. Private to contain/.
 *
 * Bounds: USES_MAX different uses; further ones of external responders are counted under their zone alone,
 * then only in the total, and `merged` says so.
 */

#include "contain/plan.h"

enum { USES_MAX = 1 << 19 };

struct use {
	struct net_addr initiator, responder;
	uint32_t initiator_asset, responder_asset; /* ASSET_NONE outside */
	uint16_t initiator_zone, responder_zone;
	uint16_t port, app;
	uint8_t protocol;
	uint8_t criticality;
	int service; /* index into plan_input.services, -1: none of them */
	uint64_t flows;
	uint64_t flow; /* one record id of it */
};

struct use_list {
	struct use *v;
	size_t n;
	uint64_t flows;
	double per_day; /* flows * per_day: flows a day */
	bool merged;
};

/* 0, -ENOMEM or the archive's error. The list lives in the arena, in order of initiators. */
int use_collect(const struct plan_input *in, struct arena *arena, struct use_list *ret_uses);

#endif
