/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t archive_checksum(const void *p, size_t n, uint64_t seed)
{
	return XXH64(p, n, seed);
}

uint64_t archive_checksum2(const void *p, size_t n, const void *q, size_t m, uint64_t seed)
{
	XXH64_state_t state;
	XXH64_reset(&state, seed);
	XXH64_update(&state, p, n);
	if (m)
		XXH64_update(&state, q, m);
	return XXH64_digest(&state);
}
