/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/html.h"

#include <stdlib.h>
#include <string.h>

#include "base/timefmt.h"
#include "net/app.h"

/*
 * The spread as a drawn graph: a column for each hop away from where the intruder came in, machines as boxes
 * coloured by grade, an arrow for the last hop to each. Cleared machines are not drawn: they are listed. At
 * most GRAPH_NODES are drawn, the worst grades first.
 */
enum {
	GRAPH_NODES = 60,
	BOX_WIDTH = 172,
	BOX_HEIGHT = 34,
	GAP_X = 74,
	GAP_Y = 12,
	GRAPH_COLUMNS = 12,
	TABLE_ROWS = 300
};

struct node {
	const struct spread_asset *a;
	size_t column, row;
	bool placed;
};

static const char *const colours[] = {
    [SPREAD_CONFIRMED] = "#a3122a",
    [SPREAD_LIKELY] = "#d9541e",
    [SPREAD_POSSIBLE] = "#c99700",
    [SPREAD_UNSEEN] = "#6b7280",
    [SPREAD_CLEARED] = "#2f7d4f",
};

static struct node *node_of(struct node *nodes, size_t n, uint32_t asset)
{
	for (size_t i = 0; i < n; i++)
		if (nodes[i].a->asset == asset)
			return &nodes[i];
	return NULL;
}

/* The column is the number of hops; a seed that others reached stands where they reached it. */
static size_t place_nodes(const struct spread *s, struct node *nodes, size_t *ret_columns, size_t *ret_rows)
{
	size_t n = 0, used[GRAPH_COLUMNS] = {0};
	*ret_columns = 1;
	*ret_rows = 0;
	for (size_t i = 0; i < s->n_assets && n < GRAPH_NODES; i++) {
		const struct spread_asset *a = &s->assets[i];
		if (a->grade == SPREAD_CLEARED || a->grade == SPREAD_UNSEEN)
			continue;
		size_t column = a->n_path < GRAPH_COLUMNS ? a->n_path : GRAPH_COLUMNS - 1;
		nodes[n++] = (struct node){.a = a, .column = column, .row = used[column]++, .placed = true};
		if (column + 1 > *ret_columns)
			*ret_columns = column + 1;
		if (used[column] > *ret_rows)
			*ret_rows = used[column];
	}
	return n;
}

static void print_edge(const struct html *h, const struct node *from, const struct node *to)
{
	const struct spread_hop *hop = &to->a->path[to->a->n_path - 1];
	double x1 = (double)(from->column * (BOX_WIDTH + GAP_X) + BOX_WIDTH),
	       x2 = (double)(to->column * (BOX_WIDTH + GAP_X)) - 6;
	double y1 = (double)(from->row * (BOX_HEIGHT + GAP_Y) + BOX_HEIGHT / 2 + 8);
	double y2 = (double)(to->row * (BOX_HEIGHT + GAP_Y) + BOX_HEIGHT / 2 + 8);
	if (from->column >= to->column)
		x1 -= BOX_WIDTH / 2.0;
	fprintf(h->out,
	    "<path d=\"M%.0f %.0f C%.0f %.0f %.0f %.0f %.0f %.0f\" fill=none stroke=\"%s\" stroke-width=%s "
	    "marker-end=\"url(#arrow%d)\" opacity=.8><title>%s, record %llu</title></path>\n",
	    x1, y1, x1 + GAP_X / 2.0, y1, x2 - GAP_X / 2.0, y2, x2, y2, colours[hop->grade],
	    hop->grade == SPREAD_POSSIBLE ? "1.2 stroke-dasharray=4,3" : "2.2", (int)hop->grade,
	    app_name(hop->app), (unsigned long long)hop->flow);
	fprintf(h->out, "<text x=%.0f y=%.0f font-size=10 text-anchor=end fill=\"#5a6577\">%s</text>\n",
	    x2 - 4, y2 - 4, app_name(hop->app));
}

static void print_node(const struct html *h, const struct node *n)
{
	const struct asset *a = asset_at(h->c->assets, n->a->asset);
	char addr[NET_ADDR_TEXT_SIZE], name[64];
	size_t x = n->column * (BOX_WIDTH + GAP_X), y = n->row * (BOX_HEIGHT + GAP_Y) + 8;
	net_addr_text(a->addrs[0], addr);
	snprintf(name, sizeof(name), "%.22s", a->n_names ? a->names[0] : addr);
	fprintf(h->out,
	    "<rect x=%zu y=%zu width=%d height=%d rx=5 fill=\"#fff\" stroke=\"%s\" stroke-width=2 />"
	    "<rect x=%zu y=%zu width=7 height=%d rx=3 fill=\"%s\"/><text x=%zu y=%zu font-size=12.5 "
	    "font-weight=600>",
	    x, y, BOX_WIDTH, BOX_HEIGHT, colours[n->a->grade], x, y, BOX_HEIGHT, colours[n->a->grade], x + 14,
	    y + 15);
	html_str(h, name);
	fprintf(h->out, "</text><text x=%zu y=%zu font-size=10.5 fill=\"#5a6577\">", x + 14, y + 28);
	snprintf(name, sizeof(name), "%.30s", net_zone_at(h->c->zones, a->zone)->name);
	html_str(h, name);
	if (a->n_names) {
		fputs(" &#183; ", h->out);
		html_str(h, addr);
	}
	fputs("</text>\n", h->out);
}

static void print_graph(const struct html *h, const struct spread *s)
{
	struct node nodes[GRAPH_NODES];
	size_t columns, rows, n = place_nodes(s, nodes, &columns, &rows);
	size_t width = columns * (BOX_WIDTH + GAP_X) - GAP_X + 4, height = rows * (BOX_HEIGHT + GAP_Y) + 12;
	if (n == 0)
		return;
	/* a narrow graph isn't blown up to the page's width */
	size_t shown = width < 1020 ? 1020 : width;
	fprintf(h->out, "<svg viewBox=\"-2 0 %zu %zu\" role=img aria-label=\"spread graph\"><defs>\n", shown,
	    height);
	for (int g = SPREAD_CONFIRMED; g <= SPREAD_POSSIBLE; g++)
		fprintf(h->out,
		    "<marker id=arrow%d viewBox=\"0 0 8 8\" refX=6 refY=4 markerWidth=9 markerHeight=9 "
		    "orient=auto "
		    "markerUnits=userSpaceOnUse><path d=\"M0 0 L8 4 L0 8 z\" fill=\"%s\"/></marker>\n",
		    g, colours[g]);
	fputs("</defs>\n", h->out);
	for (size_t i = 0; i < n; i++) {
		if (nodes[i].a->n_path == 0)
			continue;
		const struct node *from = node_of(nodes, n, nodes[i].a->path[nodes[i].a->n_path - 1].from);
		if (from && from != &nodes[i])
			print_edge(h, from, &nodes[i]);
	}
	for (size_t i = 0; i < n; i++)
		print_node(h, &nodes[i]);
	fputs("</svg>\n", h->out);
}

static void print_table(const struct html *h, const struct spread *s)
{
	char name[RENDER_TEXT_SIZE], from[RENDER_TEXT_SIZE], time[TIME_TEXT_SIZE];
	fputs("<table><thead><tr><th>Grade<th>Machine<th>Zone<th>From (UTC)<th>Reached "
	      "by<th>Way</thead><tbody>\n",
	    h->out);
	for (size_t i = 0, rows = 0; i < s->n_assets && rows < TABLE_ROWS; i++) {
		const struct spread_asset *a = &s->assets[i];
		if (a->grade == SPREAD_CLEARED)
			continue;
		rows++;
		fputs("<tr><td>", h->out);
		html_grade(h, spread_grade_name(a->grade));
		fputs("<td>", h->out);
		html_str(h, render_asset(h->c, a->asset, name));
		fputs("<td>", h->out);
		html_str(h, net_zone_at(h->c->zones, asset_at(h->c->assets, a->asset)->zone)->name);
		fprintf(h->out, "<td class=t>%s<td>", a->arrival ? time_human(a->arrival, time) : "");
		if (a->n_path) {
			const struct spread_hop *hop = &a->path[a->n_path - 1];
			fprintf(h->out, "%s from ", app_name(hop->app));
			html_str(h, render_asset(h->c, hop->from, from));
		} else if (a->grade <= SPREAD_LIKELY) {
			fputs("held by detection", h->out);
		}
		fputs("<td>", h->out);
		for (size_t k = 0; k < a->n_path && k < 4; k++) {
			if (k)
				fputs(" &#8594; ", h->out);
			html_record(h, a->path[k].flow);
		}
		fputs("\n", h->out);
	}
	fputs("</tbody></table>\n", h->out);
}

static void print_cleared(const struct html *h, const struct spread *s)
{
	char name[RENDER_TEXT_SIZE];
	size_t told = 0;
	if (s->by_grade[SPREAD_CLEARED] == 0)
		return;
	fprintf(h->out,
	    "<h3>Cleared: %zu machines</h3><p class=note>No chain of connections in the order of time leads "
	    "to them from "
	    "what the intruder holds, as far as the links were covered: ",
	    s->by_grade[SPREAD_CLEARED]);
	for (size_t i = 0; i < s->n_assets && told < 120; i++) {
		if (s->assets[i].grade != SPREAD_CLEARED)
			continue;
		if (told++)
			fputs(", ", h->out);
		html_str(h, render_asset(h->c, s->assets[i].asset, name));
	}
	if (s->by_grade[SPREAD_CLEARED] > told)
		fprintf(h->out, " and %zu more", s->by_grade[SPREAD_CLEARED] - told);
	fputs(".</p>\n", h->out);
}

void html_spread(const struct html *h)
{
	const struct spread *s = h->worst->spread;
	if (!s)
		return;
	fputs("<section class=page>\n<h2>Spread</h2>\n<p class=legend>", h->out);
	for (int g = SPREAD_CONFIRMED; g <= SPREAD_CLEARED; g++) {
		html_grade(h, spread_grade_name((enum spread_grade)g));
		fprintf(h->out, " %zu ", s->by_grade[g]);
	}
	fputs("</p>\n", h->out);
	print_graph(h, s);
	print_table(h, s);
	print_cleared(h, s);
	fputs("</section>\n", h->out);
}
