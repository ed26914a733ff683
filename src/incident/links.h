/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef INCIDENT_LINKS_H
#define INCIDENT_LINKS_H

/*
 * Coverage records by link and time, and the times between them at which nobody looked: what every statement
 * of coverage is made of. Pure.
 */

#include "base/arena.h"
#include "msg/msg.h"

/* The records that saw something of [from, to) (to == 0: no end), by link and time, in the arena. 0 or
 * -ENOMEM. */
int incident_links_choose(const struct msg_coverage *coverage, size_t n, int64_t from, int64_t to,
    struct arena *arena, struct msg_coverage **ret_links, size_t *ret_n);
/* Whether two records are of one link. */
bool incident_links_same(const struct msg_coverage *x, const struct msg_coverage *y);

/* A link was not observed from `from` to `to`. */
typedef void (*incident_link_gap_fn)(
    void *context, const struct msg_coverage *link, int64_t from, int64_t to);
/* All gaps of chosen links in [from, to), link by link. Those that no clock of a person shows (a second) are
 * none. */
void incident_links_gaps(const struct msg_coverage *links, size_t n, int64_t from, int64_t to,
    incident_link_gap_fn each, void *context);

#endif
