/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enforce/xdp_model.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of so many changed prefixes that hold others, each is looked at alone; of more, all chains are. */
enum { RELINK_ALONE = 8 };

int xdp_model_init(struct xdp_model *m)
{
	*m = (struct xdp_model){.v = calloc(XDP_ELEMENTS_MAX, sizeof(*m->v)),
	    .order = calloc(XDP_ELEMENTS_MAX, sizeof(*m->order)),
	    .scratch = calloc(XDP_ELEMENTS_MAX, sizeof(*m->scratch))};
	if (m->v && m->order && m->scratch)
		return 0;
	xdp_model_free(m);
	return -ENOMEM;
}

void xdp_model_free(struct xdp_model *m)
{
	free(m->v);
	free(m->order);
	free(m->scratch);
	*m = (struct xdp_model){0};
}

int xdp_entry_compare(const struct xdp_entry *a, const struct xdp_entry *b)
{
	int r = net_addr_compare(a->prefix.addr, b->prefix.addr);
	if (r)
		return r;
	if (a->prefix.bits != b->prefix.bits)
		return a->prefix.bits < b->prefix.bits ? -1 : 1;
	return (a->form > b->form) - (a->form < b->form);
}

size_t xdp_model_place(const struct xdp_model *m, const struct xdp_entry *e)
{
	size_t low = 0, high = m->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (xdp_entry_compare(&m->v[m->order[middle]], e) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool same_prefix(struct net_prefix a, struct net_prefix b)
{
	return a.bits == b.bits && net_addr_equal(a.addr, b.addr);
}

uint32_t xdp_model_find(const struct xdp_model *m, struct net_prefix p, uint8_t form)
{
	struct xdp_entry e = {.prefix = p, .form = form};
	size_t at = xdp_model_place(m, &e);
	return at < m->n && xdp_entry_compare(&m->v[m->order[at]], &e) == 0 ? m->order[at] : 0;
}

uint32_t xdp_model_head(const struct xdp_model *m, struct net_prefix p)
{
	size_t at = xdp_model_place(m, &(struct xdp_entry){.prefix = p});
	return at < m->n && same_prefix(m->v[m->order[at]].prefix, p) ? m->order[at] : 0;
}

static void count(struct xdp_model *m, const uint32_t *slots, size_t n, bool more)
{
	for (size_t i = 0; i < n; i++) {
		struct net_prefix p = m->v[slots[i]].prefix;
		m->lengths[xdp_prefix_is_v4(p)][p.bits] += more ? 1 : UINT32_MAX;
	}
}

static void swap_order(struct xdp_model *m, size_t n)
{
	uint32_t *order = m->order;
	m->order = m->scratch;
	m->scratch = order;
	m->n = n;
}

void xdp_model_insert(struct xdp_model *m, const uint32_t *slots, size_t n)
{
	size_t taken = 0, put = 0;
	assert(m->n + n < XDP_ELEMENTS_MAX);
	for (size_t i = 0; i < n; i++) {
		size_t at = xdp_model_place(m, &m->v[slots[i]]);
		memcpy(m->scratch + put, m->order + taken, (at - taken) * sizeof(*m->order));
		put += at - taken;
		taken = at;
		m->scratch[put++] = slots[i];
	}
	memcpy(m->scratch + put, m->order + taken, (m->n - taken) * sizeof(*m->order));
	swap_order(m, m->n + n);
	count(m, slots, n, true);
}

void xdp_model_remove(struct xdp_model *m, const uint32_t *slots, size_t n)
{
	size_t taken = 0, put = 0;
	for (size_t i = 0; i < n; i++) {
		size_t at = xdp_model_place(m, &m->v[slots[i]]);
		assert(at < m->n && m->order[at] == slots[i]);
		memcpy(m->scratch + put, m->order + taken, (at - taken) * sizeof(*m->order));
		put += at - taken;
		taken = at + 1;
	}
	memcpy(m->scratch + put, m->order + taken, (m->n - taken) * sizeof(*m->order));
	swap_order(m, m->n - n);
	count(m, slots, n, false);
}

/* The head of the longest prefix among the entries that holds p and isn't p. */
static uint32_t cover_of(const struct xdp_model *m, struct net_prefix p)
{
	bool v4 = xdp_prefix_is_v4(p);
	for (int bits = p.bits - 1; bits >= (v4 ? 96 : 0); bits--) {
		if (!m->lengths[v4][bits])
			continue;
		uint32_t head = xdp_model_head(m, net_prefix_of(p.addr, (uint8_t)bits));
		/* ::/96 and the like hold IPv4's place too */
		if (head && xdp_prefix_is_v4(m->v[head].prefix) == v4)
			return head;
	}
	return 0;
}

static void set_next(struct xdp_model *m, uint32_t slot, uint32_t next, struct xdp_element *elements)
{
	m->v[slot].next = next;
	__atomic_store_n(&elements[slot].next, next, __ATOMIC_RELEASE);
}

/* Chains of one family's entries in [from, to) of the order; what stands before is entered by `base`. */
static void relink_range(
    struct xdp_model *m, size_t from, size_t to, bool v4, uint32_t base, struct xdp_element *elements)
{
	uint32_t stack[130];
	size_t depth = 0;
	for (size_t i = from; i < to;) {
		uint32_t head = m->order[i];
		struct net_prefix p = m->v[head].prefix;
		size_t end = i + 1;
		while (end < to && same_prefix(m->v[m->order[end]].prefix, p))
			end++;
		if (xdp_prefix_is_v4(p) == v4) {
			while (depth > 0 && !net_prefix_covers(m->v[stack[depth - 1]].prefix, p))
				depth--;
			uint32_t next = depth > 0 ? stack[depth - 1] : base;
			for (size_t j = end; j-- > i; next = m->order[j])
				set_next(m, m->order[j], next, elements);
			assert(depth < sizeof(stack) / sizeof(stack[0]));
			stack[depth++] = head;
		}
		i = end;
	}
}

/* Past the last entry that p holds, p's own place being `from`. */
static size_t end_of(const struct xdp_model *m, size_t from, struct net_prefix p)
{
	size_t low = from, high = m->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (net_prefix_covers(p, m->v[m->order[middle]].prefix))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void xdp_model_relink(struct xdp_model *m, const uint32_t *slots, size_t n, struct xdp_element *elements)
{
	size_t wide = 0;
	for (size_t i = 0; i < n; i++)
		wide += m->v[slots[i]].prefix.bits < 128;
	if (wide > RELINK_ALONE) {
		relink_range(m, 0, m->n, false, 0, elements);
		relink_range(m, 0, m->n, true, 0, elements);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct net_prefix p = m->v[slots[i]].prefix;
		size_t from = xdp_model_place(m, &(struct xdp_entry){.prefix = p});
		relink_range(m, from, end_of(m, from, p), xdp_prefix_is_v4(p), cover_of(m, p), elements);
	}
}
