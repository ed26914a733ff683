/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

enum { READ_STEP = 1 << 16, BUFFER = 1 << 18 };

int file_read(const char *path, size_t max, struct dynbuf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t got;
	do {
		uint8_t *to = dynbuf_grow(out, READ_STEP);
		got = to ? read(fd, to, READ_STEP) : -1;
		out->n -= (size_t)(to ? READ_STEP : 0);
		if (got > 0)
			out->n += (size_t)got;
		if (out->n > max)
			out->error = -ERR_LIMIT;
	} while (got > 0 && out->error == 0);
	int error = out->error ? out->error : got < 0 ? -errno : 0;
	close(fd);
	return error;
}

int file_begin(struct file_made *ret_file, const char *folder, const char *name)
{
	struct file_made *f = ret_file;
	if (snprintf(f->path, sizeof(f->path), "%s/%s", folder, name) >= (int)sizeof(f->path) ||
	    snprintf(f->temporary, sizeof(f->temporary), "%s/.%s.new", folder, name) >=
	        (int)sizeof(f->temporary))
		return -ENAMETOOLONG;
	f->out = fopen(f->temporary, "we");
	if (!f->out)
		return -errno;
	/* there are files of gigabytes among them */
	(void)setvbuf(f->out, NULL, _IOFBF, BUFFER);
	return 0;
}

int file_end(struct file_made *f, int error)
{
	if (error == 0 && (fflush(f->out) != 0 || fsync(fileno(f->out)) < 0))
		error = -errno;
	if (fclose(f->out) != 0 && error == 0)
		error = -errno;
	if (error == 0 && rename(f->temporary, f->path) < 0)
		error = -errno;
	if (error < 0)
		unlink(f->temporary);
	return error;
}

int file_write(const char *folder, const char *name, file_render_fn render, void *context)
{
	struct file_made f;
	int error = file_begin(&f, folder, name);
	return error < 0 ? error : file_end(&f, render(context, f.out));
}

int file_write_path(const char *path, file_render_fn render, void *context)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int n = slash == path ? 1 : slash ? (int)(slash - path) : 0;
	if (snprintf(folder, sizeof(folder), "%.*s", n ? n : 1, n ? path : ".") >= (int)sizeof(folder))
		return -ENAMETOOLONG;
	return file_write(folder, slash ? slash + 1 : path, render, context);
}
