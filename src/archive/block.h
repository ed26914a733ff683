/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_BLOCK_H
#define ARCHIVE_BLOCK_H

/*
 * A block: some thousand records of one kind, column by column. Each column is a chunk of its own, stored as
 * it is or compressed where that helps, so that a reader takes only the columns and mostly only the rows that
 * it needs. Columns of addresses and names hold numbers into the segment's dictionaries. A column that is
 * zero throughout has no chunk.
 *
 * Reading is safe on any bytes: sizes are bounded below and every number into a dictionary is checked once,
 * when its column is decoded. Errors: -ERR_CHECKSUM, -ERR_MALFORMED, -ENOMEM, or what reading the file gave.
 */

#include "archive/companions.h"
#include "archive/gather.h"
#include "archive/intern.h"
#include "archive/layout.h"
#include "archive/stream.h"
#include "archive/tuples.h"

enum {
	ARCHIVE_BLOCK_ROWS = 1 << 11,
	ARCHIVE_BLOCK_BYTES = 4 << 20,    /* a block closes once its encoded records reach this */
	ARCHIVE_BLOCK_ITEMS = 1 << 20,    /* of one list column; each takes at least 6 encoded bytes */
	ARCHIVE_BLOCK_RAW_MAX = 32 << 20, /* of all its chunks, uncompressed */
	ARCHIVE_BLOCK_ENTRY_SIZE = 80,    /* in the directory */
	ARCHIVE_BLOCK_TABLE_MAX = 2048,
};

/* How a column's values stand in its chunk. */
enum archive_chunk_form {
	ARCHIVE_CHUNK_PLAIN, /* as the column's type says */
	ARCHIVE_CHUNK_NEAR,  /* as numbers that are near to those of another column (archive/stream.h) */
	ARCHIVE_CHUNK_COMPANION = ARCHIVE_CHUNK_NEAR, /* by what goes with the row's address
	                                                 (archive/companions.h), which none of the near are */
	ARCHIVE_CHUNK_TUPLES,   /* the leader's: the rows' tuples (archive/tuples.h), and its value in each */
	ARCHIVE_CHUNK_BY_TUPLE, /* the column's value in each of the leader's tuples */
	ARCHIVE_CHUNK_FORMS = 4
};

/* Where a column's bytes are. */
struct archive_chunk {
	uint8_t column;
	uint8_t form;         /* enum archive_chunk_form */
	uint32_t stored, raw; /* bytes; raw == 0: not compressed */
	uint32_t checksum;
	uint64_t at; /* in the file; while writing among the chunks */
};

/* --- writing --- */

struct archive_encoder;

int archive_encoder_new(struct archive_encoder **ret_encoder, uint64_t seed);
void archive_encoder_free(struct archive_encoder *e);

/* Chunks as they are written: their bytes stand in `bytes`, those of a block one after the other. */
struct archive_chunks {
	struct dynbuf bytes;
	struct archive_chunk *chunks;
	size_t n, cap;
};

/*
 * Appends the chunks of n records (at most ARCHIVE_BLOCK_ROWS structs of the layout's size, one after the
 * other), but those of columns of numbers into dictionaries. codes: what the rows of columns with a companion
 * say, by archive_companion_place. 0, -ENOMEM or -ERR_LIMIT.
 */
int archive_block_encode(struct archive_encoder *e, const struct archive_layout *layout, const void *records,
    size_t n, const uint8_t (*codes)[ARCHIVE_BLOCK_ROWS], struct archive_chunks *out);
/* The distinct values of a block's lists of fields: what hunts find records by. */
struct archive_block_values {
	const struct text *texts; /* which lead into the records */
	const uint64_t *hashes;   /* of base/hash.h, with the encoder's seed */
	const uint8_t *into; /* the dictionaries that they belong in: 1 << enum archive_dictionary each */
	size_t n;
};

/* Of the block that was encoded last; borrowed, until the next one is. */
struct archive_block_values archive_block_values(const struct archive_encoder *e);
/* Appends a chunk of n numbers into a dictionary. */
int archive_block_encode_numbers(struct archive_encoder *e, unsigned column, const uint32_t *numbers,
    const uint32_t *places, size_t n, struct archive_chunks *out);
void archive_chunks_free(struct archive_chunks *c);

/* --- reading --- */

/* A column once it is decoded. */
struct archive_column_data {
	bool loaded, absent;
	struct archive_stream numbers; /* values, numbers into a dictionary, or counts of a list */
	struct archive_stream items;   /* of lists: ids or field numbers; of a leader: the rows' tuples */
	struct archive_stream lengths; /* of texts; by tuple: the values */
	size_t n_tuples;
	struct dynbuf bytes; /* what the texts lead into */
	struct text *texts;
	size_t texts_cap;
	struct field_value *fields;
	size_t fields_cap;
	uint32_t *starts; /* of each row's list among the items */
	size_t starts_cap;
};

struct archive_segment;
struct archive_dictionary_reader;

/* One block of a segment, whose columns are decoded when first asked for; its memory serves the next block.
 * Zeroed struct = none. */
struct archive_block {
	const struct archive_segment *segment;
	struct archive_dictionary_reader *dictionaries; /* ARCHIVE_DICTIONARIES of them, of this segment */
	size_t number;
	size_t rows;
	bool table_loaded;
	struct archive_chunk chunks[ARCHIVE_COLUMNS_MAX];
	size_t n_chunks;
	uint8_t places[ARCHIVE_COLUMNS_MAX]; /* of a column's chunk, plus one */
	struct archive_column_data columns[ARCHIVE_COLUMNS_MAX];
	struct archive_stream picked; /* of some rows */
	struct dynbuf window;         /* what was read of the block's bytes last, from window_at on */
	uint64_t window_at;
	struct dynbuf raw; /* of one chunk, decompressed */
	void *zstd;
};

/* Turns to block `number` of the segment, which is loaded and borrowed, as are its dictionaries. Nothing is
 * read yet. */
void archive_block_open(struct archive_block *b, const struct archive_segment *segment,
    struct archive_dictionary_reader *dictionaries, size_t number);
void archive_block_free(struct archive_block *b);
/* Decodes a column (by its number) unless it is there already. */
int archive_block_column(
    struct archive_block *b, unsigned column, const struct archive_column_data **ret_data);
/* Decodes the columns whose bits are set: for those who want more than a few rows of them. */
int archive_block_load(struct archive_block *b, uint64_t columns);
/* Reads every byte of the block and checks its checksum. */
int archive_block_verify(struct archive_block *b);
/*
 * The numbers of a column of numbers in the given rows (ascending): value k is that of rows[k]. Fewer than
 * all are taken from the chunk without decoding the others, where its form allows. `into` has
 * ARCHIVE_BLOCK_ROWS places.
 */
int archive_block_pick(
    struct archive_block *b, unsigned column, const uint32_t *rows, size_t n, uint64_t *into);
/* Whether a column of numbers has a bit of `mask` in some row. Of columns that go together their tuples are
 * looked at, of which there are few; of others all rows. */
int archive_block_any(struct archive_block *b, unsigned column, uint64_t mask, bool *ret_any);
/*
 * Writes the records of the given rows (ascending) to n structs at `records`, in them the columns whose bits
 * are set in `columns`; the others are zero. Of columns that aren't decoded yet only these rows are picked.
 * Their texts and lists lead into the block and its dictionaries and are good until those are opened anew or
 * freed.
 */
int archive_block_fill(
    struct archive_block *b, const uint32_t *rows, size_t n, uint64_t columns, void *records);

enum { ARCHIVE_RECORDS = 64, ARCHIVE_RECORDS_BYTES = 2 * MSG_RECORD_MAX };

/* Some encoded records, whose memory serves the next ones. Zeroed struct = none. */
struct archive_records {
	struct dynbuf bytes;
	struct text records[ARCHIVE_RECORDS];
	size_t n;
};

/*
 * The rows from `from` on, up to n of them and up to ARCHIVE_RECORDS, as they were encoded when they were
 * appended by a program that knew the first n_columns fields: at least one, and as many as are together below
 * ARCHIVE_RECORDS_BYTES. Decodes whole columns. -ERR_LIMIT: the first is larger than any record.
 */
int archive_block_records(
    struct archive_block *b, size_t from, size_t n, unsigned n_columns, struct archive_records *out);

#endif
