/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Runs captures through sensor and detector twice, as `analyze` does (records of ended flows) and as `run`
 * does (records while flows go on, and a look every 30 s), and lays what was detected side by side: the last
 * states must be the same, and the first words of `run` no later. Times are those of the capture.
 *
 *   sooner [--site FILE] [--indicators FILE] [--table] [--whole] CAPTURE...
 *
 * Prints each difference; with --table, for each name of a detection how long after its first packet it was
 * first said, both ways. With --whole the live detector looks over everything every 30 s instead of a part
 * four times a second. Exits with 1 where the last states differ.
 */

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/table.h"
#include "base/timefmt.h"
#include "base/vec.h"
#include "conf/site.h"
#include "daemon/sensor.h"
#include "daemon/steady.h"
#include "detect/detect.h"
#include "detect/indicator.h"

enum { SEEN_MAX = 1 << 20, FEED_MAX = 64 << 20, SEED = 7, LOOKS_IN_A_GAP = 120 };
/* As live/engine.c and live/sensor.c have them. */
#define LOOK_NS (30 * NS_PER_S)
#define TICK_NS (NS_PER_S / 4)
/* What is known of a capture when it was read, and live before: the same time to learn for both. */
#define LEARNING_NS (600 * NS_PER_S)
/* What two runs may differ by: what a detection's confidence must move by to be told again. */
#define TOLERANCE 0.02
/* Which vantage's record stands for a flow may differ, and with it the clock (daemon/merge.h). */
#define SKEW_NS (5 * NS_PER_S)

/* The last state of a detection, and when it was first said. */
struct seen {
	uint64_t id;
	int64_t time;     /* of what it rests on */
	int64_t said;     /* first */
	uint64_t packets; /* read until then */
	char name[40], technique[16], why[320], indicator[160];
	double confidence;
	struct net_addr asset, peer;
	uint8_t asset_role, peer_role;
	uint64_t count;
};

struct pass {
	bool live;
	struct sensor *sensor;
	struct detector *detector;
	struct steady *steady;
	struct capture_set *set;
	uint64_t id, packets;
	int64_t first, last; /* of the records, as the detector reckons learning */
	bool looks;          /* in small steps, else the whole every LOOK_NS */
	int64_t now, tick_at, look_at;
	int64_t clock;       /* the latest time of a record, as live/engine_sensor.c keeps it */
	struct table *index; /* id -> place in seen + 1 */
	struct seen *seen;
	size_t n, cap;
	int error;
	uint64_t records;
};

static uint64_t next_id(void *context)
{
	struct pass *p = context;
	return ++p->id;
}

static void note_span(struct pass *p, int64_t first, int64_t last)
{
	p->first = p->first == 0 || first < p->first ? first : p->first;
	p->last = last > p->last ? last : p->last;
}

static int on_transaction(void *context, const struct msg_flow *f, const struct msg_transaction *t)
{
	struct pass *p = context;
	note_span(p, f->first < t->time ? f->first : t->time, t->time);
	detector_transaction(p->detector, f, t);
	return p->error;
}

static int on_flow(void *context, const struct msg_flow *f)
{
	struct pass *p = context;
	p->clock = f->last > p->clock ? f->last : p->clock;
	p->records++;
	if (f->duplicate_of)
		return p->error;
	note_span(p, f->first, f->last);
	detector_flow(p->detector, f);
	return p->error;
}

static int on_binding(void *context, const struct msg_binding *b)
{
	(void)context;
	(void)b;
	return 0;
}

static int on_coverage(void *context, const struct msg_coverage *c)
{
	(void)context;
	(void)c;
	return 0;
}

static void text_keep(char *buf, size_t size, struct text t)
{
	snprintf(buf, size, "%.*s", (int)t.n, t.p ? t.p : "");
}

static void on_detection(void *context, const struct msg_detection *d)
{
	struct pass *p = context;
	size_t *at = table_put(p->index, &d->id, NULL);
	if (!at || VEC_RESERVE(p->seen, &p->cap, p->n, SEEN_MAX) < 0) {
		p->error = -ENOMEM;
		return;
	}
	if (*at == 0) {
		p->seen[p->n] = (struct seen){.said = p->now, .packets = p->packets};
		*at = ++p->n;
	}
	struct seen *s = &p->seen[*at - 1];
	s->id = d->id;
	s->time = d->time;
	s->confidence = d->confidence;
	s->asset = d->asset;
	s->peer = d->peer;
	s->asset_role = d->asset_role;
	s->peer_role = d->peer_role;
	s->count = d->count;
	text_keep(s->name, sizeof(s->name), d->name);
	text_keep(s->technique, sizeof(s->technique), d->technique);
	text_keep(s->why, sizeof(s->why), d->why);
	text_keep(s->indicator, sizeof(s->indicator), d->indicator);
}

/* Time passes without frames too; of a long gap the first looks are enough. */
static int pass_time(struct pass *p, int64_t now)
{
	int64_t step = p->looks ? TICK_NS : LOOK_NS;
	int r = 0;
	for (int looks = 0; r == 0 && p->look_at <= now && looks < LOOKS_IN_A_GAP; looks++) {
		p->now = p->look_at;
		r = sensor_tick(p->sensor, p->look_at);
		if (p->clock && p->looks)
			(void)detector_look(p->detector, p->clock);
		else if (p->clock)
			detector_finish(p->detector, p->clock);
		p->look_at += step;
	}
	if (p->look_at <= now)
		p->look_at = now + step;
	p->now = now > p->now ? now : p->now;
	if (r == 0 && now >= p->tick_at) {
		p->tick_at = now + TICK_NS;
		r = sensor_tick(p->sensor, now);
	}
	return r;
}

static int on_frame(void *context, const struct capture_frame *f)
{
	struct pass *p = context;
	p->packets++;
	if (!p->live)
		p->now = f->time_ns > p->now ? f->time_ns : p->now;
	else if (p->look_at == 0)
		p->look_at = f->time_ns + (p->looks ? TICK_NS : LOOK_NS);
	int r = p->live ? pass_time(p, f->time_ns) : 0;
	return r < 0 ? r : sensor_frame(p->sensor, f, capture_set_vantages(p->set));
}

/* `learning_ns`: 0: what the detector takes by itself. */
static int pass_start(
    struct pass *p, const struct site *site, const struct indicator_set *indicators, int64_t learning_ns)
{
	static const struct sensor_live live;
	const struct sensor_limits limits = {.live = p->live ? &live : NULL};
	const struct sensor_sink sink = {.next_id = next_id,
	    .transaction = on_transaction,
	    .flow = on_flow,
	    .binding = on_binding,
	    .coverage = on_coverage,
	    .context = p};
	const struct detect_config config = {.zones = site->zones,
	    .indicators = indicators,
	    .seed = SEED,
	    .tuning = {.learning_ns = learning_ns},
	    .next_id = next_id,
	    .emit = on_detection,
	    .context = p};
	int r = table_new(&p->index, sizeof(uint64_t), sizeof(size_t), SEEN_MAX, SEED);
	if (r == 0)
		r = steady_new(&p->steady, on_frame, p);
	if (r == 0)
		r = sensor_new(&p->sensor, &limits, SEED, &sink);
	return r == 0 ? detector_new(&p->detector, &config) : r;
}

static int pass_read(struct pass *p, char *const *paths, size_t n)
{
	struct capture_frame frame;
	int r = capture_set_new(&p->set);
	for (size_t i = 0; r == 0 && i < n; i++) {
		char why[160];
		r = capture_set_add(p->set, -1, paths[i], why);
	}
	while (r >= 0 && (r = capture_set_next(p->set, &frame)) > 0)
		r = steady_frame(p->steady, &frame);
	if (r == 0)
		r = steady_finish(p->steady);
	if (r == 0)
		r = sensor_finish(p->sensor);
	if (r == 0)
		detector_finish(p->detector, p->clock);
	return r < 0 ? r : p->error;
}

static void pass_free(struct pass *p)
{
	steady_free(p->steady);
	sensor_free(p->sensor);
	detector_free(p->detector);
	capture_set_free(p->set);
	table_free(p->index);
	free(p->seen);
}

static int seen_compare(const void *left, const void *right)
{
	const struct seen *a = left, *b = right;
	int order = strcmp(a->name, b->name);
	if (order == 0)
		order = strcmp(a->technique, b->technique);
	if (order == 0)
		order = net_addr_compare(a->asset, b->asset);
	if (order == 0)
		order = net_addr_compare(a->peer, b->peer);
	if (order == 0)
		order = strcmp(a->indicator, b->indicator);
	return order;
}

/* Of what bears one name about the same machines: by how much stands behind it. */
static int seen_order(const void *left, const void *right)
{
	const struct seen *a = left, *b = right;
	int order = seen_compare(a, b);
	if (order == 0 && a->time != b->time)
		order = a->time < b->time ? -1 : 1;
	if (order == 0 && a->count != b->count)
		order = a->count < b->count ? -1 : 1;
	if (order == 0 && a->confidence != b->confidence)
		order = a->confidence < b->confidence ? -1 : 1;
	return order;
}

static void tell(const char *how, const struct seen *s)
{
	char asset[NET_ADDR_TEXT_SIZE], peer[NET_ADDR_TEXT_SIZE];
	printf("%-9s %s %s %s -> %s %.3f count %llu: %s\n", how, s->name, s->technique,
	    net_addr_text(s->asset, asset), net_addr_text(s->peer, peer), s->confidence,
	    (unsigned long long)s->count, s->why);
}

static bool is_same(const struct seen *a, const struct seen *b)
{
	return fabs(a->confidence - b->confidence) < TOLERANCE && a->count == b->count &&
	       a->asset_role == b->asset_role && a->peer_role == b->peer_role &&
	       llabs(a->time - b->time) <= SKEW_NS;
}

static double seconds(int64_t ns)
{
	return (double)ns / 1e9;
}

/* A row of the table: one detection, both ways. */
static void row(const struct seen *ended, const struct seen *live)
{
	printf("row\t%s\t%s\t%.6f\t%.6f\t%.3f\n", live->name, live->technique,
	    seconds(ended->said - ended->time), seconds(live->said - live->time), live->confidence);
}

/* What was taken back was never said, as far as the last states go. */
static size_t drop_taken_back(struct pass *p)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n; i++)
		if (p->seen[i].confidence > DETECT_TAKEN_BACK)
			p->seen[n++] = p->seen[i];
	size_t dropped = p->n - n;
	p->n = n;
	return dropped;
}

static size_t lay_side_by_side(struct pass *ended, struct pass *live, bool table)
{
	size_t i = 0, k = 0, differ = 0;
	if (ended->n)
		qsort(ended->seen, ended->n, sizeof(*ended->seen), seen_order);
	if (live->n)
		qsort(live->seen, live->n, sizeof(*live->seen), seen_order);
	while (i < ended->n || k < live->n) {
		int order = i == ended->n  ? 1
		            : k == live->n ? -1
		                           : seen_compare(&ended->seen[i], &live->seen[k]);
		if (order == 0 && !is_same(&ended->seen[i], &live->seen[k])) {
			tell("analyze:", &ended->seen[i]);
			tell("   live:", &live->seen[k]);
			differ++;
		} else if (order) {
			tell(order < 0 ? "analyze only" : "live only",
			    order < 0 ? &ended->seen[i] : &live->seen[k]);
			differ++;
		}
		if (order == 0 && table)
			row(&ended->seen[i], &live->seen[k]);
		i += order <= 0;
		k += order >= 0;
	}
	return differ;
}

static int indicators_read(struct indicator_set **ret_set, const char *path)
{
	int r = indicator_set_new(ret_set, &(struct indicator_options){.seed = SEED});
	FILE *in = r == 0 ? fopen(path, "rb") : NULL;
	char *bytes = in ? malloc(FEED_MAX) : NULL;
	if (bytes)
		r = indicator_set_load(
		    *ret_set, path, INDICATOR_FORMAT_AUTO, text_bytes(bytes, fread(bytes, 1, FEED_MAX, in)));
	else if (r == 0)
		r = in ? -ENOMEM : -errno;
	free(bytes);
	if (in)
		fclose(in);
	return r;
}

static void print_line(void *context, const char *line)
{
	(void)context;
	fprintf(stderr, "%s\n", line);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"site", 1, NULL, 's'}, {"indicators", 1, NULL, 'i'},
	    {"table", 0, NULL, 't'}, {"whole", 0, NULL, 'w'}, {0}};
	struct pass ended = {0}, live = {.live = true, .looks = true};
	struct site *site = NULL;
	struct indicator_set *indicators = NULL;
	const char *site_file = NULL, *feed = NULL;
	bool table = false, good = true;
	for (int c; good && (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		site_file = c == 's' ? optarg : site_file;
		feed = c == 'i' ? optarg : feed;
		table |= c == 't';
		live.looks &= c != 'w';
		good = c != '?';
	}
	if (!good || optind == argc) {
		fputs("usage: sooner [--site FILE] [--indicators FILE] [--table] [--whole] CAPTURE...\n",
		    stderr);
		return 2;
	}
	size_t differ = 0, n = (size_t)(argc - optind);
	int r = site_file ? site_read(&site, site_file, print_line, NULL) : site_guess(&site);
	if (r == 0 && feed)
		r = indicators_read(&indicators, feed);
	if (r == 0)
		r = pass_start(&ended, site, indicators, 0);
	if (r == 0)
		r = pass_read(&ended, argv + optind, n);
	int64_t quarter = (ended.last - ended.first) / 4;
	if (r == 0)
		r = pass_start(&live, site, indicators, quarter < LEARNING_NS ? quarter : LEARNING_NS);
	if (r == 0)
		r = pass_read(&live, argv + optind, n);
	if (r == 0) {
		size_t back = drop_taken_back(&live);
		size_t ended_back = drop_taken_back(&ended);
		differ = lay_side_by_side(&ended, &live, table);
		printf("detections %zu, differing %zu, taken back %zu and %zu live, records %llu and %llu "
		       "live\n",
		    ended.n, differ, ended_back, back, (unsigned long long)ended.records,
		    (unsigned long long)live.records);
	} else {
		fprintf(stderr, "sooner: %s\n", err_text(r));
	}
	pass_free(&ended);
	pass_free(&live);
	if (indicators)
		indicator_set_free(indicators);
	site_free(site);
	return r < 0 ? 2 : differ > 0;
}
