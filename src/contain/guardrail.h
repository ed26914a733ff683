/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONTAIN_GUARDRAIL_H
#define CONTAIN_GUARDRAIL_H

/*
 * What no order may do, whoever approved it. The engine asks before it proposes, and the enforcer, which got
 * its rules from the parent and not from the engine, asks again before it acts: what breaks one rule is
 * refused whole, with the rule's name.
 */

#include <stddef.h>

#include "contain/cut.h"

enum guardrail {
	GUARDRAIL_NONE,
	/* an end of the cut may never be cut, or is a part of what may not; where `spared_pass` isn't set, or
	 * holds such a prefix */
	GUARDRAIL_NEVER_CUT,
	GUARDRAIL_CONTROL_PATH, /* the same: it would cut off who steers the enforcer */
	GUARDRAIL_WIDEST_PREFIX,
	GUARDRAIL_ANYWHERE,   /* both ends are anywhere */
	GUARDRAIL_LEASE,      /* longer than allowed */
	GUARDRAIL_MOST_CUTS,  /* more cuts at once than allowed */
	GUARDRAIL_MOST_ORDERS /* more orders in a minute than allowed */
};

/* Prefixes as the rules ask for them: sorted, and none within another. */
struct guardrail_prefixes {
	struct net_prefix *v;
	size_t n;
};

struct guardrails {
	/* Of either end of a cut: neither it nor a part of it. A cut with one end anywhere doesn't name what
	 * lies there: there the enforcement points let never_cut pass (enforce/nft.h). */
	const struct net_prefix *never_cut;
	size_t n_never_cut;
	const struct net_prefix *control; /* addresses of the enforcer's own control connections */
	size_t n_control;
	/* What these two name passes, both ways and before any cut is looked at, wherever what these rules
	 * allow is carried out. So a cut that holds such a prefix among others does it no harm, and is
	 * allowed. Who sets this answers for it: an enforcer knows what its own backend was opened with. */
	bool spared_pass;
	/* Of the narrower end of a cut, in bits of 32 and of 128: 24 forbids a /23 from anything as wide. 0:
	 * any. */
	uint8_t widest_v4, widest_v6;
	size_t most_cuts;         /* in force at once. 0: any number */
	int64_t longest_lease_ns; /* 0: any */
	unsigned most_orders_a_minute;
	/* Of the two lists above, by guardrails_prepare; until then these are walked. */
	struct guardrail_prefixes prepared_never_cut, prepared_control;
	bool prepared;
};

/* Sorts what the lists name, so that each cut costs O(log n), however long they are. Lists that change later
 * want this again. 0 or -ENOMEM; freed by guardrails_free. */
int guardrails_prepare(struct guardrails *g);
/* Frees what was prepared, not the lists. */
void guardrails_free(struct guardrails *g);

/* The rule that this one cut breaks. */
enum guardrail guardrail_of_cut(const struct guardrails *g, const struct cut *c);
/* The rule that an order breaks: its cuts, its lease, and how many there would be with the `standing` ones.
 * *ret_at (may be NULL): which cut, or n where the rule is about the order as a whole. */
enum guardrail guardrail_of_order(const struct guardrails *g, const struct cut *cuts, size_t n,
    int64_t lease_ns, size_t standing, size_t *ret_at);
/* As it stands in messages and records: "never-cut". */
const char *guardrail_name(enum guardrail r);

/* Orders of the last minute. Zeroed struct = none yet. */
struct guardrail_pace {
	int64_t times[64]; /* a ring of the latest ones */
	size_t n;
};

/* Whether one more at `now` is within the rule, which counts it; a rule above 64 a minute counts as 64. */
bool guardrail_pace_take(struct guardrail_pace *p, const struct guardrails *g, int64_t now);

#endif
