/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_BLOOM_H
#define ARCHIVE_BLOOM_H

/*
 * The filter in front of a dictionary: a split-block Bloom filter as Apache Parquet's format specification
 * has it (BloomFilter.md), over XXH3-64 of the key with seed 0. A key touches 32 bytes that lie together;
 * blocks are chosen by the upper half of the hash, so keys that are asked in the order of their hashes go
 * through the filter from its beginning to its end. With ARCHIVE_BLOOM_BITS a key fewer than one of a hundred
 * others passes. Pure; the bytes are the caller's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ARCHIVE_BLOOM_BITS = 11, ARCHIVE_BLOOM_BLOCK = 32 };

uint64_t archive_bloom_hash(const void *p, size_t n);
/* Bytes of a filter for so many keys, all zero at first; 0 for none. */
size_t archive_bloom_size(size_t keys);
/* size: a multiple of ARCHIVE_BLOOM_BLOCK, and not 0. */
void archive_bloom_add(uint8_t *filter, size_t size, uint64_t hash);
bool archive_bloom_has(const uint8_t *filter, size_t size, uint64_t hash);

#endif
