/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Hunts in an archive from inside one process: what a hunt costs apart from reading indicators and printing.
 *
 *   hunts [options] ARCHIVE LIST...
 *
 * A LIST holds addresses or domains, one a line. For each, one JSON line: milliseconds of each run, from the
 * sorted indicators to flows, bytes each way, first and last time of every indicator. Cold runs begin with
 * the archive closed and its pages dropped; their time holds opening it.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "archive/archive.h"
#include "base/err.h"
#include "base/num.h"
#include "bench/hunts.h"

enum { RUNS_MAX = 100, THREADS_MAX = 16 };

struct options {
	const char *archive, *answers, *ids;
	uint64_t runs, cold, threads, from, to;
	bool duplicates;
};

struct timed {
	double open_ms[RUNS_MAX], hunt_ms[RUNS_MAX];
};

static const char usage[] =
    "usage: hunts [--runs N] [--cold N] [--threads N] [--from NS] [--to NS] [--duplicates]\n"
    "             [--answers FOLDER] [--ids FOLDER] ARCHIVE LIST...\n"
    "--answers: a CSV for each list: indicator, flows, wire bytes out and in, first, last.\n"
    "--ids: the record ids of each list's flows, in a file a thread.\n";

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Drops the archive's pages: all pages where we may, else those of its files. Gives how. */
static const char *drop_pages(const char *path)
{
	sync();
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, "3\n", 2) == 2;
	if (fd >= 0)
		close(fd);
	if (done)
		return "drop_caches";
	DIR *dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		fd = openat(dirfd(dir), e->d_name, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		close(fd);
	}
	if (dir)
		closedir(dir);
	return "fadvise";
}

static int open_archive(const struct options *o, struct archive **ret_archive, double *ret_ms)
{
	double start = now_ms();
	int r = archive_open(ret_archive, o->archive, false);
	*ret_ms = now_ms() - start;
	return r;
}

static int one_run(struct archive *a, const struct options *o, const struct hunts_list *list,
    FILE *const *ids, struct hunts_answer *answer, struct archive_hunt_stat *stat, double *ret_ms)
{
	double start = now_ms();
	struct archive_filter filter = {
	    .from = (int64_t)o->from, .to = (int64_t)o->to, .duplicates = o->duplicates};
	int r = hunts_run(a, list, &filter, (unsigned)o->threads, ids, answer, stat);
	*ret_ms = now_ms() - start;
	return r;
}

static FILE *open_output(const char *folder, const char *list, const char *ending)
{
	char path[4096];
	const char *name = strrchr(list, '/') ? strrchr(list, '/') + 1 : list;
	snprintf(path, sizeof(path), "%s/%s.%s", folder, name, ending);
	return fopen(path, "we");
}

static int write_ids(
    struct archive *a, const struct options *o, const struct hunts_list *list, const char *path)
{
	FILE *files[THREADS_MAX] = {0};
	struct hunts_answer answer = {0};
	struct archive_hunt_stat stat;
	double ms;
	int r = 0;
	for (unsigned i = 0; r == 0 && i < o->threads; i++) {
		char ending[16];
		snprintf(ending, sizeof(ending), "ids.%u", i);
		r = (files[i] = open_output(o->ids, path, ending)) ? 0 : -errno;
	}
	if (r == 0)
		r = one_run(a, o, list, files, &answer, &stat, &ms);
	for (unsigned i = 0; i < o->threads; i++)
		if (files[i] && fclose(files[i]) != 0 && r == 0)
			r = -errno;
	hunts_answer_free(&answer);
	return r;
}

static void print_times(const char *name, const double *ms, uint64_t n)
{
	printf(",\"%s\":[", name);
	for (uint64_t i = 0; i < n; i++)
		printf("%s%.3f", i ? "," : "", ms[i]);
	printf("]");
}

static void print(const char *path, const struct options *o, const struct hunts_list *list,
    const struct hunts_answer *answer, const struct archive_hunt_stat *stat, const struct timed *cold,
    const struct timed *warm, const char *how)
{
	struct hunts_sum sum = hunts_total(list, answer);
	printf("{\"list\":\"%s\",\"indicators\":%zu,\"found\":%llu,\"flows\":%llu,\"wire_out\":%llu,\"wire_"
	       "in\":%llu",
	    path, list->n, (unsigned long long)sum.found, (unsigned long long)sum.flows,
	    (unsigned long long)sum.wire_out, (unsigned long long)sum.wire_in);
	printf(
	    ",\"segments\":%llu,\"segments_entered\":%llu,\"blocks\":%llu,\"blocks_read\":%llu,\"gaps\":%zu",
	    (unsigned long long)stat->segments, (unsigned long long)stat->segments_entered,
	    (unsigned long long)stat->blocks, (unsigned long long)stat->blocks_read, stat->n_gaps);
	print_times("warm_ms", warm->hunt_ms, o->runs);
	print_times("cold_open_ms", cold->open_ms, o->cold);
	print_times("cold_hunt_ms", cold->hunt_ms, o->cold);
	printf(",\"dropped_by\":\"%s\"}\n", how);
	fflush(stdout);
}

static int write_answer(const struct options *o, const char *path, const struct hunts_list *list,
    const struct hunts_answer *answer)
{
	FILE *out = open_output(o->answers, path, "csv");
	if (!out)
		return -errno;
	hunts_print(out, list, answer);
	return fclose(out) == 0 ? 0 : -errno;
}

static int measure(
    struct archive **a, const struct options *o, const struct hunts_list *list, const char *path)
{
	struct hunts_answer answer = {0};
	struct archive_hunt_stat stat = {0};
	struct timed cold, warm;
	const char *how = "";
	int r = 0;
	for (uint64_t i = 0; r == 0 && i < o->cold; i++) {
		archive_close(*a);
		*a = NULL;
		how = drop_pages(o->archive);
		r = open_archive(o, a, &cold.open_ms[i]);
		if (r == 0)
			r = one_run(*a, o, list, NULL, &answer, &stat, &cold.hunt_ms[i]);
	}
	double warm_up;
	if (r == 0)
		r = one_run(*a, o, list, NULL, &answer, &stat, &warm_up);
	for (uint64_t i = 0; r == 0 && i < o->runs; i++)
		r = one_run(*a, o, list, NULL, &answer, &stat, &warm.hunt_ms[i]);
	if (r == 0)
		print(path, o, list, &answer, &stat, &cold, &warm, how);
	if (r == 0 && o->answers)
		r = write_answer(o, path, list, &answer);
	if (r == 0 && o->ids)
		r = write_ids(*a, o, list, path);
	hunts_answer_free(&answer);
	return r;
}

static bool read_options(struct options *o, int argc, char **argv)
{
	static const struct option options[] = {{"runs", 1, NULL, 'r'}, {"cold", 1, NULL, 'c'},
	    {"threads", 1, NULL, 't'}, {"from", 1, NULL, 'F'}, {"to", 1, NULL, 'T'},
	    {"answers", 1, NULL, 'a'}, {"ids", 1, NULL, 'i'}, {"duplicates", 0, NULL, 'd'}, {0}};
	bool good = true;
	for (int c; good && (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		struct text value = text_of(optarg);
		switch (c) {
		case 'r': good = num_parse_u64(value, RUNS_MAX, &o->runs) == 0; break;
		case 'c': good = num_parse_u64(value, RUNS_MAX, &o->cold) == 0; break;
		case 't': good = num_parse_u64(value, THREADS_MAX, &o->threads) == 0 && o->threads; break;
		case 'F': good = num_parse_u64(value, INT64_MAX, &o->from) == 0; break;
		case 'T': good = num_parse_u64(value, INT64_MAX, &o->to) == 0; break;
		case 'a': o->answers = optarg; break;
		case 'i': o->ids = optarg; break;
		case 'd': o->duplicates = true; break;
		default: good = false;
		}
	}
	return good && optind + 2 <= argc;
}

int main(int argc, char **argv)
{
	struct options o = {.runs = 5, .threads = 2};
	struct archive *a = NULL;
	double ms;
	if (!read_options(&o, argc, argv)) {
		fputs(usage, stderr);
		return 2;
	}
	o.archive = argv[optind];
	int r = open_archive(&o, &a, &ms);
	for (int i = optind + 1; r == 0 && i < argc; i++) {
		struct hunts_list list;
		r = hunts_list_read(&list, argv[i]);
		if (r < 0)
			break;
		r = measure(&a, &o, &list, argv[i]);
		hunts_list_free(&list);
	}
	if (a)
		archive_close(a);
	if (r < 0)
		fprintf(stderr, "hunts: %s\n", err_text(r));
	return r < 0;
}
