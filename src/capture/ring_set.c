/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/ring_set.h"

#include <errno.h>
#include <stdlib.h>

#include "base/err.h"

struct member {
	struct ring *ring;
	struct capture_frame frame;
	bool outgoing;
	bool waiting; /* frame was read and not given yet */
};

struct ring_set {
	struct member members[RINGS_MAX];
	size_t n;
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
	return 0;
}

/* Looks at the rings of which no frame waits. Whether one was found. */
static bool fill(struct ring_set *s)
{
	bool found = false;
	for (size_t i = 0; i < s->n; i++) {
		struct member *m = &s->members[i];
		if (m->waiting)
			continue;
		m->waiting = ring_next(m->ring, &m->frame, &m->outgoing) > 0;
		found |= m->waiting;
	}
	return found;
}

static struct member *oldest(struct ring_set *s)
{
	struct member *found = NULL;
	for (size_t i = 0; i < s->n; i++) {
		struct member *m = &s->members[i];
		if (m->waiting && (!found || m->frame.time_ns < found->frame.time_ns))
			found = m;
	}
	return found;
}

int ring_set_next(struct ring_set *s, struct capture_frame *ret_frame, bool *ret_outgoing)
{
	/* a ring may have been looked at just before a frame came that brought about one found in another:
	 * once that one was seen, the other is there */
	while (fill(s) && s->n > 1)
		;
	struct member *m = oldest(s);
	if (!m)
		return 0;
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
