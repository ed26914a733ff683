/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LEDGER_PROOF_H
#define LEDGER_PROOF_H

/*
 * Inclusion and consistency proofs of RFC 6962, section 2.1.1 and 2.1.2, checked as RFC 9162,
 * sections 2.1.3.2 and 2.1.4.2 say. A path is an array of hashes, from the leaf's side upwards. Checking is
 * pure and takes no memory; making needs the tree's inner hashes, which a proof_tree holds (64 bytes a leaf).
 */

#include "ledger/merkle.h"

enum { PROOF_PATH_MAX = 65 };

/* A leaf's inclusion: 0; -ERR_CHECKSUM where the path doesn't lead from this leaf at this index to this root;
 * -EINVAL where index >= size or the path is longer than any. */
int proof_check_inclusion(const struct merkle_hash *leaf, uint64_t index, uint64_t size,
    const struct merkle_hash *path, size_t n, const struct merkle_hash *root);
/* That the first `first` leaves of the tree of `second` leaves are those of the first root. The proof of
 * equal sizes and that from 0 leaves are empty. The same returns. */
int proof_check_consistency(uint64_t first, uint64_t second, const struct merkle_hash *first_root,
    const struct merkle_hash *second_root, const struct merkle_hash *path, size_t n);

struct proof_tree;

/* Of n leaf hashes, which are copied. -ENOMEM. */
int proof_tree_new(struct proof_tree **ret_tree, const struct merkle_hash *leaves, uint64_t n);
void proof_tree_free(struct proof_tree *t);
uint64_t proof_tree_size(const struct proof_tree *t);
struct merkle_hash proof_tree_root(const struct proof_tree *t);
/* The root of its first n leaves, of which there must be as many. */
struct merkle_hash proof_tree_root_at(const struct proof_tree *t, uint64_t n);
/* path has PROOF_PATH_MAX hashes. -EINVAL where index or first is out of the tree (first may be its size). */
int proof_inclusion(const struct proof_tree *t, uint64_t index, struct merkle_hash *path, size_t *ret_n);
int proof_consistency(const struct proof_tree *t, uint64_t first, struct merkle_hash *path, size_t *ret_n);

#endif
