/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_CASE_H
#define DAEMON_CASE_H

/*
 * The four questions, asked of an archive: assets, incidents, and for each of the most severe ones the
 * spread, the plans and the exposure of every protected zone (of every internal one where none is protected).
 * All results live until case_free. `analyze` asks right after its pass; the other verbs ask the same of a
 * CASE folder again.
 *
 * Bounds: CASE_DETECTIONS_MAX detections (the latest of each id), CASE_WORKED_MAX incidents worked out in
 * full; the others are listed without spread, plans and exposure, and the results say so.
 */

#include "conf/site.h"
#include "report/report.h"

enum { CASE_DETECTIONS_MAX = 1 << 18, CASE_WORKED_MAX = 8, CASE_COVERAGE_MAX = 1 << 16, CASE_THREADS = 2 };

struct case_options {
	const char *incident; /* only the one with this id; NULL: all */
	const char *zone;     /* exposure of this zone only; NULL: as above */
	bool backflow;        /* see spread_config */
	bool incidents_only;  /* no spread, plans and exposure of them */
	bool one_thread;      /* the process may start none: else CASE_THREADS work on the archive */
	uint64_t seed;
};

/* A machine that is known to be held: what a hunt found, or what somebody says. */
struct case_seed {
	struct net_addr addr;
	int64_t time;
	bool confirmed; /* else it seeds `likely` */
};

struct case_follow {
	const struct case_seed *seeds; /* any order, doubles are fine */
	size_t n_seeds;
	const struct net_addr *peers; /* sorted: outside addresses that were hunted for; exposure calls them
	                                 `indicator` */
	size_t n_peers;
};

struct case_answers {
	struct arena arena;
	struct asset_map *assets;
	struct report_case report; /* sources, anomalies and `made` are left to the caller */
	uint8_t *covered;
	uint8_t *compromised; /* one byte an asset: of all incidents */
	struct spread
	    *spread; /* of case_follow, whose exposures are report.exposures; NULL: no seed is an asset */
	size_t seeds_left_out; /* of case_follow: addresses that are no asset's */
};

/* 0, -ENOMEM, -ENOENT (no such incident or zone) or the archive's error. */
int case_answer(struct case_answers **ret_answers, struct archive *archive, const struct site *site,
    const struct case_options *options);
/*
 * Spread and exposure from given seeds, without incidents and plans: for `hunt --follow`. The window of the
 * exposure begins at the earliest seed. Of the options `incident` is not looked at. The same returns.
 */
int case_follow(struct case_answers **ret_answers, struct archive *archive, const struct site *site,
    const struct case_follow *follow, const struct case_options *options);
void case_free(struct case_answers *a);

#endif
