/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "archive/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

int archive_file_open(int folder, const char *name)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int archive_file_read(int fd, void *p, size_t n, uint64_t at)
{
	uint8_t *to = p;
	while (n) {
		ssize_t got = pread(fd, to, n, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return -ERR_TRUNCATED;
		to += got;
		at += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

int archive_file_write(int fd, const void *p, size_t n, uint64_t at)
{
	const uint8_t *from = p;
	while (n) {
		ssize_t put = pwrite(fd, from, n, (off_t)at);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		if (put == 0)
			return -ENOSPC;
		from += put;
		at += (uint64_t)put;
		n -= (size_t)put;
	}
	return 0;
}

int archive_file_size(int fd, uint64_t *ret_size)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

int archive_file_sync(int fd)
{
	return fdatasync(fd) < 0 ? -errno : 0;
}

int archive_folder_sync(int fd)
{
	return fsync(fd) < 0 ? -errno : 0;
}
