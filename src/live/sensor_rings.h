/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIVE_SENSOR_RINGS_H
#define LIVE_SENSOR_RINGS_H

/*
 * The rings of a sensor's process: taken over from the parent, mapped once the configuration is there, and
 * listened to. Where frames come so often that being woken for each would cost more than reading it, they are
 * fetched every SENSOR_PACE_NS instead. Owns its rings. Bound: RINGS_MAX. Times: loop_now().
 */

#include "capture/ring_set.h"
#include "conf/daemon.h"
#include "ipc/loop.h"
#include "msg/messages.h"

#define SENSOR_PACE_NS (100 * INT64_C(1000))

enum { SENSOR_INTERFACES_TEXT = 256 };

struct sensor_rings {
	struct ring_set *set; /* NULL: not mapped yet */
	struct sensor_ring {
		struct loop_source source;
		struct ring *ring; /* NULL: not mapped yet, the descriptor is ours */
		uint16_t link;
		uint64_t dropped; /* told so far */
	} v[RINGS_MAX];
	size_t n;
	char interfaces[DAEMON_LINKS_MAX][SENSOR_INTERFACES_TEXT]; /* of each link, those that are read */
	struct loop *loop;                                         /* NULL: not listened to yet */
	bool held;                                                 /* nobody takes frames now */
	bool outgoing;                                             /* frames that leave are asked for */
	int64_t pace_at;                                           /* fetched then; INT64_MAX: woken */
	int64_t window;                                            /* since then wakes are counted */
	unsigned wakes; /* in it; while paced: turns of few frames */
};

void sensor_rings_begin(struct sensor_rings *r);
void sensor_rings_end(struct sensor_rings *r);
/* Takes over fd, also on failure. 0 or a negative error. */
int sensor_rings_keep(struct sensor_rings *r, const struct msg_handed *h, int fd);
int sensor_rings_map(struct sensor_rings *r, const struct daemon_conf *conf);
/* From now on `ready` is called when there are frames. 0 or -errno. */
int sensor_rings_listen(
    struct sensor_rings *r, struct loop *loop, void (*ready)(void *context, uint32_t events), void *context);
/* While they are held frames wait in the kernel's memory. */
void sensor_rings_hold(struct sensor_rings *r, bool hold);
/* What was read in one turn, and whether that was all there is: decides how to go on. */
void sensor_rings_pace(struct sensor_rings *r, size_t frames, bool all, int64_t now);
/* Whether it is time to fetch, and when it will be. */
static inline bool sensor_rings_due(const struct sensor_rings *r, int64_t now)
{
	return !r->held && now >= r->pace_at;
}
static inline int64_t sensor_rings_deadline(const struct sensor_rings *r)
{
	return r->held ? INT64_MAX : r->pace_at;
}
/* Frames that leave, of gateways' links, are given only while they are wanted. */
void sensor_rings_want_outgoing(struct sensor_rings *r, const struct daemon_conf *conf, bool wanted);
/* What ring i lost since it was last asked. */
uint64_t sensor_rings_lost(struct sensor_rings *r, size_t i);

#endif
