/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FUZZ_ARCHIVE_REPAIR_H
#define FUZZ_ARCHIVE_REPAIR_H

/*
 * Makes the checksums of a segment right, as far as its numbers lead to what they are of: so a fuzzer gets
 * behind them.
 */

#include <string.h>

#include "archive/checksum.h"
#include "archive/segment.h"
#include "base/cursor.h"

/* The file as it stands, with the numbers that its trailer gives. */
struct segment_bytes {
	uint8_t *p;
	size_t n;
	uint64_t seed;
	uint8_t *trailer;
};

struct segment_part {
	size_t at, size;
};

static inline struct segment_part segment_section(const struct segment_bytes *f, unsigned which)
{
	uint64_t at = load_le64(f->trailer + which * 24), size = load_le64(f->trailer + which * 24 + 8);
	size_t end = (size_t)(f->trailer - f->p);
	if (at > end || size > end - at)
		return (struct segment_part){0};
	return (struct segment_part){.at = (size_t)at, .size = (size_t)size};
}

/* A block's chunks, as its table tells of them. */
static inline void segment_repair_chunks(struct segment_bytes *f, size_t at, size_t table, size_t size)
{
	struct cursor c = cursor_of(f->p + at, table);
	size_t chunk = at + table;
	while (cursor_left(&c)) {
		uint64_t sizes[2] = {0};
		cursor_skip(&c, 1);
		for (int i = 0; i < 2; i++)
			for (unsigned shift = 0; shift < 70; shift += 7) {
				uint8_t byte = cursor_u8(&c);
				sizes[i] |= shift < 64 ? (uint64_t)(byte & 0x7f) << shift : 0;
				if (byte < 0x80)
					break;
			}
		size_t place = c.pos;
		cursor_skip(&c, 4);
		if (!cursor_ok(&c) || sizes[0] > at + size - chunk)
			return;
		store_le32(f->p + at + place,
		    (uint32_t)archive_checksum(f->p + chunk, (size_t)sizes[0], f->seed + chunk));
		chunk += (size_t)sizes[0];
	}
}

static inline void segment_repair_directory(struct segment_bytes *f)
{
	struct segment_part d = segment_section(f, ARCHIVE_SECTION_DIRECTORY);
	for (size_t i = 0; i + ARCHIVE_BLOCK_ENTRY_SIZE <= d.size; i += ARCHIVE_BLOCK_ENTRY_SIZE) {
		uint8_t *entry = f->p + d.at + i;
		uint64_t at = load_le64(entry);
		size_t size = load_le32(entry + 8), table = load_le32(entry + 12);
		if (at > f->n || size > f->n - at || table > size)
			return;
		segment_repair_chunks(f, (size_t)at, table, size);
		store_le64(entry + 16, archive_checksum(f->p + at, table, f->seed + at));
	}
}

static inline void segment_repair_groups(struct segment_bytes *f, unsigned type)
{
	bool addrs = type == ARCHIVE_DICTIONARY_ADDRS;
	size_t step = addrs ? ARCHIVE_GROUP_ENTRY_ADDR : ARCHIVE_GROUP_ENTRY_TEXT, place = addrs ? 16 : 4;
	size_t n =
	    (load_le32(f->trailer + 24 * ARCHIVE_SECTIONS + 52 + (type - 1) * (size_t)4) + (size_t)63) / 64;
	struct segment_part groups = segment_section(f,
	                        archive_section_of((enum archive_dictionary)type, ARCHIVE_DICTIONARY_GROUPS)),
	                    index = segment_section(f,
	                        archive_section_of((enum archive_dictionary)type, ARCHIVE_DICTIONARY_INDEX));
	for (size_t i = 0; i < n && (i + 1) * step <= index.size; i++) {
		uint8_t *entry = f->p + index.at + i * step + place;
		size_t begin = load_le32(entry), end = i + 1 < n && (i + 2) * step <= index.size
		                                           ? load_le32(entry + step)
		                                           : groups.size;
		if (begin > end || end > groups.size)
			return;
		size_t at = groups.at + begin;
		store_le32(entry + 4, (uint32_t)archive_checksum(f->p + at, end - begin, f->seed + at));
	}
}

/* f->p and f->n are set. */
static inline void segment_repair(
    struct segment_bytes *f, const struct archive_layout *l, uint64_t first, uint64_t last)
{
	struct archive_identity is = {.layout = l, .first = first, .last = last};
	uint8_t header[ARCHIVE_SEGMENT_HEADER_SIZE];
	if (f->n < ARCHIVE_SEGMENT_HEADER_SIZE + ARCHIVE_SEGMENT_TRAILER_SIZE)
		return;
	f->trailer = f->p + f->n - ARCHIVE_SEGMENT_TRAILER_SIZE;
	is.n_columns = load_le16(f->trailer + 24 * ARCHIVE_SECTIONS + 64);
	f->seed = archive_segment_header(&is, header);
	memcpy(f->p, header, sizeof(header));
	segment_repair_directory(f);
	for (unsigned type = 1; type < ARCHIVE_DICTIONARIES; type++)
		segment_repair_groups(f, type);
	for (unsigned i = 0; i < ARCHIVE_SECTIONS; i++) {
		struct segment_part s = segment_section(f, i);
		store_le64(
		    f->trailer + i * (size_t)24 + 16, archive_checksum(f->p + s.at, s.size, f->seed + s.at));
	}
	store_le64(f->trailer + ARCHIVE_SEGMENT_TRAILER_SIZE - 8,
	    archive_checksum(
	        f->trailer, ARCHIVE_SEGMENT_TRAILER_SIZE - 8, f->seed + f->n - ARCHIVE_SEGMENT_TRAILER_SIZE));
}

#endif
