/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/segment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/checksum.h"
#include "archive/file.h"
#include "base/cursor.h"
#include "base/err.h"

static int read_header(struct archive_segment *s, uint64_t *ret_checksum)
{
	uint8_t bytes[ARCHIVE_SEGMENT_HEADER_SIZE];
	int r = archive_file_read(s->fd, bytes, sizeof(bytes), 0);
	if (r < 0)
		return r;
	struct cursor c = cursor_of(bytes, sizeof(bytes));
	const uint8_t *magic = cursor_take(&c, 8);
	uint16_t version = cursor_le16(&c), record = cursor_le16(&c);
	cursor_skip(&c, 4);
	uint64_t number = cursor_le64(&c);
	cursor_skip(&c, 8);
	uint64_t checksum = cursor_le64(&c);
	if (memcmp(magic, ARCHIVE_SEGMENT_MAGIC, 8) != 0)
		return -ERR_MALFORMED;
	if (checksum != archive_checksum(bytes, sizeof(bytes) - 8, 0))
		return -ERR_CHECKSUM;
	if (version > ARCHIVE_SEGMENT_VERSION)
		return -ERR_UNSUPPORTED;
	if (version != ARCHIVE_SEGMENT_VERSION || record != s->layout->record || number != s->number)
		return -ERR_MALFORMED;
	*ret_checksum = checksum;
	return 0;
}

static bool span_is_sound(const struct archive_span *s)
{
	return s->records > 0 && s->untimed <= s->records && s->id_min <= s->id_max && s->first <= s->last;
}

static int read_trailer(struct archive_segment *s, uint64_t header_checksum)
{
	uint8_t bytes[ARCHIVE_SEGMENT_TRAILER_SIZE];
	uint64_t at = s->size - sizeof(bytes);
	int r = archive_file_read(s->fd, bytes, sizeof(bytes), at);
	if (r < 0)
		return r;
	struct cursor c = cursor_of(bytes, sizeof(bytes));
	s->directory_at = cursor_le64(&c);
	s->directory_checksum = cursor_le64(&c);
	s->directory_size = cursor_le32(&c);
	s->n_blocks = cursor_le32(&c);
	s->span.records = cursor_le64(&c);
	s->span.untimed = cursor_le64(&c);
	s->span.id_min = cursor_le64(&c);
	s->span.id_max = cursor_le64(&c);
	s->span.first = (int64_t)cursor_le64(&c);
	s->span.last = (int64_t)cursor_le64(&c);
	cursor_skip(&c, 8);
	const uint8_t *magic = cursor_take(&c, 8);
	uint64_t checksum = cursor_le64(&c);
	if (memcmp(magic, ARCHIVE_SEGMENT_END, 8) != 0)
		return -ERR_MALFORMED;
	if (checksum != archive_checksum(bytes, sizeof(bytes) - 8, header_checksum))
		return -ERR_CHECKSUM;
	if (!span_is_sound(&s->span) || s->span.records > ARCHIVE_SEGMENT_ROWS_MAX || s->n_blocks == 0 ||
	    s->directory_size > ARCHIVE_DIRECTORY_MAX || s->directory_at > at ||
	    at - s->directory_at != s->directory_size ||
	    s->n_blocks > s->directory_size / ARCHIVE_BLOCK_ENTRY_SIZE)
		return -ERR_MALFORMED;
	return 0;
}

int archive_segment_open(
    struct archive_segment *s, int fd, const struct archive_layout *layout, uint64_t number)
{
	uint64_t checksum = 0;
	*s = (struct archive_segment){.fd = fd, .layout = layout, .number = number};
	int r = archive_file_size(fd, &s->size);
	if (r == 0 && s->size < ARCHIVE_SEGMENT_HEADER_SIZE + ARCHIVE_SEGMENT_TRAILER_SIZE)
		r = -ERR_TRUNCATED;
	if (r == 0)
		r = read_header(s, &checksum);
	if (r == 0)
		r = read_trailer(s, checksum);
	if (r < 0)
		archive_segment_close(s);
	return r;
}

void archive_segment_close(struct archive_segment *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->blocks);
	free(s->chunks);
	*s = (struct archive_segment){.fd = -1};
}

/* One chunk's entry; chunks stand one after the other, and *at moves past this one. */
static int read_chunk_entry(
    struct archive_segment *s, struct cursor *c, struct archive_chunk *chunk, uint64_t *at)
{
	*chunk = (struct archive_chunk){.column = cursor_le16(c),
	    .type = cursor_u8(c),
	    .compression = cursor_u8(c),
	    .stored = cursor_le32(c),
	    .raw = cursor_le32(c),
	    .checksum = cursor_le64(c),
	    .at = *at};
	if (!cursor_ok(c) || chunk->stored > s->directory_at - *at || chunk->raw > ARCHIVE_BLOCK_RAW_MAX)
		return -ERR_MALFORMED;
	if (chunk->compression > ARCHIVE_COMPRESSION_ZSTD)
		return -ERR_UNSUPPORTED;
	if (chunk->compression == ARCHIVE_COMPRESSION_NONE && chunk->stored != chunk->raw)
		return -ERR_MALFORMED;
	*at += chunk->stored;
	return 0;
}

static int read_block_entry(
    struct archive_segment *s, struct cursor *c, size_t number, size_t *chunks, uint64_t *at)
{
	struct archive_block_entry *b = &s->blocks[number];
	uint64_t raw = 0;
	b->span.records = cursor_le32(c);
	b->span.untimed = cursor_le32(c);
	b->span.id_min = cursor_le64(c);
	b->span.id_max = cursor_le64(c);
	b->span.first = (int64_t)cursor_le64(c);
	b->span.last = (int64_t)cursor_le64(c);
	b->n_chunks = cursor_le16(c);
	b->first_chunk = (uint32_t)*chunks;
	if (!cursor_ok(c) || !span_is_sound(&b->span) || b->span.records > ARCHIVE_BLOCK_ROWS ||
	    b->n_chunks > ARCHIVE_COLUMNS_MAX + 1)
		return -ERR_MALFORMED;
	for (uint32_t i = 0; i < b->n_chunks; i++, (*chunks)++) {
		int r = read_chunk_entry(s, c, &s->chunks[*chunks], at);
		if (r < 0)
			return r;
		raw += s->chunks[*chunks].raw;
	}
	return raw > ARCHIVE_BLOCK_RAW_MAX ? -ERR_MALFORMED : 0;
}

static int read_directory(struct archive_segment *s, const uint8_t *bytes)
{
	struct cursor c = cursor_of(bytes, s->directory_size);
	size_t chunks = 0;
	uint64_t at = ARCHIVE_SEGMENT_HEADER_SIZE;
	struct archive_span sum = {0};
	if (archive_checksum(bytes, s->directory_size, 0) != s->directory_checksum)
		return -ERR_CHECKSUM;
	for (size_t i = 0; i < s->n_blocks; i++) {
		int r = read_block_entry(s, &c, i, &chunks, &at);
		if (r < 0)
			return r;
		archive_span_merge(&sum, &s->blocks[i].span);
	}
	bool agrees = sum.records == s->span.records && sum.untimed == s->span.untimed &&
	              sum.id_min == s->span.id_min && sum.id_max == s->span.id_max &&
	              sum.first == s->span.first && sum.last == s->span.last;
	return agrees && cursor_left(&c) == 0 && at == s->directory_at ? 0 : -ERR_MALFORMED;
}

int archive_segment_load(struct archive_segment *s)
{
	if (s->blocks)
		return 0;
	/* the directory's size bounds how many entries it can hold */
	size_t chunks = s->directory_size / ARCHIVE_CHUNK_ENTRY_SIZE;
	uint8_t *bytes = malloc(s->directory_size);
	s->blocks = calloc(s->n_blocks, sizeof(*s->blocks));
	s->chunks = calloc(chunks + 1, sizeof(*s->chunks));
	int r = bytes && s->blocks && s->chunks ? 0 : -ENOMEM;
	if (r == 0)
		r = archive_file_read(s->fd, bytes, s->directory_size, s->directory_at);
	if (r == 0)
		r = read_directory(s, bytes);
	if (r < 0) {
		free(s->blocks);
		free(s->chunks);
		s->blocks = NULL;
		s->chunks = NULL;
	}
	free(bytes);
	return r;
}

const struct archive_chunk *archive_segment_chunk(
    const struct archive_segment *s, size_t block, unsigned column)
{
	const struct archive_block_entry *b = &s->blocks[block];
	for (uint32_t i = 0; i < b->n_chunks; i++)
		if (s->chunks[b->first_chunk + i].column == column)
			return &s->chunks[b->first_chunk + i];
	return NULL;
}
