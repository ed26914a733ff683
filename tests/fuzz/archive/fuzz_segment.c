/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Any bytes as a segment give an error or records that encode. The first byte tells the kind of record and
 * whether the checksums are made right first, so that the fuzzer gets behind them.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "archive/checksum.h"
#include "archive/segment.h"
#include "base/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Makes the checksums right of whatever chunks the directory tells of. */
static void repair_chunks(uint8_t *p, uint8_t *directory, size_t size)
{
	size_t chunk_at = ARCHIVE_SEGMENT_HEADER_SIZE, end = (size_t)(directory - p), at = 0;
	while (size - at >= ARCHIVE_BLOCK_ENTRY_SIZE) {
		unsigned chunks = load_le16(directory + at + ARCHIVE_BLOCK_ENTRY_SIZE - 2);
		at += ARCHIVE_BLOCK_ENTRY_SIZE;
		for (; chunks && size - at >= ARCHIVE_CHUNK_ENTRY_SIZE;
		     chunks--, at += ARCHIVE_CHUNK_ENTRY_SIZE) {
			size_t stored = load_le32(directory + at + 4);
			if (stored > end - chunk_at)
				return;
			store_le64(directory + at + 12, archive_checksum(p + chunk_at, stored, 0));
			chunk_at += stored;
		}
	}
}

static void repair(uint8_t *p, size_t n)
{
	if (n < ARCHIVE_SEGMENT_HEADER_SIZE + ARCHIVE_SEGMENT_TRAILER_SIZE)
		return;
	uint8_t *trailer = p + n - ARCHIVE_SEGMENT_TRAILER_SIZE;
	uint64_t header = archive_checksum(p, ARCHIVE_SEGMENT_HEADER_SIZE - 8, 0), at = load_le64(trailer);
	uint32_t size = load_le32(trailer + 16);
	store_le64(p + ARCHIVE_SEGMENT_HEADER_SIZE - 8, header);
	if (at >= ARCHIVE_SEGMENT_HEADER_SIZE && at <= (size_t)(trailer - p) &&
	    size <= (size_t)(trailer - p) - at) {
		repair_chunks(p, p + at, size);
		store_le64(trailer + 8, archive_checksum(p + at, size, 0));
	}
	store_le64(trailer + ARCHIVE_SEGMENT_TRAILER_SIZE - 8,
	    archive_checksum(trailer, ARCHIVE_SEGMENT_TRAILER_SIZE - 8, header));
}

/* Reads every record of a block and encodes it, so that every byte is touched that a record leads to. */
static void read_block(struct archive_block *b, const struct archive_segment *s, size_t number)
{
	union archive_record records[16];
	struct dynbuf out = {0};
	archive_block_open(b, s, number);
	for (uint32_t row = 0; row < b->rows; row += 16) {
		uint32_t rows[16];
		size_t n = 0;
		for (; n < 16 && row + n < b->rows; n++)
			rows[n] = row + (uint32_t)n;
		uint8_t *record = (uint8_t *)records;
		if (archive_block_fill(b, rows, n, records) < 0)
			break;
		for (size_t i = 0; i < n; i++, record += s->layout->size) {
			dynbuf_reset(&out);
			(void)s->layout->encode(&out, record); /* lists may be more than a record may have */
		}
	}
	dynbuf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct archive_layout *l = size ? archive_layout_of(1 + (data[0] & 7) % 5) : NULL;
	struct archive_segment s;
	struct archive_block b = {0};
	if (!l || size > 1 << 20)
		return 0;
	size_t n = size - 1;
	uint8_t *p = malloc(n + 1);
	assert(p);
	memcpy(p, data + 1, n);
	if (data[0] & 8)
		repair(p, n);
	int fd = memfd_create("segment", MFD_CLOEXEC);
	assert(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	if (archive_segment_open(&s, fd, l, 1) == 0) {
		if (archive_segment_load(&s) == 0)
			for (size_t i = 0; i < s.n_blocks && i < 8; i++)
				read_block(&b, &s, i);
		archive_segment_close(&s);
	}
	archive_block_free(&b);
	free(p);
	return 0;
}
