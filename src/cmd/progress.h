/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H

/*
 * A bar on standard error with throughput and time left, when that is a terminal and the work takes over a
 * second. Asking costs nothing but every PROGRESS_EVERY calls.
 */

#include <stdbool.h>
#include <stdint.h>

enum { PROGRESS_EVERY = 4096 };

struct progress {
	bool terminal, shown;
	uint32_t calls;
	int64_t began_ns, drawn_ns;
};

void progress_begin(struct progress *p);
/* Whether it is time to look: the caller then gathers the numbers and calls progress_draw. */
static inline bool progress_due(struct progress *p)
{
	return p->terminal && ++p->calls % PROGRESS_EVERY == 0;
}
void progress_draw(struct progress *p, uint64_t done, uint64_t total, uint64_t packets);
/* The same with nothing but the share that is done. */
void progress_draw_share(struct progress *p, uint64_t done, uint64_t total);
/* Takes the bar off the screen. */
void progress_end(struct progress *p);

#endif
