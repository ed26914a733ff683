/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef INCIDENT_UNION_H
#define INCIDENT_UNION_H

/*
 * Disjoint sets over 0..n-1 (Tarjan 1975), with path halving instead of recursion. The root of a set is
 * always its smallest member, so that what is numbered by roots doesn't depend on the order of the joins.
 * Private to incident/.
 */

#include <stddef.h>
#include <stdint.h>

struct union_sets {
	uint32_t *parent; /* owned */
	size_t n;
};

/* n sets of one. 0 or -ENOMEM. */
int union_new(struct union_sets *u, size_t n);
void union_free(struct union_sets *u);
uint32_t union_root(const struct union_sets *u, uint32_t i);
void union_join(struct union_sets *u, uint32_t a, uint32_t b);

#endif
