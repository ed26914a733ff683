/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DETECT_PROGRESS_H
#define DETECT_PROGRESS_H

/*
 * What flows that go on have told already, and those of which it must turn out yet what they are. Private to
 * detect/.
 *
 * Bounds: 40 thousandths of the detector's memory for what was told; where a flow is forgotten it counts
 * again with its next record (flows that nobody answers are forgotten first). 80 thousandths for those that
 * wait: where there are more, the one that waits longest is told of when it ends, not earlier.
 */

#include "detect/behaviour.h"

struct progress;

int progress_new(struct progress **ret_progress, struct detector *d);
void progress_free(struct progress *p);
/* Fills in what the record adds to those of the same flow before it: fresh .. told. */
void progress_observe(struct detector *d, struct observation *o);
/* Remembers what was told of the flow by now, or forgets it with its last record. */
void progress_keep(struct detector *d, const struct observation *o);
/* Gives the flows that have settled by the time of the last record to `settle` of all behaviours. */
void progress_settle(struct detector *d);
/* Nobody settles of those who wait now. */
void progress_forget_waiting(struct detector *d);
/* What was told of a flow that goes on, bits of enum told; NULL where it isn't known. */
uint32_t *progress_told(const struct detector *d, uint64_t flow);

#endif
