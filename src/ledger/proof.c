/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/proof.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/*
 * levels[k] has the hashes of the subtrees of 2^k leaves, and of the lesser one at the end, which is the one
 * below it where that stands alone. So each subtree that RFC 6962 splits off a tree is one hash here.
 */
struct proof_tree {
	uint64_t n;
	struct merkle_hash *levels[MERKLE_DEPTH_MAX];
	uint64_t sizes[MERKLE_DEPTH_MAX];
	unsigned n_levels; /* the last one is the root; none where there are no leaves */
	struct merkle_hash hashes[];
};

/* RFC 9162, section 2.1.3.2. */
int proof_check_inclusion(const struct merkle_hash *leaf, uint64_t index, uint64_t size,
    const struct merkle_hash *path, size_t n, const struct merkle_hash *root)
{
	if (index >= size || n > PROOF_PATH_MAX)
		return -EINVAL;
	uint64_t fn = index, sn = size - 1;
	struct merkle_hash r = *leaf;
	for (size_t i = 0; i < n; i++) {
		if (sn == 0)
			return -ERR_CHECKSUM;
		if ((fn & 1) || fn == sn) {
			r = merkle_node(&path[i], &r);
			while (!(fn & 1) && fn) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			r = merkle_node(&r, &path[i]);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && merkle_equal(&r, root) ? 0 : -ERR_CHECKSUM;
}

/* RFC 9162, section 2.1.4.2, for 0 < first < second. */
static int check_growth(uint64_t first, uint64_t second, const struct merkle_hash *first_root,
    const struct merkle_hash *second_root, const struct merkle_hash *path, size_t n)
{
	bool perfect = (first & (first - 1)) == 0;
	uint64_t fn = first - 1, sn = second - 1;
	size_t at = 0;
	if (n == 0)
		return -ERR_CHECKSUM;
	while (fn & 1) {
		fn >>= 1;
		sn >>= 1;
	}
	/* Of a perfect first tree its root is the path's first hash, which is left out. */
	struct merkle_hash fr = perfect ? *first_root : path[at++], sr = fr;
	for (; at < n; at++) {
		if (sn == 0)
			return -ERR_CHECKSUM;
		if ((fn & 1) || fn == sn) {
			fr = merkle_node(&path[at], &fr);
			sr = merkle_node(&path[at], &sr);
			while (!(fn & 1) && fn) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			sr = merkle_node(&sr, &path[at]);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && merkle_equal(&fr, first_root) && merkle_equal(&sr, second_root) ? 0 : -ERR_CHECKSUM;
}

int proof_check_consistency(uint64_t first, uint64_t second, const struct merkle_hash *first_root,
    const struct merkle_hash *second_root, const struct merkle_hash *path, size_t n)
{
	const struct merkle_tree empty = {0};
	if (first > second || n > PROOF_PATH_MAX)
		return -EINVAL;
	if (first == second)
		return n == 0 && merkle_equal(first_root, second_root) ? 0 : -ERR_CHECKSUM;
	if (first == 0) {
		struct merkle_hash root = merkle_root(&empty);
		return n == 0 && merkle_equal(first_root, &root) ? 0 : -ERR_CHECKSUM;
	}
	return check_growth(first, second, first_root, second_root, path, n);
}

/* How many hashes the levels over n leaves have together. */
static int count(uint64_t n, size_t *ret_count)
{
	size_t all = (size_t)n;
	if (n > SIZE_MAX / (4 * sizeof(struct merkle_hash)))
		return -ENOMEM;
	for (; n > 1; n = n / 2 + n % 2)
		all += (size_t)(n / 2 + n % 2);
	*ret_count = all;
	return 0;
}

int proof_tree_new(struct proof_tree **ret_tree, const struct merkle_hash *leaves, uint64_t n)
{
	size_t hashes;
	int r = count(n, &hashes);
	if (r < 0)
		return r;
	struct proof_tree *t = calloc(1, sizeof(*t) + hashes * sizeof(t->hashes[0]));
	if (!t)
		return -ENOMEM;
	t->n = n;
	if (n) {
		memcpy(t->hashes, leaves, (size_t)n * sizeof(*leaves));
		t->levels[0] = t->hashes;
		t->sizes[0] = n;
		t->n_levels = 1;
	}
	for (uint64_t size = n; size > 1; size = t->sizes[t->n_levels++]) {
		struct merkle_hash *below = t->levels[t->n_levels - 1], *here = below + size;
		for (uint64_t i = 0; i < size / 2; i++)
			here[i] = merkle_node(&below[2 * i], &below[2 * i + 1]);
		if (size % 2)
			here[size / 2] = below[size - 1];
		t->levels[t->n_levels] = here;
		t->sizes[t->n_levels] = size / 2 + size % 2;
	}
	*ret_tree = t;
	return 0;
}

void proof_tree_free(struct proof_tree *t)
{
	free(t);
}

uint64_t proof_tree_size(const struct proof_tree *t)
{
	return t->n;
}

struct merkle_hash proof_tree_root(const struct proof_tree *t)
{
	return proof_tree_root_at(t, t->n);
}

struct merkle_hash proof_tree_root_at(const struct proof_tree *t, uint64_t n)
{
	struct merkle_tree first = {.leaves = n};
	assert(n <= t->n);
	for (unsigned level = 0; level < MERKLE_DEPTH_MAX; level++)
		if (n >> level & 1)
			first.peaks[level] = t->levels[level][(n >> level) - 1];
	return merkle_root(&first);
}

int proof_inclusion(const struct proof_tree *t, uint64_t index, struct merkle_hash *path, size_t *ret_n)
{
	size_t n = 0;
	if (index >= t->n)
		return -EINVAL;
	for (unsigned level = 0; level + 1 < t->n_levels; level++, index >>= 1)
		if ((index ^ 1) < t->sizes[level])
			path[n++] = t->levels[level][index ^ 1];
	*ret_n = n;
	return 0;
}

/*
 * PROOF(first, D[n]) of RFC 6962, section 2.1.2, from below: the subtree that ends where the first tree ends,
 * and its siblings on the way up, as in an inclusion path of that subtree.
 */
int proof_consistency(const struct proof_tree *t, uint64_t first, struct merkle_hash *path, size_t *ret_n)
{
	size_t n = 0;
	unsigned level = 0;
	if (first > t->n)
		return -EINVAL;
	if (first == 0 || first == t->n) {
		*ret_n = 0;
		return 0;
	}
	uint64_t index = first - 1;
	for (; index & 1; index >>= 1)
		level++;
	/* SUBPROOF's flag: of a perfect first tree the verifier has the root. */
	if (first & (first - 1))
		path[n++] = t->levels[level][index];
	for (; level + 1 < t->n_levels; level++, index >>= 1)
		if ((index ^ 1) < t->sizes[level])
			path[n++] = t->levels[level][index ^ 1];
	*ret_n = n;
	return 0;
}
