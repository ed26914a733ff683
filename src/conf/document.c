/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/document.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

enum { PIECE = 1 << 16 };

int conf_document_parse(const struct conf_document *d, struct text yaml, void *reader)
{
	struct conf_report *report = reader;
	struct arena tree = {.max = (size_t)512 << 20};
	struct conf_node *root;
	struct conf_yaml_error error;
	int r = conf_yaml_parse(yaml, &tree, &root, &error);
	if (r == 0) {
		conf_read_mapping(report, root, d->what, d->rows, d->n_rows, reader, NULL);
		if (d->check && root->kind == CONF_MAPPING && !report->error)
			d->check(reader, root);
	} else if (r == -ERR_INVALID) {
		conf_mistake_at(report, error.line, error.column, "%s", error.what);
	}
	arena_free(&tree);
	if (report->error)
		r = report->error;
	return r < 0 ? r : report->mistakes ? -ERR_INVALID : 0;
}

static int read_bytes(const char *path, struct dynbuf *out)
{
	struct stat st;
	int r = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (S_ISDIR(st.st_mode))
		r = -EISDIR;
	while (r == 0 && out->n <= CONF_YAML_BYTES_MAX) {
		size_t at = out->n;
		uint8_t *to = dynbuf_grow(out, PIECE);
		ssize_t got = to ? read(fd, to, PIECE) : 0;
		r = !to ? -ENOMEM : got < 0 && errno != EINTR ? -errno : 0;
		out->n = at + (got > 0 ? (size_t)got : 0);
		if (got == 0)
			break;
	}
	close(fd);
	return r;
}

int conf_file_bytes(const char *path, struct dynbuf *out, conf_line_fn line, void *context)
{
	char text[CONF_LINE_MAX];
	out->max = CONF_YAML_BYTES_MAX + 2 * PIECE;
	int r = read_bytes(path, out);
	if (r < 0) {
		snprintf(text, sizeof(text), "%s: can't be read: %s", path, err_text(r));
		line(context, text);
	}
	return r;
}
