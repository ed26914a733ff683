/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef REPORT_REPORT_HUNT_H
#define REPORT_REPORT_HUNT_H

/* A hunt's answer for people and programs (report/report.h has the rules). */

#include "hunt/hunt.h"
#include "report/report.h"

enum { REPORT_HUNT_HITS = 40 };

struct report_hunt {
	const struct hunt_result *result;
	const struct net_zone_map *zones;
	int64_t elapsed_ns; /* what it took */
	bool all;           /* text: every hit, not the first REPORT_HUNT_HITS */
	/* What followed from the hits: NULL where that wasn't asked for. */
	const struct report_case *follow;
	const struct report_incident *followed; /* its machines are the seeds; NULL: there are none */
	uint64_t seeds_left_out;                /* that are no machine of the archive */
};

int report_text_hunt(const struct report_hunt *h, FILE *out, bool colour);
int report_json_hunt(const struct report_hunt *h, FILE *out);

#endif
