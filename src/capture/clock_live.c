/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/clock_live.h"

/* A frame may be stamped a little after the clocks were read. */
#define AHEAD_NS INT64_C(1000000000)

static int64_t clamp(int64_t value, int64_t most)
{
	return value > most ? most : value < -most ? -most : value;
}

bool clock_live_sample(struct clock_live *c, const struct clock_reading *r)
{
	int64_t real = r->real - r->boot;
	if (!c->begun) {
		*c = (struct clock_live){
		    .begun = true, .boot = r->boot, .real = real, .previous = real, .offset = real};
		return false;
	}
	int64_t elapsed = r->boot > c->boot ? r->boot - c->boot : 0;
	int64_t apart = real - c->shift - c->offset;
	bool stepped = apart >= CLOCK_STEP_NS || apart <= -CLOCK_STEP_NS;
	if (stepped) {
		c->previous = c->real;
		c->shift += apart;
		c->steps++;
		c->stepped_by = apart;
	}
	c->real = real;
	c->boot += elapsed;
	if (!stepped)
		c->offset += clamp(apart, elapsed / CLOCK_SLEW);
	return stepped;
}

static bool explains(const struct clock_live *c, int64_t boot)
{
	return boot <= c->boot + AHEAD_NS && boot >= c->boot - CLOCK_BACKLOG_NS;
}

int64_t clock_live_map(const struct clock_live *c, int64_t stamp)
{
	int64_t boot = stamp - c->real;
	if (!explains(c, boot))
		boot = stamp - c->previous;
	if (!explains(c, boot))
		boot = c->boot;
	return clock_live_at(c, boot);
}
