/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/html.h"

#include <errno.h>
#include <string.h>

#include "base/timefmt.h"

extern const char report_css[];

void html_text(const struct html *h, struct text t)
{
	struct dynbuf b = {.max = MSG_TEXT_MAX * 4};
	text_append_printable(&b, t);
	for (size_t i = 0; i < b.n; i++) {
		switch (b.p[i]) {
		case '&': fputs("&amp;", h->out); break;
		case '<': fputs("&lt;", h->out); break;
		case '>': fputs("&gt;", h->out); break;
		case '"': fputs("&quot;", h->out); break;
		case '\'': fputs("&#39;", h->out); break;
		default: fputc(b.p[i], h->out);
		}
	}
	dynbuf_free(&b);
}

void html_str(const struct html *h, const char *s)
{
	html_text(h, text_of(s));
}

void html_record(const struct html *h, uint64_t id)
{
	fprintf(
	    h->out, "<a class=ref href=\"#r%llu\">%llu</a>", (unsigned long long)id, (unsigned long long)id);
}

void html_records(const struct html *h, const uint64_t *ids, size_t n, size_t most)
{
	for (size_t i = 0; i < n && i < most; i++) {
		if (i)
			fputs(", ", h->out);
		html_record(h, ids[i]);
	}
	if (n > most)
		fprintf(h->out, " <span class=ref>and %zu more</span>", n - most);
}

void html_grade(const struct html *h, const char *grade)
{
	fprintf(h->out, "<span class=\"grade %s\">%s</span>", grade, grade);
}

static void print_head(const struct html *h)
{
	char first[TIME_TEXT_SIZE], last[TIME_TEXT_SIZE], made[TIME_TEXT_SIZE];
	const struct report_case *c = h->c;
	fputs("<!DOCTYPE html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
	      "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n"
	      "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src "
	      "'unsafe-inline'\">\n<title>",
	    h->out);
	html_str(h, c->site_name);
	fputs(h->worst ? ": " : ": no incident", h->out);
	if (h->worst)
		html_str(h, h->worst->incident->id);
	fputs("</title>\n<style>\n", h->out);
	fputs(report_css, h->out);
	fputs("</style>\n</head>\n<body>\n<span class=marking>TLP:AMBER</span>\n<h1>", h->out);
	html_str(h, c->site_name);
	fputs(h->worst ? ": incident report</h1>\n" : ": nothing found</h1>\n", h->out);
	fprintf(h->out, "<p class=sub>Traffic from %s to %s", time_human(c->first, first),
	    time_human(c->last, last));
	if (c->made)
		fprintf(h->out, ", analyzed %s", time_human(c->made, made));
	fprintf(h->out, ". %llu flows between %zu machines of the organization and the outside.",
	    (unsigned long long)c->flows, asset_count(c->assets));
	if (c->site_guessed)
		fputs(" <b>No site file was given: zones are guessed, private addresses inside and the rest "
		      "outside.</b>",
		    h->out);
	fputs("</p>\n", h->out);
}

int report_html(const struct report_case *c, FILE *out)
{
	struct html h = {.c = c, .worst = c->n_incidents ? &c->incidents[0] : NULL, .out = out};
	print_head(&h);
	html_leaders(&h);
	if (h.worst) {
		html_timeline(&h);
		html_spread(&h);
		html_plans(&h);
	}
	html_exposure(&h);
	int r = html_evidence(&h);
	fprintf(out,
	    "<footer>Made by Bulkhead %s. Byte counts are payload that a receiver can have got; records are "
	    "those of "
	    "the case's archive. Confidence is a number between 0 and 1; an analyst may overrule "
	    "it.</footer>\n"
	    "</body>\n</html>\n",
	    c->version);
	return r < 0 ? r : ferror(out) ? -EIO : 0;
}
