/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ARCHIVE_FILE_H
#define ARCHIVE_FILE_H

/* Whole reads and writes at a place in a file. All return 0 or -errno. */

#include <stddef.h>
#include <stdint.h>

/* A file of the folder, for reading: its descriptor or -errno. Never follows a link or waits at a pipe. */
int archive_file_open(int folder, const char *name);
/* -ERR_TRUNCATED where the file ends before n bytes. */
int archive_file_read(int fd, void *p, size_t n, uint64_t at);
/* -ENOSPC when the disk is full; what was written by then is left in the file. */
int archive_file_write(int fd, const void *p, size_t n, uint64_t at);
int archive_file_size(int fd, uint64_t *ret_size);
/* Data, and what is needed to read it back. */
int archive_file_sync(int fd);
/* The names in a folder. */
int archive_folder_sync(int fd);

#endif
