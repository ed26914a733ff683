/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "cmd/cmd.h"
#include "cmd/hunt_follow.h"
#include "cmd/hunt_input.h"
#include "cmd/results.h"
#include "cmd/unfinished.h"
#include "report/report_hunt.h"

enum { FILES_MAX = 256, THREADS_MAX = 16 };

struct options {
	const char *archive, *site, *zone;
	const char *files[FILES_MAX];
	size_t n_files;
	char **indicators;
	size_t n_indicators;
	int64_t from, to;
	bool json, follow, all;
};

struct hunting {
	const struct options *o;
	int64_t began_ns, took_ns;
	uint64_t seed;
	bool unfinished;
	struct site *site;
	struct archive *archive;
	struct indicator_set *indicators;
	struct hunt_result *result;
	struct hunt_follow follow;
};

static int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int parse_time(const char *name, const char *text, int64_t *ret_time)
{
	if (time_parse(text_of(text), ret_time) < 0)
		return cmd_usage(&cmd_hunt,
		    "--%s '%s' is no time: 2026-11-23 or 2026-11-23T06:25:11Z is wanted", name, text);
	return 0;
}

static int parse_option(int c, struct options *o, char *const *argv)
{
	switch (c) {
	case 'a': o->archive = optarg; return 0;
	case 's': o->site = optarg; return 0;
	case 'z': o->zone = optarg; return 0;
	case 'f': return parse_time("from", optarg, &o->from);
	case 't': return parse_time("to", optarg, &o->to);
	case 'j': o->json = true; return 0;
	case 'F': o->follow = true; return 0;
	case 'A': o->all = true; return 0;
	case 'i':
		if (o->n_files == FILES_MAX)
			return cmd_usage(&cmd_hunt, "more than %d files of indicators", FILES_MAX);
		o->files[o->n_files++] = optarg;
		return 0;
	default: return cmd_usage(&cmd_hunt, "'%s' is not understood", argv[optind - 1]);
	}
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {{"archive", required_argument, NULL, 'a'},
	    {"from", required_argument, NULL, 'f'}, {"to", required_argument, NULL, 't'},
	    {"zone", required_argument, NULL, 'z'}, {"site", required_argument, NULL, 's'},
	    {"indicators", required_argument, NULL, 'i'}, {"json", no_argument, NULL, 'j'},
	    {"follow", no_argument, NULL, 'F'}, {"all", no_argument, NULL, 'A'}, {NULL, 0, NULL, 0}};
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "a:f:t:z:s:i:jFA", longs, NULL)) != -1;) {
		int code = parse_option(c, o, argv);
		if (code)
			return code;
	}
	o->indicators = argv + optind;
	o->n_indicators = (size_t)(argc - optind);
	if (o->n_indicators + o->n_files == 0)
		return cmd_usage(&cmd_hunt, "which indicators?");
	if (!o->archive)
		return cmd_usage(&cmd_hunt, "which archive? --archive DIR");
	if (o->to && o->from >= o->to)
		return cmd_usage(&cmd_hunt, "--from is not before --to");
	return 0;
}

static void print_line(void *context, const char *line)
{
	(void)context;
	fprintf(stderr, "%s\n", line);
}

/* DIR is a CASE folder, which holds an archive and a site file, or an archive. */
static int open_archive(struct hunting *h)
{
	const char *dir = h->o->archive;
	char path[PATH_MAX];
	if (snprintf(path, sizeof(path), "%s/%s", dir, CASE_ARCHIVE) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	bool is_case = access(path, F_OK) == 0;
	int r = archive_open(&h->archive, is_case ? path : dir, false);
	if (r < 0) {
		log_error("%s: %s; an archive is wanted, or a CASE folder made by 'bulkhead analyze'",
		    is_case ? path : dir, err_text(r));
		return r;
	}
	h->unfinished = is_case && unfinished_is(dir);
	if (h->o->site)
		return site_read(&h->site, h->o->site, print_line, NULL);
	return is_case ? results_site(dir, &h->site) : site_guess(&h->site);
}

static int search(struct hunting *h)
{
	const struct site *site = h->site;
	struct asset_hint *hints = calloc(site->n_assets + 1, sizeof(*hints));
	struct hunt_link *links = calloc(site->n_links + 1, sizeof(*links));
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int zone = h->o->zone ? net_zone_find(site->zones, text_of(h->o->zone)) : NET_ZONE_NONE;
	int r = hints && links ? 0 : -ENOMEM;
	if (r == 0 && zone < 0) {
		cmd_usage(&cmd_hunt, "there is no zone '%s'", h->o->zone);
		r = -ERR_INVALID;
	}
	for (size_t i = 0; i < site->n_assets && r == 0; i++)
		hints[i] = (struct asset_hint){.name = site->assets[i].name,
		    .addrs = site->assets[i].addrs,
		    .n_addrs = site->assets[i].n_addrs};
	for (size_t i = 0; i < site->n_links && r == 0; i++)
		links[i] = (struct hunt_link){.name = site->links[i].name,
		    .zones = site->links[i].zones,
		    .n_zones = site->links[i].n_zones};
	const struct hunt_input in = {.archive = h->archive,
	    .indicators = h->indicators,
	    .zones = site->zones,
	    .assets = hints,
	    .n_assets = site->n_assets,
	    .links = links,
	    .n_links = site->n_links,
	    .from = h->o->from,
	    .to = h->o->to,
	    .zone = (uint16_t)zone,
	    .threads = cores < 1             ? 1
	               : cores > THREADS_MAX ? THREADS_MAX
	                                     : (unsigned)cores,
	    .seed = h->seed};
	if (r == 0)
		r = hunt_run(&in, &h->result);
	if (r == 0 && h->unfinished)
		r = hunt_add_gap(h->result, &(struct hunt_gap){.kind = HUNT_GAP_SEGMENT, .unsearched = true},
		    "The analysis that writes this folder hasn't ended: what it would still have recorded is "
		    "not there.");
	free(hints);
	free(links);
	return r;
}

static int render(const struct hunting *h)
{
	const struct case_answers *answers = h->follow.answers;
	struct report_hunt report = {
	    .result = h->result, .zones = h->site->zones, .elapsed_ns = h->took_ns, .all = h->o->all};
	struct report_case nothing = {.zones = h->site->zones};
	if (h->o->follow) {
		report.follow = answers ? &answers->report : &nothing;
		report.followed = h->follow.followed.incident ? &h->follow.followed : NULL;
		report.seeds_left_out = answers ? answers->seeds_left_out : 0;
	}
	int r = h->o->json ? report_json_hunt(&report, stdout)
	                   : report_text_hunt(&report, stdout, cmd_colour());
	return r == 0 && fflush(stdout) != 0 ? -errno : r;
}

/* An error that nobody has told yet gets its line here. */
static int work(struct hunting *h)
{
	const struct options *o = h->o;
	int r = hunt_input_load(
	    &h->indicators, o->indicators, o->n_indicators, o->files, o->n_files, h->seed);
	if (r < 0)
		return CMD_EXIT_USAGE;
	r = open_archive(h);
	if (r < 0)
		return r == -ERR_INVALID ? CMD_EXIT_USAGE : CMD_EXIT_FAILED;
	r = search(h);
	h->took_ns = now_ns() - h->began_ns;
	if (r == 0 && o->follow)
		r = hunt_follow_work(&h->follow, h->archive, h->site, h->result, h->seed);
	if (r == 0)
		r = render(h);
	if (r == -ERR_INVALID)
		return CMD_EXIT_USAGE;
	if (r < 0) {
		log_error("%s: %s", o->archive, err_text(r));
		return CMD_EXIT_FAILED;
	}
	if (h->result->n_hits)
		return CMD_EXIT_FOUND;
	return h->result->unsearched ? CMD_EXIT_PARTIAL : CMD_EXIT_FINE;
}

static int run(int argc, char **argv)
{
	struct options o = {.archive = NULL};
	struct hunting h = {.o = &o, .began_ns = now_ns(), .seed = cmd_seed()};
	int code = parse(argc, argv, &o);
	if (code)
		return code;
	code = work(&h);
	hunt_follow_free(&h.follow);
	hunt_free(h.result);
	indicator_set_free(h.indicators);
	site_free(h.site);
	if (h.archive)
		archive_close(h.archive);
	return code;
}

const struct cmd_verb cmd_hunt = {
    .name = "hunt",
    .arguments = "INDICATOR... --archive DIR [--from TIME] [--to TIME] [--zone NAME] [--site SITE] [--json] "
                 "[--follow]",
    .summary = "Did we ever talk to any of these, when, what moved, and what can't be told",
    .help =
        "INDICATOR is a value (an address, a prefix, a domain with all below it, a URL, a JA3, JA3S, JA4 or "
        "HASSH,\n"
        "the hash of a certificate or file), a file of them (a list, CSV, STIX 2.1, MISP), or - for standard "
        "input.\n\n"
        "  -a, --archive DIR      an archive, or a CASE folder\n"
        "  -f, --from TIME        from then on: 2026-11-23 or 2026-11-23T06:25:11Z\n"
        "  -t, --to TIME          up to then, not included\n"
        "  -z, --zone NAME        only machines of this zone\n"
        "  -s, --site SITE        the site file; else the CASE folder's, else zones are guessed\n"
        "  -i, --indicators FILE  a file of indicators, whatever it is called; may be given more than once\n"
        "  -F, --follow           spread and exposure from the machines that were found\n"
        "  -A, --all              print every hit, not only the first 40\n"
        "  -j, --json             the JSON of doc/json.md, with every hit\n"
        "\nExit code: 0 nothing found, 1 something found, 2 usage, 3 nothing found but not all could be "
        "searched,\n"
        "4 the archive can't be read.\n"
        "\nExample:\n"
        "  bulkhead hunt 203.0.113.7 evil.example feed.csv --archive CASE/ --from 2026-03-01\n",
    .run = run,
};
