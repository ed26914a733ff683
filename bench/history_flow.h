/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_HISTORY_FLOW_H
#define BENCH_HISTORY_FLOW_H

/* One flow of a generated history: who talks to whom, and how much. Private to the model. */

#include "bench/services.h"
#include "bench/world.h"
#include "msg/msg.h"

/* Draws both ends of flows. Populations outside grow, and change their addresses, with time. */
struct history_ends {
	const struct world *world;
	double day;
	double zone_root[WORLD_ZONES];
	uint32_t names, peers; /* there are by now */
	double name_root, peer_root, authority_root, visitor_root, scanner_root, favourite_root;
};

struct history_pair {
	uint32_t initiator, responder;
	const struct world_asset *from, *to; /* NULL: outside */
	unsigned from_zone, to_zone;
	struct text name;
};

struct history_sizes {
	double out_log, in_log, seconds_log;
};

void history_ends_init(struct history_ends *e, const struct world *w);
/* The time: days since the beginning, and the share of the whole span. */
void history_ends_at(struct history_ends *e, double day, double share);
void history_draw_ends(struct history_ends *e, const struct service *s, unsigned number, uint64_t *state,
    struct history_pair *ret_pair);

void history_sizes_init(struct history_sizes *ret_sizes, const struct service *s);
/* Fills all but the id; f->last is when it ends, exactly. */
void history_draw_flow(struct msg_flow *f, const struct service *s, const struct history_sizes *sizes,
    unsigned number, const struct history_pair *pair, uint64_t *state);
/* MAC addresses and VLAN as the flow's vantage sees them. */
void history_set_links(struct msg_flow *f, const struct history_pair *pair);

#endif
