/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_FEEDS_H
#define CMD_FEEDS_H

/* Indicator feeds from files: those of the site file, then those named on the command line. */

#include "conf/site.h"
#include "detect/indicator.h"

/* *ret_set is NULL where no feed is named. What a feed holds that can't be used is told (the first few, and
 * how many). 0, or an error that was told: a file that can't be read. */
int feeds_load(struct indicator_set **ret_set, const struct site *site, const char *const *paths, size_t n,
    uint64_t seed);
/* The first few entries that aren't used, and how many more. */
void feeds_tell_problems(const struct indicator_set *s);
void feeds_free(struct indicator_set *s);

#endif
