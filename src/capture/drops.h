/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CAPTURE_DROPS_H
#define CAPTURE_DROPS_H

/*
 * What a capture file says of packets that were lost: counters of interface statistics, which grow over a
 * capture, and numbers told by single packets. Both count the same losses, so the larger is taken. A counter
 * that begins anew (another start, or a lower value) adds to those before. Sums stop at UINT64_MAX - 1.
 * Private to capture/.
 */

#include <stdbool.h>
#include <stdint.h>

struct drops {
	bool known;
	uint64_t before; /* of counters that were followed by another */
	uint64_t counter;
	uint64_t start;     /* when the counter began, 0: not told */
	uint64_t lost;      /* told by packets */
	uint64_t published; /* the part of the total that drops_news has given */
};

void drops_counter(struct drops *d, uint64_t counter, uint64_t start);
void drops_lost(struct drops *d, uint64_t packets);
/* d goes on where the file before it in a rotation stopped; d may have begun to count already. */
void drops_continue(struct drops *d, const struct drops *earlier);
/* What is new in the total since the last call; adds it to *sum, where UINT64_MAX means nothing was told yet.
 */
void drops_news(struct drops *d, uint64_t *sum);

#endif
