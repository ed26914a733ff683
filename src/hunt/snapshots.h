/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUNT_SNAPSHOTS_H
#define HUNT_SNAPSHOTS_H

/*
 * Long flows are recorded several times while they run, and only the last record counts. The hits alone are
 * looked at: a thread keeps the snapshots that it is given and the ids of the finished flows, and what
 * remains once both are laid side by side are flows that never ended. Private to hunt/.
 */

#include "base/table.h"
#include "hunt/sight.h"

struct hunt_snapshots {
	struct table *last; /* id -> struct hunt_flow */
	struct arena names;
	uint64_t *ended; /* ids of finished flows */
	size_t n_ended, cap_ended;
	bool forgot;       /* not all of them found room: the archive is asked instead */
	uint64_t left_out; /* snapshots that found no room, and were counted as flows */
};

int hunt_snapshots_new(struct hunt_snapshots *s, size_t max, uint64_t seed);
void hunt_snapshots_free(struct hunt_snapshots *s);
/* True: f is kept aside; else it is to be counted now. */
bool hunt_snapshots_take(struct hunt_snapshots *s, const struct hunt_flow *f);
/* Brings those of n threads together in the first and counts what never ended. */
void hunt_snapshots_settle(
    struct hunt_snapshots *v, size_t n, const struct hunt_scene *scene, struct hunt_groups *groups);

#endif
