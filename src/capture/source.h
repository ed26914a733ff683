/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CAPTURE_SOURCE_H
#define CAPTURE_SOURCE_H

/*
 * The bytes of one capture file in order, plain or unpacked (gzip, zstd), through one window that it owns.
 * The window is filled by read(2): a mapping would turn a file that is cut while we read it into SIGBUS, and
 * is not faster (see doc/capture.md). It begins at SOURCE_WINDOW and grows to at most SOURCE_WINDOW_MAX, for
 * a record that needs it.
 *
 * The only system calls after source_open are read and close.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/capture.h"

enum {
	SOURCE_WINDOW = 1 << 16,
	SOURCE_BLOCK_MAX = CAPTURE_RECORD_MAX + (1 << 16), /* the most that source_peek gives at once */
	SOURCE_WINDOW_MAX = SOURCE_BLOCK_MAX,
	SOURCE_WHY = 96,
};

/* Memory of all decompressors of a set: zstd lets a file ask for a window of up to 128 MiB. */
struct source_budget {
	size_t used, max;
};

struct source {
	/* read-only to others */
	uint8_t *window;
	size_t at, end; /* what was not taken yet is window[at .. end) */
	size_t cap;
	uint64_t offset;      /* of window[0] in the unpacked bytes */
	uint64_t stored_read; /* bytes of the file itself */
	int error; /* why there is no more: 0 at a clean end; -errno, -ERR_TRUNCATED, -ERR_MALFORMED,
	              -ERR_LIMIT */
	char why[SOURCE_WHY]; /* says more about error, or "" */

	/* private */
	int fd;
	bool at_end;
	uint8_t *packed; /* bytes as stored, in front of a decompressor */
	size_t packed_at, packed_end;
	void *unpacker;
	size_t unpacker_bytes; /* what it was charged to the budget */
	struct source_budget *budget;
	ptrdiff_t (*pull)(struct source *s, uint8_t *out, size_t room);
	void (*unpacker_free)(struct source *s);
};

/*
 * Takes over fd, also on failure. Reads the first bytes to see how the file is packed. Fails with -errno, or
 * -ERR_UNSUPPORTED for a packing that we don't read, with the reason in why[SOURCE_WHY].
 */
int source_open(struct source **ret_source, int fd, struct source_budget *budget, char *why);
void source_close(struct source *s);

const uint8_t *source_fill(struct source *s, size_t n);

/*
 * The next n bytes in one piece, without taking them; good until the next source_peek or source_skip. NULL
 * where the file ends before, or can't be read on (source->error), or n is more than SOURCE_BLOCK_MAX; what
 * there is stays.
 */
static inline const uint8_t *source_peek(struct source *s, size_t n)
{
	return n <= s->end - s->at ? s->window + s->at : source_fill(s, n);
}

/* Takes n bytes that source_peek has shown. */
static inline void source_take(struct source *s, size_t n)
{
	s->at += n;
}

/* Takes up to n bytes unseen; gives how many there were. */
uint64_t source_skip(struct source *s, uint64_t n);

/* Bytes that are there but were not taken. */
static inline size_t source_left(const struct source *s)
{
	return s->end - s->at;
}

/* Unpacked bytes taken so far. */
static inline uint64_t source_position(const struct source *s)
{
	return s->offset + s->at;
}

/* For decompressors: more stored bytes behind s->packed_at. 1, 0 at the end of the file, -errno. */
int source_packed_more(struct source *s);
/* Sets s->error and s->why; gives error. */
int source_fail(struct source *s, int error, const char *why);

int source_gzip_start(struct source *s);
int source_zstd_start(struct source *s);

#endif
