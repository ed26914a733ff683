/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/bounds.h"

#include "daemon/sensor_parts.h"

static const char *const names[] = {
#define X(id, name) [SENSOR_BOUND_##id] = (name),
    SENSOR_BOUND_LIST(X)
#undef X
};

const char *sensor_bound_name(enum sensor_bound bound)
{
	return (unsigned)bound < SENSOR_BOUND_COUNT ? names[bound] : "";
}

void sensor_bounds(const struct sensor *s, uint64_t ret_counts[SENSOR_BOUND_COUNT])
{
	struct sensor_stats all;
	sensor_get_stats(s, &all);
	const struct flow_stats *flow = all.flow;
	const struct decode_stats *decode = all.decode;
	const struct proto_stats *proto = all.proto;
	const uint64_t counts[SENSOR_BOUND_COUNT] = {
	    [SENSOR_BOUND_FLOW_EVICTED] = flow->evicted,
	    [SENSOR_BOUND_FLOW_DEPTH] = flow->depth_reached,
	    [SENSOR_BOUND_FLOW_PAST_HOLE] = flow->past_hole,
	    [SENSOR_BOUND_FLOW_HOLES_JOINED] = flow->holes_joined,
	    [SENSOR_BOUND_FLOW_OVERLAP] = flow->conflicts,
	    [SENSOR_BOUND_FLOW_OVERLAP_UNTOLD] = flow->conflicts_untold,
	    [SENSOR_BOUND_FLOW_OVERLAP_UNCHECKED] = flow->unchecked,
	    [SENSOR_BOUND_FLOW_DOUBTFUL] = flow->doubtful,
	    [SENSOR_BOUND_FLOW_EXPECTATIONS] = flow->expectations_displaced,
	    [SENSOR_BOUND_FRAGMENTS_LIMIT] = decode->events[DECODE_EVENT_FRAGMENT_LIMIT],
	    [SENSOR_BOUND_FRAGMENTS_TIMEOUT] = decode->events[DECODE_EVENT_FRAGMENT_TIMEOUT],
	    [SENSOR_BOUND_DECODE_UNFETCHED] = decode->unfetched,
	    [SENSOR_BOUND_PROTO_BROKEN] = proto->broken,
	    [SENSOR_BOUND_PROTO_NO_ROOM] = proto->without_room,
	    [SENSOR_BOUND_PROTO_TRANSACTIONS] = proto->transactions_dropped,
	    [SENSOR_BOUND_PROTO_FIELDS] = proto->fields_dropped,
	    [SENSOR_BOUND_MERGE_EARLY] = all.merged_early,
	    [SENSOR_BOUND_MERGE_TRANSACTIONS] = all.transactions_lost,
	    [SENSOR_BOUND_MERGE_UNTOLD] = all.snapshots_untold,
	    [SENSOR_BOUND_SENSOR_BINDINGS] = all.bindings_lost,
	    [SENSOR_BOUND_SENSOR_SNAPSHOTS] = all.snapshots_skipped,
	    [SENSOR_BOUND_WATCH_UNLISTED] = s->watch ? s->watch->stats.unlisted : 0,
	};
	for (unsigned i = 0; i < SENSOR_BOUND_COUNT; i++)
		ret_counts[i] = counts[i];
}
