/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIVE_LINK_CLOCK_H
#define LIVE_LINK_CLOCK_H

/*
 * Two machines' CLOCK_BOOTTIME against each other (doc/remote.md). The near side asks, the far side answers
 * with its own reading, which it took somewhere between the question and the answer's arrival: so the
 * difference of the clocks lies in an interval as wide as the round trip. The latest LINK_CLOCK_SAMPLES of
 * these are cut with each other, and what must not end early takes the upper end: a time that is told to the
 * far side is never earlier than meant (but for what the clocks drift apart meanwhile, which with slewed
 * clocks is under a millisecond a second), and later by no more than the shortest round trip.
 *
 * Pure: the time is given. The answers are another machine's word and may be anything.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINK_CLOCK_SAMPLES = 8 };
/* A round trip that takes longer says too little: it isn't counted. */
#define LINK_CLOCK_TRIP_MAX INT64_C(2000000000)

struct link_clock_sample {
	int64_t least, most; /* of the far clock less the near one */
};

/* Zeroed: nothing is known. */
struct link_clock {
	struct link_clock_sample samples[LINK_CLOCK_SAMPLES]; /* a ring */
	size_t n;                                             /* taken so far */
	int64_t asked;                                        /* the latest question; 0: none */
	int64_t answered;                                     /* the latest question that was answered */
};

/* Notes that `now` was asked. */
void link_clock_ask(struct link_clock *c, int64_t now);
/* An answer that arrived at `now`. 0; -EPROTO: to no question that was asked, or no time at all; -ETIME: it
 * took too long, and says nothing. */
int link_clock_answer(struct link_clock *c, int64_t asked, int64_t answered, int64_t now);
bool link_clock_known(const struct link_clock *c);
/* How far off a converted time can be: the width of what is known. */
int64_t link_clock_width(const struct link_clock *c);
/* Only where it is known. Times at the ends of the range stay there. */
int64_t link_clock_to_far(const struct link_clock *c, int64_t near); /* the latest that it can be */
int64_t link_clock_to_near(const struct link_clock *c, int64_t far); /* the earliest */

#endif
