/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "contain/named.h"

#include <errno.h>
#include <stdlib.h>

#include "base/table.h"

enum { NONE = 0xffffffff };

struct link {
	uint32_t cut, next; /* link; NONE: the last */
};

struct named {
	const struct plan *plan;
	struct table *first; /* address -> uint32_t, its first link */
	struct link *links;
	uint32_t n_links;
	uint32_t anywhere; /* the first link of those that may stop any flow */
};

static bool all_single(const struct net_prefix *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i].bits != 128)
			return false;
	return n > 0;
}

/* What a cut goes by: single addresses at one of its ends; NULL where it has none. */
static const struct net_prefix *addresses(const struct plan_cut *c, size_t *ret_n)
{
	if (c->from_zone == NET_ZONE_NONE && all_single(c->from, c->n_from)) {
		*ret_n = c->n_from;
		return c->from;
	}
	if (!c->to_external && c->to_zone == NET_ZONE_NONE && all_single(c->to, c->n_to)) {
		*ret_n = c->n_to;
		return c->to;
	}
	return NULL;
}

static void link_cut(struct named *n, uint32_t *first, uint32_t cut)
{
	n->links[n->n_links] = (struct link){.cut = cut, .next = *first};
	*first = n->n_links++;
}

static int link_addresses(struct named *n, const struct net_prefix *p, size_t count, uint32_t cut)
{
	for (size_t i = 0; i < count; i++) {
		int fresh;
		uint32_t *first = table_put(n->first, &p[i].addr, &fresh);
		if (!first)
			return -ENOMEM;
		if (fresh)
			*first = NONE;
		/* an address that a cut has twice */
		if (*first == NONE || n->links[*first].cut != cut)
			link_cut(n, first, cut);
	}
	return 0;
}

int named_new(struct named **ret_named, const struct plan *p, uint64_t seed)
{
	struct named *n = calloc(1, sizeof(*n));
	size_t max = 1;
	if (!n)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_cuts; i++)
		max += p->cuts[i].n_from + p->cuts[i].n_to + 1;
	*n = (struct named){.plan = p, .anywhere = NONE, .links = calloc(max, sizeof(*n->links))};
	int r = n->links ? table_new(&n->first, sizeof(struct net_addr), sizeof(uint32_t), max, seed)
	                 : -ENOMEM;
	/* a link stands before those that were there */
	for (size_t i = p->n_cuts; i-- > 0 && r == 0;) {
		size_t count;
		const struct net_prefix *v = addresses(&p->cuts[i], &count);
		if (v)
			r = link_addresses(n, v, count, (uint32_t)i);
		else
			link_cut(n, &n->anywhere, (uint32_t)i);
	}
	if (r < 0) {
		named_free(n);
		return r;
	}
	*ret_named = n;
	return 0;
}

void named_free(struct named *n)
{
	if (!n)
		return;
	table_free(n->first);
	free(n->links);
	free(n);
}

static uint32_t first_of(const struct named *n, struct net_addr a)
{
	const uint32_t *first = table_get(n->first, &a);
	return first ? *first : NONE;
}

struct named_walk named_begin(const struct named *n, struct net_addr from, struct net_addr to)
{
	return (struct named_walk){.named = n, .from = from, .to = to, .next = n->anywhere};
}

static bool names(const struct plan_cut *c, struct net_addr a)
{
	size_t n = 0;
	const struct net_prefix *v = addresses(c, &n);
	for (size_t i = 0; i < n; i++)
		if (net_addr_equal(v[i].addr, a))
			return true;
	return false;
}

int64_t named_next(struct named_walk *w)
{
	enum { ANYWHERE, FROM, TO };
	for (;;) {
		while (w->next != NONE) {
			const struct link *l = &w->named->links[w->next];
			w->next = l->next;
			/* one that names both was met with the first */
			if (w->stage != TO || !names(&w->named->plan->cuts[l->cut], w->from))
				return l->cut;
		}
		if (w->stage == TO)
			return -1;
		w->stage++;
		w->next = first_of(w->named, w->stage == FROM ? w->from : w->to);
	}
}
