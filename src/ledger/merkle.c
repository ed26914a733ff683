/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/merkle.h"

#include <assert.h>
#include <nettle/sha2.h>
#include <string.h>

enum { LEAF = 0, NODE = 1 };

/* The prefix stands with what follows in one run of bytes, because a hash that was begun with one byte copies
 * all that comes. */
struct merkle_hash merkle_leaf(const void *p, size_t n)
{
	uint8_t first[SHA256_BLOCK_SIZE] = {LEAF};
	size_t taken = n < sizeof(first) - 1 ? n : sizeof(first) - 1;
	struct sha256_ctx c;
	struct merkle_hash h;
	if (taken)
		memcpy(first + 1, p, taken);
	sha256_init(&c);
	sha256_update(&c, 1 + taken, first);
	if (n > taken)
		sha256_update(&c, n - taken, (const uint8_t *)p + taken);
	sha256_digest(&c, sizeof(h.b), h.b);
	return h;
}

struct merkle_hash merkle_node(const struct merkle_hash *left, const struct merkle_hash *right)
{
	uint8_t both[1 + 2 * MERKLE_HASH_SIZE] = {NODE};
	struct sha256_ctx c;
	struct merkle_hash h;
	memcpy(both + 1, left->b, sizeof(left->b));
	memcpy(both + 1 + sizeof(left->b), right->b, sizeof(right->b));
	sha256_init(&c);
	sha256_update(&c, sizeof(both), both);
	sha256_digest(&c, sizeof(h.b), h.b);
	return h;
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
	struct merkle_hash root = {0};
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
