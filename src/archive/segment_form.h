/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_SEGMENT_FORM_H
#define ARCHIVE_SEGMENT_FORM_H

/* What collecting a segment's records and writing its file share. */

#include "archive/segment.h"

/* A block whose chunks are encoded, but those of numbers into dictionaries. */
struct writer_block {
	struct archive_span span;
	uint64_t reference_min, reference_max;
	size_t first_chunk, n_chunks;
	uint64_t first_row;
};

/* A column of numbers into a dictionary, of all rows, as they came. */
struct writer_numbers {
	uint8_t column;
	uint32_t *numbers;
	size_t cap;
};

struct archive_segment_writer {
	const struct archive_layout *layout;
	struct archive_encoder *encoder;
	struct archive_collected collected[ARCHIVE_DICTIONARIES];
	struct writer_numbers numbered[ARCHIVE_COLUMNS_MAX];
	unsigned n_numbered;
	uint8_t borrowing[ARCHIVE_COLUMNS_MAX]; /* columns whose texts and lists are copied */
	unsigned n_borrowing;
	struct archive_companions companions[ARCHIVE_COMPANIONS_MAX];
	uint8_t companion_columns[ARCHIVE_COMPANIONS_MAX];
	unsigned n_companions;
	uint8_t codes[ARCHIVE_COMPANIONS_MAX][ARCHIVE_BLOCK_ROWS]; /* of the staged records */
	struct archive_chunks chunks;                              /* of all blocks */
	struct writer_block *blocks;
	size_t n_blocks, cap_blocks;
	struct archive_span *runs, run; /* run: of the records since the last one ended */
	size_t n_runs, cap_runs;
	uint8_t *staged; /* records of the block that is being filled; block tells of them */
	size_t n_staged, staged_bytes;
	struct writer_block block;
	struct arena arena; /* what they lead into */
	uint64_t rows;
};

/* Encodes what is staged as block n_blocks, which isn't counted yet; it stays staged. */
int writer_encode_block(struct archive_segment_writer *w);

#endif
