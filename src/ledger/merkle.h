/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LEDGER_MERKLE_H
#define LEDGER_MERKLE_H

/*
 * Merkle trees with the hashing of RFC 6962, section 2.1, over SHA-256: a leaf's hash is that of 0x00 and its
 * bytes, a node's that of 0x01 and its two children's. Pure; nothing is owned. SHA-256 comes from Nettle,
 * whose calls cost nothing beside the hashing: records are small and many.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MERKLE_HASH_SIZE = 32, MERKLE_DEPTH_MAX = 64 };

struct merkle_hash {
	uint8_t b[MERKLE_HASH_SIZE];
};

/* A tree that only grows: the roots of its perfect subtrees. Zeroed struct = no leaves. */
struct merkle_tree {
	uint64_t leaves;
	struct merkle_hash
	    peaks[MERKLE_DEPTH_MAX]; /* peaks[i] is of 2^i leaves where bit i of `leaves` is set */
};

struct merkle_hash merkle_leaf(const void *p, size_t n);
struct merkle_hash merkle_node(const struct merkle_hash *left, const struct merkle_hash *right);
/* One leaf more, by its hash. */
void merkle_add(struct merkle_tree *t, const struct merkle_hash *leaf);
/* The root of the leaves so far; of none the hash of nothing. */
struct merkle_hash merkle_root(const struct merkle_tree *t);
bool merkle_equal(const struct merkle_hash *a, const struct merkle_hash *b);

#endif
