/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/ask.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/archive.h"
#include "base/err.h"
#include "base/log.h"
#include "cmd/control.h"
#include "cmd/results.h"
#include "cmd/unfinished.h"

enum { OPTIONS_MAX = 16 };

static const struct option common[] = {{"json", no_argument, NULL, 'j'},
    {"incident", required_argument, NULL, 'n'}, {"zone", required_argument, NULL, 'z'},
    {"backflow", no_argument, NULL, 'b'}, {"socket", required_argument, NULL, 's'}};
enum { COMMON = sizeof(common) / sizeof(common[0]) };

/* All options: those of every verb, then the verb's own. */
static void gather_options(const struct ask_more *more, struct option longs[OPTIONS_MAX])
{
	size_t n = COMMON;
	memset(longs, 0, OPTIONS_MAX * sizeof(*longs));
	memcpy(longs, common, sizeof(common));
	for (const struct option *o = more->longs; o && o->name; o++) {
		assert(n < OPTIONS_MAX - 1);
		longs[n++] = *o;
	}
}

/* A folder is a case, and what looks like a path is meant to be one; else it is an incident of the daemon. */
static int take_argument(const struct cmd_verb *v, struct ask *a, const char *argument)
{
	struct stat st;
	bool folder = strchr(argument, '/') || (stat(argument, &st) == 0 && S_ISDIR(st.st_mode));
	if (folder && a->socket)
		return cmd_usage(v, "a CASE folder or a daemon's --socket, not both");
	if (!folder && a->options.incident)
		return cmd_usage(v, "'%s' is no folder, and --incident names the incident", argument);
	if (folder)
		a->folder = argument;
	else
		a->options.incident = argument;
	return 0;
}

static int parse(const struct cmd_verb *v, int argc, char **argv, const struct ask_more *more, struct ask *a)
{
	struct option longs[OPTIONS_MAX];
	int code = 0;
	gather_options(more, longs);
	opterr = 0;
	for (int c; code == 0 && (c = getopt_long(argc, argv, "jn:z:b", longs, NULL)) != -1;) {
		switch (c) {
		case 'j': a->json = true; break;
		case 'n': a->options.incident = optarg; break;
		case 'z': a->options.zone = optarg; break;
		case 'b': a->options.backflow = true; break;
		case 's': a->socket = optarg; break;
		default:
			if (c == '?' || !more->take)
				return cmd_usage(v, "'%s' is not understood", argv[optind - 1]);
			code = more->take(more->context, c, optarg);
			break;
		}
	}
	if (code == 0 && argc - optind > 1)
		code = cmd_usage(v, "one CASE folder or one incident, not several");
	if (code == 0 && optind < argc)
		code = take_argument(v, a, argv[optind]);
	if (code == 0 && more->check)
		code = more->check(more->context);
	return code;
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

/* Asks a running daemon. That something was refused isn't that something was found: it is not done. */
static int ask_daemon(const struct ask *a, enum msg_ask_what what, const struct ask_more *more)
{
	struct dynbuf answer = {0};
	const char *option = what == MSG_ASK_EXPOSURE                        ? a->options.zone
	                     : what == MSG_ASK_SPREAD && a->options.backflow ? "backflow"
	                                                                     : NULL;
	struct msg_ask m = {.id = 1,
	    .what = (uint8_t)what,
	    .subject = text_of(a->options.incident),
	    .option = text_of(option),
	    .form = a->json ? MSG_FORM_JSON : MSG_FORM_TEXT};
	int code = CMD_EXIT_FAILED;
	if (more->fill)
		more->fill(more->context, &m);
	if (control_ask(a->socket, &m, &answer, &code) < 0)
		code = CMD_EXIT_FAILED;
	else if (control_tell_refusal(&answer, a->json))
		code = code == CMD_EXIT_USAGE ? CMD_EXIT_USAGE : CMD_EXIT_FAILED;
	else
		fwrite(answer.p, 1, answer.n, stdout);
	dynbuf_free(&answer);
	return code;
}

int ask_run(const struct cmd_verb *v, int argc, char **argv, enum msg_ask_what what, ask_render_fn render)
{
	const struct ask_more none = {.longs = NULL};
	return ask_run_more(v, argc, argv, what, &none, render);
}

int ask_run_more(const struct cmd_verb *v, int argc, char **argv, enum msg_ask_what what,
    const struct ask_more *more, ask_render_fn render)
{
	struct ask a = {.context = more->context};
	int code = parse(v, argc, argv, more, &a);
	if (code)
		return code;
	if (!a.folder)
		return ask_daemon(&a, what, more);
	int r = open_case(&a, a.folder);
	if (r == 0 && more->work)
		r = more->work(&a);
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
