/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_CASE_PARTS_H
#define DAEMON_CASE_PARTS_H

/* What case_answer and case_follow have in common. Private to daemon/. */

#include "archive/archive.h"
#include "daemon/case.h"

/* Sets assets, covered, and of the report what was read; compromised comes out zeroed. 0, -ENOMEM or the
 * archive's error; case_free in either case. */
int case_gather(struct case_answers *a, struct archive *archive, const struct site *site,
    const struct case_options *options);

static inline unsigned case_threads(const struct case_options *options)
{
	return options->one_thread ? 1 : CASE_THREADS;
}

/* The spread from the seeds, over everything that was gathered; it lives in the answers. 0, -ENOMEM or the
 * archive's error. */
int case_spread(struct case_answers *a, const struct site *site, struct archive *archive,
    const struct case_options *options, const struct spread_seed *seeds, size_t n,
    struct spread **ret_spread);

/* What plans for an incident are made from; it lives in the answers. 0 or -ENOMEM. */
int case_plan_input(struct case_answers *a, const struct site *site, struct archive *archive,
    const struct case_options *options, const struct incident *incident, const struct spread *spread,
    struct plan_input *ret_in);

/* What an exposure is asked with from a time on, but for its zone and peers. */
struct exposure_input case_exposure_input(const struct case_answers *a, const struct site *site,
    struct archive *archive, const struct spread *spread, int64_t from);

/*
 * The exposure of each zone that the options ask for, for each of the n that are asked: *ret_exposures holds
 * those of the first, *ret_n_zones of them, then those of the second ... -ENOENT: no such zone; -ENOMEM or
 * the archive's error.
 */
int case_exposures(struct case_answers *a, const struct site *site, const struct case_options *options,
    const struct exposure_input *asked, size_t n, struct exposure **ret_exposures, size_t *ret_n_zones);

#endif
