/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXCHANGE_ENDS_H
#define EXCHANGE_ENDS_H

/*
 * The ends of many flows at once, for going through what cites them. Looking flows up one by one in the
 * archive decodes a block for nearly each, since transactions don't stand in the order of their flows: a
 * capture of a million look-ups took minutes. Instead, whoever goes through the citing records does so in
 * turns: each turn knows the flows of one range of ids.
 *
 * Bound: EXCHANGE_ENDS_MAX ids a turn, about 70 bytes each. Errors: -ENOMEM and those of scanning.
 */

#include "archive/archive.h"

enum { EXCHANGE_ENDS_MAX = 1 << 20 };

struct exchange_ends;

int exchange_ends_new(struct exchange_ends **ret_ends, struct archive *archive);
void exchange_ends_free(struct exchange_ends *e);
/* Turns to the next ids, beginning with the smallest: 1, or 0 when all were had. */
int exchange_ends_turn(struct exchange_ends *e);
/* Fills id, ends, protocol, vlan and app of a flow of this turn, all else zero. False for a flow of another
 * turn. */
bool exchange_ends_get(const struct exchange_ends *e, uint64_t id, struct msg_flow *ret_flow);

#endif
