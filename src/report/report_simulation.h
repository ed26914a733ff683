/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef REPORT_REPORT_SIMULATION_H
#define REPORT_REPORT_SIMULATION_H

/* What plans would have cut, for people and programs (report/report.h has the rules). */

#include "contain/simulate.h"
#include "report/report.h"

enum { REPORT_SIMULATION_SERVICES = 16, REPORT_SIMULATION_MACHINES = 16 };

/* `v` are of the incident's plans; NULL: there is no incident, and nothing to cut. The text shows the first
 * of long lists, the JSON all of it. */
int report_text_simulations(const struct report_case *c, const struct report_incident *i,
    const struct simulation *v, size_t n, FILE *out, bool colour);
int report_json_simulations(const struct report_case *c, const struct report_incident *i,
    const struct simulation *v, size_t n, FILE *out);

#endif
