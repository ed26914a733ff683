/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Changes as a whole or not at all. New elements are put everywhere first, born in a generation that isn't
 * committed yet, so that none of them drops a packet; what can fail happens there and is taken back. Then one
 * word commits them all, and what remains is memory that can't refuse: times of those that were there, and
 * only then what is to go. One who dies in between leaves what was before, or what is wanted and some that
 * was to go and ends with its lease.
 */

#include "enforce/xdp_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/vec.h"
#include "enforce/able.h"

static void store(__u64 *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static uint64_t load(const __u64 *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static uint64_t time_of(int64_t until)
{
	return until > 0 ? (uint64_t)until : 0;
}

const char *xdp_cannot(const struct backend *b, const struct cut *c, bool fail_closed)
{
	(void)b;
	return able_cannot(ABLE_XDP, c, fail_closed); /* each element knows whether it hangs on the lease */
}

int64_t xdp_until(const struct xdp_element *e)
{
	uint64_t open = load(&e->open_until), closed = load(&e->closed_until);
	uint64_t until = open > closed ? open : closed;
	return until > INT64_MAX ? INT64_MAX : (int64_t)until;
}

/* The time under the new kind first: no moment is without one. */
static void set_until(struct xdp_element *e, int64_t until, bool fail_closed)
{
	store(fail_closed ? &e->closed_until : &e->open_until, time_of(until));
	store(fail_closed ? &e->open_until : &e->closed_until, 0);
}

uint32_t xdp_slot_take(struct xdp *x, int64_t now)
{
	const struct xdp_freed *oldest = &x->freed[x->freed_first];
	if (x->n_freed && now - oldest->since >= XDP_QUIET_NS) {
		x->freed_first = (x->freed_first + 1) % XDP_ELEMENTS_MAX;
		x->n_freed--;
		return oldest->slot;
	}
	return x->fresh < XDP_ELEMENTS_MAX ? x->fresh++ : 0;
}

void xdp_slot_free(struct xdp *x, uint32_t slot, int64_t now)
{
	size_t at = (x->freed_first + x->n_freed) % XDP_ELEMENTS_MAX;
	x->freed[at] = (struct xdp_freed){.slot = slot, .since = now};
	x->n_freed++;
}

static int todo_compare(const void *a, const void *b)
{
	const struct xdp_todo *p = a, *q = b;
	int r = xdp_entry_compare(&p->entry, &q->entry);
	return r ? r : (p->step > q->step) - (p->step < q->step);
}

/* The steps as x->todo, sorted; of several about one cut the last holds. */
static int gather(struct xdp *x, const struct backend_step *steps, size_t n, size_t *ret_n, size_t *ret_at)
{
	size_t kept = 0;
	if (n > XDP_ELEMENTS_MAX * (size_t)4)
		return -ERR_LIMIT;
	if (VEC_ROOM(x->todo, &x->cap_todo, n) != 0 || VEC_ROOM(x->slots, &x->cap_slots, n) != 0)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct cut *c = &steps[i].cut;
		if (xdp_cannot(&x->backend, c, steps[i].fail_closed)) {
			*ret_at = i;
			return -EOPNOTSUPP;
		}
		bool from = c->from.bits > 0;
		x->todo[i] = (struct xdp_todo){
		    .entry = {.prefix = from ? c->from : c->to, .form = from ? XDP_FORM_FROM : XDP_FORM_TO},
		    .step = i,
		    .until = steps[i].until,
		    .add = steps[i].act == BACKEND_ADD,
		    .remove = steps[i].act == BACKEND_REMOVE,
		    .fail_closed = steps[i].fail_closed};
	}
	qsort(x->todo, n, sizeof(*x->todo), todo_compare);
	for (size_t i = 0; i < n; i++) {
		struct xdp_todo t = x->todo[i];
		if (i + 1 < n && xdp_entry_compare(&t.entry, &x->todo[i + 1].entry) == 0)
			continue;
		t.slot = xdp_model_find(&x->model, t.entry.prefix, t.entry.form);
		if (t.slot || !t.remove)
			x->todo[kept++] = t;
	}
	*ret_n = kept;
	return 0;
}

/* Gives what is new its slots and fills them; the first that gets none is *ret_at. */
static int take_slots(struct xdp *x, size_t n, uint64_t generation, size_t *ret_fresh, size_t *ret_at)
{
	int64_t now = xdp_now();
	size_t fresh = 0;
	for (size_t i = 0; i < n; i++) {
		struct xdp_todo *t = &x->todo[i];
		if (t->slot)
			continue;
		t->slot = xdp_slot_take(x, now);
		if (!t->slot) {
			*ret_at = t->step;
			/* nothing led to them yet: they needn't rest */
			for (size_t j = 0; j < fresh; j++) {
				store(&x->elements[x->slots[j]].born, 0);
				xdp_slot_free(x, x->slots[j], now - XDP_QUIET_NS);
			}
			return -ERR_LIMIT;
		}
		t->fresh = true;
		x->slots[fresh++] = t->slot;
		x->model.v[t->slot] = t->entry;
		struct xdp_element *e = &x->elements[t->slot];
		store(&e->born, 0);
		e->packets = e->bytes = 0;
		e->bits = t->entry.prefix.bits;
		e->form = t->entry.form;
		memcpy(e->addr, t->entry.prefix.addr.b, sizeof(e->addr));
		set_until(e, t->until, t->fail_closed);
		store(&e->born, generation);
	}
	*ret_fresh = fresh;
	return 0;
}

/* Has the maps lead to what is added, new or not: somebody may have taken an entry out. */
static int lead_to(struct xdp *x, size_t n)
{
	uint32_t *heads = malloc((n ? n : 1) * sizeof(*heads));
	size_t n_heads = 0;
	if (!heads)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct xdp_todo *t = &x->todo[i];
		uint32_t head = t->add || t->fresh ? xdp_model_head(&x->model, t->entry.prefix) : 0;
		if (head && (n_heads == 0 || heads[n_heads - 1] != head))
			heads[n_heads++] = head;
	}
	int r = xdp_way_put(x, heads, n_heads);
	free(heads);
	return r;
}

int xdp_take_away(struct xdp *x, const uint32_t *slots, size_t n)
{
	int64_t now = xdp_now();
	int r = 0;
	for (size_t i = 0; i < n; i++)
		store(&x->elements[slots[i]].born, 0);
	xdp_model_remove(&x->model, slots, n);
	xdp_model_relink(&x->model, slots, n, x->elements);
	for (size_t i = 0; i < n; i++) {
		struct net_prefix p = x->model.v[slots[i]].prefix;
		uint32_t head = xdp_model_head(&x->model, p);
		int one = head ? xdp_way_put(x, &head, 1) : xdp_way_remove(x, p);
		/* A slot that an entry still leads to is not used again: repair finds it. It cuts nothing. */
		if (one == 0) {
			xdp_read_note(x, slots[i], false);
			xdp_slot_free(x, slots[i], now);
		} else if (r == 0) {
			r = one;
		}
	}
	return r;
}

static int put_fresh(struct xdp *x, size_t n, uint64_t generation, size_t *ret_at)
{
	size_t fresh = 0;
	int r = take_slots(x, n, generation, &fresh, ret_at);
	if (r < 0)
		return r;
	xdp_model_insert(&x->model, x->slots, fresh);
	xdp_model_relink(&x->model, x->slots, fresh, x->elements);
	r = lead_to(x, n);
	if (r < 0)
		(void)xdp_take_away(x, x->slots, fresh);
	return r;
}

static void note_time(struct xdp *x, int64_t until)
{
	int64_t due = until > x->swept + XDP_QUIET_NS ? until : x->swept + XDP_QUIET_NS;
	x->due = due < x->due ? due : x->due;
	x->sweep_least = until < x->sweep_least ? until : x->sweep_least;
}

int xdp_change(struct backend *b, const struct backend_step *steps, size_t n, size_t *ret_at)
{
	struct xdp *x = (struct xdp *)b;
	uint64_t generation = load(&x->state->committed) + 1;
	size_t kept = 0, gone = 0, at = n;
	int r = gather(x, steps, n, &kept, &at);
	if (r == 0)
		r = put_fresh(x, kept, generation, &at);
	if (r < 0) {
		if (ret_at)
			*ret_at = at;
		return r;
	}
	store(&x->state->committed, generation);
	for (size_t i = 0; i < kept; i++) {
		const struct xdp_todo *t = &x->todo[i];
		if (t->remove) {
			x->slots[gone++] = t->slot;
			continue;
		}
		if (!t->fresh)
			set_until(&x->elements[t->slot], t->until, t->fail_closed);
		note_time(x, t->until);
		xdp_read_note(x, t->slot, true);
	}
	/* What is gone cuts nothing already: an entry that holds on to it is drift, and found as such. */
	if (gone)
		(void)xdp_take_away(x, x->slots, gone);
	return 0;
}
