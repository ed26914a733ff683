/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_ANALYSIS_H
#define DAEMON_ANALYSIS_H

/*
 * The offline pass: frames through the sensor into the archive and the detector, then coverage and detections
 * into the archive. One record counter serves all kinds, so an id names one record of the archive.
 *
 * Memory is bounded by the sensor's, the detector's and the archive's limits; doc/analysis.md adds them up.
 */

#include "archive/archive.h"
#include "capture/capture.h"
#include "conf/site.h"
#include "detect/indicator.h"
#include "report/report.h"

struct analysis;
struct ledger_key;

/*
 * Makes a new archive at `path`, whose ledger is signed with `key` and called as the site file or else the
 * key says; NULL: it is kept unsigned. `indicators` may be NULL. Borrows site, indicators and key. 0 or a
 * negative error.
 */
int analysis_new(struct analysis **ret_analysis, const char *path, const struct site *site,
    const struct indicator_set *indicators, const struct ledger_key *key, uint64_t seed);
/* Closes the archive; returns what that returned. NULL is fine. */
int analysis_free(struct analysis *a);
/* Before the first frame: what is recorded is written as EVE JSON, too, up to analysis_finish. Borrows `out`.
 * -ENOMEM. */
int analysis_write_eve(struct analysis *a, FILE *out);
int analysis_frame(struct analysis *a, const struct capture_frame *f, size_t vantages);
/* The end of the captures: everything open is given out, what only the whole shows is detected, all is made
 * durable. */
int analysis_finish(struct analysis *a, const struct capture_set *set);
struct archive *analysis_archive(struct analysis *a);
/* Fills what the archive doesn't hold: sources, counted anomalies. They live as long as the analysis. */
void analysis_describe(struct analysis *a, const struct capture_set *set, struct report_case *c);

#endif
