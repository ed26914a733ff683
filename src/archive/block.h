/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_BLOCK_H
#define ARCHIVE_BLOCK_H

/*
 * A block: some thousand records of one kind, column by column. Each column is a chunk, compressed by itself
 * where that helps, so that a reader takes only the columns it needs. Addresses stand once in the block's
 * sorted dictionary (a chunk of its own) and the columns hold their numbers in it. A column that is zero
 * throughout has no chunk.
 *
 * Reading is safe on any bytes: sizes are bounded below and every number into a dictionary is checked once,
 * when its column is decoded. Errors: -ERR_CHECKSUM, -ERR_MALFORMED, -ENOMEM, or what reading the file gave.
 */

#include "archive/intern.h"
#include "archive/layout.h"
#include "archive/stream.h"

enum {
	ARCHIVE_BLOCK_ROWS = 1 << 13,
	ARCHIVE_BLOCK_BYTES = 4 << 20,    /* a block closes once its encoded records reach this */
	ARCHIVE_BLOCK_ITEMS = 1 << 20,    /* of one list column; each takes at least 6 encoded bytes */
	ARCHIVE_BLOCK_RAW_MAX = 32 << 20, /* of all its chunks, uncompressed */
	ARCHIVE_CHUNK_ADDRS = 0xffff,     /* the column number of the address dictionary */
	ARCHIVE_CHUNK_ENTRY_SIZE = 20,    /* in the directory */
	ARCHIVE_BLOCK_ENTRY_SIZE = 42,
};

enum archive_compression { ARCHIVE_COMPRESSION_NONE, ARCHIVE_COMPRESSION_ZSTD };

/* Where a column's bytes are. */
struct archive_chunk {
	uint16_t column;
	uint8_t type; /* enum archive_column_type */
	uint8_t compression;
	uint32_t stored, raw; /* bytes before and after decompression */
	uint64_t checksum;    /* of the stored bytes */
	uint64_t at;
};

/* --- writing --- */

struct archive_encoder;

int archive_encoder_new(struct archive_encoder **ret_encoder, uint64_t seed);
void archive_encoder_free(struct archive_encoder *e);
/*
 * Appends n records (at most ARCHIVE_BLOCK_ROWS structs of the layout's size, one after the other) as chunks
 * to `out` and the block's entry to `directory`. 0, -ENOMEM or -ERR_LIMIT.
 */
int archive_block_encode(struct archive_encoder *e, const struct archive_layout *layout, const void *records,
    size_t n, struct dynbuf *out, struct dynbuf *directory);

/* --- reading --- */

/* A column once it is decoded. */
struct archive_column_data {
	bool loaded, absent;
	struct archive_stream numbers; /* values, numbers into a dictionary, or counts of a list */
	struct archive_stream items;   /* of lists: ids or field numbers */
	struct archive_stream lengths;
	struct dynbuf bytes; /* what the texts lead into */
	struct text *texts;
	size_t texts_cap;
	struct field_value *fields;
	size_t fields_cap;
	uint32_t *starts; /* of each row's list among the items */
	size_t starts_cap;
};

struct archive_segment;

/* One block of a segment, whose columns are decoded when first asked for; its memory serves the next block.
 * Zeroed struct = none. */
struct archive_block {
	const struct archive_segment *segment;
	size_t number;
	size_t rows;
	struct archive_column_data columns[ARCHIVE_COLUMNS_MAX];
	bool addrs_loaded;
	struct net_addr *addrs;
	size_t n_addrs, addrs_cap;
	struct dynbuf stored, raw; /* of one chunk */
	void *zstd;
};

/* Turns to block `number` of the segment, which is borrowed. Nothing is read yet. */
void archive_block_open(struct archive_block *b, const struct archive_segment *segment, size_t number);
void archive_block_free(struct archive_block *b);
/* Decodes a column (by its number) unless it is there already. */
int archive_block_column(
    struct archive_block *b, unsigned column, const struct archive_column_data **ret_data);
/* The address dictionary, ascending and without doubles: what block->addrs holds afterwards. */
int archive_block_addrs(struct archive_block *b);
/*
 * Writes the records of the given rows (ascending) to n structs at `records`. Their texts and lists lead into
 * the block and are good until it is opened anew or freed.
 */
int archive_block_fill(struct archive_block *b, const uint32_t *rows, size_t n, void *records);

#endif
