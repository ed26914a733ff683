/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

enum { FILE_MODE = 0600, READ_STEP = 1 << 14, NAME_SIZE = 64 };

int ledger_file_open(int folder, const char *name, int flags, int *ret_fd)
{
	struct stat st;
	int fd = openat(folder, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, FILE_MODE);
	if (fd < 0)
		return -errno;
	int r = fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int ledger_file_size(int fd, uint64_t *ret_size)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

int ledger_file_write(int fd, const void *p, size_t n, uint64_t at)
{
	const uint8_t *from = p;
	while (n) {
		ssize_t put = pwrite(fd, from, n, (off_t)at);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put < 0 ? -errno : -ENOSPC;
		from += put;
		at += (uint64_t)put;
		n -= (size_t)put;
	}
	return 0;
}

int ledger_file_read(int fd, void *p, size_t n, uint64_t at, size_t *ret_n)
{
	uint8_t *to = p;
	size_t done = 0;
	while (done < n) {
		ssize_t got = pread(fd, to + done, n - done, (off_t)(at + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	*ret_n = done;
	return 0;
}

int ledger_file_read_all(int fd, struct dynbuf *out)
{
	uint8_t step[READ_STEP];
	size_t got = 0;
	uint64_t at = 0;
	do {
		int r = ledger_file_read(fd, step, sizeof(step), at, &got);
		if (r < 0)
			return r;
		dynbuf_append(out, step, got);
		at += got;
	} while (got == sizeof(step) && !out->error);
	return out->error;
}

int ledger_file_replace(int folder, const char *name, struct text content)
{
	char temporary[NAME_SIZE];
	int fd = -1, n = snprintf(temporary, sizeof(temporary), "%s.tmp", name);
	if (n < 0 || (size_t)n >= sizeof(temporary))
		return -EINVAL;
	int r = ledger_file_open(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC, &fd);
	if (r < 0)
		return r;
	r = ledger_file_write(fd, content.p, content.n, 0);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	close(fd);
	if (r == 0 && renameat(folder, temporary, folder, name) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(folder, temporary, 0);
		return r;
	}
	return fsync(folder) < 0 ? -errno : 0;
}
