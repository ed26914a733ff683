/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_CHECKSUM_H
#define ARCHIVE_CHECKSUM_H

/* XXH3-64: finds torn and rotten bytes. It proves nothing against somebody who forges. */

#include <stddef.h>
#include <stdint.h>

uint64_t archive_checksum(const void *p, size_t n, uint64_t seed);

#endif
