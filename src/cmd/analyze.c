/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cmd/cmd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/err.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "cmd/captures.h"
#include "cmd/feeds.h"
#include "cmd/files.h"
#include "cmd/progress.h"
#include "cmd/results.h"
#include "cmd/trust.h"
#include "cmd/unfinished.h"
#include "daemon/analysis.h"
#include "daemon/case.h"
#include "sandbox/sandbox.h"

enum { ANALYZE_FEEDS_MAX = 256 };

struct options {
	const char *site, *out, *key;
	const char *feeds[ANALYZE_FEEDS_MAX];
	size_t n_feeds;
	int64_t until;
	bool no_sandbox, quiet, record;
	char **captures;
	size_t n_captures;
};

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {{"site", required_argument, NULL, 's'},
	    {"out", required_argument, NULL, 'o'}, {"indicators", required_argument, NULL, 'i'},
	    {"until", required_argument, NULL, 'u'}, {"key", required_argument, NULL, 'k'},
	    {"quiet", no_argument, NULL, 'q'}, {"record", no_argument, NULL, 'r'},
	    {"no-sandbox", no_argument, NULL, 'N'}, {NULL, 0, NULL, 0}};
	*o = (struct options){.until = INT64_MAX};
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, "s:o:i:u:k:qr", longs, NULL)) != -1;) {
		switch (c) {
		case 's': o->site = optarg; break;
		case 'o': o->out = optarg; break;
		case 'k': o->key = optarg; break;
		case 'q': o->quiet = true; break;
		case 'r': o->record = true; break;
		case 'N': o->no_sandbox = true; break;
		case 'i':
			if (o->n_feeds == ANALYZE_FEEDS_MAX)
				return cmd_usage(
				    &cmd_analyze, "more than %d --indicators", ANALYZE_FEEDS_MAX);
			o->feeds[o->n_feeds++] = optarg;
			break;
		case 'u':
			if (time_parse(text_of(optarg), &o->until) < 0)
				return cmd_usage(&cmd_analyze,
				    "--until '%s' is no time; write it like 2026-11-23T06:00:00Z", optarg);
			break;
		default: return cmd_usage(&cmd_analyze, "'%s' is not understood", argv[optind - 1]);
		}
	}
	o->captures = argv + optind;
	o->n_captures = (size_t)(argc - optind);
	if (o->n_captures == 0)
		return cmd_usage(&cmd_analyze, "which capture?");
	if (!o->out)
		return cmd_usage(&cmd_analyze, "where to? --out CASE/ is missing");
	return 0;
}

static void print_line(void *context, const char *line)
{
	(void)context;
	fprintf(stderr, "%s\n", line);
}

/* A new or empty folder; results of another case are never mixed in. */
static int make_folder(const char *path)
{
	if (mkdir(path, 0700) == 0)
		return 0;
	if (errno != EEXIST) {
		log_error("%s can't be made: %s", path, err_text(-errno));
		return -1;
	}
	DIR *d = opendir(path);
	size_t entries = 0;
	if (!d) {
		log_error("%s can't be read: %s", path, err_text(-errno));
		return -1;
	}
	for (const struct dirent *e; (e = readdir(d));)
		entries += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(d);
	if (entries) {
		log_error("%s isn't empty; name a folder that is new or empty", path);
		return -1;
	}
	return 0;
}

static int mark_folder(const char *path)
{
	int r = unfinished_begin(path);
	if (r < 0)
		log_error("%s can't be written to: %s", path, err_text(r));
	return r;
}

static int read_all(struct capture_set *set, struct analysis *analysis, const struct options *o)
{
	struct progress progress;
	struct capture_frame frame;
	uint64_t packets = 0;
	int r;
	progress_begin(&progress);
	while ((r = capture_set_next(set, &frame)) > 0) {
		if (frame.time_ns >= o->until)
			continue;
		packets++;
		r = analysis_frame(analysis, &frame, capture_set_vantages(set));
		if (r < 0)
			break;
		if (progress_due(&progress)) {
			uint64_t done, total;
			capture_set_progress(set, &done, &total);
			progress_draw(&progress, done, total, packets);
		}
	}
	progress_end(&progress);
	return r < 0 ? r : analysis_finish(analysis, set);
}

static int64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* The pass over the captures: the archive, and eve.json beside it. */
static int record(struct capture_set *set, struct analysis *analysis, const struct options *o)
{
	struct file_made eve;
	int r = file_begin(&eve, o->out, CASE_EVE);
	if (r < 0)
		return r;
	r = analysis_write_eve(analysis, eve.out);
	if (r == 0)
		r = read_all(set, analysis, o);
	return file_end(&eve, r);
}

/* The four questions, and the files that answer them. *ret_answers is the caller's, also on failure. */
static int answer(struct capture_set *set, struct analysis *analysis, const struct site *site,
    const struct options *o, struct case_answers **ret_answers)
{
	int r = case_answer(ret_answers, analysis_archive(analysis), site,
	    &(struct case_options){.one_thread = true, .seed = cmd_seed()});
	if (r < 0)
		return r;
	struct report_case *report = &(*ret_answers)->report;
	analysis_describe(analysis, set, report);
	report->made = now();
	r = results_write(o->out, site, report, report->made);
	if (r == 0 && !o->quiet) {
		report_summary(report, stdout, cmd_colour());
		printf("\nReport: %s/report.html\n", o->out);
	}
	return r;
}

/* From the open inputs to the written results; `bad`: inputs that could not even be opened. */
static int work(struct capture_set *set, const struct site *site, const struct indicator_set *indicators,
    const struct ledger_key *key, const struct options *o, size_t bad)
{
	struct analysis *analysis;
	struct case_answers *answers = NULL;
	char path[PATH_MAX];
	if (snprintf(path, sizeof(path), "%s/%s", o->out, CASE_ARCHIVE) >= (int)sizeof(path))
		return CMD_EXIT_FAILED;
	int r = analysis_new(&analysis, path, site, indicators, key, cmd_seed());
	if (r < 0) {
		log_error("%s: %s", path, err_text(r));
		return CMD_EXIT_FAILED;
	}
	r = record(set, analysis, o);
	if (r == 0)
		r = results_write_site(o->out, site);
	if (r == 0 && !o->record)
		r = answer(set, analysis, site, o, &answers);
	int code = CMD_EXIT_FAILED;
	if (r < 0)
		log_error("the analysis stopped: %s; %s holds no whole result", err_text(r), o->out);
	else
		code = bad + captures_tell_partial(set)         ? CMD_EXIT_PARTIAL
		       : answers && answers->report.n_incidents ? CMD_EXIT_FOUND
		                                                : CMD_EXIT_FINE;
	case_free(answers);
	r = analysis_free(analysis);
	if (r == 0 && code != CMD_EXIT_FAILED)
		r = unfinished_end(o->out);
	if (r < 0 && code != CMD_EXIT_FAILED) {
		log_error("%s: %s; it holds no whole result", o->out, err_text(r));
		code = CMD_EXIT_FAILED;
	}
	return code;
}

static int enter_sandbox(const struct options *o)
{
	const struct sandbox_path folder = {.path = o->out, .access = SANDBOX_WRITE};
	const struct sandbox_request request = {
	    .profile = SANDBOX_ANALYZE, .paths = &folder, .n_paths = 1, .keep_fds = true};
	struct sandbox_result result;
	/* what a library loads at its first use must be loaded before the doors are shut */
	OPENSSL_init_crypto(
	    OPENSSL_INIT_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_ADD_ALL_DIGESTS | OPENSSL_INIT_LOAD_CONFIG, NULL);
	tzset();
	int r = o->no_sandbox ? 0 : sandbox_enter(&request, &result);
	if (r < 0)
		log_error("the sandbox can't be entered: %s; --no-sandbox goes on without it", err_text(r));
	else if (!o->no_sandbox && !result.landlock)
		log_warning("this kernel has no Landlock: files aren't fenced off, system calls are");
	return r;
}

/* The key that signs the archive's ledger: that of the command line, or the site file's. *ret_key is NULL
 * where none is named. 0, or an error that was told. */
static int read_key(const struct options *o, const struct site *site, struct ledger_key **ret_key)
{
	char path[PATH_MAX];
	if (o->key)
		return trust_read_key(o->key, false, ret_key);
	if (!site->ledger.key)
		return 0;
	int r = trust_beside(site->path, site->ledger.key, path, sizeof(path));
	return r < 0 ? r : trust_read_key(path, false, ret_key);
}

static int run(int argc, char **argv)
{
	struct options o;
	struct site *site = NULL;
	struct capture_set *set = NULL;
	struct indicator_set *indicators = NULL;
	struct ledger_key *key = NULL;
	int code = parse(argc, argv, &o);
	if (code)
		return code;
	if ((o.site ? site_read(&site, o.site, print_line, NULL) : site_guess(&site)) < 0)
		return CMD_EXIT_USAGE;
	code = CMD_EXIT_FAILED;
	int r = capture_set_new(&set);
	int bad = r == 0 ? captures_open(set, o.captures, o.n_captures) : r;
	if (bad >= 0 && capture_set_files(set) == 0)
		goto out;
	if (bad >= 0 && (feeds_load(&indicators, site, o.feeds, o.n_feeds, cmd_seed()) < 0 ||
	                    read_key(&o, site, &key) < 0)) {
		code = CMD_EXIT_USAGE;
		goto out;
	}
	if (bad < 0 || make_folder(o.out) < 0 || mark_folder(o.out) < 0 || enter_sandbox(&o) < 0)
		goto out;
	code = work(set, site, indicators, key, &o, (size_t)bad);
out:
	ledger_key_free(key);
	feeds_free(indicators);
	capture_set_free(set);
	site_free(site);
	return code;
}

const struct cmd_verb cmd_analyze = {
    .name = "analyze",
    .arguments = "CAPTURE... [--site SITE] --out CASE/",
    .summary = "From captures to a containment plan: the whole job, offline",
    .help =
        "Reads pcap and pcapng files (gzip and zstd too), merged by time; several files may be several "
        "vantage\n"
        "points of one network: the same flow counts once. Writes into CASE/: archive/, report.html, "
        "incident.json,\n"
        "incident.stix.json, eve.json and, where an incident was found, plan-surgical.nft, plan-guarded.nft "
        "and\n"
        "plan-shutdown.nft.\n\n"
        "  -s, --site SITE         zones, assets and what must not be cut (doc/site.md); without it zones "
        "are\n"
        "                          guessed: private addresses inside, the rest outside\n"
        "  -o, --out CASE/         a new or empty folder\n"
        "  -i, --indicators FILE   CSV, STIX 2.1 bundle, MISP JSON or a list; may be given more than once\n"
        "  -u, --until TIME        leave out packets from this time on (RFC 3339): what was known by then\n"
        "  -k, --key FILE          signs the archive's ledger with this key (bulkhead ledger key); without "
        "it "
        "with\n"
        "                          that of the site file, or not at all\n"
        "  -r, --record            writes archive/ and eve.json alone; spread, plan, exposure and the others "
        "answer\n"
        "                          from them later\n"
        "  -q, --quiet             no summary\n"
        "      --no-sandbox        for debugging\n\n"
        "Exit code: 0 no incident, 1 an incident was found, 2 usage or configuration, 3 some input could not "
        "be\n"
        "read to its end (the results say which), 4 failed.\n\n"
        "Example:\n  bulkhead analyze gateway.pcapng --site site.yaml --out CASE/\n",
    .run = run,
};
