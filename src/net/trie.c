/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/trie.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/err.h"
#include "base/vec.h"

/* An address as a number: looking up compares and shifts whole words. */
struct number {
	uint64_t high, low;
};

/* Nodes in one array, children by index; node 0 is the root (::/0) and index 0 as a child means none. */
struct node {
	struct net_prefix prefix;
	struct number is, mask; /* the prefix */
	uint32_t child[2];
	uint32_t value;
	bool used;
};

struct net_trie {
	struct node *nodes;
	size_t n, cap;
	size_t count, max;
};

static unsigned bit_at(struct net_addr a, unsigned i)
{
	return (unsigned)a.b[i / 8] >> (7 - i % 8) & 1;
}

/* How many leading bits a and b share, at most `most`. */
static unsigned common_bits(struct net_addr a, struct net_addr b, unsigned most)
{
	for (unsigned i = 0; i * 8 < most; i++) {
		unsigned differ = (unsigned)(a.b[i] ^ b.b[i]);
		if (differ) {
			unsigned bits = i * 8 + (unsigned)__builtin_clz(differ) - 24;
			return bits < most ? bits : most;
		}
	}
	return most;
}

static struct number number_of(struct net_addr a)
{
	return (struct number){.high = load_be64(a.b), .low = load_be64(a.b + 8)};
}

static bool node_holds(const struct node *node, struct number a)
{
	return (((a.high ^ node->is.high) & node->mask.high) | ((a.low ^ node->is.low) & node->mask.low)) ==
	       0;
}

/* Where an address that the node holds goes on; 0: nowhere. */
static uint32_t node_below(const struct node *node, struct number a)
{
	unsigned bit = node->prefix.bits;
	return bit < 64    ? node->child[a.high >> (63 - bit) & 1]
	       : bit < 128 ? node->child[a.low >> (127 - bit) & 1]
	                   : 0;
}

static int node_add(struct net_trie *t, struct net_prefix p, uint32_t *ret_index)
{
	int r = VEC_RESERVE(t->nodes, &t->cap, t->n, UINT32_MAX);
	if (r < 0)
		return r;
	unsigned high = p.bits < 64 ? p.bits : 64, low = p.bits - high;
	t->nodes[t->n] = (struct node){.prefix = p,
	    .is = number_of(p.addr),
	    .mask = {
	        .high = high ? UINT64_MAX << (64 - high) : 0, .low = low ? UINT64_MAX << (64 - low) : 0}};
	*ret_index = (uint32_t)t->n++;
	return 0;
}

int net_trie_new(struct net_trie **ret_trie, size_t max)
{
	uint32_t root;
	if (max == 0 || max > UINT32_MAX / 4)
		return -EINVAL;
	struct net_trie *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->max = max;
	if (node_add(t, (struct net_prefix){.bits = 0}, &root) < 0) {
		free(t);
		return -ENOMEM;
	}
	*ret_trie = t;
	return 0;
}

void net_trie_free(struct net_trie *t)
{
	if (!t)
		return;
	free(t->nodes);
	free(t);
}

size_t net_trie_count(const struct net_trie *t)
{
	return t->count;
}

static int node_use(struct net_trie *t, uint32_t at, uint32_t value)
{
	if (t->nodes[at].used)
		return -EEXIST;
	if (t->count == t->max)
		return -ERR_LIMIT;
	t->nodes[at].used = true;
	t->nodes[at].value = value;
	t->count++;
	return 0;
}

int net_trie_insert(struct net_trie *t, struct net_prefix p, uint32_t value)
{
	uint32_t at = 0, fresh, fork;
	if (p.bits > 128)
		return -EINVAL;
	p = net_prefix_of(p.addr, p.bits);
	if (t->count == t->max)
		return -ERR_LIMIT;
	for (;;) {
		if (t->nodes[at].prefix.bits == p.bits)
			return node_use(t, at, value);
		unsigned side = bit_at(p.addr, t->nodes[at].prefix.bits);
		uint32_t next = t->nodes[at].child[side];
		if (next == 0) {
			int r = node_add(t, p, &fresh);
			if (r < 0)
				return r;
			t->nodes[at].child[side] = fresh;
			return node_use(t, fresh, value);
		}
		struct net_prefix below = t->nodes[next].prefix;
		unsigned shared = common_bits(below.addr, p.addr, below.bits < p.bits ? below.bits : p.bits);
		if (shared < below.bits) {
			/* the edge splits: a new node at the last shared bit takes both */
			int r = node_add(t, net_prefix_of(p.addr, (uint8_t)shared), &fork);
			if (r < 0)
				return r;
			t->nodes[fork].child[bit_at(below.addr, shared)] = next;
			t->nodes[at].child[side] = fork;
			next = fork;
		}
		at = next;
	}
}

size_t net_trie_match_all(const struct net_trie *t, struct net_addr a, uint32_t *values, size_t n)
{
	struct number wanted = number_of(a);
	size_t found = 0;
	uint32_t at = 0;
	do {
		const struct node *node = &t->nodes[at];
		if (!node_holds(node, wanted))
			break;
		if (node->used) {
			if (found < n)
				values[found] = node->value;
			found++;
		}
		at = node_below(node, wanted);
	} while (at);
	return found;
}

int net_trie_match(const struct net_trie *t, struct net_addr a, uint32_t *ret_value)
{
	struct number wanted = number_of(a);
	int found = 0;
	uint32_t at = 0;
	do {
		const struct node *node = &t->nodes[at];
		if (!node_holds(node, wanted))
			break;
		if (node->used) {
			*ret_value = node->value;
			found = 1;
		}
		at = node_below(node, wanted);
	} while (at);
	return found;
}
