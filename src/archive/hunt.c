/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Hunts: threads that take the segments one by one, and go on past those that can't be read. */

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "archive/scan.h"

enum { THREADS_MAX = 64, GAPS = sizeof(((struct archive_hunt_stat *)0)->gaps) / sizeof(struct archive_gap) };

/* What the threads share: the next unit, and what ended the hunt. Units are the parts of all segments, in
 * their order, and what is in none. */
struct hunt {
	struct archive_kind *k;
	size_t *starts; /* of each segment: its first unit; and their number */
	atomic_size_t next;
	atomic_int result; /* 0 while it goes on */
};

struct worker {
	struct hunt *hunt;
	struct archive_scan scan;
	struct archive_hunt_stat stat;
	union {
		archive_flow_fn flow;
		archive_transaction_fn transaction;
	} each;
	void *context;
	pthread_t thread;
};

static int each_flow(void *context, const void *record)
{
	const struct worker *w = context;
	return w->each.flow(w->context, record);
}

static int each_transaction(void *context, const void *record)
{
	const struct worker *w = context;
	return w->each.transaction(w->context, record);
}

static void tell_gap(struct archive_hunt_stat *stat, const struct archive_gap *gap)
{
	if (stat->n_gaps < GAPS)
		stat->gaps[stat->n_gaps] = *gap;
	stat->n_gaps++;
}

/* Whether a result of a scan needs no gap: it was read, or the hunt ends with it. */
static bool settle(struct worker *w, int r)
{
	int going = 0;
	if (r == -ENOMEM || (r && w->scan.stopped)) {
		atomic_compare_exchange_strong(&w->hunt->result, &going, r);
		return true;
	}
	return r >= 0;
}

/* One part of a segment. */
static void hunt_part(struct worker *w, size_t entry, size_t part)
{
	struct archive_scan *s = &w->scan;
	const struct archive_segment_entry *e = &s->k->segments[entry];
	struct archive_span span;
	s->stopped = false;
	int r = archive_scan_part(s, entry, part, &span);
	w->stat.segments += part == 0;
	w->stat.blocks += part == 0 ? e->segment.trailer.n_blocks : 0;
	w->stat.records += r == 0 ? span.records : 0;
	/* one that can't be opened is told once */
	if (!settle(w, r) && (part == 0 || s->entry == entry))
		tell_gap(&w->stat, &(struct archive_gap){.record = s->k->layout->record,
		                       .first_run = e->first,
		                       .last_run = e->last,
		                       .records = span.records,
		                       .first = span.first,
		                       .last = span.last,
		                       .error = r});
}

/* What is in no segment yet. */
static void hunt_open(struct worker *w)
{
	struct archive_scan *s = &w->scan;
	const struct archive_open_segment *o = &s->k->open;
	s->stopped = false;
	int r = archive_scan_open(s);
	w->stat.records += o->span.records;
	if (!settle(w, r)) /* a damaged journal tells what is left, not what it lost */
		tell_gap(&w->stat, &(struct archive_gap){.record = s->k->layout->record,
		                       .first_run = o->number,
		                       .last_run = o->number,
		                       .first = o->span.first,
		                       .last = o->span.last,
		                       .error = r});
}

/* The segment of a unit, which is a part of it. */
static size_t entry_of(const struct hunt *h, size_t unit)
{
	size_t low = 0, high = h->k->n_segments;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (h->starts[middle] <= unit)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static void *work(void *argument)
{
	struct worker *w = argument;
	struct hunt *h = w->hunt;
	for (;;) {
		size_t unit = atomic_fetch_add(&h->next, 1), n = h->starts[h->k->n_segments];
		if (unit > n || atomic_load(&h->result) != 0)
			return NULL;
		if (unit == n) {
			hunt_open(w);
		} else {
			size_t entry = entry_of(h, unit);
			hunt_part(w, entry, unit - h->starts[entry]);
		}
	}
}

static int compare_gaps(const void *a, const void *b)
{
	const struct archive_gap *x = a, *y = b;
	return (x->first_run > y->first_run) - (x->first_run < y->first_run);
}

static void add_stat(struct archive_hunt_stat *sum, const struct archive_hunt_stat *s)
{
	sum->records += s->records;
	sum->segments += s->segments;
	sum->segments_entered += s->segments_entered;
	sum->blocks += s->blocks;
	sum->blocks_read += s->blocks_read;
	size_t known = s->n_gaps < GAPS ? s->n_gaps : GAPS;
	for (size_t i = 0; i < known; i++)
		tell_gap(sum, &s->gaps[i]);
	sum->n_gaps += s->n_gaps - known;
}

/* The first worker is this thread. One that can't be started leaves its share to the others. */
static void run(struct worker *workers, unsigned n)
{
	bool started[THREADS_MAX] = {false};
	for (unsigned i = 1; i < n; i++)
		started[i] = pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0;
	work(&workers[0]);
	for (unsigned i = 1; i < n; i++)
		if (started[i])
			pthread_join(workers[i].thread, NULL);
}

static int hunt(struct archive *a, enum msg_record record, const struct archive_query *query, unsigned n,
    const struct worker *model, archive_record_fn each, void *const *contexts,
    struct archive_hunt_stat *ret_stat)
{
	struct archive_kind *k = &a->kinds[record];
	struct hunt h = {.k = k};
	struct archive_hunt_stat stat = {0};
	int r = 0;
	n = n == 0 ? 1 : n > THREADS_MAX ? THREADS_MAX : n;
	struct worker *workers = calloc(n, sizeof(*workers));
	h.starts = calloc(k->n_segments + 1, sizeof(*h.starts));
	if (!workers || !h.starts) {
		free(workers);
		free(h.starts);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < n; i++) {
		struct worker *w = &workers[i];
		w->hunt = &h;
		w->each = model->each;
		w->context = contexts[i];
		w->scan = (struct archive_scan){.a = a,
		    .k = k,
		    .query = query,
		    .stat = &w->stat,
		    .each = each,
		    .context = w,
		    .hint_context = contexts[i]};
		int error = archive_scan_begin(&w->scan);
		r = r ? r : error;
	}
	for (size_t i = 0; i < k->n_segments; i++)
		h.starts[i + 1] = h.starts[i] + archive_scan_parts(&workers[0].scan, i);
	k->open.scans++;
	if (r == 0) {
		run(workers, n);
		r = atomic_load(&h.result);
	}
	k->open.scans--;
	for (unsigned i = 0; i < n; i++) {
		add_stat(&stat, &workers[i].stat);
		archive_scan_end(&workers[i].scan);
	}
	free(workers);
	free(h.starts);
	qsort(stat.gaps, stat.n_gaps < GAPS ? stat.n_gaps : GAPS, sizeof(stat.gaps[0]), compare_gaps);
	*ret_stat = stat;
	return r;
}

int archive_hunt_flows(struct archive *a, const struct archive_filter *filter, unsigned threads,
    archive_flow_fn each, void *const *contexts, struct archive_hunt_stat *ret_stat)
{
	struct worker model = {.each.flow = each};
	struct archive_query query;
	int r = archive_query_flows(&query, filter);
	if (r == 0)
		r = hunt(a, MSG_FLOW, &query, threads, &model, each_flow, contexts, ret_stat);
	archive_query_free(&query);
	return r;
}

int archive_hunt_transactions(struct archive *a, const struct archive_transaction_filter *filter,
    unsigned threads, archive_transaction_fn each, void *const *contexts, struct archive_hunt_stat *ret_stat)
{
	struct worker model = {.each.transaction = each};
	struct archive_query query;
	int r = archive_query_transactions(&query, filter);
	if (r == 0)
		r = hunt(a, MSG_TRANSACTION, &query, threads, &model, each_transaction, contexts, ret_stat);
	archive_query_free(&query);
	return r;
}
