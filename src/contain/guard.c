/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "contain/parts.h"

#include <string.h>

static bool never(const struct plan_input *in, struct net_prefix p)
{
	for (size_t i = 0; i < in->n_never_cut; i++)
		if (net_prefix_covers(in->never_cut[i], p))
			return true;
	return false;
}

/* Whether some of the zone's own prefixes are wider than the site allows a cut to be. */
static bool too_wide(const struct plan_input *in, uint16_t zone, struct net_prefix *ret_prefix)
{
	for (size_t i = 0; i < net_zone_prefixes(in->zones, zone); i++) {
		struct net_prefix p = net_zone_prefix(in->zones, zone, i);
		bool v4 = net_addr_is_v4(p.addr) && p.bits >= 96;
		if (v4 ? p.bits < 96 + in->widest_prefix_v4 : p.bits < in->widest_prefix_v6) {
			*ret_prefix = p;
			return true;
		}
	}
	return false;
}

/* Whether the cut may stand; where not, the plan says what forbade it. Addresses that may never be cut are
 * taken off it. */
static int judge(struct plan_work *w, struct plan_cut *cut, bool *ret_stands)
{
	const struct plan_input *in = w->in;
	char text[NET_PREFIX_TEXT_SIZE];
	struct net_prefix wide;
	size_t n = 0;
	*ret_stands = true;
	for (size_t i = 0; i < cut->n_from; i++) {
		if (!never(in, cut->from[i])) {
			cut->from[n++] = cut->from[i];
			continue;
		}
		int r = plan_add_guardrail(
		    w, "%s may never be cut (never_cut): %s", net_prefix_text(cut->from[i], text), cut->why);
		if (r < 0)
			return r;
	}
	*ret_stands = cut->n_from == 0 || n > 0;
	cut->n_from = n;
	if (cut->kind == PLAN_CUT_DESTINATION && never(in, cut->to[0])) {
		*ret_stands = false;
		return plan_add_guardrail(
		    w, "%s may never be cut (never_cut)", net_prefix_text(cut->to[0], text));
	}
	if (cut->from_zone != NET_ZONE_NONE && too_wide(in, cut->from_zone, &wide)) {
		*ret_stands = false;
		return plan_add_guardrail(w, "%s of zone %s is wider than policy allows a cut to be",
		    net_prefix_text(wide, text), net_zone_at(in->zones, cut->from_zone)->name);
	}
	return 0;
}

int cuts_guard(struct plan_work *w)
{
	struct plan *p = w->plan;
	size_t kept = 0, forbidden = 0;
	p->never_cut = w->in->never_cut;
	p->n_never_cut = w->in->n_never_cut;
	for (size_t i = 0; i < p->n_cuts; i++) {
		bool stands;
		int r = judge(w, &p->cuts[i], &stands);
		if (r < 0)
			return r;
		if (stands && w->in->max_cuts && kept == w->in->max_cuts) {
			r = plan_add_guardrail(
			    w, "policy allows %u cuts; left out: %s", w->in->max_cuts, p->cuts[i].why);
			stands = false;
			if (r < 0)
				return r;
		}
		if (stands)
			p->cuts[kept++] = p->cuts[i];
		else
			forbidden++;
	}
	p->n_cuts = kept;
	p->attack_paths_left += forbidden;
	if (p->attack_paths_left > p->attack_paths_before)
		p->attack_paths_left = p->attack_paths_before;
	return 0;
}
