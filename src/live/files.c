/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "live/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"

enum { READ_SIZE = 1 << 16 };

int live_read_file(int fd, struct dynbuf *out)
{
	off_t at = 0;
	out->max = LIVE_FILE_MAX;
	for (;;) {
		size_t had = out->n;
		uint8_t *p = dynbuf_grow(out, READ_SIZE);
		if (!p)
			return out->error;
		ssize_t n = pread(fd, p, READ_SIZE, at);
		out->n = had + (n > 0 ? (size_t)n : 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		at += n;
	}
}

int live_read_site(
    struct site **ret_site, int fd, const char *path, site_diagnostic_fn diagnostic, void *context)
{
	struct dynbuf text = {0};
	int r = live_read_file(fd, &text);
	if (r == 0)
		r = site_parse(ret_site, path, dynbuf_view(&text), diagnostic, context);
	dynbuf_free(&text);
	return r;
}

int live_read_daemon(struct daemon_conf **ret_conf, int fd, const char *path, const struct site *site,
    site_diagnostic_fn diagnostic, void *context)
{
	struct dynbuf text = {0};
	int r = live_read_file(fd, &text);
	if (r == 0)
		r = daemon_conf_parse(ret_conf, path, dynbuf_view(&text), site, diagnostic, context);
	dynbuf_free(&text);
	return r;
}

static int write_all(int fd, struct text bytes)
{
	for (size_t at = 0; at < bytes.n;) {
		ssize_t n = write(fd, bytes.p + at, bytes.n - at);
		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int live_make_file(const char *name, struct text bytes)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	int r = write_all(fd, bytes);
	if (r == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		r = -errno;
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

int live_path(const char *beside, const char *path, char *buf, size_t size)
{
	const char *slash = strrchr(beside, '/');
	int folder = *path == '/' || !slash ? 0 : (int)(slash - beside) + 1;
	return snprintf(buf, size, "%.*s%s", folder, beside, path) < (int)size ? 0 : -ENAMETOOLONG;
}
