/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Connections that stood when their cut came: its packets are stopped at once, their entries end a moment
 * later, of all cuts that came meanwhile together. To find them the kernel walks its whole table, 10 ms for
 * each direction with the usual 262,144 buckets, and nobody else has the processor then: so not before what
 * is urgent, and not for each cut of many.
 */

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/timefmt.h"
#include "base/vec.h"
#include "live/enforcer.h"

#define AFTER_NS (50 * NS_PER_MS)
#define APART_NS (500 * NS_PER_MS)

static void tell_left(void)
{
	log_warning("connections that stood before a cut could not be ended; their packets are stopped");
}

void enforcer_end_later(struct enforcer *f, const struct backend_step *steps, size_t n, int64_t now)
{
	struct enforcer_ends *e = &f->ends;
	if (!f->end_connections || !f->backend->ops->end_connections)
		return;
	for (size_t i = 0; i < n; i++) {
		if (steps[i].act != BACKEND_ADD)
			continue;
		if (VEC_RESERVE(e->v, &e->cap, e->n, ORDERS_CUTS_MAX) < 0) {
			tell_left();
			return;
		}
		if (e->n++ == 0)
			e->at = now + AFTER_NS > e->last + APART_NS ? now + AFTER_NS : e->last + APART_NS;
		e->v[e->n - 1] = steps[i].cut;
	}
}

/* Of those that still stand: what was released meanwhile is left alone. */
void enforcer_end_due(struct enforcer *f, int64_t now)
{
	struct enforcer_ends *e = &f->ends;
	size_t n = 0, ended = 0;
	if (e->n == 0 || now < e->at)
		return;
	for (size_t i = 0; i < e->n; i++)
		if (desired_stands(f->desired, &e->v[i]))
			e->v[n++] = e->v[i];
	if (n && f->backend->ops->end_connections(f->backend, e->v, n, &ended) < 0)
		tell_left();
	if (ended)
		log_info("%zu connections were ended", ended);
	e->n = 0;
	e->last = loop_now();
}
