/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "live/enforcer.h"

#define READ_NS  (10 * NS_PER_S)
#define RETRY_NS NS_PER_S
/* Between two steps others are heard, and a change goes first. */
#define STEP_NS (NS_PER_MS / 2)

void enforcer_read_soon(struct enforcer *f, int64_t at)
{
	/* what is being read now may be from before */
	f->dirty = f->reading;
	f->read_at = at < f->read_at ? at : f->read_at;
}

static void tell_counters(struct enforcer *f, const struct backend_element *elements, size_t n)
{
	struct dynbuf *out = peer_out(&f->engine);
	if (!f->counted && table_new(&f->counted, sizeof(struct cut), sizeof(uint64_t), ORDERS_CUTS_MAX,
	                       f->process->seed) < 0)
		return;
	for (size_t i = 0; out && i < n; i++) {
		const struct backend_element *e = &elements[i];
		if (e->packets == UINT64_MAX || e->packets == 0)
			continue;
		uint64_t *told = table_put(f->counted, &e->cut, NULL);
		if (!told || *told == e->packets)
			continue;
		*told = e->packets;
		struct msg_counted m = {.from = e->cut.from,
		    .to = e->cut.to,
		    .direction = e->cut.direction,
		    .packets = e->packets,
		    .bytes = e->bytes};
		msg_counted_encode(out, &m);
	}
	/* cuts that are gone leave theirs behind; the table is made anew when they are many */
	if (table_count(f->counted) > 2 * n + 4096)
		table_clear(f->counted);
}

static void say_drift(struct enforcer *f, const struct msg_drift *m)
{
	struct dynbuf *out = peer_out(&f->engine);
	if (out)
		msg_drift_encode(out, m);
}

/* Puts right what differs. 0 or -errno. */
static int repair(struct enforcer *f, const struct backend_step *steps, size_t n, bool intact)
{
	struct msg_drift m = {
	    .why = intact ? TEXT("") : TEXT("its tables, chains, rules or programs were changed")};
	bool begins = !f->settled;
	for (size_t i = 0; i < n; i++) {
		m.missing += steps[i].act == BACKEND_ADD;
		m.foreign += steps[i].act == BACKEND_REMOVE;
		m.wrong += steps[i].act == BACKEND_RENEW;
	}
	int r = intact ? 0 : f->backend->ops->repair(f->backend);
	if (r == 0 && n)
		r = f->backend->ops->change(f->backend, steps, n, NULL);
	m.repaired = r == 0;
	/* what an earlier run left and nobody wants any more is no drift */
	if (!begins || !intact)
		say_drift(f, &m);
	return r;
}

/* All was read: what differs from what is wanted is put right. */
static void settle(struct enforcer *f, struct backend_element *elements, size_t n, bool intact, int64_t now)
{
	struct backend_step *steps = NULL;
	size_t n_steps = 0;
	bool again = f->dirty;
	f->dirty = false;
	f->read_at = again ? now : now + READ_NS;
	tell_counters(f, elements, n);
	/* before the engine has told what it wants nothing is known to be wrong */
	if (again || desired_generation(f->desired) == 0)
		return;
	int r = desired_reconcile(f->desired, elements, n, now, &steps, &n_steps);
	if (r == 0 && (n_steps || !intact))
		r = repair(f, steps, n_steps, intact);
	free(steps);
	enforcer_reached(f, r);
	if (r < 0) {
		f->read_at = now + RETRY_NS;
		return;
	}
	if (n_steps || !intact)
		enforcer_read_soon(f, now + RETRY_NS);
	if (!f->settled) {
		f->settled = true;
		f->state_at = 0;
	}
	if (f->unsettled)
		enforcer_say_enforced(f, f->unsettled);
	f->unsettled = 0;
}

void enforcer_read(struct enforcer *f, int64_t now)
{
	struct backend_element *elements = NULL;
	size_t n = 0;
	bool intact = true;
	int r = 0;
	if (!f->reading && now < f->read_at)
		return;
	if (!f->reading) {
		r = f->backend->ops->read_begin(f->backend);
		f->reading = r == 0;
		f->dirty = false;
		f->read_at = INT64_MAX;
	}
	if (r == 0)
		r = f->backend->ops->read_more(f->backend, &elements, &n, &intact);
	f->read_next = now + STEP_NS;
	if (r > 0)
		return;
	f->reading = false;
	if (r == 0) {
		settle(f, elements, n, intact, now);
		free(elements);
		return;
	}
	enforcer_reached(f, r);
	f->read_at = now + RETRY_NS;
}
