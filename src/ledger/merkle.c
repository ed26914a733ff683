/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/merkle.h"

#include <assert.h>
#include <nettle/sha2.h>
#include <string.h>

static struct merkle_hash hash(uint8_t prefix, const void *p, size_t n)
{
	struct sha256_ctx c;
	struct merkle_hash h;
	sha256_init(&c);
	sha256_update(&c, 1, &prefix);
	sha256_update(&c, n, p);
	sha256_digest(&c, sizeof(h.b), h.b);
	return h;
}

struct merkle_hash merkle_leaf(const void *p, size_t n)
{
	return hash(0, p, n);
}

struct merkle_hash merkle_node(const struct merkle_hash *left, const struct merkle_hash *right)
{
	uint8_t both[2 * MERKLE_HASH_SIZE];
	memcpy(both, left->b, sizeof(left->b));
	memcpy(both + sizeof(left->b), right->b, sizeof(right->b));
	return hash(1, both, sizeof(both));
}

void merkle_add(struct merkle_tree *t, const struct merkle_hash *leaf)
{
	struct merkle_hash h = *leaf;
	unsigned level = 0;
	assert(t->leaves < UINT64_MAX);
	for (uint64_t n = t->leaves++; n & 1; n >>= 1)
		h = merkle_node(&t->peaks[level++], &h);
	t->peaks[level] = h;
}

struct merkle_hash merkle_root(const struct merkle_tree *t)
{
	struct merkle_hash root;
	bool any = false;
	for (unsigned level = 0; level < MERKLE_DEPTH_MAX; level++) {
		if (!(t->leaves >> level & 1))
			continue;
		root = any ? merkle_node(&t->peaks[level], &root) : t->peaks[level];
		any = true;
	}
	if (!any) {
		struct sha256_ctx c;
		sha256_init(&c);
		sha256_digest(&c, sizeof(root.b), root.b);
	}
	return root;
}

bool merkle_equal(const struct merkle_hash *a, const struct merkle_hash *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}
