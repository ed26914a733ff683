/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exchange/import.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "exchange/lacking.h"
#include "exchange/records.h"
#include "exchange/renumber.h"

enum {
	CAPTURE_END_CLEAN = 0,
	WHY_MAX = 4096,
	ORIGIN_MAX = 16384,
	SURELY_SHORT = MSG_RECORD_MAX / 8,
	NAMES_SHOWN = 280
};

/* What the first reading found in one file. */
struct survey {
	struct archive_span span;
	uint64_t records[ARCHIVE_KINDS];
	uint64_t carried[ARCHIVE_KINDS];
	uint64_t packets, bytes, bad;
};

struct exchange_import {
	struct archive *archive; /* of the second reading */
	const struct exchange_import_options *options;
	const struct exchange_source *sources;
	size_t n;
	exchange_told_fn told;
	void *context;
	struct survey *surveys; /* of each file, and of all */
	uint16_t vantage;       /* of the import itself */
	struct exchange_renumber numbers;
	struct dynbuf encoded;
	struct exchange_import_result *result;
};

static uint64_t sum(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* Whether the archive would take the record: its encoding has bounds. */
static int check_record(struct exchange_import *im, unsigned record, const void *m,
    const struct exchange_records *in, struct exchange_problem *problem)
{
	/* no text becomes more than four times as long: an id of a list is eight bytes, and two as text */
	if (exchange_records_bytes(in) < SURELY_SHORT)
		return 0;
	dynbuf_reset(&im->encoded);
	int r = im->numbers.kinds[record].layout->encode(&im->encoded, m);
	if (r != -ERR_LIMIT)
		return r;
	*problem = (struct exchange_problem){.line = exchange_records_line(in), .column = 1};
	snprintf(problem->what, sizeof(problem->what), "a record of more than %d bytes", MSG_RECORD_MAX);
	return -ERR_MALFORMED;
}

static int survey_record(struct exchange_import *im, struct survey *s, unsigned record,
    const union archive_record *m, const struct exchange_records *in, struct exchange_problem *problem)
{
	int r = check_record(im, record, m, in, problem);
	if (r < 0)
		return r;
	if (im->options->step)
		im->options->step(im->context);
	archive_span_add(&s->span, im->numbers.kinds[record].layout, m);
	s->records[record]++;
	exchange_renumber_count(&im->numbers, record, m);
	if (record == MSG_FLOW) {
		s->packets = sum(s->packets, sum(m->flow.packets_out, m->flow.packets_in));
		s->bytes = sum(s->bytes, sum(m->flow.wire_out, m->flow.wire_in));
	}
	return 0;
}

static void tell(
    struct exchange_import *im, const struct exchange_source *s, const struct exchange_problem *problem)
{
	if (im->told)
		im->told(im->context, s->name, problem);
}

static void tell_not_taken(
    struct exchange_import *im, const struct exchange_source *s, const struct exchange_records *in)
{
	struct exchange_problem problem = {0};
	char names[NAMES_SHOWN];
	if (in->format != EXCHANGE_FORMAT_CSV || in->csv.not_taken.n == 0)
		return;
	snprintf(problem.what, sizeof(problem.what), "columns that aren't taken: %s",
	    text_printable(dynbuf_view(&in->csv.not_taken), names, sizeof(names)));
	tell(im, s, &problem);
}

static void tell_unknown_apps(
    struct exchange_import *im, const struct exchange_source *s, const struct exchange_records *in)
{
	struct exchange_problem problem = {0};
	if (in->format != EXCHANGE_FORMAT_CSV || in->csv.unknown_apps == 0)
		return;
	snprintf(problem.what, sizeof(problem.what),
	    "applications that have no name here: %llu, the first '%.64s' in line %llu; they count as "
	    "unknown",
	    (unsigned long long)in->csv.unknown_apps, in->csv.unknown_app.what,
	    (unsigned long long)in->csv.unknown_app.line);
	tell(im, s, &problem);
}

/* Reads one file through; every bad row is told. */
static int survey_file(struct exchange_import *im, const struct exchange_source *source, struct survey *s)
{
	struct exchange_records in;
	struct exchange_problem problem;
	union archive_record m;
	unsigned record = 0;
	int r = exchange_records_begin(&in, im->options, source->fd, &problem);
	if (r == 0)
		tell_not_taken(im, source, &in);
	else if (r == -ERR_MALFORMED || r == -ERR_LIMIT) {
		tell(im, source, &problem);
		im->result->bad++;
		r = -ERR_INVALID;
	}
	while (r >= 0) {
		r = exchange_records_next(&in, &record, &m, &problem);
		if (r == 0)
			break;
		if (r > 0)
			r = survey_record(im, s, record, &m, &in, &problem);
		if (r == -ERR_MALFORMED || r == -ERR_LIMIT) {
			tell(im, source, &problem);
			s->bad++;
			im->result->bad++;
			r = 0;
		}
	}
	for (unsigned i = 0; r == 0 && i < ARCHIVE_KINDS; i++)
		s->carried[i] = exchange_records_carried(&in, i);
	tell_unknown_apps(im, source, &in);
	exchange_records_end(&in);
	return r;
}

static int append(struct archive *a, unsigned record, const union archive_record *m)
{
	switch ((enum msg_record)record) {
	case MSG_FLOW: return archive_append_flow(a, &m->flow);
	case MSG_TRANSACTION: return archive_append_transaction(a, &m->transaction);
	case MSG_DETECTION: return archive_append_detection(a, &m->detection);
	case MSG_BINDING: return archive_append_binding(a, &m->binding);
	case MSG_COVERAGE: return archive_append_coverage(a, &m->coverage);
	}
	return -EINVAL;
}

/* One record of the second reading. What the first one refused is refused again. */
static int take_record(struct exchange_import *im, const struct survey *s, unsigned record,
    union archive_record *m, uint64_t *taken)
{
	/* a file that grew or changed meanwhile may have what the plan doesn't know of */
	if (*taken == s->records[record])
		return -EAGAIN;
	if (im->options->step)
		im->options->step(im->context);
	exchange_renumber_apply(&im->numbers, record, m);
	exchange_lacking_fill(&im->numbers.kinds[record], s->carried[record], im->vantage, m);
	int r = append(im->archive, record, m);
	*taken += r == 0;
	return r;
}

/* The second reading: what the first one let pass is appended. */
static int append_file(
    struct exchange_import *im, const struct exchange_source *source, const struct survey *s)
{
	struct exchange_records in;
	struct exchange_problem problem;
	union archive_record m;
	unsigned record = 0;
	uint64_t taken[ARCHIVE_KINDS] = {0};
	int r = exchange_records_begin(&in, im->options, source->fd, &problem);
	while (r >= 0) {
		r = exchange_records_next(&in, &record, &m, &problem);
		if (r == 0)
			break;
		if (r > 0)
			r = check_record(im, record, &m, &in, &problem);
		if (r == 0)
			r = take_record(im, s, record, &m, &taken[record]);
		else if (r == -ERR_MALFORMED || r == -ERR_LIMIT)
			r = im->options->skip_bad ? 0 : -EAGAIN;
	}
	for (unsigned i = 0; r == 0 && i < ARCHIVE_KINDS; i++)
		if (taken[i] != s->records[i])
			r = -EAGAIN;
	if (r == -EAGAIN)
		im->result->changed = source->name;
	exchange_records_end(&in);
	return r;
}

static void add_survey(struct survey *all, const struct survey *s)
{
	archive_span_merge(&all->span, &s->span);
	all->packets = sum(all->packets, s->packets);
	all->bytes = sum(all->bytes, s->bytes);
	all->bad = sum(all->bad, s->bad);
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++) {
		/* what one file of a kind lacks the import lacks */
		if (s->records[i])
			all->carried[i] = all->records[i] ? all->carried[i] & s->carried[i] : s->carried[i];
		all->records[i] += s->records[i];
	}
}

/* What a reader of the coverage must know: columns that not every file had. */
static void say_lacking(const struct exchange_import *im, const struct survey *s, struct dynbuf *out)
{
	dynbuf_str(out,
	    im->options->format == EXCHANGE_FORMAT_CSV ? "imported from CSV" : "imported from JSON lines");
	if (s->bad)
		dynbuf_printf(out, "; %llu bad rows were left out", (unsigned long long)s->bad);
	for (unsigned i = 0; i < ARCHIVE_KINDS; i++)
		if (s->records[i])
			exchange_lacking_say(&im->numbers.kinds[i], s->carried[i], out);
}

static struct text base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return text_of(slash && slash[1] ? slash + 1 : path);
}

/* One record for all of the import: to readers of coverage it is one source. */
static int append_coverage(struct exchange_import *im)
{
	struct dynbuf why = {.max = WHY_MAX}, name = {.max = ORIGIN_MAX}, origin = {.max = ORIGIN_MAX};
	const struct survey *all = &im->surveys[im->n];
	dynbuf_text(&name, base_name(im->sources[0].name));
	if (im->n > 1)
		dynbuf_printf(&name, " and %zu more", im->n - 1);
	for (size_t i = 0; i < im->n; i++) {
		/* a list that would be too long ends with what fits */
		if (origin.n + strlen(im->sources[i].name) + 2 < ORIGIN_MAX)
			dynbuf_printf(&origin, "%s%s", i ? ", " : "", im->sources[i].name);
	}
	say_lacking(im, all, &why);
	struct msg_coverage c = {.id = im->numbers.next++,
	    .vantage = im->vantage,
	    .name = dynbuf_view(&name),
	    .origin = dynbuf_view(&origin),
	    .from = all->span.first,
	    .to = all->span.last,
	    .packets = all->packets,
	    .bytes = all->bytes,
	    .dropped = UINT64_MAX, /* nobody says */
	    .end = CAPTURE_END_CLEAN,
	    .why = dynbuf_view(&why)};
	int r = why.error ? why.error : name.error ? name.error : origin.error;
	if (r == 0)
		r = archive_append_coverage(im->archive, &c);
	dynbuf_free(&why);
	dynbuf_free(&name);
	dynbuf_free(&origin);
	return r;
}

static int append_all(struct exchange_import *im)
{
	int r = archive_batch_begin(im->archive);
	for (size_t i = 0; r == 0 && i < im->n; i++)
		r = append_file(im, &im->sources[i], &im->surveys[i]);
	if (r == 0)
		r = append_coverage(im);
	if (r == 0)
		r = archive_batch_commit(im->archive);
	/* where that fails too, what is there counts for nobody, and the next writer removes it */
	if (r < 0)
		(void)archive_batch_abort(im->archive);
	return r;
}

int exchange_import_check(struct exchange_import *im, struct exchange_import_result *result)
{
	int r = 0;
	*result = (struct exchange_import_result){0};
	im->result = result;
	for (size_t i = 0; r == 0 && i < im->n; i++)
		r = survey_file(im, &im->sources[i], &im->surveys[i]);
	for (size_t i = 0; i < im->n; i++)
		add_survey(&im->surveys[im->n], &im->surveys[i]);
	memcpy(result->records, im->surveys[im->n].records, sizeof(result->records));
	return r == 0 && result->bad && !im->options->skip_bad ? -ERR_INVALID : r;
}

int exchange_import_take(struct exchange_import *im, struct archive *a, struct exchange_import_result *result)
{
	im->archive = a;
	im->result = result;
	int r = exchange_renumber_plan(&im->numbers, a, 1);
	if (r < 0)
		return r;
	result->raised = im->numbers.add;
	result->raised_vantages = im->numbers.add_vantage;
	im->vantage = (uint16_t)(im->numbers.add_vantage + im->numbers.vantage_max + 1);
	return append_all(im);
}

int exchange_import_new(struct exchange_import **ret_import, const struct exchange_import_options *o,
    const struct exchange_source *sources, size_t n, exchange_told_fn told, void *context)
{
	struct exchange_import *im = calloc(1, sizeof(*im));
	if (!im)
		return -ENOMEM;
	*im = (struct exchange_import){.options = o,
	    .sources = sources,
	    .n = n,
	    .told = told,
	    .context = context,
	    .encoded = {.max = MSG_RECORD_MAX + MSG_HEADER_SIZE},
	    .surveys = calloc(n + 1, sizeof(*im->surveys))};
	if (!im->surveys) {
		free(im);
		return -ENOMEM;
	}
	exchange_renumber_begin(&im->numbers);
	*ret_import = im;
	return 0;
}

void exchange_import_free(struct exchange_import *im)
{
	if (!im)
		return;
	free(im->surveys);
	dynbuf_free(&im->encoded);
	free(im);
}
