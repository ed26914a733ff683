/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_FILES_H
#define CMD_FILES_H

/* Reading whole small files and writing result files whole or not at all. */

#include <limits.h>
#include <stdio.h>

#include "base/dynbuf.h"

/* The bytes of a file, at most `max`. 0, -errno, -ERR_LIMIT. */
int file_read(const char *path, size_t max, struct dynbuf *out);

/* Writes one result to a stream: what file_write calls. 0 or -errno. */
typedef int (*file_render_fn)(void *context, FILE *out);

/* A result that is being written: into a temporary beside its place. */
struct file_made {
	FILE *out;
	char path[PATH_MAX], temporary[PATH_MAX];
};

/* 0 or -errno; nothing is left to end then. */
int file_begin(struct file_made *ret_file, const char *folder, const char *name);
/* Gives it its name when it is flushed and synced, or removes it if `error` of what was written is not 0.
 * Returns that error, or -errno. */
int file_end(struct file_made *f, int error);

/*
 * Writes folder/name by `render`: into a temporary beside it, flushed and synced, then renamed, so that a
 * reader never sees half a file and a full disk leaves the old one. 0 or -errno.
 */
int file_write(const char *folder, const char *name, file_render_fn render, void *context);
/* The same for a path. */
int file_write_path(const char *path, file_render_fn render, void *context);

#endif
