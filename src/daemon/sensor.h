/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_SENSOR_H
#define DAEMON_SENSOR_H

/*
 * The sensor: frames in, records out. It joins decode, flow, proto and merge; it owns their memory, which is
 * bounded by struct sensor_limits whatever the input is. It makes no system call and reads no clock, so that
 * `analyze` and the live process run the very same code.
 */

#include "capture/capture.h"
#include "decode/decode.h"
#include "flow/flow.h"
#include "msg/msg.h"
#include "proto/proto.h"

struct sensor_limits {
	size_t flows_max;         /* 0: 262,144 */
	size_t reassembly_memory; /* 0: 128 MiB */
	size_t proto_memory;      /* 0: 128 MiB */
	size_t merge_memory;      /* 0: 128 MiB */
};

/* Where the records go: each returns 0, or a negative error that stops the sensor. Records are borrowed for
 * the call. */
struct sensor_sink {
	uint64_t (*next_id)(void *context);
	int (*transaction)(void *context, const struct msg_flow *f, const struct msg_transaction *t);
	int (*flow)(void *context, const struct msg_flow *f); /* also duplicates: duplicate_of is set */
	int (*binding)(void *context, const struct msg_binding *b);
	void *context;
};

struct sensor_vantage_counts {
	uint64_t malformed, unreadable, evicted, missing;
};

struct sensor_stats {
	const struct decode_stats *decode;
	const struct flow_stats *flow;
	const struct proto_stats *proto;
	uint64_t duplicates, merged_early, transactions_lost, bindings_lost;
};

struct sensor;

int sensor_new(struct sensor **ret_sensor, const struct sensor_limits *limits, uint64_t seed,
    const struct sensor_sink *sink);
void sensor_free(struct sensor *s);
/* Takes one frame. `vantages`: how many there are by now. 0 or the first error of the sink. */
int sensor_frame(struct sensor *s, const struct capture_frame *f, size_t vantages);
/* The capture has ended: everything still open is given out. */
int sensor_finish(struct sensor *s);
/* Counts of one vantage; zeros for one that gave nothing. */
struct sensor_vantage_counts sensor_vantage_counts(const struct sensor *s, uint16_t vantage);
void sensor_get_stats(const struct sensor *s, struct sensor_stats *ret_stats);

#endif
