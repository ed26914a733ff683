/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/segment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/bloom.h"
#include "archive/checksum.h"
#include "archive/file.h"
#include "base/cursor.h"
#include "base/err.h"

enum { SECTION_MAX = 1 << 30 };

uint64_t archive_segment_header(const struct archive_identity *is, uint8_t *bytes)
{
	memset(bytes, 0, ARCHIVE_SEGMENT_HEADER_SIZE);
	memcpy(bytes, ARCHIVE_SEGMENT_MAGIC, 8);
	store_le16(bytes + 8, ARCHIVE_SEGMENT_VERSION);
	store_le16(bytes + 10, is->layout->record);
	store_le16(bytes + 12, is->n_columns);
	store_le64(bytes + 16, is->first);
	store_le64(bytes + 24, is->last);
	uint64_t checksum = archive_checksum(bytes, ARCHIVE_SEGMENT_HEADER_SIZE - 8, 0);
	store_le64(bytes + ARCHIVE_SEGMENT_HEADER_SIZE - 8, checksum);
	return checksum;
}

static bool span_is_sound(const struct archive_span *s)
{
	return s->records > 0 && s->untimed <= s->records && s->id_min <= s->id_max && s->first <= s->last;
}

static struct archive_span get_span(struct cursor *c)
{
	return (struct archive_span){.records = cursor_le64(c),
	    .untimed = cursor_le64(c),
	    .id_min = cursor_le64(c),
	    .id_max = cursor_le64(c),
	    .first = (int64_t)cursor_le64(c),
	    .last = (int64_t)cursor_le64(c)};
}

static bool span_equal(const struct archive_span *a, const struct archive_span *b)
{
	return a->records == b->records && a->untimed == b->untimed && a->id_min == b->id_min &&
	       a->id_max == b->id_max && a->first == b->first && a->last == b->last;
}

const uint8_t archive_section_order[ARCHIVE_SECTIONS] = {
    ARCHIVE_SECTION_DICTIONARIES + ARCHIVE_DICTIONARY_GROUPS,
    ARCHIVE_SECTION_DICTIONARIES + 3 + ARCHIVE_DICTIONARY_GROUPS,
    ARCHIVE_SECTION_DICTIONARIES + 6 + ARCHIVE_DICTIONARY_GROUPS,
    ARCHIVE_SECTION_DICTIONARIES + ARCHIVE_DICTIONARY_INDEX,
    ARCHIVE_SECTION_DICTIONARIES + 3 + ARCHIVE_DICTIONARY_INDEX,
    ARCHIVE_SECTION_DICTIONARIES + 6 + ARCHIVE_DICTIONARY_INDEX,
    ARCHIVE_SECTION_COMPANIONS,
    ARCHIVE_SECTION_DIRECTORY,
    ARCHIVE_SECTION_RUNS,
    ARCHIVE_SECTION_DICTIONARIES + ARCHIVE_DICTIONARY_FILTER,
    ARCHIVE_SECTION_DICTIONARIES + 3 + ARCHIVE_DICTIONARY_FILTER,
    ARCHIVE_SECTION_DICTIONARIES + 6 + ARCHIVE_DICTIONARY_FILTER,
};

/* Sections lie one behind the other from the blocks' end to the trailer; what is inside them is checked when
 * they are read. */
static int check_trailer(const struct archive_segment *s)
{
	const struct archive_trailer *t = &s->trailer;
	const struct archive_extent *directory = &t->sections[ARCHIVE_SECTION_DIRECTORY];
	uint64_t end = s->size - ARCHIVE_SEGMENT_TRAILER_SIZE, at = archive_segment_blocks_end(s);
	for (unsigned i = 0; i < ARCHIVE_SECTIONS; i++) {
		const struct archive_extent *e = &t->sections[archive_section_order[i]];
		if (e->at != at || at < ARCHIVE_SEGMENT_HEADER_SIZE || at > end || e->size > end - at ||
		    e->size > SECTION_MAX)
			return -ERR_MALFORMED;
		at += e->size;
	}
	if (at != end)
		return -ERR_MALFORMED;
	for (unsigned d = 1; d < ARCHIVE_DICTIONARIES; d++) {
		const struct archive_extent *parts =
		    &t->sections[archive_section_of((enum archive_dictionary)d, ARCHIVE_DICTIONARY_GROUPS)];
		uint64_t filter = parts[ARCHIVE_DICTIONARY_FILTER].size;
		/* each entry takes a byte at least */
		if (t->entries[d] > parts[ARCHIVE_DICTIONARY_GROUPS].size || filter % ARCHIVE_BLOOM_BLOCK ||
		    (t->entries[d] > 0) != (filter > 0))
			return -ERR_MALFORMED;
	}
	if (!span_is_sound(&t->span) || t->span.records > ARCHIVE_SEGMENT_ROWS_MAX || t->n_blocks == 0 ||
	    t->n_blocks > ARCHIVE_SEGMENT_BLOCKS_MAX || t->n_blocks > t->span.records ||
	    directory->size != (uint64_t)t->n_blocks * ARCHIVE_BLOCK_ENTRY_SIZE ||
	    t->sections[ARCHIVE_SECTION_RUNS].size != archive_segment_runs(s) * ARCHIVE_RUN_ENTRY_SIZE)
		return -ERR_MALFORMED;
	return 0;
}

static int read_trailer(struct archive_segment *s)
{
	uint8_t bytes[ARCHIVE_SEGMENT_TRAILER_SIZE], header[ARCHIVE_SEGMENT_HEADER_SIZE];
	struct archive_trailer *t = &s->trailer;
	uint64_t at = s->size - sizeof(bytes);
	int r = archive_file_read(s->fd, bytes, sizeof(bytes), at);
	if (r < 0)
		return r;
	struct cursor c = cursor_of(bytes, sizeof(bytes));
	for (unsigned i = 0; i < ARCHIVE_SECTIONS; i++)
		t->sections[i] = (struct archive_extent){
		    .at = cursor_le64(&c), .size = cursor_le64(&c), .checksum = cursor_le64(&c)};
	t->span = get_span(&c);
	t->n_blocks = cursor_le32(&c);
	for (unsigned d = 1; d < ARCHIVE_DICTIONARIES; d++)
		t->entries[d] = cursor_le32(&c);
	s->is.n_columns = cursor_le16(&c);
	uint16_t version = cursor_le16(&c);
	cursor_seek(&c, sizeof(bytes) - 16);
	const uint8_t *magic = cursor_take(&c, 8);
	uint64_t checksum = cursor_le64(&c);
	if (memcmp(magic, ARCHIVE_SEGMENT_END, 8) != 0)
		return -ERR_MALFORMED;
	s->seed = archive_segment_header(&s->is, header);
	if (checksum != archive_checksum(bytes, sizeof(bytes) - 8, s->seed + at))
		return -ERR_CHECKSUM;
	return version == ARCHIVE_SEGMENT_VERSION ? check_trailer(s) : -ERR_UNSUPPORTED;
}

/* What is of another version need not have a trailer like ours: its header tells. */
static int is_newer(const struct archive_segment *s)
{
	uint8_t bytes[ARCHIVE_SEGMENT_HEADER_SIZE];
	int r = archive_file_read(s->fd, bytes, sizeof(bytes), 0);
	if (r < 0)
		return r;
	return memcmp(bytes, ARCHIVE_SEGMENT_MAGIC, 8) == 0 &&
	       load_le16(bytes + 8) > ARCHIVE_SEGMENT_VERSION &&
	       load_le64(bytes + sizeof(bytes) - 8) == archive_checksum(bytes, sizeof(bytes) - 8, 0);
}

int archive_segment_open(
    struct archive_segment *s, int fd, const struct archive_layout *layout, uint64_t first, uint64_t last)
{
	*s = (struct archive_segment){.fd = fd, .is = {.layout = layout, .first = first, .last = last}};
	int r = first && first <= last && last - first < ARCHIVE_SEGMENT_RUNS_MAX ? 0 : -ERR_MALFORMED;
	if (r == 0)
		r = archive_file_size(fd, &s->size);
	if (r == 0 && s->size < ARCHIVE_SEGMENT_HEADER_SIZE + ARCHIVE_SEGMENT_TRAILER_SIZE)
		r = -ERR_TRUNCATED;
	if (r == 0) {
		r = read_trailer(s);
		if (r < 0 && is_newer(s) > 0)
			r = -ERR_UNSUPPORTED;
	}
	if (r < 0)
		archive_segment_close(s);
	return r;
}

int archive_segment_reopen(struct archive_segment *s, int fd, const struct archive_segment *before)
{
	uint64_t size;
	*s = *before;
	s->fd = fd;
	s->blocks = NULL;
	s->runs = NULL;
	int r = archive_file_size(fd, &size);
	if (r == 0 && size != s->size)
		r = -ERR_TRUNCATED;
	if (r < 0)
		archive_segment_close(s);
	return r;
}

void archive_segment_close(struct archive_segment *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->blocks);
	free(s->runs);
	*s = (struct archive_segment){.fd = -1};
}

int archive_segment_section(const struct archive_segment *s, unsigned section, struct dynbuf *ret_bytes)
{
	const struct archive_extent *e = &s->trailer.sections[section];
	dynbuf_reset(ret_bytes);
	uint8_t *to = dynbuf_grow(ret_bytes, (size_t)e->size);
	if (!to)
		return ret_bytes->error;
	int r = archive_file_read(s->fd, to, (size_t)e->size, e->at);
	if (r == 0 && archive_checksum(to, (size_t)e->size, s->seed + e->at) != e->checksum)
		r = -ERR_CHECKSUM;
	return r;
}

/* Blocks lie one behind the other from the header to the first section. */
static int read_block_entry(
    const struct archive_segment *s, struct cursor *c, struct archive_block_entry *b, uint64_t at)
{
	b->at = cursor_le64(c);
	b->size = cursor_le32(c);
	b->table = cursor_le32(c);
	b->checksum = cursor_le64(c);
	b->span.records = cursor_le32(c);
	b->span.untimed = cursor_le32(c);
	b->span.id_min = cursor_le64(c);
	b->span.id_max = cursor_le64(c);
	b->span.first = (int64_t)cursor_le64(c);
	b->span.last = (int64_t)cursor_le64(c);
	b->reference_min = cursor_le64(c);
	b->reference_max = cursor_le64(c);
	uint64_t end = archive_segment_blocks_end(s);
	return cursor_ok(c) && b->at == at && at <= end && b->size <= end - at && b->table <= b->size &&
	               b->table <= ARCHIVE_BLOCK_TABLE_MAX && span_is_sound(&b->span) &&
	               b->span.records <= ARCHIVE_BLOCK_ROWS
	           ? 0
	           : -ERR_MALFORMED;
}

static int read_directory(
    const struct archive_segment *s, const struct dynbuf *bytes, struct archive_block_entry *blocks)
{
	struct cursor c = cursor_of(bytes->p, bytes->n);
	uint64_t at = ARCHIVE_SEGMENT_HEADER_SIZE;
	struct archive_span sum = {0};
	for (size_t i = 0; i < s->trailer.n_blocks; i++) {
		int r = read_block_entry(s, &c, &blocks[i], at);
		if (r < 0)
			return r;
		at += blocks[i].size;
		archive_span_merge(&sum, &blocks[i].span);
	}
	return span_equal(&sum, &s->trailer.span) && at == archive_segment_blocks_end(s) ? 0 : -ERR_MALFORMED;
}

static int check_header(const struct archive_segment *s)
{
	uint8_t expected[ARCHIVE_SEGMENT_HEADER_SIZE], bytes[ARCHIVE_SEGMENT_HEADER_SIZE];
	archive_segment_header(&s->is, expected);
	int r = archive_file_read(s->fd, bytes, sizeof(bytes), 0);
	return r == 0 && memcmp(bytes, expected, sizeof(bytes)) != 0 ? -ERR_CHECKSUM : r;
}

int archive_segment_load(struct archive_segment *s)
{
	struct dynbuf bytes = {0};
	if (s->blocks)
		return 0;
	struct archive_block_entry *blocks = calloc(s->trailer.n_blocks, sizeof(*blocks));
	int r = blocks ? check_header(s) : -ENOMEM;
	if (r == 0)
		r = archive_segment_section(s, ARCHIVE_SECTION_DIRECTORY, &bytes);
	if (r == 0)
		r = read_directory(s, &bytes, blocks);
	if (r == 0)
		s->blocks = blocks;
	else
		free(blocks);
	dynbuf_free(&bytes);
	return r;
}

int archive_segment_load_runs(struct archive_segment *s)
{
	struct dynbuf bytes = {0};
	struct archive_span sum = {0};
	size_t n = (size_t)archive_segment_runs(s);
	if (s->runs)
		return 0;
	struct archive_span *runs = calloc(n, sizeof(*runs));
	int r = runs ? archive_segment_section(s, ARCHIVE_SECTION_RUNS, &bytes) : -ENOMEM;
	struct cursor c = cursor_of(bytes.p, bytes.n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		runs[i] = get_span(&c);
		if (!span_is_sound(&runs[i]) || runs[i].records > ARCHIVE_SEGMENT_ROWS_MAX)
			r = -ERR_MALFORMED;
		archive_span_merge(&sum, &runs[i]);
	}
	if (r == 0 && !span_equal(&sum, &s->trailer.span))
		r = -ERR_MALFORMED;
	if (r == 0)
		s->runs = runs;
	else
		free(runs);
	dynbuf_free(&bytes);
	return r;
}

/* The blocks' bytes, of which each belongs to a table or to a chunk. */
static int verify_blocks(const struct archive_segment *s)
{
	struct archive_dictionary_reader dictionaries[ARCHIVE_DICTIONARIES] = {0};
	struct archive_block block = {0};
	int r = 0;
	for (size_t i = 0; r == 0 && i < s->trailer.n_blocks; i++) {
		archive_block_open(&block, s, dictionaries, i);
		r = archive_block_verify(&block);
	}
	archive_block_free(&block);
	return r;
}

static int verify_dictionaries(const struct archive_segment *s)
{
	struct archive_dictionary_reader d = {0};
	struct dynbuf bytes = {0};
	int r = 0;
	for (unsigned type = 1; r == 0 && type < ARCHIVE_DICTIONARIES; type++) {
		archive_dictionary_open(&d, s, (enum archive_dictionary)type);
		r = archive_segment_section(s, archive_section_of(d.type, ARCHIVE_DICTIONARY_FILTER), &bytes);
		for (size_t group = 0; r == 0 && group < d.n_groups; group++)
			r = archive_dictionary_group(&d, group, NULL);
	}
	if (r == 0)
		r = archive_segment_section(s, ARCHIVE_SECTION_COMPANIONS, &bytes);
	archive_dictionary_free(&d);
	dynbuf_free(&bytes);
	return r;
}

int archive_segment_verify(struct archive_segment *s)
{
	int r = archive_segment_load(s);
	if (r == 0)
		r = archive_segment_load_runs(s);
	if (r == 0)
		r = verify_dictionaries(s);
	return r == 0 ? verify_blocks(s) : r;
}
