/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Any bytes as a journal give an error or records that decode, and the sums agree: whole, torn and damaged
 * bytes are the file. The first byte tells the kind of record and whether the frames' checksums are made
 * right first.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "archive/checksum.h"
#include "archive/journal.h"
#include "base/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void repair(uint8_t *p, size_t n, uint64_t header_checksum)
{
	size_t at = ARCHIVE_JOURNAL_HEADER_SIZE;
	while (at < n && n - at >= ARCHIVE_FRAME_HEADER_SIZE) {
		uint8_t *frame = p + at;
		size_t length = load_le32(frame + 8);
		if (length > n - at - ARCHIVE_FRAME_HEADER_SIZE)
			return;
		store_le64(frame + 16, archive_checksum(frame + ARCHIVE_FRAME_HEADER_SIZE, length, 0));
		store_le64(frame + 24, archive_checksum(frame, 24, header_checksum + at));
		at += ARCHIVE_FRAME_HEADER_SIZE + length;
	}
}

static int on_damage(void *context, const void *p, size_t n, uint64_t at)
{
	(void)p;
	(void)at;
	*(uint64_t *)context += n;
	return 0;
}

static void check(int fd, const struct archive_layout *l, bool committed_only)
{
	struct dynbuf records = {0};
	struct arena arena = {0};
	struct archive_journal_found found;
	union archive_record record;
	uint64_t damaged = 0;
	size_t count = 0;
	if (archive_journal_read(fd, l, 1, committed_only, on_damage, &damaged, &records, &found) == 0) {
		assert(found.whole + found.torn == found.size);
		assert(found.damaged == damaged && damaged <= found.whole);
		for (size_t at = 0; at < records.n; count++) {
			uint16_t kind;
			size_t length;
			assert(msg_peek(records.p + at, records.n - at, &kind, &length) == 0);
			assert(l->decode(records.p + at, length, &arena, &record) == 0);
			at += length;
		}
		assert(count == found.n_records);
	}
	arena_free(&arena);
	dynbuf_free(&records);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct archive_layout *l = size ? archive_layout_of(1 + (data[0] & 7) % 5) : NULL;
	uint8_t header[ARCHIVE_JOURNAL_HEADER_SIZE];
	if (!l || size > 1 << 20)
		return 0;
	size_t n = size - 1;
	uint8_t *p = malloc(n + 1);
	assert(p);
	memcpy(p, data + 1, n);
	if (data[0] & 8)
		repair(p, n, archive_journal_header(l, 1, l->n_columns, header));
	int fd = memfd_create("journal", MFD_CLOEXEC);
	assert(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	check(fd, l, false);
	check(fd, l, true);
	close(fd);
	free(p);
	return 0;
}
