/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Makes months of plausible flows of an organization: history --flows N [options]. What they are like:
 * bench/history.md. Prints, as JSON, what was made and what each part of it cost: of the archive, the
 * processor time of appending alone, with what it syncs, seals and enters in the ledger, apart from the time
 * that making the flows took.
 */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "archive/archive.h"
#include "base/err.h"
#include "base/num.h"
#include "base/timefmt.h"
#include "bench/history_model.h"
#include "bench/history_out.h"
#include "decode/packet.h"

enum {
	BATCH = 1 << 14,
	DAYS_DEFAULT = 100,
	ASSETS_DEFAULT = 3000,
	NAMES_DEFAULT = 400000,
	SYNC_DEFAULT = 1000000
};

struct made {
	struct msg_flow flow;
	uint64_t also;
};

struct spent {
	double wall, processor;
};

struct run {
	struct history_options options;
	const char *archive_path, *csv_path, *nfdump_path, *lists_path;
	uint64_t sync_every, stop;
	struct world *world;
	struct history *history;
	struct archive *archive;
	struct history_csv *csv;
	struct history_nfdump *nfdump;
	struct history_lists *lists;
	struct made *batch;
	uint64_t flows, since_sync, last_id;
	struct spent generate, append, close, other;
};

static const char usage[] =
    "usage: history --flows N [--days D] [--assets N] [--names N] [--seed S] [--ns] [--stop N]\n"
    "               [--archive FOLDER] [--sync N] [--csv FOLDER] [--nfdump FOLDER] [--indicators FOLDER]\n"
    "Folders for CSV, nfdump and indicators must be there. --ns: whole nanoseconds, not microseconds.\n"
    "--stop: only that many of them, from the beginning. --sync: flows between two calls of archive_sync "
    "(1,000,000).\n";

static double seconds(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct spent now(void)
{
	return (struct spent){seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID)};
}

static void charge(struct spent *to, struct spent *since)
{
	struct spent t = now();
	to->wall += t.wall - since->wall;
	to->processor += t.processor - since->processor;
	*since = t;
}

static size_t make(struct run *run)
{
	size_t n = 0, most = run->stop - run->flows < BATCH ? run->stop - run->flows : BATCH;
	for (; n < most && history_draw(run->history, &run->batch[n].flow); n++) {
		struct made *m = &run->batch[n];
		if (m->flow.also.n) {
			m->also = m->flow.also.v[0];
			m->flow.also.v = &m->also;
		}
	}
	return n;
}

static int append(struct run *run, size_t n)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = archive_append_flow(run->archive, &run->batch[i].flow);
	run->since_sync += n;
	if (r == 0 && run->since_sync >= run->sync_every) {
		run->since_sync = 0;
		r = archive_sync(run->archive);
	}
	return r;
}

static int hand_out(struct run *run, size_t n)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct msg_flow *f = &run->batch[i].flow;
		if (run->csv)
			r = history_csv_flow(run->csv, f);
		if (r == 0 && run->nfdump)
			r = history_nfdump_flow(run->nfdump, f);
		if (r == 0 && run->lists)
			r = history_lists_flow(run->lists, f);
		run->last_id = f->id > run->last_id ? f->id : run->last_id;
	}
	return r;
}

static int make_flows(struct run *run)
{
	struct spent t = now();
	int r = 0;
	for (size_t n; r == 0 && (n = make(run)) > 0;) {
		charge(&run->generate, &t);
		if (run->archive)
			r = append(run, n);
		charge(&run->append, &t);
		if (r == 0)
			r = hand_out(run, n);
		charge(&run->other, &t);
		run->flows += n;
	}
	return r;
}

/* Which machine had which address, and which sensor saw which days: what questions to the archive need. */
static int append_rest(struct run *run)
{
	const struct world *w = run->world;
	int64_t begin = run->options.begin, day = 86400 * NS_PER_S, end = begin + run->options.days * day;
	uint64_t id = run->last_id;
	int r = 0;
	for (size_t i = 0; r == 0 && i < w->n_assets; i++)
		r = archive_append_binding(run->archive, &(struct msg_binding){.id = ++id,
		                                             .first = begin,
		                                             .last = end,
		                                             .addr = world_addr(w->assets[i].addr),
		                                             .mac = w->assets[i].mac,
		                                             .name = w->assets[i].name,
		                                             .source = PACKET_BINDING_DHCP,
		                                             .vantage = HISTORY_VANTAGE_CORE});
	for (uint32_t d = 0; r == 0 && d < run->options.days * 2; d++)
		r = archive_append_coverage(
		    run->archive, &(struct msg_coverage){.id = ++id,
		                      .vantage = (uint16_t)(1 + d % 2),
		                      .name = d % 2 ? TEXT("core") : TEXT("edge"),
		                      .origin = TEXT("generated"),
		                      .from = begin + d / 2 * day,
		                      .to = begin + (d / 2 + 1) * day,
		                      .packets = run->flows * 20 / run->options.days});
	return r;
}

static int finish(struct run *run, int r)
{
	struct spent t = now();
	if (run->archive) {
		if (r == 0)
			r = append_rest(run);
		int closed = archive_close(run->archive);
		r = r < 0 ? r : closed;
		charge(&run->close, &t);
	}
	int closed = history_csv_close(run->csv);
	r = r < 0 ? r : closed;
	closed = history_nfdump_close(run->nfdump);
	r = r < 0 ? r : closed;
	if (r == 0 && run->lists)
		r = history_lists_write(run->lists, run->lists_path);
	return r;
}

static int begin(struct run *run)
{
	const struct history_options *o = &run->options;
	int r = world_new(&run->world, o->seed, o->assets, o->names);
	if (r == 0)
		r = history_new(&run->history, o, run->world);
	if (r == 0 && !(run->batch = calloc(BATCH, sizeof(*run->batch))))
		r = -ENOMEM;
	if (r == 0 && run->archive_path)
		r = archive_create(&run->archive, run->archive_path);
	if (r == 0 && run->csv_path)
		r = history_csv_open(&run->csv, run->csv_path);
	if (r == 0 && run->nfdump_path)
		r = history_nfdump_open(&run->nfdump, run->nfdump_path);
	if (r == 0 && run->lists_path)
		r = history_lists_new(&run->lists, run->world);
	return r;
}

static void print_spent(const char *what, struct spent s)
{
	printf(",\"%s_s\":%.3f,\"%s_processor_s\":%.3f", what, s.wall, what, s.processor);
}

static int print(const struct run *run)
{
	struct archive *a;
	struct archive_stat stat;
	uint64_t addrs, names;
	printf("{\"flows\":%llu,\"days\":%u,\"assets\":%zu", (unsigned long long)run->flows,
	    run->options.days, run->world->n_assets);
	print_spent("generate", run->generate);
	if (run->lists) {
		history_lists_count(run->lists, &addrs, &names);
		printf(",\"addresses_outside\":%llu,\"names_outside\":%llu", (unsigned long long)addrs,
		    (unsigned long long)names);
	}
	if (run->archive_path) {
		int r = archive_open(&a, run->archive_path, false);
		if (r < 0)
			return r;
		archive_get_stat(a, &stat);
		archive_close(a);
		print_spent("append", run->append);
		print_spent("close", run->close);
		printf(",\"bytes\":%llu,\"segments\":%llu", (unsigned long long)stat.bytes,
		    (unsigned long long)stat.segments);
	}
	printf("}\n");
	return 0;
}

static void end(struct run *run)
{
	history_lists_free(run->lists);
	history_free(run->history);
	world_free(run->world);
	free(run->batch);
}

static bool read_number(const char *value, uint64_t max, uint64_t *ret_value)
{
	return num_parse_u64(text_of(value), max, ret_value) == 0;
}

static bool read_options(struct run *run, int argc, char **argv)
{
	static const struct option options[] = {{"flows", 1, NULL, 'f'}, {"days", 1, NULL, 'd'},
	    {"assets", 1, NULL, 'a'}, {"names", 1, NULL, 'n'}, {"seed", 1, NULL, 's'}, {"ns", 0, NULL, 't'},
	    {"stop", 1, NULL, 'x'}, {"archive", 1, NULL, 'A'}, {"sync", 1, NULL, 'S'}, {"csv", 1, NULL, 'C'},
	    {"nfdump", 1, NULL, 'N'}, {"indicators", 1, NULL, 'I'}, {0}};
	struct history_options *o = &run->options;
	uint64_t days = DAYS_DEFAULT, assets = ASSETS_DEFAULT, names = NAMES_DEFAULT;
	bool good = true;
	for (int c; good && (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (c) {
		case 'f': good = read_number(optarg, UINT64_C(1) << 40, &o->flows); break;
		case 'd': good = read_number(optarg, 3660, &days) && days; break;
		case 'a': good = read_number(optarg, 100000, &assets); break;
		case 'n': good = read_number(optarg, 10000000, &names); break;
		case 's': good = read_number(optarg, UINT64_MAX, &o->seed); break;
		case 'S': good = read_number(optarg, UINT64_MAX, &run->sync_every); break;
		case 'x': good = read_number(optarg, UINT64_MAX, &run->stop); break;
		case 't': o->whole_ns = true; break;
		case 'A': run->archive_path = optarg; break;
		case 'C': run->csv_path = optarg; break;
		case 'N': run->nfdump_path = optarg; break;
		case 'I': run->lists_path = optarg; break;
		default: good = false;
		}
	}
	o->days = (uint32_t)days;
	o->assets = (uint32_t)assets;
	o->names = (uint32_t)names;
	return good && o->flows && optind == argc;
}

int main(int argc, char **argv)
{
	/* a Monday, midnight */
	struct run run = {.options = {.seed = 1, .begin = INT64_C(1767571200) * NS_PER_S},
	    .sync_every = SYNC_DEFAULT,
	    .stop = UINT64_MAX};
	if (!read_options(&run, argc, argv)) {
		fputs(usage, stderr);
		return 2;
	}
	int r = begin(&run);
	if (r == 0)
		r = make_flows(&run);
	r = finish(&run, r);
	if (r == 0)
		r = print(&run);
	end(&run);
	if (r < 0)
		fprintf(stderr, "history: %s\n", err_text(r));
	return r < 0;
}
