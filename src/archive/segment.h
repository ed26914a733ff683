/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_SEGMENT_H
#define ARCHIVE_SEGMENT_H

/*
 * A segment file: header, blocks, directory of the blocks, trailer (doc/archive-format.md). It is written
 * once, whole, under a temporary name, and never changes afterwards. Header, directory, trailer and each
 * chunk carry a checksum.
 */

#include "archive/block.h"

enum {
	ARCHIVE_SEGMENT_VERSION = 1,
	ARCHIVE_SEGMENT_HEADER_SIZE = 40,
	ARCHIVE_SEGMENT_TRAILER_SIZE = 96,
	ARCHIVE_SEGMENT_ROWS_MAX = 1 << 24,
	ARCHIVE_DIRECTORY_MAX = 16 << 20,
};

#define ARCHIVE_SEGMENT_MAGIC "BHseg\r\n\x1a"
#define ARCHIVE_SEGMENT_END   "BHsegEND"

/*
 * Writes n encoded records of the layout's kind, one after the other at `records`, as segment `number` to the
 * empty file fd and makes it durable. 0; -ENOSPC and other -errno of writing; -ENOMEM; -ERR_MALFORMED where a
 * record doesn't decode.
 */
int archive_segment_write(struct archive_encoder *e, int fd, const struct archive_layout *layout,
    uint64_t number, struct text records);

struct archive_block_entry {
	struct archive_span span;
	uint32_t first_chunk, n_chunks;
};

/* An open segment, for reading. Zeroed struct with fd == -1 = none. */
struct archive_segment {
	int fd;
	const struct archive_layout *layout;
	uint64_t number;
	uint64_t size; /* of the file */
	struct archive_span span;
	uint64_t directory_at;
	uint32_t directory_size;
	uint64_t directory_checksum;
	size_t n_blocks;
	struct archive_block_entry *blocks; /* once loaded */
	struct archive_chunk *chunks;
};

/*
 * Opens the file fd, which the segment owns from then on (also when this fails), and checks its header and
 * trailer. -ERR_UNSUPPORTED (a newer version), -ERR_MALFORMED, -ERR_TRUNCATED, -ERR_CHECKSUM, -errno.
 */
int archive_segment_open(
    struct archive_segment *s, int fd, const struct archive_layout *layout, uint64_t number);
/* Reads the directory, unless that was done. The same errors. */
int archive_segment_load(struct archive_segment *s);
void archive_segment_close(struct archive_segment *s);
/* The chunk of a column in a block, NULL where the column is zero throughout. */
const struct archive_chunk *archive_segment_chunk(
    const struct archive_segment *s, size_t block, unsigned column);

#endif
