/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Which part of the window the archive covers, link by link: what a simulation can't speak of. */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/archive.h"
#include "base/timefmt.h"
#include "contain/simulate_parts.h"

enum { LINES_MAX = 8 };

struct interval {
	int64_t from, to;
};

/* Joins sorted intervals one by one. */
struct joined {
	struct interval last;
	int64_t sum, longest_gap, gap_from;
	bool any;
};

static void joined_add(struct joined *j, struct interval i)
{
	if (!j->any) {
		*j = (struct joined){.last = i, .sum = i.to - i.from, .any = true};
		return;
	}
	if (i.from > j->last.to) {
		if (i.from - j->last.to > j->longest_gap) {
			j->longest_gap = i.from - j->last.to;
			j->gap_from = j->last.to;
		}
		j->sum += i.to - i.from;
		j->last = i;
	} else if (i.to > j->last.to) {
		j->sum += i.to - j->last.to;
		j->last.to = i.to;
	}
}

static bool clip(const struct simulate_input *in, int64_t from, int64_t to, struct interval *ret_interval)
{
	struct interval i = {.from = from > in->from ? from : in->from, .to = to < in->to ? to : in->to};
	if (i.to <= i.from)
		return false;
	*ret_interval = i;
	return true;
}

static int by_link(const void *left, const void *right)
{
	const struct msg_coverage *const *a = left, *const *b = right;
	int order = text_compare((*a)->name, (*b)->name);
	return order ? order : ((*a)->from > (*b)->from) - ((*a)->from < (*b)->from);
}

static int by_start(const void *left, const void *right)
{
	const struct msg_coverage *const *a = left, *const *b = right;
	return ((*a)->from > (*b)->from) - ((*a)->from < (*b)->from);
}

static void add_link(struct simulated_coverage *c, struct joined *j, const struct msg_coverage *of,
    struct interval i, bool fresh)
{
	if (fresh) {
		*j = (struct joined){.any = false};
		c->links[c->n_links++] = (struct simulated_link){.name = of->name, .from = i.from};
	}
	struct simulated_link *link = &c->links[c->n_links - 1];
	joined_add(j, i);
	link->to = j->last.to;
	link->covered_ns = j->sum;
	link->packets += of->packets;
	link->dropped = of->dropped == UINT64_MAX || link->dropped == UINT64_MAX
	                    ? UINT64_MAX
	                    : link->dropped + of->dropped;
}

/* All links, then all of them together. */
static void join_links(const struct simulate_input *in, const struct msg_coverage **sorted, size_t n,
    struct simulated_coverage *c, struct joined *all)
{
	struct joined one = {.any = false};
	struct interval i;
	qsort(sorted, n, sizeof(const struct msg_coverage *), by_link);
	for (size_t k = 0; k < n; k++)
		if (clip(in, sorted[k]->from, sorted[k]->to, &i))
			add_link(c, &one, sorted[k], i,
			    c->n_links == 0 || !text_equal(c->links[c->n_links - 1].name, sorted[k]->name));
	qsort(sorted, n, sizeof(const struct msg_coverage *), by_start);
	for (size_t k = 0; k < n; k++)
		if (clip(in, sorted[k]->from, sorted[k]->to, &i))
			joined_add(all, i);
}

static int say(struct simulated_coverage *c, struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int say(struct simulated_coverage *c, struct arena *arena, const char *format, ...)
{
	char line[256];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	const char *copy = arena_strndup(arena, line, n < (int)sizeof(line) ? (size_t)n : sizeof(line) - 1);
	if (!copy)
		return -ENOMEM;
	c->lines[c->n_lines++] = copy;
	return 0;
}

static int say_what_is_missing(const struct simulate_input *in, struct arena *arena,
    struct simulated_coverage *c, const struct joined *all, int64_t first)
{
	char span[24], time[TIME_TEXT_SIZE];
	int64_t window = in->to - in->from;
	uint64_t lost = 0, silent = 0;
	int r = 0;
	if (!all->any)
		return say(c, arena, "the archive holds nothing of that time");
	for (size_t i = 0; i < c->n_links; i++) {
		bool says = c->links[i].dropped != UINT64_MAX;
		lost += says ? c->links[i].dropped : 0;
		silent += !says;
	}
	if (c->n_links == 0)
		r = say(c, arena,
		    "no link says when it was watched: the time from the first record to the last "
		    "is taken for covered");
	if (r == 0 && first > in->from + NS_PER_S)
		r = say(c, arena, "nothing was watched before %s: %s of the time asked for",
		    time_human(first, time), time_span_human(first - in->from, span, sizeof(span)));
	if (r == 0 && in->to > all->last.to + NS_PER_S)
		r = say(c, arena, "nothing was watched after %s: %s of the time asked for",
		    time_human(all->last.to, time),
		    time_span_human(in->to - all->last.to, span, sizeof(span)));
	int64_t gaps = all->last.to - first - all->sum;
	if (r == 0 && gaps > 0)
		r = say(c, arena, "nothing was watched for %s in between, the longest time from %s on",
		    time_span_human(gaps, span, sizeof(span)), time_human(all->gap_from, time));
	if (r == 0 && lost)
		r = say(c, arena, "%" PRIu64 " packets were lost before they were seen", lost);
	if (r == 0 && silent)
		r = say(c, arena, "%" PRIu64 " links don't report losses", silent);
	if (r == 0 && all->sum < 86400 * NS_PER_S && window >= 86400 * NS_PER_S)
		r = say(c, arena, "what runs once a day or less may not be in the %s that were watched",
		    time_span_human(all->sum, span, sizeof(span)));
	return r;
}

int simulate_cover(
    const struct simulate_input *in, struct arena *arena, struct simulated_coverage *ret_coverage)
{
	struct simulated_coverage c = {.n_links = 0};
	struct joined all = {.any = false};
	struct archive_stat stat;
	struct interval i;
	int64_t first = INT64_MAX;
	const struct msg_coverage **sorted = calloc(in->n_coverage + 1, sizeof(*sorted));
	c.links = arena_array(arena, in->n_coverage, sizeof(*c.links));
	c.lines = arena_array(arena, LINES_MAX, sizeof(*c.lines));
	if (!sorted || !c.links || !c.lines) {
		free(sorted);
		return -ENOMEM;
	}
	for (size_t k = 0; k < in->n_coverage; k++)
		sorted[k] = &in->coverage[k];
	join_links(in, sorted, in->n_coverage, &c, &all);
	for (size_t k = 0; k < c.n_links; k++)
		first = c.links[k].from < first ? c.links[k].from : first;
	free(sorted);
	archive_get_stat(in->network->archive, &stat);
	if (in->n_coverage == 0 && clip(in, stat.first, stat.last + 1, &i)) {
		joined_add(&all, i);
		first = i.from;
	}
	c.covered_ns = all.sum;
	int r = say_what_is_missing(in, arena, &c, &all, first);
	if (r == 0)
		*ret_coverage = c;
	return r;
}
