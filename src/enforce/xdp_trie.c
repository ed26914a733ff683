/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The tries that lead from prefixes to chains, one per family. */

#include "enforce/xdp_parts.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 512 };

/* Returns the key's size. */
static size_t key_of(struct net_prefix p, void *key)
{
	if (xdp_prefix_is_v4(p)) {
		struct xdp_key4 k = {.bits = p.bits - 96u};
		memcpy(k.addr, p.addr.b + 12, sizeof(k.addr));
		memcpy(key, &k, sizeof(k));
		return sizeof(k);
	}
	struct xdp_key6 k = {.bits = p.bits};
	memcpy(k.addr, p.addr.b, sizeof(k.addr));
	memcpy(key, &k, sizeof(k));
	return sizeof(k);
}

struct net_prefix xdp_key_prefix(const void *key, bool v4)
{
	struct net_prefix p = {0};
	if (v4) {
		struct xdp_key4 k;
		memcpy(&k, key, sizeof(k));
		p.addr = net_addr_v4(k.addr);
		p.bits = (uint8_t)(k.bits + 96);
	} else {
		struct xdp_key6 k;
		memcpy(&k, key, sizeof(k));
		p.addr = net_addr_v6(k.addr);
		p.bits = (uint8_t)k.bits;
	}
	return p;
}

static int put_batch(int trie, const uint8_t *keys, const uint32_t *values, uint32_t n)
{
	return n && bpf_map_update_batch(trie, keys, values, &n, NULL) < 0 ? -errno : 0;
}

int xdp_trie_put(struct xdp *x, const uint32_t *heads, size_t n)
{
	uint8_t keys[2][BATCH * sizeof(struct xdp_key6)];
	uint32_t values[2][BATCH], filled[2] = {0, 0};
	int r = 0;
	if (n == 1) {
		struct net_prefix p = x->model.v[heads[0]].prefix;
		(void)key_of(p, keys[0]);
		return bpf_map_update_elem(x->trie[xdp_prefix_is_v4(p)], keys[0], &heads[0], BPF_ANY) < 0
		           ? -errno
		           : 0;
	}
	for (size_t i = 0; i < n && r == 0; i++) {
		struct net_prefix p = x->model.v[heads[i]].prefix;
		bool v4 = xdp_prefix_is_v4(p);
		size_t size = v4 ? sizeof(struct xdp_key4) : sizeof(struct xdp_key6);
		(void)key_of(p, keys[v4] + filled[v4] * size);
		values[v4][filled[v4]++] = heads[i];
		if (filled[v4] == BATCH) {
			r = put_batch(x->trie[v4], keys[v4], values[v4], BATCH);
			filled[v4] = 0;
		}
	}
	for (int v4 = 0; v4 < 2 && r == 0; v4++)
		r = put_batch(x->trie[v4], keys[v4], values[v4], filled[v4]);
	return r;
}

int xdp_trie_remove(struct xdp *x, struct net_prefix p)
{
	struct xdp_key6 key;
	(void)key_of(p, &key);
	int r = bpf_map_delete_elem(x->trie[xdp_prefix_is_v4(p)], &key);
	return r == 0 || errno == ENOENT ? 0 : -errno;
}

/* Takes out entries of prefixes that aren't ours. */
static int drop_strays(const struct xdp *x, bool v4)
{
	uint8_t key[sizeof(struct xdp_key6)], next[sizeof(key)];
	/* somebody who keeps putting them there must not keep us */
	size_t left = XDP_ELEMENTS_MAX * (size_t)2;
	int more = bpf_map_get_next_key(x->trie[v4], NULL, key);
	while (more == 0 && left-- > 0) {
		/* a key that is gone has no next one */
		more = bpf_map_get_next_key(x->trie[v4], key, next);
		if (!xdp_model_head(&x->model, xdp_key_prefix(key, v4)) &&
		    bpf_map_delete_elem(x->trie[v4], key) < 0 && errno != ENOENT)
			return -errno;
		memcpy(key, next, sizeof(key));
	}
	return 0;
}

/* Every slot that is neither in the model nor was never used is free. */
static int free_the_rest(struct xdp *x, int64_t now)
{
	uint8_t *used = calloc(XDP_ELEMENTS_MAX / 8, 1);
	if (!used)
		return -ENOMEM;
	for (size_t i = 0; i < x->model.n; i++)
		used[x->model.order[i] / 8] |= (uint8_t)(1u << x->model.order[i] % 8);
	x->freed_first = x->n_freed = 0;
	for (uint32_t slot = 1; slot < x->fresh; slot++)
		if (!(used[slot / 8] >> slot % 8 & 1)) {
			__atomic_store_n(&x->elements[slot].born, 0, __ATOMIC_RELEASE);
			xdp_slot_free(x, slot, now);
		}
	free(used);
	return 0;
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
	uint32_t *heads = malloc((m->n ? m->n : 1) * sizeof(*heads));
	size_t n = 0;
	if (!heads)
		return -ENOMEM;
	for (size_t i = 0; i < m->n; i++)
		if (xdp_model_head(m, m->v[m->order[i]].prefix) == m->order[i])
			heads[n++] = m->order[i];
	int r = xdp_trie_put(x, heads, n);
	free(heads);
	for (int v4 = 0; v4 < 2 && r == 0; v4++)
		r = drop_strays(x, v4);
	return r < 0 ? r : free_the_rest(x, xdp_now());
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
