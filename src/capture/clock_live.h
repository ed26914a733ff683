/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CAPTURE_CLOCK_LIVE_H
#define CAPTURE_CLOCK_LIVE_H

/*
 * A time for live frames that never jumps. The kernel stamps frames with CLOCK_REALTIME, which anybody may
 * set; timeouts, windows and reassembly must not notice. So a stamp is taken back to CLOCK_BOOTTIME, which
 * nobody sets, and from there forward by an offset that follows the wall clock slowly:
 *
 *   flow time = boot time + offset      runs like CLOCK_BOOTTIME, within one part in CLOCK_SLEW
 *   wall time = flow time + shift       what is written to records; the shift changes in steps
 *
 * A difference below CLOCK_STEP_NS between the two clocks is followed by slewing, at most 1 ns in CLOCK_SLEW.
 * A larger one is a step: somebody set the clock. It goes into the shift at once and is told (clock_live.step
 * counts it), flow time doesn't move. Pure: the clocks are read by ring_read_clocks. Owns nothing.
 */

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_STEP_NS    (INT64_C(2) * 1000000000)
#define CLOCK_SLEW       1000
#define CLOCK_BACKLOG_NS (INT64_C(60) * 1000000000) /* no frame waits in a ring for longer */

/* CLOCK_BOOTTIME and CLOCK_REALTIME at one moment. */
struct clock_reading {
	int64_t boot, real;
};

struct clock_live {
	bool begun;
	int64_t boot;     /* of the last sample */
	int64_t real;     /* real - boot then */
	int64_t previous; /* real - boot before the last step: frames stamped by it may still be waiting */
	int64_t offset;
	int64_t shift;
	uint64_t steps;
	int64_t stepped_by; /* the last step */
};

/*
 * Takes a reading, once for each batch of frames, before they are mapped. Whether the wall clock was stepped:
 * then clock->shift is new. The first reading sets the offset: flow time is wall time then.
 */
bool clock_live_sample(struct clock_live *c, const struct clock_reading *r);
/*
 * The flow time of a frame stamped `stamp` that was read at the last sample or since. A stamp that no recent
 * state of the wall clock explains is taken as of the last sample.
 */
int64_t clock_live_map(const struct clock_live *c, int64_t stamp);
/* The flow time of a moment of CLOCK_BOOTTIME: for what another process tells, and for ticks. */
static inline int64_t clock_live_at(const struct clock_live *c, int64_t boot)
{
	return boot + c->offset;
}

#endif
