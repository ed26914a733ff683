/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/link_clock.h"

#include <errno.h>

void link_clock_ask(struct link_clock *c, int64_t now)
{
	c->asked = now;
}

/* What all samples allow; least > most where they contradict each other. */
static struct link_clock_sample known(const struct link_clock *c)
{
	struct link_clock_sample all = {INT64_MIN, INT64_MAX};
	for (size_t i = 0; i < c->n && i < LINK_CLOCK_SAMPLES; i++) {
		const struct link_clock_sample *s = &c->samples[i];
		all.least = s->least > all.least ? s->least : all.least;
		all.most = s->most < all.most ? s->most : all.most;
	}
	return all;
}

int link_clock_answer(struct link_clock *c, int64_t asked, int64_t answered, int64_t now)
{
	/* times since a boot are positive, so no difference of two leaves the range */
	if (asked <= c->answered || asked > c->asked || answered <= 0 || now < asked)
		return -EPROTO;
	c->answered = asked;
	if (now - asked > LINK_CLOCK_TRIP_MAX)
		return -ETIME;
	struct link_clock_sample s = {.least = answered - now, .most = answered - asked};
	c->samples[c->n++ % LINK_CLOCK_SAMPLES] = s;
	struct link_clock_sample all = known(c);
	/* a clock was set, or its machine stood still: only the latest holds */
	if (all.least > all.most) {
		c->samples[0] = s;
		c->n = 1;
	}
	return 0;
}

bool link_clock_known(const struct link_clock *c)
{
	return c->n > 0;
}

int64_t link_clock_width(const struct link_clock *c)
{
	struct link_clock_sample all = known(c);
	return all.most - all.least;
}

static int64_t add(int64_t a, int64_t b)
{
	int64_t sum;
	if (__builtin_add_overflow(a, b, &sum))
		return a < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

int64_t link_clock_to_far(const struct link_clock *c, int64_t near)
{
	return near == INT64_MAX ? near : add(near, known(c).most);
}

int64_t link_clock_to_near(const struct link_clock *c, int64_t far)
{
	/* 0: there is none */
	return far == INT64_MAX || far == 0 ? far : add(far, -known(c).most);
}
