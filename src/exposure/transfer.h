/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EXPOSURE_TRANSFER_H
#define EXPOSURE_TRANSFER_H

/*
 * Transfers: payload that moved from one place to another between two times. Each flow gives up to two, one a
 * direction. Those into the zone and those from outside carry nothing out and are not kept. Private to
 * exposure/.
 *
 * Bound: TRANSFERS_HELD_MAX. At it, consecutive transfers of the same two places become one with both spans
 * and both sums; where that is not enough, the places themselves are made coarser: first the outside and the
 * zone become one place each, in the end all machines inside. Each step lets through whatever the step before
 * did, so a bound can only rise.
 */

#include "exposure/place.h"

enum { TRANSFERS_HELD_MAX = 1 << 21, TRANSFERS_LEAST_MAX = 16 };

struct transfer {
	int64_t first, last;
	uint64_t bytes;
	uint64_t flow;
	uint32_t from, to;      /* places */
	int64_t intruder_first; /* from when an intruder can have had it happen or got what it carries;
	                           INT64_MAX: never */
};

struct transfers {
	struct transfer *v;
	size_t n, cap;
	size_t max;      /* TRANSFERS_HELD_MAX */
	bool borders;    /* the zone and the outside are one place each */
	uint8_t *folded; /* of each machine: it is a part of place_somebody now; NULL: none is */
	bool coarse;
};

/* 0 or -ENOMEM. max must be at least TRANSFERS_LEAST_MAX. */
int transfers_add(struct transfers *t, const struct places *p, const struct transfer *transfer);
/* Makes it coarser by one step: in a few steps half as many, in the end a handful. 0 or -ENOMEM. */
int transfers_merge(struct transfers *t, const struct places *p);
void transfers_free(struct transfers *t);

/* Both summands, at most UINT64_MAX. */
static inline uint64_t bytes_sum(uint64_t a, uint64_t b)
{
	uint64_t r;
	return __builtin_add_overflow(a, b, &r) ? UINT64_MAX : r;
}

#endif
