/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

/*
 * The parts of report.html, one file each, in the order of the page. Private to report/. No script, nothing
 * loaded from anywhere: the page must open years later on a machine without a network. Text goes through
 * html_text, numbers through printf.
 */

#include "report/render.h"

/* What a part is given. */
struct html {
	const struct report_case *c;
	const struct report_incident *worst; /* NULL: no incident */
	FILE *out;
};

/* Escapes &, <, >, quotes; bytes that aren't printable are shown as \xNN. */
void html_text(const struct html *h, struct text t);
void html_str(const struct html *h, const char *s);
/* "record 12" as a link to the evidence, or plain where the evidence doesn't list it. */
void html_record(const struct html *h, uint64_t id);
void html_records(const struct html *h, const uint64_t *ids, size_t n, size_t most);
void html_grade(const struct html *h, const char *grade);

void html_leaders(const struct html *h);
void html_timeline(const struct html *h);
void html_spread(const struct html *h);
void html_plans(const struct html *h);
void html_exposure(const struct html *h);
int html_evidence(const struct html *h);

#endif
