/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CONF_DOCUMENT_H
#define CONF_DOCUMENT_H

/* A whole file: its bytes, its tree, its rows. */

#include "base/dynbuf.h"
#include "conf/schema.h"

struct conf_document {
	const char *what; /* "a site", for mistakes */
	const struct conf_row *rows;
	size_t n_rows;
	/* What is to be looked at when all has been read and the nodes are still there; `root` is a mapping.
	 * May be NULL. */
	void (*check)(void *reader, const struct conf_node *root);
};

/* Reads a document into a reader, which begins with its struct conf_report. 0; -ERR_INVALID where mistakes
 * were told; -ENOMEM. */
int conf_document_parse(const struct conf_document *d, struct text yaml, void *reader);
/* All bytes of a file, as many as a document may have and a few more, into an empty `out`, which the caller
 * frees. 0 or -errno, and a line that says so. */
int conf_file_bytes(const char *path, struct dynbuf *out, conf_line_fn line, void *context);

#endif
