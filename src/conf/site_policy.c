/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The guardrails: what must never be cut, and how much may be cut at most. */

#include "conf/site_reader.h"

#include "base/timefmt.h"

enum { LEASE_MIN_S = 60, LEASE_MAX_DAYS = 30 };

void site_read_never_cut(void *reader, const struct conf_node *value, void *into)
{
	struct site_reader *r = reader;
	struct site *s = r->site;
	(void)into;
	conf_prefixes(&r->report, value, "never_cut", SITE_NEVER_CUT_MAX, &s->never_cut, &s->n_never_cut);
}

static void read_lease(void *reader, const struct conf_node *value, void *into)
{
	struct site_policy *p = into;
	conf_span(reader, value, "a lease", "4h", LEASE_MIN_S * NS_PER_S, LEASE_MAX_DAYS * 86400 * NS_PER_S,
	    &p->lease_ns);
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
