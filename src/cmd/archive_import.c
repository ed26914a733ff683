/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/num.h"
#include "cmd/archive.h"
#include "exchange/import.h"

enum { MAP_MAX = 128, SPOOL_BYTES = 1 << 20, TOLD_MAX = 100, NAME_SHOWN = 256 };

struct arguments {
	const char *folder;
	char **files;
	size_t n_files;
	struct exchange_import_options o;
	struct exchange_csv_map map[MAP_MAX];
	bool format_given;
	uint64_t told;
	struct archive_progress progress;
};

static int parse_unit(const char *name, enum exchange_time_unit *ret_unit)
{
	static const char *const names[] = {[EXCHANGE_TIME_RFC3339] = "rfc3339",
	    [EXCHANGE_TIME_S] = "s",
	    [EXCHANGE_TIME_MS] = "ms",
	    [EXCHANGE_TIME_US] = "us",
	    [EXCHANGE_TIME_NS] = "ns"};
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i]) == 0) {
			*ret_unit = (enum exchange_time_unit)i;
			return 0;
		}
	return cmd_usage(&cmd_archive, "--time '%s': wanted is rfc3339, s, ms, us or ns", name);
}

static int parse_map(struct arguments *a, const char *pair)
{
	struct text t = text_of(pair), ours = text_sub(t, 0, text_find(t, '='));
	if (ours.n == t.n || ours.n == 0 || ours.n + 1 == t.n)
		return cmd_usage(&cmd_archive, "--map '%s': wanted is OURS=THEIRS", pair);
	if (a->o.csv.n_map == MAP_MAX)
		return cmd_usage(&cmd_archive, "more than %d --map", MAP_MAX);
	a->map[a->o.csv.n_map++] = (struct exchange_csv_map){
	    .ours = ours, .theirs = text_sub(t, ours.n + 1, t.n)};
	return 0;
}

static int parse_separator(const char *s, char *ret_separator)
{
	if (strcmp(s, "tab") == 0)
		*ret_separator = '\t';
	else if (strlen(s) == 1 && !strchr("\"\r\n", *s))
		*ret_separator = *s;
	else
		return cmd_usage(&cmd_archive, "--separator '%s': wanted is one character, or tab", s);
	return 0;
}

/* UTC, or how far ahead of it: +02:00, -0730. */
static int parse_zone(struct arguments *a, const char *s)
{
	struct text t = text_of(s);
	uint64_t hours, minutes;
	a->o.csv.zoned = true;
	if (text_equal_nocase(t, TEXT("UTC")) || text_equal_nocase(t, TEXT("Z")))
		return 0;
	bool colon = t.n == 6 && s[3] == ':';
	if ((t.n != 5 && !colon) || (s[0] != '+' && s[0] != '-') ||
	    num_parse_u64(text_sub(t, 1, 2), 23, &hours) < 0 ||
	    num_parse_u64(text_sub(t, 3 + colon, 2), 59, &minutes) < 0)
		return cmd_usage(
		    &cmd_archive, "--zone '%s': wanted is UTC, or how far ahead of it: +02:00", s);
	int32_t seconds = (int32_t)(hours * 3600 + minutes * 60);
	a->o.csv.zone_s = s[0] == '-' ? -seconds : seconds;
	return 0;
}

static int parse_format(struct arguments *a, const char *name)
{
	bool json = strcmp(name, "json") == 0;
	if (!json && strcmp(name, "csv") != 0)
		return cmd_usage(&cmd_archive, "--format '%s': wanted is csv or json", name);
	a->o.format = json ? EXCHANGE_FORMAT_JSON : EXCHANGE_FORMAT_CSV;
	a->format_given = true;
	return 0;
}

static int parse_kind(struct arguments *a, const char *name)
{
	uint64_t kinds = 0;
	int code = archive_parse_kinds(name, &kinds);
	if (code == 0 && (kinds & (kinds - 1)))
		return cmd_usage(&cmd_archive, "import: one --kind, not several");
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++)
		if (kinds >> i & 1)
			a->o.csv.record = i;
	return code;
}

/* Without --format a name decides: .json, .jsonl or .ndjson, else CSV. */
static enum exchange_format format_of(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot && (strcmp(dot, ".json") == 0 || strcmp(dot, ".jsonl") == 0 || strcmp(dot, ".ndjson") == 0)
	           ? EXCHANGE_FORMAT_JSON
	           : EXCHANGE_FORMAT_CSV;
}

static int parse(int argc, char **argv, struct arguments *a)
{
	static const struct option longs[] = {{"format", required_argument, NULL, 'f'},
	    {"kind", required_argument, NULL, 'k'}, {"time", required_argument, NULL, 't'},
	    {"columns", required_argument, NULL, 'c'}, {"map", required_argument, NULL, 'm'},
	    {"separator", required_argument, NULL, 's'}, {"plain-text", no_argument, NULL, 'p'},
	    {"skip-bad", no_argument, NULL, 'b'}, {"zone", required_argument, NULL, 'z'},
	    {"empty", required_argument, NULL, 'e'}, {NULL, 0, NULL, 0}};
	int code = 0;
	opterr = 0;
	optind = 1;
	for (int c; code == 0 && (c = getopt_long(argc, argv, "f:k:", longs, NULL)) != -1;) {
		switch (c) {
		case 'f': code = parse_format(a, optarg); break;
		case 'k': code = parse_kind(a, optarg); break;
		case 't': code = parse_unit(optarg, &a->o.csv.time_unit); break;
		case 'c': a->o.csv.columns = text_of(optarg); break;
		case 'm': code = parse_map(a, optarg); break;
		case 's': code = parse_separator(optarg, &a->o.csv.separator); break;
		case 'z': code = parse_zone(a, optarg); break;
		case 'e': a->o.csv.empty = text_of(optarg); break;
		case 'p': a->o.csv.plain_text = true; break;
		case 'b': a->o.skip_bad = true; break;
		default: code = cmd_usage(&cmd_archive, "import: '%s' is not understood", argv[optind - 1]);
		}
	}
	if (code == 0 && argc - optind < 2)
		return cmd_usage(&cmd_archive, argc == optind
		                                   ? "import: into which archive, from which file?"
		                                   : "import: from which file? - is standard input");
	a->folder = argv[optind];
	a->files = argv + optind + 1;
	a->n_files = (size_t)(argc - optind - 1);
	a->o.csv.map = a->map;
	if (code == 0 && !a->format_given)
		a->o.format = format_of(a->files[0]);
	for (size_t i = 0; code == 0 && !a->format_given && i < a->n_files; i++)
		if (format_of(a->files[i]) != a->o.format)
			return cmd_usage(&cmd_archive, "import: CSV and JSON lines don't mix in one import");
	return code;
}

/* A file without a name in the archive's folder, or beside one that is still to be made: where there is room,
 * if anywhere. */
static int spool_file(const char *folder)
{
	int fd = open(folder, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	if (fd < 0 && errno == ENOENT) {
		char *path = strdup(folder);
		if (!path)
			return -ENOMEM;
		fd = open(dirname(path), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
		free(path);
	}
	return fd < 0 ? -errno : fd;
}

/* What can't be read twice is copied. */
static int spool(const char *folder, int from, int *ret_fd)
{
	uint8_t *bytes = malloc(SPOOL_BYTES);
	int fd = spool_file(folder);
	int r = !bytes ? -ENOMEM : fd < 0 ? fd : 0;
	while (r == 0) {
		int64_t got = exchange_read_file(&from, bytes, SPOOL_BYTES);
		if (got <= 0) {
			r = (int)got;
			break;
		}
		for (int64_t at = 0; r == 0 && at < got;) {
			ssize_t put = write(fd, bytes + at, (size_t)(got - at));
			if (put < 0 && errno != EINTR)
				r = -errno;
			at += put > 0 ? put : 0;
		}
	}
	free(bytes);
	if (r < 0 && fd >= 0)
		close(fd);
	if (r == 0)
		*ret_fd = fd;
	return r;
}

static int open_source(const char *folder, const char *name, struct exchange_source *ret_source)
{
	bool standard = strcmp(name, "-") == 0;
	struct stat st;
	int fd = standard ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC), whole = -1;
	if (fd < 0 || fstat(fd, &st) < 0) {
		log_error("%s: %s", name, err_text(-errno));
		if (fd > STDIN_FILENO)
			close(fd);
		return -ERR_INVALID;
	}
	int r = 0;
	if (S_ISREG(st.st_mode) && !standard) {
		whole = fd;
	} else {
		r = S_ISDIR(st.st_mode) ? -EISDIR : spool(folder, fd, &whole);
		if (!standard)
			close(fd);
	}
	if (r < 0)
		log_error("%s: %s", standard ? "standard input" : name, err_text(r));
	*ret_source = (struct exchange_source){.name = standard ? "standard input" : name, .fd = whole};
	return r;
}

static void step(void *context)
{
	struct arguments *a = context;
	archive_progress_step(&a->progress);
}

static void tell(void *context, const char *name, const struct exchange_problem *p)
{
	struct arguments *a = context;
	archive_progress_end(&a->progress);
	if (p->line == 0) {
		fprintf(stderr, "%s: %s\n", name, p->what);
		return;
	}
	if (++a->told <= TOLD_MAX)
		fprintf(stderr, "%s:%" PRIu64 ":%" PRIu64 ": %s\n", name, p->line, p->column, p->what);
}

static void print_result(const struct arguments *a, const struct exchange_import_result *r)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++) {
		sum += r->records[i];
		if (r->records[i])
			printf("%-12s %12" PRIu64 "\n", archive_layout_of(i)->name, r->records[i]);
	}
	printf("Records taken into %s: %" PRIu64, a->folder, sum);
	if (r->bad)
		printf("; %" PRIu64 " bad rows were left out", r->bad);
	printf(".\n");
	if (r->raised)
		printf("Record ids were raised by %" PRIu64 ": the archive had some of them.\n", r->raised);
	if (r->raised_vantages)
		printf("Vantages were raised by %" PRIu64 ".\n", r->raised_vantages);
}

/* Why an import failed: whatever it was, nothing was taken. */
static int failed(const struct arguments *a, int r, const struct exchange_import_result *result)
{
	if (r == -ERR_INVALID && result->bad)
		log_error("%" PRIu64 " mistake%s; nothing was taken. --skip-bad leaves bad rows out",
		    result->bad, result->bad == 1 ? "" : "s");
	else if (r == -ERR_LIMIT)
		log_error("there is no room behind the archive's record ids or vantages; nothing was taken");
	else if (r == -EAGAIN)
		log_error("%s changed while it was read; nothing was taken", result->changed);
	else if (r != -ERR_INVALID)
		log_error("%s: %s; nothing was taken", a->folder, err_text(r));
	return CMD_EXIT_FAILED;
}

/* The archive, for writing; NULL where there is none yet: it is made once the files are known to be good. */
static int open_archive(struct archive **ret_archive, const char *folder)
{
	struct archive *archive = NULL;
	int r = archive_open(&archive, folder, true);
	if (r == -ENOENT)
		r = 0;
	if (r < 0)
		archive_explain(folder, r);
	*ret_archive = archive;
	return r;
}

static int take(struct arguments *a, struct exchange_import *im, struct archive **archive,
    struct exchange_import_result *result)
{
	int r = *archive ? 0 : archive_create(archive, a->folder);
	/* the same number once more, which is known by now */
	a->progress = (struct archive_progress){.total = a->progress.done};
	if (r == 0)
		r = exchange_import_take(im, *archive, result);
	archive_progress_end(&a->progress);
	if (r < 0)
		return failed(a, r, result);
	r = archive_close(*archive);
	*archive = NULL;
	if (r < 0) {
		log_error("%s: %s", a->folder, err_text(r));
		return CMD_EXIT_FAILED;
	}
	print_result(a, result);
	return result->bad ? CMD_EXIT_PARTIAL : CMD_EXIT_FINE;
}

static int work(struct arguments *a, const struct exchange_source *sources)
{
	struct exchange_import_result result = {0};
	struct exchange_import *im = NULL;
	struct archive *archive;
	/* another writer is told of at once, not after long reading */
	if (open_archive(&archive, a->folder) < 0)
		return CMD_EXIT_FAILED;
	int r = exchange_import_new(&im, &a->o, sources, a->n_files, tell, a);
	if (r == 0)
		r = exchange_import_check(im, &result);
	archive_progress_end(&a->progress);
	if (a->told > TOLD_MAX)
		fprintf(stderr, "... and %" PRIu64 " more\n", a->told - TOLD_MAX);
	int code = r < 0 ? failed(a, r, &result) : take(a, im, &archive, &result);
	exchange_import_free(im);
	archive_close(archive);
	return code;
}

int archive_import_main(int argc, char **argv)
{
	struct arguments a = {.o = {.step = step}};
	int code = parse(argc, argv, &a);
	if (code)
		return code;
	struct exchange_source *sources = calloc(a.n_files + 1, sizeof(*sources));
	size_t n = 0;
	int r = sources ? 0 : -ENOMEM;
	for (; r == 0 && n < a.n_files; n += r == 0)
		r = open_source(a.folder, a.files[n], &sources[n]);
	code = r < 0 ? CMD_EXIT_FAILED : work(&a, sources);
	for (size_t i = 0; i < n; i++)
		close(sources[i].fd);
	free(sources);
	return code;
}
