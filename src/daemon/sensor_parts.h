/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_SENSOR_PARTS_H
#define DAEMON_SENSOR_PARTS_H

/* What the sensor is made of, for its live half too. Private to daemon/sensor*.c. */

#include "base/table.h"
#include "daemon/merge.h"
#include "daemon/sensor.h"

enum { SENSOR_BINDINGS_MAX = 1 << 16, SENSOR_NAME_MAX = 64 };

/* No padding: compared as bytes. */
struct binding_key {
	struct net_addr addr;
	struct net_mac mac;
	uint8_t source;
	uint8_t zero;
	char name[SENSOR_NAME_MAX];
};

struct binding_seen {
	int64_t first, last;
	int64_t told; /* live: when it was; 0: not yet */
	uint16_t vantage;
	bool pending; /* live: to be told when the rate allows */
};

struct vantage {
	struct sensor_vantage_counts counts;
	struct sensor_vantage_counts covered;  /* of those, told already */
	uint64_t packets, bytes, cut, dropped; /* since coverage was told */
	bool watched, tap;
};

struct sensor {
	struct sensor_sink sink;
	struct decoder *decoder;
	struct decoder *leaving; /* of outgoing frames: their fragments are the same ones again */
	struct flow_table *flows;
	struct proto *proto;
	struct merge *merge;
	struct table *bindings;
	struct vantage *vantages; /* CAPTURE_VANTAGES_MAX, and one for numbers beyond */
	size_t n_vantages;        /* of flows */
	size_t n_gateways;        /* vantages of this machine's own interfaces ... */
	uint16_t gateway;         /* ... whose flows are all of the first of them */
	uint16_t at;              /* the vantage of the frame that is taken */
	const struct net_zone_map *zones;
	uint64_t conflicts;
	uint64_t bindings_lost;
	int64_t now;
	int64_t next_look; /* when timeouts are looked at again */
	int error;         /* the first error of the sink: callbacks can't return it */
	bool closing;      /* flows end without a word to the sink */

	bool is_live;
	struct sensor_live live; /* with defaults filled in */
	struct watch *watch;
	int64_t shift;
	uint64_t fresh_flow;     /* the last one that a transaction was read of */
	int64_t next_second;     /* when the rates begin anew */
	uint32_t snapshots_left; /* in this second */
	uint32_t bindings_left;  /* in this second */
	uint64_t snapshots_skipped;
	size_t bindings_pending;
	int64_t covered; /* up to here coverage was told */
};

/* sensor_conflict.c */
/* What a machine makes of overlaps, as the site file says. context: struct sensor. */
enum net_overlap sensor_overlap(void *context, struct net_addr receiver);
void sensor_stream_conflict(void *context, const struct flow *f, const struct flow_conflict *c);
/* Fragments of a packet whose flow is f contradict each other. */
void sensor_fragment_conflict(struct sensor *s, const struct flow *f, const struct packet_conflict *c);
/* A transaction of flow f, to be told with it. */
void sensor_tell(struct sensor *s, const struct flow *f, struct msg_transaction *t);

void sensor_keep_error(struct sensor *s, int error);
uint64_t sensor_next_id(void *context);
/* Which vantage the flows of a frame's are of. */
uint16_t sensor_flow_vantage(const struct sensor *s, uint16_t vantage);
/* Numbers beyond a capture set's own bound share one entry. */
struct vantage *sensor_vantage(struct sensor *s, uint16_t vantage);
int sensor_give_binding(struct sensor *s, const struct binding_key *key, const struct binding_seen *seen);
/* Looks at timeouts once a second. The first error of the sink. */
int sensor_look(struct sensor *s);

/* sensor_live.c */
/* Sets what live mode wants of the flow table and of merge. */
void sensor_live_start(struct sensor *s, const struct sensor_live *live, struct flow_table_config *flows,
    struct merge_config *merge);
void sensor_live_snapshot(struct sensor *s, const struct msg_flow *f);
void sensor_live_binding(struct sensor *s, const struct binding_key *key, const struct packet *p);
void sensor_live_count(struct sensor *s, const struct capture_frame *f);
/* A tap's packet, whose innermost flow is f, is held against what is cut. */
void sensor_live_look(struct sensor *s, const struct packet *p, struct flow *f);
int sensor_live_coverage(struct sensor *s, int64_t now);

#endif
