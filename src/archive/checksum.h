/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_CHECKSUM_H
#define ARCHIVE_CHECKSUM_H

/* XXH64: finds torn and rotten bytes. It proves nothing against somebody who forges. */

#include <stddef.h>
#include <stdint.h>

uint64_t archive_checksum(const void *p, size_t n, uint64_t seed);
/* The same over two pieces, as if they were one. */
uint64_t archive_checksum2(const void *p, size_t n, const void *q, size_t m, uint64_t seed);

#endif
