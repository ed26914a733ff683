/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_CASE_PLAN_H
#define DAEMON_CASE_PLAN_H

/*
 * A plan of the answers as what is ordered, and what it would have cut before: for whoever proposes an order
 * and for whoever signs it. Results live in the answers, until case_free.
 */

#include "contain/simulate.h"
#include "daemon/case.h"

/* What enforcement points ask of cuts. */
struct case_plan_rules {
	const struct net_prefix *spare; /* what their guardrails name besides the site's never_cut */
	size_t n_spare;
	size_t most_shapes; /* pairs of prefix lengths that they can look up; 0: any number */
};

/* A plan, ready to be ordered. */
struct case_plan {
	const struct report_incident *incident;
	const struct plan *plan; /* with the steps by hand and what guardrails forbade, in words */
	struct resolution cuts;  /* look at `problem` */
};

/*
 * The plan of that name for an incident (NULL: the most severe one), as cuts for enforcement points with
 * those rules (NULL: the site's never_cut alone). 0; -ENOENT: no such incident, none at all, or one of those
 * that were not worked out (case.h); -EINVAL: no such plan; -ENOMEM; -ERR_LIMIT.
 */
int case_plan_cuts(struct case_answers *a, const struct site *site, const char *incident, struct text name,
    const struct case_plan_rules *rules, struct case_plan *ret_plan);

/*
 * What it would have cut in the span that ends at `to` (0: with the archive's last flow). 0, -EINVAL (a span
 * of nothing or of more than SIMULATE_DAYS_MAX days), -ENOMEM or the archive's error.
 */
int case_plan_simulate(struct case_answers *a, const struct site *site, struct archive *archive,
    const struct case_options *options, const struct case_plan *plan, int64_t span_ns, int64_t to,
    struct simulation *ret_simulation);

#endif
