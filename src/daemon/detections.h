/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_DETECTIONS_H
#define DAEMON_DETECTIONS_H

/*
 * The detections of a pass over captures: a detector tells of one again as it grows, and its last state
 * counts. Kept encoded, given in the order of their first appearance.
 *
 * Bounds: `max` detections; further ones are lost, and counted.
 */

#include "msg/msg.h"

struct detections;

/* max > 0. 0, -EINVAL, -ENOMEM. */
int detections_new(struct detections **ret_detections, size_t max, uint64_t seed);
void detections_free(struct detections *d);

/* 0, also where it is lost; -ENOMEM or the codec's error. */
int detections_put(struct detections *d, const struct msg_detection *detection);
/* Calls `each` with all of them, decoded and borrowed, until one call fails: its error, or 0. */
int detections_each(const struct detections *d,
    int (*each)(void *context, const struct msg_detection *detection), void *context);
/* How many found no room. */
uint64_t detections_lost(const struct detections *d);

#endif
