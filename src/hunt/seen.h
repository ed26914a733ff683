/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUNT_SEEN_H
#define HUNT_SEEN_H

/*
 * Indicators met in transactions: first which flow holds which indicator, by thread; then the flows are
 * looked up (hunt/lookup.h), which tell the machines, the ports and the bytes. Private to hunt/.
 */

#include "base/table.h"
#include "hunt/sight.h"

/* Compared as bytes. */
struct hunt_seen_key {
	uint64_t flow;
	uint32_t first;   /* the first target of the indicator's key */
	uint16_t port;    /* that a request to a proxy names; else 0 */
	uint16_t of_flow; /* the port is the flow's */
};

struct hunt_seen {
	uint32_t places;
	int64_t first, last; /* of the transactions */
};

struct hunt_seen_set {
	struct table *table;
	const struct hunt_scene *scene;
	uint64_t left_out;
};

int hunt_seen_new(struct hunt_seen_set *s, const struct hunt_scene *scene, size_t max, uint64_t seed);
void hunt_seen_free(struct hunt_seen_set *s);
/* An archive_transaction_fn; context is the set. */
int hunt_seen_transaction(void *context, const struct msg_transaction *t);
/* Adds all of `from`. */
void hunt_seen_merge(struct hunt_seen_set *s, const struct hunt_seen_set *from);
/* Looks the flows up and adds what was seen in them. 0, -ENOMEM or the archive's error. */
int hunt_seen_settle(struct hunt_seen_set *s, struct hunt_groups *groups);

#endif
