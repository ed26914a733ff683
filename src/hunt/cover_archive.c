/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the archive itself lacks: time before and after it, parts that can't be read, what was dropped. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/table.h"
#include "base/timefmt.h"
#include "hunt/result.h"
#include "ledger/ledger.h"

static int cover_span(struct hunt_result *r, const struct hunt_input *in)
{
	char first[TIME_TEXT_SIZE], last[TIME_TEXT_SIZE], from[TIME_TEXT_SIZE], to[TIME_TEXT_SIZE];
	int error = 0;
	if (r->first == 0 && r->last == 0)
		return hunt_add_gap(r, &(struct hunt_gap){.kind = HUNT_GAP_BEFORE, .unsearched = true},
		    "The archive holds no records: nothing could be searched.");
	time_human(r->first, first);
	time_human(r->last, last);
	if (in->from == 0)
		error = hunt_add_gap(r, &(struct hunt_gap){.kind = HUNT_GAP_BEFORE, .to = r->first},
		    "The archive begins at %s: nothing is known of the time before.", first);
	else if (in->from < r->first)
		error = hunt_add_gap(r,
		    &(struct hunt_gap){.kind = HUNT_GAP_BEFORE, .from = in->from, .to = r->first},
		    "From %s to %s nothing was recorded: the archive begins then.",
		    time_human(in->from, from), first);
	if (error < 0)
		return error;
	if (in->to == 0)
		return hunt_add_gap(r, &(struct hunt_gap){.kind = HUNT_GAP_AFTER, .from = r->last},
		    "The archive ends at %s: nothing is known of the time after.", last);
	if (in->to > r->last)
		return hunt_add_gap(r,
		    &(struct hunt_gap){.kind = HUNT_GAP_AFTER, .from = r->last, .to = in->to},
		    "From %s to %s nothing was recorded: the archive ends then.", last,
		    time_human(in->to, to));
	return 0;
}

static const char *kind_of(uint16_t record)
{
	switch (record) {
	case MSG_FLOW: return "flows";
	case MSG_TRANSACTION: return "transactions";
	default: return "records";
	}
}

static int say_unreadable(struct hunt_result *r, const struct archive_gap *g)
{
	char first[TIME_TEXT_SIZE], last[TIME_TEXT_SIZE];
	const struct hunt_gap gap = {.kind = HUNT_GAP_SEGMENT,
	    .unsearched = true,
	    .from = g->first,
	    .to = g->last,
	    .count = g->records};
	if (g->records && g->last)
		return hunt_add_gap(r, &gap,
		    "A part of the archive can't be read and was not searched: %" PRIu64 " %s from %s to %s "
		    "(runs %" PRIu64 " to %" PRIu64 "): %s.",
		    g->records, kind_of(g->record), time_human(g->first, first), time_human(g->last, last),
		    g->first_run, g->last_run, err_text(g->error));
	return hunt_add_gap(r, &gap,
	    "A part of the archive can't be read and was not searched: %s of unknown number and time (runs "
	    "%" PRIu64 " to %" PRIu64 "): %s.",
	    kind_of(g->record), g->first_run, g->last_run, err_text(g->error));
}

static int gap_compare(const void *left, const void *right)
{
	const struct archive_gap *a = left, *b = right;
	if (a->record != b->record)
		return a->record < b->record ? -1 : 1;
	return (a->first_run > b->first_run) - (a->first_run < b->first_run);
}

/* Takes `next` into `gap` where it goes on from it and has the same reason. */
static bool gap_extend(struct archive_gap *gap, const struct archive_gap *next)
{
	bool known = gap->records && next->records && gap->last && next->last;
	if (gap->record != next->record || gap->error != next->error || gap->last_run + 1 < next->first_run)
		return false;
	gap->last_run = next->last_run > gap->last_run ? next->last_run : gap->last_run;
	gap->records = known ? gap->records + next->records : 0;
	gap->first = known && next->first < gap->first ? next->first : gap->first;
	gap->last = known && next->last > gap->last ? next->last : gap->last;
	return true;
}

static int cover_unreadable(struct hunt_result *r, const struct archive_hunt_stat *stat)
{
	enum { KEPT = sizeof(stat->gaps) / sizeof(*stat->gaps) };
	struct archive_gap gaps[KEPT];
	size_t n = stat->n_gaps < KEPT ? stat->n_gaps : KEPT;
	int error = 0;
	memcpy(gaps, stat->gaps, sizeof(gaps));
	qsort(gaps, n, sizeof(*gaps), gap_compare);
	for (size_t i = 0, next; i < n && error == 0; i = next) {
		for (next = i + 1; next < n && gap_extend(&gaps[i], &gaps[next]);)
			next++;
		error = say_unreadable(r, &gaps[i]);
	}
	if (error == 0 && stat->n_gaps > KEPT)
		error = hunt_add_gap(r,
		    &(struct hunt_gap){
		        .kind = HUNT_GAP_SEGMENT, .unsearched = true, .count = stat->n_gaps - KEPT},
		    "%zu more parts of the archive can't be read.", stat->n_gaps - KEPT);
	return error;
}

static int cover_damage(struct hunt_result *r, const struct hunt_input *in)
{
	struct archive_stat stat;
	int error = 0;
	archive_get_stat(in->archive, &stat);
	if (stat.torn_bytes)
		error = hunt_add_gap(r,
		    &(struct hunt_gap){
		        .kind = HUNT_GAP_SEGMENT, .unsearched = true, .count = stat.torn_bytes},
		    "%" PRIu64
		    " bytes at the archive's end are no whole record and could not be searched: it "
		    "is being written, or was cut off.",
		    stat.torn_bytes);
	if (stat.damaged_bytes == 0 || error < 0)
		return error;
	return hunt_add_gap(r,
	    &(struct hunt_gap){.kind = HUNT_GAP_SEGMENT, .unsearched = true, .count = stat.damaged_bytes},
	    "%" PRIu64 " bytes of the archive's journals are damaged and could not be searched.",
	    stat.damaged_bytes);
}

/* Transactions can be fewer than flows: imported flows have none. */
static int cover_transactions(struct hunt_result *r, const struct hunt_input *in)
{
	char first[TIME_TEXT_SIZE], last[TIME_TEXT_SIZE];
	struct archive_stat stat;
	struct archive_run run;
	int64_t from = INT64_MAX, to = INT64_MIN;
	archive_get_stat(in->archive, &stat);
	if (stat.records[MSG_FLOW] == 0)
		return 0;
	if (stat.records[MSG_TRANSACTION] == 0)
		return hunt_add_gap(r, &(struct hunt_gap){.kind = HUNT_GAP_FIELD},
		    "The archive holds no transactions, as where flows were imported: look-ups, URLs, "
		    "fingerprints, certificates and files can't be found in it, names only where flows "
		    "carry one.");
	for (size_t i = 0; i < archive_runs(in->archive, MSG_TRANSACTION); i++) {
		archive_run_at(in->archive, MSG_TRANSACTION, i, &run);
		from = run.first < from ? run.first : from;
		to = run.last > to ? run.last : to;
	}
	/* an hour: what flows without content leave at the ends is no gap */
	int64_t begin = in->from > r->first ? in->from : r->first;
	int64_t end = in->to && in->to < r->last ? in->to : r->last;
	if (from > to || (from - begin < 3600 * NS_PER_S && end - to < 3600 * NS_PER_S))
		return 0;
	return hunt_add_gap(r, &(struct hunt_gap){.kind = HUNT_GAP_FIELD, .from = from, .to = to},
	    "Transactions (look-ups, URLs, fingerprints, certificates, files) are recorded from %s to %s "
	    "only.",
	    time_human(from, first), time_human(to, last));
}

struct dropped_range {
	uint64_t first, last;
};

static int by_first(const void *left, const void *right)
{
	const struct dropped_range *a = left, *b = right;
	return (a->first > b->first) - (a->first < b->first);
}

/* Whether one of the ranges, which are sorted and apart, holds the run. */
static bool is_dropped(const struct dropped_range *v, size_t n, uint64_t run)
{
	size_t low = 0, high = n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (v[middle].last < run)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && v[low].first <= run;
}

/* How many records the runs in those ranges had, by the ledger's last word on each run. */
static int count_dropped(const struct ledger *l, struct text kind, const struct dropped_range *ranges,
    size_t n, uint64_t *ret_records)
{
	struct table *runs;
	uint64_t all = ledger_entries(l), records = 0;
	int error = table_new(&runs, sizeof(uint64_t), sizeof(uint64_t), LEDGER_ENTRIES_MAX, 0);
	struct ledger_entry e;
	for (uint64_t i = 0; i < all && error == 0; i++) {
		error = ledger_entry_at(l, i, &e);
		if (error < 0 || e.type != LEDGER_RUN || !text_equal(e.kind, kind) ||
		    !is_dropped(ranges, n, e.first))
			continue;
		uint64_t *had = table_put(runs, &e.first, NULL);
		if (!had)
			error = -ENOMEM;
		else
			*had = e.records > *had ? e.records : *had;
	}
	size_t pos = 0;
	for (const uint64_t *had; error == 0 && (had = table_next(runs, &pos, NULL));)
		records += *had;
	table_free(runs);
	*ret_records = records;
	return error;
}

static int cover_dropped(struct hunt_result *r, const struct ledger *l, struct text kind, const char *what)
{
	char when[TIME_TEXT_SIZE];
	uint64_t all = ledger_entries(l), records = 0, runs = 0;
	struct dropped_range *ranges = NULL;
	size_t n = 0;
	int64_t last = 0;
	struct ledger_entry e;
	int error = 0;
	for (int round = 0; round < 2 && error == 0; round++) {
		if (round && n == 0)
			return 0;
		ranges = round ? reallocarray(NULL, n, sizeof(*ranges)) : NULL;
		if (round && !ranges)
			return -ENOMEM;
		n = 0;
		for (uint64_t i = 0; i < all && error == 0; i++) {
			error = ledger_entry_at(l, i, &e);
			if (error < 0 || e.type != LEDGER_EXPIRE || !text_equal(e.kind, kind))
				continue;
			if (round)
				ranges[n] = (struct dropped_range){.first = e.first, .last = e.last};
			n++;
			runs += round ? e.last - e.first + 1 : 0;
			last = e.time > last ? e.time : last;
		}
	}
	if (error == 0) {
		qsort(ranges, n, sizeof(*ranges), by_first);
		error = count_dropped(l, kind, ranges, n, &records);
	}
	if (error == 0)
		error = hunt_add_gap(r, &(struct hunt_gap){.kind = HUNT_GAP_EXPIRED, .count = records},
		    "%" PRIu64 " %s (%" PRIu64 " runs) were dropped on purpose, the latest on %s: the ledger "
		    "keeps their roots, nothing of them can be searched.",
		    records, what, runs, time_human(last, when));
	free(ranges);
	return error == -ENOMEM ? error : 0;
}

int hunt_cover_archive(struct hunt_result *r, const struct hunt_input *in, const struct hunt_search *search)
{
	const struct ledger *ledger = archive_ledger(in->archive);
	int error = cover_span(r, in);
	if (error == 0)
		error = cover_unreadable(r, &search->flows);
	if (error == 0)
		error = cover_unreadable(r, &search->transactions);
	if (error == 0)
		error = cover_damage(r, in);
	if (error == 0 && ledger)
		error = cover_dropped(r, ledger, TEXT("flow"), "flows");
	if (error == 0 && ledger)
		error = cover_dropped(r, ledger, TEXT("transaction"), "transactions");
	return error == 0 ? cover_transactions(r, in) : error;
}
