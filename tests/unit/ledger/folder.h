/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TEST_LEDGER_FOLDER_H
#define TEST_LEDGER_FOLDER_H

/* A folder for one test's files: made before, removed with what is in it after. */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/dynbuf.h"

struct folder {
	char path[64];
	int fd;
};

static inline struct folder folder_make(void)
{
	struct folder f = {.path = "/tmp/bulkhead-ledger-XXXXXX"};
	assert_non_null(mkdtemp(f.path));
	f.fd = open(f.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(f.fd >= 0);
	return f;
}

static inline void folder_remove(struct folder *f)
{
	DIR *dir = fdopendir(f->fd);
	assert_non_null(dir);
	rewinddir(dir);
	for (const struct dirent *e = readdir(dir); e; e = readdir(dir))
		(void)unlinkat(f->fd, e->d_name, 0);
	closedir(dir);
	rmdir(f->path);
}

/* The path of a file in it; good until the next call. */
static inline const char *folder_path(const struct folder *f, const char *name)
{
	static char path[160];
	snprintf(path, sizeof(path), "%s/%s", f->path, name);
	return path;
}

/* A file's bytes; empty where there is none. The caller frees them. */
static inline struct dynbuf folder_read(const struct folder *f, const char *name)
{
	struct dynbuf b = {0};
	char step[4096];
	ssize_t n = 0;
	int fd = openat(f->fd, name, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (n = read(fd, step, sizeof(step))) > 0)
		dynbuf_append(&b, step, (size_t)n);
	if (fd >= 0)
		close(fd);
	return b;
}

static inline void folder_write(const struct folder *f, const char *name, struct text t)
{
	int fd = openat(f->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_true(write(fd, t.p, t.n) == (ssize_t)t.n);
	close(fd);
}

#endif
