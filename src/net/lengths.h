/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NET_LENGTHS_H
#define NET_LENGTHS_H

/*
 * The same addresses in prefixes of fewer lengths. Who looks addresses up by hashing pays for each length
 * that occurs, not for each prefix; what is outside of a few networks is told as prefixes of almost every
 * length. So some are split: controlled prefix expansion (V. Srinivasan and G. Varghese, 1999), with those
 * lengths kept that leave the fewest prefixes.
 *
 * Bounds: PIECES_MAX prefixes.
 */

#include "net/pieces.h"

/* How many lengths occur among the prefixes of one family. */
unsigned lengths_count(const struct net_prefix *v, size_t n, bool v4);
/*
 * Writes the prefixes of `v` (none within another), with at most `most` lengths in each family, to an empty
 * list; the caller frees its v. 0, -ENOMEM, or -ERR_LIMIT where they would be too many.
 */
int lengths_fewer(const struct net_prefix *v, size_t n, unsigned most, struct pieces_list *ret_list);

#endif
