/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/num.h"
#include "ledger/proof.h"

enum { SIZES = 64 };

/*
 * RFC 6962, section 2.1, word by word: D[a:b] are the leaves a to b-1; k is the largest power of two smaller
 * than their number.
 */
static struct merkle_hash leaves[SIZES];

static size_t split(size_t n)
{
	size_t k = 1;
	while (2 * k < n)
		k *= 2;
	return k;
}

static struct merkle_hash mth(size_t a, size_t b)
{
	if (b - a == 1)
		return leaves[a];
	size_t k = split(b - a);
	struct merkle_hash left = mth(a, a + k), right = mth(a + k, b);
	return merkle_node(&left, &right);
}

static void path(size_t m, size_t a, size_t b, struct merkle_hash *out, size_t *n)
{
	if (b - a == 1)
		return;
	size_t k = split(b - a);
	if (m < k) {
		path(m, a, a + k, out, n);
		out[(*n)++] = mth(a + k, b);
	} else {
		path(m - k, a + k, b, out, n);
		out[(*n)++] = mth(a, a + k);
	}
}

static void subproof(size_t m, size_t a, size_t b, bool whole, struct merkle_hash *out, size_t *n)
{
	if (m == b - a) {
		if (!whole)
			out[(*n)++] = mth(a, b);
		return;
	}
	size_t k = split(b - a);
	if (m <= k) {
		subproof(m, a, a + k, whole, out, n);
		out[(*n)++] = mth(a + k, b);
	} else {
		subproof(m - k, a + k, b, false, out, n);
		out[(*n)++] = mth(a, a + k);
	}
}

static int make_leaves(void **state)
{
	(void)state;
	for (size_t i = 0; i < SIZES; i++) {
		uint8_t bytes[3] = {(uint8_t)i, 'x', (uint8_t)(i * 7)};
		leaves[i] = merkle_leaf(bytes, i % (sizeof(bytes) + 1));
	}
	return 0;
}

static bool hash_is(const struct merkle_hash *h, const char *hex)
{
	char digits[2 * MERKLE_HASH_SIZE + 1];
	return strcmp(num_hex(h->b, sizeof(h->b), digits), hex) == 0;
}

/* The leaves and roots of the certificate-transparency project's tests (merkle_tree_test). */
static void test_published_roots(void **state)
{
	(void)state;
	static const struct {
		size_t n;
		uint8_t bytes[16];
	} inputs[] = {
	    {0, {0}},
	    {1, {0x00}},
	    {1, {0x10}},
	    {2, {0x20, 0x21}},
	    {2, {0x30, 0x31}},
	    {4, {0x40, 0x41, 0x42, 0x43}},
	    {8, {0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57}},
	    {16, {0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e,
	             0x6f}},
	};
	static const char *const roots[] = {
	    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	};
	struct merkle_tree t = {0};
	struct merkle_hash root = merkle_root(&t), hashes[8];
	assert_true(hash_is(&root, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
	for (size_t i = 0; i < 8; i++) {
		struct proof_tree *p;
		hashes[i] = merkle_leaf(inputs[i].bytes, inputs[i].n);
		merkle_add(&t, &hashes[i]);
		root = merkle_root(&t);
		assert_true(hash_is(&root, roots[i]));
		assert_int_equal(proof_tree_new(&p, hashes, i + 1), 0);
		root = proof_tree_root(p);
		assert_true(hash_is(&root, roots[i]));
		proof_tree_free(p);
	}
}

static void test_inclusion_of_every_leaf_of_every_size(void **state)
{
	(void)state;
	for (size_t size = 1; size <= SIZES; size++) {
		struct proof_tree *t;
		struct merkle_hash root = mth(0, size), wrong = root;
		wrong.b[31] ^= 1;
		assert_int_equal(proof_tree_new(&t, leaves, size), 0);
		assert_int_equal(proof_tree_size(t), size);
		for (size_t first = 1; first <= size; first++) {
			struct merkle_hash at = proof_tree_root_at(t, first), is = mth(0, first);
			assert_true(merkle_equal(&at, &is));
		}
		for (size_t i = 0; i < size; i++) {
			struct merkle_hash p[PROOF_PATH_MAX], q[PROOF_PATH_MAX];
			size_t n = 0, m = 0;
			path(i, 0, size, q, &m);
			assert_int_equal(proof_inclusion(t, i, p, &n), 0);
			assert_int_equal(n, m);
			assert_memory_equal(p, q, n * sizeof(*p));
			assert_int_equal(proof_check_inclusion(&leaves[i], i, size, p, n, &root), 0);
			assert_int_equal(
			    proof_check_inclusion(&leaves[i], i, size, p, n, &wrong), -ERR_CHECKSUM);
			/* At another place, of another leaf, with a hash less, more or changed. */
			for (size_t j = 0; j < size; j++)
				if (j != i)
					assert_int_equal(
					    proof_check_inclusion(&leaves[i], j, size, p, n, &root),
					    -ERR_CHECKSUM);
			struct merkle_hash leaf = merkle_leaf("other", 5);
			assert_int_equal(proof_check_inclusion(&leaf, i, size, p, n, &root), -ERR_CHECKSUM);
			if (n)
				assert_int_equal(proof_check_inclusion(&leaves[i], i, size, p, n - 1, &root),
				    -ERR_CHECKSUM);
			p[n] = root;
			assert_int_equal(
			    proof_check_inclusion(&leaves[i], i, size, p, n + 1, &root), -ERR_CHECKSUM);
			for (size_t k = 0; k < n; k++) {
				p[k].b[k % 32] ^= 0x80;
				assert_int_equal(
				    proof_check_inclusion(&leaves[i], i, size, p, n, &root), -ERR_CHECKSUM);
				p[k].b[k % 32] ^= 0x80;
			}
		}
		struct merkle_hash p[PROOF_PATH_MAX];
		size_t n;
		assert_int_equal(proof_inclusion(t, size, p, &n), -EINVAL);
		assert_int_equal(proof_check_inclusion(&leaves[0], size, size, p, 0, &root), -EINVAL);
		proof_tree_free(t);
	}
}

static void test_consistency_of_every_pair_of_sizes(void **state)
{
	(void)state;
	for (size_t second = 1; second <= SIZES; second++) {
		struct proof_tree *t;
		struct merkle_hash new_root = mth(0, second);
		assert_int_equal(proof_tree_new(&t, leaves, second), 0);
		for (size_t first = 1; first <= second; first++) {
			struct merkle_hash p[PROOF_PATH_MAX], q[PROOF_PATH_MAX], old = mth(0, first);
			size_t n = 0, m = 0;
			subproof(first, 0, second, true, q, &m);
			assert_int_equal(proof_consistency(t, first, p, &n), 0);
			assert_int_equal(n, m);
			assert_memory_equal(p, q, n * sizeof(*p));
			assert_int_equal(proof_check_consistency(first, second, &old, &new_root, p, n), 0);
			/* From a log whose last old entry was another, or with a path that was touched. */
			struct merkle_hash was = leaves[first - 1], forged;
			leaves[first - 1].b[0] ^= 1;
			forged = mth(0, first);
			leaves[first - 1] = was;
			assert_int_equal(
			    proof_check_consistency(first, second, &forged, &new_root, p, n), -ERR_CHECKSUM);
			for (size_t k = 0; k < n; k++) {
				p[k].b[0] ^= 1;
				assert_int_equal(
				    proof_check_consistency(first, second, &old, &new_root, p, n),
				    -ERR_CHECKSUM);
				p[k].b[0] ^= 1;
			}
			p[n] = old;
			assert_int_equal(
			    proof_check_consistency(first, second, &old, &new_root, p, n + 1), -ERR_CHECKSUM);
			if (n)
				assert_int_equal(
				    proof_check_consistency(first, second, &old, &new_root, p, n - 1),
				    -ERR_CHECKSUM);
			for (size_t other = 1; other <= second; other++)
				if (other != first)
					assert_int_equal(
					    proof_check_consistency(other, second, &old, &new_root, p, n),
					    -ERR_CHECKSUM);
		}
		proof_tree_free(t);
	}
}

static void test_consistency_at_its_ends(void **state)
{
	(void)state;
	struct proof_tree *t;
	const struct merkle_tree none = {0};
	struct merkle_hash p[PROOF_PATH_MAX + 1] = {0}, empty = merkle_root(&none), root = mth(0, 5);
	size_t n = 9;
	assert_int_equal(proof_tree_new(&t, leaves, 5), 0);
	assert_int_equal(proof_consistency(t, 0, p, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(proof_consistency(t, 6, p, &n), -EINVAL);
	assert_int_equal(proof_check_consistency(0, 5, &empty, &root, p, 0), 0);
	assert_int_equal(proof_check_consistency(0, 5, &root, &root, p, 0), -ERR_CHECKSUM);
	assert_int_equal(proof_check_consistency(5, 5, &root, &root, p, 0), 0);
	assert_int_equal(proof_check_consistency(5, 5, &empty, &root, p, 0), -ERR_CHECKSUM);
	assert_int_equal(proof_check_consistency(5, 4, &root, &root, p, 0), -EINVAL);
	/* Longer than any path, and sizes as large as they get. */
	assert_int_equal(
	    proof_check_consistency(1, UINT64_MAX, &root, &root, p, PROOF_PATH_MAX + 1), -EINVAL);
	assert_int_equal(
	    proof_check_consistency(1, UINT64_MAX, &root, &root, p, PROOF_PATH_MAX), -ERR_CHECKSUM);
	assert_int_equal(proof_check_inclusion(&root, UINT64_MAX - 1, UINT64_MAX, p, PROOF_PATH_MAX, &root),
	    -ERR_CHECKSUM);
	proof_tree_free(t);
	assert_int_equal(proof_tree_new(&t, NULL, 0), 0);
	root = proof_tree_root(t);
	assert_true(merkle_equal(&root, &empty));
	assert_int_equal(proof_inclusion(t, 0, p, &n), -EINVAL);
	proof_tree_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_published_roots),
	    cmocka_unit_test_setup(test_inclusion_of_every_leaf_of_every_size, make_leaves),
	    cmocka_unit_test_setup(test_consistency_of_every_pair_of_sizes, make_leaves),
	    cmocka_unit_test_setup(test_consistency_at_its_ends, make_leaves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
