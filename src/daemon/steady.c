/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/steady.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct steady {
	steady_fn each;
	void *context;
	struct capture_frame held; /* its data are `bytes` */
	uint8_t *bytes;
	size_t room;
	bool holding, begun;
	int64_t now; /* the latest good time; none before `begun` */
	struct steady_stats stats;
};

int steady_new(struct steady **ret_steady, steady_fn each, void *context)
{
	struct steady *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->each = each;
	s->context = context;
	*ret_steady = s;
	return 0;
}

void steady_free(struct steady *s)
{
	if (!s)
		return;
	free(s->bytes);
	free(s);
}

static int hold(struct steady *s, const struct capture_frame *f)
{
	if (f->caplen > s->room) {
		uint8_t *bytes = realloc(s->bytes, f->caplen);
		if (!bytes)
			return -ENOMEM;
		s->bytes = bytes;
		s->room = f->caplen;
	}
	s->held = *f;
	if (f->caplen)
		memcpy(s->bytes, f->data, f->caplen);
	s->held.data = s->bytes;
	s->holding = true;
	return 0;
}

static int give(struct steady *s, const struct capture_frame *f)
{
	if (!s->begun || f->time_ns > s->now)
		s->now = f->time_ns;
	else if (s->now - f->time_ns > STEADY_JUMP_NS)
		s->stats.late++;
	s->begun = true;
	return s->each(s->context, f);
}

static bool is_ahead(const struct steady *s, const struct capture_frame *f)
{
	return f->time_ns > s->now && f->time_ns - s->now > STEADY_JUMP_NS;
}

/* The held frame at the time that `next` leaves it. */
static int give_held(struct steady *s, const struct capture_frame *next)
{
	int64_t apart = next->time_ns - s->held.time_ns;
	bool good = apart >= -STEADY_JUMP_NS;
	if (s->begun)
		good = good && apart <= STEADY_JUMP_NS && is_ahead(s, next);
	s->holding = false;
	if (!good) {
		s->held.time_ns = s->begun ? s->now : next->time_ns;
		s->stats.jumps++;
	}
	return give(s, &s->held);
}

int steady_frame(struct steady *s, const struct capture_frame *f)
{
	int r = s->holding ? give_held(s, f) : 0;
	if (r < 0)
		return r;
	if (!s->begun || is_ahead(s, f))
		return hold(s, f);
	return give(s, f);
}

int steady_finish(struct steady *s)
{
	if (!s->holding)
		return 0;
	/* nothing confirms the last frame of a capture; where it is the only one its own time is all there is
	 */
	return give_held(s, s->begun ? &(struct capture_frame){.time_ns = s->now} : &s->held);
}

const struct steady_stats *steady_stats(const struct steady *s)
{
	return &s->stats;
}
