/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Chains. An intruder takes a machine and goes on from it: what a machine does after something was done to it
 * says more than either alone (Ho et al., Hopper, USENIX Security 2021: causally linked movements; King &
 * Chen, "Enriching intrusion alerts through multi-host causality", NDSS 2005). Suspicion of a machine is the
 * noisy-or over techniques of what it did or suffered, as incident/ reckons it.
 */

#include "detect/behaviour.h"

#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"

enum { TECHNIQUES_MAX = 12, SUSPECTS_MAX = 1 << 16 };
#define CHAIN_WINDOW (24 * 3600 * NS_PER_S)
/* How much of a victim's confidence what it does next may gain. */
#define CHAIN_WEIGHT 0.5

struct suspect {
	const char *technique[TECHNIQUES_MAX];
	double confidence[TECHNIQUES_MAX];
	int64_t first[TECHNIQUES_MAX];
	uint64_t flow[TECHNIQUES_MAX];
	uint8_t n;
	double victim; /* the strongest thing done to it */
	int64_t victim_first;
};

static void suspect_add(struct suspect *s, const struct evidence *e)
{
	uint8_t i = 0;
	while (i < s->n && strcmp(s->technique[i], e->technique) != 0)
		i++;
	if (i == TECHNIQUES_MAX)
		return;
	if (i == s->n) {
		s->n++;
		s->technique[i] = e->technique;
	} else if (e->confidence <= s->confidence[i]) {
		return;
	}
	s->confidence[i] = e->confidence;
	s->first[i] = e->first;
	s->flow[i] = e->n_flows ? e->flows[0] : 0;
}

int suspicion_collect(struct detector *d, struct table **ret_table)
{
	struct table *t;
	int error = table_new(
	    &t, sizeof(struct net_addr), sizeof(struct suspect), SUSPECTS_MAX, d->config.seed);
	if (error < 0)
		return error;
	const void *key;
	size_t at = 0;
	for (const struct evidence *e; (e = table_next(d->evidence->t, &at, &key));) {
		const struct evidence_key *k = key;
		if (e->asset_role != MSG_ROLE_ACTOR && e->asset_role != MSG_ROLE_VICTIM)
			continue;
		struct suspect *s = table_put(t, &k->asset, NULL);
		if (!s)
			break;
		suspect_add(s, e);
		if (e->asset_role == MSG_ROLE_VICTIM && e->confidence > s->victim) {
			s->victim = e->confidence;
			s->victim_first = e->first;
		}
	}
	*ret_table = t;
	return 0;
}

struct suspicion suspicion_of(const struct table *t, struct net_addr asset)
{
	struct suspicion r = {.confidence = 0};
	const struct suspect *s = table_get(t, &asset);
	if (!s)
		return r;
	double innocent = 1, strongest = 0;
	for (uint8_t i = 0; i < s->n; i++) {
		innocent *= 1 - s->confidence[i];
		/* since: the earliest of what says much; weak signs don't date a compromise */
		if (s->confidence[i] >= 0.5 && (strongest == 0 || s->first[i] < r.since)) {
			r.since = s->first[i];
			r.flow = s->flow[i];
			strongest = s->confidence[i];
		}
	}
	r.confidence = 1 - innocent;
	if (strongest == 0)
		r.confidence = 0;
	return r;
}

/* What an asset did within a day of something done to it, by somebody else than whom it now acts upon. */
void detect_suspicion_finish(struct detector *d)
{
	struct table *t;
	if (suspicion_collect(d, &t) < 0)
		return;
	const void *key;
	size_t at = 0;
	for (struct evidence *e; (e = table_next(d->evidence->t, &at, &key));) {
		const struct evidence_key *k = key;
		const struct suspect *s = table_get(t, &k->asset);
		if (e->asset_role != MSG_ROLE_ACTOR || !s || s->victim < 0.5 || e->last < s->victim_first ||
		    e->first - s->victim_first > CHAIN_WINDOW)
			continue;
		double raised = 1 - (1 - e->confidence) * (1 - CHAIN_WEIGHT * s->victim * e->confidence);
		if (raised > e->raised) {
			e->raised = raised;
			e->dirty = true;
		}
	}
	table_free(t);
}
