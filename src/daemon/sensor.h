/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_SENSOR_H
#define DAEMON_SENSOR_H

/*
 * The sensor: frames in, records out. It joins decode, flow, proto and merge; it owns their memory, which is
 * bounded by struct sensor_limits whatever the input is. It makes no system call and reads no clock, so that
 * `analyze` and the live process run the very same code.
 *
 * Live (sensor_limits.live), flows are told of while they go on, bindings when they are new, coverage at
 * regular times, and what is cut is looked for. All times in are flow times (capture/clock_live.h); records
 * carry them plus the shift, which is wall time. Snapshots beyond `snapshots_per_s` are left out and counted,
 * but for those that bring a transaction.
 */

#include "capture/capture.h"
#include "daemon/watch.h"
#include "decode/decode.h"
#include "flow/flow.h"
#include "msg/msg.h"
#include "net/zone.h"
#include "proto/proto.h"

struct sensor_live {
	int64_t snapshot_ns;      /* a record of a long flow at least this often; 0: 60 s */
	int64_t coverage_ns;      /* 0: 10 s */
	uint32_t snapshots_per_s; /* 0: 100,000 */
	uint32_t bindings_per_s;  /* 0: 1,000 */
	struct watch *watch;      /* borrowed; NULL: nothing is looked for */
};

struct sensor_limits {
	size_t flows_max;                 /* 0: 262,144 */
	size_t reassembly_memory;         /* 0: 128 MiB */
	size_t recent_memory;             /* 0: 8 MiB */
	size_t proto_memory;              /* 0: 128 MiB */
	size_t merge_memory;              /* 0: 128 MiB */
	const struct net_zone_map *zones; /* whose machines do what with overlaps; borrowed, may be NULL */
	const struct sensor_live *live;   /* NULL: records of ended flows, and bindings at the end, as analyze
	                                     wants them */
};

/* Where the records go: each returns 0, or a negative error that stops the sensor. Records are borrowed for
 * the call. */
struct sensor_sink {
	uint64_t (*next_id)(void *context);
	/* A flow's transactions one after the other, then its record; f is what is known of it by then. Only
	 * look-ups over UDP, of one vantage, stand alone: they come as they are read, f being the flow so
	 * far. */
	int (*transaction)(void *context, const struct msg_flow *f, const struct msg_transaction *t);
	int (*flow)(void *context, const struct msg_flow *f); /* also duplicates: duplicate_of is set */
	int (*binding)(void *context, const struct msg_binding *b);
	/* A flow ends soon; see flow_table_config. May be NULL. */
	void (*soon)(void *context, const struct flow *f, bool again);
	/* Live. What one vantage saw since the last time; name and origin are empty. */
	int (*coverage)(void *context, const struct msg_coverage *c);
	void *context;
};

struct sensor_vantage_counts {
	uint64_t malformed, unreadable, evicted, missing;
};

struct sensor_stats {
	const struct decode_stats *decode;
	const struct flow_stats *flow;
	const struct proto_stats *proto;
	uint64_t
	    conflicts; /* versions of the same bytes that were told as transactions with anomaly fields */
	uint64_t duplicates, merged_early, transactions_lost, bindings_lost;
	uint64_t snapshots;         /* given out */
	uint64_t snapshots_skipped; /* for want of rate */
	uint64_t snapshots_held;    /* of vantages that don't tell of the flow */
	uint64_t snapshots_untold;  /* of more flows than are told of */
};

struct sensor;

int sensor_new(struct sensor **ret_sensor, const struct sensor_limits *limits, uint64_t seed,
    const struct sensor_sink *sink);
void sensor_free(struct sensor *s);
/* Other zones from now on; borrowed, may be NULL. */
void sensor_set_zones(struct sensor *s, const struct net_zone_map *zones);
/* Takes one frame. `vantages`: how many there are by now. 0 or the first error of the sink. */
int sensor_frame(struct sensor *s, const struct capture_frame *f, size_t vantages);
/* The capture has ended: everything still open is given out. */
int sensor_finish(struct sensor *s);

/* Live: a vantage that is watched. Its coverage is told from then on; a gateway gives outgoing frames to
 * sensor_outgoing, a tap doesn't. A gateway's flow comes in at one of its vantages one way and at another the
 * other way, each packet once: so flows of all of them are of the first. Later frames count how many there
 * are by themselves. -ERR_LIMIT. */
int sensor_add_vantage(struct sensor *s, uint16_t vantage, bool tap, int64_t now);
/* Live: takes a frame that a gateway sends. It is no traffic of its own, only held against what is cut. */
int sensor_outgoing(struct sensor *s, const struct capture_frame *f);
/* Live: packets were lost in front of the sensor. */
void sensor_lost(struct sensor *s, uint16_t vantage, uint64_t packets);
/* Live: time passes, also without frames; call it a few times a second. 0 or the first error of the sink. */
int sensor_tick(struct sensor *s, int64_t now);
/* Live: from now on records carry flow time plus `shift`. Coverage is told up to here first. */
int sensor_set_shift(struct sensor *s, int64_t now, int64_t shift);

/* Counts of one vantage; zeros for one that gave nothing. */
struct sensor_vantage_counts sensor_vantage_counts(const struct sensor *s, uint16_t vantage);
void sensor_get_stats(const struct sensor *s, struct sensor_stats *ret_stats);

#endif
