/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_READER_H
#define ARCHIVE_READER_H

/* A segment with its dictionaries and one block, as whoever reads it needs them: their memory serves the next
 * segment. One thread's. */

#include "archive/dictionary.h"
#include "archive/segment.h"

struct archive_reader {
	struct archive_segment segment; /* fd == -1: none */
	struct archive_dictionary_reader dictionaries[ARCHIVE_DICTIONARIES];
	struct archive_block block;
};

void archive_reader_init(struct archive_reader *r);
/* Turns to the segment whose trailer was read before from the file of that name in the folder. The same
 * errors as archive_segment_reopen. */
int archive_reader_open(
    struct archive_reader *r, int folder, const char *name, const struct archive_segment *before);
/* Turns to a block; the segment is loaded first. */
int archive_reader_block(struct archive_reader *r, size_t number);
/* Closes the segment; the memory stays. */
void archive_reader_close(struct archive_reader *r);
void archive_reader_free(struct archive_reader *r);

#endif
