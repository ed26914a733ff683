/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/analysis.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/analysis_eve.h"
#include "daemon/bounds.h"
#include "daemon/sensor.h"
#include "daemon/steady.h"
#include "detect/detect.h"
#include "ledger/key.h"
#include "ledger/ledger.h"

enum { ANALYSIS_DETECTIONS_MAX = 1 << 18, ANALYSIS_COUNTS_MAX = 128 };

struct analysis {
	const struct site *site;
	struct archive *archive;
	const struct ledger_key *key;
	struct steady *steady;
	struct sensor *sensor;
	size_t vantages; /* of the captures, by now */
	struct detector *detector;
	struct analysis_eve *eve; /* NULL: not wanted */
	struct detections *detections;
	uint64_t id;
	int64_t last;
	int error;
	struct report_count counts[ANALYSIS_COUNTS_MAX];
	size_t n_counts;
	struct report_source *sources;
};

static uint64_t next_id(void *context)
{
	struct analysis *a = context;
	return ++a->id;
}

static int on_transaction(void *context, const struct msg_flow *f, const struct msg_transaction *t)
{
	struct analysis *a = context;
	detector_transaction(a->detector, f, t);
	int r = a->error < 0 ? a->error : archive_append_transaction(a->archive, t);
	return r == 0 && a->eve ? analysis_eve_transaction(a->eve, f, t) : r;
}

static int on_flow(void *context, const struct msg_flow *f)
{
	struct analysis *a = context;
	if (f->last > a->last)
		a->last = f->last;
	if (!f->duplicate_of)
		detector_flow(a->detector, f);
	int r = a->error < 0 ? a->error : archive_append_flow(a->archive, f);
	return r == 0 && a->eve && !f->duplicate_of ? analysis_eve_flow(a->eve, f) : r;
}

static void on_soon(void *context, const struct flow *f, bool again)
{
	struct analysis *a = context;
	detector_soon(a->detector, f, again);
}

static int on_binding(void *context, const struct msg_binding *b)
{
	struct analysis *a = context;
	return archive_append_binding(a->archive, b);
}

static void on_detection(void *context, const struct msg_detection *d)
{
	struct analysis *a = context;
	int r = detections_put(a->detections, d);
	if (r < 0 && a->error == 0)
		a->error = r;
}

static int on_frame(void *context, const struct capture_frame *f)
{
	struct analysis *a = context;
	return sensor_frame(a->sensor, f, a->vantages);
}

/* A ledger's name stands in its first line, so it is begun before the archive that writes the second. */
static int name_ledger(const char *path, const char *origin)
{
	struct ledger *l;
	int r = mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
	int folder = r == 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (r == 0 && folder < 0)
		r = -errno;
	if (r < 0)
		return r;
	r = ledger_open(&l, folder, true, origin);
	if (r == 0)
		ledger_close(l);
	close(folder);
	return r;
}

static int create_archive(struct analysis *a, const char *path)
{
	const char *origin = a->site->ledger.origin;
	if (!origin && a->key)
		origin = ledger_key_verifier(a->key)->name;
	int r = origin ? name_ledger(path, origin) : 0;
	if (r == 0)
		r = archive_create(&a->archive, path);
	if (r == 0 && a->key)
		archive_use_keys(a->archive, &a->key, 1);
	return r;
}

int analysis_new(struct analysis **ret_analysis, const char *path, const struct site *site,
    const struct indicator_set *indicators, const struct ledger_key *key, uint64_t seed)
{
	struct analysis *a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->site = site;
	a->key = key;
	struct sensor_sink sink = {.next_id = next_id,
	    .transaction = on_transaction,
	    .flow = on_flow,
	    .binding = on_binding,
	    .soon = on_soon,
	    .context = a};
	struct detect_config detect = {.zones = site->zones,
	    .indicators = indicators,
	    .seed = seed,
	    .next_id = next_id,
	    .emit = on_detection,
	    .context = a};
	int r = create_archive(a, path);
	if (r == 0)
		r = detections_new(&a->detections, ANALYSIS_DETECTIONS_MAX, seed);
	if (r == 0)
		r = steady_new(&a->steady, on_frame, a);
	if (r == 0)
		r = sensor_new(&a->sensor, &(struct sensor_limits){.zones = site->zones}, seed, &sink);
	if (r == 0)
		r = detector_new(&a->detector, &detect);
	if (r < 0) {
		analysis_free(a);
		return r;
	}
	*ret_analysis = a;
	return 0;
}

/* What only the pass over the packets needs. */
static void free_pass(struct analysis *a)
{
	steady_free(a->steady);
	sensor_free(a->sensor);
	detector_free(a->detector);
	analysis_eve_free(a->eve);
	detections_free(a->detections);
	a->steady = NULL;
	a->sensor = NULL;
	a->detector = NULL;
	a->eve = NULL;
	a->detections = NULL;
}

int analysis_free(struct analysis *a)
{
	if (!a)
		return 0;
	int r = a->archive ? archive_close(a->archive) : 0;
	free_pass(a);
	free(a->sources);
	free(a);
	return r;
}

int analysis_write_eve(struct analysis *a, FILE *out)
{
	return analysis_eve_new(&a->eve, out);
}

int analysis_frame(struct analysis *a, const struct capture_frame *f, size_t vantages)
{
	a->vantages = vantages;
	return steady_frame(a->steady, f);
}

static int append_detection(void *context, const struct msg_detection *d)
{
	return archive_append_detection(context, d);
}

static int append_coverage(struct analysis *a, const struct capture_set *set)
{
	int r = 0;
	for (size_t i = 0; i < capture_set_vantages(set) && r == 0; i++) {
		const struct capture_vantage *v = capture_set_vantage(set, i);
		struct sensor_vantage_counts counts = sensor_vantage_counts(a->sensor, (uint16_t)i);
		const struct capture_file_status *file = capture_set_file(set, v->file);
		struct msg_coverage c = {.id = next_id(a),
		    .vantage = (uint16_t)i,
		    .name = text_of(v->name),
		    .origin = text_of(file ? file->path : v->name),
		    .from = v->first_ns,
		    .to = v->last_ns,
		    .packets = v->packets,
		    .bytes = v->bytes,
		    .dropped = v->dropped,
		    .cut = v->cut,
		    .malformed = counts.malformed,
		    .unreadable = counts.unreadable,
		    .evicted = counts.evicted,
		    .missing = counts.missing,
		    .end = (uint8_t)(file ? file->end : CAPTURE_END_CLEAN),
		    .why = text_of(file ? file->why : "")};
		r = archive_append_coverage(a->archive, &c);
	}
	return r;
}

struct archive *analysis_archive(struct analysis *a)
{
	return a->archive;
}

static void add_count(struct analysis *a, const char *name, uint64_t n)
{
	if (n && a->n_counts < ANALYSIS_COUNTS_MAX)
		a->counts[a->n_counts++] = (struct report_count){.name = name, .n = n};
}

static void describe_counts(struct analysis *a)
{
	struct sensor_stats s;
	uint64_t bounds[SENSOR_BOUND_COUNT];
	sensor_get_stats(a->sensor, &s);
	sensor_bounds(a->sensor, bounds);
	a->n_counts = 0;
	for (int i = 0; i < DECODE_EVENT_COUNT; i++)
		if (i != DECODE_EVENT_FRAGMENT_LIMIT &&
		    i != DECODE_EVENT_FRAGMENT_TIMEOUT) /* are bounds, too */
			add_count(a, decode_event_name((enum decode_event)i), s.decode->events[i]);
	add_count(a, "time.jump", steady_stats(a->steady)->jumps);
	add_count(a, "time.late", steady_stats(a->steady)->late);
	for (int i = 0; i < SENSOR_BOUND_COUNT; i++)
		add_count(a, sensor_bound_name((enum sensor_bound)i), bounds[i]);
	add_count(a, "detect.forgotten", detector_stats(a->detector)->forgotten);
	add_count(a, "detect.untold", detector_stats(a->detector)->untold);
	add_count(a, "detect.detections_lost", detections_lost(a->detections));
}

int analysis_finish(struct analysis *a, const struct capture_set *set)
{
	int r = steady_finish(a->steady);
	if (r == 0)
		r = sensor_finish(a->sensor);
	if (r < 0)
		return r;
	detector_finish(a->detector, a->last);
	r = a->error;
	if (r == 0)
		r = detections_each(a->detections, append_detection, a->archive);
	if (r == 0 && a->eve)
		r = analysis_eve_alerts(a->eve, a->archive, a->detections);
	if (r == 0)
		r = append_coverage(a, set);
	if (r == 0)
		r = archive_sync(a->archive);
	/* the questions come next, and need the memory */
	describe_counts(a);
	free_pass(a);
	return r;
}

void analysis_describe(struct analysis *a, const struct capture_set *set, struct report_case *c)
{
	static const char *const ends[] = {[CAPTURE_END_CLEAN] = "clean",
	    [CAPTURE_END_TRUNCATED] = "truncated",
	    [CAPTURE_END_MALFORMED] = "malformed",
	    [CAPTURE_END_UNREADABLE] = "unreadable"};
	size_t n = capture_set_files(set);
	c->anomalies = a->counts;
	c->n_anomalies = a->n_counts;
	free(a->sources);
	a->sources = calloc(n ? n : 1, sizeof(*a->sources));
	if (!a->sources)
		return;
	for (size_t i = 0; i < n; i++) {
		const struct capture_file_status *f = capture_set_file(set, i);
		a->sources[i] = (struct report_source){.path = f->path,
		    .end = ends[f->end],
		    .why = f->why,
		    .bytes = f->bytes,
		    .packets = f->packets};
	}
	c->sources = a->sources;
	c->n_sources = n;
}
