/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What a sensor does, and no more: bench_sensor [-i INDICATORS] [-f FLOWS] [-E] CAPTURE FOLDER. Every packet
 * goes through decoding, flows, protocols and all detectors into the archive, and then the archive becomes
 * EVE (not with -E); the questions that `bulkhead analyze` asks of it afterwards are left out. One thread, no
 * sandbox.
 *
 * -f: so many flows at once, instead of as many as analyze holds; memory is then measured before those
 * that are still open are given out. Prints JSON.
 */

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/num.h"
#include "capture/capture.h"
#include "conf/site.h"
#include "daemon/analysis.h"
#include "daemon/sensor.h"
#include "detect/indicator.h"

enum { SEED = 1 };

struct spent {
	double wall, processor;
};

static struct {
	const char *indicators, *capture;
	char archive[4096], eve[4096];
	uint64_t flows_max;
	bool without_eve;
	struct site *site;
	struct indicator_set *set;
	uint64_t packets, bytes, flows, transactions, evicted;
	struct spent load, pass, finish;
	uint64_t pass_kb, peak_kb;
} run;

static struct spent now(void)
{
	struct timespec t, p;
	clock_gettime(CLOCK_MONOTONIC, &t);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &p);
	return (struct spent){
	    (double)t.tv_sec + (double)t.tv_nsec / 1e9, (double)p.tv_sec + (double)p.tv_nsec / 1e9};
}

/* Adds to *what the time since *from, which becomes now. */
static void add_spent(struct spent *what, struct spent *from)
{
	struct spent to = now();
	what->wall += to.wall - from->wall;
	what->processor += to.processor - from->processor;
	*from = to;
}

static uint64_t peak_kb(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (uint64_t)u.ru_maxrss;
}

static void need(int r, const char *what)
{
	if (r < 0)
		errx(1, "%s: %s", what, err_text(r));
}

static void load_indicators(void)
{
	struct stat s;
	int fd = open(run.indicators, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &s) < 0)
		err(1, "%s", run.indicators);
	char *bytes = malloc((size_t)s.st_size + 1);
	if (!bytes || read(fd, bytes, (size_t)s.st_size) != s.st_size)
		err(1, "%s", run.indicators);
	close(fd);
	need(indicator_set_new(&run.set, &(struct indicator_options){.seed = SEED}), "indicators");
	need(indicator_set_load(
	         run.set, run.indicators, INDICATOR_FORMAT_AUTO, text_bytes(bytes, (size_t)s.st_size)),
	    run.indicators);
	free(bytes);
}

static struct capture_set *open_capture(void)
{
	struct capture_set *captures;
	char why[160];
	need(capture_set_new(&captures), "captures");
	if (capture_set_add(captures, -1, run.capture, why) < 0)
		errx(1, "%s: %s", run.capture, why);
	return captures;
}

/* All that is measured; tests/e2e/test_instructions.py counts what this function and what it calls take. */
__attribute__((noinline)) void bench_sensor_work(struct analysis *a, struct capture_set *captures);

void bench_sensor_work(struct analysis *a, struct capture_set *captures)
{
	struct capture_frame f;
	struct spent from = now();
	int r;
	while ((r = capture_set_next(captures, &f)) > 0) {
		run.packets++;
		run.bytes += f.wirelen;
		need(analysis_frame(a, &f, capture_set_vantages(captures)), "analysis");
	}
	need(r, "capture");
	run.pass_kb = peak_kb();
	add_spent(&run.pass, &from);
	need(analysis_finish(a, captures), "analysis");
	add_spent(&run.finish, &from);
}

static void measure(void)
{
	struct analysis *a;
	struct capture_set *captures = open_capture();
	FILE *eve = run.without_eve ? NULL : fopen(run.eve, "we");
	if (!eve && !run.without_eve)
		err(1, "%s", run.eve);
	need(analysis_new(&a, run.archive, run.site, run.set, NULL, SEED), run.archive);
	if (eve)
		need(analysis_write_eve(a, eve), run.eve);
	bench_sensor_work(a, captures);
	need(analysis_free(a), "archive");
	if (eve && fclose(eve) != 0)
		err(1, "%s", run.eve);
	capture_set_free(captures);
}

static uint64_t count_id(void *context)
{
	return ++*(uint64_t *)context;
}

static int count_transaction(void *context, const struct msg_flow *f, const struct msg_transaction *t)
{
	(void)context, (void)f, (void)t;
	run.transactions++;
	return 0;
}

static int count_flow(void *context, const struct msg_flow *f)
{
	(void)context, (void)f;
	run.flows++;
	return 0;
}

static int count_binding(void *context, const struct msg_binding *b)
{
	(void)context, (void)b;
	return 0;
}

/* The sensor alone, with room for that many flows. */
static void measure_held(void)
{
	uint64_t id = 0;
	struct sensor_sink sink = {.next_id = count_id,
	    .transaction = count_transaction,
	    .flow = count_flow,
	    .binding = count_binding,
	    .context = &id};
	struct sensor_limits limits = {.flows_max = run.flows_max};
	struct sensor *s;
	struct sensor_stats stats;
	struct capture_set *captures = open_capture();
	struct capture_frame f;
	need(sensor_new(&s, &limits, SEED, &sink), "sensor");
	struct spent from = now();
	while (capture_set_next(captures, &f) > 0) {
		run.packets++;
		run.bytes += f.wirelen;
		need(sensor_frame(s, &f, capture_set_vantages(captures)), "sensor");
	}
	run.pass_kb = peak_kb();
	add_spent(&run.pass, &from);
	run.flows = 0; /* from here on: those that were held */
	sensor_get_stats(s, &stats);
	run.evicted = stats.flow->evicted;
	need(sensor_finish(s), "sensor");
	add_spent(&run.finish, &from);
	sensor_free(s);
	capture_set_free(captures);
}

static void tell(const char *name, struct spent s)
{
	printf("\"%s_wall_s\": %.4f, \"%s_processor_s\": %.4f, ", name, s.wall, name, s.processor);
}

int main(int argc, char **argv)
{
	for (int c; (c = getopt(argc, argv, "i:f:E")) != -1;) {
		if (c == 'i')
			run.indicators = optarg;
		else if (c == 'E')
			run.without_eve = true;
		else if (c != 'f' || num_parse_u64(text_of(optarg), 1 << 28, &run.flows_max) < 0)
			optind = argc;
	}
	if (argc - optind != 2) {
		fprintf(stderr, "usage: bench_sensor [-i INDICATORS] [-f FLOWS] [-E] CAPTURE FOLDER\n");
		return 2;
	}
	run.capture = argv[optind];
	snprintf(run.archive, sizeof(run.archive), "%s/archive", argv[optind + 1]);
	snprintf(run.eve, sizeof(run.eve), "%s/eve.json", argv[optind + 1]);
	if (mkdir(argv[optind + 1], 0700) < 0 && errno != EEXIST)
		err(1, "%s", argv[optind + 1]);
	need(site_guess(&run.site), "site");
	struct spent from = now();
	if (run.indicators)
		load_indicators();
	add_spent(&run.load, &from);
	if (run.flows_max)
		measure_held();
	else
		measure();
	run.peak_kb = peak_kb();
	printf("{");
	tell("load", run.load);
	tell("pass", run.pass);
	tell("finish", run.finish);
	printf("\"packets\": %llu, \"bytes\": %llu, \"held\": %llu, \"evicted\": %llu, \"pass_kb\": %llu, "
	       "\"peak_kb\": %llu}\n",
	    (unsigned long long)run.packets, (unsigned long long)run.bytes, (unsigned long long)run.flows,
	    (unsigned long long)run.evicted, (unsigned long long)run.pass_kb,
	    (unsigned long long)run.peak_kb);
	if (run.set)
		indicator_set_free(run.set);
	site_free(run.site);
	return 0;
}
