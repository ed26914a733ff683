/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/reader.h"

#include <errno.h>
#include <fcntl.h>

#include "archive/file.h"

void archive_reader_init(struct archive_reader *r)
{
	*r = (struct archive_reader){.segment = {.fd = -1}};
}

int archive_reader_open(
    struct archive_reader *r, int folder, const char *name, const struct archive_segment *before)
{
	archive_reader_close(r);
	int fd = before->fd >= 0 ? fcntl(before->fd, F_DUPFD_CLOEXEC, 0) : archive_file_open(folder, name);
	if (fd < 0)
		return before->fd >= 0 ? -errno : fd;
	int error = archive_segment_reopen(&r->segment, fd, before);
	for (unsigned d = 1; error == 0 && d < ARCHIVE_DICTIONARIES; d++)
		archive_dictionary_open(&r->dictionaries[d], &r->segment, (enum archive_dictionary)d);
	return error;
}

int archive_reader_block(struct archive_reader *r, size_t number)
{
	int error = archive_segment_load(&r->segment);
	if (error == 0)
		archive_block_open(&r->block, &r->segment, r->dictionaries, number);
	return error;
}

void archive_reader_close(struct archive_reader *r)
{
	archive_segment_close(&r->segment);
}

void archive_reader_free(struct archive_reader *r)
{
	archive_reader_close(r);
	archive_block_free(&r->block);
	for (unsigned d = 1; d < ARCHIVE_DICTIONARIES; d++)
		archive_dictionary_free(&r->dictionaries[d]);
}
