/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/bloom.h"

#include "archive/checksum.h"
#include "base/cursor.h"

enum { WORDS = ARCHIVE_BLOOM_BLOCK / 4 };

static const uint32_t salts[WORDS] = {
    0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31};

uint64_t archive_bloom_hash(const void *p, size_t n)
{
	return archive_checksum(p, n, 0);
}

size_t archive_bloom_size(size_t keys)
{
	size_t bits = keys * ARCHIVE_BLOOM_BITS, block = (size_t)ARCHIVE_BLOOM_BLOCK * 8;
	return (bits + block - 1) / block * ARCHIVE_BLOOM_BLOCK;
}

static size_t block_at(size_t size, uint64_t hash)
{
	return (size_t)((hash >> 32) * (size / ARCHIVE_BLOOM_BLOCK) >> 32) * ARCHIVE_BLOOM_BLOCK;
}

static uint32_t bit_of(unsigned word, uint64_t hash)
{
	return UINT32_C(1) << ((uint32_t)hash * salts[word] >> 27);
}

void archive_bloom_add(uint8_t *filter, size_t size, uint64_t hash)
{
	uint8_t *block = filter + block_at(size, hash);
	for (unsigned i = 0; i < WORDS; i++)
		store_le32(block + i * (size_t)4, load_le32(block + i * (size_t)4) | bit_of(i, hash));
}

bool archive_bloom_has(const uint8_t *filter, size_t size, uint64_t hash)
{
	const uint8_t *block = filter + block_at(size, hash);
	for (unsigned i = 0; i < WORDS; i++)
		if (!(load_le32(block + i * (size_t)4) & bit_of(i, hash)))
			return false;
	return true;
}
