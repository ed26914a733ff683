/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_SEGMENT_H
#define ARCHIVE_SEGMENT_H

/*
 * A segment file: header, blocks, sections (dictionaries, directory of the blocks, table of the runs),
 * trailer (doc/archive-format.md). It is written once, whole, under a temporary name, and never changes
 * afterwards. Every byte is under a checksum whose seed is the header's checksum and the place in the file,
 * so that no part of another file passes.
 *
 * Opening reads the trailer alone; what else is needed is read when it is. A file may be cut under a reader,
 * so it is read and never mapped.
 */

#include "archive/block.h"
#include "archive/dictionary.h"
#include "ledger/merkle.h"

enum {
	ARCHIVE_SEGMENT_VERSION = 2,
	ARCHIVE_SEGMENT_HEADER_SIZE = 48,
	ARCHIVE_SEGMENT_TRAILER_SIZE = 384,
	ARCHIVE_SEGMENT_ROWS_MAX = 1 << 24,
	ARCHIVE_SEGMENT_BLOCKS_MAX = 1 << 20,
	ARCHIVE_SEGMENT_RUNS_MAX = 1 << 16,
	ARCHIVE_RUN_ENTRY_SIZE = 48,
};

#define ARCHIVE_SEGMENT_MAGIC "BHseg\r\n\x1a"
#define ARCHIVE_SEGMENT_END   "BHsegEND"

/* Which runs of which kind a file holds, and how many fields records had when they were written. */
struct archive_identity {
	const struct archive_layout *layout;
	uint64_t first, last; /* runs */
	uint16_t n_columns;
};

/* The sections, by their places in the trailer: two, then three of each dictionary, then one. */
enum archive_section { ARCHIVE_SECTION_DIRECTORY, ARCHIVE_SECTION_RUNS, ARCHIVE_SECTION_DICTIONARIES };
enum {
	/* behind those of the dictionaries: what goes with addresses */
	ARCHIVE_SECTION_COMPANIONS = ARCHIVE_SECTION_DICTIONARIES + 3 * (ARCHIVE_DICTIONARIES - 1),
	ARCHIVE_SECTIONS
};
enum archive_dictionary_section {
	ARCHIVE_DICTIONARY_GROUPS,
	ARCHIVE_DICTIONARY_INDEX,
	ARCHIVE_DICTIONARY_FILTER
};

static inline unsigned archive_section_of(
    enum archive_dictionary dictionary, enum archive_dictionary_section part)
{
	return ARCHIVE_SECTION_DICTIONARIES + 3 * ((unsigned)dictionary - 1) + (unsigned)part;
}

/* The order in which they stand, behind the blocks. */
extern const uint8_t archive_section_order[ARCHIVE_SECTIONS];

struct archive_extent {
	uint64_t at, size, checksum; /* of groups no checksum: they have their own */
};

/* What the trailer holds. */
struct archive_trailer {
	struct archive_extent sections[ARCHIVE_SECTIONS];
	uint32_t entries[ARCHIVE_DICTIONARIES]; /* of each dictionary; [0] is none */
	uint32_t n_blocks;
	struct archive_span span;
};

struct archive_block_entry {
	uint64_t at;
	uint32_t size, table; /* bytes of the block, and of its table of chunks at its beginning */
	uint64_t checksum;    /* of the table */
	struct archive_span span;
	uint64_t reference_min, reference_max; /* of the layout's reference column */
};

/* An open segment, for reading. Zeroed struct with fd == -1 = none. */
struct archive_segment {
	int fd;
	struct archive_identity is;
	uint64_t seed; /* the header's checksum */
	uint64_t size; /* of the file */
	struct archive_trailer trailer;
	struct archive_block_entry *blocks; /* once loaded: trailer.n_blocks of them */
	struct archive_span *runs;          /* once loaded: of each run */
};

/* The header's bytes, ARCHIVE_SEGMENT_HEADER_SIZE of them, and its checksum, which stands at their end. */
uint64_t archive_segment_header(const struct archive_identity *is, uint8_t *bytes);

/*
 * Opens the file fd, which the segment owns from then on (also when this fails), and checks its trailer. It
 * must hold the runs of that kind from first to last. -ERR_UNSUPPORTED (a newer version), -ERR_MALFORMED,
 * -ERR_TRUNCATED, -ERR_CHECKSUM, -errno.
 */
int archive_segment_open(
    struct archive_segment *s, int fd, const struct archive_layout *layout, uint64_t first, uint64_t last);
/* A segment whose trailer was read before from this file: nothing is read but the file's size. */
int archive_segment_reopen(struct archive_segment *s, int fd, const struct archive_segment *before);
/* Reads the header and the directory, unless that was done. The same errors. */
int archive_segment_load(struct archive_segment *s);
/* Reads the spans of the runs, unless that was done. */
int archive_segment_load_runs(struct archive_segment *s);
/* Reads a whole section and checks it (not groups). */
int archive_segment_section(const struct archive_segment *s, unsigned section, struct dynbuf *ret_bytes);
/* Reads everything and checks each checksum. */
int archive_segment_verify(struct archive_segment *s);
void archive_segment_close(struct archive_segment *s);

static inline uint64_t archive_segment_blocks_end(const struct archive_segment *s)
{
	return s->trailer.sections[archive_section_order[0]].at;
}

static inline uint64_t archive_segment_runs(const struct archive_segment *s)
{
	return s->is.last - s->is.first + 1;
}

/* --- writing --- */

/*
 * A segment being made, record by record: blocks are encoded as they fill up, and stay in memory (some 25
 * bytes for a flow) until the file is written. What a record leads into is copied.
 */
struct archive_segment_writer;

int archive_segment_writer_new(
    struct archive_segment_writer **ret_writer, const struct archive_layout *layout, uint64_t seed);
void archive_segment_writer_free(struct archive_segment_writer *w);
/* Empties it for the next segment; its memory stays. */
void archive_segment_writer_reset(struct archive_segment_writer *w);
/* Adds a record of `encoded` bytes. On an error (-ENOMEM, -ERR_LIMIT) it wasn't taken and may be tried again.
 */
int archive_segment_writer_add(struct archive_segment_writer *w, const void *record, size_t encoded);
/* The records since the last call, or from the beginning, are a run: the first one, the next one ... Not
 * empty. */
int archive_segment_writer_end_run(struct archive_segment_writer *w);
/*
 * Writes all of it to the empty file fd, durably; records that belong to no run yet are one more. The runs
 * must be as many as `is` says. 0; -ENOSPC and other -errno of writing; -ENOMEM; -ERR_LIMIT. What was added
 * stays: it may be written again, and more be added. *ret_digest: SHA-256 of the file.
 */
int archive_segment_writer_finish(struct archive_segment_writer *w, int fd, const struct archive_identity *is,
    struct merkle_hash *ret_digest, uint64_t *ret_size);

#endif
