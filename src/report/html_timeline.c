/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/html.h"

#include <string.h>

#include "base/timefmt.h"

enum {
	STRIP_WIDTH = 1020,
	STRIP_LEFT = 150,
	STRIP_ROW = 22,
	STRIP_MACHINES = 14,
	TICKS = 6,
	TIMELINE_ROWS = 400
};

static const char *time_of_day(int64_t ns, char *buf)
{
	time_human(ns, buf);
	buf[19] = '\0';
	return buf + 11;
}

static double place(const struct incident *i, int64_t time)
{
	int64_t span = i->last > i->first ? i->last - i->first : 1;
	double share = (double)(time - i->first) / (double)span;
	if (share < 0)
		share = 0;
	if (share > 1)
		share = 1;
	return STRIP_LEFT + share * (STRIP_WIDTH - STRIP_LEFT - 20);
}

/* One line a machine, a mark for each detection: how the intrusion moved, at a glance. */
static void print_strip(const struct html *h)
{
	const struct incident *i = h->worst->incident;
	char name[RENDER_TEXT_SIZE], time[TIME_TEXT_SIZE];
	size_t rows = 0;
	for (size_t k = 0; k < i->n_assets && rows < STRIP_MACHINES; k++)
		rows += i->assets[k].state != INCIDENT_ASSET_TARGET;
	fprintf(h->out, "<svg viewBox=\"0 0 %d %zu\" role=img aria-label=\"timeline\">\n", STRIP_WIDTH,
	    rows * STRIP_ROW + 34);
	for (int t = 0; t < TICKS; t++) {
		int64_t at = i->first + (i->last - i->first) / (TICKS - 1) * t;
		double x = place(i, at);
		fprintf(h->out,
		    "<line x1=%.1f x2=%.1f y1=4 y2=%zu stroke=\"#d5dbe4\"/><text x=%.1f y=%zu font-size=11 "
		    "text-anchor=%s fill=\"#5a6577\">%s</text>\n",
		    x, x, rows * STRIP_ROW + 10, x, rows * STRIP_ROW + 26, t == TICKS - 1 ? "end" : "middle",
		    time_of_day(at, time));
	}
	size_t row = 0;
	for (size_t k = 0; k < i->n_assets && row < STRIP_MACHINES; k++) {
		const struct incident_asset *a = &i->assets[k];
		if (a->state == INCIDENT_ASSET_TARGET)
			continue;
		double y = (double)row * STRIP_ROW + 16;
		const char *colour = a->state == INCIDENT_ASSET_COMPROMISED ? "#a3122a" : "#c99700";
		fprintf(h->out, "<text x=0 y=%.1f font-size=12>", y + 4);
		const struct asset *asset = asset_at(h->c->assets, a->asset);
		char addr[NET_ADDR_TEXT_SIZE];
		snprintf(name, sizeof(name), "%.20s",
		    asset->n_names ? asset->names[0] : net_addr_text(asset->addrs[0], addr));
		html_str(h, name);
		fprintf(h->out,
		    "</text><line x1=%.1f x2=%d y1=%.1f y2=%.1f stroke=\"%s\" stroke-width=2 opacity=.35 "
		    "/>\n",
		    place(i, a->since), STRIP_WIDTH - 20, y, y, colour);
		for (size_t d = 0; d < i->n_detections; d++)
			if (asset_of(h->c->assets, i->detections[d]->asset) == a->asset) {
				fprintf(h->out, "<circle cx=%.1f cy=%.1f r=5 fill=\"%s\"><title>",
				    place(i, i->detections[d]->time), y, colour);
				html_text(h, i->detections[d]->name);
				fputs("</title></circle>\n", h->out);
			}
		row++;
	}
	fputs("</svg>\n", h->out);
}

void html_timeline(const struct html *h)
{
	const struct incident *i = h->worst->incident;
	char name[RENDER_TEXT_SIZE], time[TIME_TEXT_SIZE];
	fputs("<section class=page>\n<h2>Timeline</h2>\n", h->out);
	print_strip(h);
	fputs("<table><thead><tr><th>Time (UTC)<th>Machine<th>What<th>Technique<th "
	      "class=n>Confidence<th>Why<th>Records"
	      "</thead><tbody>\n",
	    h->out);
	for (size_t k = 0; k < i->n_detections && k < TIMELINE_ROWS; k++) {
		const struct msg_detection *d = i->detections[k];
		fprintf(h->out, "<tr><td class=t>%s<td>", time_of_day(d->time, time));
		html_str(h, render_addr(h->c, d->asset, NULL, name));
		fputs("<td class=t>", h->out);
		html_text(h, d->name);
		fputs("<td>", h->out);
		html_text(h, d->technique);
		fprintf(h->out, "<td class=n>%.2f<td>", d->confidence);
		html_text(h, d->why);
		fputs("<td>", h->out);
		html_records(h, d->flows.v, d->flows.n, 3);
		fputs("\n", h->out);
	}
	fputs("</tbody></table>\n", h->out);
	if (i->n_detections > TIMELINE_ROWS)
		fprintf(h->out, "<p class=note>%zu more detections are in incident.json.</p>\n",
		    i->n_detections - TIMELINE_ROWS);
	fputs("</section>\n", h->out);
}
