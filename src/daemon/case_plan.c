/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/case_plan.h"

#include <errno.h>
#include <string.h>

#include "base/timefmt.h"
#include "daemon/case_parts.h"

static const struct report_incident *find_incident(const struct case_answers *a, const char *id)
{
	for (size_t i = 0; i < a->report.n_incidents; i++) {
		const struct report_incident *incident = &a->report.incidents[i];
		if (!id || strcmp(incident->incident->id, id) == 0)
			return incident->plans ? incident : NULL;
	}
	return NULL;
}

int case_plan_cuts(struct case_answers *a, const struct site *site, const char *incident, struct text name,
    const struct case_plan_rules *rules, struct case_plan *ret_plan)
{
	struct case_plan plan = {.incident = find_incident(a, incident)};
	enum plan_name number;
	if (!plan.incident)
		return -ENOENT;
	int r = plan_name_parse(name, &number);
	if (r < 0)
		return r;
	plan.plan = &plan.incident->plans[number];
	const struct resolve_input in = {.plan = plan.plan,
	    .zones = site->zones,
	    .spare = rules ? rules->spare : NULL,
	    .n_spare = rules ? rules->n_spare : 0,
	    .most_shapes = rules ? rules->most_shapes : 0};
	r = resolve_plan(&in, &a->arena, &plan.cuts);
	if (r == 0)
		*ret_plan = plan;
	return r;
}

int case_plan_simulate(struct case_answers *a, const struct site *site, struct archive *archive,
    const struct case_options *options, const struct case_plan *plan, int64_t span_ns, int64_t to,
    struct simulation *ret_simulation)
{
	struct plan_input network;
	if (span_ns <= 0 || span_ns > SIMULATE_DAYS_MAX * 86400 * NS_PER_S)
		return -EINVAL;
	/* the last flow is in the window, which ends before `to` */
	int64_t end = to ? to : a->report.last + 1;
	int r = case_plan_input(
	    a, site, archive, options, plan->incident->incident, plan->incident->spread, &network);
	if (r < 0)
		return r;
	const struct simulate_input in = {.network = &network,
	    .plan = plan->plan,
	    .cuts = &plan->cuts,
	    .from = end - span_ns,
	    .to = end,
	    .coverage = a->report.coverage,
	    .n_coverage = a->report.n_coverage};
	return simulate(&in, &a->arena, ret_simulation);
}
