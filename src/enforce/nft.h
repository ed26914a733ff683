/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ENFORCE_NFT_H
#define ENFORCE_NFT_H

/*
 * A plan as nftables text: one table of its own ("bulkhead"), made anew in one transaction, so that it is
 * applied as a whole or not at all and taken back by deleting it. Single addresses stand in hash sets,
 * prefixes in interval sets apart (an interval set makes each change dear, see doc/enforce.md); every element
 * carries the cut's lease as its timeout, which the kernel itself ends. never_cut prefixes are accepted
 * before anything is dropped. Both directions are dropped in the forward hook (and at the bridge where the
 * family allows), established connections too.
 */

#include <stdio.h>

#include "contain/plan.h"

/* Writes the file, with a head that says what it is, how it is applied, checked and taken back. 0 or -errno.
 */
int enforce_nft_print(const struct plan *p, const struct net_zone_map *zones,
    const struct net_prefix *never_cut, size_t n_never_cut, const char *incident, FILE *out);

#endif
