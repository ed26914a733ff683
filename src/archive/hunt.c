/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Hunts: threads that take the segments one by one, and go on past those that can't be read. */

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "archive/scan.h"

enum { THREADS_MAX = 64, GAPS = sizeof(((struct archive_hunt_stat *)0)->gaps) / sizeof(struct archive_gap) };

/* What the threads share: the next segment, and what ended the hunt. */
struct hunt {
	struct archive_kind *k;
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

/* The i-th segment, or, behind the last, what is in none. */
static void hunt_one(struct worker *w, size_t i)
{
	struct archive_scan *s = &w->scan;
	const struct archive_kind *k = s->k;
	bool sealed = i < k->n_segments;
	const struct archive_segment_entry *e = sealed ? &k->segments[i] : NULL;
	const struct archive_span *span = sealed ? &e->segment.trailer.span : &k->open.span;
	struct archive_gap gap = {.record = k->layout->record,
	    .first_run = sealed ? e->first : k->open.number,
	    .last_run = sealed ? e->last : k->open.number,
	    .records = sealed ? span->records : 0, /* a damaged journal tells what is left */
	    .first = span->first,
	    .last = span->last};
	s->stopped = false;
	int r = sealed ? archive_scan_segment(s, i) : archive_scan_open(s);
	w->stat.segments += sealed;
	w->stat.blocks += sealed ? e->segment.trailer.n_blocks : 0;
	if (r == 0 || !sealed)
		w->stat.records += span->records;
	if (r == -ENOMEM || (r && s->stopped)) {
		int going = 0;
		atomic_compare_exchange_strong(&w->hunt->result, &going, r);
	} else if (r < 0) {
		gap.error = r;
		tell_gap(&w->stat, &gap);
	}
}

static void *work(void *argument)
{
	struct worker *w = argument;
	struct hunt *h = w->hunt;
	for (;;) {
		size_t i = atomic_fetch_add(&h->next, 1);
		if (i > h->k->n_segments || atomic_load(&h->result) != 0)
			return NULL;
		hunt_one(w, i);
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
	if (!workers)
		return -ENOMEM;
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
