/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONTAIN_CUT_INDEX_H
#define CONTAIN_CUT_INDEX_H

/*
 * Whether any of a set of cuts stops a flow, asked of millions of flows: a hash of the cuts' `from` prefixes
 * for each length that occurs among them, and of each `from` that is found, the `to` of its cuts; where these
 * are of many lengths a trie tells which can hold the other end. Most flows cost two look-ups for each length
 * of `from`; cuts of machines have one.
 *
 * Owns copies of what it is made from but for the zone map. Bounds: as many cuts as there is memory for.
 * Read-only once made.
 */

#include "contain/cut.h"
#include "net/zone.h"

struct cut_index;

struct cut_index_input {
	const struct cut *cuts;
	size_t n;
	const struct net_prefix *never_cut; /* what enforcement points let pass */
	size_t n_never_cut;
	const struct net_zone_map *zones; /* NULL: two machines of one zone are as any others */
	uint64_t seed;
};

enum { CUT_INDEX_NONE = 0xffffffff };

/* 0, -ENOMEM, -ERR_LIMIT (more than 2^32 - 2 cuts). */
int cut_index_new(struct cut_index **ret_index, const struct cut_index_input *in);
void cut_index_free(struct cut_index *x);
/* The first of the cuts whose ends those are, whatever enforcement points let pass: what `from` begins
 * towards `to`. CUT_INDEX_NONE: none. */
uint32_t cut_index_named(const struct cut_index *x, struct net_addr from, struct net_addr to);
/* Whether such a flow passes all the same: an end may never be cut, or both are of one zone, so that it meets
 * no enforcement point. */
bool cut_index_spares(const struct cut_index *x, struct net_addr from, struct net_addr to);
/* The first that stops it: named, and not spared. */
uint32_t cut_index_stops(const struct cut_index *x, struct net_addr from, struct net_addr to);

#endif
