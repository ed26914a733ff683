/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Reading back what the kernel holds: what leads to chains, entry by entry, then the elements that they lead
 * to, listed in the order of cuts, some hundred a step. Changes may come in between: what they add counts as
 * seen, and the list goes on behind the last cut that it has.
 */

#include "enforce/xdp_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/vec.h"

enum { SEEN_WORDS = XDP_ELEMENTS_MAX / 64, ROOM = 1024 };

/* Somebody who keeps changing a map makes the walk begin again and again. */
static const size_t visited_max = XDP_ELEMENTS_MAX * (size_t)4;

void xdp_read_note(struct xdp *x, uint32_t slot, bool there)
{
	uint64_t bit = UINT64_C(1) << slot % 64;
	if (x->read.phase == XDP_READ_IDLE)
		return;
	if (there)
		x->read.seen[slot / 64] |= bit;
	else
		x->read.seen[slot / 64] &= ~bit;
}

int xdp_read_begin(struct backend *b)
{
	struct xdp_read *r = &((struct xdp *)b)->read;
	if (!r->seen)
		r->seen = malloc(SEEN_WORDS * sizeof(*r->seen));
	if (!r->seen)
		return -ENOMEM;
	memset(r->seen, 0, SEEN_WORDS * sizeof(*r->seen));
	r->phase = XDP_READ_WAYS;
	r->walk.way = 0;
	r->walk.begun = r->listed = false;
	r->intact = true;
	r->visited = r->n = 0;
	return 0;
}

/* Whether an element is as it was put, but for its time. */
static bool is_as_put(const struct xdp *x, uint32_t slot)
{
	const struct xdp_element *e = &x->elements[slot];
	const struct xdp_entry *entry = &x->model.v[slot];
	return e->bits == entry->prefix.bits && e->form == entry->form && e->next == entry->next &&
	       memcmp(e->addr, entry->prefix.addr.b, sizeof(e->addr)) == 0;
}

/* One entry: where it leads to what it should, its elements are seen. */
static void see(struct xdp *x, struct net_prefix p, uint32_t slot)
{
	const struct xdp_model *m = &x->model;
	size_t at = xdp_model_place(m, &(struct xdp_entry){.prefix = p});
	bool right = false;
	for (; at < m->n; at++) {
		uint32_t own = m->order[at];
		const struct net_prefix *q = &m->v[own].prefix;
		if (q->bits != p.bits || !net_addr_equal(q->addr, p.addr))
			break;
		right |= own == slot;
		if (right && is_as_put(x, own))
			xdp_read_note(x, own, true);
		else
			x->read.intact = false;
	}
	if (!right)
		x->read.intact = false;
}

/* The next entries of the ways: 1 there are more, 0 that was all. */
static int walk(struct xdp *x)
{
	struct xdp_read *r = &x->read;
	int more = xdp_way_walk(x, &r->walk);
	if (more < 0)
		return more;
	r->visited += r->walk.n + 1;
	if (r->visited > visited_max)
		return -EAGAIN;
	for (size_t i = 0; i < r->walk.n; i++)
		see(x, r->walk.prefixes[i], r->walk.slots[i]);
	if (more == 0 && r->walk.way + 1 < XDP_WAYS) {
		r->walk.way++;
		r->walk.begun = false;
		more = 1;
	}
	return more;
}

static int list_one(struct xdp *x, uint32_t slot, int64_t now)
{
	struct xdp_read *r = &x->read;
	const struct xdp_element *e = &x->elements[slot];
	const struct xdp_entry *entry = &x->model.v[slot];
	uint64_t born = __atomic_load_n(&e->born, __ATOMIC_ACQUIRE);
	int64_t until = xdp_until(e);
	if (!(r->seen[slot / 64] >> slot % 64 & 1) || !born || born > x->state->committed || until <= now)
		return 0;
	int failed = VEC_RESERVE(r->v, &r->cap, r->n, XDP_ELEMENTS_MAX);
	if (failed)
		return failed;
	struct backend_element *to = &r->v[r->n++];
	*to = (struct backend_element){.until = until,
	    .fail_closed = __atomic_load_n(&e->closed_until, __ATOMIC_ACQUIRE) > (uint64_t)now,
	    .packets = __atomic_load_n(&e->packets, __ATOMIC_RELAXED),
	    .bytes = __atomic_load_n(&e->bytes, __ATOMIC_RELAXED)};
	*(entry->form == XDP_FORM_FROM ? &to->cut.from : &to->cut.to) = entry->prefix;
	return 0;
}

/* The next elements of that form: 1 there are more, 0 that was all. */
static int list(struct xdp *x, enum xdp_form form)
{
	struct xdp_read *r = &x->read;
	const struct xdp_model *m = &x->model;
	size_t at = r->listed ? xdp_model_place(m, &r->last) : 0;
	if (r->listed && at < m->n && xdp_entry_compare(&m->v[m->order[at]], &r->last) == 0)
		at++;
	size_t end = m->n - at > XDP_READ_STEP ? at + XDP_READ_STEP : m->n;
	int64_t now = xdp_now();
	for (; at < end; at++) {
		uint32_t slot = m->order[at];
		int failed = m->v[slot].form == form ? list_one(x, slot, now) : 0;
		if (failed)
			return failed;
		r->last = m->v[slot];
		r->listed = true;
	}
	return end < m->n;
}

static int step(struct xdp *x)
{
	switch (x->read.phase) {
	case XDP_READ_IDLE: return -EINVAL;
	case XDP_READ_WAYS: return walk(x);
	/* a cut whose `from` is anywhere sorts before all others */
	case XDP_READ_TO: return list(x, XDP_FORM_TO);
	case XDP_READ_FROM: return list(x, XDP_FORM_FROM);
	}
	return -EINVAL;
}

static bool is_intact(struct xdp *x)
{
	bool intact = x->read.intact && x->state->layout == XDP_LAYOUT && xdp_is_pinned(x);
	for (size_t i = 0; i < x->n_interfaces; i++)
		intact &= xdp_is_attached(x, &x->interfaces[i]);
	return intact;
}

int xdp_read_more(struct backend *b, struct backend_element **ret_elements, size_t *ret_n, bool *ret_intact)
{
	struct xdp *x = (struct xdp *)b;
	struct xdp_read *r = &x->read;
	int more = step(x);
	if (more > 0)
		return 1;
	/* room for all at once: to move what is listed already would take as long as many steps */
	if (more == 0 && r->phase == XDP_READ_WAYS && VEC_ROOM(r->v, &r->cap, x->model.n + ROOM) != 0)
		more = -ENOMEM;
	if (more == 0 && r->phase != XDP_READ_FROM) {
		r->phase++;
		r->listed = false;
		return 1;
	}
	r->phase = XDP_READ_IDLE;
	if (more < 0)
		return more;
	*ret_elements = r->v;
	*ret_n = r->n;
	*ret_intact = is_intact(x);
	r->v = NULL;
	r->n = r->cap = 0;
	return 0;
}
