/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUNT_LOOKUP_H
#define HUNT_LOOKUP_H

/*
 * Flows by their record ids, of which only transactions were met: a few are looked up one by one, of many
 * the ids of all flows are run through once. Of a duplicate the record that counts is given. Private to
 * hunt/.
 */

#include "base/arena.h"
#include "base/table.h"
#include "hunt/sight.h"

struct hunt_lookup {
	struct table *table; /* id -> struct hunt_flow */
	struct arena names;
};

/* ids: sorted, without doubles. What isn't found or can't be read is left out. 0, -ENOMEM; free it in either
 * case. */
int hunt_lookup_make(struct hunt_lookup *l, const struct hunt_scene *scene, const uint64_t *ids, size_t n);
void hunt_lookup_free(struct hunt_lookup *l);
const struct hunt_flow *hunt_lookup_get(const struct hunt_lookup *l, uint64_t id);

#endif
