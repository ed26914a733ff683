/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_BLOCK_READ_H
#define ARCHIVE_BLOCK_READ_H

/* What decoding columns, picking rows of them and reading their bytes share. */

#include "archive/block.h"

/* The chunk of a column, NULL where the column is zero throughout. -ERR_UNSUPPORTED: of a form that this
 * column doesn't have. */
int block_find_chunk(struct archive_block *b, unsigned column, const struct archive_chunk **ret_chunk);
/* The bytes of a chunk, checked and decompressed: a cursor over them, good until the next call. */
int block_read_chunk(struct archive_block *b, const struct archive_chunk *chunk, struct cursor *ret_cursor);
/* Whether a chunk's values begin with how they are near to another column's, and that. */
bool block_has_near(const struct archive_column *column, unsigned form);
bool block_get_near(struct cursor *c, struct archive_near *ret_by);
/* Empties a buffer and makes room for n bytes. NULL: no memory. */
uint8_t *block_room(struct dynbuf *b, size_t n);

#endif
