/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_RESULTS_H
#define CMD_RESULTS_H

/* The files of a CASE folder beside its archive: what they are called and how each is rendered. */

#include "conf/site.h"
#include "report/report.h"

#define CASE_ARCHIVE "archive"
#define CASE_SITE    "site.yaml"
#define CASE_EVE     "eve.json"

/* Writes site.yaml, unless it was guessed. On failure logs why. 0 or -errno. */
int results_write_site(const char *folder, const struct site *site);
/* Writes what answers the questions: report.html, incident.json, incident.stix.json and plan-NAME.nft.
 * `made`: the time that the results carry. On failure logs which file and why. 0 or -errno. */
int results_write(const char *folder, const struct site *site, const struct report_case *c, int64_t made);
/* Reads CASE/site.yaml, or guesses where there is none. Diagnostics go to standard error. */
int results_site(const char *folder, struct site **ret_site);

#endif
