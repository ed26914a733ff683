/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Passes as the program reads them: a chain per prefix, which goes on with that of the longest prefix that
 * holds it, and ends with what passes anywhere. They are put into maps that no packet sees yet, so order
 * doesn't matter.
 */

#include "enforce/xdp_parts.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)XDP_PASS_LIMIT * 2 < (int)XDP_PASSES_MAX, "each may take two slots");

/* Where a chain is entered. */
struct pass_head {
	struct net_prefix prefix;
	uint32_t slot;
};

struct pass_table {
	struct xdp_pass v[XDP_PASSES_MAX];
	uint32_t n; /* slots in use, 0 included */
	struct pass_head heads[2][XDP_PASS_LIMIT + 1];
	size_t n_heads[2]; /* [1] IPv4 */
};

/* Shortest first: what holds a prefix stands before it. */
static int shortest_first(const void *a, const void *b)
{
	const struct backend_pass *p = a, *q = b;
	if (p->prefix.bits != q->prefix.bits)
		return p->prefix.bits < q->prefix.bits ? -1 : 1;
	return net_addr_compare(p->prefix.addr, q->prefix.addr);
}

static uint32_t put(struct pass_table *t, uint64_t mask, uint64_t want, uint32_t next)
{
	t->v[t->n] = (struct xdp_pass){.mask = mask, .want = want, .next = next};
	return t->n++;
}

/* The slots of one pass before `next`: returns the first. */
static uint32_t put_pass(struct pass_table *t, const struct backend_pass *p, uint32_t next)
{
	uint64_t protocol = XDP_WORD_PROTOCOL(p->protocol);
	if (!p->protocol)
		return put(t, 0, 0, next);
	if (!p->port)
		return put(t, XDP_WORD_ANY_PROTOCOL, protocol, next);
	if (p->prefix.bits && p->protocol != IPPROTO_TCP)
		next = put(t, XDP_WORD_ANY_PROTOCOL | XDP_WORD_LATER, protocol | XDP_WORD_LATER, next);
	return put(t, XDP_WORD_ANY_PROTOCOL | XDP_WORD_PORT | XDP_WORD_ANY_PORT,
	    protocol | XDP_WORD_PORT | p->port, next);
}

/* Puts it before the chain of its own prefix or, where there is none yet, of the longest that holds it. */
static void add_pass(struct pass_table *t, const struct backend_pass *p, bool v4)
{
	struct pass_head *heads = t->heads[v4];
	size_t n = t->n_heads[v4];
	for (size_t i = n; i-- > 0;) {
		if (heads[i].prefix.bits && !net_prefix_covers(heads[i].prefix, p->prefix))
			continue;
		if (heads[i].prefix.bits == p->prefix.bits) {
			heads[i].slot = put_pass(t, p, heads[i].slot);
			return;
		}
		heads[n] = (struct pass_head){.prefix = p->prefix, .slot = put_pass(t, p, heads[i].slot)};
		t->n_heads[v4]++;
		return;
	}
	assert(false); /* the first head holds everything */
}

static int map_of(const struct bpf_object *object, const char *name)
{
	return bpf_object__find_map_fd_by_name(object, name);
}

static int put_heads(const struct bpf_object *object, const struct pass_table *t)
{
	for (size_t i = 0; i < t->n_heads[1]; i++) {
		struct net_prefix p = t->heads[1][i].prefix;
		struct xdp_key4 key = {.bits = p.bits ? p.bits - 96u : 0};
		memcpy(key.addr, p.addr.b + 12, sizeof(key.addr));
		if (bpf_map_update_elem(map_of(object, "passes4"), &key, &t->heads[1][i].slot, BPF_ANY) < 0)
			return -errno;
	}
	for (size_t i = 0; i < t->n_heads[0]; i++) {
		struct net_prefix p = t->heads[0][i].prefix;
		struct xdp_key6 key = {.bits = p.bits};
		memcpy(key.addr, p.addr.b, sizeof(key.addr));
		if (bpf_map_update_elem(map_of(object, "passes6"), &key, &t->heads[0][i].slot, BPF_ANY) < 0)
			return -errno;
	}
	return 0;
}

static int put_table(const struct bpf_object *object, const struct pass_table *t)
{
	for (uint32_t slot = 1; slot < t->n; slot++)
		if (bpf_map_update_elem(map_of(object, "passes"), &slot, &t->v[slot], BPF_ANY) < 0)
			return -errno;
	return put_heads(object, t);
}

int xdp_put_passes(const struct bpf_object *object, const struct backend_pass *v, size_t n)
{
	assert(n <= XDP_PASS_LIMIT);
	struct pass_table *t = calloc(1, sizeof(*t));
	struct backend_pass *sorted = calloc(n + 1, sizeof(*sorted));
	int r = t && sorted ? 0 : -ENOMEM;
	if (r == 0) {
		t->n = 1;
		t->n_heads[0] = t->n_heads[1] = 1; /* of no bits: where chains end that nothing else holds */
		if (n)
			memcpy(sorted, v, n * sizeof(*v));
		qsort(sorted, n, sizeof(*sorted), shortest_first);
		uint32_t anywhere = 0;
		for (size_t i = 0; i < n && !sorted[i].prefix.bits; i++)
			anywhere = put_pass(t, &sorted[i], anywhere);
		t->heads[0][0].slot = t->heads[1][0].slot = anywhere;
		for (size_t i = 0; i < n; i++)
			if (sorted[i].prefix.bits)
				add_pass(t, &sorted[i], xdp_prefix_is_v4(sorted[i].prefix));
		r = put_table(object, t);
	}
	free(t);
	free(sorted);
	return r;
}
