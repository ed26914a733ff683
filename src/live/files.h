/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LIVE_FILES_H
#define LIVE_FILES_H

/*
 * Files that were opened by one process and are read by another. A descriptor is read from its beginning,
 * whoever read it before, and stays the caller's.
 */

#include "base/dynbuf.h"
#include "conf/daemon.h"

enum { LIVE_FILE_MAX = 64 << 20 };

/* All of it. 0, -errno or -ERR_LIMIT. */
int live_read_file(int fd, struct dynbuf *out);
/* As site_parse and daemon_conf_parse. */
int live_read_site(
    struct site **ret_site, int fd, const char *path, site_diagnostic_fn diagnostic, void *context);
int live_read_daemon(struct daemon_conf **ret_conf, int fd, const char *path, const struct site *site,
    site_diagnostic_fn diagnostic, void *context);
/* A descriptor that holds these bytes, sealed. fd or -errno. */
int live_make_file(const char *name, struct text bytes);
/* `path` as it stands in a file at `beside`: relative to that file's folder. 0 or -ENAMETOOLONG. */
int live_path(const char *beside, const char *path, char *buf, size_t size);

#endif
