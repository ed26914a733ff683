/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_BOUNDS_H
#define DAEMON_BOUNDS_H

/*
 * What the sensor's bounds cost, by one name each: what stands in a report under "Counted oddities", in
 * `bulkhead status` and in the metrics is this list. doc/bounds.md says of each table what its bound is and
 * which of these counts it.
 */

#include "daemon/sensor.h"

/* X(enum suffix, name) */
#define SENSOR_BOUND_LIST(X)                                                                                 \
	X(FLOW_EVICTED, "flow.evicted")                                                                      \
	X(FLOW_DEPTH, "flow.depth_reached")                                                                  \
	X(FLOW_PAST_HOLE, "flow.past_hole")                                                                  \
	X(FLOW_HOLES_JOINED, "flow.holes_joined")                                                            \
	X(FLOW_OVERLAP, "flow.overlap_differs")                                                              \
	X(FLOW_OVERLAP_UNTOLD, "flow.overlap_untold")                                                        \
	X(FLOW_OVERLAP_UNCHECKED, "flow.overlap_unchecked")                                                  \
	X(FLOW_DOUBTFUL, "flow.doubtful")                                                                    \
	X(FLOW_EXPECTATIONS, "flow.expectations_displaced")                                                  \
	X(FRAGMENTS_LIMIT, "ip.frag_limit")                                                                  \
	X(FRAGMENTS_TIMEOUT, "ip.frag_timeout")                                                              \
	X(DECODE_UNFETCHED, "decode.unfetched")                                                              \
	X(PROTO_BROKEN, "proto.broken")                                                                      \
	X(PROTO_NO_ROOM, "proto.no_room")                                                                    \
	X(PROTO_TRANSACTIONS, "proto.transactions_dropped")                                                  \
	X(PROTO_FIELDS, "proto.fields_dropped")                                                              \
	X(MERGE_EARLY, "merge.early")                                                                        \
	X(MERGE_TRANSACTIONS, "merge.transactions_lost")                                                     \
	X(MERGE_UNTOLD, "merge.untold")                                                                      \
	X(SENSOR_BINDINGS, "sensor.bindings_lost")                                                           \
	X(SENSOR_SNAPSHOTS, "sensor.snapshots_skipped")                                                      \
	X(WATCH_UNLISTED, "watch.sights_unlisted")

enum sensor_bound {
#define X(id, name) SENSOR_BOUND_##id,
	SENSOR_BOUND_LIST(X)
#undef X
	    SENSOR_BOUND_COUNT
};

const char *sensor_bound_name(enum sensor_bound bound);
/* How often each was met so far. */
void sensor_bounds(const struct sensor *s, uint64_t ret_counts[SENSOR_BOUND_COUNT]);

#endif
