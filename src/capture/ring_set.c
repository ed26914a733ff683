/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/ring_set.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"

/* After so many frames of one ring the others are looked at again, though none of theirs was older. */
enum { RUN_FRAMES = 64 };

struct member {
	struct ring *ring;
	struct capture_frame frame;
	bool outgoing;
	bool waiting; /* frame was read and not given yet */
};

struct ring_set {
	struct member members[RINGS_MAX];
	size_t n;
	size_t chosen; /* whose frame was given last; n: nobody's */
	unsigned run;  /* frames until the others are looked at again */
	int64_t limit; /* the oldest frame of the others */
};

int ring_set_new(struct ring_set **ret_set)
{
	struct ring_set *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	*ret_set = s;
	return 0;
}

void ring_set_free(struct ring_set *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		ring_free(s->members[i].ring);
	free(s);
}

int ring_set_add(struct ring_set *s, struct ring *r)
{
	if (s->n == RINGS_MAX) {
		ring_free(r);
		return -ERR_LIMIT;
	}
	s->members[s->n++] = (struct member){.ring = r};
	s->chosen = s->n;
	s->run = 0;
	return 0;
}

static bool member_fill(struct member *m)
{
	if (!m->waiting)
		m->waiting = ring_next(m->ring, &m->frame, &m->outgoing) > 0;
	return m->waiting;
}

/* Looks at all of them, and sets whose turn it is and for how long. */
static void choose(struct ring_set *s)
{
	s->chosen = s->n;
	s->limit = INT64_MAX;
	s->run = RUN_FRAMES;
	for (size_t i = 0; i < s->n; i++) {
		struct member *m = &s->members[i];
		if (!member_fill(m))
			continue;
		if (s->chosen == s->n || m->frame.time_ns < s->members[s->chosen].frame.time_ns) {
			if (s->chosen < s->n)
				s->limit = s->members[s->chosen].frame.time_ns;
			s->chosen = i;
		} else if (m->frame.time_ns < s->limit) {
			s->limit = m->frame.time_ns;
		}
	}
}

int ring_set_next(struct ring_set *s, struct capture_frame *ret_frame, bool *ret_outgoing)
{
	if (s->chosen == s->n || s->run == 0 || !member_fill(&s->members[s->chosen]) ||
	    s->members[s->chosen].frame.time_ns > s->limit)
		choose(s);
	if (s->chosen == s->n)
		return 0;
	struct member *m = &s->members[s->chosen];
	s->run--;
	m->waiting = false;
	*ret_frame = m->frame;
	*ret_outgoing = m->outgoing;
	return 1;
}

size_t ring_set_count(const struct ring_set *s)
{
	return s->n;
}

struct ring *ring_set_at(const struct ring_set *s, size_t i)
{
	return s->members[i].ring;
}
