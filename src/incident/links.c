/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "incident/links.h"

#include <errno.h>
#include <stdlib.h>

#include "base/timefmt.h"

static int link_compare(const void *a, const void *b)
{
	const struct msg_coverage *x = a, *y = b;
	if (x->vantage != y->vantage)
		return x->vantage < y->vantage ? -1 : 1;
	int order = text_compare(x->name, y->name);
	if (order == 0 && x->from != y->from)
		order = x->from < y->from ? -1 : 1;
	return order ? order : x->id < y->id ? -1 : x->id > y->id;
}

bool incident_links_same(const struct msg_coverage *x, const struct msg_coverage *y)
{
	return x->vantage == y->vantage && text_equal(x->name, y->name);
}

int incident_links_choose(const struct msg_coverage *coverage, size_t n, int64_t from, int64_t to,
    struct arena *arena, struct msg_coverage **ret_links, size_t *ret_n)
{
	struct msg_coverage *links = arena_array(arena, n, sizeof(*links));
	size_t kept = 0;
	if (!links)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (coverage[i].to >= from && (to == 0 || coverage[i].from < to))
			links[kept++] = coverage[i];
	qsort(links, kept, sizeof(*links), link_compare);
	*ret_links = links;
	*ret_n = kept;
	return 0;
}

void incident_links_gaps(const struct msg_coverage *links, size_t n, int64_t from, int64_t to,
    incident_link_gap_fn each, void *context)
{
	int64_t covered = from;
	for (size_t i = 0; i < n; i++) {
		const struct msg_coverage *link = &links[i];
		if (i == 0 || !incident_links_same(link - 1, link))
			covered = from;
		if (link->from - NS_PER_S > covered)
			each(context, link, covered, link->from);
		covered = link->to > covered ? link->to : covered;
		bool last = i + 1 == n || !incident_links_same(link, link + 1);
		if (last && covered < to - NS_PER_S)
			each(context, link, covered, to);
	}
}
