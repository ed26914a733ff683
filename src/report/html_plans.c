/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/html.h"

#include "base/timefmt.h"

enum { PLAN_CUTS_SHOWN = 24, PLAN_SERVICES_SHOWN = 10, PLAN_STEPS_SHOWN = 12 };

static void print_cuts(const struct html *h, const struct plan *p)
{
	char from[RENDER_TEXT_SIZE], to[RENDER_TEXT_SIZE], lease[32];
	fputs("<div class=label>Cuts</div><ul>\n", h->out);
	for (size_t k = 0; k < p->n_cuts && k < PLAN_CUTS_SHOWN; k++) {
		const struct plan_cut *cut = &p->cuts[k];
		fputs("<li>", h->out);
		html_str(h, render_cut_from(h->c, cut, from));
		fputs(" &#8594; ", h->out);
		html_str(h, render_cut_to(h->c, cut, to));
		fprintf(h->out, ", %s, %s ", render_direction(cut),
		    time_span_human(cut->lease_ns, lease, sizeof(lease)));
		html_records(h, cut->flows, cut->n_flows, 2);
		fputs("</li>\n", h->out);
	}
	if (p->n_cuts > PLAN_CUTS_SHOWN)
		fprintf(h->out, "<li>and %zu more, in plan-%s.nft</li>\n", p->n_cuts - PLAN_CUTS_SHOWN,
		    plan_name_text(p->name));
	fputs("</ul>\n", h->out);
}

static void print_services(const struct html *h, const struct plan *p)
{
	char rate[RENDER_TEXT_SIZE];
	fputs("<div class=label>What stops working</div><ul>\n", h->out);
	for (size_t k = 0; k < p->n_services_lost && k < PLAN_SERVICES_SHOWN; k++) {
		const struct plan_lost_service *s = &p->services_lost[k];
		fputs("<li>", h->out);
		html_str(h, s->name);
		fprintf(
		    h->out, ": %u clients, %s flows a day", s->clients, render_rate(s->flows_per_day, rate));
		if (s->criticality > 1)
			fprintf(h->out, ", criticality %u", s->criticality);
		fputs("</li>\n", h->out);
	}
	if (p->n_services_lost > PLAN_SERVICES_SHOWN)
		fprintf(h->out, "<li>and %zu more</li>\n", p->n_services_lost - PLAN_SERVICES_SHOWN);
	if (p->n_services_lost == 0)
		fputs("<li>nothing that was in use</li>\n", h->out);
	fputs("</ul>\n", h->out);
}

static void print_lines(const struct html *h, const char *label, const char *const *lines, size_t n)
{
	if (n == 0)
		return;
	fprintf(h->out, "<div class=label>%s</div><ul>\n", label);
	for (size_t k = 0; k < n && k < PLAN_STEPS_SHOWN; k++) {
		fputs("<li>", h->out);
		html_str(h, lines[k]);
		fputs("</li>\n", h->out);
	}
	if (n > PLAN_STEPS_SHOWN)
		fprintf(h->out, "<li>and %zu more</li>\n", n - PLAN_STEPS_SHOWN);
	fputs("</ul>\n", h->out);
}

void html_plans(const struct html *h)
{
	static const char *const meaning[PLAN_COUNT] = {
	    [PLAN_SURGICAL] = "Trusts what was seen: parts the machines that are held or likely reached.",
	    [PLAN_GUARDED] = "Also takes every machine of a segment that no sensor saw for held.",
	    [PLAN_SHUTDOWN] = "Shuts off the whole of each affected network.",
	};
	char rate[RENDER_TEXT_SIZE];
	if (!h->worst->plans)
		return;
	fputs("<section class=page>\n<h2>Plans</h2>\n<div class=plans>\n", h->out);
	for (int k = 0; k < PLAN_COUNT; k++) {
		const struct plan *p = &h->worst->plans[k];
		double share = render_share(p->legitimate_flows_lost_per_day, p->legitimate_flows_per_day);
		fprintf(h->out,
		    "<div class=\"plan%s\"><h3>%s</h3><p class=note>%s</p><div class=cost>%.1f %%</div><div "
		    "class=note>of "
		    "legitimate flows lost, %s a day</div><div class=bar><i "
		    "style=\"width:%.1f%%\"></i></div>",
		    k == 0 ? " first" : "", plan_name_text(p->name), meaning[k], share,
		    render_rate(p->legitimate_flows_lost_per_day, rate), share > 100 ? 100 : share);
		fprintf(h->out, "<p>%zu cuts. Attack paths: %zu before, <b>%zu left</b>%s.</p>\n", p->n_cuts,
		    p->attack_paths_before, p->attack_paths_left,
		    p->n_manual_steps ? " once the steps by hand are taken" : "");
		print_cuts(h, p);
		print_services(h, p);
		print_lines(h, "By hand", p->manual_steps, p->n_manual_steps);
		print_lines(h, "Forbidden by a guardrail", p->guardrails, p->n_guardrails);
		fputs("</div>\n", h->out);
	}
	fputs("</div>\n</section>\n", h->out);
}
