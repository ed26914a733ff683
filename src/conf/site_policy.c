/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The guardrails: what must never be cut, and how much may be cut at most. */

#include "conf/site_reader.h"

#include <stdlib.h>

#include "base/timefmt.h"

enum { LEASE_MIN_S = 60, LEASE_MAX_DAYS = 30 };

struct guarded {
	struct net_prefix prefix;
	const struct conf_node *at;
};

/* By address, the wider first, then as in the file: what covers another stands before it. */
static int compare(const void *a, const void *b)
{
	const struct guarded *x = a, *y = b;
	int order = net_addr_compare(x->prefix.addr, y->prefix.addr);
	if (order == 0)
		order = (x->prefix.bits > y->prefix.bits) - (x->prefix.bits < y->prefix.bits);
	if (order == 0)
		order = (x->at->line > y->at->line) - (x->at->line < y->at->line);
	if (order == 0)
		order = (x->at->column > y->at->column) - (x->at->column < y->at->column);
	return order;
}

/* One guardrail within another is a slip: either it says nothing, or the wider one says too much. */
static void check_overlaps(struct site_reader *r, struct guarded *g, size_t n)
{
	size_t outer = 0;
	char inner_text[NET_PREFIX_TEXT_SIZE], outer_text[NET_PREFIX_TEXT_SIZE];
	if (n)
		qsort(g, n, sizeof(*g), compare);
	for (size_t i = 1; i < n; i++) {
		if (!net_prefix_covers(g[outer].prefix, g[i].prefix)) {
			outer = i;
			continue;
		}
		conf_mistake(&r->report, g[i].at,
		    "never_cut %s is covered by %s in line %u; leave one of them out",
		    net_prefix_text(g[i].prefix, inner_text), net_prefix_text(g[outer].prefix, outer_text),
		    g[outer].at->line);
	}
}

void site_read_never_cut(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	struct site *s = r->site;
	(void)into;
	if (!conf_list(&r->report, value, "prefixes", 0, SITE_NEVER_CUT_MAX))
		return;
	s->never_cut = site_array(r, value->n, sizeof(*s->never_cut));
	struct guarded *g = calloc(value->n + 1, sizeof(*g));
	if (!g)
		conf_no_memory(&r->report);
	for (size_t i = 0; g && s->never_cut && i < value->n; i++) {
		struct net_prefix p;
		if (!site_read_prefix(r, value->items[i], &p))
			continue;
		g[s->n_never_cut] = (struct guarded){.prefix = p, .at = value->items[i]};
		s->never_cut[s->n_never_cut++] = p;
	}
	if (g)
		check_overlaps(r, g, s->n_never_cut);
	free(g);
}

static void read_lease(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	struct site_policy *p = into;
	struct text t;
	char shown[CONF_SHOWN_SIZE];
	int64_t ns;
	if (!conf_scalar(&r->report, value, "a duration", "4h", &t))
		return;
	if (time_parse_span(t, &ns) < 0)
		conf_mistake(&r->report, value,
		    "\"%s\" is no duration; write a number with s, m, h or d, such as 4h",
		    conf_shown(value, shown));
	else if (ns < LEASE_MIN_S * NS_PER_S || ns > LEASE_MAX_DAYS * 86400 * NS_PER_S)
		conf_mistake(&r->report, value,
		    "a lease of %s is out of bounds; it lasts from %d s to %d days", conf_shown(value, shown),
		    LEASE_MIN_S, LEASE_MAX_DAYS);
	else
		p->lease_ns = ns;
}

static void read_max_cuts(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	struct site_policy *p = into;
	uint64_t number;
	if (conf_number(&r->report, value, "max_cuts", 1, SITE_CUTS_MAX, &number))
		p->max_cuts = (uint32_t)number;
}

static void read_widest_v4(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	struct site_policy *p = into;
	uint64_t number;
	if (conf_number(&r->report, value, "widest_prefix_v4", 0, 32, &number))
		p->widest_prefix_v4 = (uint8_t)number;
}

static void read_widest_v6(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	struct site_policy *p = into;
	uint64_t number;
	if (conf_number(&r->report, value, "widest_prefix_v6", 0, 128, &number))
		p->widest_prefix_v6 = (uint8_t)number;
}

static const struct conf_row policy_rows[] = {
    {"lease", false, read_lease},
    {"max_cuts", false, read_max_cuts},
    {"widest_prefix_v4", false, read_widest_v4},
    {"widest_prefix_v6", false, read_widest_v6},
};

void site_read_policy(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	(void)into;
	conf_read_mapping(&r->report, value, "policy", policy_rows, 4, r, &r->site->policy);
}
