/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/captures.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/log.h"
#include "base/text.h"

struct identity {
	dev_t device;
	ino_t inode;
};

/* Each capture stays open to its end, and many systems begin with 1,024 descriptors a process. */
static void allow_descriptors(void)
{
	struct rlimit l;
	if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < l.rlim_max) {
		l.rlim_cur = l.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &l);
	}
}

/* Whether the path is one of the n files before; else fills *ret_this. Pipes and devices are never the same
 * twice. */
static bool is_known(const char *path, const struct identity *before, size_t n, struct identity *ret_this)
{
	struct stat st;
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	for (size_t i = 0; i < n; i++)
		if (before[i].device == st.st_dev && before[i].inode == st.st_ino)
			return true;
	*ret_this = (struct identity){.device = st.st_dev, .inode = st.st_ino};
	return false;
}

int captures_open(struct capture_set *set, char *const *paths, size_t n)
{
	struct identity *opened = calloc(CAPTURE_FILES_MAX, sizeof(*opened));
	size_t n_opened = 0;
	int bad = 0;
	if (!opened)
		return -ENOMEM;
	allow_descriptors();
	for (size_t i = 0; i < n; i++) {
		char why[160] = "", name[PATH_MAX];
		struct identity this = {0};
		text_printable(text_of(paths[i]), name, sizeof(name));
		if (is_known(paths[i], opened, n_opened, &this)) {
			log_warning("%s: named twice; it is read once", name);
			continue;
		}
		int r = capture_set_add(set, -1, paths[i], why);
		if (r < 0) {
			log_error("%s: %s", name, why[0] ? why : err_text(r));
			bad++;
		} else if (n_opened < CAPTURE_FILES_MAX) {
			opened[n_opened++] = this;
		}
	}
	free(opened);
	return bad;
}

size_t captures_tell_partial(const struct capture_set *set)
{
	size_t partial = 0;
	char name[PATH_MAX];
	for (size_t i = 0; i < capture_set_files(set); i++) {
		const struct capture_file_status *f = capture_set_file(set, i);
		if (f->end == CAPTURE_END_CLEAN)
			continue;
		log_warning("%s: %s; %" PRIu64 " packets before that were read",
		    text_printable(text_of(f->path), name, sizeof(name)), f->why, f->packets);
		partial++;
	}
	return partial;
}
