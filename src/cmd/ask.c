/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/ask.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "archive/archive.h"
#include "base/err.h"
#include "base/log.h"
#include "cmd/results.h"
#include "cmd/unfinished.h"

static int parse(const struct cmd_verb *v, int argc, char **argv, struct ask *a, const char **ret_folder)
{
	static const struct option longs[] = {{"json", no_argument, NULL, 'j'},
	    {"incident", required_argument, NULL, 'n'}, {"zone", required_argument, NULL, 'z'},
	    {"backflow", no_argument, NULL, 'b'}, {NULL, 0, NULL, 0}};
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "jn:z:b", longs, NULL)) != -1;) {
		switch (c) {
		case 'j': a->json = true; break;
		case 'n': a->options.incident = optarg; break;
		case 'z': a->options.zone = optarg; break;
		case 'b': a->options.backflow = true; break;
		default: return cmd_usage(v, "'%s' is not understood", argv[optind - 1]);
		}
	}
	if (argc - optind != 1)
		return cmd_usage(v, argc == optind ? "which CASE folder?" : "one CASE folder, not several");
	*ret_folder = argv[optind];
	return 0;
}

/* Answers are of the whole or none: what is missing could be the very thing that was asked for. */
static int check_whole(const struct ask *a, const char *folder)
{
	struct archive_stat stat;
	archive_get_stat(a->archive, &stat);
	uint64_t lost = stat.torn_bytes + stat.damaged_bytes;
	if (unfinished_is(folder))
		log_error("%s: its analysis didn't end, so it isn't whole; analyze again into a new folder",
		    folder);
	else if (lost)
		log_error("%s/%s: damaged, %" PRIu64
		          " bytes of it can't be read; analyze again into a new folder",
		    folder, CASE_ARCHIVE, lost);
	else
		return 0;
	return -ERR_INVALID;
}

static int open_case(struct ask *a, const char *folder)
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof(path), "%s/%s", folder, CASE_ARCHIVE) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	int r = archive_open(&a->archive, path, false);
	if (r < 0) {
		log_error("%s: %s; a CASE folder made by 'bulkhead analyze' is wanted", path, err_text(r));
		return r;
	}
	r = check_whole(a, folder);
	if (r < 0)
		return r;
	r = results_site(folder, &a->site);
	if (r < 0)
		return r;
	a->options.seed = cmd_seed();
	r = case_answer(&a->answers, a->archive, a->site, &a->options);
	if (r == -ENOENT)
		log_error("%s: no such %s", folder, a->options.incident ? "incident" : "zone");
	else if (r < 0)
		log_error("%s: %s", folder, err_text(r));
	return r;
}

int ask_run(const struct cmd_verb *v, int argc, char **argv, ask_render_fn render)
{
	struct ask a = {0};
	const char *folder = NULL;
	int code = parse(v, argc, argv, &a, &folder);
	if (code)
		return code;
	int r = open_case(&a, folder);
	if (r == 0) {
		code = a.answers->report.n_incidents ? CMD_EXIT_FOUND : CMD_EXIT_FINE;
		r = render(&a, stdout);
		if (r == 0 && fflush(stdout) != 0)
			r = -errno;
		if (r < 0)
			log_error("standard output: %s", err_text(r));
	}
	case_free(a.answers);
	site_free(a.site);
	if (a.archive)
		archive_close(a.archive);
	return r == -ENOENT ? CMD_EXIT_USAGE : r < 0 ? CMD_EXIT_FAILED : code;
}

const struct report_incident *ask_incident(const struct ask *a)
{
	return a->answers->report.n_incidents ? &a->answers->report.incidents[0] : NULL;
}
