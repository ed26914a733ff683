/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXCHANGE_ENDS_H
#define EXCHANGE_ENDS_H

/*
 * The ends of many flows at once, for going through what cites them. Looking flows up one by one in the
 * archive decodes a block for nearly each, since what cites them doesn't stand in their order: a capture of a
 * million look-ups took minutes. Instead, whoever goes through the citing records does so in turns: each turn
 * knows some of the flows that were asked for, found in one pass over the archive.
 *
 * Bound: EXCHANGE_ENDS_MAX flows a turn, about 70 bytes each. Errors: -ENOMEM and those of scanning.
 */

#include "archive/archive.h"

enum { EXCHANGE_ENDS_MAX = 1 << 20 };

struct exchange_ends;

/* For the flows of n ascending ids, which are borrowed; one that comes again does no harm. */
int exchange_ends_new(
    struct exchange_ends **ret_ends, struct archive *archive, const uint64_t *ids, size_t n);
void exchange_ends_free(struct exchange_ends *e);
/* Turns to the next of them, beginning with the smallest: 1, or 0 when all were had. */
int exchange_ends_turn(struct exchange_ends *e);
/* Fills id, ends, protocol, vlan and app of a flow of this turn, all else zero. False for a flow of another
 * turn, and for one that the archive hasn't. */
bool exchange_ends_get(const struct exchange_ends *e, uint64_t id, struct msg_flow *ret_flow);

#endif
