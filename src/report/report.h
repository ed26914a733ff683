/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

/*
 * What people and programs read: the results of one case as text for a terminal, JSON (design section 8,
 * doc/json.md) and a self-contained HTML page. Renderers only render: no result is computed here. Everything
 * that came from the network is printable and escaped (text_append_printable, then HTML or JSON escaping).
 *
 * All functions write to `out` and return 0 or -errno (of the writing, or -ENOMEM).
 */

#include <stdio.h>

#include "contain/plan.h"
#include "exposure/exposure.h"
#include "incident/incident.h"
#include "spread/spread.h"

/* One incident with what was worked out for it. */
struct report_incident {
	const struct incident *incident;
	const struct spread *spread;
	const struct plan *plans; /* PLAN_COUNT of them */
	const struct exposure
	    *exposures; /* one a protected zone (or internal one, where none is protected) */
	size_t n_exposures;
};

/* A file that was read. */
struct report_source {
	const char *path;
	const char *end; /* "clean", "truncated" ... */
	const char *why; /* "" when clean */
	uint64_t bytes, packets;
};

struct report_count {
	const char *name;
	uint64_t n;
};

/* The whole case. Borrowed for the call. */
struct report_case {
	const char *site_name;
	bool site_guessed;
	const struct net_zone_map *zones;
	const struct asset_map *assets;
	struct archive *archive;
	const struct report_incident *incidents; /* most severe first */
	size_t n_incidents;
	const struct exposure *exposures; /* without an incident: of each protected zone, with no spread */
	size_t n_exposures;
	const struct msg_detection *detections; /* all, by time, also those in no incident */
	size_t n_detections;
	const struct msg_coverage *coverage;
	size_t n_coverage;
	const struct report_source *sources;
	size_t n_sources;
	const struct report_count *anomalies; /* decode events and other counted oddities, n > 0 */
	size_t n_anomalies;
	uint64_t flows, transactions, duplicates;
	int64_t first, last; /* of the traffic */
	int64_t made;        /* when the report is made; 0: leave it out (reproducible output) */
	const char *version;
};

/* The short summary that `analyze` and `make demo` print. `colour`: for a terminal. */
int report_summary(const struct report_case *c, FILE *out, bool colour);
/* Text for the verbs without --json. */
int report_text_incidents(const struct report_case *c, FILE *out, bool colour);
int report_text_spread(const struct report_case *c, const struct report_incident *i, FILE *out, bool colour);
int report_text_plans(const struct report_case *c, const struct report_incident *i, FILE *out, bool colour);
int report_text_exposures(
    const struct report_case *c, const struct exposure *e, size_t n, FILE *out, bool colour);

/* The JSON of design section 8, one value and a newline. */
int report_json_incidents(const struct report_case *c, FILE *out);
int report_json_spread(const struct report_case *c, const struct report_incident *i, FILE *out);
int report_json_plans(const struct report_case *c, const struct report_incident *i, FILE *out);
int report_json_exposures(const struct report_case *c, const struct exposure *e, size_t n, FILE *out);
/* incident.json: {format, incidents, and for the most severe: spread, plans, exposures; coverage, sources}.
 */
int report_json_case(const struct report_case *c, FILE *out);

int report_html(const struct report_case *c, FILE *out);

#endif
