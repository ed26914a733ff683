/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/feeds.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "cmd/files.h"

enum { FEEDS_PROBLEMS_TOLD = 10 };

static int load_one(struct indicator_set *s, const char *path)
{
	struct dynbuf bytes = {.max = INDICATOR_FEED_MAX};
	int r = file_read(path, INDICATOR_FEED_MAX, &bytes);
	if (r == 0)
		r = indicator_set_load(s, path, INDICATOR_FORMAT_AUTO, dynbuf_view(&bytes));
	if (r < 0)
		log_error("indicators %s: %s", path, err_text(r));
	dynbuf_free(&bytes);
	return r;
}

/* A feed of the site file stands beside that file unless its path is absolute. */
static int load_beside(struct indicator_set *s, const char *site, const char *feed)
{
	char path[PATH_MAX];
	const char *slash = strrchr(site, '/');
	int folder = feed[0] == '/' || !slash ? 0 : (int)(slash - site) + 1;
	if (snprintf(path, sizeof(path), "%.*s%s", folder, site, feed) >= (int)sizeof(path)) {
		log_error("indicators %s: the path is too long", feed);
		return -ENAMETOOLONG;
	}
	return load_one(s, path);
}

void feeds_tell_problems(const struct indicator_set *s)
{
	struct indicator_problem p;
	char where[160], what[120];
	size_t n = indicator_problem_count(s);
	for (size_t i = 0; i < FEEDS_PROBLEMS_TOLD && indicator_problem_at(s, i, &p); i++)
		log_warning("%s: '%s' isn't used: %.*s", text_printable(p.where, where, sizeof(where)),
		    text_printable(p.what, what, sizeof(what)), (int)p.why.n, p.why.p);
	if (n > FEEDS_PROBLEMS_TOLD)
		log_warning("%zu more entries of indicator feeds aren't used", n - FEEDS_PROBLEMS_TOLD);
}

int feeds_load(struct indicator_set **ret_set, const struct site *site, const char *const *paths, size_t n,
    uint64_t seed)
{
	struct indicator_set *s;
	if (n + site->n_indicators == 0)
		return 0;
	int r = indicator_set_new(&s, &(struct indicator_options){.seed = seed});
	if (r < 0)
		return r;
	for (size_t i = 0; i < site->n_indicators && r == 0; i++)
		r = load_beside(s, site->path, site->indicators[i]);
	for (size_t i = 0; i < n && r == 0; i++)
		r = load_one(s, paths[i]);
	if (r < 0) {
		indicator_set_free(s);
		return r;
	}
	feeds_tell_problems(s);
	*ret_set = s;
	return 0;
}

void feeds_free(struct indicator_set *s)
{
	if (s)
		indicator_set_free(s);
}
