/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUNT_SIGHT_H
#define HUNT_SIGHT_H

/*
 * From a flow and a target to a sighting: which end is the machine that is asked about, and which way the
 * bytes went. Private to hunt/.
 */

#include "hunt/groups.h"
#include "hunt/targets.h"

/* What of a flow a hunt looks at. */
struct hunt_flow {
	uint64_t id;
	uint64_t duplicate_of;
	struct net_addr initiator, responder;
	uint16_t responder_port;
	uint8_t end; /* 0: a snapshot */
	int64_t first, last;
	uint64_t out, in;
	struct text name;
};

/* The columns that this takes; the name only where names are asked for. */
uint64_t hunt_flow_columns(bool names);
/* Names are borrowed from f. */
struct hunt_flow hunt_flow_of(const struct msg_flow *f);
/* Whether b is a later record of the same flow than a. */
bool hunt_flow_is_later(const struct hunt_flow *a, const struct hunt_flow *b);
/* Its ends and its name, as indicators are asked: 2 or 3. */
size_t hunt_flow_queries(const struct hunt_flow *f, struct indicator_query out[3]);

/* What all threads read. */
struct hunt_scene {
	const struct hunt_input *in;
	const struct hunt_targets *targets;
	const struct table *assets; /* address -> the address that names its machine; NULL: no site file */
};

/*
 * Sets all but places and lookup. matched_initiator: which end is the indicator's. False where the asset is
 * not in the zone that is asked for.
 */
bool hunt_sight(const struct hunt_scene *scene, const struct hunt_flow *f, uint32_t target,
    bool matched_initiator, struct hunt_sighting *ret_sighting);
/* Adds a flow's own matches to the groups: each target once. */
void hunt_sight_flow(const struct hunt_scene *scene, const struct hunt_flow *f, struct hunt_groups *groups);

#endif
