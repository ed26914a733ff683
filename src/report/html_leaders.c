/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/html.h"

#include <string.h>

#include "base/num.h"
#include "base/timefmt.h"

/* The first page: what happened, what is cut, what can have left, what is not known. Each sentence is made
 * from results. */

static size_t count_state(const struct incident *i, enum incident_asset_state state)
{
	size_t n = 0;
	for (size_t k = 0; k < i->n_assets; k++)
		n += i->assets[k].state == state;
	return n;
}

static uint64_t worst_bound(const struct report_incident *i, const struct exposure **ret_zone)
{
	uint64_t most = 0;
	*ret_zone = NULL;
	for (size_t k = 0; k < i->n_exposures; k++)
		if (!*ret_zone || i->exposures[k].chained_bytes > most) {
			most = i->exposures[k].chained_bytes;
			*ret_zone = &i->exposures[k];
		}
	return most;
}

static void figure(const struct html *h, const char *number, const char *what)
{
	fprintf(h->out, "<div class=figure><b>%s</b><span>", number);
	html_str(h, what);
	fputs("</span></div>\n", h->out);
}

static void print_figures(const struct html *h)
{
	const struct report_incident *i = h->worst;
	const struct exposure *zone;
	char number[RENDER_TEXT_SIZE], what[RENDER_TEXT_SIZE + 64];
	fputs("<div class=figures>\n", h->out);
	snprintf(number, sizeof(number), "%zu", count_state(i->incident, INCIDENT_ASSET_COMPROMISED));
	size_t suspects = count_state(i->incident, INCIDENT_ASSET_SUSPECT);
	if (suspects)
		snprintf(what, sizeof(what), "machines compromised, %zu more suspect", suspects);
	else
		snprintf(what, sizeof(what), "machines compromised, none merely suspect");
	figure(h, number, what);
	if (i->spread) {
		size_t reached = i->spread->by_grade[SPREAD_LIKELY] + i->spread->by_grade[SPREAD_POSSIBLE];
		snprintf(number, sizeof(number), "%zu", reached);
		snprintf(what, sizeof(what), "more can have been reached; %zu are cleared, %zu unseen",
		    i->spread->by_grade[SPREAD_CLEARED], i->spread->by_grade[SPREAD_UNSEEN]);
		figure(h, number, what);
		const struct plan *p = &i->plans[PLAN_SURGICAL];
		snprintf(number, sizeof(number), "%zu", p->n_cuts);
		snprintf(what, sizeof(what),
		    "cuts contain it, at %.1f %% of legitimate traffic; %zu attack paths are left",
		    render_share(p->legitimate_flows_lost_per_day, p->legitimate_flows_per_day),
		    p->attack_paths_left);
		figure(h, number, what);
		uint64_t bound = worst_bound(i, &zone);
		num_bytes_human(bound, number, sizeof(number));
		snprintf(what, sizeof(what), "at most can have left %s via the observed links",
		    zone ? net_zone_at(h->c->zones, zone->zone)->name : "the protected zones");
		figure(h, number, what);
	}
	fputs("</div>\n", h->out);
}

static void print_verdict(const struct html *h)
{
	const struct incident *i = h->worst->incident;
	char name[RENDER_TEXT_SIZE], time[TIME_TEXT_SIZE];
	fputs("<div class=verdict>", h->out);
	if (i->has_entry) {
		fputs("The intruder came in through <b>", h->out);
		html_str(h, render_asset(h->c, i->entry_asset, name));
		fprintf(h->out, "</b> on %s", time_human(i->entry_time, time));
		if (!net_addr_is_none(i->entry_peer)) {
			fputs(", from ", h->out);
			html_str(h, render_addr(h->c, i->entry_peer, NULL, name));
		}
		fputs(". ", h->out);
	} else {
		fprintf(h->out, "How the intruder came in was not seen. The first sign is of %s. ",
		    time_human(i->first, time));
	}
	fprintf(h->out, "Severity is <b>%s</b>, confidence %.2f.", incident_severity_name(i->severity),
	    i->confidence);
	if (h->c->n_incidents > 1)
		fprintf(h->out, " %zu further incidents are listed at the end.", h->c->n_incidents - 1);
	fputs("</div>\n", h->out);
}

static const char *role_in_words(enum msg_role role)
{
	switch (role) {
	case MSG_ROLE_C2: return "gave the orders";
	case MSG_ROLE_EXFILTRATION: return "took what was sent out";
	case MSG_ROLE_DELIVERY: return "delivered the tools";
	case MSG_ROLE_SCANNER: return "looked for ways in";
	case MSG_ROLE_NONE:
	case MSG_ROLE_ACTOR:
	case MSG_ROLE_VICTIM:
	case MSG_ROLE_TARGET:
	case MSG_ROLE_ATTACKER: break;
	}
	return "took part from outside";
}

static void print_happened(const struct html *h)
{
	const struct incident *i = h->worst->incident;
	char name[RENDER_TEXT_SIZE], time[TIME_TEXT_SIZE], bytes[24];
	fputs("<div><h3>What happened</h3><ul>\n", h->out);
	if (i->has_entry && i->entry_why && i->entry_why[0]) {
		fputs("<li>", h->out);
		html_str(h, i->entry_why);
		fputs("</li>\n", h->out);
	}
	for (size_t k = 0, told = 0; k < i->n_assets && told < 6; k++) {
		if (i->assets[k].state != INCIDENT_ASSET_COMPROMISED)
			continue;
		fputs("<li>", h->out);
		html_str(h, render_asset(h->c, i->assets[k].asset, name));
		fputs(" in ", h->out);
		html_str(h, net_zone_at(h->c->zones, asset_at(h->c->assets, i->assets[k].asset)->zone)->name);
		fprintf(h->out, ": held since %s</li>\n", time_human(i->assets[k].since, time));
		told++;
	}
	for (size_t k = 0, told = 0; k < i->n_peers && told < 4; k++, told++) {
		const struct incident_peer *p = &i->peers[k];
		fputs("<li>", h->out);
		html_str(h, render_addr(h->c, p->addr, p->name, name));
		fprintf(h->out, " %s; %s were sent to it</li>\n", role_in_words(p->role),
		    num_bytes_human(p->bytes_out, bytes, sizeof(bytes)));
	}
	fputs("</ul></div>\n", h->out);
}

static void print_cut(const struct html *h)
{
	const struct plan *p = &h->worst->plans[PLAN_SURGICAL];
	char from[RENDER_TEXT_SIZE], to[RENDER_TEXT_SIZE], lost[RENDER_TEXT_SIZE];
	fputs("<div><h3>What to cut (plan surgical)</h3><ul>\n", h->out);
	for (size_t k = 0; k < p->n_cuts && k < 6; k++) {
		fputs("<li>", h->out);
		html_str(h, render_cut_from(h->c, &p->cuts[k], from));
		fputs(" from ", h->out);
		html_str(h, render_cut_to(h->c, &p->cuts[k], to));
		fputs("</li>\n", h->out);
	}
	if (p->n_cuts > 6)
		fprintf(h->out, "<li>and %zu more cuts</li>\n", p->n_cuts - 6);
	fprintf(h->out, "<li>This stops %s legitimate flows a day (%.1f %%)",
	    render_rate(p->legitimate_flows_lost_per_day, lost),
	    render_share(p->legitimate_flows_lost_per_day, p->legitimate_flows_per_day));
	if (p->n_services_lost) {
		fputs(", first of all ", h->out);
		html_str(h, p->services_lost[0].name);
	}
	fputs("</li>\n", h->out);
	if (p->n_manual_steps)
		fprintf(h->out,
		    "<li><b>%zu steps must be taken by hand</b>: no enforcement point can do them</li>\n",
		    p->n_manual_steps);
	fputs("</ul></div>\n", h->out);
}

static void print_left(const struct html *h, const struct exposure *e, size_t n)
{
	char bytes[24], direct[24];
	fputs("<div><h3>What can have left</h3><ul>\n", h->out);
	for (size_t k = 0; k < n; k++) {
		fputs("<li><b>", h->out);
		html_str(h, net_zone_at(h->c->zones, e[k].zone)->name);
		fprintf(h->out,
		    "</b>: at most %s via the observed links, staged copies included; %s went out of the "
		    "zone to "
		    "anywhere</li>\n",
		    num_bytes_human(e[k].chained_bytes, bytes, sizeof(bytes)),
		    num_bytes_human(e[k].direct_bytes, direct, sizeof(direct)));
	}
	fputs("</ul></div>\n", h->out);
}

static void print_unknown(const struct html *h, const struct exposure *e, size_t n)
{
	const struct report_case *c = h->c;
	size_t unknown = 0, partial = 0;
	uint64_t lost = 0, missing = 0, unreadable = 0;
	for (size_t k = 0; k < c->n_coverage; k++) {
		if (c->coverage[k].dropped == UINT64_MAX)
			unknown++;
		else
			lost += c->coverage[k].dropped;
		missing += c->coverage[k].missing;
		unreadable += c->coverage[k].unreadable;
	}
	for (size_t k = 0; k < c->n_sources; k++)
		partial += c->sources[k].why && c->sources[k].why[0];
	fputs("<div><h3>What is not known</h3><ul>\n", h->out);
	if (h->worst && !h->worst->incident->has_entry)
		fputs("<li>How the intruder came in: it is not in these captures</li>\n", h->out);
	if (h->worst && h->worst->spread && h->worst->spread->by_grade[SPREAD_UNSEEN])
		fprintf(h->out, "<li>%zu machines stand in segments that no sensor saw</li>\n",
		    h->worst->spread->by_grade[SPREAD_UNSEEN]);
	if (unknown)
		fprintf(h->out, "<li>%zu of %zu links don't report how many packets they lost</li>\n",
		    unknown, c->n_coverage);
	if (lost)
		fprintf(h->out, "<li>%llu packets are known to be lost</li>\n", (unsigned long long)lost);
	if (missing)
		fprintf(h->out,
		    "<li>%llu bytes were acknowledged but never seen: they are counted as if they had "
		    "been</li>\n",
		    (unsigned long long)missing);
	if (unreadable)
		fprintf(h->out, "<li>%llu packets could not be read</li>\n", (unsigned long long)unreadable);
	if (partial)
		fprintf(h->out, "<li>%zu captures could not be read to their end</li>\n", partial);
	for (size_t k = 0; n && k < e[0].coverage.n_not_seen && k < 4; k++) {
		fputs("<li>", h->out);
		html_str(h, e[0].coverage.not_seen[k]);
		fputs("</li>\n", h->out);
	}
	fputs("</ul></div>\n", h->out);
}

void html_leaders(const struct html *h)
{
	const struct report_incident *i = h->worst;
	const struct exposure *e = i ? i->exposures : h->c->exposures;
	size_t n = i ? i->n_exposures : h->c->n_exposures;
	if (i) {
		print_verdict(h);
		print_figures(h);
	} else {
		fprintf(h->out,
		    "<div class=\"verdict calm\">No incident was found. %zu detections stand alone and are "
		    "too weak to make "
		    "one; they are listed below. What this can't see is said below too.</div>\n",
		    h->c->n_detections);
	}
	fputs("<div class=leaders>\n", h->out);
	if (i) {
		print_happened(h);
		if (i->plans)
			print_cut(h);
	}
	print_left(h, e, n);
	print_unknown(h, e, n);
	fputs("</div>\n", h->out);
}
