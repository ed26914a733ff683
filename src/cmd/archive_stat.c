/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/layout.h"
#include "base/err.h"
#include "base/log.h"
#include "base/num.h"
#include "base/timefmt.h"
#include "cmd/archive.h"
#include "ledger/checkpoint.h"
#include "ledger/history.h"
#include "ledger/ledger.h"

enum { PERIODS_MAX = 366, DAY_S = 86400, SHOWN = 64 };

struct kind_stat {
	const char *name;
	uint64_t records, segments, bytes, unsealed, unledgered, missing, unreadable;
	bool timed;
	int64_t first, last;
};

/* A part of the time that the archive spans. */
struct period {
	double records, bytes;
};

struct stats {
	const char *folder;
	struct archive_stat all;
	struct kind_stat kinds[ARCHIVE_KINDS];
	uint64_t entries;
	bool has_ledger, signed_once;
	uint64_t checkpoint_size;
	int64_t checkpoint_time; /* of the file: a checkpoint itself has none */
	char signers[512];
	int64_t period_first, period_ns;
	size_t n_periods;
	struct period periods[PERIODS_MAX];
};

/* Shares a file's records and bytes among the periods that it spans, evenly. */
static void spread_over(struct stats *s, int64_t first, int64_t last, double records, double bytes)
{
	if (!s->n_periods || last < first)
		return;
	size_t from = (size_t)((uint64_t)(first - s->period_first) / (uint64_t)s->period_ns);
	size_t to = (size_t)((uint64_t)(last - s->period_first) / (uint64_t)s->period_ns);
	double span = (double)(last - first);
	for (size_t i = from; i <= to && i < s->n_periods; i++) {
		double begin = (double)i * (double)s->period_ns + (double)(s->period_first - first);
		double end = begin + (double)s->period_ns;
		double share = span <= 0 ? 1 : ((end < span ? end : span) - (begin > 0 ? begin : 0)) / span;
		s->periods[i].records += share * records;
		s->periods[i].bytes += share * bytes;
	}
}

/* Days, weeks or months of thirty days: whichever makes a table that can be read. */
static void choose_periods(struct stats *s)
{
	static const int64_t days[] = {1, 7, 30, 365};
	if (s->all.first == 0 && s->all.last == 0)
		return;
	uint64_t span = (uint64_t)s->all.last - (uint64_t)s->all.first;
	for (size_t i = 0; i < sizeof(days) / sizeof(*days); i++) {
		int64_t ns = days[i] * DAY_S * NS_PER_S, within = s->all.first % ns;
		int64_t first = s->all.first - (within < 0 ? within + ns : within);
		uint64_t n = ((uint64_t)s->all.last - (uint64_t)first) / (uint64_t)ns + 1;
		if (n > 31 && i + 1 < sizeof(days) / sizeof(*days) && span / (uint64_t)ns > 31)
			continue;
		s->period_ns = ns;
		s->period_first = first;
		s->n_periods = n < PERIODS_MAX ? (size_t)n : 0;
		return;
	}
}

static void add_run(struct stats *s, struct kind_stat *k, const struct archive_run *run, uint64_t file_bytes,
    uint64_t file_records)
{
	bool timed = run->first || run->last;
	k->records += run->records;
	if (!run->sealed)
		k->unsealed += run->records;
	if (run->error == 0 && timed) {
		if (!k->timed || run->first < k->first)
			k->first = run->first;
		if (!k->timed || run->last > k->last)
			k->last = run->last;
		k->timed = true;
		double share = file_records ? (double)run->records / (double)file_records : 0;
		spread_over(s, run->first, run->last, (double)run->records, share * (double)file_bytes);
	}
}

static uint64_t run_bytes(const struct archive *a, enum msg_record record, uint64_t number)
{
	char name[64];
	struct stat st;
	if (archive_run_file(a, record, number, name) < 0 ||
	    fstatat(archive_folder_fd(a), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return (uint64_t)st.st_size;
}

static uint64_t ledger_records(const struct ledger *l, struct text kind, uint64_t number)
{
	struct ledger_entry e;
	uint64_t i;
	if (!l || ledger_find_run(l, kind, number, &i) < 0 || ledger_entry_at(l, i, &e) < 0)
		return 0;
	return e.records;
}

static void gather_kind(struct stats *s, struct archive *a, enum msg_record record)
{
	struct kind_stat *k = &s->kinds[record];
	struct ledger *l = archive_ledger(a);
	size_t runs = archive_runs(a, record);
	struct archive_run run;
	k->name = archive_layout_of(record)->name;
	for (size_t i = 0; i < runs;) {
		uint64_t bytes, records = 0, first;
		size_t n = 0;
		archive_run_at(a, record, i, &run);
		first = run.file_first;
		bytes = run_bytes(a, record, run.number);
		k->bytes += bytes;
		k->segments += run.sealed && run.error == 0;
		/* the runs of one file stand together */
		for (; i + n < runs; n++) {
			archive_run_at(a, record, i + n, &run);
			if (run.file_first != first)
				break;
			records += run.records;
			/* nothing of a missing file is there; a bad one is */
			if (run.error && bytes)
				k->unreadable++;
			else if (run.error)
				k->missing++;
			else
				k->unledgered += run.records -
				                 ledger_records(l, text_of(k->name), run.number);
		}
		for (size_t j = 0; j < n; j++) {
			archive_run_at(a, record, i + j, &run);
			add_run(s, k, &run, bytes, records);
		}
		i += n;
	}
}

static void gather_checkpoint(struct stats *s, const struct archive *a)
{
	struct dynbuf bytes = {0};
	struct note note;
	struct checkpoint c;
	struct stat st;
	size_t used = 0;
	if (history_latest(archive_folder_fd(a), &bytes) == 0 &&
	    checkpoint_parse_note(dynbuf_view(&bytes), &note, &c, NULL) == 0) {
		s->signed_once = true;
		s->checkpoint_size = c.size;
		if (fstatat(archive_folder_fd(a), LEDGER_CHECKPOINT, &st, AT_SYMLINK_NOFOLLOW) == 0)
			s->checkpoint_time = st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec;
		for (size_t i = 0; i < note.n && used + SHOWN + 4 < sizeof(s->signers); i++) {
			char name[SHOWN];
			text_printable(note.signatures[i].name, name, sizeof(name));
			used += (size_t)snprintf(
			    s->signers + used, sizeof(s->signers) - used, "%s%s", i ? ", " : "", name);
		}
	}
	dynbuf_free(&bytes);
}

static void gather(struct stats *s, struct archive *a)
{
	struct ledger *l = archive_ledger(a);
	archive_get_stat(a, &s->all);
	choose_periods(s);
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++)
		if (archive_layout_of(i))
			gather_kind(s, a, (enum msg_record)i);
	s->has_ledger = l != NULL;
	s->entries = l ? ledger_entries(l) : 0;
	gather_checkpoint(s, a);
}

static uint64_t sum_of(const struct stats *s, size_t offset)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++)
		sum += *(const uint64_t *)((const uint8_t *)&s->kinds[i] + offset);
	return sum;
}

static bool is_damaged(const struct stats *s)
{
	return s->all.torn_bytes || s->all.damaged_bytes || sum_of(s, offsetof(struct kind_stat, missing)) ||
	       sum_of(s, offsetof(struct kind_stat, unreadable));
}

static double per_day(const struct kind_stat *k)
{
	double days = ((double)k->last - (double)k->first) / ((double)DAY_S * (double)NS_PER_S);
	return days > 0 ? (double)k->records / days : 0;
}

static void print_kinds(const struct stats *s)
{
	printf("%-12s %14s %9s %10s %9s  %-19s  %-19s %14s\n", "", "records", "segments", "size", "B/record",
	    "first", "last", "records/day");
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++) {
		const struct kind_stat *k = &s->kinds[i];
		char size[24], each[24] = "-", first[TIME_TEXT_SIZE] = "-", last[TIME_TEXT_SIZE] = "-",
		               day[32] = "-";
		if (!k->name ||
		    (k->records == 0 && k->segments == 0 && k->missing == 0 && k->unreadable == 0))
			continue;
		if (k->records)
			snprintf(each, sizeof(each), "%.1f", (double)k->bytes / (double)k->records);
		if (k->timed) {
			first[0] = last[0] = '\0';
			time_human(k->first, first)[19] = '\0';
			time_human(k->last, last)[19] = '\0';
		}
		/* under an hour a daily rate says nothing */
		if (k->timed && (uint64_t)k->last - (uint64_t)k->first >= 3600 * (uint64_t)NS_PER_S)
			snprintf(day, sizeof(day), "%.0f", per_day(k));
		printf("%-12s %14" PRIu64 " %9" PRIu64 " %10s %9s  %-19s  %-19s %14s\n", k->name, k->records,
		    k->segments, num_bytes_human(k->bytes, size, sizeof(size)), each, first, last, day);
	}
}

static void print_periods(const struct stats *s)
{
	if (s->n_periods < 2)
		return;
	printf("\n%-12s %14s %10s\n", s->period_ns == DAY_S * NS_PER_S ? "day" : "from", "records", "size");
	for (size_t i = 0; i < s->n_periods; i++) {
		char day[TIME_TEXT_SIZE], size[24];
		time_human(s->period_first + (int64_t)i * s->period_ns, day)[10] = '\0';
		printf("%-12s %14.0f %10s\n", day, s->periods[i].records,
		    num_bytes_human((uint64_t)s->periods[i].bytes, size, sizeof(size)));
	}
}

static void print_ledger(const struct stats *s)
{
	char when[TIME_TEXT_SIZE];
	uint64_t out = sum_of(s, offsetof(struct kind_stat, unledgered));
	if (!s->has_ledger) {
		printf("\nLedger: none.\n");
		return;
	}
	printf("\nLedger: %" PRIu64 " entries; ", s->entries);
	if (s->signed_once)
		printf("the last checkpoint is of %" PRIu64 " entries, stored %s, signed by %s; ",
		    s->checkpoint_size, time_human(s->checkpoint_time, when), s->signers);
	else
		printf("no checkpoint was ever signed; ");
	printf("%" PRIu64 " records aren't in it yet.\n", out);
}

static void print_damage(const struct stats *s)
{
	if (!is_damaged(s)) {
		printf("Damage: none seen (bulkhead verify reads everything).\n");
		return;
	}
	if (s->all.torn_bytes)
		printf("Damage: %" PRIu64 " bytes of a torn tail, never acknowledged.\n", s->all.torn_bytes);
	if (s->all.damaged_bytes)
		printf("Damage: %" PRIu64 " bytes of journals are unreadable.\n", s->all.damaged_bytes);
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++) {
		const struct kind_stat *k = &s->kinds[i];
		if (k->missing)
			printf("Damage: %" PRIu64 " runs of %ss are missing.\n", k->missing, k->name);
		if (k->unreadable)
			printf("Damage: %" PRIu64 " runs of %ss stand in files that can't be read.\n",
			    k->unreadable, k->name);
	}
}

static json_t *json_time(bool known, int64_t ns)
{
	char text[TIME_TEXT_SIZE];
	return known ? json_string(time_rfc3339(ns, text)) : json_null();
}

static json_t *json_kind(const struct kind_stat *k)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:f}", "record", k->name,
	    "records", (json_int_t)k->records, "segments", (json_int_t)k->segments, "bytes",
	    (json_int_t)k->bytes, "unsealed_records", (json_int_t)k->unsealed, "records_not_in_ledger",
	    (json_int_t)k->unledgered, "missing_runs", (json_int_t)k->missing, "unreadable_runs",
	    (json_int_t)k->unreadable, "first", json_time(k->timed, k->first), "last",
	    json_time(k->timed, k->last), "records_per_day", per_day(k));
}

static int print_json(const struct stats *s)
{
	json_t *kinds = json_array(), *periods = json_array();
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++)
		if (s->kinds[i].name)
			json_array_append_new(kinds, json_kind(&s->kinds[i]));
	for (size_t i = 0; i < s->n_periods; i++)
		json_array_append_new(periods,
		    json_pack("{s:o, s:o, s:I, s:I}", "from",
		        json_time(true, s->period_first + (int64_t)i * s->period_ns), "to",
		        json_time(true, s->period_first + (int64_t)(i + 1) * s->period_ns), "records",
		        (json_int_t)s->periods[i].records, "bytes", (json_int_t)s->periods[i].bytes));
	json_t *checkpoint = s->signed_once
	                         ? json_pack("{s:I, s:o, s:s}", "size", (json_int_t)s->checkpoint_size,
	                               "stored", json_time(true, s->checkpoint_time), "signed_by", s->signers)
	                         : json_null();
	json_t *root = json_pack("{s:i, s:s, s:I, s:o, s:o, s:{s:b, s:I, s:o, s:I}, s:{s:I, s:I, s:I, s:I}}",
	    "format", 1, "archive", s->folder, "bytes", (json_int_t)s->all.bytes, "kinds", kinds, "over_time",
	    periods, "ledger", "present", s->has_ledger, "entries", (json_int_t)s->entries, "checkpoint",
	    checkpoint, "records_not_in_it", (json_int_t)sum_of(s, offsetof(struct kind_stat, unledgered)),
	    "damage", "torn_bytes", (json_int_t)s->all.torn_bytes, "damaged_bytes",
	    (json_int_t)s->all.damaged_bytes, "missing_runs",
	    (json_int_t)sum_of(s, offsetof(struct kind_stat, missing)), "unreadable_runs",
	    (json_int_t)sum_of(s, offsetof(struct kind_stat, unreadable)));
	int r = root && json_dumpf(root, stdout, JSON_INDENT(2)) == 0 ? 0 : -ENOMEM;
	printf("\n");
	json_decref(root);
	return r;
}

int archive_stat_main(int argc, char **argv)
{
	static const struct option longs[] = {{"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
	bool json = false;
	const char *folder = NULL;
	struct archive *archive;
	opterr = 0;
	optind = 1;
	for (int c; (c = getopt_long(argc, argv, "j", longs, NULL)) != -1;) {
		if (c != 'j')
			return cmd_usage(&cmd_archive, "stat: '%s' is not understood", argv[optind - 1]);
		json = true;
	}
	int code = archive_argument(argc, argv, optind, &folder);
	if (code)
		return code;
	struct stats *s = calloc(1, sizeof(*s));
	if (!s || archive_open_told(&archive, folder, false) < 0) {
		free(s);
		return CMD_EXIT_FAILED;
	}
	s->folder = folder;
	gather(s, archive);
	int r = 0;
	if (json) {
		r = print_json(s);
	} else {
		print_kinds(s);
		print_periods(s);
		print_ledger(s);
		print_damage(s);
	}
	code = r < 0 ? CMD_EXIT_FAILED : is_damaged(s) ? CMD_EXIT_PARTIAL : CMD_EXIT_FINE;
	archive_close(archive);
	free(s);
	return code;
}
