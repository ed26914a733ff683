/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/html.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "archive/archive.h"
#include "base/num.h"
#include "base/table.h"
#include "base/timefmt.h"
#include "net/app.h"

/* The records that the page cites, each with what it says: whoever doubts a sentence can look it up here. */

enum { CITED_MAX = 1500, DETECTIONS_SHOWN = 200 };

struct cited {
	uint64_t *ids;
	size_t n;
	struct table *known;
};

static void cite(struct cited *c, const uint64_t *ids, size_t n, size_t most)
{
	for (size_t i = 0; i < n && i < most && c->n < CITED_MAX; i++) {
		int fresh;
		if (ids[i] && table_put(c->known, &ids[i], &fresh) && fresh)
			c->ids[c->n++] = ids[i];
	}
}

/* The same records, in the same numbers, that the other parts print. */
static void cite_all(const struct html *h, struct cited *c)
{
	const struct report_incident *i = h->worst;
	const struct exposure *e = i ? i->exposures : h->c->exposures;
	size_t n = i ? i->n_exposures : h->c->n_exposures;
	for (size_t k = 0; i && k < i->incident->n_detections; k++)
		cite(c, i->incident->detections[k]->flows.v, i->incident->detections[k]->flows.n, 3);
	for (size_t k = 0; i && i->spread && k < i->spread->n_assets; k++)
		for (size_t p = 0; p < i->spread->assets[k].n_path && p < 4; p++)
			cite(c, &i->spread->assets[k].path[p].flow, 1, 1);
	for (size_t k = 0; i && i->plans && k < PLAN_COUNT; k++)
		for (size_t p = 0; p < i->plans[k].n_cuts; p++)
			cite(c, i->plans[k].cuts[p].flows, i->plans[k].cuts[p].n_flows, 2);
	for (size_t z = 0; z < n; z++) {
		for (size_t k = 0; k < e[z].n_destinations && k < 40; k++)
			cite(c, e[z].destinations[k].flows, e[z].destinations[k].n_flows, 3);
		for (size_t k = 0; k < e[z].n_transfers && k < 40; k++)
			cite(c, &e[z].transfers[k].flow, 1, 1);
	}
	for (size_t k = 0; k < h->c->n_detections && k < DETECTIONS_SHOWN; k++)
		cite(c, h->c->detections[k].flows.v, h->c->detections[k].flows.n, 3);
}

static int by_number(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
	return (a > b) - (a < b);
}

static void print_record(const struct html *h, const struct msg_flow *f)
{
	char from[RENDER_TEXT_SIZE], to[RENDER_TEXT_SIZE], time[TIME_TEXT_SIZE], span[32], out[24], in[24];
	fprintf(h->out, "<tr id=r%llu><td class=n>%llu<td class=t>%s<td>", (unsigned long long)f->id,
	    (unsigned long long)f->id, time_human(f->first, time));
	html_str(h, render_addr(h->c, f->initiator, NULL, from));
	if (f->initiator_port)
		fprintf(h->out, ":%u", f->initiator_port);
	fputs("<td>", h->out);
	html_str(h, render_addr(h->c, f->responder, NULL, to));
	if (f->responder_port)
		fprintf(h->out, ":%u", f->responder_port);
	if (f->name.n) {
		fputs("<br><span class=ref>", h->out);
		html_text(h, f->name);
		fputs("</span>", h->out);
	}
	fprintf(h->out, "<td>%s<td class=n>%s<td class=n>%s<td class=n>%s", app_name(f->app),
	    num_bytes_human(f->payload_out, out, sizeof(out)), num_bytes_human(f->payload_in, in, sizeof(in)),
	    time_span_human(f->last - f->first, span, sizeof(span)));
	fputs("<td>", h->out);
	for (uint32_t i = 0; i < f->also.n; i++)
		fprintf(h->out, "%s%llu", i ? ", " : "also ", (unsigned long long)f->also.v[i]);
	fputs("\n", h->out);
}

static int print_records(const struct html *h)
{
	struct cited c = {.ids = calloc(CITED_MAX, sizeof(uint64_t))};
	struct arena arena = {0};
	int r = c.ids ? table_new(&c.known, sizeof(uint64_t), 1, CITED_MAX * 2, 0) : -ENOMEM;
	if (r < 0) {
		free(c.ids);
		return r;
	}
	cite_all(h, &c);
	qsort(c.ids, c.n, sizeof(*c.ids), by_number);
	fputs("<h3>Flow records</h3>\n<table><thead><tr><th class=n>Record<th>Began "
	      "(UTC)<th>From<th>To<th>Protocol<th class=n>Sent"
	      "<th class=n>Received<th class=n>Lasted<th>Seen elsewhere</thead><tbody>\n",
	    h->out);
	for (size_t i = 0; i < c.n && r == 0; i++) {
		struct msg_flow f;
		r = archive_find_flow(h->c->archive, c.ids[i], &arena, &f);
		if (r == 0)
			print_record(h, &f);
		if (r == -ENOENT)
			r = 0;
		arena_reset(&arena);
	}
	fputs("</tbody></table>\n", h->out);
	if (c.n == CITED_MAX)
		fprintf(h->out,
		    "<p class=note>Only the first %d cited records are printed; all are in the "
		    "archive.</p>\n",
		    CITED_MAX);
	arena_free(&arena);
	table_free(c.known);
	free(c.ids);
	return r;
}

static bool in_worst(const struct html *h, uint64_t id)
{
	for (size_t k = 0; h->worst && k < h->worst->incident->n_detections; k++)
		if (h->worst->incident->detections[k]->id == id)
			return true;
	return false;
}

/* What the first incident doesn't hold: further incidents, and what was too weak to make one. */
static void print_others(const struct html *h)
{
	const struct report_case *c = h->c;
	char name[RENDER_TEXT_SIZE], time[TIME_TEXT_SIZE];
	size_t shown = 0;
	for (size_t k = 1; k < c->n_incidents && k < 50; k++) {
		const struct incident *i = c->incidents[k].incident;
		if (k == 1)
			fputs("<h3>Further incidents</h3><ul>\n", h->out);
		fprintf(h->out, "<li>%s: %s, confidence %.2f, from %s, %zu machines</li>\n", i->id,
		    incident_severity_name(i->severity), i->confidence, time_human(i->first, time),
		    i->n_assets);
	}
	if (c->n_incidents > 1)
		fputs("</ul>\n", h->out);
	for (size_t k = 0; k < c->n_detections && shown < DETECTIONS_SHOWN; k++) {
		const struct msg_detection *d = &c->detections[k];
		if (in_worst(h, d->id))
			continue;
		if (shown++ == 0)
			fputs("<h3>Detections outside this incident</h3>\n<table><thead><tr><th>Time "
			      "(UTC)<th>Machine<th>What<th "
			      "class=n>Confidence<th>Why<th>Records</thead><tbody>\n",
			    h->out);
		fprintf(h->out, "<tr><td class=t>%s<td>", time_human(d->time, time));
		html_str(h, render_addr(c, d->asset, NULL, name));
		fputs("<td>", h->out);
		html_text(h, d->name);
		fprintf(h->out, "<td class=n>%.2f<td>", d->confidence);
		html_text(h, d->why);
		fputs("<td>", h->out);
		html_records(h, d->flows.v, d->flows.n, 3);
		fputs("\n", h->out);
	}
	if (shown)
		fputs("</tbody></table>\n", h->out);
}

static void print_sources(const struct html *h)
{
	char bytes[24], from[TIME_TEXT_SIZE], to[TIME_TEXT_SIZE];
	const struct report_case *c = h->c;
	fputs("<h3>Captures</h3>\n<table><thead><tr><th>File<th class=n>Size<th "
	      "class=n>Packets<th>Read</thead><tbody>\n",
	    h->out);
	for (size_t k = 0; k < c->n_sources; k++) {
		const struct report_source *s = &c->sources[k];
		fputs("<tr><td class=mono>", h->out);
		html_str(h, s->path);
		fprintf(h->out, "<td class=n>%s<td class=n>%llu<td>%s",
		    num_bytes_human(s->bytes, bytes, sizeof(bytes)), (unsigned long long)s->packets, s->end);
		if (s->why[0]) {
			fputs(": ", h->out);
			html_str(h, s->why);
		}
		fputs("\n", h->out);
	}
	fputs("</tbody></table>\n<h3>Coverage</h3>\n<table><thead><tr><th>Link<th>From (UTC)<th>To<th "
	      "class=n>Packets<th class=n>Lost"
	      "<th class=n>Cut short<th class=n>Malformed<th class=n>Bytes never seen</thead><tbody>\n",
	    h->out);
	for (size_t k = 0; k < c->n_coverage; k++) {
		const struct msg_coverage *l = &c->coverage[k];
		fputs("<tr><td>", h->out);
		html_text(h, l->name);
		fprintf(h->out, "<td class=t>%s<td class=t>%s<td class=n>%llu<td class=n>",
		    time_human(l->from, from), time_human(l->to, to), (unsigned long long)l->packets);
		if (l->dropped == UINT64_MAX)
			fputs("not told", h->out);
		else
			fprintf(h->out, "%llu", (unsigned long long)l->dropped);
		fprintf(h->out, "<td class=n>%llu<td class=n>%llu<td class=n>%llu\n",
		    (unsigned long long)l->cut, (unsigned long long)l->malformed,
		    (unsigned long long)l->missing);
	}
	fputs("</tbody></table>\n", h->out);
	if (c->n_anomalies == 0)
		return;
	fputs("<h3>Counted oddities</h3>\n<table><tbody>\n", h->out);
	for (size_t k = 0; k < c->n_anomalies; k++)
		fprintf(h->out, "<tr><td class=mono>%s<td class=n>%llu\n", c->anomalies[k].name,
		    (unsigned long long)c->anomalies[k].n);
	fputs("</tbody></table>\n", h->out);
}

int html_evidence(const struct html *h)
{
	fputs("<section class=page>\n<h2>Evidence</h2>\n", h->out);
	print_others(h);
	int r = print_records(h);
	print_sources(h);
	fputs("</section>\n", h->out);
	return r;
}
