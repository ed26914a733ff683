/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_HUNT_FOLLOW_H
#define CMD_HUNT_FOLLOW_H

/*
 * Spread and exposure from a hunt's hits. Seeds are the machines that had an answered contact, from the first
 * one on, and machines inside that are themselves the indicator; as suspects, since an address or a name may
 * have changed hands. Who only looked a name up, or was knocked at in vain, is no seed.
 */

#include "conf/site.h"
#include "daemon/case.h"
#include "hunt/hunt.h"

struct hunt_follow {
	struct case_answers *answers;
	struct incident incident;        /* the seeds, for the renderers */
	struct report_incident followed; /* of that; incident == NULL: there is nothing to follow */
};

/* 0, -ENOMEM or the archive's error; free it in either case. */
int hunt_follow_work(struct hunt_follow *f, struct archive *archive, const struct site *site,
    const struct hunt_result *result, uint64_t seed);
void hunt_follow_free(struct hunt_follow *f);

#endif
