/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CAPTURE_RING_SET_H
#define CAPTURE_RING_SET_H

/*
 * Several rings read as one, by time: what comes next is the oldest of the frames that are there. It never
 * waits for a ring that is empty. Where frames are handed over one by one, none comes before one that brought
 * it about: an answer never before its question. In blocks, frames of two interfaces may stand in the wrong
 * order by as long as the kernel holds a block back. Owns its rings. Bound: RINGS_MAX.
 */

#include "capture/ring.h"

enum { RINGS_MAX = 64 };

struct ring_set;

int ring_set_new(struct ring_set **ret_set);
void ring_set_free(struct ring_set *s);
/* Takes over the ring, also on failure: -ERR_LIMIT. */
int ring_set_add(struct ring_set *s, struct ring *r);
/* As ring_next; the frame is borrowed until the next call. */
int ring_set_next(struct ring_set *s, struct capture_frame *ret_frame, bool *ret_outgoing);
size_t ring_set_count(const struct ring_set *s);
struct ring *ring_set_at(const struct ring_set *s, size_t i);

#endif
