/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONTAIN_NAMED_H
#define CONTAIN_NAMED_H

/*
 * Which cuts of a plan name an address, as one of a machine's or as a destination: so that what a flow loses
 * is asked of the few cuts that may stop it, not of thousands. Cuts that name zones, or prefixes, may stop
 * any flow. Private to contain/. Borrows the plan, whose cuts must stay as they are.
 */

#include "contain/plan.h"

struct named;

/* 0, -ENOMEM. */
int named_new(struct named **ret_named, const struct plan *p, uint64_t seed);
void named_free(struct named *n);

/* A walk over the cuts that may stop what passes between two addresses, each once. */
struct named_walk {
	const struct named *named;
	struct net_addr from, to;
	uint32_t next;
	int stage;
};

struct named_walk named_begin(const struct named *n, struct net_addr from, struct net_addr to);
/* The next one's number, or -1. */
int64_t named_next(struct named_walk *w);

#endif
