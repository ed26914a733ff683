/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef REPORT_RENDER_H
#define REPORT_RENDER_H

/* What the renderers share: names for zones, assets, cuts, in words. Private to report/. */

#include "base/dynbuf.h"
#include "report/report.h"

enum { RENDER_TEXT_SIZE = 256 };

/* "ws07 (10.20.0.17)", or the address alone. Returns buf of RENDER_TEXT_SIZE bytes. */
char *render_asset(const struct report_case *c, uint32_t asset, char *buf);
/* An address with the asset's or the given name, inside or outside. */
char *render_addr(const struct report_case *c, struct net_addr a, const char *name, char *buf);
/* The two sides of a cut: "10.20.0.17", "zone office", "the outside", "anywhere". */
char *render_cut_from(const struct report_case *c, const struct plan_cut *cut, char *buf);
char *render_cut_to(const struct report_case *c, const struct plan_cut *cut, char *buf);
/* "from" cuts begin, "both" cuts everything: as a sentence's verb. */
const char *render_direction(const struct plan_cut *cut);
/* Flows a day as a number for people: "1,240", "3.5". */
char *render_rate(double per_day, char *buf);
/* What share a is of b, in percent; 0 where b is 0. */
double render_share(double a, double b);

#endif
