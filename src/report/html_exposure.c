/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/html.h"

#include "base/num.h"
#include "base/timefmt.h"

enum { DESTINATIONS_SHOWN = 40, TRANSFERS_SHOWN = 40 };

static void print_bounds(const struct html *h, const struct exposure *e)
{
	char a[24], b[24], c[24], d[24], from[TIME_TEXT_SIZE], to[TIME_TEXT_SIZE];
	fputs("<h3>", h->out);
	html_str(h, net_zone_at(h->c->zones, e->zone)->name);
	fputs("</h3>\n<table><tbody>\n", h->out);
	fprintf(h->out,
	    "<tr><td><b>At most this much can have left the organization</b>, through machines that the "
	    "intruder can "
	    "have reached, staged copies included and nothing twice<td class=n><b>%s</b>\n",
	    num_bytes_human(e->chained_bytes, a, sizeof(a)));
	fprintf(h->out,
	    "<tr><td>The same through any machine at all: holds even if the spread is wrong<td class=n>%s\n",
	    num_bytes_human(e->chained_any_bytes, b, sizeof(b)));
	fprintf(h->out,
	    "<tr><td>Payload that left the zone for anywhere, whoever asked for it<td class=n>%s\n",
	    num_bytes_human(e->direct_bytes, c, sizeof(c)));
	fprintf(h->out, "<tr><td>Of that, straight to the outside<td class=n>%s\n",
	    num_bytes_human(e->direct_external_bytes, d, sizeof(d)));
	fputs("</tbody></table>\n<p class=note>Window: ", h->out);
	fprintf(h->out, "%s to %s.", e->from ? time_human(e->from, from) : "the beginning",
	    e->to ? time_human(e->to, to) : "the end");
	if (e->coverage.lost_packets)
		fprintf(h->out, " %llu packets are known to be lost; had each been full, %s more.",
		    (unsigned long long)e->coverage.lost_packets,
		    num_bytes_human(e->coverage.lost_bytes_bound, a, sizeof(a)));
	if (e->coarse)
		fputs(" Transfers were merged to keep the computation bounded: the bound is higher than need "
		      "be.",
		    h->out);
	fputs("</p>\n", h->out);
}

static void print_destinations(const struct html *h, const struct exposure *e)
{
	char name[RENDER_TEXT_SIZE], bytes[24];
	if (e->n_destinations == 0)
		return;
	fputs("<table><thead><tr><th>Class<th>Payload left the zone for<th>Zone<th class=n>Bytes<th "
	      "class=n>Flows<th>Records"
	      "</thead><tbody>\n",
	    h->out);
	for (size_t k = 0; k < e->n_destinations && k < DESTINATIONS_SHOWN; k++) {
		const struct exposure_destination *d = &e->destinations[k];
		fputs("<tr><td>", h->out);
		html_grade(h, exposure_class_name(d->class));
		fputs("<td>", h->out);
		html_str(h, render_addr(h->c, d->addr, d->name, name));
		fputs("<td>", h->out);
		html_str(h, net_zone_at(h->c->zones, d->zone)->name);
		fprintf(h->out, "<td class=n>%s<td class=n>%llu<td>",
		    num_bytes_human(d->payload_bytes, bytes, sizeof(bytes)),
		    (unsigned long long)d->flows_total);
		html_records(h, d->flows, d->n_flows, 3);
		fputs("\n", h->out);
	}
	fputs("</tbody></table>\n", h->out);
	if (e->n_destinations > DESTINATIONS_SHOWN)
		fprintf(h->out, "<p class=note>%zu more destinations are in incident.json.</p>\n",
		    e->n_destinations - DESTINATIONS_SHOWN);
}

/* The transfers that the bound is made of: whoever doubts it can add them up. */
static void print_transfers(const struct html *h, const struct exposure *e)
{
	char from[RENDER_TEXT_SIZE], to[RENDER_TEXT_SIZE], used[24], capacity[24], time[TIME_TEXT_SIZE];
	if (e->n_transfers == 0)
		return;
	fputs("<p class=note>The ways that make up the bound:</p>\n<table><thead><tr><th>From time "
	      "(UTC)<th>From<th>To<th class=n>Counted"
	      "<th class=n>Carried<th>Record</thead><tbody>\n",
	    h->out);
	for (size_t k = 0; k < e->n_transfers && k < TRANSFERS_SHOWN; k++) {
		const struct exposure_transfer *t = &e->transfers[k];
		fprintf(h->out, "<tr><td class=t>%s<td>", time_human(t->first, time));
		html_str(h, render_addr(h->c, t->from, NULL, from));
		fputs("<td>", h->out);
		html_str(h, render_addr(h->c, t->to, NULL, to));
		fprintf(h->out, "<td class=n>%s<td class=n>%s<td>",
		    num_bytes_human(t->used, used, sizeof(used)),
		    num_bytes_human(t->capacity, capacity, sizeof(capacity)));
		html_record(h, t->flow);
		fputs("\n", h->out);
	}
	fputs("</tbody></table>\n", h->out);
	if (e->n_transfers > TRANSFERS_SHOWN)
		fprintf(h->out, "<p class=note>%zu more are in incident.json.</p>\n",
		    e->n_transfers - TRANSFERS_SHOWN);
}

void html_exposure(const struct html *h)
{
	const struct exposure *e = h->worst ? h->worst->exposures : h->c->exposures;
	size_t n = h->worst ? h->worst->n_exposures : h->c->n_exposures;
	if (n == 0)
		return;
	fputs("<section class=page>\n<h2>Exposure</h2>\n", h->out);
	for (size_t k = 0; k < n; k++) {
		print_bounds(h, &e[k]);
		print_destinations(h, &e[k]);
		print_transfers(h, &e[k]);
	}
	fputs("<h3>Not seen from here</h3><ul>\n", h->out);
	for (size_t k = 0; k < e[0].coverage.n_not_seen; k++) {
		fputs("<li>", h->out);
		html_str(h, e[0].coverage.not_seen[k]);
		fputs("</li>\n", h->out);
	}
	fputs("</ul>\n</section>\n", h->out);
}
