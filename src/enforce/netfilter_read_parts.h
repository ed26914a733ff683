/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_NETFILTER_READ_PARTS_H
#define ENFORCE_NETFILTER_READ_PARTS_H

/* The parts of the reader, for its own files: what is expected (netfilter_expect.c), elements
 * (netfilter_read_elements.c), and the order in which things are asked for (netfilter_read.c). */

#include "enforce/netfilter_read.h"

/* A message that put something, and whether that is there. */
struct netfilter_expected {
	const struct nlmsghdr *h;
	bool seen;
};

static inline const struct netfilter_family *netfilter_reader_family(const struct netfilter_reader *r)
{
	return &netfilter_families[r->family];
}

/* Writes what should stand in the family's table. -ENOMEM. */
int netfilter_reader_expect(struct netfilter_reader *r);
/* Holds a table, chain, set or rule of ours against that. -ENOMEM. */
int netfilter_reader_see(struct netfilter_reader *r, const struct nlmsghdr *h, int kind);
/* Takes the elements of a message about the expected set r->at. -E2BIG at the bound, -ENOMEM. */
int netfilter_reader_take(struct netfilter_reader *r, const struct nlmsghdr *h);
/* That set was read to its end. */
void netfilter_reader_end_set(struct netfilter_reader *r);
/*
 * All sets were read: sorts their elements, and tells whether one stands there more often than can be. The
 * kernel goes on with a dump at the count of elements that it has told. Where it gives the set another size
 * meanwhile, which is no change of the rules, that count is one of another order: some come twice and others
 * not at all.
 */
bool netfilter_reader_torn(struct netfilter_reader *r);

#endif
