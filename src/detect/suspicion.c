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
/* Who shows nothing for so long was cleaned, or it was never so. */
#define SUSPICION_STANDS (14 * DETECT_DAY_NS)
#define CHAIN_WINDOW     (24 * 3600 * NS_PER_S)
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

static void suspects_take(struct detector *d, const struct evidence_key *k, const struct evidence *e)
{
	if ((e->asset_role != MSG_ROLE_ACTOR && e->asset_role != MSG_ROLE_VICTIM) ||
	    d->last - e->last > SUSPICION_STANDS)
		return;
	struct suspect *s = table_put(d->suspects, &k->asset, NULL);
	if (!s)
		return;
	suspect_add(s, e);
	if (e->asset_role == MSG_ROLE_VICTIM && e->confidence > s->victim) {
		s->victim = e->confidence;
		s->victim_first = e->first;
	}
}

void suspicion_take(struct detector *d, const struct evidence_key *k, const struct evidence *e)
{
	if (d->suspects && !d->suspects_stand)
		suspects_take(d, k, e);
}

void detect_suspicion_collect(struct detector *d, uint32_t first, uint32_t until)
{
	const void *key;
	size_t at = 0;
	if (!d->suspects && table_new(&d->suspects, sizeof(struct net_addr), sizeof(struct suspect),
	                        SUSPECTS_MAX, d->config.seed) < 0) {
		d->suspects = NULL;
		return;
	}
	table_clear(d->suspects);
	for (const struct evidence *e; (e = table_next(d->evidence->t, &at, &key));)
		if (e->chain == 0 || (e->chain >= first && e->chain < until))
			suspects_take(d, key, e);
}

struct suspicion suspicion_of(const struct detector *d, struct net_addr asset)
{
	struct suspicion r = {.confidence = 0};
	const struct suspect *s = d->suspects ? table_get(d->suspects, &asset) : NULL;
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
static double raised_by_chain(const struct suspect *s, const struct evidence *e)
{
	if (e->asset_role != MSG_ROLE_ACTOR || e->confidence <= DETECT_TAKEN_BACK || !s || s->victim < 0.5 ||
	    e->last < s->victim_first || e->first - s->victim_first > CHAIN_WINDOW)
		return 0;
	return 1 - (1 - e->confidence) * (1 - CHAIN_WEIGHT * s->victim * e->confidence);
}

void detect_suspicion_look(struct detector *d)
{
	const void *key;
	size_t at = 0;
	detect_suspicion_collect(d, 0, UINT32_MAX);
	if (!d->suspects)
		return;
	for (struct evidence *e; (e = table_next(d->evidence->t, &at, &key));) {
		const struct evidence_key *k = key;
		double raised = raised_by_chain(table_get(d->suspects, &k->asset), e);
		e->dirty |= raised != e->raised;
		e->raised = raised;
	}
}
