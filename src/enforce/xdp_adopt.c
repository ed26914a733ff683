/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Maps and model made one: what another left in the maps is taken over, what another did to them is undone.
 */

#include "enforce/xdp_parts.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { STRAYS = 1024 };

/* A bit per slot. */
static uint8_t *slot_set(void)
{
	return calloc(XDP_ELEMENTS_MAX / 8, 1);
}

static void set_add(uint8_t *set, uint32_t slot)
{
	set[slot / 8] |= (uint8_t)(1u << slot % 8);
}

static bool set_has(const uint8_t *set, uint32_t slot)
{
	return set[slot / 8] >> slot % 8 & 1;
}

/*
 * Takes out entries of one map that lead from prefixes that aren't ours, some thousand at a time: a map that
 * is walked isn't changed. *right: heads that are led to. *ret_more: there may be others.
 */
static int drop_strays(struct xdp *x, enum xdp_way way, uint8_t *right, bool *ret_more)
{
	struct net_prefix strays[STRAYS];
	struct xdp_walk w = {.way = way};
	size_t n = 0, left = XDP_ELEMENTS_MAX * (size_t)2;
	int more = 1;
	while (more == 1 && n + XDP_READ_STEP <= STRAYS && left-- > 0) {
		more = xdp_way_walk(x, &w);
		for (size_t i = 0; more >= 0 && i < w.n; i++) {
			uint32_t head = xdp_model_head(&x->model, w.prefixes[i]);
			if (head && head == w.slots[i])
				set_add(right, head);
			else if (!head)
				strays[n++] = w.prefixes[i];
		}
	}
	if (more < 0)
		return more;
	*ret_more = more == 1;
	for (size_t i = 0; i < n; i++) {
		int r = xdp_way_remove(x, strays[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Every head is led to, and nothing else leads anywhere. */
static int resync_ways(struct xdp *x, uint8_t *right)
{
	const struct xdp_model *m = &x->model;
	for (enum xdp_way way = 0; way < XDP_WAYS; way++) {
		bool more = true;
		/* somebody who keeps putting entries there must not keep us */
		for (size_t round = 0; more && round <= XDP_ELEMENTS_MAX / STRAYS * 2; round++) {
			int r = drop_strays(x, way, right, &more);
			if (r < 0)
				return r;
		}
	}
	uint32_t *heads = malloc((m->n ? m->n : 1) * sizeof(*heads));
	size_t n = 0;
	if (!heads)
		return -ENOMEM;
	for (size_t i = 0; i < m->n; i++)
		if (!set_has(right, m->order[i]) &&
		    xdp_model_head(m, m->v[m->order[i]].prefix) == m->order[i])
			heads[n++] = m->order[i];
	int r = xdp_way_put(x, heads, n);
	free(heads);
	return r;
}

/* Every slot that was used and isn't in the model is free. */
static void free_the_rest(struct xdp *x, uint8_t *used, int64_t now)
{
	memset(used, 0, XDP_ELEMENTS_MAX / 8);
	for (size_t i = 0; i < x->model.n; i++)
		set_add(used, x->model.order[i]);
	x->freed_first = x->n_freed = 0;
	for (uint32_t slot = 1; slot < x->fresh; slot++)
		if (!set_has(used, slot)) {
			__atomic_store_n(&x->elements[slot].born, 0, __ATOMIC_RELEASE);
			xdp_slot_free(x, slot, now);
		}
}

/* Puts back what an element says about itself; when it was born and how long it stands is its own. */
static void describe(struct xdp *x, uint32_t slot)
{
	struct xdp_element *e = &x->elements[slot];
	const struct xdp_entry *entry = &x->model.v[slot];
	e->bits = entry->prefix.bits;
	e->form = entry->form;
	memcpy(e->addr, entry->prefix.addr.b, sizeof(e->addr));
}

int xdp_resync(struct xdp *x)
{
	struct xdp_model *m = &x->model;
	for (size_t i = 0; i < m->n; i++) {
		uint32_t slot = m->order[i];
		describe(x, slot);
		__atomic_store_n(&x->elements[slot].next, m->v[slot].next, __ATOMIC_RELEASE);
	}
	uint8_t *set = slot_set();
	int r = set ? resync_ways(x, set) : -ENOMEM;
	if (r == 0)
		free_the_rest(x, set, xdp_now());
	free(set);
	return r;
}

/* What a slot holds, if it is an element that stands. */
static bool read_slot(const struct xdp *x, uint32_t slot, int64_t now, struct xdp_entry *ret_entry)
{
	const struct xdp_element *e = &x->elements[slot];
	uint64_t born = __atomic_load_n(&e->born, __ATOMIC_ACQUIRE);
	struct xdp_entry entry = {.prefix.bits = e->bits, .form = e->form};
	memcpy(entry.prefix.addr.b, e->addr, sizeof(e->addr));
	if (!born || born > x->state->committed || xdp_until(e) <= now)
		return false;
	if (entry.form > XDP_FORM_TO || !entry.prefix.bits || entry.prefix.bits > 128 ||
	    !net_addr_equal(net_prefix_of(entry.prefix.addr, entry.prefix.bits).addr, entry.prefix.addr))
		return false;
	*ret_entry = entry;
	return true;
}

static int compare_slots(const void *a, const void *b, void *context)
{
	const struct xdp *x = context;
	uint32_t p = *(const uint32_t *)a, q = *(const uint32_t *)b;
	int r = xdp_entry_compare(&x->model.v[p], &x->model.v[q]);
	return r ? r : (p > q) - (p < q);
}

int xdp_adopt(struct xdp *x, int64_t now)
{
	uint32_t *slots = malloc(XDP_ELEMENTS_MAX * sizeof(*slots));
	size_t n = 0, kept = 0;
	if (!slots)
		return -ENOMEM;
	x->fresh = 1;
	for (uint32_t slot = 1; slot < XDP_ELEMENTS_MAX; slot++) {
		if (x->elements[slot].bits)
			x->fresh = slot + 1;
		if (read_slot(x, slot, now, &x->model.v[slot])) {
			int64_t until = xdp_until(&x->elements[slot]);
			x->due = until < x->due ? until : x->due;
			slots[n++] = slot;
		}
	}
	qsort_r(slots, n, sizeof(*slots), compare_slots, x);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || xdp_entry_compare(&x->model.v[slots[kept - 1]], &x->model.v[slots[i]]) != 0)
			slots[kept++] = slots[i];
	assert(kept < XDP_ELEMENTS_MAX);
	xdp_model_insert(&x->model, slots, kept);
	xdp_model_relink(&x->model, slots, kept, x->elements);
	free(slots);
	return xdp_resync(x);
}
