/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/journal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "archive/checksum.h"
#include "archive/file.h"
#include "base/cursor.h"

uint64_t archive_journal_header(
    const struct archive_layout *layout, uint64_t number, uint16_t n_columns, uint8_t *bytes)
{
	memset(bytes, 0, ARCHIVE_JOURNAL_HEADER_SIZE);
	memcpy(bytes, ARCHIVE_JOURNAL_MAGIC, 8);
	store_le16(bytes + 8, ARCHIVE_JOURNAL_VERSION);
	store_le16(bytes + 10, layout->record);
	store_le16(bytes + 12, n_columns);
	store_le64(bytes + 16, number);
	uint64_t checksum = archive_checksum(bytes, ARCHIVE_JOURNAL_HEADER_SIZE - 8, 0);
	store_le64(bytes + ARCHIVE_JOURNAL_HEADER_SIZE - 8, checksum);
	return checksum;
}

int archive_journal_start(
    struct archive_journal *j, int fd, const struct archive_layout *layout, uint64_t number)
{
	uint8_t bytes[ARCHIVE_JOURNAL_HEADER_SIZE];
	uint64_t checksum = archive_journal_header(layout, number, layout->n_columns, bytes);
	int r = archive_file_write(fd, bytes, sizeof(bytes), 0);
	if (r < 0)
		return r;
	*j = (struct archive_journal){
	    .fd = fd, .header_checksum = checksum, .size = sizeof(bytes), .unsynced = true};
	return 0;
}

int archive_journal_resume(
    struct archive_journal *j, int fd, const struct archive_layout *layout, uint64_t number, uint64_t size)
{
	uint8_t bytes[ARCHIVE_JOURNAL_HEADER_SIZE];
	uint64_t checksum = archive_journal_header(layout, number, layout->n_columns, bytes);
	int r = 0;
	if (ftruncate(fd, (off_t)size) < 0)
		return -errno;
	if (size < sizeof(bytes)) {
		r = archive_file_write(fd, bytes, sizeof(bytes), 0);
		size = sizeof(bytes);
	}
	/* a commit that was written but not yet synced when the writer died must not pass for synced now */
	if (r == 0)
		r = archive_file_sync(fd);
	if (r < 0)
		return r;
	*j = (struct archive_journal){.fd = fd, .header_checksum = checksum, .size = size};
	return 0;
}

int archive_journal_write(struct archive_journal *j, struct text records, uint32_t count, bool commit)
{
	uint8_t header[ARCHIVE_FRAME_HEADER_SIZE];
	store_le32(header, ARCHIVE_FRAME_MAGIC);
	store_le32(header + 4, commit ? ARCHIVE_FRAME_COMMIT : 0);
	store_le32(header + 8, (uint32_t)records.n);
	store_le32(header + 12, count);
	store_le64(header + 16, archive_checksum(records.n ? records.p : "", records.n, 0));
	store_le64(header + 24, archive_checksum(header, 24, j->header_checksum + j->size));
	int r = archive_file_write(j->fd, header, sizeof(header), j->size);
	if (r == 0)
		r = archive_file_write(j->fd, records.p, records.n, j->size + sizeof(header));
	if (r < 0) {
		/* half a frame may stand there now; if it can't be cut, the next write goes over it all the
		 * same */
		(void)!ftruncate(j->fd, (off_t)j->size);
		return r;
	}
	j->size += sizeof(header) + records.n;
	j->uncommitted = !commit;
	j->unsynced = true;
	return 0;
}

void archive_journal_close(struct archive_journal *j)
{
	if (j->fd >= 0)
		close(j->fd);
	*j = (struct archive_journal){.fd = -1};
}
