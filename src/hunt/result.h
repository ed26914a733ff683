/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HUNT_RESULT_H
#define HUNT_RESULT_H

/* The answer out of what was found, in its order, with names; and what it doesn't cover. Private to hunt/. */

#include "hunt/groups.h"
#include "hunt/targets.h"

/* What the search itself tells. */
struct hunt_search {
	struct archive_hunt_stat flows, transactions;
	uint64_t sightings_left_out, seen_left_out, snapshots_left_out;
};

/* Fills hits and their counts. 0 or -ENOMEM. */
int hunt_result_make(struct hunt_result *r, const struct hunt_input *in, const struct hunt_targets *targets,
    const struct hunt_groups *groups);
/* Fills what was searched and all gaps. 0, -ENOMEM or the archive's error. */
int hunt_cover(struct hunt_result *r, const struct hunt_input *in, const struct hunt_search *search);
/* Those that speak of the archive's own state (hunt/cover_archive.c), of links and sensors (cover_links.c).
 */
int hunt_cover_archive(struct hunt_result *r, const struct hunt_input *in, const struct hunt_search *search);
int hunt_cover_links(struct hunt_result *r, const struct hunt_input *in);

#endif
