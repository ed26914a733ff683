/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_POSTINGS_H
#define ARCHIVE_POSTINGS_H

/*
 * In which of a segment's blocks something occurs: ascending block numbers as bytes. A varint h tells the
 * form, B being the number of blocks in the segment:
 *
 *   h < B         this one block
 *   B <= h < 2B   h - B + 2 blocks: a varint for the first, then for each the difference to the one before,
 *                 less 1
 *   h == 2B       a bit for each block, in ceil(B / 8) bytes, the lowest bit first
 *
 * The bitmap is taken where it isn't longer. Reading is safe on any bytes.
 */

#include "base/cursor.h"
#include "base/dynbuf.h"

/* n ascending numbers below `blocks`; none where memory ended between an entry and its first block. Errors
 * stay in out->error. */
void archive_postings_put(struct dynbuf *out, const uint32_t *numbers, size_t n, size_t blocks);
/*
 * Reads one list: sets its blocks' bits in `bits` (of ceil(blocks / 64) words), unless that is NULL. False
 * where it is malformed, after which some bits may be set.
 */
bool archive_postings_get(struct cursor *c, size_t blocks, uint64_t *bits);

#endif
