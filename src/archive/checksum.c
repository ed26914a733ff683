/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t archive_checksum(const void *p, size_t n, uint64_t seed)
{
	return XXH3_64bits_withSeed(p, n, seed);
}
