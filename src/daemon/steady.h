/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_STEADY_H
#define DAEMON_STEADY_H

/*
 * Keeps one wrong time stamp from ruling the clock of a capture. Flows, timeouts and windows run by the
 * latest time seen, so a single packet stamped in the year 2100 would freeze them all: every later packet
 * would count as of 2100.
 *
 * A frame that is more than STEADY_JUMP_NS ahead is held back until the next one tells: if that is ahead too
 * and of about the same time, the capture has a gap, and both are taken as they are; if not, the held one is
 * taken at the last good time and counted. The first frame of all is held too: there is no good time yet, and
 * where the second is far earlier, that is believed. Order is kept. Times that go back are left as they are
 * (the flow table takes such packets at its latest time); beyond STEADY_JUMP_NS they are counted.
 *
 * Owns one copied frame. Errors: -ENOMEM, and what the callback returns.
 */

#include "capture/capture.h"

#define STEADY_JUMP_NS (INT64_C(86400) * 1000000000)

struct steady;

struct steady_stats {
	uint64_t jumps; /* frames taken at another time than they claim */
	uint64_t late;  /* frames more than STEADY_JUMP_NS behind the latest */
};

/* Takes a frame, borrowed for the call. 0 or a negative error, which the caller's call then returns. */
typedef int (*steady_fn)(void *context, const struct capture_frame *f);

int steady_new(struct steady **ret_steady, steady_fn each, void *context);
void steady_free(struct steady *s);
int steady_frame(struct steady *s, const struct capture_frame *f);
/* There are no more frames: gives what is held. */
int steady_finish(struct steady *s);
const struct steady_stats *steady_stats(const struct steady *s);

#endif
