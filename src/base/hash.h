/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_HASH_H
#define BASE_HASH_H

/*
 * Keyed 64-bit hashing for tables (XXH3): the seed is drawn anew by each process, so that nobody outside can
 * choose colliding keys. Not for evidence: that is SHA-256 (ledger/merkle.h).
 */

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *p, size_t n, uint64_t seed);

#endif
