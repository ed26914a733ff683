/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LEDGER_FILE_H
#define LEDGER_FILE_H

/* Whole reads, writes and replacements of the ledger's files. All return 0 or -errno. */

#include "base/dynbuf.h"

/* A file of the folder; never follows a link or waits at a pipe. *ret_fd; -ENOENT, -EINVAL (not a plain
 * file).
 */
int ledger_file_open(int folder, const char *name, int flags, int *ret_fd);
int ledger_file_size(int fd, uint64_t *ret_size);
/* What was written by the time of an error stays. */
int ledger_file_write(int fd, const void *p, size_t n, uint64_t at);
/* Up to n bytes; fewer only at the end of the file. */
int ledger_file_read(int fd, void *p, size_t n, uint64_t at, size_t *ret_n);
/* Appends all of the file; -ERR_LIMIT beyond out's bound. */
int ledger_file_read_all(int fd, struct dynbuf *out);
/* The file of that name is now this, whole and durably, or as it was. */
int ledger_file_replace(int folder, const char *name, struct text content);

#endif
