/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "archive/layout.h"
#include "base/err.h"
#include "base/log.h"
#include "base/num.h"
#include "base/timefmt.h"
#include "cmd/archive.h"

/* As much later retention may come for what is merged. */
enum { WITHIN_DAYS = 7 };

static const uint64_t all_kinds = 1 << MSG_FLOW | 1 << MSG_TRANSACTION | 1 << MSG_DETECTION |
                                  1 << MSG_BINDING | 1 << MSG_COVERAGE;

static int64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int close_told(struct archive *a, const char *folder, int code)
{
	int r = archive_close(a);
	if (r < 0)
		log_error("%s: %s", folder, err_text(r));
	return r < 0 ? CMD_EXIT_FAILED : code;
}

static int parse_within(const char *days, int64_t *ret_within)
{
	uint64_t n;
	if (num_parse_u64(text_of(days), 36500, &n) < 0 || n == 0)
		return cmd_usage(
		    &cmd_archive, "--within '%s': wanted is a number of days from 1 to 36500", days);
	*ret_within = (int64_t)n * 86400 * NS_PER_S;
	return 0;
}

int archive_compact_main(int argc, char **argv)
{
	static const struct option longs[] = {{"within", required_argument, NULL, 'w'}, {NULL, 0, NULL, 0}};
	const char *folder = NULL;
	struct archive *a;
	struct archive_compaction c;
	char before[24], after[24];
	int64_t within = WITHIN_DAYS * INT64_C(86400) * NS_PER_S;
	int code = 0;
	opterr = 0;
	optind = 1;
	for (int o; code == 0 && (o = getopt_long(argc, argv, "w:", longs, NULL)) != -1;)
		code = o == 'w'
		           ? parse_within(optarg, &within)
		           : cmd_usage(&cmd_archive, "compact: '%s' is not understood", argv[optind - 1]);
	if (code == 0)
		code = archive_argument(argc, argv, optind, &folder);
	if (code)
		return code;
	if (archive_open_told(&a, folder, true) < 0)
		return CMD_EXIT_FAILED;
	int r = archive_compact(a, within, &c);
	if (r < 0)
		log_error("%s: %s; nothing is lost, and compacting can be begun again", folder, err_text(r));
	else
		printf("Segment files: %" PRIu64 " of %s became %" PRIu64 " of %s.\n", c.files_before,
		    num_bytes_human(c.bytes_before, before, sizeof(before)), c.files_after,
		    num_bytes_human(c.bytes_after, after, sizeof(after)));
	return close_told(a, folder, r < 0 ? CMD_EXIT_FAILED : CMD_EXIT_FINE);
}

struct expiry {
	const char *folder;
	int64_t before, now;
	uint64_t kinds;
	bool dry_run;
};

static int parse_keep(const char *days, int64_t at, int64_t *ret_before)
{
	uint64_t n;
	if (num_parse_u64(text_of(days), 36500, &n) < 0)
		return cmd_usage(&cmd_archive, "--keep '%s': wanted is a number of days up to 36500", days);
	*ret_before = at - (int64_t)n * 86400 * NS_PER_S;
	return 0;
}

static int parse(int argc, char **argv, struct expiry *e)
{
	static const struct option longs[] = {{"before", required_argument, NULL, 'b'},
	    {"keep", required_argument, NULL, 'K'}, {"kind", required_argument, NULL, 'k'},
	    {"dry-run", no_argument, NULL, 'n'}, {NULL, 0, NULL, 0}};
	int code = 0, given = 0;
	opterr = 0;
	optind = 1;
	for (int c; code == 0 && (c = getopt_long(argc, argv, "k:n", longs, NULL)) != -1;) {
		given += c == 'b' || c == 'K';
		switch (c) {
		case 'b': code = archive_parse_time("--before", optarg, &e->before); break;
		case 'K': code = parse_keep(optarg, e->now, &e->before); break;
		case 'k': code = archive_parse_kinds(optarg, &e->kinds); break;
		case 'n': e->dry_run = true; break;
		default: code = cmd_usage(&cmd_archive, "expire: '%s' is not understood", argv[optind - 1]);
		}
	}
	if (code == 0 && given != 1)
		return cmd_usage(&cmd_archive, "expire: --before TIME or --keep DAYS, one of them");
	return code ? code : archive_argument(argc, argv, optind, &e->folder);
}

/* What is there of each kind; kinds of which nothing is are left out. */
static void print_left(const struct archive *a)
{
	struct archive_stat s;
	char size[24];
	archive_get_stat(a, &s);
	printf("Left:");
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++)
		if (archive_layout_of(i) && s.records[i])
			printf(" %s %" PRIu64 ",", archive_layout_of(i)->name, s.records[i]);
	printf(" %s, segments %" PRIu64 ".\n", num_bytes_human(s.bytes, size, sizeof(size)), s.segments);
}

/* The same choice as archive_expire's: whole files that ended before. */
static uint64_t print_dry(const struct archive *a, const struct expiry *e)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++) {
		size_t runs = archive_layout_of(i) && e->kinds >> i & 1 ? archive_runs(a, (enum msg_record)i)
		                                                        : 0;
		uint64_t records = 0, files = 0;
		for (size_t n = 0; n < runs;) {
			struct archive_run run;
			bool goes = true, timed = false;
			uint64_t file = 0;
			archive_run_at(a, (enum msg_record)i, n, &run);
			for (uint64_t first = run.file_first; n < runs; n++) {
				archive_run_at(a, (enum msg_record)i, n, &run);
				if (run.file_first != first)
					break;
				goes &= run.sealed && !run.error && run.last < e->before;
				timed |= run.first || run.last;
				file += run.records;
			}
			goes &= timed;
			records += goes ? file : 0;
			files += goes;
		}
		if (files)
			printf("%-12s %12" PRIu64 " records would go, files: %" PRIu64 "\n",
			    archive_layout_of(i)->name, records, files);
		sum += records;
	}
	return sum;
}

int archive_expire_main(int argc, char **argv)
{
	struct expiry e = {.kinds = all_kinds, .now = now()};
	struct archive *a;
	struct archive_stat before, after;
	char when[TIME_TEXT_SIZE];
	uint64_t records = 0;
	int code = parse(argc, argv, &e);
	if (code)
		return code;
	if (archive_open_told(&a, e.folder, !e.dry_run) < 0)
		return CMD_EXIT_FAILED;
	printf("Whole segments whose records all ended before %s:\n", time_human(e.before, when));
	if (e.dry_run) {
		if (print_dry(a, &e) == 0)
			printf("none\n");
		return close_told(a, e.folder, CMD_EXIT_FINE);
	}
	archive_get_stat(a, &before);
	int r = archive_expire(a, e.before, e.kinds, e.now, &records);
	archive_get_stat(a, &after);
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++)
		if (before.records[i] != after.records[i])
			printf("%-12s %12" PRIu64 " records went\n", archive_layout_of(i)->name,
			    before.records[i] - after.records[i]);
	if (r == 0 && records == 0)
		printf("none\n");
	print_left(a);
	if (records)
		printf("The ledger's line about it is to be signed, or else verify takes what went for "
		       "missing:\n"
		       "  bulkhead ledger sign %s --key FILE\n",
		    e.folder);
	if (r < 0)
		log_error("%s: %s; it can be begun again", e.folder, err_text(r));
	return close_told(a, e.folder, r < 0 ? CMD_EXIT_FAILED : CMD_EXIT_FINE);
}
